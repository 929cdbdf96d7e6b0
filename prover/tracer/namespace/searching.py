"""Places of extremes, counts, and the choice between two arrays."""

# ruff: noqa: A004 - the standard's names

from collections.abc import Callable
from typing import Final, Literal, SupportsIndex

from prover.tracer.array import Array
from prover.tracer.making import detached, iota, reshape
from prover.tracer.namespace.core import Like, axis_of, numbers, operands, where
from prover.tracer.namespace.data_types import astype, float32, int32
from prover.tracer.namespace.manipulation import expand_dims
from prover.tracer.namespace.statistics import count_nonzero, max, min
from prover.tracer.symbols import TraceError

__all__ = ["argmax", "argmin", "count_nonzero", "searchsorted", "where"]

_MOST: Final = 1 << 24
"""Below it floats hold all ints."""


def argmax(x: Like, /, *, axis: SupportsIndex | None = None, keepdims: bool = False) -> Array:
    """The first place of the maximum, int32: along an axis, or in the flattened array.

    Beside NaNs it is some place.
    """
    return _place_of(max, numbers(x), axis, keepdims)


def argmin(x: Like, /, *, axis: SupportsIndex | None = None, keepdims: bool = False) -> Array:
    """The first place of the minimum, int32: see `argmax`."""
    return _place_of(min, numbers(x), axis, keepdims)


def _place_of(
    extreme: Callable[..., Array], x: Array, axis: SupportsIndex | None, keepdims: bool
) -> Array:
    """Of places that hold the extreme the least, as the maximum of their negatives."""
    shape: tuple[int, ...] = (1,) * x.ndim
    if axis is None:
        x, along = reshape(x, (x.size,)), 0
    else:
        along = axis_of(x, axis)
        shape = (*x.shape[:along], 1, *x.shape[along + 1 :])
    if x.shape[along] >= _MOST:
        raise TraceError(
            f"argmax and argmin along {x.shape[along]} places; reshape to less than 2^24"
        )
    x = detached(x)
    here = x == extreme(x, axis=along, keepdims=True)
    ranks = -astype(iota(x.graph, x.shape[along]), float32)
    ranks = reshape(ranks, tuple(len(ranks) if place == along else 1 for place in range(x.ndim)))
    last = 1.0 - x.shape[along]  # a place too where NaNs leave none
    found = astype(-max(where(here, ranks, last), axis=along, keepdims=keepdims), int32)
    return reshape(found, shape) if keepdims else found


def searchsorted(
    x1: Like, x2: Like, /, *, side: Literal["left", "right"] = "left", sorter: None = None
) -> Array:
    """Where each of x2 belongs in the vector x1, which ascends: how many of x1 are below it.

    With side="right" those equal to it count too.

    Raises:
        TraceError: for a sorter, or an x1 that is no vector.
    """
    x, y = operands(x1, x2)
    if x.ndim != 1 or sorter is not None:
        raise TraceError(f"searchsorted takes a vector that ascends, and no sorter; not {x.shape}")
    y = expand_dims(y, axis=-1)
    return count_nonzero(x < y if side == "left" else x <= y, axis=-1)
