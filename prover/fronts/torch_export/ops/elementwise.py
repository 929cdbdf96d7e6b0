"""Arithmetic, comparisons and choices, element by element."""

from typing import Any

from prover.fronts.torch_export.ops.promotion import cast, floats, kind_of, promoted
from prover.fronts.torch_export.ops.table import lowers
from prover.tracer import Array, DType, fma, rsqrt
from prover.tracer import namespace as xp
from prover.tracer.array import current_graph
from prover.tracer.making import broadcast, broadcast_shapes


@lowers("add.Tensor", "add.Scalar")
def add(x: Any, y: Any, alpha: float = 1) -> Array:
    """x + alpha * y."""
    x, y = promoted(x, y, least=kind_of(alpha) if alpha != 1 else DType.MASK)
    if alpha == 1:
        return xp.add(x, y)
    return fma(y, alpha, x) if kind_of(x) == DType.F32 else xp.add(x, xp.multiply(y, alpha))


@lowers("sub.Tensor", "sub.Scalar")
def sub(x: Any, y: Any, alpha: float = 1) -> Array:
    """x - alpha * y."""
    x, y = promoted(x, y)
    return xp.subtract(x, y) if alpha == 1 else add(x, y, -alpha)


@lowers("rsub.Scalar", "rsub.Tensor")
def rsub(x: Any, y: Any, alpha: float = 1) -> Array:
    """y - alpha * x."""
    return sub(y, x, alpha)


@lowers("mul.Tensor", "mul.Scalar")
def mul(x: Any, y: Any) -> Array:
    """x * y; of two masks, both."""
    x, y = promoted(x, y)
    return xp.logical_and(x, y) if kind_of(x) == DType.MASK else xp.multiply(x, y)


@lowers("div.Tensor", "div.Scalar")
def div(x: Any, y: Any) -> Array:
    """x / y of floats."""
    return xp.divide(*promoted(x, y, least=DType.F32))


@lowers("div.Tensor_mode", "div.Scalar_mode")
def div_mode(x: Any, y: Any, rounding_mode: str | None = None) -> Array:
    """x / y, rounded or not."""
    if rounding_mode is None:
        return div(x, y)
    if rounding_mode == "floor":
        return floor_divide(x, y)
    whole: Array = cast(xp.trunc(div(x, y)), kind_of(promoted(x, y)[0]))
    return whole


@lowers("floor_divide")
def floor_divide(x: Any, y: Any) -> Array:
    """The greatest whole number not above x / y."""
    x, y = promoted(x, y)
    return xp.floor(xp.divide(x, y)) if kind_of(x) == DType.F32 else xp.floor_divide(x, y)


@lowers("remainder.Scalar", "remainder.Tensor")
def remainder(x: Any, y: Any) -> Array:
    """x - y * floor(x / y) of ints."""
    return xp.remainder(*promoted(x, y))


@lowers("neg")
def neg(x: Array) -> Array:
    """-x."""
    return xp.negative(x)


@lowers("abs")
def absolute(x: Array) -> Array:
    """|x|."""
    return xp.abs(x)


@lowers("sign")
def sign(x: Array) -> Array:
    """-1, 0 or 1."""
    return xp.sign(x)


@lowers("isnan")
def isnan(x: Array) -> Array:
    """Whether it is no number."""
    return xp.isnan(x)


@lowers("isinf")
def isinf(x: Array) -> Array:
    """Whether it is infinite."""
    return xp.isinf(x)


@lowers("reciprocal")
def reciprocal(x: Array) -> Array:
    """1 / x."""
    return xp.reciprocal(floats(x))


@lowers("sqrt")
def sqrt(x: Array) -> Array:
    """The square root."""
    return xp.sqrt(floats(x))


@lowers("rsqrt")
def reciprocal_root(x: Array) -> Array:
    """1 / sqrt(x)."""
    return rsqrt(floats(x))  # type: ignore[no-any-return]


@lowers("square")
def square(x: Array) -> Array:
    """x * x."""
    return xp.square(x)


@lowers("pow.Tensor_Scalar")
def power(x: Array, exponent: float) -> Array:
    """x to the power of a number."""
    whole = float(exponent).is_integer() and exponent >= 0
    return xp.pow(x if whole and isinstance(exponent, int) else floats(x), exponent)


@lowers("exp")
def exp(x: Array) -> Array:
    """e^x."""
    return xp.exp(floats(x))


@lowers("expm1")
def expm1(x: Array) -> Array:
    """e^x - 1."""
    return xp.expm1(floats(x))


@lowers("log")
def log(x: Array) -> Array:
    """The natural logarithm."""
    return xp.log(floats(x))


@lowers("log2")
def log2(x: Array) -> Array:
    """The logarithm to base 2."""
    return xp.log2(floats(x))


@lowers("log10")
def log10(x: Array) -> Array:
    """The logarithm to base 10."""
    return xp.log10(floats(x))


@lowers("log1p")
def log1p(x: Array) -> Array:
    """log(1 + x)."""
    return xp.log1p(floats(x))


@lowers("floor")
def floor(x: Array) -> Array:
    """The greatest whole number not above x."""
    return xp.floor(x)


@lowers("ceil")
def ceil(x: Array) -> Array:
    """The least whole number not below x."""
    return xp.ceil(x)


@lowers("round")
def rounded(x: Array) -> Array:
    """The nearest whole number, the even one of two."""
    return xp.round(x)


@lowers("trunc")
def trunc(x: Array) -> Array:
    """The whole number next to x on the side of 0."""
    return xp.trunc(x)


@lowers("maximum")
def maximum(x: Any, y: Any) -> Array:
    """The greater of both."""
    return xp.maximum(*promoted(x, y))


@lowers("minimum")
def minimum(x: Any, y: Any) -> Array:
    """The smaller of both."""
    return xp.minimum(*promoted(x, y))


@lowers("clamp", "clamp.Tensor", "hardtanh")
def clamp(x: Any, low: Any = None, high: Any = None) -> Array:
    """x, not below `low` and not above `high`."""
    given = [bound for bound in (low, high) if bound is not None]
    x, *_ = promoted(x, *given)
    if low is not None:
        x = xp.maximum(x, cast(low, kind_of(x)))
    return x if high is None else xp.minimum(x, cast(high, kind_of(x)))


@lowers("clamp_min", "clamp_min.Tensor")
def clamp_min(x: Any, low: Any) -> Array:
    """x, not below `low`."""
    return clamp(x, low)


@lowers("clamp_max", "clamp_max.Tensor")
def clamp_max(x: Any, high: Any) -> Array:
    """x, not above `high`."""
    return clamp(x, None, high)


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
    one = current_graph().constant(value, dtype or x.element)
    return broadcast(one, x.shape)


@lowers("zeros_like")
def zeros_like(x: Array, dtype: DType | None = None) -> Array:
    """All elements 0."""
    return full_like(x, 0, dtype)


@lowers("ones_like")
def ones_like(x: Array, dtype: DType | None = None) -> Array:
    """All elements 1."""
    return full_like(x, 1, dtype)


@lowers("addcmul")
def addcmul(x: Array, y: Array, z: Array, value: float = 1) -> Array:
    """x + value * y * z."""
    shape = broadcast_shapes(x.shape, y.shape, z.shape)
    scaled = y if value == 1 else xp.multiply(y, value)
    return broadcast(fma(scaled, z, x), shape)
