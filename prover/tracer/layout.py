"""Where arrays lie: buffers, strided views of them, and rows over both.

A view says at which affine addresses of a buffer an array's elements are; transposing, slicing and
broadcasting change the view and move nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import prod

from prover.ops import Opcode
from prover.row import Kind, Operand, Quad, RegisterId
from prover.tracer.symbols import Shape, TraceError

_INT32 = 1 << 31


@dataclass(eq=False, slots=True)
class Buffer:
    """What rows write and read: a register that is given, or one of scratch yet to be found."""

    length: int
    register: RegisterId | None = None


@dataclass(frozen=True, slots=True)
class View:
    """Where an array's elements lie: at affine addresses of a buffer, or all in one word."""

    shape: Shape
    strides: Shape
    offset: int = 0
    buffer: Buffer | None = None
    word: int = 0
    modulus: int = 0
    turn: int = 0

    @property
    def dense(self) -> bool:
        """Whether the elements lie row-major from the offset on."""
        return all(
            stride == size
            for stride, size, n in zip(self.strides, row_major(self.shape), self.shape, strict=True)
            if n > 1
        )


@dataclass(frozen=True, slots=True)
class Read:
    """An operand whose register is yet to be found."""

    buffer: Buffer | None
    operand: Operand


@dataclass(frozen=True, slots=True)
class Line:
    """A row whose registers are yet to be found."""

    opcode: Opcode
    out: Buffer
    dims: Quad
    fold: int
    reads: tuple[Read, ...]
    name: str
    out_offset: int = 0
    out_modulus: int = 0
    out_stride: int = 0


def row_major(shape: Shape) -> Shape:
    """The strides of elements that lie densely."""
    return tuple(prod(shape[axis + 1 :]) for axis in range(len(shape)))


def dense(shape: Shape, buffer: Buffer, offset: int = 0) -> View:
    """A whole array in a buffer."""
    return View(shape, row_major(shape), offset, buffer)


Axis = tuple[int, tuple[int, ...]]
"""A size, and how far each operand moves."""


def merged(axes: Sequence[Axis]) -> tuple[Quad, list[Quad]]:
    """Four dimensions with the same elements in the same order, and each operand's strides."""
    kept: list[Axis] = []
    for size, moves in axes:
        if size == 1:
            continue
        if kept and all(a == b * size for a, b in zip(kept[-1][1], moves, strict=True)):
            kept[-1] = (kept[-1][0] * size, moves)
        else:
            kept.append((size, moves))
    if len(kept) > 4:
        raise TraceError(f"an op over axes {[size for size, _ in kept]} needs more than 4; reshape")
    operands = len(axes[0][1]) if axes else 0
    kept = [(1, (0,) * operands)] * (4 - len(kept)) + kept
    d0, d1, d2, d3 = (size for size, _ in kept)
    strides: list[Quad] = []
    for number in range(operands):
        s0, s1, s2, s3 = (moves[number] for _, moves in kept)
        strides.append((s0, s1, s2, s3))
    return (d0, d1, d2, d3), strides


def broadcast(view: View, shape: Shape) -> View:
    """The view in a larger shape: axes that are new or were of size 1 do not move."""
    added = len(shape) - len(view.shape)
    sizes = (*[1] * added, *view.shape)
    strides = (*[0] * added, *view.strides)
    kept = [
        stride if old == size else 0
        for stride, old, size in zip(strides, sizes, shape, strict=True)
    ]
    return replace(view, shape=shape, strides=tuple(kept))


def permute(view: View, axes: Shape) -> View:
    """The view with its axes in another order."""
    shape = tuple(view.shape[axis] for axis in axes)
    return replace(view, shape=shape, strides=tuple(view.strides[axis] for axis in axes))


def cut(view: View, shape: Shape, starts: Shape, steps: Shape) -> View:
    """Each axis from a start on in steps."""
    offset = view.offset + sum(a * b for a, b in zip(starts, view.strides, strict=True))
    strides = tuple(a * b for a, b in zip(steps, view.strides, strict=True))
    return replace(view, shape=shape, strides=strides, offset=offset)


def turned(view: View, modulus: int) -> View | None:
    """The first axis at the training step mod `modulus`; None when the view turns already."""
    if view.modulus and view.turn:
        return None
    return replace(
        view, shape=view.shape[1:], strides=view.strides[1:], modulus=modulus,
        turn=view.strides[0],
    )  # fmt: skip


def reshaped(view: View, shape: Shape) -> View | None:
    """The same elements under another shape; None when no strides say that."""
    if view.buffer is None or 0 in shape:
        return replace(view, shape=shape, strides=(0,) * len(shape))
    runs: list[tuple[int, int]] = []
    for size, stride in zip(view.shape, view.strides, strict=True):
        if size == 1:
            continue
        if runs and runs[-1][1] == stride * size:
            runs[-1] = (runs[-1][0] * size, stride)
        else:
            runs.append((size, stride))
    strides: list[int] = []
    left = 1
    for size in reversed(shape):
        if size == 1:
            strides.append(0)
            continue
        if left == 1:
            left, stride = runs.pop()
        if left % size:
            return None
        strides.append(stride)
        left //= size
        stride *= size
    return replace(view, shape=shape, strides=tuple(reversed(strides)))


def strides_of(view: View, ndim: int) -> Shape:
    """The view's strides, 0 for one word."""
    return view.strides or (0,) * ndim


def read(view: View, strides: Quad, fold_stride: int = 0, offset: int = 0) -> Read:
    """The operand that reads a view along a row's dimensions.

    Raises:
        TraceError: when an address has no place in a row.
    """
    if view.buffer is None:
        return Read(None, Operand.immediate(view.word))
    at = view.offset + offset
    if max(map(abs, (*strides, fold_stride, at, view.turn))) >= _INT32:
        raise TraceError("an address beyond 2^31 words; cut the array into parts")
    operand = Operand(
        Kind.REGISTER, RegisterId(0), view.buffer.length, at, strides, fold_stride,
        view.modulus, view.turn,
    )  # fmt: skip
    return Read(view.buffer, operand)
