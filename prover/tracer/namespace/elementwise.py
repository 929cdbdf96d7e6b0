"""Arithmetic, comparisons and logic, element by element."""

# ruff: noqa: A001 - the standard's names

from typing import Final

from prover.ops import Opcode
from prover.tracer.array import Array
from prover.tracer.making import arithmetic, bits_of, detached, map_op
from prover.tracer.namespace.core import Like, floats, needs, numbers, operands, scalar, where
from prover.tracer.symbols import DType

_SIGN: Final = 0x80000000
_SIZE: Final = 0x7FFFFFFF
_INFINITY: Final = 0x7F800000
_ONE: Final = 0x3F800000


def add(x1: Like, x2: Like, /) -> Array:
    """x1 + x2."""
    return arithmetic("add", *operands(x1, x2))


def subtract(x1: Like, x2: Like, /) -> Array:
    """x1 - x2."""
    return arithmetic("sub", *operands(x1, x2))


def multiply(x1: Like, x2: Like, /) -> Array:
    """x1 * x2."""
    return arithmetic("mul", *operands(x1, x2))


def divide(x1: Like, x2: Like, /) -> Array:
    """x1 / x2 of floats."""
    return arithmetic("div", *operands(x1, x2))


def reciprocal(x: Like, /) -> Array:
    """1 / x of floats."""
    return 1.0 / floats(x)


def negative(x: Like, /) -> Array:
    """-x."""
    return -numbers(x)


def positive(x: Like, /) -> Array:
    """The array itself."""
    return numbers(x)


def square(x: Like, /) -> Array:
    """x * x."""
    x = numbers(x)
    return x * x


def abs(x: Like, /) -> Array:
    """x without its sign; of the least int, itself."""
    x = numbers(x)
    if x.element == DType.I32:
        return where(x < 0, -x, x)
    return map_op(Opcode.AND, DType.F32, x, bits_of(x.graph, _SIZE))


def sign(x: Like, /) -> Array:
    """-1, 0 or 1; a NaN stays."""
    x = detached(numbers(x))
    if x.element == DType.I32:
        ups = map_op(Opcode.SHR, DType.I32, -x, scalar(x, 31))
        return map_op(Opcode.OR, DType.I32, map_op(Opcode.SAR, DType.I32, x, scalar(x, 31)), ups)
    one = map_op(Opcode.AND, DType.F32, x, bits_of(x.graph, _SIGN))
    one = map_op(Opcode.OR, DType.F32, one, bits_of(x.graph, _ONE))
    return where(abs(x) > 0.0, one, x + 0.0)  # -0 becomes 0


def signbit(x: Like, /) -> Array:
    """Whether the sign bit is set, of zeros and NaNs too."""
    x = floats(x)
    return map_op(Opcode.ILT, DType.MASK, x, bits_of(x.graph, 0))


def copysign(x1: Like, x2: Like, /) -> Array:
    """x1 with the sign of x2."""
    x, y = operands(x1, x2)
    apart = map_op(Opcode.XOR, DType.I32, floats(x), floats(y))
    return where(apart < 0, -x, x)


def maximum(x1: Like, x2: Like, /) -> Array:
    """x1 > x2 ? x1 : x2: a NaN in x2 stays; beside one in x1 the result is x2, as in one row."""
    x, y = operands(x1, x2)
    if numbers(x).element == DType.I32:
        return where(y < x, x, y)
    return map_op(Opcode.MAX, DType.F32, x, y)


def minimum(x1: Like, x2: Like, /) -> Array:
    """x1 < x2 ? x1 : x2: of floats -maximum(-x1, -x2), NaNs as in `maximum`."""
    x, y = operands(x1, x2)
    if numbers(x).element == DType.I32:
        return where(x < y, x, y)
    return -maximum(-x, -y)


def clip(x: Like, /, min: Like | None = None, max: Like | None = None) -> Array:  # noqa: A002
    """x, but not below `min` and not above `max`, where they are given; NaNs stay.

    The gradient passes where x is at a bound.
    """
    x = numbers(x)
    if min is not None:
        x = maximum(min, x)
    if max is not None:
        x = minimum(max, x)
    return x


def isnan(x: Like, /) -> Array:
    """Whether it is no number."""
    x = floats(x)
    return x != x


def isinf(x: Like, /) -> Array:
    """Whether it is infinite."""
    x = abs(floats(x))
    return x == bits_of(x.graph, _INFINITY)


def isfinite(x: Like, /) -> Array:
    """Whether it is neither infinite nor NaN."""
    x = abs(floats(x))
    return x < bits_of(x.graph, _INFINITY)


def less(x1: Like, x2: Like, /) -> Array:
    """x1 < x2."""
    return arithmetic("lt", *operands(x1, x2))


def less_equal(x1: Like, x2: Like, /) -> Array:
    """x1 <= x2."""
    return arithmetic("le", *operands(x1, x2))


def greater(x1: Like, x2: Like, /) -> Array:
    """x1 > x2."""
    return less(x2, x1)


def greater_equal(x1: Like, x2: Like, /) -> Array:
    """x1 >= x2."""
    return less_equal(x2, x1)


def equal(x1: Like, x2: Like, /) -> Array:
    """x1 == x2."""
    x, y = operands(x1, x2)
    return ~logical_xor(x, y) if x.element == DType.MASK else arithmetic("eq", x, y)


def not_equal(x1: Like, x2: Like, /) -> Array:
    """Not x1 == x2."""
    x, y = operands(x1, x2)
    return logical_xor(x, y) if x.element == DType.MASK else ~arithmetic("eq", x, y)


def logical_and(x1: Like, x2: Like, /) -> Array:
    """Both masks."""
    return needs(x1, DType.MASK) & needs(x2, DType.MASK)


def logical_or(x1: Like, x2: Like, /) -> Array:
    """Either mask."""
    return needs(x1, DType.MASK) | needs(x2, DType.MASK)


def logical_xor(x1: Like, x2: Like, /) -> Array:
    """One of the masks, not both."""
    return map_op(Opcode.XOR, DType.MASK, needs(x1, DType.MASK), needs(x2, DType.MASK))


def logical_not(x: Like, /) -> Array:
    """The other mask."""
    return ~needs(x, DType.MASK)
