"""What PTX's scalar instructions compute, on arrays: one entry an instruction.

An entry takes arrays of the instruction's type, one a source operand, and gives the result.
"""

import operator
from collections.abc import Callable
from typing import Any, Final

import numpy as np

from tests.prover.cuda import floats

Operation = Callable[..., Any]

TYPES: Final = {
    "u16": np.uint16, "s16": np.int16, "b16": np.uint16,
    "u32": np.uint32, "s32": np.int32, "b32": np.uint32, "f32": np.float32,
    "u64": np.uint64, "s64": np.int64, "b64": np.uint64, "pred": np.bool_,
}  # fmt: skip

_COMPARE: Final[dict[str, Operation]] = {
    "eq": operator.eq, "ne": operator.ne, "lt": operator.lt, "le": operator.le,
    "gt": operator.gt, "ge": operator.ge,
}  # fmt: skip
_WIDER: Final[dict[int, dict[str, Any]]] = {
    16: {"u": np.uint32, "s": np.int32},
    32: {"u": np.uint64, "s": np.int64},
}


def compare(how: str) -> Operation:
    """A comparison; those that end in u hold for NaNs as well."""
    if how in _COMPARE:
        # Not equal is ordered in PTX: false for NaNs.
        if how == "ne":
            return lambda x, y: (x != y) & (x == x) & (y == y)
        return _COMPARE[how]
    ordered = _COMPARE[how[:-1]]
    return lambda x, y: ordered(x, y) | (x != x) | (y != y)


def _float(function: Operation) -> Operation:
    return lambda *given: floats.made(function(*given))


def _shift(function: Operation, *, signed: bool = False) -> Operation:
    """Amounts are u32; those of a width and more shift everything out."""

    def shifted(x: Any, amount: Any) -> Any:
        bits = 8 * x.dtype.itemsize
        most = np.minimum(amount, bits - 1).astype(x.dtype)
        moved = function(x, most)
        return moved if signed else np.where(amount >= bits, x.dtype.type(0), moved)

    return shifted


def _high(x: Any, y: Any) -> Any:
    if x.dtype.itemsize == 4:
        wide = np.int64 if x.dtype.kind == "i" else np.uint64
        return ((x.astype(wide) * y.astype(wide)) >> wide(32)).astype(x.dtype)
    product = x.astype(object) * y.astype(object)
    return np.asarray(product >> 64 & 0xFFFFFFFFFFFFFFFF).astype(np.uint64)


def _wide(x: Any, y: Any) -> Any:
    kind = _WIDER[8 * x.dtype.itemsize]["s" if x.dtype.kind == "i" else "u"]
    return x.astype(kind) * y.astype(kind)


def _divide(x: Any, y: Any) -> Any:
    if x.dtype.kind == "i":
        quotient = abs(x.astype(np.int64)) // np.maximum(abs(y.astype(np.int64)), 1)
        return np.where((x < 0) != (y < 0), -quotient, quotient).astype(x.dtype)
    return x // np.where(y == 0, x.dtype.type(1), y)


def _insert(field: Any, into: Any, start: Any, length: Any) -> Any:
    mask = ((np.uint64(1) << length.astype(np.uint64)) - np.uint64(1)) << start.astype(np.uint64)
    kept = into.astype(np.uint64) & ~mask
    return (kept | (field.astype(np.uint64) << start.astype(np.uint64)) & mask).astype(np.uint32)


def _extract(x: Any, start: Any, length: Any) -> Any:
    mask = (np.uint64(1) << length.astype(np.uint64)) - np.uint64(1)
    return ((x.astype(np.uint64) >> start.astype(np.uint64)) & mask).astype(np.uint32)


def _permute(x: Any, y: Any, selector: Any) -> Any:
    both = x.astype(np.uint64) | y.astype(np.uint64) << np.uint64(32)
    made = np.zeros_like(both)
    for byte in range(4):
        select = selector.astype(np.uint64) >> np.uint64(4 * byte)
        one = both >> (np.uint64(8) * (select & np.uint64(7))) & np.uint64(0xFF)
        sign = np.where(one & np.uint64(0x80), np.uint64(0xFF), np.uint64(0))
        one = np.where(select & np.uint64(8), sign, one)
        made |= one << np.uint64(8 * byte)
    return made.astype(np.uint32)


def _dot_bytes(x: Any, y: Any, z: Any) -> Any:
    """dp4a of u32: four products of bytes."""
    byte = np.uint32(0xFF)
    for shift in (np.uint32(0), np.uint32(8), np.uint32(16), np.uint32(24)):
        z = z + (x >> shift & byte) * (y >> shift & byte)
    return z


def _dot_halves(x: Any, y: Any, z: Any) -> Any:
    """dp2a.lo: halves of x times the lower bytes of y."""
    low = (x & np.uint32(0xFFFF)) * (y & np.uint32(0xFF))
    return z + low + (x >> np.uint32(16)) * (y >> np.uint32(8) & np.uint32(0xFF))


INTEGERS: Final[dict[str, Operation]] = {
    "add": operator.add, "sub": operator.sub, "mul.lo": operator.mul, "mul.hi": _high,
    "mul.wide": _wide, "mad.lo": lambda x, y, z: x * y + z,
    "mad.wide": lambda x, y, z: _wide(x, y) + z,
    "div": _divide, "rem": lambda x, y: x - _divide(x, y) * y,
    "min": np.minimum, "max": np.maximum, "neg": operator.neg, "abs": abs,
    "and": operator.and_, "or": operator.or_, "xor": operator.xor, "not": operator.invert,
    "shl": _shift(operator.lshift), "bfi": _insert, "bfe": _extract, "prmt": _permute,
    "dp2a.lo": _dot_halves, "dp4a": _dot_bytes, "mov": lambda x: x, "cvta.to.global": lambda x: x,
    "selp": lambda x, y, p: np.where(p, x, y),
    "shf.l.wrap": lambda x, y, n: (
        (y.astype(np.uint64) << np.uint64(32) | x) >> (np.uint64(32) - (n & np.uint32(31)))
    ).astype(np.uint32),
}  # fmt: skip
"""Of whole numbers and bits, by name without the type."""

FLOATS: Final[dict[str, Operation]] = {
    "add.rn": _float(operator.add), "sub.rn": _float(operator.sub),
    "mul.rn": _float(operator.mul), "div.rn": _float(np.divide), "sqrt.rn": _float(np.sqrt),
    "fma.rn": floats.fma, "max": floats.maximum, "min": floats.minimum,
    "mov": lambda x: x, "selp": lambda x, y, p: np.where(p, x, y),
}  # fmt: skip
"""Of f32. What is not rounded as it should be (no .rn, or .ftz) is not here."""


def operation(name: str, kind: str) -> Operation:
    """What an instruction computes.

    Raises:
        NotImplementedError: where it is none of those that kernels are made of.
    """
    if name == "shr":
        return _shift(operator.rshift, signed=kind.startswith("s"))
    table = FLOATS if kind == "f32" else INTEGERS
    if name not in table:
        raise NotImplementedError(f"{name}.{kind}")
    return table[name]


def convert(name: str, to: str, source: str) -> Operation:
    """A conversion, by its rounding and its types."""
    if source == "f32":
        nearest = {"cvt.rni": True, "cvt.rzi": False}[name]
        return lambda x: floats.to_int(x, nearest=nearest)
    if to == "f32":
        if name != "cvt.rn":
            raise NotImplementedError(f"{name}.{to}.{source}")
        return lambda x: floats.made(x.astype(np.float32))
    return lambda x: np.asarray(x).astype(TYPES[to])
