"""Arrays from numbers. What is the same everywhere, or a view of that, takes no rows."""

from collections.abc import Sequence
from math import ceil
from typing import Any, Literal

import numpy as np

from prover.ops import Opcode
from prover.tracer.array import Array, current_graph
from prover.tracer.making import broadcast, iota, map_op, reshape
from prover.tracer.namespace.core import Like, no_device, scalar, sizes_of, traced, where
from prover.tracer.namespace.data_types import astype
from prover.tracer.namespace.literals import literal
from prover.tracer.symbols import DType, TraceError

Sizes = int | Sequence[int]


def asarray(
    obj: Any, /, *, dtype: object = None, device: object = None, copy: object = None
) -> Array:
    """A traced array as it is, or converted; a scalar, or a small array of numbers, as a constant.

    Floats become float32 and ints int32. Each run of equal numbers is one row; more than 64 are
    refused: they are committed nowhere, and should be an input.
    """
    no_device(device)
    to = None if dtype is None else DType.of(dtype)
    if isinstance(obj, Array):
        return obj if to is None else astype(obj, to)
    return literal(obj, to)


def full(shape: Sizes, fill_value: Any, *, dtype: object = None, device: object = None) -> Array:
    """A shape full of one number."""
    value = asarray(fill_value, dtype=dtype, device=device)
    sizes = sizes_of(shape)
    if min(sizes, default=1) < 1:
        raise TraceError(f"an empty array, of shape {sizes}; there are none here")
    return broadcast(value, sizes)


def zeros(shape: Sizes, *, dtype: object = None, device: object = None) -> Array:
    """A shape full of zeros."""
    return full(shape, 0, dtype=dtype or DType.F32, device=device)


def ones(shape: Sizes, *, dtype: object = None, device: object = None) -> Array:
    """A shape full of ones."""
    return full(shape, 1, dtype=dtype or DType.F32, device=device)


def empty(shape: Sizes, *, dtype: object = None, device: object = None) -> Array:
    """A shape full of zeros: nothing here is without a value."""
    return zeros(shape, dtype=dtype, device=device)


def full_like(x: Like, /, fill_value: Any, *, dtype: object = None, device: object = None) -> Array:
    """One number in the shape and dtype of another array."""
    x = traced(x)
    return full(x.shape, fill_value, dtype=dtype or x.element, device=device)


def zeros_like(x: Like, /, *, dtype: object = None, device: object = None) -> Array:
    """Zeros in the shape and dtype of another array."""
    return full_like(x, 0, dtype=dtype, device=device)


def ones_like(x: Like, /, *, dtype: object = None, device: object = None) -> Array:
    """Ones in the shape and dtype of another array."""
    return full_like(x, 1, dtype=dtype, device=device)


def empty_like(x: Like, /, *, dtype: object = None, device: object = None) -> Array:
    """Zeros in the shape and dtype of another array."""
    return zeros_like(x, dtype=dtype, device=device)


def arange(
    start: float,
    /,
    stop: float | None = None,
    step: float = 1,
    *,
    dtype: object = None,
    device: object = None,
) -> Array:
    """start, start + step, ... up to below stop; one number is the stop, from 0 on.

    int32 when all three are ints. Floats are start + i * step, rounded once.
    """
    no_device(device)
    if stop is None:
        start, stop = 0, start
    if not step:
        raise TraceError("arange takes a step that is not 0")
    count = ceil((stop - start) / step)
    whole = all(isinstance(one, int | np.integer) for one in (start, stop, step))
    made = _steps(count, start, step, DType.I32 if whole else DType.F32)
    return made if dtype is None else astype(made, dtype)


def linspace(
    start: float,
    stop: float,
    /,
    num: int,
    *,
    dtype: object = None,
    device: object = None,
    endpoint: bool = True,
) -> Array:
    """`num` floats from start to stop, evenly apart, the last of which is stop with `endpoint`."""
    no_device(device)
    apart = (stop - start) / max(num - 1 if endpoint else num, 1)
    made = _steps(num, start, apart, DType.F32)
    if endpoint and num > 1:
        made = where(iota(made.graph, num) == num - 1, float(stop), made)
    return made if dtype is None else astype(made, dtype)


def _steps(count: int, start: float, step: float, dtype: DType) -> Array:
    if count < 1:
        raise TraceError(f"{count} numbers from {start}; there are no empty arrays here")
    numbers = iota(current_graph(), count)
    if dtype == DType.I32:
        if not -(2**31) <= int(start) + (count - 1) * int(step) < 2**31:
            raise TraceError(f"{count} numbers from {start} in steps of {step} leave int32")
        scaled = numbers if step == 1 else numbers * literal(step, DType.I32)
        return scaled if start == 0 else scaled + literal(start, DType.I32)
    floats = astype(numbers, DType.F32)
    if step == 1 and start == 0:
        return floats
    ends = (scalar(floats, step), scalar(floats, start))
    return map_op(Opcode.FMA, DType.F32, floats, *ends)


def eye(
    n_rows: int, n_cols: int | None = None, /, *, k: int = 0, dtype: object = None,
    device: object = None,
) -> Array:  # fmt: skip
    """A matrix that is 1 where the column is the row + k, and else 0."""
    no_device(device)
    rows, columns = _places(n_rows, n_cols or n_rows)
    return astype(rows + k == columns, dtype or DType.F32)


def tril(x: Like, /, *, k: int = 0) -> Array:
    """The matrices where the column is at most the row + k, and else zeros."""
    x = _matrices(x)
    rows, columns = _places(*x.shape[-2:])
    return where(columns <= rows + k, x, scalar(x, 0))


def triu(x: Like, /, *, k: int = 0) -> Array:
    """The matrices where the column is at least the row + k, and else zeros."""
    x = _matrices(x)
    rows, columns = _places(*x.shape[-2:])
    return where(rows + k <= columns, x, scalar(x, 0))


def _matrices(x: Like) -> Array:
    x = traced(x)
    if x.ndim < 2:
        raise TraceError(f"a triangle is of matrices, not of shape {x.shape}")
    return x


def _places(rows: int, columns: int) -> tuple[Array, Array]:
    graph = current_graph()
    return reshape(iota(graph, rows), (rows, 1)), iota(graph, columns)


def meshgrid(*arrays: Like, indexing: Literal["xy", "ij"] = "xy") -> list[Array]:
    """Vectors seen along one axis each; the first along the second with "xy"."""
    vectors = [traced(one) for one in arrays]
    if any(one.ndim > 1 for one in vectors) or indexing not in {"xy", "ij"}:
        raise TraceError('meshgrid takes vectors, and indexing="xy" or "ij"')
    order = list(range(len(vectors)))
    if indexing == "xy":
        order[:2] = reversed(order[:2])
    shape = [1] * len(order)
    for one, axis in zip(vectors, order, strict=True):
        shape[axis] = one.size
    seen = []
    for one, axis in zip(vectors, order, strict=True):
        along = tuple(one.size if place == axis else 1 for place in range(len(order)))
        seen.append(broadcast(reshape(one, along), tuple(shape)))
    return seen
