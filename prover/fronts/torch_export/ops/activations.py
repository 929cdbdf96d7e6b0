"""Nonlinearities and what makes shares of scores."""

from typing import Any

from prover.fronts.torch_export.ops.promotion import floats
from prover.fronts.torch_export.ops.table import lowers
from prover.tracer import Array, DType, TraceError, nn
from prover.tracer import namespace as xp


@lowers("relu")
def relu(x: Array) -> Array:
    """max(x, 0)."""
    return xp.maximum(x, 0)


@lowers("relu6")
def relu6(x: Array) -> Array:
    """x between 0 and 6."""
    return xp.minimum(xp.maximum(x, 0), 6)


@lowers("leaky_relu")
def leaky_relu(x: Array, slope: float = 0.01) -> Array:
    """x above 0, else slope * x."""
    return xp.where(xp.greater(x, 0), x, xp.multiply(x, slope))


@lowers("elu")
def elu(x: Array, alpha: float = 1, scale: float = 1, input_scale: float = 1) -> Array:
    """x above 0, else alpha * (e^x - 1); both scaled."""
    below = xp.expm1(xp.multiply(xp.minimum(0, x), input_scale))  # at 0 the gradient is that of x
    above = x if scale == 1 else xp.multiply(x, scale)
    return xp.where(xp.greater(x, 0), above, xp.multiply(below, alpha * scale))


@lowers("gelu")
def gelu(x: Array, approximate: str = "none") -> Array:
    """x times the share of a normal variable that is below it."""
    return nn.gelu(x, approximate)  # type: ignore[arg-type, no-any-return]


@lowers("silu")
def silu(x: Array) -> Array:
    """x * sigmoid(x)."""
    return nn.silu(x)  # type: ignore[no-any-return]


@lowers("hardsigmoid")
def hardsigmoid(x: Array) -> Array:
    """x / 6 + 1 / 2 between 0 and 1."""
    return xp.minimum(xp.maximum(nn.fma(x, 1 / 6, 0.5), 0), 1)


@lowers("hardswish")
def hardswish(x: Array) -> Array:
    """x * hardsigmoid(x)."""
    return xp.multiply(x, hardsigmoid(x))


@lowers("softplus")
def softplus(x: Array, beta: float = 1, threshold: float = 20) -> Array:
    """log(1 + e^(beta x)) / beta; x itself beyond the threshold."""
    wide = x if beta == 1 else xp.multiply(x, beta)
    soft = xp.logaddexp(wide, 0)
    soft = soft if beta == 1 else xp.divide(soft, beta)
    return xp.where(xp.greater(wide, threshold), x, soft)


@lowers("mish")
def mish(x: Array) -> Array:
    """x * tanh(softplus(x))."""
    return xp.multiply(x, xp.tanh(softplus(x)))


@lowers("tanh")
def tanh(x: Array) -> Array:
    """The hyperbolic tangent."""
    return xp.tanh(floats(x))


@lowers("sigmoid")
def sigmoid(x: Array) -> Array:
    """1 / (1 + e^-x)."""
    return nn.sigmoid(floats(x))  # type: ignore[no-any-return]


@lowers("erf")
def erf(x: Array) -> Array:
    """The error function."""
    return nn.erf(floats(x))  # type: ignore[no-any-return]


@lowers("softmax.int", "_softmax", "_safe_softmax")
def softmax(x: Array, axis: int, dtype: Any = None) -> Array:
    """Shares of e^x along an axis."""
    return nn.softmax(floats(x), _axis(axis, dtype))  # type: ignore[no-any-return]


@lowers("log_softmax.int", "_log_softmax")
def log_softmax(x: Array, axis: int, dtype: Any = None) -> Array:
    """The logarithm of shares of e^x along an axis."""
    return nn.log_softmax(floats(x), _axis(axis, dtype))  # type: ignore[no-any-return]


def _axis(axis: int, dtype: Any) -> int:
    if dtype not in {None, False, DType.F32}:
        raise TraceError("shares are float32 here; leave the dtype out")
    return axis
