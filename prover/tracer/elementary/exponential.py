"""The exponential function and the logistic function."""

from typing import Final

from prover.ops import Opcode
from prover.tracer.elementary.emit import ONE, ROUNDER, ZERO, Emit, V, minus_size, polynomial

LOG2_E: Final = 0x3FB8AA3B  # 1.442695
MINUS_LN_2: Final = 0xBF317218  # -0.6931472, 1.9e-9 below -ln 2
_LN_2_EXCESS: Final = 0x3102E308  # 1.9e-9

_LOW: Final = 0xC2D00000  # -104: exp is below half of the least subnormal
_HIGH: Final = 0x42B20000  # 89: exp is beyond the greatest float
# exp(r) = 1 + r + r^2 (c0 + c1 r + ... + c4 r^4) for |r| <= ln 2 / 2, to 3.1e-9
_EXP: Final = (ONE, ONE, 0x3EFFFFFE, 0x3E2AAA48, 0x3D2AAC7C, 0x3C091D81, 0x3AB5112B)


def exp(emit: Emit[V], x: V) -> V:
    """e^x in 20 rows: x = n ln 2 + r, a polynomial in r, and two halves of 2^n."""
    low = emit(Opcode.MAX, _LOW, x)  # a NaN stays
    above = emit(Opcode.LT, _HIGH, low)
    return _power(emit, emit(Opcode.SELECT, above, _HIGH, low))


def sigmoid(emit: Emit[V], x: V) -> V:
    """1 / (1 + e^-x) in 23 rows: w / (1 + w) below 0 and 1 / (1 + w) above, w = e^-|x|."""
    w = _power(emit, emit(Opcode.MAX, _LOW, minus_size(emit, x)))
    above = emit(Opcode.SELECT, emit(Opcode.LT, x, ZERO), w, ONE)
    return emit(Opcode.DIV, above, emit(Opcode.ADD, w, ONE))


def _power(emit: Emit[V], x: V) -> V:
    """e^x for -104 <= x <= 89."""
    # The sum's low bits are the integer n; less the rounder it is n as a float.
    shifted = emit(Opcode.FMA, x, LOG2_E, ROUNDER)
    n = emit(Opcode.SUB, shifted, ROUNDER)
    r = emit(Opcode.FMA, n, MINUS_LN_2, x)
    r = emit(Opcode.FMA, n, _LN_2_EXCESS, r)
    p = polynomial(emit, r, _EXP)

    # p * 2^half by adding to the exponent, which is exact; then * 2^(n - half), which rounds once.
    # A shift by 23 drops the rounder's bits.
    half = emit(Opcode.SAR, shifted, 1)
    p = emit(Opcode.IADD, p, emit(Opcode.SHL, half, 23))
    rest_of_n = emit(Opcode.ISUB, shifted, half)
    power = emit(Opcode.IADD, emit(Opcode.SHL, rest_of_n, 23), ONE)
    return emit(Opcode.MUL, p, power)
