"""Products, normalisations, attention and dropout."""

from collections.abc import Sequence
from math import sqrt
from typing import Any, Final

from prover.fronts.torch_export.ops.table import lowers, setting
from prover.tracer import Array, DType, TraceError, detach, fma, nn, random, rsqrt
from prover.tracer import namespace as xp

_UNSEEN: Final = -3.0e38
"""A score whose exponential is 0 beside any other."""


@lowers("linear")
def linear(x: Array, weight: Array, bias: Array | None = None) -> Array:
    """x @ weight^T + bias, the axes before the last taken as one."""
    rows = xp.reshape(x, (-1, x.shape[-1])) if x.ndim > 2 else x
    product = xp.matmul(rows, weight.mT)
    product = product if bias is None else xp.add(product, bias)
    return xp.reshape(product, (*x.shape[:-1], weight.shape[0]))


@lowers("addmm", "baddbmm")
def addmm(bias: Array, x: Array, y: Array, beta: float = 1, alpha: float = 1) -> Array:
    """beta * bias + alpha * x @ y."""
    product = xp.matmul(x, y)
    product = product if alpha == 1 else xp.multiply(product, alpha)
    return xp.add(product, bias if beta == 1 else xp.multiply(bias, beta))


@lowers("mm", "bmm", "matmul", "mv", "dot")
def matmul(x: Array, y: Array) -> Array:
    """The matrix product, of stacks too."""
    return xp.matmul(x, y)


@lowers("layer_norm", "native_layer_norm")
def layer_norm(
    x: Array,
    shape: Sequence[int],
    weight: Array | None = None,
    bias: Array | None = None,
    eps: float = 1e-5,
    fast: object = None,
) -> Array:
    """Mean 0 and variance 1 over the last axes, scaled and shifted."""
    return _over_last(nn.layer_norm, x, len(shape), weight, bias, eps=eps)


@lowers("rms_norm")
def rms_norm(
    x: Array, shape: Sequence[int], weight: Array | None = None, eps: float | None = None
) -> Array:
    """Mean square 1 over the last axes, scaled."""
    least = 2.0**-23 if eps is None else eps
    return _over_last(nn.rms_norm, x, len(shape), weight, eps=least)


def _over_last(function: Any, x: Array, axes: int, *given: Array | None, eps: float) -> Array:
    flat = xp.reshape(x, (*x.shape[: x.ndim - axes], -1)) if axes > 1 else x
    made = function(
        flat, *(None if one is None else xp.reshape(one, (-1,)) for one in given), eps=eps
    )
    return xp.reshape(made, x.shape)


@lowers("native_group_norm")
def group_norm(
    x: Array,
    weight: Array | None,
    bias: Array | None,
    batch: int,
    channels: int,
    places: int,
    groups: int,
    eps: float,
) -> list[Array]:
    """Mean 0 and variance 1 over each group of channels; each channel scaled and shifted."""
    normal = nn.layer_norm(xp.reshape(x, (batch, groups, channels // groups * places)), eps=eps)
    return [_per_channel(xp.reshape(normal, x.shape), weight, bias)]


def _per_channel(x: Array, weight: Array | None, bias: Array | None) -> Array:
    sizes = (-1, *[1] * (x.ndim - 2))
    if weight is not None:
        x = xp.multiply(x, xp.reshape(weight, sizes))
    return x if bias is None else xp.add(x, xp.reshape(bias, sizes))


@lowers("_native_batch_norm_legit_no_training")
def batch_norm(
    x: Array,
    weight: Array | None,
    bias: Array | None,
    mean: Array,
    variance: Array,
    momentum: float,
    eps: float,
) -> list[Array]:
    """Each channel less its known mean, by its known variance."""
    return [nn.batch_norm(x, mean, variance, weight, bias, eps)]


@lowers("_native_batch_norm_legit_functional")
def batch_norm_learning(
    x: Array,
    weight: Array | None,
    bias: Array | None,
    mean: Array,
    variance: Array,
    learning: object,
    momentum: float,
    eps: float,
) -> list[Array | None]:
    """Each channel less its mean here, by its variance here; and known ones that follow them."""
    if not learning:
        return [nn.batch_norm(x, mean, variance, weight, bias, eps), None, None, mean, variance]
    axes = (0, *range(2, x.ndim))
    here = xp.mean(x, axis=axes, keepdims=True)
    apart = xp.subtract(x, here)
    spread = xp.mean(xp.square(apart), axis=axes, keepdims=True)
    made = _per_channel(xp.multiply(apart, rsqrt(xp.add(spread, eps))), weight, bias)
    count = x.size // x.shape[1]
    if count == 1:
        raise TraceError("a batch of one value a channel has no variance; give more")
    flat, wide = (detach(xp.reshape(one, (-1,))) for one in (here, spread))
    follow = [
        fma(one, momentum, xp.multiply(known, 1 - momentum))
        for one, known in ((flat, mean), (xp.multiply(wide, count / (count - 1)), variance))
    ]
    return [made, None, None, *follow]


@lowers("scaled_dot_product_attention")
def scaled_dot_product_attention(
    query: Array,
    key: Array,
    value: Array,
    mask: Array | None = None,
    dropped: float = 0.0,
    causal: Any = False,
    scale: float | None = None,
    enable_gqa: Any = False,
) -> Array:
    """softmax(query @ key^T * scale + mask) @ value, of which shares may be dropped."""
    if enable_gqa:
        raise TraceError("repeat keys and values to as many heads as there are queries")
    if causal and query.shape[-2] != key.shape[-2]:
        raise TraceError("causal attention has as many queries as keys here; give a mask")
    if not dropped:
        made: Array = nn.attention(query, key, value, mask, causal=bool(causal), scale=scale)
        return made
    scaled = xp.multiply(query, 1 / sqrt(query.shape[-1]) if scale is None else scale)
    scores = xp.matmul(scaled, key.mT)
    if causal:
        mask = nn.causal_mask(query, query.shape[-2], key.shape[-2])
    if mask is not None:
        seen = mask.element == DType.MASK
        scores = xp.where(mask, scores, _UNSEEN) if seen else xp.add(scores, mask)
    return xp.matmul(dropout(nn.softmax(scores), dropped, learning=True), value)


@lowers("dropout")
def dropout(x: Array, share: float, learning: object) -> Array:
    """x / (1 - share), and 0 for so large a share of it, drawn anew at every step."""
    if not learning or not share:
        return x
    what = setting()
    if what.key is None:
        raise TraceError("nothing is drawn in inference; set the layer to eval")
    dropped: Array = random.dropout(x, share, what.key, what.step, site=next(what.sites))
    return dropped


@lowers("native_dropout")
def native_dropout(x: Array, share: float, learning: object) -> list[Array | None]:
    """The result of dropout; what was dropped is nobody's concern."""
    return [dropout(x, share, learning), None]
