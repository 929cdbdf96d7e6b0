"""Operands of one dtype, as torch makes them so: bool below int below float."""

from typing import Any, Final

import numpy as np

from prover.tracer import Array, DType
from prover.tracer import namespace as xp

_ORDER: Final = [DType.MASK, DType.I32, DType.F32]


def kind_of(value: Any) -> DType:
    """What an array or a Python number is."""
    if isinstance(value, Array):
        return value.element
    if isinstance(value, bool | np.bool_):
        return DType.MASK
    return DType.I32 if isinstance(value, int) else DType.F32


def cast(value: Any, to: DType) -> Any:
    """An array as another dtype; a number as it is."""
    return xp.astype(value, to.value) if isinstance(value, Array) else value


def promoted(*values: Any, least: DType = DType.MASK) -> list[Any]:
    """All of the greatest dtype among them and `least`."""
    to = max([least, *map(kind_of, values)], key=_ORDER.index)
    return [cast(value, to) for value in values]


def floats(value: Any) -> Any:
    """An array as floats."""
    return cast(value, DType.F32)
