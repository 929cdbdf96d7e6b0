"""What training lowers, over the array API: a mean over the batch."""

from math import prod
from typing import Any

from prover.tracer.nn.core import arange, detach, ruled
from prover.tracer.nn.normalisation import log_softmax
from prover.tracer.standard import namespace_of
from prover.tracer.symbols import TraceError


def cross_entropy(logits: Any, target: Any) -> Any:
    """Mean cross-entropy of logits (..., classes) against shares of the same shape, or int32 labels
    of shape (...).

    A label that is no class counts as a class that no logit speaks for: it is not refused.

    Raises:
        TraceError: when the target has another shape.
    """
    if target.shape == logits.shape:
        xp = namespace_of(logits, target)
        return xp.sum(log_softmax(logits) * target) / -float(prod(logits.shape[:-1]))
    if target.shape == logits.shape[:-1]:
        return _of_labels(logits, target)
    raise TraceError(
        f"a target of shape {target.shape} for logits of shape {logits.shape}; give int32 labels "
        f"of shape {logits.shape[:-1]} or shares of shape {logits.shape}"
    )


def _of_labels(logits: Any, labels: Any) -> Any:
    xp = namespace_of(logits, labels)
    *batch, classes = logits.shape
    count = prod(batch)
    shifted = logits - detach(xp.max(logits, axis=-1, keepdims=True))
    exps = xp.exp(shifted)
    total = xp.sum(exps, axis=-1, keepdims=True)
    chosen = xp.expand_dims(labels, axis=-1) == arange(labels, classes)
    spoken = xp.sum(xp.where(chosen, shifted, 0.0))
    value = (xp.sum(xp.log(total)) - spoken) / float(count)

    def rule(g: Any) -> tuple[Any]:
        shares = exps / total
        return (xp.where(chosen, shares - 1.0, shares) * (g / float(count)),)

    return ruled(value, [logits], rule)


def mean_squared_error(x: Any, target: Any) -> Any:
    """The mean of (x - target)^2 over all elements."""
    xp = namespace_of(x, target)
    apart = x - target
    return xp.mean(apart * apart)
