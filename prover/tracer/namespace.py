"""The functions of the array API standard that can be traced: what `__array_namespace__` gives.

Names, arguments and broadcasting follow the standard; results are what `prover.tracer.lowering`
makes of them, to the bit. Ints do not turn into floats by themselves: use `astype`.
"""

# ruff: noqa: A001 - the standard's names

from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from prover.ops import Opcode
from prover.tracer.array import (
    Array,
    Operand,
    arithmetic,
    bits_of,
    broadcast,
    broadcast_shapes,
    map_op,
    pair,
    permute,
)
from prover.tracer.array import (
    reshape as _reshape,
)
from prover.tracer.symbols import DType, Kind, Shape, TraceError

float32: Final = np.dtype(np.float32)
int32: Final = np.dtype(np.int32)
bool: Final = np.dtype(np.bool_)
newaxis: Final = None


def _floats(x: Array) -> Array:
    if x.element != DType.F32:
        raise TraceError(f"{x.element.value} where float32 is needed; convert with astype")
    return x


def add(x: Operand, y: Operand) -> Array:
    """x + y."""
    return arithmetic("add", x, y)


def subtract(x: Operand, y: Operand) -> Array:
    """x - y."""
    return arithmetic("sub", x, y)


def multiply(x: Operand, y: Operand) -> Array:
    """x * y."""
    return arithmetic("mul", x, y)


def divide(x: Operand, y: Operand) -> Array:
    """x / y of floats."""
    return arithmetic("div", x, y)


def negative(x: Array) -> Array:
    """-x."""
    return -x


def square(x: Array) -> Array:
    """x * x."""
    return x * x


def abs(x: Array) -> Array:
    """The float without its sign."""
    return map_op(Opcode.AND, DType.F32, _floats(x), bits_of(x.graph, 0x7FFFFFFF))


def sqrt(x: Array) -> Array:
    """The square root."""
    return map_op(Opcode.SQRT, DType.F32, _floats(x))


def exp(x: Array) -> Array:
    """e^x."""
    return x.graph.add(Kind.EXP, (_floats(x),), x.shape, DType.F32)


def log(x: Array) -> Array:
    """The natural logarithm."""
    return x.graph.add(Kind.LOG, (_floats(x),), x.shape, DType.F32)


def tanh(x: Array) -> Array:
    """The hyperbolic tangent."""
    return x.graph.add(Kind.TANH, (_floats(x),), x.shape, DType.F32)


def maximum(x: Operand, y: Operand) -> Array:
    """x > y ? x : y of floats."""
    x, y = pair(x, y)
    return map_op(Opcode.MAX, DType.F32, _floats(x), _floats(y))


def minimum(x: Operand, y: Operand) -> Array:
    """-maximum(-x, -y)."""
    x, y = pair(x, y)
    return -maximum(-x, -y)


def less(x: Operand, y: Operand) -> Array:
    """x < y."""
    return arithmetic("lt", x, y)


def less_equal(x: Operand, y: Operand) -> Array:
    """x <= y."""
    return arithmetic("le", x, y)


def greater(x: Operand, y: Operand) -> Array:
    """x > y."""
    return arithmetic("lt", y, x)


def greater_equal(x: Operand, y: Operand) -> Array:
    """x >= y."""
    return arithmetic("le", y, x)


def equal(x: Operand, y: Operand) -> Array:
    """x == y."""
    return arithmetic("eq", x, y)


def not_equal(x: Operand, y: Operand) -> Array:
    """Not x == y."""
    return ~arithmetic("eq", x, y)


def logical_and(x: Array, y: Array) -> Array:
    """Both masks."""
    return x & y


def logical_or(x: Array, y: Array) -> Array:
    """Either mask."""
    return x | y


def logical_not(x: Array) -> Array:
    """The other mask."""
    return ~x


def where(condition: Array, x: Operand, y: Operand) -> Array:
    """x where the mask says so, else y; bits are copied."""
    if condition.element != DType.MASK:
        raise TraceError("where takes a mask first; compare to get one")
    if not isinstance(x, Array) and not isinstance(y, Array):
        x = condition.graph.constant(float(x), DType.F32)
    x, y = pair(x, y)
    return map_op(Opcode.SELECT, x.element, condition, x, y)


def astype(x: Array, dtype: object) -> Array:
    """Conversion; floats to ints toward zero, saturating."""
    to = DType.of(dtype)
    if to == x.element:
        return x
    match x.element, to:
        case DType.I32, DType.F32:
            return map_op(Opcode.FROM_INT, to, x)
        case DType.F32, DType.I32:
            return map_op(Opcode.TO_INT_ZERO, to, x)
        case DType.MASK, _:
            return map_op(Opcode.AND, to, x, x.graph.constant(1, to))
    return not_equal(x, 0)


def _axis(x: Array, axis: int) -> int:
    if not -x.ndim <= axis < x.ndim:
        raise TraceError(f"shape {x.shape} has no axis {axis}")
    return axis % x.ndim


