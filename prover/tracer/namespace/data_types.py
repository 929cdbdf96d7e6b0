"""Dtypes, and conversion between them."""

# ruff: noqa: A001, A002 - the standard's names

from typing import Any, Final

import numpy as np

from prover.ops import Opcode
from prover.tracer.array import Array
from prover.tracer.making import map_op
from prover.tracer.namespace.core import Like, no_device, scalar, traced
from prover.tracer.symbols import DType, TraceError

float32: Final = np.dtype(np.float32)
int32: Final = np.dtype(np.int32)
bool: Final = np.dtype(np.bool_)

_KINDS: Final = {
    "bool": {DType.MASK},
    "signed integer": {DType.I32},
    "unsigned integer": set[DType](),
    "integral": {DType.I32},
    "real floating": {DType.F32},
    "complex floating": set[DType](),
    "numeric": {DType.I32, DType.F32},
}


def astype(x: Like, dtype: object, /, *, copy: object = True, device: object = None) -> Array:
    """Conversion; floats to ints toward zero, saturating; from bool 0 and 1, to bool not 0."""
    no_device(device)
    x = traced(x)
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
    return x != scalar(x, 0)


def can_cast(from_: Any, to: object, /) -> Any:
    """Whether a conversion needs no `astype`: to the same dtype alone."""
    return _dtype(from_) == DType.of(to)


def result_type(*arrays_and_dtypes: Any) -> np.dtype[Any]:
    """The dtype that arrays and dtypes share; numbers beside them do not count.

    Raises:
        TraceError: when they share none.
    """
    kinds = {_dtype(one) for one in arrays_and_dtypes if not isinstance(one, int | float)}
    if len(kinds) != 1:
        names = sorted(kind.value for kind in kinds)
        raise TraceError(f"{names} have no common dtype; convert with astype")
    return np.dtype(kinds.pop().value)


def isdtype(dtype: object, kind: Any) -> Any:
    """Whether a dtype is another one, or of a kind as the standard names it, or one of several."""
    if isinstance(kind, tuple):
        return any(isdtype(dtype, one) for one in kind)
    if isinstance(kind, str):
        if kind not in _KINDS:
            raise TraceError(f"{kind!r} is no kind of dtypes; those are {sorted(_KINDS)}")
        return DType.of(dtype) in _KINDS[kind]
    return np.dtype(dtype) == np.dtype(kind)  # type: ignore[call-overload]


def finfo(type: Any, /) -> Any:
    """What floats there are: `bits`, `eps`, `max`, `min`, `smallest_normal`, `dtype`."""
    if _dtype(type) != DType.F32:
        raise TraceError("finfo is of floats; ask iinfo of ints")
    return np.finfo(np.float32)


def iinfo(type: Any, /) -> Any:
    """What ints there are: `bits`, `max`, `min`, `dtype`."""
    if _dtype(type) != DType.I32:
        raise TraceError("iinfo is of ints; ask finfo of floats")
    return np.iinfo(np.int32)


def _dtype(one: Any) -> DType:
    return one.element if isinstance(one, Array) else DType.of(one)
