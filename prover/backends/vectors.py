"""Vectors of 32 words in LLVM IR; the compiler cuts them to what the processor has."""

from typing import Any, Final

from llvmlite import ir

from prover.native.emit import LONG, REDUCTIONS, WORD, Builder, Emit, Value, like
from prover.ops import OPS, Opcode

LANES: Final = 32
VECTOR: Final = ir.VectorType(WORD, LANES)
POINTERS: Final = ir.VectorType(ir.PointerType(), LANES)
IOTA: Final = ir.Constant(ir.VectorType(LONG, LANES), list(range(LANES)))

_EXPONENT: Final = 0x7F800000
_ALIGNED: Final = ir.Constant(WORD, 4)


def splat(word: int) -> Any:
    """A word in every lane."""
    return ir.Constant(VECTOR, [word] * LANES)


def splat_long(number: int) -> Any:
    """An i64 in every lane."""
    return ir.Constant(ir.VectorType(LONG, LANES), [number] * LANES)


def first_lanes(count: int) -> Any:
    """A mask of the first lanes."""
    return ir.Constant(
        ir.VectorType(ir.IntType(1), LANES), [int(lane < count) for lane in range(LANES)]
    )


def load(b: Builder, pointer: Value, count: int) -> Value:
    """The first `count` words from an address; zeros in the other lanes."""
    if count == LANES:
        return b.load(pointer, typ=VECTOR, align=4)
    return _call(
        b, "llvm.masked.load.v32i32.p0", VECTOR, pointer, _ALIGNED, first_lanes(count), splat(0)
    )


def store(b: Builder, words: Value, pointer: Value, count: int) -> None:
    """The first `count` words to an address."""
    if count == LANES:
        b.store(words, pointer, align=4)
        return
    kind = ir.VoidType()
    mask = first_lanes(count)
    _call(b, "llvm.masked.store.v32i32.p0", kind, words, pointer, _ALIGNED, mask)


def gather(b: Builder, start: Value, index: Value, mask: Value) -> Value:
    """The words at 32 indices (i64) from an address; zeros where the mask is not set."""
    places = b.add(broadcast(b, b.ptrtoint(start, LONG)), b.mul(index, splat_long(4)))
    pointers = b.inttoptr(places, POINTERS)
    return _call(b, "llvm.masked.gather.v32i32.v32p0", VECTOR, pointers, _ALIGNED, mask, splat(0))


def broadcast(b: Builder, value: Value) -> Value:
    """A value in every lane."""
    kind = ir.VectorType(value.type, LANES)
    one = b.insert_element(ir.Constant(kind, ir.Undefined), value, ir.Constant(WORD, 0))
    return b.shuffle_vector(one, ir.Constant(kind, ir.Undefined), splat(0))


def lanes(b: Builder, words: Value, start: int, count: int) -> Value:
    """Some neighbouring lanes as a vector of their own."""
    order = ir.Constant(ir.VectorType(WORD, count), list(range(start, start + count)))
    return b.shuffle_vector(words, ir.Constant(words.type, ir.Undefined), order)


def shift(b: Builder, x: Value, y: Value) -> Value:
    """int32 x times int32 y, as long ints."""
    wide = like(x, LONG)
    return b.mul(b.sext(x, wide), b.sext(y, wide))


def halved(b: Builder, combine: Emit, words: Value) -> Value:
    """The lanes combined in halves: 16, 8, 4, 2, 1."""
    width = LANES
    while width > 1:
        width //= 2
        words = combine(b, *(lanes(b, words, start, width) for start in (0, width)))
    return b.extract_element(words, ir.Constant(WORD, 0))


def chain(b: Builder, opcode: Opcode, words: Value, count: int) -> Value:
    """The first lanes folded in order, from the identity."""
    total: Any = ir.Constant(WORD, OPS[opcode].identity)
    for lane in range(count):
        total = REDUCTIONS[opcode](b, total, b.extract_element(words, ir.Constant(WORD, lane)))
    return total


def not_finite(b: Builder, words: Value) -> Value:
    """Ones in the lanes that hold NaN or Inf."""
    exponent = b.and_(words, splat(_EXPONENT))
    return b.sext(b.icmp_unsigned("==", exponent, splat(_EXPONENT)), VECTOR)


def any_bits(b: Builder, words: Value) -> Value:
    """The bits that are set in some lane."""
    return _call(b, "llvm.vector.reduce.or.v32i32", WORD, words)


def _call(b: Builder, name: str, result: Any, *args: Value) -> Value:
    function = b.module.globals.get(name)
    if function is None:
        function = ir.Function(b.module, ir.FunctionType(result, [a.type for a in args]), name)
    return b.call(function, args)
