"""From a graph to rows: what is computed in which order, and which op is an address alone.

* Transposes, slices, broadcasts, the step's turn and most reshapes move nothing: they are strides.
* A matmul is a fold of fma, k ascending. Beyond 4096 it is cut into segments, each a fold of its
  own, whose results are summed in ascending order. Of ints it is one fold of IDOT, and a sum of
  ints is one with the factor 1: modulo 2**32 no order matters.
* A reduction along the last axis, over C words: 32 lanes (lane l folds l, l + 32, ...), then halves
  16, 8, 4, 2, 1, each lower lane combined with the one above; the C mod 32 words left over are one
  ascending fold, combined last. C < 32 is that fold alone. Along another axis: one ascending fold.
* 0, 1, 2 ... up to n is two words, then again and again the square of as many.
* exp, log, tanh, erf and sigmoid are `prover.tracer.elementary`.

Rows stand in the order of the graph. They still write to buffers; `prover.tracer.registers` says
which register each is.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from math import prod
from typing import Final

from prover.ops import Opcode
from prover.row import FIELD_BOUND, Operand, Quad
from prover.tracer import elementary, layout
from prover.tracer.array import Array
from prover.tracer.layout import Axis, Buffer, Line, Read, View, dense, merged, read, strides_of
from prover.tracer.symbols import DType, Kind, Op, Shape, TraceError

LANES: Final = 32
SEGMENT: Final = 4096
_INT32: Final = 1 << 31


@dataclass(slots=True)
class Lowering:
    """Rows so far, and where each array lies."""

    leaves: dict[int, View]
    """Of leaf arrays, by id."""
    targets: dict[int, Buffer] = field(default_factory=dict)
    """Buffers that arrays are wanted in, by id; a new one of scratch for all others."""
    lines: list[Line] = field(default_factory=list)
    views: dict[int, View] = field(default_factory=dict)
    name: str = ""

    def view(self, array: Array) -> View:
        """Where an array lies, once the rows that compute it are there."""
        known = self.views.get(id(array))
        if known is None:
            known = self.views[id(array)] = self._lower(array)
        return known

    def _lower(self, array: Array) -> View:
        if array.op == Kind.LEAF:
            return self.leaves[id(array)]
        if array.op == Kind.CONSTANT:
            return View((), (), word=array.attributes[0])
        views = [self.view(one) for one in array.inputs]
        if array.op in SEEN:
            return SEEN[array.op](self, array, views[0])
        out = self.targets.get(id(array)) or Buffer(array.size)
        self.name = _name(array)
        if isinstance(array.op, Opcode):
            self._map(array.op, array.shape, views, out, self.name)
        else:
            _COMPUTED[array.op](self, array, views, out)
        return dense(array.shape, out)

    def move(
        self, view: View, out: Buffer, name: str, *, modulus: int = 0, stride: int = 0
    ) -> View:
        """Copy what a view shows; densely, from the step's turn on."""
        self._map(Opcode.MOVE, view.shape, [view], out, name, modulus, stride)
        return dense(view.shape, out)

    def _map(
        self,
        opcode: Opcode,
        shape: Shape,
        views: Sequence[View],
        out: Buffer,
        name: str,
        modulus: int = 0,
        stride: int = 0,
        out_offset: int = 0,
    ) -> None:
        axes = [
            (size, tuple(view.strides[axis] if view.strides else 0 for view in views))
            for axis, size in enumerate(shape)
        ] or [(1, (0,) * len(views))]
        dims, strides = merged(axes)
        reads = [read(view, moves) for view, moves in zip(views, strides, strict=True)]
        self._emit(
            opcode, out, dims, 1, reads, name,
            out_offset=out_offset, out_modulus=modulus, out_stride=stride,
        )  # fmt: skip

    def _fold(
        self,
        opcode: Opcode,
        axes: Sequence[Axis],
        fold: int,
        views: Sequence[View],
        fold_strides: Sequence[int],
        out: Buffer,
        name: str,
        *,
        offsets: Sequence[int] | None = None,
        out_offset: int = 0,
    ) -> None:
        dims, strides = merged(axes or [(1, (0,) * len(views))])
        reads = [
            read(view, moves, fold_stride, offset)
            for view, moves, fold_stride, offset in zip(
                views, strides, fold_strides, offsets or [0] * len(views), strict=True
            )
        ]
        self._emit(opcode, out, dims, fold, reads, name, out_offset=out_offset)

    def _emit(
        self,
        opcode: Opcode,
        out: Buffer,
        dims: Quad,
        fold: int,
        reads: Sequence[Read],
        name: str,
        *,
        out_offset: int = 0,
        out_modulus: int = 0,
        out_stride: int = 0,
    ) -> None:
        if max(*dims, fold) >= FIELD_BOUND or out.length >= _INT32:
            raise TraceError(f"{name} is too large for a row; cut it into parts")
        line = Line(
            opcode, out, dims, fold, tuple(reads), name, out_offset, out_modulus, out_stride
        )
        self.lines.append(line)

    def matmul(self, array: Array, views: Sequence[View], out: Buffer) -> None:
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
            self._fold(opcode, axes, k, views, folds, out, self.name)
            return
        whole, rest = divmod(k, SEGMENT)
        size = prod(array.shape)
        parts = Buffer(size * (whole + (rest > 0)))
        along = (whole, (SEGMENT * folds[0], SEGMENT * folds[1]))
        self._fold(
            Opcode.DOT, [along, *axes], SEGMENT, views, folds, parts, f"{self.name} segments"
        )
        if rest:
            offsets = [SEGMENT * whole * fold for fold in folds]
            self._fold(
                Opcode.DOT, axes, rest, views, folds, parts, f"{self.name} last segment",
                offsets=offsets, out_offset=size * whole,
            )  # fmt: skip
        view = dense((size,), parts)
        count = whole + (rest > 0)
        self._fold(
            Opcode.SUM, [(size, (1,))], count, [view], [size], out, f"{self.name} sum of segments"
        )

    def reduce(self, array: Array, views: Sequence[View], out: Buffer) -> None:
        """A sum or maximum along one axis."""
        fold_op, map_op = _REDUCTIONS[array.op]
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
            self._fold(Opcode.IDOT, axes, count, [view, one], [stride, 0], out, self.name)
            return
        if axis != x.ndim - 1 or count < LANES:
            self._fold(fold_op, axes, count, [view], [stride], out, self.name)
            return
        whole, rest = divmod(count, LANES)
        size = out.length
        lanes = Buffer(size * LANES)
        self._fold(
            fold_op, [*axes, (LANES, (stride,))], whole, [view], [LANES * stride], lanes,
            f"{self.name} lanes",
        )  # fmt: skip
        width = LANES
        while width > 1:
            half = width // 2
            last = half == 1 and not rest
            to = out if last else Buffer(size * half)
            lower = View((size, half), (width, 1), 0, lanes)
            upper = View((size, half), (width, 1), half, lanes)
            self._map(map_op, (size, half), [lower, upper], to, f"{self.name} tree {half}")
            lanes, width = to, half
        if rest:
            tail = Buffer(size)
            offset = LANES * whole * stride
            self._fold(
                fold_op, axes, rest, [view], [stride], tail, f"{self.name} tail", offsets=[offset]
            )
            parts = [dense((size,), lanes), dense((size,), tail)]
            self._map(map_op, (size,), parts, out, f"{self.name} with tail")

    def elementary(self, array: Array, views: Sequence[View], out: Buffer) -> None:
        """exp, log, tanh, erf or sigmoid: maps one after the other, the last into `out`."""
        function = _ELEMENTARY[array.op]
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
            self._map(opcode, array.shape, seen, to, f"{self.name} {done}/{rows}")
            return dense(array.shape, to)

        function(emit, views[0])

    def take(self, array: Array, views: Sequence[View], out: Buffer) -> None:
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
        self._emit(Opcode.GATHER, out, dims, 1, reads, self.name)

    def iota(self, array: Array, views: Sequence[View], out: Buffer) -> None:
        """0, 1; then from k numbers k * k: each times k, and to each of these the k numbers."""
        made = out if array.size <= 2 else Buffer(2)
        for number in range(made.length):
            word = View((1,), (0,), word=number)
            self._map(Opcode.MOVE, (1,), [word], made, self.name, out_offset=number)
        while made is not out:
            made = self._more_numbers(made, array.size, out)

    def _more_numbers(self, made: Buffer, count: int, out: Buffer) -> Buffer:
        """From 0 .. k - 1 to 0 .. min(k * k, count) - 1."""
        length = made.length
        to = out if length * length >= count else Buffer(length * length)
        blocks, rest = divmod(to.length, length)
        numbers, times = dense((length,), made), Buffer(length)
        self._map(
            Opcode.IMUL, (length,), [numbers, View((length,), (0,), word=length)], times, self.name
        )
        high = View((blocks, length), (1, 0), 0, times)
        low = View((blocks, length), (0, 1), 0, made)
        self._map(Opcode.IADD, (blocks, length), [high, low], to, self.name)
        if rest:
            base = View((rest,), (0,), word=blocks * length)
            low = View((rest,), (1,), 0, made)
            self._map(Opcode.IADD, (rest,), [base, low], to, self.name, out_offset=blocks * length)
        return to

    def concat(self, array: Array, views: Sequence[View], out: Buffer) -> None:
        """A move for each part; they follow one another along the first axis."""
        at = 0
        for part, view in zip(array.inputs, views, strict=True):
            self._map(Opcode.MOVE, part.shape, [view], out, self.name, out_offset=at)
            at += part.size


