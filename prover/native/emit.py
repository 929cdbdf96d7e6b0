"""The scalar operations as LLVM instructions, on words or on vectors of words alike.

Each takes and gives values of i32 or <n x i32>. Float ops work on the bits as LLVM floats without
fast-math, so that nothing is contracted, reassociated or flushed. They are *raw*: a NaN comes out
with whatever bits the processor gives it. `canonical` makes it the one NaN; a generator must do
that before anything looks at the bits (a store, an integer op), and may put it off until then,
because float ops ask only whether a word is a NaN and never which.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from llvmlite import ir

from prover.float32 import CANONICAL_NAN
from prover.ops import Opcode

WORD: Final = ir.IntType(32)
LONG: Final = ir.IntType(64)
_FLOAT: Final = ir.FloatType()

Builder = Any
Value = Any
Emit = Callable[..., Value]
"""(builder, operands ...) to the result's word or words."""


def like(value: Value, scalar: Any) -> Any:
    """The type of as many `scalar`s as `value` has lanes."""
    return ir.VectorType(scalar, value.type.count) if _lanes(value) else scalar


def splat(value: Value, number: int) -> Any:
    """A constant in every lane of the type of `value`."""
    lanes = _lanes(value)
    return ir.Constant(value.type, [number] * lanes if lanes else number)


def floats(b: Builder, words: Value) -> Value:
    """Words as floats."""
    return b.bitcast(words, like(words, _FLOAT))


def words(b: Builder, values: Value) -> Value:
    """Floats as words."""
    return b.bitcast(values, like(values, WORD))


def canonical(b: Builder, value: Value) -> Value:
    """Words with every NaN made the canonical one."""
    seen = floats(b, value)
    return b.select(b.fcmp_unordered("uno", seen, seen), splat(value, CANONICAL_NAN), value)


def _lanes(value: Value) -> int:
    return value.type.count if isinstance(value.type, ir.VectorType) else 0


def _suffix(kind: Any) -> str:
    if isinstance(kind, ir.VectorType):
        return f"v{kind.count}{_suffix(kind.element)}"
    return "f32" if kind == _FLOAT else f"i{kind.width}"


def call(b: Builder, name: str, result: Any, *args: Value) -> Value:
    """Call an LLVM intrinsic overloaded on its result's type, and on that of its first argument
    where it is another.
    """
    suffix = _suffix(result)
    if result != args[0].type:
        suffix += f".{_suffix(args[0].type)}"
    full = f"{name}.{suffix}"
    function = b.module.globals.get(full)
    if function is None:
        function = ir.Function(b.module, ir.FunctionType(result, [a.type for a in args]), full)
    return b.call(function, args)


def _arithmetic(name: str) -> Emit:
    return lambda b, x, y: words(b, getattr(b, name)(floats(b, x), floats(b, y)))


def _compare(sign: str) -> Emit:
    return lambda b, x, y: b.sext(b.fcmp_ordered(sign, floats(b, x), floats(b, y)), x.type)


def _compare_int(sign: str) -> Emit:
    return lambda b, x, y: b.sext(b.icmp_signed(sign, x, y), x.type)


def _integer(name: str) -> Emit:
    return lambda b, x, y: getattr(b, name)(x, y)


def _shift(name: str) -> Emit:
    return lambda b, x, y: getattr(b, name)(x, b.and_(y, splat(y, 31)))


def _fma(b: Builder, x: Value, y: Value, z: Value) -> Value:
    operands = [floats(b, one) for one in (x, y, z)]
    return words(b, call(b, "llvm.fma", operands[0].type, *operands))


def _sqrt(b: Builder, x: Value) -> Value:
    seen = floats(b, x)
    return words(b, call(b, "llvm.sqrt", seen.type, seen))


def _max(b: Builder, x: Value, y: Value) -> Value:
    return b.select(b.fcmp_ordered(">", floats(b, x), floats(b, y)), x, y)


def _select(b: Builder, x: Value, y: Value, z: Value) -> Value:
    return b.select(b.icmp_signed("!=", x, splat(x, 0)), y, z)


