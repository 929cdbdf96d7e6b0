"""Convolution over the array API: what the windows read is gathered, then it is a matrix product.

Layouts are torch's: images (n, channels, height, width), weights (out, channels, height, width).
"""

from math import prod
from typing import Any

from prover.tracer.nn.core import gather, ruled
from prover.tracer.nn.windows import Pair, Windows, axes
from prover.tracer.standard import namespace_of
from prover.tracer.symbols import TraceError, scope


def conv2d(
    x: Any,
    weight: Any,
    bias: Any = None,
    *,
    stride: Pair = 1,
    padding: Pair = 0,
    dilation: Pair = 1,
    groups: int = 1,
) -> Any:
    """Images (n, c, h, w) under weights (o, c / groups, kh, kw) and biases (o) as (n, o, h', w').

    h' = (h + 2 padding - dilation (kh - 1) - 1) // stride + 1. Padding is zeros. Channels of a
    group, those of the same part of o and c, see each other alone.

    Raises:
        TraceError: when shapes do not fit.
    """
    if x.ndim != 4 or weight.ndim != 4 or x.shape[1] != weight.shape[1] * groups:
        raise TraceError(
            f"images {x.shape} do not fit weights {weight.shape} in {groups} groups; give "
            "(n, c, h, w) and (o, c / groups, kh, kw)"
        )
    if weight.shape[0] % groups:
        raise TraceError(f"{weight.shape[0]} channels do not split into {groups} groups")
    windows = Windows(x, *axes(x.shape[2:], weight.shape[2:], stride, padding, dilation))
    product = _product(x, weight, windows, groups)
    if bias is not None:
        product = product + namespace_of(bias).expand_dims(bias, axis=1)
    sizes = (len(x), weight.shape[0], windows.rows.count, windows.columns.count)
    return namespace_of(x).reshape(product, sizes)


def conv1d(
    x: Any,
    weight: Any,
    bias: Any = None,
    *,
    stride: int = 1,
    padding: int = 0,
    dilation: int = 1,
    groups: int = 1,
) -> Any:
    """Signals (n, c, l) under weights (o, c / groups, k) as (n, o, l'); see `conv2d`."""
    xp = namespace_of(x, weight)
    flat = conv2d(
        xp.expand_dims(x, axis=2), xp.expand_dims(weight, axis=2), bias,
        stride=(1, stride), padding=(0, padding), dilation=(1, dilation), groups=groups,
    )  # fmt: skip
    return xp.squeeze(flat, axis=2)


def _product(x: Any, weight: Any, windows: Windows, groups: int) -> Any:
    """(n, o, windows)."""
    xp = namespace_of(x, weight)
    count, channels = x.shape[:2]
    out, deep = weight.shape[0], prod(weight.shape[1:])
    image = xp.reshape(x, (count, -1))
    one_to_one = windows.size == 1 and windows.count == prod(x.shape[2:])
    patches = image
    if not one_to_one:
        with scope("places"):
            places = windows.places(channels)
        patches = gather(image, places)
    patches = xp.reshape(patches, (count, groups, deep, windows.count))
    matrix = xp.reshape(weight, (groups, out // groups, deep))
    product = xp.reshape(matrix @ patches, (count, out, windows.count))

    def rule(g: Any) -> tuple[Any, Any]:
        g = xp.reshape(g, (count, groups, out // groups, windows.count))
        of_weight = xp.sum(g @ xp.matrix_transpose(patches), axis=0)
        of_patches = xp.matrix_transpose(matrix) @ g
        if not one_to_one:
            with scope("places"):
                readers, _ = windows.readers("patches")
            apart = xp.reshape(of_patches, (count * channels, windows.size * windows.count))
            of_patches = xp.sum(gather(apart, readers), axis=1)
        return xp.reshape(of_patches, x.shape), xp.reshape(of_weight, weight.shape)

    return ruled(product, [x, weight], rule)