def _reduce(kind: Kind, x: Array, axis: int | Sequence[int] | None, keepdims: Any) -> Array:
    if kind != Kind.SUM or x.element != DType.I32:
        _floats(x)
    if axis is None:
        shape = (1,) * x.ndim if keepdims else ()
        whole = _reshape(x, (x.size,))
        return _reshape(x.graph.add(kind, (whole,), (1,), x.element, 0), shape)
    axes = [axis] if isinstance(axis, int) else axis
    places = sorted({_axis(x, one) for one in axes}, reverse=True)
    kept = list(x.shape)
    for place in places:
        shape = (*x.shape[:place], 1, *x.shape[place + 1 :])
        x = x.graph.add(kind, (x,), shape, x.element, place)
        kept[place] = 1
    rest = tuple(size for place, size in enumerate(kept) if place not in places)
    return _reshape(x, tuple(kept) if keepdims else rest)


def sum(x: Array, /, *, axis: int | Sequence[int] | None = None, keepdims: Any = False) -> Array:
    """The sum along axes, the last axis first; over all elements as one row without `axis`.

    Of ints modulo 2**32.
    """
    return _reduce(Kind.SUM, x, axis, keepdims)


def max(x: Array, /, *, axis: int | Sequence[int] | None = None, keepdims: Any = False) -> Array:
    """The maximum along axes; see `sum`."""
    return _reduce(Kind.MAX, x, axis, keepdims)


def mean(x: Array, /, *, axis: int | Sequence[int] | None = None, keepdims: Any = False) -> Array:
    """The sum divided by the number of elements."""
    total = sum(x, axis=axis, keepdims=keepdims)
    return total / (x.size // total.size)


def var(
    x: Array,
    /,
    *,
    axis: int | Sequence[int] | None = None,
    correction: float = 0.0,
    keepdims: Any = False,
) -> Array:
    """The mean square of what is left when the mean is subtracted."""
    apart = x - mean(x, axis=axis, keepdims=True)
    total = sum(apart * apart, axis=axis, keepdims=keepdims)
    return total / (x.size // total.size - correction)


def matmul(x: Array, y: Array) -> Array:
    """The matrix product; stacks broadcast, vectors are rows or columns as the standard says.

    Of ints modulo 2**32.
    """
    x, y = pair(x, y)
    if x.element != DType.I32:
        _floats(x)
    if not x.shape or not y.shape:
        raise TraceError("matmul takes no scalars; use *")
    a = _reshape(x, (1, *x.shape)) if x.ndim == 1 else x
    b = _reshape(y, (*y.shape, 1)) if y.ndim == 1 else y
    if a.shape[-1] != b.shape[-2]:
        raise TraceError(f"shapes {x.shape} and {y.shape} do not multiply")
    stack = broadcast_shapes(a.shape[:-2], b.shape[:-2])
    a = broadcast(a, (*stack, *a.shape[-2:]))
    b = broadcast(b, (*stack, *b.shape[-2:]))
    shape = (*stack, a.shape[-2], b.shape[-1])
    product = x.graph.add(Kind.MATMUL, (a, b), shape, x.element)
    rows = () if x.ndim == 1 else (a.shape[-2],)
    columns = () if y.ndim == 1 else (b.shape[-1],)
    return _reshape(product, (*stack, *rows, *columns))


def take(x: Array, indices: Array, /, *, axis: int = 0) -> Array:
    """The places `indices` (int32) along the first axis; outside of all of `x`, zeros.

    Raises:
        TraceError: for another axis, or places that are not int32.
    """
    if _axis(x, axis) != 0:
        raise TraceError("take works along the first axis; permute_dims before")
    if indices.element != DType.I32:
        raise TraceError(f"take needs int32 places, not {indices.element.value}")
    return x.graph.add(Kind.TAKE, (x, indices), (*indices.shape, *x.shape[1:]), x.element)


def reshape(x: Array, shape: int | Shape) -> Array:
    """The elements in row-major order under another shape; one size may be -1."""
    return _reshape(x, (shape,) if isinstance(shape, int) else tuple(shape))


def matrix_transpose(x: Array) -> Array:
    """Each matrix of a stack transposed."""
    return x.mT


def permute_dims(x: Array, axes: Sequence[int]) -> Array:
    """The axes in another order."""
    return permute(x, tuple(_axis(x, axis) for axis in axes))


def broadcast_to(x: Array, shape: Shape) -> Array:
    """The array seen in a larger shape."""
    return broadcast(x, tuple(shape))


def expand_dims(x: Array, *, axis: int = 0) -> Array:
    """A new axis of size 1."""
    if not -x.ndim - 1 <= axis <= x.ndim:
        raise TraceError(f"shape {x.shape} has no place {axis} for an axis")
    place = axis % (x.ndim + 1)
    return _reshape(x, (*x.shape[:place], 1, *x.shape[place:]))


def squeeze(x: Array, axis: int) -> Array:
    """Without an axis of size 1."""
    place = _axis(x, axis)
    if x.shape[place] != 1:
        raise TraceError(f"axis {axis} of shape {x.shape} is not of size 1")
    return _reshape(x, (*x.shape[:place], *x.shape[place + 1 :]))
