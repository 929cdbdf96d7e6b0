"""Laying words out anew for a matmul, as LLVM IR: copies and transposes of narrow panels."""

from typing import Any, Final

from llvmlite import ir

from prover.backends.tile import POINTER, first_lanes, masked_load, masked_store, shape, word_at
from prover.native.emit import WORD, Builder, Value
from prover.native.integers import Int, routine, run
from prover.native.loops import counted, long

_WORD_BYTES: Final = 4


def panel(module: Any, transposes: Any) -> Any:
    """A function that lays a panel out so that a tile reads it in a row.

    Parameters, all i64, strides in words: address of the source, words from a line to the next,
    from a k to the next, lines, k; address of the target, words from a k to the next there. The
    target's lines are side by side; where there are fewer than fill its vectors, the rest is not
    written.
    """
    copies = _copy(module)
    made, b, (source, along, onward, lines, k, target, step) = routine(module, "panel", 7)
    lanes = shape().lanes
    with counted(b, long(0), lines.value, lanes) as index:
        first = Int(b, index)
        count = (lines - first).at_most(lanes)
        begin, to = source + along * first * _WORD_BYTES, target + first * _WORD_BYTES
        with b.if_else(along.equals(1)) as (beside, apart):
            with beside:
                run(b, copies, begin, onward, count, k, to, step)
            with apart, b.if_else(onward.equals(1)) as (across, scattered):
                with across:
                    run(b, transposes, begin, along, count, k, to, step)
                with scattered:
                    _scalar(b, begin, along, onward, count, k, to, step)
    b.ret_void()
    return made


def _copy(module: Any) -> Any:
    """A function that copies lines of up to shape().lanes words.

    Parameters, all i64: address of the source, words from a line to the next, words a line, lines,
    address of the target, words from a line to the next. What lies between is not written.
    """
    made, b, (source, stride, words, lines, target, step) = routine(module, "copy", 6)
    start, to = (b.inttoptr(address.value, POINTER) for address in (source, target))
    mask = first_lanes(b, words.value, shape().lanes)
    with counted(b, long(0), lines.value) as index:
        line = Int(b, index)
        value = masked_load(b, word_at(b, start, (line * stride).value), mask)
        masked_store(b, value, word_at(b, to, (line * step).value), mask)
    b.ret_void()
    return made


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
    kind = ir.VectorType(WORD, lanes)
    mask = first_lanes(b, lines.value, lanes)
    # Lines that there are none of: the last one again, and not written.
    starts = [
        word_at(b, start, (Int(b, long(line)).at_most(lines - 1) * stride).value)
        for line in range(lanes)
    ]
    whole = words & -lanes
    with counted(b, long(0), whole.value, lanes) as first:
        block = [b.load(word_at(b, at, first), typ=kind, align=_WORD_BYTES) for at in starts]
        for place, value in enumerate(_transposed(b, block)):
            at = word_at(b, to, ((Int(b, first) + place) * step).value)
            masked_store(b, value, at, mask)
    rest = [address + whole * by * _WORD_BYTES for address, by in ((source, 1), (target, step))]
    _scalar(b, rest[0], stride, Int(b, long(1)), lines, words - whole, rest[1], step)
    b.ret_void()
    return made


def _transposed(b: Builder, block: list[Value]) -> list[Value]:
    """The columns of a square of words: halves change places, then halves of halves ..."""
    lanes = len(block)
    half = lanes // 2
    block = list(block)
    while half:
        kept = [seat if not seat & half else lanes + seat - half for seat in range(lanes)]
        moved = [seat + half if not seat & half else lanes + seat for seat in range(lanes)]
        for line in range(lanes):
            if not line & half:
                upper, lower = block[line], block[line + half]
                block[line] = b.shuffle_vector(upper, lower, _seats(kept))
                block[line + half] = b.shuffle_vector(upper, lower, _seats(moved))
        half //= 2
    return block


def _seats(numbers: list[int]) -> Any:
    return ir.Constant(ir.VectorType(WORD, len(numbers)), numbers)
