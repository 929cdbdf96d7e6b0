"""PTX instructions as functions that act on a `Run`: operands found, types known."""

import operator
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from tests.prover.cuda import tensor
from tests.prover.cuda.operations import TYPES, compare, convert, operation
from tests.prover.cuda.ptx import Instruction, Kernel

Act = Callable[[Any, Any], None]
Get = Callable[[Any, Any], Any]
_MEMORY = re.compile(r"\[([\w%]+)(?:\+(-?\d+))?\]")
_LOGIC = {"and": np.logical_and, "or": np.logical_or, "xor": np.logical_xor}


@dataclass(slots=True)
class Step:
    """An instruction: `plain`, or where threads part (`branch`, `exit`) or meet."""

    kind: str
    run: Act
    guard: str = ""
    negated: bool = False
    target: int = 0
    ends: frozenset[int] = frozenset()
    """Places where other threads may join."""


_KNOWN: dict[int, tuple[Kernel, list[Step]]] = {}


def code(kernel: Kernel) -> list[Step]:
    """A kernel's steps."""
    known = _KNOWN.get(id(kernel))
    if known is None:
        ends = frozenset(kernel.labels.values())
        steps = [_step(kernel, one) for one in kernel.code]
        for step in steps:
            step.ends = ends
        known = _KNOWN[id(kernel)] = (kernel, steps)
    return known[1]


def _step(kernel: Kernel, one: Instruction) -> Step:
    guard = (one.guard, one.negated)
    if one.name in {"bra", "bra.uni"}:
        return Step("branch", _nothing, *guard, kernel.labels[one.operands[0]])
    if one.name in {"ret", "exit"} and not one.guard:
        return Step("exit", _nothing)
    if one.name == "bar.sync" and one.operands == ("0",) and not one.guard:
        return Step("block", _nothing)
    if one.name == "bar.warp.sync" and not one.guard:
        return Step("warp", _nothing)
    if one.name.startswith("shfl.sync") and not one.guard:
        return Step("warp", _shuffle(one))
    if one.name.startswith("mma.sync") and not one.guard:
        return Step("warp", tensor.multiply(one))
    return Step("plain", _plain(kernel, one), *guard)


def _nothing(run: Any, who: Any) -> None:
    """What a jump does to registers."""


def _plain(kernel: Kernel, one: Instruction) -> Act:
    parts = one.name.split(".")
    if parts[0] in {"ld", "st"}:
        return _access(kernel, one, parts)
    if parts[0] == "atom":
        return _atomic(one, parts)
    if parts[0] == "setp":
        return _set(one, parts)
    if parts[0] == "cvt":
        *rounding, to, source = parts
        return _compute(one, convert(".".join(rounding), to, source), [source])
    kinds = [p for p in parts[1:] if p in TYPES]
    name = ".".join(parts[: parts.index(kinds[0])] if kinds else parts)
    if name == "mov" and one.operands[1] in kernel.shared:
        place = kernel.shared[one.operands[1]]
        return _compute(Instruction(one.name, (one.operands[0], str(place))), _same, kinds)
    if name == "mov" and "{" in "".join(one.operands):
        return _packed(one)
    every = kinds[:1] * 3
    if name in {"shl", "shr"}:
        every = [kinds[0], "u32"]
    elif name == "selp":
        every = [kinds[0], kinds[0], "pred"]
    elif name in {"bfi", "bfe"}:
        every = [kinds[0]] * (len(one.operands) - 3) + ["u32", "u32"]
    elif name == "mad.wide":
        every = [kinds[0], kinds[0], kinds[0].replace("32", "64")]
    return _compute(one, operation(name, kinds[0]), every)


def _same(x: Any) -> Any:
    return x


def _packed(one: Instruction) -> Act:
    """A mov of parts into a whole, or of a whole into parts; the lowest comes first."""
    out, source = one.operands
    parts = re.findall(r"%\w+", source if "{" in source else out)

    def pack(run: Any, who: Any) -> None:
        words = np.stack([run.register(part)[who] for part in parts], axis=-1)
        whole = run.register(out)
        whole[who] = words.view(whole.dtype)[..., 0]

    def unpack(run: Any, who: Any) -> None:
        words = np.ascontiguousarray(run.register(source)[who])
        kind = run.register(parts[0]).dtype
        for part, word in zip(parts, words.view(kind).reshape(-1, len(parts)).T, strict=True):
            run.register(part)[who] = word

    return pack if "{" in source else unpack


def _compute(one: Instruction, function: Any, kinds: list[str]) -> Act:
    target = one.operands[0]
    kinds = kinds * (len(one.operands) - 1) if len(kinds) == 1 else kinds
    sources = [getter(o, k) for o, k in zip(one.operands[1:], kinds, strict=False)]

    def act(run: Any, who: Any) -> None:
        out = run.register(target)
        made = np.asarray(function(*[get(run, who) for get in sources]))
        if made.dtype.itemsize != out.dtype.itemsize:
            raise TypeError(f"{one.name}: {made.dtype} into {target}")
        out[who] = made if made.dtype == out.dtype else made.view(out.dtype)

    return act


