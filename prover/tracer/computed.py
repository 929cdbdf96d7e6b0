"""Ops that are rows of their own, and which; see `prover.tracer.lowering`."""

from collections.abc import Callable, Sequence
from math import prod
from typing import Final

from prover.ops import Opcode
from prover.row import Operand
from prover.tracer import elementary
from prover.tracer.array import Array
from prover.tracer.layout import Axis, Buffer, Read, View, dense, merged, read, strides_of
from prover.tracer.lines import Lines
from prover.tracer.symbols import DType, Kind, Op

LANES: Final = 32
SEGMENT: Final = 4096


def _matmul(lines: Lines, array: Array, views: Sequence[View], out: Buffer) -> None:
    """Folds of fma over k, in segments of at most 4096; of ints one fold."""
    x, y = views
    *stack, m, n = array.shape
    k = array.inputs[0].shape[-1]
    xs, ys = strides_of(x, array.ndim), strides_of(y, array.ndim)
    axes: list[Axis] = [(size, (xs[axis], ys[axis])) for axis, size in enumerate(stack)]
    axes += [(m, (xs[-2], 0)), (n, (0, ys[-1]))]
    folds = (xs[-1], ys[-2])
    if k <= SEGMENT or array.element == DType.I32:
        opcode = Opcode.IDOT if array.element == DType.I32 else Opcode.DOT
        lines.fold(opcode, axes, k, views, folds, out, lines.name)
        return
    whole, rest = divmod(k, SEGMENT)
    size = prod(array.shape)
    parts = Buffer(size * (whole + (rest > 0)))
    along = (whole, (SEGMENT * folds[0], SEGMENT * folds[1]))
    lines.fold(Opcode.DOT, [along, *axes], SEGMENT, views, folds, parts, f"{lines.name} segments")
    if rest:
        offsets = [SEGMENT * whole * fold for fold in folds]
        lines.fold(
            Opcode.DOT, axes, rest, views, folds, parts, f"{lines.name} last segment",
            offsets=offsets, out_offset=size * whole,
        )  # fmt: skip
    view = dense((size,), parts)
    count = whole + (rest > 0)
    lines.fold(
        Opcode.SUM, [(size, (1,))], count, [view], [size], out, f"{lines.name} sum of segments"
    )


def _reduce(lines: Lines, array: Array, views: Sequence[View], out: Buffer) -> None:
    """A sum or maximum along one axis."""
    fold_op, map_op = REDUCTIONS[array.op]
    (view,) = views
    (axis,) = array.attributes
    (x,) = array.inputs
    strides = strides_of(view, x.ndim)
    others = [place for place in range(x.ndim) if place != axis]
    axes: list[Axis] = [(x.shape[place], (strides[place],)) for place in others]
    count, stride = x.shape[axis], strides[axis]
    if x.element == DType.I32:
        one = View((), (), word=1)
        axes = [(size, (moves[0], 0)) for size, moves in axes]
        lines.fold(Opcode.IDOT, axes, count, [view, one], [stride, 0], out, lines.name)
        return
    if axis != x.ndim - 1 or count < LANES:
        lines.fold(fold_op, axes, count, [view], [stride], out, lines.name)
        return
    whole, rest = divmod(count, LANES)
    size = out.length
    lanes = Buffer(size * LANES)
    lines.fold(
        fold_op, [*axes, (LANES, (stride,))], whole, [view], [LANES * stride], lanes,
        f"{lines.name} lanes",
    )  # fmt: skip
    width = LANES
    while width > 1:
        half = width // 2
        last = half == 1 and not rest
        to = out if last else Buffer(size * half)
        lower = View((size, half), (width, 1), 0, lanes)
        upper = View((size, half), (width, 1), half, lanes)
        lines.map(map_op, (size, half), [lower, upper], to, f"{lines.name} tree {half}")
        lanes, width = to, half
    if rest:
        tail = Buffer(size)
        offset = LANES * whole * stride
        lines.fold(
            fold_op, axes, rest, [view], [stride], tail, f"{lines.name} tail", offsets=[offset]
        )
        parts = [dense((size,), lanes), dense((size,), tail)]
        lines.map(map_op, (size,), parts, out, f"{lines.name} with tail")


