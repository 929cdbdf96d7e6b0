"""Shapes and orders. Except where parts are put behind each other, nothing moves."""

import functools
import operator
from collections.abc import Sequence
from typing import Any, SupportsIndex

from prover.tracer import making
from prover.tracer.array import Array
from prover.tracer.making import broadcast, permute
from prover.tracer.namespace.core import Axes, Like, axes_of, axis_of, moved, sizes_of, traced
from prover.tracer.symbols import Shape, TraceError


def reshape(x: Like, /, shape: Any, *, copy: object = None) -> Array:
    """The elements in row-major order under another shape; one size may be -1."""
    return making.reshape(traced(x), sizes_of(shape))


def permute_dims(x: Like, /, axes: Sequence[SupportsIndex]) -> Array:
    """The axes in another order."""
    x = traced(x)
    return permute(x, tuple(axis_of(x, axis) for axis in axes))


def matrix_transpose(x: Like, /) -> Array:
    """Each matrix of a stack transposed."""
    return traced(x).mT


def moveaxis(x: Like, source: Any, destination: Any, /) -> Array:
    """Axes at other places, the others in their order."""
    x = traced(x)
    sources, targets = (
        [axis_of(x, one) for one in sizes_of(axes)] for axes in (source, destination)
    )
    if len(sources) != len(targets) or any(len({*one}) != len(one) for one in (sources, targets)):
        raise TraceError(f"axes {source} do not move to {destination}, one each")
    order = [axis for axis in range(x.ndim) if axis not in sources]
    for target, one in sorted(zip(targets, sources, strict=True)):
        order.insert(target, one)
    return permute(x, tuple(order))


def broadcast_shapes(*shapes: Shape) -> Shape:
    """The shape that all broadcast to."""
    return making.broadcast_shapes(*shapes)


def broadcast_to(x: Like, /, shape: Any) -> Array:
    """The array seen in a larger shape."""
    return broadcast(traced(x), sizes_of(shape))


def broadcast_arrays(*arrays: Like) -> list[Array]:
    """Arrays seen in the shape that all broadcast to."""
    seen = [traced(one) for one in arrays]
    shape = making.broadcast_shapes(*(one.shape for one in seen))
    return [broadcast(one, shape) for one in seen]


def expand_dims(x: Like, /, *, axis: SupportsIndex = 0) -> Array:
    """A new axis of size 1."""
    x = traced(x)
    place = operator.index(axis)
    if not -x.ndim - 1 <= place <= x.ndim:
        raise TraceError(f"shape {x.shape} has no place {place} for an axis")
    place %= x.ndim + 1
    return making.reshape(x, (*x.shape[:place], 1, *x.shape[place:]))


def squeeze(x: Like, /, axis: Axes) -> Array:
    """Without axes of size 1."""
    x = traced(x)
    places = axes_of(x, axis)
    for place in places:
        if x.shape[place] != 1:
            raise TraceError(f"axis {place} of shape {x.shape} is not of size 1")
    return making.reshape(x, tuple(n for place, n in enumerate(x.shape) if place not in places))


def concat(arrays: Sequence[Like], /, *, axis: SupportsIndex | None = 0) -> Array:
    """Arrays behind each other along an axis, or flattened with axis=None."""
    parts = [traced(one) for one in arrays]
    if not parts:
        raise TraceError("concat takes one array or more")
    if axis is None:
        return making.concat([making.reshape(one, (one.size,)) for one in parts])
    place = axis_of(parts[0], axis)
    for one in parts:
        if one.ndim != parts[0].ndim:
            raise TraceError(f"shapes {parts[0].shape} and {one.shape} differ in their axes")
    return moved(making.concat([moved(one, place, 0) for one in parts]), 0, place)


def stack(arrays: Sequence[Like], /, *, axis: SupportsIndex = 0) -> Array:
    """Arrays of one shape behind each other along a new axis."""
    parts = [traced(one) for one in arrays]
    if len({one.shape for one in parts}) != 1:
        raise TraceError(f"stack takes arrays of one shape, not {[one.shape for one in parts]}")
    return concat([expand_dims(one, axis=axis) for one in parts], axis=axis)


