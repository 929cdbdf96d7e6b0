"""Exponentials, logarithms, powers and roots, element by element.

exp, log and tanh are at most 1.5 ulp off. What is made of them here says how far it is off; that is
measured in the tests.
"""

# ruff: noqa: A001, A004 - the standard's names

import math
from typing import Any, Final

import numpy as np

from prover.ops import Opcode
from prover.tracer.array import Array
from prover.tracer.making import bits_of, broadcast, constant_word, detached, map_op, ruled
from prover.tracer.namespace.core import Like, floats, numbers, operands, scalar, where
from prover.tracer.namespace.elementwise import abs, maximum
from prover.tracer.symbols import DType, Kind, TraceError

_LN_2: Final = 0.6931471805599453
_PER_LN_2: Final = 1.4426950408889634
_PER_LN_10: Final = 0.4342944819032518
_INFINITY: Final = 0x7F800000
MOST_POWER: Final = 64


def exp(x: Like, /) -> Array:
    """e^x."""
    return _elementary(Kind.EXP, x)


def log(x: Like, /) -> Array:
    """The natural logarithm."""
    return _elementary(Kind.LOG, x)


def tanh(x: Like, /) -> Array:
    """The hyperbolic tangent."""
    return _elementary(Kind.TANH, x)


def _elementary(kind: Kind, x: Like) -> Array:
    x = floats(x)
    return x.graph.add(kind, (x,), x.shape, DType.F32)


def sqrt(x: Like, /) -> Array:
    """The square root, rounded."""
    return map_op(Opcode.SQRT, DType.F32, floats(x))


def expm1(x: Like, /) -> Array:
    """e^x - 1, to 2.5 ulp: (u - 1) x / log(u) with u = e^x, in which the rounding of u cancels."""
    x = floats(x)
    plain = detached(x)
    u = exp(plain)
    less = u - 1.0
    value = where(u == 1.0, plain, less * (plain / log(u)))
    ends = (less == -1.0) | (u == bits_of(x.graph, _INFINITY))
    value = where(ends, less, value)
    return ruled(value, [x], lambda g: [g * (value + 1.0)])


def log1p(x: Like, /) -> Array:
    """log(1 + x), to 2.5 ulp: log(u) x / (u - 1), in which the rounding of u = 1 + x cancels."""
    x = floats(x)
    u = 1.0 + x
    plain = detached(x)
    value = where(detached(u) == 1.0, plain, log(detached(u)) * (plain / detached(u - 1.0)))
    value = where(plain == bits_of(x.graph, _INFINITY), plain, value)
    return ruled(value, [x], lambda g: [g / u])


def log2(x: Like, /) -> Array:
    """log(x) / log(2), to 2 ulp; of a power of 2 not always whole."""
    return log(x) * _PER_LN_2


def log10(x: Like, /) -> Array:
    """log(x) / log(10), to 2.5 ulp; of a power of 10 not always whole."""
    return log(x) * _PER_LN_10


def logaddexp(x1: Like, x2: Like, /) -> Array:
    """log(e^x1 + e^x2), nothing overflowing: the greater, and log1p(e^-|x1 - x2|).

    To 2.5 ulp of the greatest of |x1|, |x2| and log(2): where the two terms cancel, of none else.
    """
    x, y = operands(x1, x2)
    a, b = detached(floats(x)), detached(y)
    apart = where(a == b, 0.0, abs(a - b))
    value = maximum(a, b) + log1p(exp(-apart))

    def rule(g: Array) -> list[Array]:
        share = _elementary(Kind.SIGMOID, a - b)
        return [g * share, g * (1.0 - share)]

    return ruled(value, [broadcast(one, value.shape) for one in (x, y)], rule)


def pow(x1: Like, x2: Any, /) -> Array:
    """x1^x2 by multiplication, x2 being a whole number of -64 to 64, or a half more.

    Halves take the square root, negative ones the reciprocal. Each step rounds: to n ulp for an
    exponent of n. Of ints x2 is not negative, and the result modulo 2^32.

    Raises:
        TraceError: when x2 is another number, or traced.
    """
    x = numbers(x1)
    power = _exponent(x2)
    if math.fabs(power) > MOST_POWER or not (2 * power).is_integer():
        raise TraceError(f"pow takes whole and half exponents up to 64, not {power}; {_INSTEAD}")
    if x.element == DType.I32 and (power < 0 or not power.is_integer()):
        raise TraceError(f"an int32 to the power of {power} is none; convert with astype")
    whole, half = divmod(math.fabs(power), 1.0)
    result = _times_itself(x, int(whole))
    if half:
        result = sqrt(x) if result is None else result * sqrt(x)
    if result is None:
        return broadcast(scalar(x, 1), x.shape)
    return 1.0 / result if power < 0 else result


_INSTEAD: Final = "use exp(y * log(x)) of a positive x"


def _exponent(x2: Any) -> float:
    if not isinstance(x2, Array):
        return float(x2)
    word = constant_word(x2)
    if word is None:
        raise TraceError(f"pow takes a number as exponent, nothing traced; {_INSTEAD}")
    return float(np.uint32(word).view(np.int32 if x2.element == DType.I32 else np.float32))


def _times_itself(x: Array, count: int) -> Array | None:
    """x^count by squares, None for none."""
    result = None
    while count:
        if count & 1:
            result = x if result is None else result * x
        count >>= 1
        if count:
            x = x * x
    return result
