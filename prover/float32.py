"""IEEE-754 binary32 on words, in exact integer arithmetic: the definition of the project's floats.

A *word* is an unsigned 32-bit integer (0 <= word < 2**32) holding the bits of a binary32 value or
of a two's-complement int32. Every function here takes words, returns words and is total.

Arithmetic rounds to nearest, ties to even, and keeps subnormals. A NaN result of arithmetic or of
`maximum` is always `CANONICAL_NAN`: NaN payloads never propagate. There are no exception flags.

Finite values are taken apart as (sign, significand, exponent), standing for
(-1)**sign * significand * 2**exponent, computed on exactly, and put together again by `_round`,
the only place where anything is rounded to a float.
"""

from __future__ import annotations

import struct
from math import isqrt
from typing import Final

WORD_MASK: Final = 0xFFFFFFFF
SIGN_BIT: Final = 0x80000000
INFINITY: Final = 0x7F800000
CANONICAL_NAN: Final = 0x7FC00000
TRUE: Final = 0xFFFFFFFF
FALSE: Final = 0x00000000

_PRECISION: Final = 24  # bits of a normal significand, the implicit one included
_MIN_EXPONENT: Final = -149  # weight of the last bit of a subnormal
_INT_MAX: Final = 2**31 - 1
_INT_MIN: Final = -(2**31)


def is_nan(x: int) -> bool:
    """Whether the word is a NaN of any sign and payload."""
    return _magnitude(x) > INFINITY


def add(x: int, y: int) -> int:
    """x + y. An exact zero sum is +0 unless both operands are -0."""
    if is_nan(x) or is_nan(y):
        return CANONICAL_NAN
    if _is_infinite(x):
        return CANONICAL_NAN if _is_infinite(y) and x != y else x
    if _is_infinite(y):
        return y
    return _round_sum(_unpack(x), _unpack(y))


def sub(x: int, y: int) -> int:
    """x - y, which is x + (-y)."""
    return add(x, y ^ SIGN_BIT)


def mul(x: int, y: int) -> int:
    """x * y. Zero times infinity is NaN."""
    if is_nan(x) or is_nan(y):
        return CANONICAL_NAN
    sign = _sign(x) ^ _sign(y)
    if _is_infinite(x) or _is_infinite(y):
        return CANONICAL_NAN if _is_zero(x) or _is_zero(y) else _infinity(sign)
    return _round(*_product(x, y))


def fma(x: int, y: int, z: int) -> int:
    """x * y + z, rounded once. Zero times infinity is NaN whatever z is."""
    if is_nan(x) or is_nan(y) or is_nan(z):
        return CANONICAL_NAN
    if _is_infinite(x) or _is_infinite(y):
        product = mul(x, y)  # an infinity or NaN, so nothing is rounded
        return add(product, z)
    if _is_infinite(z):
        return z
    return _round_sum(_product(x, y), _unpack(z))


def div(x: int, y: int) -> int:
    """x / y. A finite non-zero x over zero is an infinity; 0/0 and inf/inf are NaN."""
    if is_nan(x) or is_nan(y):
        return CANONICAL_NAN
    sign = _sign(x) ^ _sign(y)
    if _is_infinite(x):
        return CANONICAL_NAN if _is_infinite(y) else _infinity(sign)
    if _is_infinite(y):
        return _zero(sign)
    if _is_zero(y):
        return CANONICAL_NAN if _is_zero(x) else _infinity(sign)
    _, dividend, dividend_exponent = _unpack(x)
    _, divisor, divisor_exponent = _unpack(y)
    # 64 more bits than the operands have leave any quotient more than 24 significant bits; a last
    # bit says whether something remains below them.
    quotient, remainder = divmod(dividend << 64, divisor)
    sticky = 1 if remainder else 0
    return _round(sign, 2 * quotient + sticky, dividend_exponent - divisor_exponent - 65)


