"""Arithmetic, element by element."""

from typing import Any

from prover.fronts.torch_export.ops.promotion import cast, floats, kind_of, promoted
from prover.fronts.torch_export.ops.table import lowers
from prover.tracer import Array, DType, fma, rsqrt, ruled
from prover.tracer import namespace as xp


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
    x, y = promoted(x, y)
    if kind_of(x) == DType.F32:
        return xp.trunc(xp.divide(x, y))
    whole = xp.floor_divide(x, y)
    short = xp.logical_and(xp.less(x, 0), xp.not_equal(xp.multiply(whole, y), x))
    return xp.add(whole, xp.astype(short, DType.I32.value))


@lowers("floor_divide")
def floor_divide(x: Any, y: Any) -> Array:
    """The greatest whole number not above x / y."""
    x, y = promoted(x, y)
    if kind_of(x) != DType.F32:
        return xp.floor_divide(x, y)
    whole = xp.floor(xp.divide(x, y))
    rest = fma(xp.negative(whole), y, x)  # of the other sign where the quotient was rounded up
    over = xp.less(xp.multiply(xp.sign(rest), xp.sign(y)), 0.0)
    return xp.subtract(whole, xp.astype(over, DType.F32.value))


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
    """The greater of both; where they are equal, half of the gradient goes to each."""
    x, y = promoted(x, y)
    return _chosen(xp.maximum(x, y), x, y)


@lowers("minimum")
def minimum(x: Any, y: Any) -> Array:
    """The smaller of both; see `maximum`."""
    x, y = promoted(x, y)
    return _chosen(xp.minimum(x, y), x, y)


def _chosen(value: Array, x: Array, y: Array) -> Array:
    """One of two, with torch's gradient: what is made of both sides is smooth where they meet."""
    if value.element != DType.F32:
        return value
    sides = xp.broadcast_arrays(x, y)

    def rule(g: Array) -> list[Array]:
        half = xp.where(xp.equal(*sides), xp.multiply(g, 0.5), g)
        return [xp.where(xp.equal(value, one), half, 0.0) for one in sides]

    made: Array = ruled(value, sides, rule)
    return made


@lowers("clamp", "clamp.Tensor")
def clamp(x: Any, low: Any = None, high: Any = None) -> Array:
    """x, not below `low` and not above `high`; at a bound the gradient is that of x. NaNs stay."""
    given = [bound for bound in (low, high) if bound is not None]
    x, *_ = promoted(x, *given)
    if low is not None:
        x = xp.maximum(cast(low, kind_of(x)), x)
    return x if high is None else xp.minimum(cast(high, kind_of(x)), x)


@lowers("hardtanh")
def hardtanh(x: Any, low: float = -1, high: float = 1) -> Array:
    """x, not below `low` and not above `high`; at a bound there is no gradient. NaNs stay."""
    inside = xp.logical_and(xp.less(low, x), xp.less(x, high))
    made: Array = ruled(clamp(x, low, high), [x], lambda g: [xp.where(inside, g, 0.0)])
    return made


@lowers("clamp_min", "clamp_min.Tensor")
def clamp_min(x: Any, low: Any) -> Array:
    """x, not below `low`."""
    return clamp(x, low)


@lowers("clamp_max", "clamp_max.Tensor")
def clamp_max(x: Any, high: Any) -> Array:
    """x, not above `high`."""
    return clamp(x, None, high)


@lowers("addcmul")
def addcmul(x: Array, y: Array, z: Array, value: float = 1) -> Array:
    """x + value * y * z."""
    scaled = y if value == 1 else xp.multiply(y, value)
    made: Array = fma(scaled, z, x)
    return made