def _broadcast(lowering: Lowering, array: Array, view: View) -> View:
    return layout.broadcast(view, array.shape)


def _permute(lowering: Lowering, array: Array, view: View) -> View:
    return layout.permute(view, array.attributes[0])


def _slice(lowering: Lowering, array: Array, view: View) -> View:
    return layout.cut(view, array.shape, *array.attributes)


def _turn(lowering: Lowering, array: Array, view: View) -> View:
    (modulus,) = array.attributes
    seen = layout.turned(view, modulus)
    if seen is None:
        copied = lowering.move(view, Buffer(prod(view.shape)), _name(array))
        seen = layout.turned(copied, modulus)
    return seen or view


def _reshape(lowering: Lowering, array: Array, view: View) -> View:
    seen = layout.reshaped(view, array.shape)
    if seen is None:
        copied = lowering.move(view, Buffer(array.size), _name(array))
        seen = dense(array.shape, copied.buffer or Buffer(array.size))
    return seen


def _name(array: Array) -> str:
    """What an array's rows are called: scope, op and shapes."""
    sizes = ["x".join(map(str, one.shape)) or "1" for one in array.inputs]
    shape = "x".join(map(str, array.shape)) or "1"
    what = array.op.name.lower()
    if array.op == Opcode.XOR and array.element == DType.F32:
        what = "negate"  # the sign bit flips
    if array.op == Opcode.MAX:
        what = "maximum"
    if array.op == Kind.MATMUL:
        return f"{array.scope}{what}[{sizes[0]} @ {sizes[1]}]"
    if array.op in _REDUCTIONS:
        return f"{array.scope}{what}[{sizes[0]} -> {shape}]"
    return f"{array.scope}{what}[{shape}]"


