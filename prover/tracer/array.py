"""Traced arrays: what a plain function over arrays computes, as a graph.

An `Array` stands for a result not computed yet: an op, the arrays it is made of, a shape, a dtype.
Equal ops on equal arrays are one array. Views (transposes, broadcasts, slices) are ops here and
become addresses later. The names of functions are in `prover.tracer.namespace`.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from itertools import count
from math import prod
from typing import Any, ClassVar, Final

import numpy as np

from prover import ops
from prover.float32 import from_float
from prover.ops import OPS, Opcode
from prover.tracer.symbols import DType, Kind, Op, Shape, TraceError, current_scope


class Graph:
    """The arrays of one trace, each different from all others."""

    def __init__(self) -> None:
        self._known: dict[Hashable, Array] = {}
        self._order = count()

    def add(
        self, op: Op, inputs: tuple[Array, ...], shape: Shape, dtype: DType, *attributes: Hashable
    ) -> Array:
        """The array of an op, an earlier one where it was computed before."""
        key = (op, tuple(map(id, inputs)), shape, dtype, attributes)
        known = self._known.get(key)
        if known is None:
            known = Array(self, op, inputs, shape, dtype, attributes, next(self._order))
            self._known[key] = known
        return known

    def constant(self, value: float, dtype: DType) -> Array:
        """A scalar."""
        if dtype == DType.MASK:
            word = 0xFFFFFFFF if value else 0
        else:
            word = from_float(float(value)) if dtype == DType.F32 else int(value) & 0xFFFFFFFF
        return self.add(Kind.CONSTANT, (), (), dtype, word)


_graph: ContextVar[Graph] = ContextVar("graph")


@contextmanager
def tracing(graph: Graph) -> Iterator[None]:
    """What is made inside from nothing (`arange`, `zeros`) belongs to this trace."""
    token = _graph.set(graph)
    try:
        yield
    finally:
        _graph.reset(token)


def current_graph() -> Graph:
    """The trace that is under way.

    Raises:
        TraceError: when there is none.
    """
    try:
        return _graph.get()
    except LookupError:
        raise TraceError("arrays are made from nothing only while tracing") from None


Operand = Any
"""What may stand beside an Array in arithmetic: another one, or a Python or NumPy scalar."""


class Array:
    """A result to be computed. Made by `Graph.add`."""

    __array_ufunc__: ClassVar[None] = None
    """NumPy leaves operators with traced arrays to us."""

    def __init__(
        self,
        graph: Graph,
        op: Op,
        inputs: tuple[Array, ...],
        shape: Shape,
        dtype: DType,
        attributes: tuple[Any, ...],
        order: int,
    ) -> None:
        self.graph = graph
        self.op = op
        self.inputs = inputs
        self.shape = shape
        self.element = dtype
        self.attributes = attributes
        self.order = order
        self.scope = current_scope()

    @property
    def dtype(self) -> np.dtype[Any]:
        """The dtype as NumPy names it."""
        return np.dtype(self.element.value)

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """Number of elements."""
        return prod(self.shape)

    @property
    def T(self) -> Array:  # noqa: N802 - the array API's name
        """The matrix transposed."""
        if self.ndim != 2:
            raise TraceError(f"T is for matrices, not shape {self.shape}; use permute_dims")
        return permute(self, (1, 0))

    @property
    def mT(self) -> Array:  # noqa: N802 - the array API's name
        """Each matrix of a stack transposed."""
        if self.ndim < 2:
            raise TraceError(f"mT is for stacks of matrices, not shape {self.shape}")
        axes = tuple(range(self.ndim - 2))
        return permute(self, (*axes, self.ndim - 1, self.ndim - 2))

    def __array_namespace__(self, api_version: str | None = None) -> Any:
        from prover.tracer import namespace

        return namespace

    def __add__(self, other: Operand) -> Array:
        return arithmetic("add", self, other)

    def __radd__(self, other: Operand) -> Array:
        return arithmetic("add", other, self)

    def __sub__(self, other: Operand) -> Array:
        return arithmetic("sub", self, other)

    def __rsub__(self, other: Operand) -> Array:
        return arithmetic("sub", other, self)

    def __mul__(self, other: Operand) -> Array:
        return arithmetic("mul", self, other)

    def __rmul__(self, other: Operand) -> Array:
        return arithmetic("mul", other, self)

    def __truediv__(self, other: Operand) -> Array:
        return arithmetic("div", self, other)

    def __rtruediv__(self, other: Operand) -> Array:
        return arithmetic("div", other, self)

    def __matmul__(self, other: Array) -> Array:
        from prover.tracer import namespace

        return namespace.matmul(self, other)

    def __neg__(self) -> Array:
        """Exact: the sign bit flips, of zeros and NaNs too."""
        if self.element == DType.I32:
            return arithmetic("sub", 0, self)
        return map_op(
            Opcode.XOR, DType.F32, _needs(self, DType.F32), bits_of(self.graph, 0x80000000)
        )

    def __lt__(self, other: Operand) -> Array:
        return arithmetic("lt", self, other)

    def __le__(self, other: Operand) -> Array:
        return arithmetic("le", self, other)

    def __gt__(self, other: Operand) -> Array:
        return arithmetic("lt", other, self)

    def __ge__(self, other: Operand) -> Array:
        return arithmetic("le", other, self)

    def __eq__(self, other: Operand) -> Array:  # type: ignore[override]
        return arithmetic("eq", self, other)

    def __ne__(self, other: Operand) -> Array:  # type: ignore[override]
        return ~arithmetic("eq", self, other)

    __hash__ = object.__hash__

    def __and__(self, other: Operand) -> Array:
        return _bits(Opcode.AND, self, other)

    def __rand__(self, other: Operand) -> Array:
        return _bits(Opcode.AND, self, other)

    def __or__(self, other: Operand) -> Array:
        return _bits(Opcode.OR, self, other)

    def __ror__(self, other: Operand) -> Array:
        return _bits(Opcode.OR, self, other)

    def __xor__(self, other: Operand) -> Array:
        return _bits(Opcode.XOR, self, other)

    def __rxor__(self, other: Operand) -> Array:
        return _bits(Opcode.XOR, self, other)

    def __invert__(self) -> Array:
        return _bits(Opcode.XOR, self, self.element == DType.MASK or -1)

    def __getitem__(self, key: Any) -> Array:
        from prover.tracer.views import index

        return index(self, key)

    def __bool__(self) -> bool:
        raise TraceError("no decision can hang on a traced value; use where")

    def __float__(self) -> float:
        raise TraceError("a traced value has no number yet; report it as an output")

    def __len__(self) -> int:
        if not self.shape:
            raise TraceError("a scalar has no length")
        return self.shape[0]

    def __iter__(self) -> Iterator[Array]:
        return (self[place] for place in range(len(self)))

    def __repr__(self) -> str:
        return f"Array({self.scope}{self.op.name.lower()}, {self.shape}, {self.element.value})"


# ---------------------------------------------------------------------------------- construction

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


def _needs(x: Array, *kinds: DType) -> Array:
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
        _needs(y, x.element)
        return x, y
    if np.ndim(y) != 0:
        raise TraceError("a plain array inside a trace is committed nowhere; make it an input")
    if not isinstance(y, bool | int | float | np.generic | np.ndarray):
        raise TraceError(f"cannot compute with {type(y).__name__}")
    value = np.asarray(y).item()
    if x.element == DType.I32 and not float(value).is_integer():
        raise TraceError(f"{value} does not fit int32; convert the array with astype")
    return x, x.graph.constant(value, x.element)


def arithmetic(name: str, x: Operand, y: Operand) -> Array:
    """One of the two-operand ops on floats or ints, broadcast."""
    if not isinstance(x, Array) and not isinstance(y, Array):
        raise TraceError("neither operand is traced")
    x, y = pair(x, y)
    float_op, int_op = _ARITHMETIC[name]
    opcode = float_op if _needs(x, DType.F32, DType.I32).element == DType.F32 else int_op
    if opcode is None:
        raise TraceError(f"int32 has no {name} here; convert with astype")
    return map_op(opcode, DType.MASK if name in _COMPARISONS else x.element, x, y)


def _bits(opcode: Opcode, x: Array, y: Operand) -> Array:
    x, y = pair(_needs(x, DType.MASK, DType.I32), y)
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
        _needs(one, first.element)
        if not first.shape or one.shape[1:] != first.shape[1:]:
            raise TraceError(f"shapes {first.shape} and {one.shape} do not stand behind each other")
    shape = (sum(len(one) for one in arrays), *first.shape[1:])
    return first.graph.add(Kind.CONCAT, tuple(arrays), shape, first.element)
