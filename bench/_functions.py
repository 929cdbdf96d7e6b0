"""Elementary and row functions, ours and torch's, over the same arrays."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from prover.tracer import gelu, layer_norm, softmax, tanh

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]
Shape = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Function:
    """One function of an (n, C) array, and of what else it takes."""

    name: str
    ours: Callable[..., Any]
    theirs: Callable[[Any, Sequence[Any], Any], object]
    """(torch, tensors, out): writes to `out` where torch's function can."""
    draw: Callable[[np.random.Generator, Shape], list[Floats]]
    pointwise: bool = True
    exact: Callable[[Doubles], Doubles] | None = None
    """In float64, of a function whose last places are counted."""


def _spread(low: float, high: float) -> Callable[[np.random.Generator, Shape], list[Floats]]:
    return lambda random, shape: [random.uniform(low, high, shape).astype(np.float32)]


def _positive(random: np.random.Generator, shape: Shape) -> list[Floats]:
    return [np.exp(random.uniform(-20, 20, shape)).astype(np.float32)]


def _affine(random: np.random.Generator, shape: Shape) -> list[Floats]:
    return [random.standard_normal(one, np.float32) for one in (shape, shape[1:], shape[1:])]


FUNCTIONS: Final = (
    Function(
        "exp",
        lambda x: x.__array_namespace__().exp(x),
        lambda torch, given, out: torch.exp(*given, out=out),
        _spread(-20, 20),
        exact=np.exp,
    ),
    Function(
        "log",
        lambda x: x.__array_namespace__().log(x),
        lambda torch, given, out: torch.log(*given, out=out),
        _positive,
        exact=np.log,
    ),
    Function(
        "tanh",
        tanh,
        lambda torch, given, out: torch.tanh(*given, out=out),
        _spread(-5, 5),
        exact=np.tanh,
    ),
    Function(
        "gelu",
        gelu,
        lambda torch, given, out: torch.ops.aten.gelu.out(*given, approximate="none", out=out),
        _spread(-5, 5),
    ),
    Function(
        "softmax",
        softmax,
        lambda torch, given, out: torch.ops.aten._softmax.out(*given, -1, False, out=out),
        _spread(-5, 5),
        pointwise=False,
    ),
    Function(
        "layernorm",
        layer_norm,
        lambda torch, given, out: torch.nn.functional.layer_norm(
            given[0], out.shape[1:], *given[1:]
        ),
        _affine,
        pointwise=False,
    ),
)


def error(actual: Floats, exact: Doubles) -> float:
    """The greatest distance in units of the exact value's last place, subnormals' included; where
    either is no float, nothing is said.
    """
    with np.errstate(all="ignore"):
        plain = np.isfinite(actual) & np.isfinite(exact.astype(np.float32))
        exponent = np.floor(np.log2(np.abs(exact)))
    exponent = np.clip(np.where(np.isfinite(exponent), exponent, -126), -126, 127)
    apart = np.abs(actual.astype(np.float64) - np.where(plain, exact, 0)) / np.exp2(exponent - 23)
    return float(np.max(apart[plain]))