def unstack(x: Like, /, *, axis: SupportsIndex = 0) -> tuple[Array, ...]:
    """The arrays at the places along an axis."""
    x = traced(x)
    return tuple(moved(x, axis_of(x, axis), 0))


def flip(x: Like, /, *, axis: Axes = None) -> Array:
    """Axes backwards; all of them without `axis`."""
    x = traced(x)
    places = axes_of(x, axis)
    return x[tuple(slice(None, None, -1 if axis in places else 1) for axis in range(x.ndim))]


def roll(x: Like, /, shift: Any, *, axis: Any = None) -> Array:
    """Places moved on along axes, the last ones to the front; flattened without `axis`."""
    x = traced(x)
    if axis is None:
        return making.reshape(roll(making.reshape(x, (x.size,)), shift, axis=0), x.shape)
    axes, shifts = sizes_of(axis), sizes_of(shift)
    if len(shifts) != len(axes) and 1 not in (len(shifts), len(axes)):
        raise TraceError(f"roll by {shift} along {axis}; give one shift for each axis")
    count = max(len(axes), len(shifts))
    for one, by in zip(axes * (count // len(axes)), shifts * (count // len(shifts)), strict=True):
        place = axis_of(x, one)
        front = moved(x, place, 0)
        if at := -by % len(front):
            x = moved(making.concat([front[at:], front[:at]]), 0, place)
    return x


def repeat(x: Like, repeats: Any, /, *, axis: SupportsIndex | None = None) -> Array:
    """Each place along an axis so many times; flattened without `axis`.

    Raises:
        TraceError: for numbers of repeats that differ; use take.
    """
    x = traced(x)
    if isinstance(repeats, Array) or not hasattr(repeats, "__index__") or int(repeats) < 1:
        raise TraceError("repeat takes one number, 1 or more; use take where they differ")
    if axis is None:
        x, axis = making.reshape(x, (x.size,)), 0
    place, times = axis_of(x, axis), int(repeats)
    before, after = x.shape[: place + 1], x.shape[place + 1 :]
    seen = broadcast(making.reshape(x, (*before, 1, *after)), (*before, times, *after))
    return making.reshape(seen, (*before[:-1], before[-1] * times, *after))


def tile(x: Like, repetitions: Sequence[int], /) -> Array:
    """The whole array so many times along each axis, counted from the last."""
    x = traced(x)
    times = sizes_of(repetitions)
    if min(times, default=1) < 1:
        raise TraceError(f"tile takes numbers of 1 or more, not {times}")
    ndim = max(x.ndim, len(times))
    sizes = (*[1] * (ndim - x.ndim), *x.shape)
    times = (*[1] * (ndim - len(times)), *times)
    x = making.reshape(x, sizes)
    for axis, count in enumerate(times):  # one after the other: a row has four dimensions
        before, after = x.shape[:axis], x.shape[axis:]
        seen = broadcast(making.reshape(x, (*before, 1, *after)), (*before, count, *after))
        x = making.reshape(seen, (*before, count * after[0], *after[1:]))
    return x


def diff(
    x: Like, /, *, axis: SupportsIndex = -1, n: int = 1, prepend: Like | None = None,
    append: Like | None = None,
) -> Array:  # fmt: skip
    """Each place less the one before, `n` times."""
    parts = [traced(one) for one in (prepend, x, append) if one is not None]
    x = concat(parts, axis=axis) if len(parts) > 1 else parts[0]
    place = axis_of(x, axis)
    if not 0 <= n < x.shape[place]:
        raise TraceError(f"{n} differences of {x.shape[place]} places leave none")
    front = moved(x, place, 0)
    front = functools.reduce(lambda one, _: one[1:] - one[:-1], range(n), front)
    return moved(front, 0, place)