SEEN: Final[dict[Op, Callable[[Lowering, Array, View], View]]] = {
    Kind.DETACH: lambda lowering, array, view: view,
    Kind.RULED: lambda lowering, array, view: view,
    Kind.BROADCAST: _broadcast,
    Kind.PERMUTE: _permute,
    Kind.SLICE: _slice,
    Kind.TURN: _turn,
    Kind.RESHAPE: _reshape,
}
"""Ops that are addresses."""
_COMPUTED: Final[dict[Op, Callable[[Lowering, Array, Sequence[View], Buffer], None]]] = {
    **dict.fromkeys((Kind.EXP, Kind.LOG, Kind.TANH, Kind.ERF, Kind.SIGMOID), Lowering.elementary),
    Kind.MATMUL: Lowering.matmul,
    Kind.SUM: Lowering.reduce,
    Kind.MAX: Lowering.reduce,
    Kind.TAKE: Lowering.take,
    Kind.IOTA: Lowering.iota,
    Kind.CONCAT: Lowering.concat,
}
_REDUCTIONS: Final[dict[Op, tuple[Opcode, Opcode]]] = {
    Kind.SUM: (Opcode.SUM, Opcode.ADD),
    Kind.MAX: (Opcode.MAXF, Opcode.MAX),
}
_ELEMENTARY: Final[dict[Op, elementary.Elementary]] = {
    Kind.EXP: elementary.exp,
    Kind.LOG: elementary.log,
    Kind.TANH: elementary.tanh,
    Kind.ERF: elementary.erf,
    Kind.SIGMOID: elementary.sigmoid,
}
