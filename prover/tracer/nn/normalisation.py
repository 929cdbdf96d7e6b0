"""softmax and what brings values to mean 0 and variance 1, over the array API."""

from typing import Any

from prover.tracer.nn.core import detach, fma, rsqrt, ruled
from prover.tracer.standard import namespace_of


def softmax(x: Any, axis: int = -1) -> Any:
    """exp(x) / sum(exp(x)) along an axis; no exp overflows."""
    xp = namespace_of(x)
    exps = xp.exp(x - detach(xp.max(x, axis=axis, keepdims=True)))
    shares = exps / xp.sum(exps, axis=axis, keepdims=True)

    def rule(g: Any) -> tuple[Any]:
        return ((g - xp.sum(g * shares, axis=axis, keepdims=True)) * shares,)

    return ruled(shares, [x], rule)


def log_softmax(x: Any, axis: int = -1) -> Any:
    """log(softmax(x)) along an axis; no exp overflows."""
    xp = namespace_of(x)
    shifted = x - detach(xp.max(x, axis=axis, keepdims=True))
    return shifted - xp.log(xp.sum(xp.exp(shifted), axis=axis, keepdims=True))


def layer_norm(x: Any, weight: Any = None, bias: Any = None, eps: float = 1e-5) -> Any:
    """(x - mean) / sqrt(variance + eps) * weight + bias along the last axis.

    The variance is the mean square distance from the mean; `weight` and `bias`, where given, have
    one value for each place of the last axis.
    """
    xp = namespace_of(x)
    apart = x - xp.mean(x, axis=-1, keepdims=True)
    variance = xp.mean(apart * apart, axis=-1, keepdims=True)
    scale = rsqrt(variance + eps)
    normal = apart * scale
    given = [one for one in (weight, bias) if one is not None]

    def rule(g: Any) -> list[Any]:
        weighted = g if weight is None else g * weight
        level = xp.mean(weighted, axis=-1, keepdims=True)
        slope = xp.mean(weighted * normal, axis=-1, keepdims=True)
        parts = [fma(normal, -slope, weighted - level) * scale]
        rows = tuple(range(x.ndim - 1))
        if weight is not None:
            parts.append(xp.sum(g * normal, axis=rows) if rows else g * normal)
        if bias is not None:
            parts.append(xp.sum(g, axis=rows) if rows else g)
        return parts

    if weight is not None and bias is not None:
        value = fma(normal, weight, bias)
    elif weight is not None:
        value = normal * weight
    else:
        value = normal if bias is None else normal + bias
    return ruled(value, [x, *given], rule)


def rms_norm(x: Any, weight: Any = None, eps: float = 1e-6) -> Any:
    """x / sqrt(mean square + eps) * weight along the last axis."""
    xp = namespace_of(x)
    scale = rsqrt(xp.mean(x * x, axis=-1, keepdims=True) + eps)
    normal = x * scale

    def rule(g: Any) -> list[Any]:
        weighted = g if weight is None else g * weight
        slope = xp.mean(weighted * normal, axis=-1, keepdims=True)
        parts = [fma(normal, -slope, weighted) * scale]
        rows = tuple(range(x.ndim - 1))
        if weight is not None:
            parts.append(xp.sum(g * normal, axis=rows) if rows else g * normal)
        return parts

    value = normal if weight is None else normal * weight
    return ruled(value, [x] if weight is None else [x, weight], rule)


def batch_norm(
    x: Any, mean: Any, variance: Any, weight: Any = None, bias: Any = None, eps: float = 1e-5
) -> Any:
    """(x - mean) / sqrt(variance + eps) * weight + bias for each channel, axis 1 of x.

    That is how a trained network uses it: mean and variance are given, one value a channel, as are
    `weight` and `bias`. One row over x; the rest are rows of one word a channel.
    """
    scale = rsqrt(variance + eps)
    if weight is not None:
        scale = scale * weight
    shift = -mean * scale if bias is None else fma(-mean, scale, bias)
    sizes = (-1, *(1 for _ in x.shape[2:]))
    xp = namespace_of(x)
    return fma(x, xp.reshape(scale, sizes), xp.reshape(shift, sizes))
