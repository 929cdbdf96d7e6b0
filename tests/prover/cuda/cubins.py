"""What machine code takes of a multiprocessor: read from the ELF file that the compiler makes."""

import struct
from typing import NamedTuple

_SIZES = {0x11, 0x12, 0x23}
_REGISTERS = 0x2F
"""Attributes of kernels in `.nv.info`: a symbol's number, and a number, of bytes in memory of its
own or of registers.
"""
_KERNEL = ".text."


class Taken(NamedTuple):
    """By a kernel, each thread."""

    registers: int
    local: int
    """Bytes of local memory: what did not fit into registers, and arrays."""


def resources(cubin: bytes) -> dict[str, Taken]:
    """Of each kernel in a cubin, by name."""
    sections = _sections(cubin)
    symbols = _symbols(sections[".symtab"], sections[".strtab"])
    local: dict[str, int] = {}
    registers: dict[str, int] = {}
    data, at = sections[".nv.info"], 0
    while at < len(data):
        form, attribute, size = struct.unpack_from("<BBH", data, at)
        at += 4
        if form != 4:  # the value is where a size would be
            continue
        if attribute == _REGISTERS or attribute in _SIZES:
            symbol, value = struct.unpack_from("<II", data, at)
            into = registers if attribute == _REGISTERS else local
            into[symbols[symbol]] = max(into.get(symbols[symbol], 0), value)
        at += size
    names = [name.removeprefix(_KERNEL) for name in sections if name.startswith(_KERNEL)]
    return {name: Taken(registers[name], local[name]) for name in names}


def _sections(data: bytes) -> dict[str, bytes]:
    """The sections of a 64-bit ELF file that hold bytes."""
    (start,) = struct.unpack_from("<Q", data, 40)
    size, count, strings = struct.unpack_from("<HHH", data, 58)
    heads = [struct.unpack_from("<IIQQQQ", data, start + size * number) for number in range(count)]
    names = data[heads[strings][4] :]
    return {
        names[name : names.index(b"\0", name)].decode(): data[offset : offset + length]
        for name, kind, _, _, offset, length in heads
        if kind != 8
    }


def _symbols(table: bytes, names: bytes) -> list[str]:
    starts = [one[0] for one in struct.iter_unpack("<IBBHQQ", table)]
    return [names[start : names.index(b"\0", start)].decode() for start in starts]
