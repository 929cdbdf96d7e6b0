"""Sums, means, extremes and norms along axes."""

from collections.abc import Sequence
from typing import Any

from prover.fronts.torch_export.ops.promotion import cast, floats
from prover.fronts.torch_export.ops.table import lowers
from prover.tracer import Array, DType, TraceError, detach
from prover.tracer import namespace as xp

Axes = int | Sequence[int] | None


@lowers("sum", "sum.dim_IntList")
def total(x: Array, axes: Axes = None, keep: Any = False, dtype: DType | None = None) -> Array:
    """The sum; of masks and ints an int."""
    to = dtype or (DType.I32 if x.element == DType.MASK else x.element)
    return xp.sum(cast(x, to), axis=_axes(axes), keepdims=keep)


@lowers("mean", "mean.dim")
def mean(x: Array, axes: Axes = None, keep: Any = False, dtype: DType | None = None) -> Array:
    """The mean of floats."""
    return xp.mean(floats(x) if dtype else x, axis=_axes(axes), keepdims=keep)


@lowers("amax", "max")
def amax(x: Array, axes: Axes = None, keep: Any = False) -> Array:
    """The maximum."""
    return xp.max(x, axis=_axes(axes), keepdims=keep)


@lowers("amin", "min")
def amin(x: Array, axes: Axes = None, keep: Any = False) -> Array:
    """The minimum."""
    return xp.min(x, axis=_axes(axes), keepdims=keep)


@lowers("max.dim")
def max_dim(x: Array, axis: int, keep: Any = False) -> list[Array]:
    """The maximum and its place."""
    return [xp.max(x, axis=axis, keepdims=keep), xp.argmax(x, axis=axis, keepdims=keep)]


@lowers("min.dim")
def min_dim(x: Array, axis: int, keep: Any = False) -> list[Array]:
    """The minimum and its place."""
    return [xp.min(x, axis=axis, keepdims=keep), xp.argmin(x, axis=axis, keepdims=keep)]


@lowers("argmax")
def argmax(x: Array, axis: int | None = None, keep: Any = False) -> Array:
    """The first place of the maximum."""
    return xp.argmax(x, axis=axis, keepdims=keep)


@lowers("argmin")
def argmin(x: Array, axis: int | None = None, keep: Any = False) -> Array:
    """The first place of the minimum."""
    return xp.argmin(x, axis=axis, keepdims=keep)


@lowers("any", "any.dim", "any.dims")
def some(x: Array, axes: Axes = None, keep: Any = False) -> Array:
    """Whether one is not 0."""
    return xp.any(x, axis=_axes(axes), keepdims=keep)


@lowers("all", "all.dim", "all.dims")
def every(x: Array, axes: Axes = None, keep: Any = False) -> Array:
    """Whether none is 0."""
    return xp.all(x, axis=_axes(axes), keepdims=keep)


@lowers("prod", "prod.dim_int")
def prod(x: Array, axis: int | None = None, keep: Any = False, dtype: DType | None = None) -> Array:
    """The product."""
    return xp.prod(cast(x, dtype or x.element), axis=axis, keepdims=keep)


@lowers("cumsum")
def cumsum(x: Array, axis: int, dtype: DType | None = None) -> Array:
    """The sums so far."""
    return xp.cumulative_sum(cast(x, dtype or x.element), axis=axis)


@lowers("var.correction")
def var(
    x: Array, axes: Axes = None, correction: float | None = None, keepdim: Any = False
) -> Array:
    """The mean square distance from the mean; divided by n - 1 unless told otherwise."""
    less = 1 if correction is None else correction
    return xp.var(x, axis=_axes(axes), correction=less, keepdims=keepdim)


@lowers("std.correction")
def std(
    x: Array, axes: Axes = None, correction: float | None = None, keepdim: Any = False
) -> Array:
    """The root of `var`."""
    return xp.sqrt(var(x, axes, correction, keepdim))


@lowers("logsumexp")
def logsumexp(x: Array, axes: Axes, keep: Any = False) -> Array:
    """log(sum(e^x)); no exp overflows."""
    most = detach(xp.max(x, axis=_axes(axes), keepdims=True))
    found = xp.add(
        xp.log(xp.sum(xp.exp(xp.subtract(x, most)), axis=_axes(axes), keepdims=True)), most
    )
    return found if keep else xp.squeeze(found, axis=_axes(axes) or tuple(range(x.ndim)))


@lowers("linalg_vector_norm")
def vector_norm(
    x: Array, order: float = 2, axes: Axes = None, keep: Any = False, dtype: object = None
) -> Array:
    """The length of vectors: the root of the sum of squares, the sum or the greatest of |x|."""
    if order == 2:
        return xp.sqrt(xp.sum(xp.square(x), axis=_axes(axes), keepdims=keep))
    if order == 1:
        return xp.sum(xp.abs(x), axis=_axes(axes), keepdims=keep)
    if order == float("inf"):
        return xp.max(xp.abs(x), axis=_axes(axes), keepdims=keep)
    raise TraceError(f"norms are of order 1, 2 or inf, not {order}")


def _axes(axes: Axes) -> Any:
    """None for all axes, which torch also says by an empty list."""
    if isinstance(axes, int) or axes is None:
        return axes
    return tuple(axes) or None
