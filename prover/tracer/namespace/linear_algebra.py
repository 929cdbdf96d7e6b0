"""Products of matrices and vectors, of floats or of ints modulo 2^32.

Each sum of products ascends, and the products are not rounded.
"""

from collections.abc import Sequence
from math import prod
from typing import SupportsIndex

from prover.tracer.array import Array
from prover.tracer.making import broadcast, broadcast_shapes, permute, reshape
from prover.tracer.namespace.core import Like, axis_of, moved, numbers, operands
from prover.tracer.symbols import Kind, TraceError


def matmul(x1: Like, x2: Like, /) -> Array:
    """The matrix product; stacks broadcast, vectors are rows or columns as the standard says."""
    x, y = operands(x1, x2)
    numbers(x)
    if not x.shape or not y.shape:
        raise TraceError("matmul takes no scalars; use *")
    a = reshape(x, (1, *x.shape)) if x.ndim == 1 else x
    b = reshape(y, (*y.shape, 1)) if y.ndim == 1 else y
    if a.shape[-1] != b.shape[-2]:
        raise TraceError(f"shapes {x.shape} and {y.shape} do not multiply")
    stack = broadcast_shapes(a.shape[:-2], b.shape[:-2])
    a = broadcast(a, (*stack, *a.shape[-2:]))
    b = broadcast(b, (*stack, *b.shape[-2:]))
    shape = (*stack, a.shape[-2], b.shape[-1])
    product = x.graph.add(Kind.MATMUL, (a, b), shape, x.element)
    rows = () if x.ndim == 1 else (a.shape[-2],)
    columns = () if y.ndim == 1 else (b.shape[-1],)
    return reshape(product, (*stack, *rows, *columns))


def vecdot(x1: Like, x2: Like, /, *, axis: SupportsIndex = -1) -> Array:
    """The sum of products along an axis, as one fold."""
    x, y = operands(x1, x2)
    if not x.shape or not y.shape:
        raise TraceError("vecdot takes no scalars; use *")
    a, b = (moved(one, axis_of(one, axis), one.ndim - 1) for one in (x, y))
    if a.shape[-1] != b.shape[-1]:
        raise TraceError(f"shapes {x.shape} and {y.shape} differ along axis {axis}")
    a = reshape(a, (*a.shape[:-1], 1, a.shape[-1]))
    b = reshape(b, (*b.shape, 1))
    product = matmul(a, b)
    return reshape(product, product.shape[:-2])


def tensordot(
    x1: Like, x2: Like, /, *, axes: int | tuple[Sequence[int], Sequence[int]] = 2
) -> Array:
    """The sum of products along pairs of axes, as one matrix product.

    A number takes so many of the last axes of x1, and the first of x2.
    """
    x, y = operands(x1, x2)
    if isinstance(axes, int):
        axes = (range(x.ndim - axes, x.ndim), range(axes))
    ours = [axis_of(x, axis) for axis in axes[0]]
    theirs = [axis_of(y, axis) for axis in axes[1]]
    folded = [x.shape[axis] for axis in ours]
    if folded != [y.shape[axis] for axis in theirs]:
        raise TraceError(f"axes {axes} of shapes {x.shape} and {y.shape} differ in size")
    rows = [axis for axis in range(x.ndim) if axis not in ours]
    columns = [axis for axis in range(y.ndim) if axis not in theirs]
    shape = (*(x.shape[axis] for axis in rows), *(y.shape[axis] for axis in columns))
    size = prod(folded)
    a = reshape(permute(x, (*rows, *ours)), (x.size // size, size))
    b = reshape(permute(y, (*theirs, *columns)), (size, y.size // size))
    return reshape(matmul(a, b), shape)
