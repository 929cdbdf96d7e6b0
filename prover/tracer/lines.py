"""Rows as they are written: over views of buffers, one after the other."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from prover.ops import Opcode
from prover.row import FIELD_BOUND, Quad
from prover.tracer.layout import Axis, Buffer, Line, Read, View, dense, merged, read
from prover.tracer.symbols import Shape, TraceError

_INT32 = 1 << 31


@dataclass(slots=True)
class Lines:
    """The rows so far."""

    lines: list[Line] = field(default_factory=list, init=False)
    name: str = field(default="", init=False)
    """What the array is called whose rows are written."""

    def move(
        self, view: View, out: Buffer, name: str, *, modulus: int = 0, stride: int = 0
    ) -> View:
        """Copy what a view shows; densely, from the step's turn on."""
        self.map(Opcode.MOVE, view.shape, [view], out, name, modulus, stride)
        return dense(view.shape, out)

    def map(
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
        """A map over a shape, densely into `out` from an offset on."""
        axes = [
            (size, tuple(view.strides[axis] if view.strides else 0 for view in views))
            for axis, size in enumerate(shape)
        ] or [(1, (0,) * len(views))]
        dims, strides = merged(axes)
        reads = [read(view, moves) for view, moves in zip(views, strides, strict=True)]
        self.emit(
            opcode, out, dims, 1, reads, name,
            out_offset=out_offset, out_modulus=modulus, out_stride=stride,
        )  # fmt: skip

    def fold(
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
        """A fold for each place of the axes; `fold_strides` and `offsets` are the operands'."""
        dims, strides = merged(axes or [(1, (0,) * len(views))])
        reads = [
            read(view, moves, fold_stride, offset)
            for view, moves, fold_stride, offset in zip(
                views, strides, fold_strides, offsets or [0] * len(views), strict=True
            )
        ]
        self.emit(opcode, out, dims, fold, reads, name, out_offset=out_offset)

    def emit(
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
        """Any row.

        Raises:
            TraceError: when a size has no place in a row, or is 0.
        """
        if min(*dims, fold) < 1:
            raise TraceError(f"{name} has no elements; there are no empty arrays here")
        if max(*dims, fold) >= FIELD_BOUND or out.length >= _INT32:
            raise TraceError(f"{name} is too large for a row; cut it into parts")
        line = Line(
            opcode, out, dims, fold, tuple(reads), name, out_offset, out_modulus, out_stride
        )
        self.lines.append(line)
