"""PTX as NVIDIA's compiler writes it: kernels, their registers, parameters and instructions."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

WIDTHS = {"pred": np.bool_, "b16": np.uint16, "b32": np.uint32, "f32": np.uint32, "b64": np.uint64}
_ENTRY = re.compile(r"\.visible \.entry (\w+)\((.*?)\)([^{]*?)\n\{(.*?)\n\}", re.DOTALL)
_SHARED = re.compile(r"\.shared \.align (\d+) \.b8 (\w+)\[(\d+)\];")
_REGISTERS = re.compile(r"\.reg \.(\w+)\s+(%\w+?)<(\d+)>;")
_ONE = re.compile(r"(?:@(!?)(%p\d+)\s+)?([a-z][\w.]*)\s*(.*);", re.DOTALL)
_OPERAND = re.compile(r"\{[^}]*\}|\[[^\]]*\]|[^,\s]+")


@dataclass(frozen=True, slots=True)
class Instruction:
    """One instruction: what it is, its operands as they are written, and its guard."""

    name: str
    operands: tuple[str, ...]
    guard: str = ""
    negated: bool = False


@dataclass(slots=True)
class Kernel:
    """One entry of a module."""

    name: str
    parameters: list[str]
    registers: dict[str, type]
    """Prefix of a register's name to what holds its bits."""
    shared: dict[str, int]
    """Where each array begins in a block's shared memory, in bytes."""
    shared_bytes: int
    code: list[Instruction] = field(default_factory=list)
    labels: dict[str, int] = field(default_factory=dict)


def parse(text: str) -> dict[str, Kernel]:
    """The kernels of a module, by name."""
    return {match[1]: _kernel(match) for match in _ENTRY.finditer(text)}


def _kernel(match: re.Match[str]) -> Kernel:
    name, parameters, _, body = match.groups()
    shared, top = {}, 0
    for align, symbol, size in _SHARED.findall(body):
        top = -(-top // int(align)) * int(align)
        shared[symbol], top = top, top + int(size)
    registers = {prefix: WIDTHS[kind] for kind, prefix, _ in _REGISTERS.findall(body)}
    kernel = Kernel(name, re.findall(r"\w+_param_\d+", parameters), registers, shared, top)
    for statement in _statements(body):
        if statement.endswith(":"):
            kernel.labels[statement[:-1]] = len(kernel.code)
            continue
        found = _ONE.fullmatch(statement)
        if not found:
            raise ValueError(f"no instruction: {statement!r}")
        negated, guard, what, operands = found.groups()
        kernel.code.append(
            Instruction(what, tuple(_OPERAND.findall(operands)), guard or "", bool(negated))
        )
    return kernel


def _statements(body: str) -> Iterator[str]:
    lines = (re.sub(r"//.*", "", line).strip() for line in body.split("\n"))
    waiting = ""
    for line in lines:
        if not line or (not waiting and (line.startswith(".") or line in "{}")):
            continue
        waiting += line
        if waiting.endswith((";", ":")):
            yield waiting
            waiting = ""