def getter(operand: str, kind: str) -> Get:
    """What reads an operand as a type."""
    dtype = TYPES[kind]
    if operand.startswith("%"):
        if "." in operand:
            return lambda run, who: run.special[operand][who].view(dtype)
        return lambda run, who: run.register(operand)[who].view(dtype)
    if operand.startswith("0f"):
        word = np.array(int(f"0x{operand[2:]}", 0), np.uint32).view(np.float32)[()]
        return lambda run, who: word
    bits = 8 * np.dtype(dtype).itemsize
    plain = np.array(int(operand, 0) & ((1 << bits) - 1), f"u{bits // 8}")
    number: Any = plain.view(dtype)[()]
    return lambda run, who: number


def _set(one: Instruction, parts: list[str]) -> Act:
    test = compare(parts[1])
    kind = parts[-1]
    logic = _LOGIC[parts[2]] if len(parts) == 4 else None
    x, y = (getter(o, kind) for o in one.operands[1:3])
    also = getter(one.operands[3], "pred") if logic else None

    def act(run: Any, who: Any) -> None:
        made = test(x(run, who), y(run, who))
        if logic and also:
            made = logic(made, also(run, who))
        run.register(one.operands[0])[who] = made

    return act


def _address(kernel: Kernel, operand: str) -> Get:
    match = _MEMORY.fullmatch(operand)
    if match is None:
        raise ValueError(operand)
    name, more = match[1], np.uint64(int(match[2] or 0) & 0xFFFFFFFFFFFFFFFF)
    if not name.startswith("%"):
        place = np.uint64(kernel.shared[name])
        return lambda run, who: np.full(len(run.who[who]), place + more)
    return lambda run, who: run.register(name)[who].astype(np.uint64) + more


def _access(kernel: Kernel, one: Instruction, parts: list[str]) -> Act:
    loads, space = parts[0] == "ld", parts[1]
    value, place = one.operands if loads else one.operands[::-1]
    if space == "param":
        name = place.strip("[]")
        bits = int(parts[-1][1:])

        def given(run: Any, who: Any) -> None:
            run.register(value)[who] = run.given[name] & ((1 << bits) - 1)

        return given
    kind = TYPES[parts[-1]]
    names = [one.strip() for one in value.strip("{}").split(",")]
    size = np.dtype(kind).itemsize // 4
    find = _address(kernel, place)
    sources = [getter(name, parts[-1]) for name in names] if not loads else []

    def act(run: Any, who: Any) -> None:
        memory, me, since = run.heap, run.who[who], run.since
        address = find(run, who)
        if space == "shared":
            memory, since = run.shared, run.epochs[who] << 32
            me = since + run.warps[who]
            inside = address < run.kernel.shared_bytes
            if not inside.all():
                raise IndexError(f"{one.name}: outside of shared memory")
            address = address + run.shared_base[who]
        at = memory.places(address, size * len(names), 4 * size * len(names))
        for number, name in enumerate(names):
            if loads:
                words = memory.read(at + size * number, me, since)
                if size == 2:
                    high = memory.read(at + size * number + 1, me, since)
                    words = words.astype(np.uint64) | high.astype(np.uint64) << np.uint64(32)
                run.register(name)[who] = words
                continue
            words = np.broadcast_to(sources[number](run, who), len(at))
            words = np.ascontiguousarray(words).view(f"u{4 * size}")
            memory.write(at + size * number, words.astype(np.uint32), me, since)
            if size == 2:
                high = (words >> np.uint64(32)).astype(np.uint32)
                memory.write(at + size * number + 1, high, me, since)

    return act


def _atomic(one: Instruction, parts: list[str]) -> Act:
    update: Any = {
        "min": min, "or": operator.or_, "add": lambda x, y: x + y & 0xFFFFFFFF,
    }[parts[2]]  # fmt: skip
    target, place, value = one.operands
    find, get = _address(Kernel("", [], {}, {}, 0), place), getter(value, parts[-1])

    def act(run: Any, who: Any) -> None:
        at = run.heap.places(find(run, who), 1, 4)
        values = np.broadcast_to(get(run, who), len(at))
        before = np.empty(len(at), np.uint32)
        for thread, (where, word) in enumerate(zip(at.tolist(), values.tolist(), strict=True)):
            before[thread] = run.heap.words[where]
            run.heap.words[where] = update(int(before[thread]), word)
        run.register(target)[who] = before

    return act


def _shuffle(one: Instruction) -> Act:
    """Within whole warps: idx, down, up and bfly, of segments as wide as a warp."""
    how = one.name.split(".")[2]
    target = one.operands[0].split("|")[0]
    source, by, clamp = (getter(o, "u32") for o in one.operands[1:4])

    def act(run: Any, who: Any) -> None:
        if not (np.asarray(clamp(run, who)) & 0xFF00 == 0).all():
            raise NotImplementedError(one.name)
        lanes = np.asarray(source(run, who)).reshape(-1, 32)
        amount = np.broadcast_to(by(run, who), len(who)).reshape(-1, 32).astype(np.int64)
        mine = np.arange(32)
        found = {
            "idx": amount & 31, "down": mine + amount, "up": mine - amount, "bfly": mine ^ amount,
        }[how]  # fmt: skip
        inside = (found >= 0) & (found < 32)
        made = np.take_along_axis(lanes, np.where(inside, found, mine), axis=1)
        run.register(target)[who] = made.reshape(-1)

    return act
