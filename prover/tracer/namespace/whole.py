"""Whole numbers: rounding of floats, and division and bits of ints."""

# ruff: noqa: A001, A004 - the standard's names

from typing import Final

from prover.ops import Opcode
from prover.tracer.array import Array
from prover.tracer.making import bits_of, constant_word, detached, map_op
from prover.tracer.namespace.core import Like, needs, numbers, operands, scalar, where
from prover.tracer.namespace.elementwise import abs
from prover.tracer.symbols import DType, TraceError

_SIGN: Final = 0x80000000
_ONE: Final = 0x3F800000
_NO_FRACTION: Final = float(1 << 23)
"""A float as large as this is whole."""


def trunc(x: Like, /) -> Array:
    """The whole number next to x on the side of 0; its sign is that of x."""
    return _rounded(x, Opcode.TO_INT_ZERO)


def round(x: Like, /) -> Array:
    """The nearest whole number, the even one of two; its sign is that of x."""
    return _rounded(x, Opcode.TO_INT_NEAREST)


def floor(x: Like, /) -> Array:
    """The greatest whole number that is not above x."""
    return _rounded(x, Opcode.TO_INT_ZERO, -1)


def ceil(x: Like, /) -> Array:
    """The least whole number that is not below x."""
    return _rounded(x, Opcode.TO_INT_ZERO, 1)


def _rounded(x: Like, opcode: Opcode, beyond: int = 0) -> Array:
    """Through int32, which holds all floats that have a fraction; then the sign, for zeros.

    `beyond` is what to add where x lies on that side of the whole number next to 0.
    """
    x = detached(numbers(x))
    if x.element == DType.I32:
        return x
    whole = map_op(Opcode.FROM_INT, DType.F32, map_op(opcode, DType.I32, x))
    if beyond:
        misses = x < whole if beyond < 0 else whole < x
        one = bits_of(x.graph, _SIGN | _ONE if beyond < 0 else _ONE)
        whole = whole + map_op(Opcode.AND, DType.F32, misses, one)
    sign = map_op(Opcode.AND, DType.F32, x, bits_of(x.graph, _SIGN))
    return where(abs(x) < _NO_FRACTION, map_op(Opcode.OR, DType.F32, whole, sign), x)


def floor_divide(x1: Like, x2: Like, /) -> Array:
    """The greatest int not above x1 / x2, of ints, x2 being a positive number.

    Raises:
        TraceError: for floats, and when x2 is no constant, or not positive.
    """
    x, divisor = _by_constant("floor_divide", x1, x2)
    if divisor & (divisor - 1) == 0:
        return map_op(Opcode.SAR, DType.I32, x, scalar(x, divisor.bit_length() - 1))
    # Of what is not negative: times 2^(31 + n) / divisor rounded up, n bits of it below 2^-31,
    # which is exact below 2^31. The others are turned over, and back: ~(~x // d) == x // d.
    n = (divisor - 1).bit_length()
    factor = (1 << 31 + n) // divisor + 1
    signs = map_op(Opcode.SAR, DType.I32, x, scalar(x, 31))
    high = map_op(
        Opcode.UMULH, DType.I32, map_op(Opcode.XOR, DType.I32, x, signs), scalar(x, factor)
    )
    share = map_op(Opcode.SHR, DType.I32, high, scalar(x, n - 1))
    return map_op(Opcode.XOR, DType.I32, share, signs)


def remainder(x1: Like, x2: Like, /) -> Array:
    """x1 - x2 * floor_divide(x1, x2) of ints, x2 being a positive number; never negative.

    Raises:
        TraceError: for floats, and when x2 is no constant, or not positive.
    """
    x, divisor = _by_constant("remainder", x1, x2)
    if divisor & (divisor - 1) == 0:
        return map_op(Opcode.AND, DType.I32, x, scalar(x, divisor - 1))
    return x - floor_divide(x, divisor) * divisor


def _by_constant(name: str, x1: Like, x2: Like) -> tuple[Array, int]:
    x, y = operands(x1, x2)
    if x.element != DType.I32:
        raise TraceError(f"{name} is for int32; of floats use floor(x / y)")
    word = constant_word(y)
    if word is None or not 0 < word < _SIGN:
        raise TraceError(f"{name} takes a positive number as divisor; of floats use floor(x / y)")
    return x, word


def bitwise_and(x1: Like, x2: Like, /) -> Array:
    """Bits set in both."""
    return _bits(Opcode.AND, x1, x2)


def bitwise_or(x1: Like, x2: Like, /) -> Array:
    """Bits set in either."""
    return _bits(Opcode.OR, x1, x2)


def bitwise_xor(x1: Like, x2: Like, /) -> Array:
    """Bits set in one of them."""
    return _bits(Opcode.XOR, x1, x2)


def bitwise_invert(x: Like, /) -> Array:
    """The other bits."""
    x = needs(x, DType.I32, DType.MASK)
    return map_op(Opcode.XOR, x.element, x, scalar(x, -1))


def bitwise_left_shift(x1: Like, x2: Like, /) -> Array:
    """x1 * 2^x2 modulo 2^32, 0 <= x2 < 32; of x2 count the last 5 bits."""
    return _shifted(Opcode.SHL, x1, x2)


def bitwise_right_shift(x1: Like, x2: Like, /) -> Array:
    """floor(x1 / 2^x2), 0 <= x2 < 32; of x2 count the last 5 bits."""
    return _shifted(Opcode.SAR, x1, x2)


def _bits(opcode: Opcode, x1: Like, x2: Like) -> Array:
    x, y = operands(x1, x2)
    needs(x, DType.I32, DType.MASK)
    return map_op(opcode, x.element, x, y)


def _shifted(opcode: Opcode, x1: Like, x2: Like) -> Array:
    x, y = operands(x1, x2)
    needs(x, DType.I32)
    word = constant_word(y)
    if word is not None and word >= 32:
        raise TraceError("a word has 32 bits; shift by 0 to 31")
    return map_op(opcode, DType.I32, x, y)
