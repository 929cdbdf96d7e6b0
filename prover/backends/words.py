"""The scalar operations on single words, for use inside numba's loops; `prover.native.emit` says
what they are.

A map's NaN is the canonical one. A `raw` step of a fold leaves NaNs as they come: whether an
accumulator is a NaN decides how the fold goes on, never which, so `settle` at its end is enough.
"""

from collections.abc import Callable
from typing import Any

from numba import types
from numba.extending import intrinsic

from prover.native.emit import FOLDS, LONG, MAKES_NAN, MAPS, Emit, canonical
from prover.ops import OPS, Opcode

WordOp = Callable[..., Any]
"""A word op inside compiled code."""


def _word_op(made: Any) -> WordOp:
    """numba's intrinsics have no types: here is where that ends."""
    return made  # type: ignore[no-any-return]


def _op(emit: Emit, arity: int, *, settled: bool = False) -> WordOp:
    def generate(context: Any, b: Any, sig: Any, args: Any) -> Any:
        result = emit(b, *args)
        return canonical(b, result) if settled else result

    signature = types.uint32(*[types.uint32] * arity)
    if arity == 1:

        @intrinsic
        def unary(typing: Any, x: Any) -> Any:
            return signature, generate

        return _word_op(unary)
    if arity == 2:

        @intrinsic
        def binary(typing: Any, x: Any, y: Any) -> Any:
            return signature, generate

        return _word_op(binary)

    @intrinsic
    def ternary(typing: Any, x: Any, y: Any, z: Any) -> Any:
        return signature, generate

    return _word_op(ternary)


def _map(name: str) -> WordOp:
    opcode = Opcode[name]
    return _op(MAPS[opcode], OPS[opcode].arity, settled=opcode in MAKES_NAN)


add, sub, mul, fma = _map("ADD"), _map("SUB"), _map("MUL"), _map("FMA")
div, sqrt, maximum = _map("DIV"), _map("SQRT"), _map("MAX")
lt, le, eq = _map("LT"), _map("LE"), _map("EQ")
ilt, ile, ieq = _map("ILT"), _map("ILE"), _map("IEQ")
select = _map("SELECT")
iadd, isub, imul, umulh = _map("IADD"), _map("ISUB"), _map("IMUL"), _map("UMULH")
bit_and, bit_or, bit_xor = _map("AND"), _map("OR"), _map("XOR")
shl, shr, sar = _map("SHL"), _map("SHR"), _map("SAR")
from_int, to_int_nearest = _map("FROM_INT"), _map("TO_INT_NEAREST")
to_int_zero = _map("TO_INT_ZERO")
settle = _op(canonical, 1)
signed = intrinsic(
    lambda typing, x: (
        types.int64(types.uint32),
        lambda context, b, sig, args: b.sext(args[0], LONG),
    )
)
raw_sum, raw_max = _op(FOLDS[Opcode.SUM], 2), _op(FOLDS[Opcode.MAXF], 2)
raw_dot, idot = _op(FOLDS[Opcode.DOT], 3), _op(FOLDS[Opcode.IDOT], 3)
