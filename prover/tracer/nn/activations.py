"""Nonlinearities, over the array API: the same code for plain and for traced arrays."""

from math import erf as _scalar_erf
from math import pi, sqrt
from typing import Any, Final, Literal

import numpy as np

from prover.tracer.array import Array
from prover.tracer.grad import NORMAL_DENSITY
from prover.tracer.nn.core import fma, ruled
from prover.tracer.standard import namespace_of
from prover.tracer.symbols import DType, Kind, TraceError

_ROOT_HALF: Final = sqrt(0.5)
_INNER: Final = sqrt(2 / pi)
_INNER_CUBE: Final = 0.044715 * sqrt(2 / pi)


def relu(x: Any) -> Any:
    """max(x, 0)."""
    return namespace_of(x).maximum(x, 0.0)


def tanh(x: Any) -> Any:
    """The hyperbolic tangent."""
    return namespace_of(x).tanh(x)


def erf(x: Any) -> Any:
    """The error function; on NumPy's arrays one value after the other, in float64."""
    if isinstance(x, Array):
        return _elementary(Kind.ERF, x)
    xp = namespace_of(x)
    if hasattr(xp, "erf"):  # torch has one
        return xp.erf(x)
    return np.vectorize(_scalar_erf, otypes=[x.dtype])(x)


def normal(x: Any) -> Any:
    """P(0 <= a standard normal variable <= x), minus what lies between where x < 0."""
    if isinstance(x, Array):
        return _elementary(Kind.NORMAL, x)
    return erf(x * _ROOT_HALF) * 0.5


def sigmoid(x: Any) -> Any:
    """1 / (1 + exp(-x)); nothing overflows."""
    if isinstance(x, Array):
        return _elementary(Kind.SIGMOID, x)
    xp = namespace_of(x)
    w = xp.exp(-xp.abs(x))
    return xp.where(x < 0, w, 1.0) / (w + 1.0)


def silu(x: Any) -> Any:
    """x * sigmoid(x)."""
    share = sigmoid(x)
    value = x * share
    return ruled(value, [x], lambda g: (g * fma(value, 1 - share, share),))


def gelu(x: Any, approximate: Literal["none", "tanh"] = "none") -> Any:
    """x * P(a standard normal variable <= x), as it is or by the tanh that comes near it.

    Far below x = 0 the error is small beside x, not beside the result, in which 1/2 cancels.

    Raises:
        TraceError: when `approximate` is neither "none" nor "tanh".
    """
    if approximate == "none":
        return _gelu_erf(x)
    if approximate == "tanh":
        return _gelu_tanh(x)
    raise TraceError(f'gelu is approximate="none" or "tanh", not {approximate!r}')


def _gelu_erf(x: Any) -> Any:
    share = normal(x)

    def rule(g: Any) -> tuple[Any]:
        density = namespace_of(x).exp(x * x * -0.5)
        return (g * fma(x * NORMAL_DENSITY, density, share + 0.5),)

    return ruled(fma(x, share, x * 0.5), [x], rule)


def _gelu_tanh(x: Any) -> Any:
    half = x * 0.5
    square = x * x
    spread = tanh(x * fma(square, _INNER_CUBE, _INNER))

    def rule(g: Any) -> tuple[Any]:
        inner = fma(square, 3 * _INNER_CUBE, _INNER)
        steep = half * (1 - spread * spread)
        return (g * fma(steep, inner, fma(spread, 0.5, 0.5)),)

    return ruled(fma(half, spread, half), [x], rule)


def _elementary(kind: Kind, x: Array) -> Array:
    if x.element != DType.F32:
        raise TraceError(f"{x.element.value} where float32 is needed; convert with astype")
    return x.graph.add(kind, (x,), x.shape, x.element)
