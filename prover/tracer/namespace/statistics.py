"""Sums, extremes and other reductions.

A sum, or a maximum of floats, along an axis is rows of its kind (`prover.tracer.lowering`); several
axes go one after the other, the last first, and all of them as one. What has no such rows is
halved: the upper half is combined with the lower, again and again.
"""

# ruff: noqa: A001 - the standard's names

from collections.abc import Callable
from typing import Final, SupportsIndex

from prover.tracer.array import Array
from prover.tracer.making import broadcast, concat, iota, reshape
from prover.tracer.namespace import elementwise
from prover.tracer.namespace.core import (  # fmt: skip
    Axes,
    Like,
    axes_of,
    axis_of,
    floats,
    masks,
    moved,
    numbers,
    scalar,
)
from prover.tracer.namespace.data_types import astype, float32, int32
from prover.tracer.namespace.exponential import sqrt
from prover.tracer.symbols import DType, Kind, TraceError

_LONGEST: Final = 4096
"""Of a cumulative sum of floats, which takes the square of it."""


def sum(x: Like, /, *, axis: Axes = None, dtype: object = None, keepdims: bool = False) -> Array:
    """The sum along axes; of all elements without `axis`. Of ints modulo 2^32."""
    x = _as(numbers(x), dtype)
    return _reduced(Kind.SUM, x, axis, keepdims=keepdims)


def max(x: Like, /, *, axis: Axes = None, keepdims: bool = False) -> Array:
    """The maximum along axes; beside NaNs that of some elements. All its places have a gradient."""
    x = numbers(x)
    how = Kind.MAX if x.element == DType.F32 else elementwise.maximum
    return _reduced(how, x, axis, keepdims=keepdims)


def min(x: Like, /, *, axis: Axes = None, keepdims: bool = False) -> Array:
    """The minimum along axes: of floats the negative of the maximum of the negatives."""
    x = numbers(x)
    if x.element == DType.F32:
        return -max(-x, axis=axis, keepdims=keepdims)
    return _reduced(elementwise.minimum, x, axis, keepdims=keepdims)


def prod(x: Like, /, *, axis: Axes = None, dtype: object = None, keepdims: bool = False) -> Array:
    """The product along axes, by halves. Of ints modulo 2^32."""
    x = _as(numbers(x), dtype)
    return _reduced(elementwise.multiply, x, axis, keepdims=keepdims)


def any(x: Like, /, *, axis: Axes = None, keepdims: bool = False) -> Array:
    """Whether one element is not 0."""
    return max(astype(masks(x), float32), axis=axis, keepdims=keepdims) > 0.0


def all(x: Like, /, *, axis: Axes = None, keepdims: bool = False) -> Array:
    """Whether no element is 0."""
    return max(astype(~masks(x), float32), axis=axis, keepdims=keepdims) <= 0.0


def count_nonzero(x: Like, /, *, axis: Axes = None, keepdims: bool = False) -> Array:
    """How many elements are not 0, int32."""
    return sum(astype(masks(x), int32), axis=axis, keepdims=keepdims)


def mean(x: Like, /, *, axis: Axes = None, keepdims: bool = False) -> Array:
    """The sum divided by the number of elements."""
    x = floats(x)
    total = sum(x, axis=axis, keepdims=keepdims)
    return total / (x.size // total.size)


def var(x: Like, /, *, axis: Axes = None, correction: float = 0.0, keepdims: bool = False) -> Array:
    """The mean square of what is left when the mean is subtracted.

    `correction` is subtracted from the number of elements, which must leave some.
    """
    x = floats(x)
    apart = x - mean(x, axis=axis, keepdims=True)
    total = sum(apart * apart, axis=axis, keepdims=keepdims)
    count = x.size // total.size
    if correction >= count:
        raise TraceError(f"a variance of {count} elements leaves none with correction={correction}")
    return total / (count - correction)


def std(x: Like, /, *, axis: Axes = None, correction: float = 0.0, keepdims: bool = False) -> Array:
    """The square root of the variance."""
    return sqrt(var(x, axis=axis, correction=correction, keepdims=keepdims))


def cumulative_sum(
    x: Like,
    /,
    *,
    axis: SupportsIndex | None = None,
    dtype: object = None,
    include_initial: bool = False,
) -> Array:
    """The sums of the first 1, 2, ... elements along an axis; a vector needs no axis.

    Of floats a product with a triangle of ones: each sum ascends and rounds at each addition, and
    an Inf or NaN makes all sums of its row NaN. Along at most 4096 places. Of ints modulo 2^32.
    """
    x = _as(numbers(x), dtype)
    if axis is None and x.ndim != 1:
        raise TraceError(f"cumulative_sum of shape {x.shape} needs an axis")
    place = axis_of(x, axis or 0)
    if x.element == DType.F32:
        sums = _triangular(moved(x, place, x.ndim - 1))
        at_front = moved(sums, x.ndim - 1, 0)
    else:
        at_front = _doubled(moved(x, place, 0))
    if include_initial:
        at_front = concat([broadcast(scalar(x, 0), (1, *at_front.shape[1:])), at_front])
    return moved(at_front, 0, place)


def _triangular(x: Array) -> Array:
    count = x.shape[-1]
    if count > _LONGEST:
        raise TraceError(f"a cumulative sum along {count} places; up to {_LONGEST}, cut it")
    row = iota(x.graph, count)
    ones = astype(reshape(row, (count, 1)) <= row, float32)
    return reshape(reshape(x, (x.size // count, count)) @ ones, x.shape)


def _doubled(x: Array) -> Array:
    """Each element with the one before, then with two before, with four before ..."""
    shift = 1
    while shift < len(x):
        x = concat([x[:shift], x[shift:] + x[:-shift]])
        shift *= 2
    return x


def _as(x: Array, dtype: object) -> Array:
    return x if dtype is None else astype(x, dtype)


def _reduced(
    how: Kind | Callable[[Array, Array], Array], x: Array, axes: Axes, *, keepdims: bool
) -> Array:
    """By rows of a kind, or by halves."""
    places = axes_of(x, axes)
    kept = tuple(1 if place in places else size for place, size in enumerate(x.shape))
    rest = tuple(size for place, size in enumerate(x.shape) if place not in places)
    if len(places) == x.ndim:
        x, places = reshape(x, (x.size,)), (0,)
    for place in reversed(places):
        if isinstance(how, Kind):
            shape = (*x.shape[:place], 1, *x.shape[place + 1 :])
            x = x.graph.add(how, (x,), shape, x.element, place)
        else:
            x = moved(_halved(moved(x, place, 0), how), 0, place)
    return reshape(x, kept if keepdims else rest)


def _halved(x: Array, combine: Callable[[Array, Array], Array]) -> Array:
    """Along the first axis; what is left over of odd numbers comes last."""
    left = []
    while len(x) > 1:
        half = len(x) // 2
        if len(x) % 2:
            left.append(x[2 * half :])
        x = combine(x[:half], x[half : 2 * half])
    for one in reversed(left):
        x = combine(x, one)
    return x
