"""Panels of small ints, as LLVM IR: several ints of a chain in a word; and which ints are small."""

from typing import Any, Final

from llvmlite import ir

from prover.backends.arithmetic import Arithmetic
from prover.backends.tile import (
    POINTER,
    first_lanes,
    masked_load,
    masked_store,
    shape,
    word_at,
)
from prover.native.emit import LONG, WORD, Builder, Value, splat
from prover.native.integers import Int, routine, run
from prover.native.loops import counted, folded, long

_BYTES: Final = 4


def pack(module: Any, arithmetic: Arithmetic, transposes: Any, deepest: int, *, right: bool) -> Any:
    """As `panels.panel`, of ints that are small, `arithmetic.packed` of a line in a word; k counts
    ints, at most as many as `deepest` words hold. What is missing in the last word is 0.

    The panel of the right side (y's) is flipped, that of the left ends with the line of what
    flipping asks for.
    """
    name = f"pack_{'right' if right else 'left'}"
    made, b, (source, along, onward, lines, k, target, step) = routine(module, name, 7)
    flip = arithmetic.flipped if right else 0
    lanes = shape().lanes
    buffer = b.alloca(ir.ArrayType(WORD, lanes * (deepest + lanes)))
    own = Int(b, b.ptrtoint(buffer, LONG))
    with b.if_else(along.equals(1)) as (beside, apart):
        with beside:
            _beside(b, arithmetic, (source, onward, lines, k, target, step), flip)
        with apart, counted(b, long(0), lines.value, lanes) as index:
            first = Int(b, index)
            count = (lines - first).at_most(lanes)
            begin, to = source + along * first * _BYTES, target + first * _BYTES
            with b.if_else(onward.equals(1)) as (across, scattered):
                with across:
                    stride = Int(b, long(deepest + lanes))
                    with counted(b, long(0), count.value) as line:
                        at = begin + along * line * _BYTES
                        _line(b, arithmetic, at, k, own + stride * line * _BYTES, flip)
                    words = k.parts(arithmetic.packed)
                    run(b, transposes, own, stride, count, words, to, step)
                with scattered:
                    _scattered(b, arithmetic, (begin, along, onward, count, k, to, step), flip)
    if arithmetic.flipped and not right:
        _correct(b, arithmetic, target, step, k.parts(arithmetic.packed))
    b.ret_void()
    return made


def _joined(b: Builder, arithmetic: Arithmetic, ints: list[Value], flip: int) -> Value:
    """Words (or vectors of them) of the ints whose lowest bits go into each, lowest first."""
    low = splat(ints[0], (1 << arithmetic.bits) - 1)
    whole = splat(ints[0], flip)
    for place, one in enumerate(ints):
        moved = b.shl(b.and_(one, low), splat(one, arithmetic.bits * place))
        whole = b.xor(whole, moved)
    return whole


