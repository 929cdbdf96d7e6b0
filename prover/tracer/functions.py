"""What models are made of, over the array API: the same code for plain and for traced arrays."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from prover.ops import Opcode
from prover.tracer.array import Array, map_op, pair
from prover.tracer.symbols import DType, Kind


def detach(x: Any) -> Any:
    """The same values, through which no gradient flows."""
    if not isinstance(x, Array):
        return x
    return x.graph.add(Kind.DETACH, (x,), x.shape, x.element)


def ruled(value: Any, inputs: Sequence[Any], rule: Callable[[Any], Sequence[Any]]) -> Any:
    """The same values, whose gradient is given rather than derived.

    `rule` takes the gradient that arrives and gives that of each of `inputs`, in its shape; no
    gradient flows into what `value` was computed from otherwise. Without effect on plain arrays.
    """
    if not isinstance(value, Array):
        return value
    return value.graph.add(Kind.RULED, (value, *inputs), value.shape, value.element, rule)


def fma(x: Any, y: Any, z: Any) -> Any:
    """x * y + z, rounded once; on plain arrays through float64, which now and then rounds twice."""
    traced = next((one for one in (x, y, z) if isinstance(one, Array)), None)
    if traced is None:
        wide = np.asarray(x, np.float64) * np.asarray(y, np.float64) + np.asarray(z, np.float64)
        return wide.astype(np.result_type(x, y, z))
    return map_op(Opcode.FMA, DType.F32, *(pair(traced, one)[1] for one in (x, y, z)))


def rsqrt(x: Any) -> Any:
    """1 / sqrt(x), each rounded."""
    xp = x.__array_namespace__()
    return np.float32(1) / xp.sqrt(x)


def snap(x: Any, below: float) -> Any:
    """x, and 0 where |x| < `below`; NaNs stay."""
    xp = x.__array_namespace__()
    return xp.where(xp.abs(x) < np.float32(below), np.float32(0), x)


def softmax(x: Any) -> Any:
    """exp(x) / sum(exp(x)) along the last axis; no exp overflows."""
    xp = x.__array_namespace__()
    exps = xp.exp(x - detach(xp.max(x, axis=-1, keepdims=True)))
    shares = exps / xp.sum(exps, axis=-1, keepdims=True)

    def rule(g: Any) -> tuple[Any]:
        return ((g - xp.sum(g * shares, axis=-1, keepdims=True)) * shares,)

    return ruled(shares, [x], rule)


def log_softmax(x: Any) -> Any:
    """log(softmax(x)) along the last axis; no exp overflows."""
    xp = x.__array_namespace__()
    shifted = x - detach(xp.max(x, axis=-1, keepdims=True))
    return shifted - xp.log(xp.sum(xp.exp(shifted), axis=-1, keepdims=True))


def cross_entropy(logits: Any, target: Any) -> Any:
    """Mean cross-entropy of logits (n, classes) against one-hot rows of the same shape."""
    xp = logits.__array_namespace__()
    return xp.sum(log_softmax(logits) * target) / np.float32(-logits.shape[0])


def layer_norm(x: Any, weight: Any, bias: Any, eps: float = 1e-5) -> Any:
    """(x - mean) / sqrt(variance + eps) * weight + bias along the last axis.

    The variance is the mean square distance from the mean; `weight` and `bias` have one value for
    each place of the last axis.
    """
    xp = x.__array_namespace__()
    apart = x - xp.mean(x, axis=-1, keepdims=True)
    variance = xp.mean(apart * apart, axis=-1, keepdims=True)
    scale = rsqrt(variance + np.float32(eps))
    normal = apart * scale

    def rule(g: Any) -> tuple[Any, Any, Any]:
        weighted = g * weight
        level = xp.mean(weighted, axis=-1, keepdims=True)
        slope = xp.mean(weighted * normal, axis=-1, keepdims=True)
        of_x = fma(normal, -slope, weighted - level) * scale
        rows = list(range(x.ndim - 1))
        if not rows:
            return of_x, g * normal, g
        return of_x, xp.sum(g * normal, axis=rows), xp.sum(g, axis=rows)

    return ruled(fma(normal, weight, bias), [x, weight, bias], rule)


def descend(param: Any, grad: Any, rate: float) -> Any:
    """A step of gradient descent: param - rate * grad, rounded once."""
    return fma(grad, np.float32(-rate), param)