def _elementary(lines: Lines, array: Array, views: Sequence[View], out: Buffer) -> None:
    """exp, log, tanh, erf, normal or sigmoid: maps one after the other, the last into `out`."""
    function = _FUNCTIONS[array.op]
    rows = elementary.rows(function)
    done = 0

    def emit(opcode: Opcode, *operands: View | int) -> View:
        nonlocal done
        done += 1
        seen = [
            View((), (), word=operand) if isinstance(operand, int) else operand
            for operand in operands
        ]
        to = out if done == rows else Buffer(array.size)
        lines.map(opcode, array.shape, seen, to, f"{lines.name} {done}/{rows}")
        return dense(array.shape, to)

    function(emit, views[0])


def _take(lines: Lines, array: Array, views: Sequence[View], out: Buffer) -> None:
    """A gather along an axis: the index times the table's stride there shifts the address."""
    table, places = views
    axis = array.attributes[0] if array.attributes else 0
    sizes, rows = array.inputs[0].shape, array.inputs[1].shape
    along, at = strides_of(table, len(sizes)), strides_of(places, len(rows))
    kept: list[Axis] = [(size, (0, along[place])) for place, size in enumerate(sizes)]
    taken: list[Axis] = [(size, (at[place], 0)) for place, size in enumerate(rows)]
    axes = [*kept[:axis], *taken, *kept[axis + 1 :]]
    dims, (index_moves, table_moves) = merged(axes or [(1, (0, 0))])
    stride = Read(None, Operand.immediate(along[axis] & 0xFFFFFFFF))
    reads = [read(places, index_moves), stride, read(table, table_moves)]
    lines.emit(Opcode.GATHER, out, dims, 1, reads, lines.name)


def _iota(lines: Lines, array: Array, views: Sequence[View], out: Buffer) -> None:
    """0, 1; then from k numbers k * k: each times k, and to each of these the k numbers."""
    made = out if array.size <= 2 else Buffer(2)
    for number in range(made.length):
        word = View((1,), (0,), word=number)
        lines.map(Opcode.MOVE, (1,), [word], made, lines.name, out_offset=number)
    while made is not out:
        made = _more_numbers(lines, made, array.size, out)


def _more_numbers(lines: Lines, made: Buffer, count: int, out: Buffer) -> Buffer:
    """From 0 .. k - 1 to 0 .. min(k * k, count) - 1."""
    length = made.length
    to = out if length * length >= count else Buffer(length * length)
    blocks, rest = divmod(to.length, length)
    numbers, times = dense((length,), made), Buffer(length)
    lines.map(
        Opcode.IMUL, (length,), [numbers, View((length,), (0,), word=length)], times, lines.name
    )
    high = View((blocks, length), (1, 0), 0, times)
    low = View((blocks, length), (0, 1), 0, made)
    lines.map(Opcode.IADD, (blocks, length), [high, low], to, lines.name)
    if rest:
        base = View((rest,), (0,), word=blocks * length)
        low = View((rest,), (1,), 0, made)
        lines.map(Opcode.IADD, (rest,), [base, low], to, lines.name, out_offset=blocks * length)
    return to


def _concat(lines: Lines, array: Array, views: Sequence[View], out: Buffer) -> None:
    """A move for each part; they follow one another along the first axis."""
    at = 0
    for part, view in zip(array.inputs, views, strict=True):
        if not part.size:
            continue
        lines.map(Opcode.MOVE, part.shape, [view], out, lines.name, out_offset=at)
        at += part.size


REDUCTIONS: Final[dict[Op, tuple[Opcode, Opcode]]] = {
    Kind.SUM: (Opcode.SUM, Opcode.ADD),
    Kind.MAX: (Opcode.MAXF, Opcode.MAX),
}
_FUNCTIONS: Final[dict[Op, elementary.Elementary]] = {
    Kind.EXP: elementary.exp,
    Kind.LOG: elementary.log,
    Kind.TANH: elementary.tanh,
    Kind.ERF: elementary.erf,
    Kind.NORMAL: elementary.normal,
    Kind.SIGMOID: elementary.sigmoid,
}
COMPUTED: Final[dict[Op, Callable[[Lines, Array, Sequence[View], Buffer], None]]] = {
    **dict.fromkeys(_FUNCTIONS, _elementary),
    Kind.MATMUL: _matmul,
    Kind.SUM: _reduce,
    Kind.MAX: _reduce,
    Kind.TAKE: _take,
    Kind.IOTA: _iota,
    Kind.CONCAT: _concat,
}