def _beside(b: Builder, arithmetic: Arithmetic, about: tuple[Int, ...], flip: int) -> None:
    """Lines side by side: as many vectors, one of each k, become one."""
    source, onward, lines, k, target, step = about
    lanes, packed = shape().lanes, arithmetic.packed
    kind = ir.VectorType(WORD, lanes)
    every = first_lanes(b, long(lanes), lanes)
    whole, rest = (lines - 1) & -lanes, k - (k // packed) * packed
    edge = first_lanes(b, (lines - whole).value, lanes)

    def group(word: Int, at: Value, mask: Value, count: Int | None) -> Value:
        start = source + (onward * word * packed) * _BYTES
        ints = []
        for place in range(packed):
            there = (start + onward * place * _BYTES).value
            pointer = word_at(b, b.inttoptr(there, POINTER), at)
            if count is None and mask is every:
                ints.append(b.load(pointer, typ=kind, align=_BYTES))
                continue
            seen = mask
            if count is not None:
                none = ir.Constant(mask.type, None)
                seen = b.select(count >= place + 1, mask, none)
            ints.append(masked_load(b, pointer, seen))
        return _joined(b, arithmetic, ints, flip)

    def line(word: Int, count: Int | None) -> None:
        to = b.inttoptr((target + step * word * _BYTES).value, POINTER)
        with counted(b, long(0), whole.value, lanes) as at:
            b.store(group(word, at, every, count), word_at(b, to, at), align=_BYTES)
        last = group(word, whole.value, edge, count)
        masked_store(b, last, word_at(b, to, whole.value), edge)

    with counted(b, long(0), (k // packed).value) as word:
        line(Int(b, word), None)
    with b.if_then(rest >= 1):
        line(k // packed, rest)


def _line(b: Builder, arithmetic: Arithmetic, source: Int, k: Int, target: Int, flip: int) -> None:
    """One line whose ints are side by side; up to a vector of words too many are written."""
    lanes, packed = shape().lanes, arithmetic.packed
    kind, long_kind = ir.VectorType(WORD, lanes), ir.VectorType(WORD, lanes * packed)
    small = ir.VectorType(ir.IntType(arithmetic.bits), lanes * packed)
    start, to = (b.inttoptr(address.value, POINTER) for address in (source, target))
    each = lanes * packed
    whole = (k // each) * each

    def store(ints: Value, at: Value) -> None:
        words = b.xor(b.bitcast(b.trunc(ints, small), kind), ir.Constant(kind, [flip] * lanes))
        b.store(words, word_at(b, to, b.sdiv(at, long(packed))), align=_BYTES)

    with counted(b, long(0), whole.value, each) as at:
        store(b.load(word_at(b, start, at), typ=long_kind, align=_BYTES), at)
    with b.if_then(k >= whole + 1):
        parts = []
        for place in range(packed):
            at = whole + place * lanes
            mask = first_lanes(b, (k - at).at_least(0).value, lanes)
            parts.append(masked_load(b, word_at(b, start, at.value), mask))
        while len(parts) > 1:
            seats = ir.Constant(
                ir.VectorType(WORD, 2 * parts[0].type.count), list(range(2 * parts[0].type.count))
            )
            parts = [
                b.shuffle_vector(*pair, seats) for pair in zip(parts[::2], parts[1::2], strict=True)
            ]
        store(parts[0], whole.value)


def _scattered(b: Builder, arithmetic: Arithmetic, about: tuple[Int, ...], flip: int) -> None:
    """Int by int."""
    source, along, onward, lines, k, target, step = about
    start, to = (b.inttoptr(address.value, POINTER) for address in (source, target))
    words = k.parts(arithmetic.packed)
    with counted(b, long(0), words.value) as index, counted(b, long(0), lines.value) as line:
        word = Int(b, index)
        ints = []
        for place in range(arithmetic.packed):
            at = word * arithmetic.packed + place
            there = at < k
            seen = onward * at.at_most(k - 1) + along * line
            one = b.load(word_at(b, start, seen.value), typ=WORD, align=_BYTES)
            ints.append(b.select(there, one, WORD(0)))
        joined = _joined(b, arithmetic, ints, flip)
        b.store(joined, word_at(b, to, (step * word + line).value), align=_BYTES)


def _correct(b: Builder, arithmetic: Arithmetic, panel: Int, step: Int, words: Int) -> None:
    """Behind the words of one vector of lines, what flipping the other side adds to each, taken
    away.
    """
    kind = ir.VectorType(WORD, shape().lanes)
    zeros = ir.Constant(kind, None)
    start = b.inttoptr(panel.value, POINTER)
    with folded(b, long(0), words.value, 1, [zeros]) as (at, now, following):
        x = b.load(word_at(b, start, (step * at).value), typ=kind, align=_BYTES)
        following.append(arithmetic.step(b, now[0], x, splat(x, arithmetic.flipped)))
    (added,) = following
    end = word_at(b, start, (step * words).value)
    b.store(b.sub(zeros, added), end, align=_BYTES)


def all_small(module: Any, arithmetic: Arithmetic) -> Any:
    """A function that tells (i1) whether the ints of a matrix fit in `arithmetic.bits`.

    Parameters, all i64, strides in words: its address, from a line to the next, lines, from an int
    to the next, ints a line.
    """
    kind = ir.FunctionType(ir.IntType(1), [LONG] * 5)
    made = ir.Function(module, kind, "all_small")
    made.linkage = "internal"
    b = ir.IRBuilder(made.append_basic_block())
    source, along, lines, onward, ints = (Int(b, one) for one in made.args)
    turned = along.equals(1)
    along, onward = along.or_if(turned, onward), onward.or_if(turned, along)
    lines, ints = lines.or_if(turned, ints), ints.or_if(turned, lines)
    lanes = shape().lanes
    vector = ir.VectorType(WORD, lanes)
    half = 1 << (arithmetic.bits - 1)
    seen = b.alloca(vector)
    b.store(ir.Constant(vector, None), seen)

    def note(words: Value) -> None:
        above = b.add(words, splat(words, half))
        b.store(b.or_(b.load(seen, typ=vector), above), seen)

    # Of lines that are all the same one will do.
    lines = lines.or_if(along.equals(0), lines.at_most(1))
    with counted(b, long(0), lines.value) as line:
        start = b.inttoptr((source + along * line * _BYTES).value, POINTER)
        with b.if_else(onward.equals(1)) as (beside, apart):
            with beside:
                whole = ints & -lanes
                with counted(b, long(0), whole.value, lanes) as at:
                    note(b.load(word_at(b, start, at), typ=vector, align=_BYTES))
                mask = first_lanes(b, (ints - whole).value, lanes)
                note(masked_load(b, word_at(b, start, whole.value), mask))
            with apart, counted(b, long(0), ints.value) as at:
                word = b.load(word_at(b, start, (onward * at).value), typ=WORD, align=_BYTES)
                note(b.insert_element(ir.Constant(vector, None), word, WORD(0)))
    high = b.and_(b.load(seen, typ=vector), ir.Constant(vector, [-(2 * half) & 0xFFFFFFFF] * lanes))
    found = [b.extract_element(high, WORD(lane)) for lane in range(lanes)]
    bits = found[0]
    for one in found[1:]:
        bits = b.or_(bits, one)
    b.ret(b.icmp_unsigned("==", bits, WORD(0)))
    return made
