"""Where a window that slides over an image reads, and by which windows a place is read.

Rows cannot fold over a window's two axes at once, so places are numbers that a trace computes with
int32 arithmetic from 0, 1, 2 ..., and a gather reads there. Each axis of the image is worked out by
itself; the place is the sum of both. What is outside is `FAR`, and the sum of two of these is, too.
"""

from dataclasses import dataclass
from typing import Any, Literal

from prover.tracer.nn.core import FAR, arange
from prover.tracer.standard import namespace_of
from prover.tracer.symbols import TraceError

Pair = int | tuple[int, int]
"""One number for both axes of an image, or one for its rows and one for its columns."""


@dataclass(frozen=True, slots=True)
class Axis:
    """How a window slides along one axis of an image of `size` places."""

    size: int
    window: int
    stride: int
    padding: int
    dilation: int = 1

    def __post_init__(self) -> None:
        if min(self.window, self.stride, self.dilation) < 1 or self.padding < 0:
            raise TraceError(
                f"a window of {self.window} places, stride {self.stride}, padding {self.padding}, "
                f"dilation {self.dilation}; take 1 or more, padding 0 or more"
            )
        if self.size + 2 * self.padding >= 1 << 22:
            raise TraceError(f"an axis of {self.size} places; cut it into parts below 2^22")
        if self.count < 1:
            raise TraceError(f"a window of {self.reach} places does not fit {self.size}")

    @property
    def reach(self) -> int:
        """Places from the window's first to its last, both counted."""
        return self.dilation * (self.window - 1) + 1

    @property
    def count(self) -> int:
        """How many windows there are."""
        return (self.size + 2 * self.padding - self.reach) // self.stride + 1


def axes(
    image: tuple[int, ...], window: Pair, stride: Pair, padding: Pair, dilation: Pair = 1
) -> tuple[Axis, Axis]:
    """Both axes of an image (height, width)."""
    first, second = (
        Axis(size, *(_of_axis(one, number) for one in (window, stride, padding, dilation)))
        for number, size in enumerate(image)
    )
    return first, second


def _of_axis(pair: Pair, number: int) -> int:
    return pair if isinstance(pair, int) else tuple(pair)[number]


@dataclass(frozen=True, slots=True)
class Windows:
    """The windows over images of one size; int32 places in the namespace of the array `like`."""

    like: Any
    rows: Axis
    columns: Axis

    @property
    def count(self) -> int:
        """How many windows there are."""
        return self.rows.count * self.columns.count

    @property
    def size(self) -> int:
        """Places of a window."""
        return self.rows.window * self.columns.window

    def places(self, channels: int) -> Any:
        """(channels * size, count): where in (channels, height, width) each window reads."""
        xp = namespace_of(self.like)
        height, width = self.rows.size, self.columns.size
        down = self._read(self.rows, width)
        if channels > 1:
            down = xp.expand_dims(down, axis=0) + xp.reshape(
                self._numbers(channels) * (height * width), (-1, 1, 1)
            )
        down = xp.reshape(down, (channels * self.rows.window, self.rows.count))
        return self._summed(down, self._read(self.columns, 1))

    def padded(self) -> Any:
        """(height + padding, width + padding): places of the image, `FAR` in the padding."""
        along = [
            self._inside(
                self._numbers(axis.size + 2 * axis.padding) - axis.padding, axis.size, times
            )
            for axis, times in ((self.rows, self.columns.size), (self.columns, 1))
        ]
        return namespace_of(self.like).expand_dims(along[0], axis=1) + along[1]

    def readers(self, of: Literal["windows", "patches"]) -> tuple[Any, Any]:
        """(readers, height * width): the windows that read each place, `FAR` for fewer; and which
        of the window's places it is to them.

        A window's place is its number, or in "patches" the number of what it read there, in
        (size, count).
        """
        of_patch = of == "patches"
        (down, first), (across, second) = map(self._readers, (self.rows, self.columns))
        local = first * self.columns.window, second
        width, count = self.columns.count, self.count
        if of_patch:
            down = self._where_read(down, down * width + local[0] * count)
            across = self._where_read(across, across + local[1] * count)
        else:
            down = self._where_read(down, down * width)
        return self._summed(down, across), self._summed(*local)

    def _numbers(self, count: int) -> Any:
        """0 .. count - 1, part of a row of numbers that serves all."""
        most = max(
            *(max(axis.size + 2 * axis.padding, axis.window) for axis in (self.rows, self.columns)),
            count,
        )
        return arange(self.like, most)[:count]

    def _summed(self, down: Any, across: Any) -> Any:
        """Places of two axes, (a, m) and (b, n), as (a * b, m * n)."""
        xp = namespace_of(self.like)
        (a, m), (b, n) = down.shape, across.shape
        both = xp.reshape(down, (a, 1, m, 1)) + xp.reshape(across, (1, b, 1, n))
        return xp.reshape(both, (a * b, m * n))

    def _inside(self, places: Any, size: int, times: int) -> Any:
        xp = namespace_of(self.like)
        return xp.where((places >= 0) & (places < size), _scaled(places, times), FAR)

    def _read(self, axis: Axis, times: int) -> Any:
        """(window, count): what each window reads, times a number."""
        inner = _scaled(self._numbers(axis.window), axis.dilation)
        outer = _scaled(self._numbers(axis.count), axis.stride)
        xp = namespace_of(self.like)
        places = xp.expand_dims(inner, axis=1) + xp.expand_dims(outer, axis=0)
        if not axis.padding:
            return _scaled(places, times)
        return self._inside(places - axis.padding, axis.size, times)

    def _where_read(self, readers: Any, places: Any) -> Any:
        return namespace_of(self.like).where(readers < 0, FAR, places)

    def _readers(self, axis: Axis) -> tuple[Any, Any]:
        """(readers, size) each: a window, `FAR` for none, and the place that it has there."""
        xp = namespace_of(self.like)
        at = xp.expand_dims(self._numbers(axis.size) + axis.padding, axis=0)
        if axis.dilation == 1:
            # The last window that begins here or before, and those before that one.
            back = self._numbers(-(-axis.window // axis.stride))
            window = self._quotient(at, axis.stride) - xp.expand_dims(back, axis=1)
            local = at - _scaled(window, axis.stride)
            reads = (window >= 0) & (window < axis.count) & (local < axis.window)
        else:
            local = xp.expand_dims(self._numbers(axis.window), axis=1)
            start = at - local * axis.dilation
            window = self._quotient(start, axis.stride)
            reads = (window >= 0) & (window < axis.count)
            if axis.stride > 1:
                reads = reads & (window * axis.stride == start)
            local = xp.broadcast_to(local, window.shape)
        return xp.where(reads, window, FAR), local

    def _quotient(self, x: Any, by: int) -> Any:
        """x // by of ints below 2^22, -1 or 0 for negative x: a half keeps the rounding away, of
        two operations by 2^-24 each.
        """
        if by == 1:
            return x
        xp = namespace_of(self.like)
        return xp.astype((xp.astype(x, xp.float32) + 0.5) * (1 / by), xp.int32)


def _scaled(x: Any, times: int) -> Any:
    return x if times == 1 else x * times
