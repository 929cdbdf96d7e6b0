"""Binary32 arithmetic on arrays of words as a device does it: exact, with its own NaN."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Words = NDArray[np.uint32]

DEVICE_NAN = 0x7FFFFFFF
"""What NVIDIA's units make of any NaN: not the canonical one, as it happens."""


def made(values: Any) -> Words:
    """Floats as words, as a device's arithmetic writes them."""
    words = np.asarray(values, np.float32).view(np.uint32)
    return np.where(np.isnan(values), np.uint32(DEVICE_NAN), words)


def fma(x: Any, y: Any, z: Any) -> Words:
    """x * y + z of float32, rounded once.

    In binary64 the product is exact. The sum is rounded to odd: where something was lost, its last
    bit says so, and rounding to binary32 then sees on which side of a tie it is.
    """
    product = x.astype(np.float64) * y.astype(np.float64)
    addend = z.astype(np.float64)
    total = np.asarray(product + addend)
    part = total - product
    lost = (product - (total - part)) + (addend - part)
    bits = total.view(np.int64)
    inexact = np.isfinite(total) & (lost != 0) & (bits & 1 == 0)
    outward = (lost > 0) == (total > 0)
    odd = np.where(inexact, bits + np.where(outward, 1, -1), bits).view(np.float64)
    return made(odd.astype(np.float32))


def maximum(x: Any, y: Any) -> Words:
    """PTX's max: a NaN counts for nothing, and +0 is more than -0."""
    first = (x > y) | np.isnan(y) | ((x == y) & ~np.signbit(x))
    return made(np.where(first, x, y))


def minimum(x: Any, y: Any) -> Words:
    """PTX's min: a NaN counts for nothing, and -0 is less than +0."""
    first = (x < y) | np.isnan(y) | ((x == y) & np.signbit(x))
    return made(np.where(first, x, y))


def to_int(x: Any, *, nearest: bool) -> NDArray[np.int32]:
    """To int32: saturating, NaN becomes 0."""
    wide = np.nan_to_num(x.astype(np.float64), nan=0.0, posinf=np.inf, neginf=-np.inf)
    rounded = np.rint(wide) if nearest else np.trunc(wide)
    whole: NDArray[np.int32] = np.clip(rounded, -(2.0**31), 2.0**31 - 1).astype(np.int32)
    return whole
