"""Traced arrays: what a plain function over arrays computes, as a graph.

An `Array` stands for a result not computed yet: an op, the arrays it is made of, a shape, a dtype.
Equal ops on equal arrays are one array. Views (transposes, broadcasts, slices) are ops here and
become addresses later. The names of functions are in `prover.tracer.namespace`.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from itertools import count
from math import prod
from typing import TYPE_CHECKING, Any, ClassVar, Final, NoReturn

import numpy as np

from prover.float32 import from_float
from prover.ops import Opcode
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
            try:
                word = from_float(float(value)) if dtype == DType.F32 else int(value) & 0xFFFFFFFF
            except OverflowError:
                raise TraceError("an int that is too large for any float") from None
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


_XP: Final = "with xp = namespace_of(x)"
_INSTEAD: Final = f"use functions of the array API standard, {_XP}"

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
    def device(self) -> None:
        """None: where rows run is for a backend to say."""
        return None

    def to_device(self, device: object, /, *, stream: object = None) -> Array:
        """The array itself; there is but one device."""
        if device is not None or stream is not None:
            raise TraceError(
                "traced arrays have no devices; a backend is chosen when a program runs"
            )
        return self

    @property
    def T(self) -> Array:  # noqa: N802 - the array API's name
        """The matrix transposed."""
        if self.ndim != 2:
            raise TraceError(f"T is for matrices, not shape {self.shape}; use permute_dims")
        return making.permute(self, (1, 0))

    @property
    def mT(self) -> Array:  # noqa: N802 - the array API's name
        """Each matrix of a stack transposed."""
        if self.ndim < 2:
            raise TraceError(f"mT is for stacks of matrices, not shape {self.shape}")
        axes = tuple(range(self.ndim - 2))
        return making.permute(self, (*axes, self.ndim - 1, self.ndim - 2))

    def __array_namespace__(self, api_version: str | None = None) -> Any:
        return namespace

    def __array_function__(self, func: Any, *others: object) -> NoReturn:
        raise TraceError(f"np.{func.__name__} takes no traced arrays; {_INSTEAD}")

    @classmethod
    def __torch_function__(cls, func: Any, *others: object) -> NoReturn:
        raise TraceError(f"torch's {func.__name__} takes no traced arrays; {_INSTEAD}")

    if not TYPE_CHECKING:  # it would know every attribute

        def __getattr__(self, name: str) -> NoReturn:
            """Methods of NumPy's and torch's arrays, which the standard has as functions."""
            if name.startswith("_"):
                raise AttributeError(name)
            instead = _INSTEAD
            try:
                if callable(getattr(namespace, name)):
                    instead = f"call xp.{name}, {_XP}"
            except TraceError as error:  # of the standard, and not to be traced
                instead = error.why
            except AttributeError:
                pass
            raise AttributeError(f"traced arrays have no {name}; {instead}")

    def __add__(self, other: Operand) -> Array:
        return making.arithmetic("add", self, other)

    def __radd__(self, other: Operand) -> Array:
        return making.arithmetic("add", other, self)

    def __sub__(self, other: Operand) -> Array:
        return making.arithmetic("sub", self, other)

    def __rsub__(self, other: Operand) -> Array:
        return making.arithmetic("sub", other, self)

    def __mul__(self, other: Operand) -> Array:
        return making.arithmetic("mul", self, other)

    def __rmul__(self, other: Operand) -> Array:
        return making.arithmetic("mul", other, self)

    def __truediv__(self, other: Operand) -> Array:
        return making.arithmetic("div", self, other)

    def __rtruediv__(self, other: Operand) -> Array:
        return making.arithmetic("div", other, self)

    def __floordiv__(self, other: Operand) -> Array:
        return namespace.floor_divide(self, other)

    def __mod__(self, other: Operand) -> Array:
        return namespace.remainder(self, other)

    def __pow__(self, other: Operand) -> Array:
        return namespace.pow(self, other)

    def __lshift__(self, other: Operand) -> Array:
        return namespace.bitwise_left_shift(self, other)

    def __rshift__(self, other: Operand) -> Array:
        return namespace.bitwise_right_shift(self, other)

    def __matmul__(self, other: Operand) -> Array:
        return namespace.matmul(self, other)

    def __pos__(self) -> Array:
        return self

    def __neg__(self) -> Array:
        """Exact: the sign bit flips, of zeros and NaNs too."""
        if self.element == DType.I32:
            return making.arithmetic("sub", 0, self)
        sign = making.bits_of(self.graph, 0x80000000)
        return making.map_op(Opcode.XOR, DType.F32, making.needs(self, DType.F32), sign)

    def __abs__(self) -> Array:
        return namespace.abs(self)

    def __lt__(self, other: Operand) -> Array:
        return making.arithmetic("lt", self, other)

    def __le__(self, other: Operand) -> Array:
        return making.arithmetic("le", self, other)

    def __gt__(self, other: Operand) -> Array:
        return making.arithmetic("lt", other, self)

    def __ge__(self, other: Operand) -> Array:
        return making.arithmetic("le", other, self)

    def __eq__(self, other: Operand) -> Array:  # type: ignore[override]
        return making.arithmetic("eq", self, other)

    def __ne__(self, other: Operand) -> Array:  # type: ignore[override]
        return ~making.arithmetic("eq", self, other)

    __hash__ = object.__hash__

    def __and__(self, other: Operand) -> Array:
        return making.bits(Opcode.AND, self, other)

    def __rand__(self, other: Operand) -> Array:
        return making.bits(Opcode.AND, self, other)

    def __or__(self, other: Operand) -> Array:
        return making.bits(Opcode.OR, self, other)

    def __ror__(self, other: Operand) -> Array:
        return making.bits(Opcode.OR, self, other)

    def __xor__(self, other: Operand) -> Array:
        return making.bits(Opcode.XOR, self, other)

    def __rxor__(self, other: Operand) -> Array:
        return making.bits(Opcode.XOR, self, other)

    def __invert__(self) -> Array:
        return making.bits(Opcode.XOR, self, self.element == DType.MASK or -1)

    def __getitem__(self, key: Any) -> Array:
        return views.index(self, key)

    def __setitem__(self, key: object, value: object) -> NoReturn:
        raise TraceError("traced arrays are not written in place; make new ones by where or concat")

    def __bool__(self) -> bool:
        raise TraceError("no decision can hang on a traced value; use where")

    def __float__(self) -> float:
        raise TraceError("a traced value has no number yet; report it as an output")

    def __int__(self) -> int:
        raise TraceError("a traced value has no number yet; report it as an output")

    def __index__(self) -> int:
        raise TraceError("a traced value is no place yet; use take")

    def __len__(self) -> int:
        if not self.shape:
            raise TraceError("a scalar has no length")
        return self.shape[0]

    def __iter__(self) -> Iterator[Array]:
        return (self[place] for place in range(len(self)))

    def __repr__(self) -> str:
        return f"Array({self.scope}{self.op.name.lower()}, {self.shape}, {self.element.value})"


from prover.tracer import making, namespace, views  # noqa: E402 - they need the class
