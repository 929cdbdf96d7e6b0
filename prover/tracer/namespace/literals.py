"""Numbers that stand in a function's text, as constants of a trace."""

from typing import Any, Final

import numpy as np

from prover.tracer.array import Array, current_graph
from prover.tracer.making import broadcast, concat, reshape
from prover.tracer.symbols import NO_DATA, DType, Kind, Step, TraceError, Turn

MOST_RUNS: Final = 64
"""Each run of equal numbers is a row of its own."""
_CANONICAL_NAN: Final = 0x7FC00000


def literal(value: Any, dtype: DType | None = None) -> Array:
    """A scalar, or an array of at most 64 runs of equal numbers, as a constant.

    Python's floats become float32, and ints int32.

    Raises:
        TraceError: for what is no number, is empty, is long, or does not fit the dtype.
    """
    if isinstance(value, list | tuple) and any(isinstance(one, Array) for one in value):
        raise TraceError("asarray makes no array of traced ones; use stack or concat")
    if isinstance(value, Step | Turn):
        raise TraceError(NO_DATA)
    try:
        plain = np.asarray(value)
    except (TypeError, ValueError) as error:
        raise TraceError(f"{type(value).__name__} is no array of numbers: {error}") from None
    to = dtype or _natural(value, plain)
    words = _words(plain, to)
    if not words.size:
        raise TraceError(f"an empty array, of shape {plain.shape}; there are none here")
    graph = current_graph()
    firsts = np.flatnonzero(np.concatenate([[True], words[1:] != words[:-1]]))
    if len(firsts) > MOST_RUNS:
        raise TraceError(
            f"a plain array of shape {plain.shape} is committed nowhere; make it an input"
        )
    counts = np.diff(np.append(firsts, words.size))
    runs = [
        broadcast(graph.add(Kind.CONSTANT, (), (), to, int(words[first])), (int(count),))
        for first, count in zip(firsts, counts, strict=True)
    ]
    return reshape(concat(runs), plain.shape)


def _natural(value: Any, plain: Any) -> DType:
    kind = plain.dtype.kind
    if kind == "b":
        return DType.MASK
    if kind in "iu":
        return DType.I32
    if plain.dtype == np.float32 or (kind == "f" and not isinstance(value, np.ndarray)):
        return DType.F32
    if kind == "f":
        raise TraceError(f"an array of {plain.dtype.name}; say dtype=float32 to round it")
    raise TraceError(f"cannot compute with {plain.dtype.name} ({type(value).__name__})")


def _words(plain: Any, to: DType) -> Any:
    flat = plain.reshape(-1)
    if plain.dtype.kind not in "biuf":
        raise TraceError(f"{plain.dtype.name} does not become {to.value}")
    if to == DType.MASK:
        return np.where(flat != 0, np.uint32(0xFFFFFFFF), np.uint32(0))
    if to == DType.F32:
        with np.errstate(over="ignore"):
            values = flat.astype(np.float32)
        return np.where(np.isnan(values), np.uint32(_CANONICAL_NAN), values.view(np.uint32))
    whole = flat.astype(np.int32, casting="unsafe") if _fits(flat) else None
    if whole is None:
        raise TraceError(f"{plain.tolist()} does not fit int32")
    return whole.view(np.uint32)


def _fits(flat: Any) -> bool:
    if flat.dtype.kind == "b":
        return True
    with np.errstate(invalid="ignore"):
        return bool(np.all((flat >= -(2**31)) & (flat < 2**31) & (flat == np.trunc(flat))))
