"""The hyperbolic tangent."""

from typing import Final

from prover.ops import Opcode
from prover.tracer.elementary.emit import (
    MINUS_ONE,
    ONE,
    ROUNDER,
    TWO,
    Emit,
    V,
    minus_size,
    polynomial,
    with_sign_of,
)

_LOW: Final = 0xC1140000  # -9.25: tanh rounds to -1
_SMALL: Final = 0xBF0F5C29  # -0.56: where the two halves meet
# tanh(x) = x + x z (c0 + c1 z + c2 z^2 + c3 z^3), z = x^2, for |x| <= 0.56
_SERIES: Final = (0xBEAAAA25, 0x3E086571, 0xBD577D83, 0x3C859D4A)
_TWO_LOG2_E: Final = 0x4038AA3B
_MINUS_HALF_LN_2: Final = 0xBEB17218
# exp(2 r) = 1 + 2 r + r^2 (c0 + c1 r + ... + c4 r^4) for |r| <= ln 2 / 4
_EXP: Final = (ONE, TWO, 0x3FFFFFFB, 0x3FAAAA79, 0x3F2AAB79, 0x3E88FCF1, 0x3DB4E219)


def tanh(emit: Emit[V], x: V) -> V:
    """In 26 rows: a series near 0, and 1 - 2 u / (1 + u) with u = e^-2|x| beyond.

    Of -0 it is +0.
    """
    minus = minus_size(emit, x)
    bounded = emit(Opcode.MAX, _LOW, minus)  # a NaN stays
    shifted = emit(Opcode.FMA, bounded, _TWO_LOG2_E, ROUNDER)
    n = emit(Opcode.SUB, shifted, ROUNDER)
    r = emit(Opcode.FMA, n, _MINUS_HALF_LN_2, bounded)
    u = emit(Opcode.IADD, polynomial(emit, r, _EXP), emit(Opcode.SHL, shifted, 23))
    share = emit(Opcode.DIV, u, emit(Opcode.ADD, u, ONE))
    large = with_sign_of(emit, emit(Opcode.FMA, share, TWO, MINUS_ONE), x, minus)

    z = emit(Opcode.MUL, x, x)
    p = polynomial(emit, z, _SERIES)
    small = emit(Opcode.FMA, emit(Opcode.MUL, x, z), p, x)
    return emit(Opcode.SELECT, emit(Opcode.LT, bounded, _SMALL), large, small)  # NaNs are small
