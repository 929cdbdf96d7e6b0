"""Elements by their places."""

import functools
import operator
from typing import Any, Final, SupportsIndex

import numpy as np
from numpy.typing import NDArray

from prover.tracer.array import Array
from prover.tracer.making import (
    broadcast,
    broadcast_shapes,
    concat,
    detached,
    iota,
    permute,
    reshape,
    ruled,
)
from prover.tracer.namespace.core import Like, axis_of, moved, traced, where
from prover.tracer.namespace.literals import literal
from prover.tracer.symbols import DType, Kind, TraceError

_FEW: Final = 16
"""So many places that are known are moves of their own, and no gather."""


def take(x: Like, indices: Any, /, *, axis: SupportsIndex | None = None) -> Array:
    """The places `indices` along an axis; a vector needs no axis.

    Indices are int32 of any shape, and stand where the axis was. Traced ones count from 0; one that
    is out of range reads a word at some other place, or 0: keep them in range.

    Raises:
        TraceError: for indices that are not int32, or plain ones out of range.
    """
    x = traced(x)
    if isinstance(indices, Array) and indices.element != DType.I32:
        raise TraceError(f"take needs int32 places, not {indices.element.value}")
    if axis is None and x.ndim != 1:
        raise TraceError(f"take of shape {x.shape} needs an axis")
    place = axis_of(x, axis or 0)
    table = moved(x, place, 0)
    if isinstance(indices, Array):
        places = indices
    else:
        plain = _in_range(np.asarray(indices), len(table))
        if plain.size <= _FEW:
            rows = concat([table[int(one)][None] for one in plain.flat])
            rows = reshape(rows, (*plain.shape, *table.shape[1:]))
            return _in_place(rows, plain.ndim, place)
        places = literal(plain)
    shape = (*places.shape, *table.shape[1:])
    taken = x.graph.add(Kind.TAKE, (table, places), shape, x.element)
    return _in_place(taken, places.ndim, place)


def _in_range(indices: NDArray[Any], size: int) -> NDArray[Any]:
    """Plain indices, counted from 0."""
    if indices.dtype.kind not in "iu" or not indices.size:
        raise TraceError(f"take needs int32 places, not {indices.dtype.name} of {indices.shape}")
    outside = indices[(indices < -size) | (indices >= size)]
    if outside.size:
        raise TraceError(f"place {outside[0]} is outside of {size}")
    return indices % size


def _in_place(taken: Array, count: int, place: int) -> Array:
    """What was taken along the first axis, its `count` axes back at the axis it was taken from."""
    order = list(range(count, taken.ndim))
    order[place:place] = range(count)
    return permute(taken, tuple(order))


def take_along_axis(x: Like, indices: Like, /, *, axis: SupportsIndex = -1) -> Array:
    """For each of `indices`, int32, the element of x at that place along an axis.

    The other axes broadcast. Indices count from 0; one that is out of range reads a word at some
    other place, or 0: keep them in range.

    Raises:
        TraceError: for indices that are not int32.
    """
    x, indices = traced(x), traced(indices)
    if indices.element != DType.I32:
        raise TraceError(f"take_along_axis needs int32 places, not {indices.element.value}")
    if indices.ndim != x.ndim:
        raise TraceError(f"shapes {x.shape} and {indices.shape} differ in their number of axes")
    place = axis_of(x, axis)
    x, indices = moved(x, place, x.ndim - 1), moved(indices, place, x.ndim - 1)
    stack = broadcast_shapes(x.shape[:-1], indices.shape[:-1])
    x = broadcast(x, (*stack, x.shape[-1]))
    indices = broadcast(indices, (*stack, indices.shape[-1]))
    value = _from_rows(detached(x), indices)

    def rule(g: Array) -> list[Array]:
        """A place's gradient is the sum of what arrives from all that took it."""
        row = iota(x.graph, x.shape[-1])
        parts = []
        for number in range(indices.shape[-1]):
            one = (..., slice(number, number + 1))
            parts.append(where(indices[one] == row, g[one], 0.0))
        return [functools.reduce(operator.add, parts)]

    return moved(ruled(value, [x], rule), x.ndim - 1, place)


def _from_rows(x: Array, indices: Array) -> Array:
    """Places along the last axis, by their addresses in the whole array."""
    *stack, size = x.shape
    starts = reshape(iota(x.graph, x.size // size) * size, (*stack, 1))
    flat = reshape(x, (x.size,))
    return x.graph.add(Kind.TAKE, (flat, indices + starts), indices.shape, x.element)
