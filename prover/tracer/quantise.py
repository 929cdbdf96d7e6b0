"""int8 inference: weights quantised beforehand, activations on the way, products of whole numbers.

Symmetric, to -127 .. 127, rounding to nearest even. Weights have a scale for each output channel,
activations one for each row (or for all), found from what they are. In between is an int32 matmul,
whose words are the same on any hardware in any order, as long as 127 * 127 * k stays below 2^31: up
to k = 133,144. Nothing here lets gradients through.
"""

import operator
from functools import reduce
from itertools import accumulate
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from prover.ops import Opcode
from prover.tracer.array import Array
from prover.tracer.making import map_op
from prover.tracer.standard import namespace_of
from prover.tracer.symbols import DType, TraceError

LEVELS: Final = 127
DEEPEST: Final = (2**31 - 1) // LEVELS**2
"""Factors of a sum that cannot leave int32."""
_LEAST: Final = 1e-30
"""What is all smaller counts as this large: its scale is a normal float, and zeros stay zeros."""
_A_WORD: Final = 4
_BITS: Final = 8


class Quantised(NamedTuple):
    """A weight of k inputs and n outputs."""

    values: NDArray[np.int32]
    """(k, n), -127 .. 127 each; packed, (ceil(k / 4), n) words of four."""
    scales: NDArray[np.float32]
    """(n,): what a value of 1 in a column stands for."""


def quantise(weight: Any, *, packed: bool = False) -> Quantised:
    """A weight (k, n) of floats, a column an output channel, as whole numbers.

    One to a word runs fastest; `packed` takes a quarter of the memory and of the commitment, and
    two micro-steps a value to take apart.

    Raises:
        ValueError: when it is no matrix of finite floats, or too deep.
    """
    floats = np.asarray(weight, np.float32)
    if floats.ndim != 2 or not floats.size:
        raise ValueError(f"a weight of shape {floats.shape}; quantise takes (inputs, outputs)")
    if not np.isfinite(floats).all():
        raise ValueError("a weight that is not finite cannot be quantised")
    _check_depth(floats.shape[0])
    most = np.maximum(np.abs(floats).max(axis=0), np.float32(_LEAST))
    scales = (most / np.float32(LEVELS)).astype(np.float32)
    values = np.clip(np.rint(floats / scales), -LEVELS, LEVELS).astype(np.int32)
    return Quantised(pack(values) if packed else values, scales)


def pack(values: NDArray[np.int32]) -> NDArray[np.int32]:
    """Rows of int8 values, four to a word: rows i, i + q, i + 2q and i + 3q of q = ceil(k / 4), the
    first in the lowest bits. What is missing is 0.
    """
    quarter = -(-values.shape[0] // _A_WORD)
    rows = np.zeros((_A_WORD, quarter, *values.shape[1:]), np.uint32)
    rows.reshape(-1, *values.shape[1:])[: values.shape[0]] = values.view(np.uint32) & 0xFF
    shifts = (_BITS * np.arange(_A_WORD, dtype=np.uint32)).reshape(-1, *[1] * values.ndim)
    words: NDArray[np.uint32] = np.bitwise_or.reduce(rows << shifts, axis=0)
    return words.view(np.int32)


def unpack(words: Any, rows: int) -> list[Any]:
    """The so many rows of values that `pack` put into words, in up to four parts behind each other:
    two shifts each.
    """
    xp, quarter = namespace_of(words), words.shape[0]
    parts = []
    for place, start in enumerate(range(0, rows, quarter)):
        left = 32 - _BITS * (place + 1)
        high = xp.bitwise_left_shift(words, _whole(words, left)) if left else words
        values = xp.bitwise_right_shift(high, _whole(words, 32 - _BITS))
        parts.append(values[: rows - start] if rows - start < quarter else values)
    return parts


def quantised_linear(
    x: Any, values: Any, scales: Any, bias: Any | None = None, *,
    packed: bool = False, by_row: bool = True,
) -> Any:  # fmt: skip
    """x (..., k) times a weight as `quantise` gives it, plus `bias` (n,): floats (..., n).

    Each row of x is scaled so that its largest magnitude is 127; all of x together when not
    `by_row`. With finite x the result is that of the same call on plain arrays, to the bit.

    Raises:
        TraceError: when shapes do not fit, or k is beyond `DEEPEST`.
    """
    xp = namespace_of(x)
    k = x.shape[-1]
    _check_depth(k)
    rows = -(-k // _A_WORD) if packed else k
    if tuple(values.shape) != (rows, *scales.shape):
        raise TraceError(
            f"a weight of shape {tuple(values.shape)} with {tuple(scales.shape)} scales does not "
            f"fit {k} inputs{' in fours' if packed else ''}"
        )
    axis = -1 if by_row else tuple(range(x.ndim))
    most = xp.max(xp.abs(x), axis=axis, keepdims=True)
    most = xp.where(most < _LEAST, _LEAST, most)
    scale = most / LEVELS
    # By one rounded factor a magnitude is at most 127 * (1 + 2^-23): nothing is left to clip.
    whole = nearest(x * (LEVELS / most))
    total = _product(xp, whole, unpack(values, k) if packed else [values])
    result = xp.astype(total, xp.float32) * scale * scales
    return result if bias is None else result + bias


def _product(xp: Any, x: Any, parts: list[Any]) -> Any:
    """x times a matrix whose rows come in parts."""
    if len(parts) == 1:
        return xp.matmul(x, parts[0])
    starts = accumulate((part.shape[0] for part in parts), initial=0)
    products = [
        xp.matmul(x[..., start : start + part.shape[0]], part)
        for start, part in zip(starts, parts, strict=False)
    ]
    return reduce(operator.add, products)


def nearest(x: Any) -> Any:
    """The whole number next to each float, the even one of two, as int32."""
    if isinstance(x, Array):
        return map_op(Opcode.TO_INT_NEAREST, DType.I32, x)
    xp = namespace_of(x)
    return xp.astype(xp.round(x), xp.int32)


def _whole(like: Any, number: int) -> Any:
    """A number beside an int32 array."""
    xp = namespace_of(like)
    return number if isinstance(like, Array) else xp.asarray(number, dtype=xp.int32)


def _check_depth(k: int) -> None:
    if k > DEEPEST:
        raise TraceError(f"sums of {k} products of int8 may leave int32; cut at {DEEPEST}")
