"""Attention, over the array API: each query takes a mean of values, weighted by its keys.

The gradient needs no row over queries x keys beside the product that it cannot do without: what a
query's weights have in common is the product of its result and what arrives there.
"""

from math import sqrt
from typing import Any, Final

from prover.tracer.array import Array
from prover.tracer.nn.core import arange, detach, ruled, sum_to
from prover.tracer.standard import namespace_of
from prover.tracer.symbols import TraceError

_LOW: Final = -3.0e38
"""What is not seen: exp of it less any score is 0, and it is finite."""


def causal_mask(like: Any, queries: int, keys: int) -> Any:
    """A mask (queries, keys): the last query sees all keys, each before it one less."""
    xp = namespace_of(like)
    numbers = arange(like, max(queries, keys))
    first = numbers[:queries] + (keys - queries) if keys != queries else numbers[:queries]
    return xp.expand_dims(first, axis=1) >= xp.expand_dims(numbers[:keys], axis=0)


def attention(
    query: Any,
    key: Any,
    value: Any,
    mask: Any = None,
    *,
    causal: bool = False,
    scale: float | None = None,
    factors: Any = None,
) -> Any:
    """softmax(query @ key^T * scale + mask) @ value.

    Shapes are (..., T, d), (..., S, d) and (..., S, e), of as many leading axes, at most two where
    they are views; the result is (..., T, e). A bool `mask` says what is seen, a float one is
    added to the scores; both broadcast to (..., T, S). With `causal`, query t sees keys up to
    t + S - T. `scale` is 1 / sqrt(d) unless given. A query that may see nothing sees all alike.
    What softmax gives is multiplied by `factors`, of the shape of the scores and without a
    gradient, if there are any: those of `prover.tracer.random.dropout_factors`.

    Raises:
        TraceError: when a mask is given to causal attention, or shapes do not fit.
    """
    if causal and mask is not None:
        raise TraceError("causal attention makes its own mask; give none")
    xp = namespace_of(query, key, value)
    queries, keys = query.shape[-2], key.shape[-2]
    if query.shape[-1] != key.shape[-1] or value.shape[-2] != keys:
        raise TraceError(
            f"queries {query.shape}, keys {key.shape} and values {value.shape} do not fit"
        )
    factor = 1 / sqrt(query.shape[-1]) if scale is None else scale
    scaled = query * factor
    scores = scaled @ xp.matrix_transpose(key)
    added = mask is not None and not _is_mask(mask)
    seen = causal_mask(query, queries, keys) if causal else None if added else mask
    if added:
        scores = scores + mask
    if seen is not None:
        scores = xp.where(seen, scores, _LOW)
    exps = xp.exp(scores - detach(xp.max(scores, axis=-1, keepdims=True)))
    total = xp.sum(exps, axis=-1, keepdims=True)
    result = (_times(exps, factors) @ value) / total

    def rule(g: Any) -> list[Any]:
        shares = exps / total
        level = xp.sum(g * result, axis=-1, keepdims=True)
        slopes = (_times(g @ xp.matrix_transpose(value), factors) - level) * shares
        if seen is not None and not (causal and queries <= keys):
            slopes = xp.where(seen, slopes, 0.0)  # for queries that see nothing
        parts = [
            sum_to((slopes @ key) * factor, query.shape),
            sum_to(xp.matrix_transpose(slopes) @ scaled, key.shape),
            sum_to(xp.matrix_transpose(_times(shares, factors)) @ g, value.shape),
        ]
        return [*parts, sum_to(slopes, mask.shape)] if added else parts

    return ruled(result, [query, key, value, *([mask] if added else [])], rule)


def _times(x: Any, factors: Any) -> Any:
    return x if factors is None else x * factors


def split_heads(x: Any, heads: int) -> Any:
    """(..., T, heads * d) as (..., heads, T, d); no row.

    Raises:
        TraceError: when the last axis has no such parts.
    """
    if x.shape[-1] % heads:
        raise TraceError(f"{x.shape[-1]} features do not split into {heads} heads")
    *batch, length, width = x.shape
    xp = namespace_of(x)
    apart = xp.reshape(x, (*batch, length, heads, width // heads))
    return xp.permute_dims(apart, _heads_swapped(len(batch)))


def merge_heads(x: Any) -> Any:
    """(..., heads, T, d) as (..., T, heads * d)."""
    *batch, heads, length, width = x.shape
    xp = namespace_of(x)
    beside = xp.permute_dims(x, _heads_swapped(len(batch)))
    return xp.reshape(beside, (*batch, length, heads * width))


def _heads_swapped(batch: int) -> tuple[int, ...]:
    return (*range(batch), batch + 1, batch, batch + 2)


def _is_mask(mask: Any) -> bool:
    if isinstance(mask, Array):
        return mask.dtype.name == "bool"
    return bool(mask.dtype == namespace_of(mask).bool)
