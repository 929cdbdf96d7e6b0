"""What the namespace's functions share: operands, axes, dtypes, rules."""

import operator
from collections.abc import Sequence
from typing import Any, SupportsIndex

import numpy as np
from numpy.typing import NDArray

from prover.ops import Opcode
from prover.tracer import making
from prover.tracer.array import Array
from prover.tracer.making import map_op, pair, permute
from prover.tracer.namespace.literals import literal
from prover.tracer.symbols import DType, TraceError

Like = Array | float | np.generic | NDArray[Any] | Sequence[Any]
"""An array, or numbers that become one beside it or alone."""
Axes = SupportsIndex | Sequence[SupportsIndex] | None


def traced(x: Like) -> Array:
    """The array itself; a scalar or a small array of numbers as a constant."""
    return x if isinstance(x, Array) else literal(x)


def operands(x: Like, y: Like) -> tuple[Array, Array]:
    """Two operands as arrays of one dtype; numbers take the dtype of the array beside them."""
    if not isinstance(x, Array) and not isinstance(y, Array):
        x = literal(x)
    if isinstance(x, Array):
        return pair(x, y if isinstance(y, Array) or np.ndim(y) == 0 else literal(y, x.element))
    y, x = operands(y, x)
    return x, y


def needs(x: Like, *kinds: DType) -> Array:
    """The array, which must be of one of these dtypes."""
    return making.needs(traced(x), *kinds)


def floats(x: Like) -> Array:
    """The array, which must be of floats."""
    return needs(x, DType.F32)


def numbers(x: Like) -> Array:
    """The array, which must be of floats or ints."""
    return needs(x, DType.F32, DType.I32)


def masks(x: Like) -> Array:
    """Where the array is not 0."""
    x = traced(x)
    return x if x.element == DType.MASK else x != 0


def scalar(graph_of: Array, value: float) -> Array:
    """A constant of the dtype of another array."""
    return graph_of.graph.constant(value, graph_of.element)


def where(condition: Like, x1: Like, x2: Like, /) -> Array:
    """x1 where the mask says so, else x2; bits are copied."""
    condition = traced(condition)
    if condition.element != DType.MASK:
        raise TraceError("where takes a mask first; compare to get one")
    x, y = operands(x1, x2)
    return map_op(Opcode.SELECT, x.element, condition, x, y)


def axis_of(x: Array, axis: SupportsIndex) -> int:
    """An axis counted from the front."""
    place = operator.index(axis)
    if not -x.ndim <= place < x.ndim:
        raise TraceError(f"shape {x.shape} has no axis {place}")
    return place % x.ndim


def axes_of(x: Array, axes: Axes) -> tuple[int, ...]:
    """Axes counted from the front, each once, ascending; all of them for None."""
    if axes is None:
        return tuple(range(x.ndim))
    given = axes if isinstance(axes, Sequence) else (axes,)
    places = [axis_of(x, axis) for axis in given]
    if len({*places}) != len(places):
        raise TraceError(f"axes {given} of shape {x.shape} name one twice")
    return tuple(sorted(places))


def moved(x: Array, source: int, target: int) -> Array:
    """One axis elsewhere, the others in their order."""
    order = [axis for axis in range(x.ndim) if axis != source]
    order.insert(target, source)
    return permute(x, tuple(order))


def sizes_of(shape: Any) -> tuple[int, ...]:
    """A shape as a tuple."""
    return tuple(map(int, shape)) if isinstance(shape, Sequence) else (int(shape),)


def no_device(device: object) -> None:
    """Rows have no device: None only.

    Raises:
        TraceError: for any other.
    """
    if device is not None:
        raise TraceError(f"traced arrays are on no device; leave out device={device!r}")
