"""The scalar operations as LLVM instructions on words, for use inside compiled loops.

A float op works on the words' bits as LLVM floats without fast-math, so that nothing is contracted,
reassociated or flushed, and gives `CANONICAL_NAN` for any NaN. A `raw` step of a fold leaves NaNs
as they come: whether an accumulator is a NaN decides how the fold goes on, never which, so `settle`
at its end is enough.
"""

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from prover.float32 import CANONICAL_NAN

_I32 = ir.IntType(32)
_I64 = ir.IntType(64)
_F32 = ir.FloatType()
_NAN = ir.Constant(_I32, CANONICAL_NAN)
_ZERO = ir.Constant(_I32, 0)
_SHIFTS = ir.Constant(_I32, 31)

Builder = Any
Value = Any
WordOp = Callable[..., Any]
"""A word op inside compiled code."""


def _word_op(made: Any) -> WordOp:
    """numba's intrinsics have no types: here is where that ends."""
    return made  # type: ignore[no-any-return]


def _unary(emit: Callable[[Builder, Value], Value]) -> WordOp:
    @intrinsic
    def op(typing: Any, x: Any) -> Any:
        signature = types.uint32(types.uint32)
        return signature, lambda context, b, sig, args: emit(b, *args)

    return _word_op(op)


def _binary(emit: Callable[[Builder, Value, Value], Value]) -> WordOp:
    @intrinsic
    def op(typing: Any, x: Any, y: Any) -> Any:
        signature = types.uint32(types.uint32, types.uint32)
        return signature, lambda context, b, sig, args: emit(b, *args)

    return _word_op(op)


def _ternary(emit: Callable[[Builder, Value, Value, Value], Value]) -> WordOp:
    @intrinsic
    def op(typing: Any, x: Any, y: Any, z: Any) -> Any:
        signature = types.uint32(types.uint32, types.uint32, types.uint32)
        return signature, lambda context, b, sig, args: emit(b, *args)

    return _word_op(op)


def _float(b: Builder, word: Value) -> Value:
    return b.bitcast(word, _F32)


def _bits(b: Builder, value: Value) -> Value:
    return b.bitcast(value, _I32)


def _canonical(b: Builder, value: Value) -> Value:
    return b.select(b.fcmp_unordered("uno", value, value), _NAN, _bits(b, value))


def _call(b: Builder, name: str, result: Any, *args: Value) -> Value:
    """Call an LLVM intrinsic on floats; `result` is its result's type."""
    name = name if result == _F32 else f"{name}.i32"
    function_type = ir.FunctionType(result, [_F32] * len(args))
    function = b.module.globals.get(f"{name}.f32")
    if function is None:
        function = ir.Function(b.module, function_type, f"{name}.f32")
    return b.call(function, args)


def _arithmetic(name: str) -> WordOp:
    return _binary(lambda b, x, y: _canonical(b, getattr(b, name)(_float(b, x), _float(b, y))))


def _compare(sign: str) -> WordOp:
    return _binary(lambda b, x, y: b.sext(b.fcmp_ordered(sign, _float(b, x), _float(b, y)), _I32))


def _compare_int(sign: str) -> WordOp:
    return _binary(lambda b, x, y: b.sext(b.icmp_signed(sign, x, y), _I32))


def _integer(name: str) -> WordOp:
    return _binary(lambda b, x, y: getattr(b, name)(x, y))


def _shift(name: str) -> WordOp:
    return _binary(lambda b, x, y: getattr(b, name)(x, b.and_(y, _SHIFTS)))


def _emit_fma(b: Builder, x: Value, y: Value, z: Value) -> Value:
    return _call(b, "llvm.fma", _F32, _float(b, x), _float(b, y), _float(b, z))


def _emit_max(b: Builder, x: Value, y: Value) -> Value:
    greater = b.fcmp_ordered(">", _float(b, x), _float(b, y))
    return b.select(greater, x, y)


def _emit_umulh(b: Builder, x: Value, y: Value) -> Value:
    product = b.mul(b.zext(x, _I64), b.zext(y, _I64))
    return b.trunc(b.lshr(product, ir.Constant(_I64, 32)), _I32)


def _emit_to_int(b: Builder, value: Value) -> Value:
    return _call(b, "llvm.fptosi.sat", _I32, value)


add = _arithmetic("fadd")
sub = _arithmetic("fsub")
mul = _arithmetic("fmul")
div = _arithmetic("fdiv")
fma = _ternary(lambda b, x, y, z: _canonical(b, _emit_fma(b, x, y, z)))
sqrt = _unary(lambda b, x: _canonical(b, _call(b, "llvm.sqrt", _F32, _float(b, x))))
maximum = _binary(lambda b, x, y: _canonical(b, _float(b, _emit_max(b, x, y))))
lt, le, eq = _compare("<"), _compare("<="), _compare("==")
ilt, ile, ieq = _compare_int("<"), _compare_int("<="), _compare_int("==")
select = _ternary(lambda b, x, y, z: b.select(b.icmp_signed("!=", x, _ZERO), y, z))
iadd, isub, imul = _integer("add"), _integer("sub"), _integer("mul")
umulh = _binary(_emit_umulh)
bit_and, bit_or, bit_xor = _integer("and_"), _integer("or_"), _integer("xor")
shl, shr, sar = _shift("shl"), _shift("lshr"), _shift("ashr")
from_int = _unary(lambda b, x: _bits(b, b.sitofp(x, _F32)))
to_int_zero = _unary(lambda b, x: _emit_to_int(b, _float(b, x)))
# nearbyint rounds as the mode says, and the mode is to nearest even wherever this code may run.
to_int_nearest = _unary(
    lambda b, x: _emit_to_int(b, _call(b, "llvm.nearbyint", _F32, _float(b, x)))
)
settle = _unary(lambda b, x: _canonical(b, _float(b, x)))
signed = intrinsic(
    lambda typing, x: (
        types.int64(types.uint32),
        lambda context, b, sig, args: b.sext(args[0], _I64),
    )
)
# One step of a fold, NaNs left as they come.
raw_sum = _binary(lambda b, a, x: _bits(b, b.fadd(_float(b, a), _float(b, x))))
raw_dot = _ternary(lambda b, a, x, y: _bits(b, _emit_fma(b, x, y, a)))
raw_max = _binary(_emit_max)
