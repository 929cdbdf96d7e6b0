"""What slides over images and signals: convolution and pooling."""

from collections.abc import Sequence
from typing import Any

from prover.fronts.torch_export.ops.table import lowers
from prover.tracer import Array, TraceError, nn
from prover.tracer import namespace as xp

Sizes = Sequence[int]


@lowers("conv2d", "conv2d.padding")
def conv2d(
    x: Array,
    weight: Array,
    bias: Array | None = None,
    stride: Sizes = (1, 1),
    padding: Sizes | str = (0, 0),
    dilation: Sizes = (1, 1),
    groups: int = 1,
) -> Array:
    """Images under weights."""
    images = xp.expand_dims(x, axis=0) if x.ndim == 3 else x
    made: Array = nn.conv2d(
        images, weight, bias, stride=_pair(stride), dilation=_pair(dilation), groups=groups,
        padding=_pair(_padding(padding, weight.shape[2:], dilation)),
    )  # fmt: skip
    return xp.squeeze(made, axis=0) if x.ndim == 3 else made


@lowers("conv1d", "conv1d.padding")
def conv1d(
    x: Array,
    weight: Array,
    bias: Array | None = None,
    stride: Sizes = (1,),
    padding: Sizes | str = (0,),
    dilation: Sizes = (1,),
    groups: int = 1,
) -> Array:
    """Signals under weights."""
    signals = xp.expand_dims(x, axis=0) if x.ndim == 2 else x
    made: Array = nn.conv1d(
        signals, weight, bias, stride=stride[0], dilation=dilation[0], groups=groups,
        padding=_padding(padding, weight.shape[2:], dilation)[0],
    )  # fmt: skip
    return xp.squeeze(made, axis=0) if x.ndim == 2 else made


@lowers("max_pool2d")
def max_pool2d(
    x: Array,
    window: Sizes,
    stride: Sizes = (),
    padding: Sizes = (0, 0),
    dilation: Sizes = (1, 1),
    ceil_mode: Any = False,
) -> Array:
    """The greatest of each window."""
    if ceil_mode or any(step != 1 for step in dilation):
        raise TraceError("windows have no gaps and end inside; leave ceil_mode and dilation out")
    images = xp.expand_dims(x, axis=0) if x.ndim == 3 else x
    made: Array = nn.max_pool2d(
        images, _pair(window), _pair(stride) if stride else None, _pair(padding)
    )
    return xp.squeeze(made, axis=0) if x.ndim == 3 else made


@lowers("max_pool2d_with_indices")
def max_pool2d_with_indices(x: Array, *args: Any) -> list[Array | None]:
    """The greatest of each window, without its place."""
    return [max_pool2d(x, *args), None]


@lowers("avg_pool2d")
def avg_pool2d(
    x: Array,
    window: Sizes,
    stride: Sizes = (),
    padding: Sizes = (0, 0),
    ceil_mode: Any = False,
    count_padding: Any = True,
    divisor: int | None = None,
) -> Array:
    """The mean of each window."""
    if ceil_mode or divisor or (not count_padding and any(padding)):
        raise TraceError(
            "windows end inside and count their padding; leave ceil_mode, divisor_override and "
            "count_include_pad out"
        )
    images = xp.expand_dims(x, axis=0) if x.ndim == 3 else x
    made: Array = nn.avg_pool2d(
        images, _pair(window), _pair(stride) if stride else None, _pair(padding)
    )
    return xp.squeeze(made, axis=0) if x.ndim == 3 else made


@lowers("adaptive_avg_pool2d", "_adaptive_avg_pool2d")
def adaptive_avg_pool2d(x: Array, sizes: Sizes) -> Array:
    """The means of windows that cut an image into so many parts."""
    if any(whole % part for whole, part in zip(x.shape[-2:], sizes, strict=True)):
        raise TraceError(f"images of {x.shape[-2:]} do not cut into {tuple(sizes)} equal windows")
    high, wide = (whole // part for whole, part in zip(x.shape[-2:], sizes, strict=True))
    if (high, wide) == tuple(x.shape[-2:]):
        return xp.mean(x, axis=(-2, -1), keepdims=True)
    return avg_pool2d(x, (high, wide))


def _pair(sizes: Sizes) -> tuple[int, int]:
    """Height and width; torch gives one number where both are alike."""
    return (sizes[0], sizes[-1])


def _padding(padding: Sizes | str, window: Sizes, dilation: Sizes) -> Sizes:
    if not isinstance(padding, str):
        return padding
    if padding == "valid":
        return [0] * len(window)
    steps = [*dilation] * (len(window) // len(dilation))
    whole = [step * (size - 1) for step, size in zip(steps, window, strict=True)]
    if any(size % 2 for size in whole):
        raise TraceError('padding="same" with an even window is lopsided; pad before')
    return [size // 2 for size in whole]
