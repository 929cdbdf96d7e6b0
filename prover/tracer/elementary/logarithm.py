"""The natural logarithm."""

from typing import Final

from prover.float32 import INFINITY
from prover.ops import Opcode
from prover.tracer.elementary.emit import MINUS_ONE, TWO, ZERO, Emit, V, polynomial

_MINUS_TWO: Final = 0xC0000000
_LN_2: Final = 0x3F317218  # 0.6931472, 1.9e-9 above ln 2
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

    f = emit(Opcode.FMA, half_m, TWO, MINUS_ONE)  # m - 1, exact
    minus_s = emit(Opcode.DIV, f, emit(Opcode.FMA, half_m, _MINUS_TWO, MINUS_ONE))
    z = emit(Opcode.MUL, minus_s, minus_s)
    p = polynomial(emit, z, _LOG)
    log_m = emit(Opcode.FMA, minus_s, emit(Opcode.FMA, p, z, f), f)

    # e as a float, with all that is special: sqrt(x) - 2^90 is -2^90 for every x >= 0 that is
    # finite, so it adds -1, or -24 where x was scaled; Inf stays Inf, NaN and x < 0 are NaN. For 0
    # the factor is Inf.
    level = emit(Opcode.SUB, emit(Opcode.SQRT, x), _TWO_90)
    factor = emit(Opcode.SELECT, tiny, _24_PER_TWO_90, _PER_TWO_90)
    factor = emit(Opcode.SELECT, emit(Opcode.EQ, x, ZERO), INFINITY, factor)
    e = emit(Opcode.FMA, level, factor, emit(Opcode.FROM_INT, next_e))
    return emit(Opcode.FMA, e, _LN_2, log_m)
