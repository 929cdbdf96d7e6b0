"""The standard's extension for linear algebra, as far as it is sums of products."""

# ruff: noqa: A004 - the standard's names

from math import inf
from typing import TYPE_CHECKING, Literal, SupportsIndex

from prover.tracer.array import Array
from prover.tracer.making import broadcast, reshape
from prover.tracer.namespace import statistics
from prover.tracer.namespace.core import Axes, Like, axis_of, floats, moved, operands, traced
from prover.tracer.namespace.creation import eye
from prover.tracer.namespace.elementwise import abs
from prover.tracer.namespace.exponential import sqrt
from prover.tracer.namespace.linear_algebra import matmul, tensordot, vecdot
from prover.tracer.namespace.manipulation import concat, matrix_transpose
from prover.tracer.namespace.refused import LINALG, refusal
from prover.tracer.symbols import TraceError

__all__ = [
    "cross", "diagonal", "matmul", "matrix_norm", "matrix_power", "matrix_transpose", "outer",
    "tensordot", "trace", "vecdot", "vector_norm",
]  # fmt: skip


if not TYPE_CHECKING:  # to a type checker, what is refused is no attribute

    def __getattr__(name):
        raise refusal(f"linalg.{name}", LINALG.get(name))


def __dir__() -> list[str]:
    return __all__


def outer(x1: Like, x2: Like, /) -> Array:
    """All products of an element of the vector x1 with one of x2."""
    x, y = operands(x1, x2)
    if x.ndim != 1 or y.ndim != 1:
        raise TraceError(f"outer takes two vectors, not shapes {x.shape} and {y.shape}")
    return reshape(x, (x.size, 1)) * y


def cross(x1: Like, x2: Like, /, *, axis: SupportsIndex = -1) -> Array:
    """The cross product of vectors of three along an axis."""
    x, y = operands(x1, x2)
    place = axis_of(x, axis) - x.ndim
    a, b = (moved(one, axis_of(one, place), 0) for one in (x, y))
    if len(a) != 3 or len(b) != 3:
        raise TraceError(f"cross takes vectors of three, not {x.shape} and {y.shape}")
    parts = [a[i] * b[j] - a[j] * b[i] for i, j in ((1, 2), (2, 0), (0, 1))]
    whole = concat([one[None] for one in parts])
    return moved(whole, 0, whole.ndim + place)


def diagonal(x: Like, /, *, offset: int = 0) -> Array:
    """Of each matrix the elements whose column is the row + offset."""
    x = _matrices(x)
    *stack, rows, columns = x.shape
    count = min(rows, columns - offset) if offset >= 0 else min(rows + offset, columns)
    if count < 1:
        raise TraceError(f"matrices {rows} x {columns} have no diagonal {offset}")
    flat = reshape(x, (*stack, rows * columns))
    first = offset if offset >= 0 else -offset * columns
    return flat[..., first : first + (count - 1) * (columns + 1) + 1 : columns + 1]


def trace(x: Like, /, *, offset: int = 0, dtype: object = None) -> Array:
    """The sum of each matrix's diagonal."""
    return statistics.sum(diagonal(x, offset=offset), axis=-1, dtype=dtype)


def vector_norm(
    x: Like,
    /,
    *,
    axis: Axes = None,
    keepdims: bool = False,
    ord: float = 2,  # noqa: A002
) -> Array:
    """The root of the sum of squares (ord=2), the sum of sizes (1) or the greatest size (inf).

    Squares may overflow or vanish where the root would not.
    """
    x = floats(x)
    if ord == 2:
        return sqrt(statistics.sum(x * x, axis=axis, keepdims=keepdims))
    if ord == 1:
        return statistics.sum(abs(x), axis=axis, keepdims=keepdims)
    if ord == inf:
        return statistics.max(abs(x), axis=axis, keepdims=keepdims)
    raise TraceError(f"vector_norm has ord 1, 2 or inf, not {ord!r}")


def matrix_norm(
    x: Like,
    /,
    *,
    keepdims: bool = False,
    ord: Literal["fro"] = "fro",  # noqa: A002
) -> Array:
    """The root of the sum of squares of each matrix."""
    x = _matrices(x)
    if ord != "fro":
        raise TraceError(f'matrix_norm has ord "fro", not {ord!r}')
    return vector_norm(x, axis=(-2, -1), keepdims=keepdims)


def matrix_power(x: Like, n: int, /) -> Array:
    """Each square matrix times itself, n >= 0 factors."""
    x = _matrices(x)
    if x.shape[-1] != x.shape[-2] or n < 0:
        raise TraceError(f"matrix_power takes square matrices and n >= 0, not {x.shape} and {n}")
    result = None
    while n:
        if n & 1:
            result = x if result is None else matmul(result, x)
        n >>= 1
        if n:
            x = matmul(x, x)
    return broadcast(eye(x.shape[-1]), x.shape) if result is None else result


def _matrices(x: Like) -> Array:
    x = traced(x)
    if x.ndim < 2:
        raise TraceError(f"shape {x.shape} where matrices are needed")
    return x
