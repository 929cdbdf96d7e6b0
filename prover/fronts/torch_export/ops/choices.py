"""Comparisons, masks and what they choose, element by element; other dtypes of the same."""

from typing import Any

from prover.fronts.torch_export.ops.promotion import cast, kind_of, promoted
from prover.fronts.torch_export.ops.table import lowers
from prover.tracer import Array, DType
from prover.tracer import namespace as xp


@lowers("isnan")
def isnan(x: Array) -> Array:
    """Whether it is no number."""
    return xp.isnan(x)


@lowers("isinf")
def isinf(x: Array) -> Array:
    """Whether it is infinite."""
    return xp.isinf(x)


@lowers("eq.Tensor", "eq.Scalar")
def equal(x: Any, y: Any) -> Array:
    """x == y."""
    x, y = promoted(x, y)
    if kind_of(x) == DType.MASK:
        return xp.logical_not(xp.logical_xor(x, y))
    return xp.equal(x, y)


@lowers("ne.Tensor", "ne.Scalar")
def not_equal(x: Any, y: Any) -> Array:
    """x != y."""
    return xp.logical_not(equal(x, y))


@lowers("lt.Tensor", "lt.Scalar")
def less(x: Any, y: Any) -> Array:
    """x < y."""
    return xp.less(*promoted(x, y, least=DType.I32))


@lowers("le.Tensor", "le.Scalar")
def less_equal(x: Any, y: Any) -> Array:
    """x <= y."""
    return xp.less_equal(*promoted(x, y, least=DType.I32))


@lowers("gt.Tensor", "gt.Scalar")
def greater(x: Any, y: Any) -> Array:
    """x > y."""
    return xp.greater(*promoted(x, y, least=DType.I32))


@lowers("ge.Tensor", "ge.Scalar")
def greater_equal(x: Any, y: Any) -> Array:
    """x >= y."""
    return xp.greater_equal(*promoted(x, y, least=DType.I32))


@lowers("logical_and")
def logical_and(x: Any, y: Any) -> Array:
    """Neither is 0."""
    return xp.logical_and(*_masks(x, y))


@lowers("logical_or")
def logical_or(x: Any, y: Any) -> Array:
    """One of them is not 0."""
    return xp.logical_or(*_masks(x, y))


@lowers("logical_xor")
def logical_xor(x: Any, y: Any) -> Array:
    """Just one of them is not 0."""
    return xp.logical_xor(*_masks(x, y))


@lowers("logical_not")
def logical_not(x: Array) -> Array:
    """It is 0."""
    return xp.logical_not(cast(x, DType.MASK))


@lowers("bitwise_and.Tensor", "bitwise_and.Scalar")
def bitwise_and(x: Any, y: Any) -> Array:
    """Bits of both; of masks, both."""
    return _bits(xp.bitwise_and, xp.logical_and, x, y)


@lowers("bitwise_or.Tensor", "bitwise_or.Scalar")
def bitwise_or(x: Any, y: Any) -> Array:
    """Bits of either; of masks, either."""
    return _bits(xp.bitwise_or, xp.logical_or, x, y)


@lowers("bitwise_xor.Tensor", "bitwise_xor.Scalar")
def bitwise_xor(x: Any, y: Any) -> Array:
    """Bits of just one; of masks, just one."""
    return _bits(xp.bitwise_xor, xp.logical_xor, x, y)


@lowers("bitwise_not")
def bitwise_not(x: Array) -> Array:
    """The other bits; of a mask, the other one."""
    return xp.logical_not(x) if x.element == DType.MASK else xp.bitwise_invert(x)


def _masks(*values: Any) -> list[Any]:
    return [
        cast(value, DType.MASK) if isinstance(value, Array) else bool(value) for value in values
    ]


def _bits(of_ints: Any, of_masks: Any, x: Any, y: Any) -> Array:
    x, y = promoted(x, y)
    made: Array = (of_masks if kind_of(x) == DType.MASK else of_ints)(x, y)
    return made


@lowers("where.self", "where.ScalarSelf", "where.ScalarOther", "where.Scalar")
def where(mask: Array, x: Any, y: Any) -> Array:
    """x where the mask says so, else y."""
    return xp.where(mask, *promoted(x, y))


@lowers("masked_fill.Scalar", "masked_fill.Tensor")
def masked_fill(x: Array, mask: Array, value: Any) -> Array:
    """`value` where the mask says so, else x."""
    return xp.where(mask, cast(value, x.element), x)


@lowers("_to_copy", "to.dtype")
def converted(x: Array, dtype: DType | None = None) -> Array:
    """Another dtype; floats to ints toward zero."""
    return x if dtype is None else xp.astype(x, dtype.value)


@lowers("clone", "alias", "lift_fresh_copy", "contiguous", "detach_")
def same(x: Array) -> Array:
    """The same array: where it lies is nobody's concern here."""
    return x


@lowers("full_like")
def full_like(x: Array, value: float, dtype: DType | None = None) -> Array:
    """All elements `value`."""
    return xp.full(x.shape, value, dtype=(dtype or x.element).value)


@lowers("zeros_like")
def zeros_like(x: Array, dtype: DType | None = None) -> Array:
    """All elements 0."""
    return full_like(x, 0, dtype)


@lowers("ones_like")
def ones_like(x: Array, dtype: DType | None = None) -> Array:
    """All elements 1."""
    return full_like(x, 1, dtype)