def sqrt(x: int) -> int:
    """The square root of x. Of -0 it is -0, of anything else below zero NaN."""
    if is_nan(x):
        return CANONICAL_NAN
    if _is_zero(x) or x == INFINITY:
        return x
    if _sign(x):
        return CANONICAL_NAN
    _, significand, exponent = _unpack(x)
    if exponent % 2:
        significand, exponent = 2 * significand, exponent - 1
    significand, exponent = significand << 64, exponent - 64
    root = isqrt(significand)
    sticky = 1 if root * root != significand else 0
    return _round(0, 2 * root + sticky, exponent // 2 - 1)


def maximum(x: int, y: int) -> int:
    """x if x > y else y, so y whenever the comparison is false; a NaN result is canonical.

    maximum(NaN, 1) = 1, maximum(1, NaN) = NaN and maximum(+0, -0) = -0.
    """
    chosen = x if lt(y, x) else y
    return CANONICAL_NAN if is_nan(chosen) else chosen


def lt(x: int, y: int) -> int:
    """Mask word of x < y; false where either is NaN."""
    return _mask(not (is_nan(x) or is_nan(y)) and _order(x) < _order(y))


def le(x: int, y: int) -> int:
    """Mask word of x <= y; false where either is NaN."""
    return _mask(not (is_nan(x) or is_nan(y)) and _order(x) <= _order(y))


def eq(x: int, y: int) -> int:
    """Mask word of x == y; false where either is NaN, and -0 == +0."""
    return _mask(not (is_nan(x) or is_nan(y)) and _order(x) == _order(y))


def from_int(x: int) -> int:
    """The float nearest to the signed int32 x, ties to even. Zero becomes +0."""
    value = to_signed(x)
    return _round(1 if value < 0 else 0, abs(value), 0)


def to_int_nearest(x: int) -> int:
    """The int32 nearest to the float x, ties to even; saturating, NaN becomes 0."""
    return _to_int(x, to_zero=False)


def to_int_zero(x: int) -> int:
    """The float x without its fraction as an int32; saturating, NaN becomes 0."""
    return _to_int(x, to_zero=True)


def to_signed(x: int) -> int:
    """The word read as a two's-complement int32, -2**31 <= result < 2**31."""
    return x - 2**32 if x & SIGN_BIT else x


def to_float(x: int) -> float:
    """The value of a word as a Python float, for display; exact."""
    return float(struct.unpack("<f", struct.pack("<I", x))[0])


def from_float(value: float) -> int:
    """The word nearest to a Python float, for writing literals; NaN becomes canonical."""
    if value != value:
        return CANONICAL_NAN
    try:
        return int(struct.unpack("<I", struct.pack("<f", value))[0])
    except OverflowError:
        return INFINITY if value > 0 else INFINITY | SIGN_BIT


def _round(sign: int, significand: int, exponent: int) -> int:
    """The float nearest to (-1)**sign * significand * 2**exponent, ties to even.

    `significand` is any non-negative integer. Beyond the largest finite value lies infinity.
    """
    if significand == 0:
        return _zero(sign)
    # The result's last bit weighs 2**last: as many bits as fit, but none below the subnormals'.
    last = max(exponent + significand.bit_length() - _PRECISION, _MIN_EXPONENT)
    dropped = last - exponent
    if dropped <= 0:
        kept = significand << -dropped
    else:
        kept, remainder = divmod(significand, 1 << dropped)
        half = 1 << (dropped - 1)
        if remainder > half or (remainder == half and kept % 2 == 1):
            kept += 1
    # A significand below 2**23 is a subnormal with exponent field 0. The implicit one of all others
    # adds 1 to the field, and a significand rounded up to 2**24 adds 2: it carries where it must.
    magnitude = ((last - _MIN_EXPONENT) << 23) + kept
    return _zero(sign) | min(magnitude, INFINITY)


def _round_sum(a: tuple[int, int, int], b: tuple[int, int, int]) -> int:
    """The float nearest to a + b, each (sign, significand, exponent)."""
    exponent = min(a[2], b[2])
    total = 0
    for sign, significand, own_exponent in (a, b):
        aligned = significand << (own_exponent - exponent)
        total += -aligned if sign else aligned
    if total == 0:
        return _zero(a[0] & b[0])
    return _round(1 if total < 0 else 0, abs(total), exponent)


def _product(x: int, y: int) -> tuple[int, int, int]:
    """The exact product of two finite words as (sign, significand, exponent)."""
    x_sign, x_significand, x_exponent = _unpack(x)
    y_sign, y_significand, y_exponent = _unpack(y)
    return x_sign ^ y_sign, x_significand * y_significand, x_exponent + y_exponent


def _unpack(x: int) -> tuple[int, int, int]:
    """A finite word as (sign, significand, exponent)."""
    field, fraction = _magnitude(x) >> 23, x & 0x007FFFFF
    if field == 0:
        return _sign(x), fraction, _MIN_EXPONENT
    return _sign(x), fraction | 0x00800000, field - 1 + _MIN_EXPONENT


def _to_int(x: int, *, to_zero: bool) -> int:
    if is_nan(x):
        return 0
    if _is_infinite(x):
        return (_INT_MIN if _sign(x) else _INT_MAX) & WORD_MASK
    sign, significand, exponent = _unpack(x)
    if exponent >= 0:
        integer = significand << exponent
    else:
        integer, remainder = divmod(significand, 1 << -exponent)
        half = 1 << (-exponent - 1)
        if not to_zero and (remainder > half or (remainder == half and integer % 2 == 1)):
            integer += 1
    value = -integer if sign else integer
    return max(_INT_MIN, min(value, _INT_MAX)) & WORD_MASK


def _order(x: int) -> int:
    """An integer that orders words as the values they hold (NaN excepted); both zeros are 0."""
    return -_magnitude(x) if _sign(x) else _magnitude(x)


def _sign(x: int) -> int:
    return x >> 31


def _magnitude(x: int) -> int:
    return x & ~SIGN_BIT & WORD_MASK


def _is_zero(x: int) -> bool:
    return _magnitude(x) == 0


def _is_infinite(x: int) -> bool:
    return _magnitude(x) == INFINITY


def _zero(sign: int) -> int:
    return sign << 31


def _infinity(sign: int) -> int:
    return _zero(sign) | INFINITY


def _mask(condition: bool) -> int:
    return TRUE if condition else FALSE
