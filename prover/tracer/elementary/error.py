"""The error function."""

from typing import Final

from prover.ops import Opcode
from prover.tracer.elementary.emit import (
    ONE,
    ROUNDER,
    Emit,
    V,
    minus_size,
    polynomial,
    with_sign_of,
)

_LOW: Final = 0xC07CCCCD  # -3.95: erf rounds to -1
_SMALL: Final = 0xBF333333  # -0.7: where the two halves meet
# erf(x) = x + x (c0 + c1 z + ... + c4 z^4), z = x^2, for |x| <= 0.7
_SERIES: Final = (0x3E0375D2, 0xBEC0932E, 0x3DE6F79D, 0xBCD90F20, 0x3B8D0285)
# log2(1 - erf(-b)) = b (c0 + c1 b + ... + c5 b^5) for -3.95 <= b <= -0.7
_LOG2_TAIL: Final = (0x3FD0668D, 0xBF6AC407, 0x3E1BA217, 0x3D0797CE, 0x3B98CFEB, 0x39A37857)
# 2^r = 1 + r (c0 + c1 r + ... + c4 r^4) for |r| <= 1/2
_EXP2: Final = (ONE, 0x3F317216, 0x3E75FCCE, 0x3D635AAA, 0x3C1E755B, 0x3AADDCEC)


def erf(emit: Emit[V], x: V) -> V:
    """In 28 rows: a series near 0, and 1 - 2^y beyond, y being the tail's logarithm."""
    minus = minus_size(emit, x)
    bounded = emit(Opcode.MAX, _LOW, minus)  # a NaN stays
    p = polynomial(emit, bounded, _LOG2_TAIL)
    shifted = emit(Opcode.FMA, p, bounded, ROUNDER)
    minus_n = emit(Opcode.SUB, ROUNDER, shifted)
    r = emit(Opcode.FMA, p, bounded, minus_n)
    tail = emit(Opcode.IADD, polynomial(emit, r, _EXP2), emit(Opcode.SHL, shifted, 23))
    large = with_sign_of(emit, emit(Opcode.SUB, tail, ONE), x, minus)

    z = emit(Opcode.MUL, x, x)
    small = emit(Opcode.FMA, polynomial(emit, z, _SERIES), x, x)
    return emit(Opcode.SELECT, emit(Opcode.LT, bounded, _SMALL), large, small)  # NaNs are small
