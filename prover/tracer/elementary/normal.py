"""The standard normal distribution."""

from typing import Final

from prover.ops import Opcode
from prover.tracer.elementary.emit import Emit, V, polynomial

_BOUND: Final = 0x40AE0000  # 5.4375: there 1/2 comes out, and stays
_MINUS_BOUND: Final = 0xC0AE0000
_MINUS_CENTRE: Final = 0xC1820000  # -16.25
# normal(x) = x (c0 + c1 u + ... + c15 u^15), u = x^2 - 16.25, for |x| <= 5.4375
_LOW: Final = (0x3DFE0250, 0xBB79DCE8)
_HIGH: Final = (
    0x39378FDC, 0xB714148C, 0x34F4F7DA, 0xB2C8A6F4, 0x309FB74F, 0xAE74B4F2, 0x2C2CD2EE,
    0xA9DAC657, 0x279D1FAF, 0xA5731F6C, 0x229B3B53, 0x1F1D1B34, 0x1E3A3ADC, 0x9C23A2B6,
)  # fmt: skip


def normal(emit: Emit[V], x: V) -> V:
    """P(0 <= a standard normal variable <= x) in 21 rows; odd.

    No exponential, no division, no cases. Even and odd powers of u go side by side, so that the
    chain is half as long; the lowest two, which weigh most, come last. It is made for sums with
    1/2: at most 3.1 * 2^-25 from the true value.
    """
    low = emit(Opcode.MAX, _MINUS_BOUND, x)  # a NaN stays
    bounded = emit(Opcode.SELECT, emit(Opcode.LT, _BOUND, low), _BOUND, low)
    u = emit(Opcode.FMA, bounded, bounded, _MINUS_CENTRE)
    z = emit(Opcode.MUL, u, u)
    even, odd = (polynomial(emit, z, _HIGH[start::2]) for start in (0, 1))
    p = emit(Opcode.FMA, odd, u, even)
    for coefficient in reversed(_LOW):
        p = emit(Opcode.FMA, p, u, coefficient)
    return emit(Opcode.MUL, bounded, p)
