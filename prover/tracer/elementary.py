"""exp and log as straight lines of primitives: what the chain executes, row by row.

Each is at most 1.5 ulp from the true value wherever that is a float, rounds through the subnormals,
overflows to Inf, and gives NaN where there is no value. The measured maxima stand beside the tests
(tests/prover/test_elementary.py). Coefficients are minimax fits of ours (Lawson's iteration over
Chebyshev nodes), rounded to binary32; they are part of every program that uses them.
"""

from typing import Final, Protocol, TypeVar

from prover.float32 import INFINITY, SIGN_BIT
from prover.ops import Opcode

V = TypeVar("V")


class Emit(Protocol[V]):
    """Puts one map row after the others; operands are earlier results or words."""

    def __call__(self, opcode: Opcode, *operands: V | int) -> V:
        """The row's result."""
        ...


_ONE: Final = 0x3F800000
_MINUS_ONE: Final = 0xBF800000
_TWO: Final = 0x40000000
_MINUS_TWO: Final = 0xC0000000
_LOG2_E: Final = 0x3FB8AA3B  # 1.442695
_LN_2: Final = 0x3F317218  # 0.6931472, 1.9e-9 above ln 2
_MINUS_LN_2: Final = _LN_2 | SIGN_BIT
_LN_2_EXCESS: Final = 0x3102E308  # what _LN_2 has too much: 1.9046542e-9

_EXP_LOW: Final = 0xC2D00000  # -104: exp is below half of the least subnormal
_EXP_HIGH: Final = 0x42B20000  # 89: exp is beyond the greatest float
_ROUNDER: Final = 0x4B400000  # 1.5 * 2^23: a float this large has no fraction
# exp(r) = 1 + r + r^2 (c0 + c1 r + ... + c4 r^4) for |r| <= ln 2 / 2, to 3.1e-9
_EXP: Final = (0x3EFFFFFE, 0x3E2AAA48, 0x3D2AAC7C, 0x3C091D81, 0x3AB5112B)


def exp(emit: Emit[V], x: V) -> V:
    """e^x in 20 rows: x = n ln 2 + r, a polynomial in r, and two halves of 2^n."""
    low = emit(Opcode.MAX, _EXP_LOW, x)  # a NaN stays
    above = emit(Opcode.LT, _EXP_HIGH, low)
    x = emit(Opcode.SELECT, above, _EXP_HIGH, low)

    # The sum's low bits are the integer n; less the rounder it is n as a float.
    shifted = emit(Opcode.FMA, x, _LOG2_E, _ROUNDER)
    n = emit(Opcode.SUB, shifted, _ROUNDER)
    r = emit(Opcode.FMA, n, _MINUS_LN_2, x)
    r = emit(Opcode.FMA, n, _LN_2_EXCESS, r)

    *rest, second, first = _EXP
    p = emit(Opcode.FMA, r, first, second)
    for coefficient in reversed(rest):
        p = emit(Opcode.FMA, p, r, coefficient)
    p = emit(Opcode.FMA, p, r, _ONE)
    p = emit(Opcode.FMA, p, r, _ONE)

    # p * 2^half by adding to the exponent, which is exact; then * 2^(n - half), which rounds once.
    # A shift by 23 drops the rounder's bits.
    half = emit(Opcode.SAR, shifted, 1)
    p = emit(Opcode.IADD, p, emit(Opcode.SHL, half, 23))
    rest_of_n = emit(Opcode.ISUB, shifted, half)
    power = emit(Opcode.IADD, emit(Opcode.SHL, rest_of_n, 23), _ONE)
    return emit(Opcode.MUL, p, power)


_LEAST_NORMAL: Final = 0x00800000
_TWO_23: Final = 0x4B000000
_HALF_ROOT_BELOW: Final = 0x3F3504F3 - 0x00800000  # sqrt(1/2), one exponent lower
_TWO_90: Final = 0x6C800000
_PER_TWO_90: Final = 0x12800000  # 2^-90
_24_PER_TWO_90: Final = 0x14C00000  # 24 * 2^-90
# log((1 + s) / (1 - s)) = 2 s + s z (c0 + c1 z + c2 z^2), z = s^2, to 8.1e-10; here their negatives
_LOG: Final = (0xBF2AAABD, 0xBECCAF4E, 0xBE98F33C)


def log(emit: Emit[V], x: V) -> V:
    """Natural logarithm in 23 rows: x = 2^e m with m about 1, and a series in (m - 1) / (m + 1).

    Of 0 it is -Inf, of anything below NaN.
    """
    tiny = emit(Opcode.LT, x, _LEAST_NORMAL)
    normal = emit(Opcode.SELECT, tiny, emit(Opcode.MUL, x, _TWO_23), x)
    next_e = emit(Opcode.SAR, emit(Opcode.ISUB, normal, _HALF_ROOT_BELOW), 23)  # e + 1
    half_m = emit(Opcode.ISUB, normal, emit(Opcode.SHL, next_e, 23))

    f = emit(Opcode.FMA, half_m, _TWO, _MINUS_ONE)  # m - 1, exact
    minus_s = emit(Opcode.DIV, f, emit(Opcode.FMA, half_m, _MINUS_TWO, _MINUS_ONE))
    z = emit(Opcode.MUL, minus_s, minus_s)
    c0, c1, c2 = _LOG
    p = emit(Opcode.FMA, z, c2, c1)
    p = emit(Opcode.FMA, p, z, c0)
    log_m = emit(Opcode.FMA, minus_s, emit(Opcode.FMA, p, z, f), f)

    # e as a float, with all that is special: sqrt(x) - 2^90 is -2^90 for every x >= 0 that is
    # finite, so it adds -1, or -24 where x was scaled; Inf stays Inf, NaN and x < 0 are NaN. For 0
    # the factor is Inf.
    level = emit(Opcode.SUB, emit(Opcode.SQRT, x), _TWO_90)
    factor = emit(Opcode.SELECT, tiny, _24_PER_TWO_90, _PER_TWO_90)
    factor = emit(Opcode.SELECT, emit(Opcode.EQ, x, 0), INFINITY, factor)
    e = emit(Opcode.FMA, level, factor, emit(Opcode.FROM_INT, next_e))
    return emit(Opcode.FMA, e, _LN_2, log_m)


EXP_ROWS: Final = 20
LOG_ROWS: Final = 23
