"""What traced arrays are made by: scalar operations, views, numbers in a row."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import Any, Final

import numpy as np

from prover import ops
from prover.ops import OPS, Opcode
from prover.tracer.array import Array, Graph, Operand
from prover.tracer.symbols import NO_DATA, DType, Kind, Shape, Step, TraceError, Turn

_ARITHMETIC: Final[dict[str, tuple[Opcode, Opcode | None]]] = {
    "add": (Opcode.ADD, Opcode.IADD),
    "sub": (Opcode.SUB, Opcode.ISUB),
    "mul": (Opcode.MUL, Opcode.IMUL),
    "div": (Opcode.DIV, None),
    "lt": (Opcode.LT, Opcode.ILT),
    "le": (Opcode.LE, Opcode.ILE),
    "eq": (Opcode.EQ, Opcode.IEQ),
}
_COMPARISONS: Final = {"lt", "le", "eq"}


def bits_of(graph: Graph, bits: int) -> Array:
    """A constant float of these bits."""
    return graph.add(Kind.CONSTANT, (), (), DType.F32, bits)


def needs(x: Array, *kinds: DType) -> Array:
    """The array, which must be of one of these dtypes."""
    if x.element not in kinds:
        wanted = " or ".join(kind.value for kind in kinds)
        raise TraceError(f"{x.element.value} where {wanted} is needed; convert with astype")
    return x


def pair(x: Operand, y: Operand) -> tuple[Array, Array]:
    """Two operands as arrays of one dtype; a scalar takes the dtype of the array beside it.

    Raises:
        TraceError: when neither is traced, their dtypes differ, or one is an array of numbers.
    """
    if not isinstance(x, Array):
        y, x = pair(y, x)
        return x, y
    if isinstance(y, Array):
        if y.graph is not x.graph:
            raise TraceError("arrays of different traces do not mix")
        needs(y, x.element)
        return x, y
    if isinstance(y, Step | Turn):
        raise TraceError(NO_DATA)
    if np.ndim(y) != 0:
        raise TraceError("a plain array inside a trace is committed nowhere; make it an input")
    if not isinstance(y, bool | int | float | np.generic | np.ndarray):
        raise TraceError(f"cannot compute with {type(y).__name__}")
    value = np.asarray(y).item()
    if x.element == DType.I32 and not (-(2**31) <= value < 2**31 and value == int(value)):
        raise TraceError(f"{value} does not fit int32; convert the array with astype")
    return x, x.graph.constant(value, x.element)


def arithmetic(name: str, x: Operand, y: Operand) -> Array:
    """One of the two-operand ops on floats or ints, broadcast."""
    if not isinstance(x, Array) and not isinstance(y, Array):
        raise TraceError("neither operand is traced")
    x, y = pair(x, y)
    float_op, int_op = _ARITHMETIC[name]
    opcode = float_op if needs(x, DType.F32, DType.I32).element == DType.F32 else int_op
    if opcode is None:
        raise TraceError(f"int32 has no {name} here; convert with astype")
    return map_op(opcode, DType.MASK if name in _COMPARISONS else x.element, x, y)


def bits(opcode: Opcode, x: Array, y: Operand) -> Array:
    """A bit operation on ints or masks."""
    x, y = pair(needs(x, DType.MASK, DType.I32), y)
    return map_op(opcode, x.element, x, y)


def map_op(opcode: Opcode, dtype: DType, *operands: Array) -> Array:
    """A scalar operation, element by element, operands broadcast to one shape.

    Of constants it is computed here, by the definition.
    """
    shape = broadcast_shapes(*(operand.shape for operand in operands))
    graph = operands[0].graph
    words = [word for word in map(constant_word, operands) if word is not None]
    if len(words) == len(operands):
        x, y, z = (*words, 0, 0)[:3]
        result = ops.apply(opcode, OPS[opcode].identity, x, y, z)
        return broadcast(graph.add(Kind.CONSTANT, (), (), dtype, result), shape)
    return graph.add(opcode, tuple(broadcast(operand, shape) for operand in operands), shape, dtype)


def constant_word(array: Array) -> int | None:
    """The word that all elements are, where the graph says so."""
    while array.op in {Kind.BROADCAST, Kind.RESHAPE}:
        (array,) = array.inputs
    return array.attributes[0] if array.op == Kind.CONSTANT else None


def broadcast_shapes(*shapes: Shape) -> Shape:
    """The shape that all broadcast to.

    Raises:
        TraceError: when there is none.
    """
    try:
        return np.broadcast_shapes(*shapes)
    except ValueError:
        raise TraceError(f"shapes {', '.join(map(str, shapes))} do not broadcast") from None


def broadcast(x: Array, shape: Shape) -> Array:
    """The array seen in a larger shape."""
    if x.shape == shape:
        return x
    if broadcast_shapes(x.shape, shape) != shape:
        raise TraceError(f"shape {x.shape} does not broadcast to {shape}")
    return x.graph.add(Kind.BROADCAST, (x,), shape, x.element)


def permute(x: Array, axes: Shape) -> Array:
    """The array with its axes in another order."""
    if sorted(axes) != list(range(x.ndim)):
        raise TraceError(f"{axes} are not the axes of shape {x.shape} in some order")
    if list(axes) == sorted(axes):
        return x
    return x.graph.add(Kind.PERMUTE, (x,), tuple(x.shape[a] for a in axes), x.element, axes)


def reshape(x: Array, shape: Shape) -> Array:
    """The same elements in row-major order under another shape; one size may be -1."""
    if shape.count(-1) == 1:
        known = -prod(shape)
        if known and x.size % known == 0:
            shape = tuple(x.size // known if size == -1 else size for size in shape)
    if prod(shape) != x.size or min(shape, default=0) < 0:
        raise TraceError(f"{x.size} elements of shape {x.shape} do not fit shape {shape}")
    if shape == x.shape:
        return x
    return x.graph.add(Kind.RESHAPE, (x,), shape, x.element)


def iota(graph: Graph, count: int) -> Array:
    """0 .. count - 1, int32."""
    if not 1 <= count < 1 << 28:
        raise TraceError(f"a row of {count} numbers; make it of 1 to 2^28 - 1")
    return graph.add(Kind.IOTA, (), (count,), DType.I32)


def concat(arrays: Sequence[Array]) -> Array:
    """Arrays of one dtype behind each other along the first axis."""
    first, *others = arrays
    if not others:
        return first
    for one in others:
        if one.graph is not first.graph:
            raise TraceError("arrays of different traces do not mix")
        needs(one, first.element)
        if not first.shape or one.shape[1:] != first.shape[1:]:
            raise TraceError(f"shapes {first.shape} and {one.shape} do not stand behind each other")
    shape = (sum(len(one) for one in arrays), *first.shape[1:])
    return first.graph.add(Kind.CONCAT, tuple(arrays), shape, first.element)


def detached(x: Array) -> Array:
    """The same values, through which no gradient flows."""
    return x.graph.add(Kind.DETACH, (x,), x.shape, x.element)


def ruled(value: Array, inputs: Sequence[Any], rule: Callable[[Array], Sequence[Array]]) -> Array:
    """The same values, whose gradient is given: see `prover.tracer.ruled`."""
    for one in inputs:
        if not isinstance(one, Array) or one.graph is not value.graph:
            raise TraceError(f"a rule is for arrays of this trace, not {type(one).__name__}")
    return value.graph.add(Kind.RULED, (value, *inputs), value.shape, value.element, rule)
