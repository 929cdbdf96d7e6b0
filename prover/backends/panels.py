"""Laying words out anew for a matmul, as LLVM IR: copies and transposes of narrow panels."""

from contextlib import nullcontext
from typing import Any, Final

from llvmlite import ir

from prover.backends.tile import POINTER, first_lanes, masked_load, masked_store, shape, word_at
from prover.native.emit import WORD, Builder, Value
from prover.native.integers import Int, routine, run
from prover.native.loops import counted, long

_WORD_BYTES: Final = 4
_PIECE: Final = 4
"""Words that a shuffle moves about cheaply on every processor."""


def panel(module: Any, transposes: Any) -> Any:
    """A function that lays a panel out so that a tile reads it in a row.

    Parameters, all i64, strides in words: address of the source, words from a line to the next,
    from a k to the next, lines, k; address of the target, words from a k to the next there. The
    target's lines are side by side; where there are fewer than fill its vectors, the rest is not
    written.
    """
    made, b, (source, along, onward, lines, k, target, step) = routine(module, "panel", 7)
    lanes = shape().lanes
    with b.if_else(along.equals(1)) as (beside, apart):
        with beside:
            _copy(b, source, onward, lines, k, target, step)
        with apart, counted(b, long(0), lines.value, lanes) as index:
            first = Int(b, index)
            count = (lines - first).at_most(lanes)
            begin, to = source + along * first * _WORD_BYTES, target + first * _WORD_BYTES
            with b.if_else(onward.equals(1)) as (across, scattered):
                with across:
                    run(b, transposes, begin, along, count, k, to, step)
                with scattered:
                    _scalar(b, begin, along, onward, count, k, to, step)
    b.ret_void()
    return made


def _copy(
    b: Builder, source: Int, stride: Int, words: Int, lines: Int, target: Int, step: Int
) -> None:
    """target[step * line + n] = source[stride * line + n], n < words > 0, vector by vector."""
    lanes = shape().lanes
    kind = ir.VectorType(WORD, lanes)
    start, to = (b.inttoptr(address.value, POINTER) for address in (source, target))
    whole = (words - 1) & -lanes
    mask = first_lanes(b, (words - whole).value, lanes)
    with counted(b, long(0), lines.value) as line:
        at, there = word_at(b, start, (stride * line).value), word_at(b, to, (step * line).value)
        with counted(b, long(0), whole.value, lanes) as n:
            value = b.load(word_at(b, at, n), typ=kind, align=_WORD_BYTES)
            b.store(value, word_at(b, there, n), align=_WORD_BYTES)
        last = masked_load(b, word_at(b, at, whole.value), mask)
        masked_store(b, last, word_at(b, there, whole.value), mask)


def _scalar(
    b: Builder, source: Int, along: Int, onward: Int, lines: Int, k: Int, target: Int, step: Int
) -> None:
    """target[step * place + line] = source[onward * place + along * line], word by word."""
    start, to = (b.inttoptr(address.value, POINTER) for address in (source, target))
    with counted(b, long(0), k.value) as place, counted(b, long(0), lines.value) as line:
        at = word_at(b, start, (onward * place + along * line).value)
        word = b.load(at, typ=WORD, align=_WORD_BYTES)
        b.store(word, word_at(b, to, (step * place + line).value), align=_WORD_BYTES)


def transpose(module: Any) -> Any:
    """A function that transposes up to shape().lanes lines: target[c][r] = source[r][c].

    Parameters, all i64: address of the source, words from a line to the next, lines, words a line,
    address of the target, words from a line to the next.
    """
    made, b, (source, stride, lines, words, target, step) = routine(module, "transpose", 6)
    start, to = (b.inttoptr(address.value, POINTER) for address in (source, target))
    lanes = shape().lanes
    mask = first_lanes(b, lines.value, lanes)
    # Lines that there are none of: the last one again, and not written.
    starts = [
        word_at(b, start, (Int(b, long(line)).at_most(lines - 1) * stride).value)
        for line in range(lanes)
    ]
    whole = words & -lanes
    with counted(b, long(0), whole.value, lanes) as first:
        for column in range(0, lanes, _PIECE):
            _columns(b, starts, Int(b, first) + column, None, (to, step, mask))
    rest = words - whole
    for column in range(0, lanes, _PIECE):
        with b.if_then(Int(b, long(column)) < rest):
            _columns(b, starts, whole + column, rest - column, (to, step, mask))
    b.ret_void()
    return made


def _columns(
    b: Builder, lines: list[Value], first: Int, some: Int | None, target: tuple[Value, Int, Value]
) -> None:
    """Four columns of a square of words, or `some` of them, from word `first` of each of the lines
    to the target's lines `first`, ...: (pointer, words from a line to the next, mask).

    Pieces of four words are loaded so that what is left to do never leaves a group of four lanes.
    """
    seen = None if some is None else first_lanes(b, some.value, _PIECE)
    four = []
    for row in range(_PIECE):
        places = [word_at(b, line, first.value) for line in lines[row::_PIECE]]
        four.append(_joined(b, [_piece(b, place, seen) for place in places]))
    low = [_interleaved(b, four[n], four[n + 2], 0) for n in (0, 1)]
    high = [_interleaved(b, four[n], four[n + 2], 2) for n in (0, 1)]
    to, step, mask = target
    columns = [_interleaved(b, pair[0], pair[1], half) for pair in (low, high) for half in (0, 2)]
    for number, column in enumerate(columns):
        at = word_at(b, to, ((first + number) * step).value)
        there = nullcontext() if some is None else b.if_then(Int(b, long(number)) < some)
        with there:
            masked_store(b, column, at, mask)


def _piece(b: Builder, place: Value, seen: Value | None) -> Value:
    """Four words, or those of a mask."""
    if seen is not None:
        return masked_load(b, place, seen)
    return b.load(place, typ=ir.VectorType(WORD, _PIECE), align=_WORD_BYTES)


def _joined(b: Builder, parts: list[Value]) -> Value:
    """Vectors one after the other."""
    while len(parts) > 1:
        seats = list(range(2 * parts[0].type.count))
        parts = [
            b.shuffle_vector(*pair, _seats(seats))
            for pair in zip(parts[::2], parts[1::2], strict=True)
        ]
    return parts[0]


def _interleaved(b: Builder, x: Value, y: Value, half: int) -> Value:
    """x0 y0 x1 y1 of each group of four lanes; with `half` 2, x2 y2 x3 y3."""
    lanes = x.type.count
    seats = [
        group + half + number + side
        for group in range(0, lanes, _PIECE)
        for number in range(2)
        for side in (0, lanes)
    ]
    return b.shuffle_vector(x, y, _seats(seats))


def _seats(numbers: list[int]) -> Any:
    return ir.Constant(ir.VectorType(WORD, len(numbers)), numbers)