def _umulh(b: Builder, x: Value, y: Value) -> Value:
    wide = like(x, LONG)
    product = b.mul(b.zext(x, wide), b.zext(y, wide))
    return b.trunc(b.lshr(product, splat(product, 32)), x.type)


def _to_int_zero(b: Builder, x: Value) -> Value:
    return call(b, "llvm.fptosi.sat", x.type, floats(b, x))


def _to_int_nearest(b: Builder, x: Value) -> Value:
    # nearbyint rounds as the mode says, and the mode is to nearest even wherever this code may run.
    seen = floats(b, x)
    rounded = call(b, "llvm.nearbyint", seen.type, seen)
    return call(b, "llvm.fptosi.sat", x.type, rounded)


def _dot(b: Builder, acc: Value, x: Value, y: Value) -> Value:
    return _fma(b, x, y, acc)


def _idot(b: Builder, acc: Value, x: Value, y: Value) -> Value:
    return b.add(acc, b.mul(x, y))


MAPS: Final[Mapping[Opcode, Emit]] = {
    Opcode.ADD: _arithmetic("fadd"),
    Opcode.SUB: _arithmetic("fsub"),
    Opcode.MUL: _arithmetic("fmul"),
    Opcode.FMA: _fma,
    Opcode.DIV: _arithmetic("fdiv"),
    Opcode.SQRT: _sqrt,
    Opcode.MAX: _max,
    Opcode.LT: _compare("<"),
    Opcode.LE: _compare("<="),
    Opcode.EQ: _compare("=="),
    Opcode.ILT: _compare_int("<"),
    Opcode.ILE: _compare_int("<="),
    Opcode.IEQ: _compare_int("=="),
    Opcode.SELECT: _select,
    Opcode.IADD: _integer("add"),
    Opcode.ISUB: _integer("sub"),
    Opcode.IMUL: _integer("mul"),
    Opcode.UMULH: _umulh,
    Opcode.AND: _integer("and_"),
    Opcode.OR: _integer("or_"),
    Opcode.XOR: _integer("xor"),
    Opcode.SHL: _shift("shl"),
    Opcode.SHR: _shift("lshr"),
    Opcode.SAR: _shift("ashr"),
    Opcode.FROM_INT: lambda b, x: words(b, b.sitofp(x, like(x, _FLOAT))),
    Opcode.TO_INT_NEAREST: _to_int_nearest,
    Opcode.TO_INT_ZERO: _to_int_zero,
    Opcode.MOVE: lambda b, x: x,
}
"""Of every map but GATHER, which is a read: operands to result, raw."""

FOLDS: Final[Mapping[Opcode, Emit]] = {
    Opcode.SUM: _arithmetic("fadd"),
    Opcode.DOT: _dot,
    Opcode.MAXF: _max,
    Opcode.IDOT: _idot,
}
"""Of every fold: accumulator and operands to the next accumulator, raw."""

REDUCTIONS: Final[Mapping[Opcode, Emit]] = {
    Opcode.SUM: FOLDS[Opcode.SUM],
    Opcode.MAXF: FOLDS[Opcode.MAXF],
    Opcode.IDOT: _integer("add"),
}
"""Of folds over one operand: accumulator and operand to the next accumulator. IDOT's other is 1."""

MAKES_NAN: Final = frozenset({
    Opcode.ADD, Opcode.SUB, Opcode.MUL, Opcode.FMA, Opcode.DIV, Opcode.SQRT, Opcode.MAX,
    Opcode.SUM, Opcode.DOT, Opcode.MAXF,
})  # fmt: skip
"""Ops whose raw result may be a NaN of other bits than the canonical one."""

BLIND: Final = frozenset({
    Opcode.ADD, Opcode.SUB, Opcode.MUL, Opcode.FMA, Opcode.DIV, Opcode.SQRT, Opcode.MAX,
    Opcode.LT, Opcode.LE, Opcode.EQ, Opcode.TO_INT_NEAREST, Opcode.TO_INT_ZERO,
    Opcode.SELECT, Opcode.MOVE,
})  # fmt: skip
"""Ops to which all NaNs are alike, or that hand them on."""
HANDS_ON: Final = frozenset({Opcode.SELECT, Opcode.MOVE})
"""Of those, what hands on the bits of a NaN."""
