"""Losses that torch keeps as one op; others come as the ops that they are made of."""

from typing import Final

from prover.fronts.torch_export.ops.table import lowers
from prover.tracer import Array, DType, TraceError, detach, nn
from prover.tracer import namespace as xp

_MEAN: Final = 1
_SUM: Final = 2


@lowers("mse_loss")
def mse_loss(x: Array, target: Array, reduction: int = _MEAN) -> Array:
    """The squares of what is apart."""
    if reduction == _MEAN and x.shape == target.shape:
        return nn.mean_squared_error(x, target)  # type: ignore[no-any-return]
    return _reduced(xp.square(xp.subtract(x, target)), reduction)


@lowers("cross_entropy_loss")
def cross_entropy_loss(
    logits: Array,
    target: Array,
    weight: Array | None = None,
    reduction: int = _MEAN,
    ignored: int = -100,
    smoothing: float = 0.0,
) -> Array:
    """The cross-entropy of logits (n, classes, ...) against labels (n, ...) or shares of a class.

    Labels that are ignored, and any that are no class, add nothing and are not counted.
    """
    if weight is not None:
        raise TraceError("classes all weigh the same here; leave weight out")
    logits = _classes_last(logits)
    if target.element == DType.I32 and reduction == _MEAN and not smoothing:
        return _mean_of_labels(logits, target, ignored)
    scores = nn.log_softmax(logits)
    if target.element == DType.I32:
        return _of_labels(scores, target, reduction, ignored, smoothing)
    shares = _classes_last(target)
    if smoothing:
        shares = nn.fma(shares, 1 - smoothing, smoothing / logits.shape[-1])
    apart = xp.negative(xp.sum(xp.multiply(scores, shares), axis=-1))
    return _reduced(apart, reduction)


@lowers("nll_loss_nd")
def nll_loss(
    scores: Array,
    target: Array,
    weight: Array | None = None,
    reduction: int = _MEAN,
    ignored: int = -100,
) -> Array:
    """Minus the scores (n, classes, ...) at the labels (n, ...)."""
    if weight is not None:
        raise TraceError("classes all weigh the same here; leave weight out")
    return _of_labels(_classes_last(scores), target, reduction, ignored, 0.0)


@lowers("binary_cross_entropy")
def binary_cross_entropy(
    x: Array, target: Array, weight: Array | None = None, reduction: int = _MEAN
) -> Array:
    """-(target log(x) + (1 - target) log(1 - x)); no logarithm is below -100.

    The gradient of x has x (1 - x) below it, or 1e-12 where that is less, as for an x of 0 or 1.
    """
    less = xp.subtract(1.0, x)
    of_one = xp.maximum(xp.log(x), -100.0)
    of_none = xp.maximum(xp.log(less), -100.0)
    both = xp.multiply(target, of_one) + xp.multiply(xp.subtract(1.0, target), of_none)

    def rule(g: Array) -> list[Array]:
        steep = xp.divide(xp.subtract(x, target), xp.maximum(xp.multiply(x, less), 1e-12))
        return [xp.multiply(g, steep), xp.multiply(g, xp.subtract(of_none, of_one))]

    apart = nn.ruled(xp.negative(both), [x, target], rule)
    return _reduced(apart if weight is None else xp.multiply(apart, weight), reduction)


def _mean_of_labels(logits: Array, labels: Array, ignored: int) -> Array:
    """What `_of_labels` gives of the logarithms of shares, with a gradient of a few rows."""
    shifted = xp.subtract(logits, detach(xp.max(logits, axis=-1, keepdims=True)))
    exps = xp.exp(shifted)
    total = xp.sum(exps, axis=-1, keepdims=True)
    places = xp.expand_dims(labels, axis=-1)
    chosen = xp.equal(places, xp.arange(logits.shape[-1]))
    spoken = xp.sum(xp.where(chosen, shifted, 0.0), axis=-1, keepdims=True)
    counts = xp.not_equal(places, ignored)
    apart = xp.where(counts, xp.subtract(xp.log(total), spoken), 0.0)
    count = xp.sum(xp.astype(counts, "float32"))

    def rule(g: Array) -> list[Array]:
        shares = xp.divide(exps, total)
        slope = xp.where(counts, xp.divide(g, count), 0.0)
        return [xp.multiply(xp.where(chosen, xp.subtract(shares, 1.0), shares), slope)]

    made: Array = nn.ruled(xp.divide(xp.sum(apart), count), [logits], rule)
    return made


def _of_labels(
    scores: Array, labels: Array, reduction: int, ignored: int, smoothing: float
) -> Array:
    classes = scores.shape[-1]
    chosen = xp.equal(xp.expand_dims(labels, axis=-1), xp.arange(classes))
    apart = xp.negative(xp.sum(xp.where(chosen, scores, 0.0), axis=-1))
    if smoothing:
        even = xp.negative(xp.mean(scores, axis=-1))
        apart = nn.fma(apart, 1 - smoothing, xp.multiply(even, smoothing))
    counts = xp.not_equal(labels, ignored)
    if smoothing or 0 <= ignored < classes:
        apart = xp.where(counts, apart, 0.0)
    if reduction != _MEAN:
        return _reduced(apart, reduction)
    return xp.divide(xp.sum(apart), detach(xp.sum(xp.astype(counts, "float32"))))


def _classes_last(x: Array) -> Array:
    """(n, classes, ...) as (n, ..., classes); (classes) as it is."""
    return xp.permute_dims(x, (0, *range(2, x.ndim), 1)) if x.ndim > 2 else x


def _reduced(x: Array, reduction: int) -> Array:
    if reduction == _MEAN:
        return xp.mean(x)
    return xp.sum(x) if reduction == _SUM else x
