"""Sums, means, extremes and norms along axes."""

from collections.abc import Callable, Sequence
from typing import Any

from prover.fronts.torch_export.ops.promotion import cast, floats
from prover.fronts.torch_export.ops.table import lowers
from prover.tracer import Array, DType, TraceError, detach, ruled
from prover.tracer import namespace as xp
from prover.tracer.making import iota, reshape

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
    """The maximum; all its places share the gradient."""
    return _shared(xp.max, x, axes, keep)


@lowers("amin", "min")
def amin(x: Array, axes: Axes = None, keep: Any = False) -> Array:
    """The minimum; all its places share the gradient."""
    return _shared(xp.min, x, axes, keep)


def _shared(extreme: Callable[..., Array], x: Array, axes: Axes, keep: Any) -> Array:
    value, whole = (extreme(x, axis=_axes(axes), keepdims=one) for one in (keep, True))
    if x.element != DType.F32:
        return value

    def rule(g: Array) -> list[Array]:
        here = xp.equal(x, whole)
        many = xp.sum(xp.astype(here, "float32"), axis=_axes(axes), keepdims=True)
        return [xp.where(here, xp.divide(reshape(g, whole.shape), many), 0.0)]

    made: Array = ruled(value, [x], rule)
    return made


@lowers("max.dim")
def max_dim(x: Array, axis: int, keep: Any = False) -> list[Array]:
    """The maximum and its first place, to which the gradient goes."""
    return _placed(xp.max, xp.argmax, x, axis, keep)


@lowers("min.dim")
def min_dim(x: Array, axis: int, keep: Any = False) -> list[Array]:
    """The minimum and its first place, to which the gradient goes."""
    return _placed(xp.min, xp.argmin, x, axis, keep)


def _placed(
    extreme: Callable[..., Array], place: Callable[..., Array], x: Array, axis: int, keep: Any
) -> list[Array]:
    value, at = (one(x, axis=axis, keepdims=keep) for one in (extreme, place))
    if x.element != DType.F32 or not x.ndim:
        return [value, at]

    def rule(g: Array) -> list[Array]:
        first = place(x, axis=axis, keepdims=True)
        along = tuple(-1 if one == axis % x.ndim else 1 for one in range(x.ndim))
        here = xp.equal(reshape(iota(x.graph, x.shape[axis]), along), first)
        return [xp.where(here, reshape(g, first.shape), 0.0)]

    return [ruled(value, [x], rule), at]


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
    """The root of `var`; where it is 0, so is its gradient."""
    less = 1 if correction is None else correction
    spread = xp.var(x, axis=_axes(axes), correction=less, keepdims=True)
    whole, value = xp.sqrt(spread), xp.sqrt(var(x, axes, correction, keepdim))

    def rule(g: Array) -> list[Array]:
        count = x.size // whole.size - less
        share = xp.divide(reshape(g, whole.shape), xp.multiply(whole, count))
        apart = xp.subtract(x, xp.mean(x, axis=_axes(axes), keepdims=True))
        return [xp.multiply(apart, xp.where(xp.equal(whole, 0.0), 0.0, share))]

    made: Array = ruled(value, [x], rule)
    return made


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
        return _length(x, axes, keep)
    if order == 1:
        return xp.sum(xp.abs(x), axis=_axes(axes), keepdims=keep)
    if order == float("inf"):
        return amax(xp.abs(x), axes, keep)
    raise TraceError(f"norms are of order 1, 2 or inf, not {order}")


def _length(x: Array, axes: Axes, keep: Any) -> Array:
    """The root of the sum of squares; where it is 0, so is its gradient."""
    squares = xp.square(x)
    value, whole = (
        xp.sqrt(xp.sum(squares, axis=_axes(axes), keepdims=one)) for one in (keep, True)
    )

    def rule(g: Array) -> list[Array]:
        share = xp.divide(reshape(g, whole.shape), whole)
        return [xp.multiply(x, xp.where(xp.equal(whole, 0.0), 0.0, share))]

    made: Array = ruled(value, [x], rule)
    return made


def _axes(axes: Axes) -> Any:
    """None for all axes, which torch also says by an empty list."""
    if isinstance(axes, int) or axes is None:
        return axes
    return tuple(axes) or None
