"""Pooling over the array API: one value for each window of an image.

The windows' first places, their second places, ... are slices of the image, so that no place need
be computed; only padding and gradients gather.
"""

from collections.abc import Iterator
from typing import Any, Final

from prover.tracer.nn.core import gather, ruled
from prover.tracer.nn.windows import Pair, Windows, axes
from prover.tracer.standard import namespace_of
from prover.tracer.symbols import TraceError, scope

_LOW: Final = -3.0e38
"""Below what a network computes: no padding is a maximum."""


def max_pool2d(x: Any, window: Pair, stride: Pair | None = None, padding: Pair = 0) -> Any:
    """The greatest of each window of (n, c, h, w); windows lie side by side without a `stride`.

    The gradient goes to the window's first place, in row-major order, that is the greatest.
    """
    windows, image = _windows(x, window, stride, padding)
    xp = namespace_of(x)
    best: list[Any] = []
    for part in _parts(windows, _padded(windows, image, _LOW)):
        best.append(xp.maximum(part, best[-1]) if best else part)

    def rule(g: Any) -> tuple[Any]:
        with scope("places"):
            readers, local = windows.readers("windows")
        arrived = gather(xp.reshape(g, (-1, windows.count)), readers)
        if windows.size > 1:
            chosen = xp.astype(best[0] < best[1], xp.int32)
            for number in range(2, windows.size):
                chosen = xp.where(best[number - 1] < best[number], number, chosen)
            chosen = gather(xp.reshape(chosen, (-1, windows.count)), readers)
            arrived = xp.where(chosen == local, arrived, 0.0)
        return (_together(arrived, x),)

    return ruled(xp.reshape(best[-1], _shape(x, windows)), [x], rule)


def avg_pool2d(x: Any, window: Pair, stride: Pair | None = None, padding: Pair = 0) -> Any:
    """The mean of each window of (n, c, h, w), zeros of the padding counted; see `max_pool2d`."""
    windows, image = _windows(x, window, stride, padding)
    xp = namespace_of(x)
    total: Any = None
    for part in _parts(windows, _padded(windows, image, 0.0)):
        total = part if total is None else total + part
    value = total * (1 / windows.size)

    def rule(g: Any) -> tuple[Any]:
        share = xp.reshape(g, (-1, windows.count)) * (1 / windows.size)
        with scope("places"):
            readers, _ = windows.readers("windows")
        return (_together(gather(share, readers), x),)

    return ruled(xp.reshape(value, _shape(x, windows)), [x], rule)


def _windows(x: Any, window: Pair, stride: Pair | None, padding: Pair) -> tuple[Windows, Any]:
    if x.ndim != 4:
        raise TraceError(f"images {x.shape}; give (n, c, h, w)")
    windows = Windows(x, *axes(x.shape[2:], window, stride or window, padding))
    if any(2 * axis.padding > axis.window for axis in (windows.rows, windows.columns)):
        raise TraceError("padding is more than half of the window; then windows see nothing else")
    return windows, namespace_of(x).reshape(x, (-1, *x.shape[2:]))


def _shape(x: Any, windows: Windows) -> tuple[int, ...]:
    return (*x.shape[:2], windows.rows.count, windows.columns.count)


def _padded(windows: Windows, image: Any, padding: float) -> Any:
    """(n * c, height, width), with what stands around the image."""
    if not windows.rows.padding and not windows.columns.padding:
        return image
    with scope("places"):
        places = windows.padded()
    xp = namespace_of(image)
    found = gather(xp.reshape(image, (image.shape[0], -1)), places)
    return found if padding == 0 else xp.where(places < 0, padding, found)


def _parts(windows: Windows, image: Any) -> Iterator[Any]:
    """For each place of the window, what all windows read there."""
    rows, columns = windows.rows, windows.columns
    for down in range(rows.window):
        for across in range(columns.window):
            yield image[
                :,
                down : down + rows.stride * (rows.count - 1) + 1 : rows.stride,
                across : across + columns.stride * (columns.count - 1) + 1 : columns.stride,
            ]


def _together(parts: Any, x: Any) -> Any:
    """What arrives from all windows, (n * c, readers, h * w), in the shape of x."""
    xp = namespace_of(x)
    whole = parts if parts.shape[1] == 1 else xp.sum(parts, axis=1)
    return xp.reshape(whole, x.shape)
