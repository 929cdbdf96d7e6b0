"""Runs a function over the array API on the standard's own arrays, NumPy's, torch's and traced."""

import importlib.util
from collections.abc import Callable
from typing import Any

import array_api_strict
import numpy as np
from numpy.typing import NDArray

from prover.backends import backend
from prover.plan import plan
from prover.tracer import namespace_of
from tests.prover.traced import evaluate_all, program_of

Function = Callable[..., Any]
"""(namespace, arrays) to an array, several, or several by name."""
TORCH = importlib.util.find_spec("torch") is not None


def named(made: Any) -> dict[str, Any]:
    """Results by name."""
    if isinstance(made, dict):
        return made
    if isinstance(made, list | tuple):
        return {str(place): one for place, one in enumerate(made)}
    return {"result": made}


def traced(function: Function, *arrays: Any) -> dict[str, NDArray[Any]]:
    """What the program gives on compiled loops, which must be what the definition gives."""

    def on_traced(*given: Any) -> dict[str, Any]:
        return named(function(namespace_of(*given), *given))

    made = evaluate_all(on_traced, *arrays)
    slow = evaluate_all(on_traced, *arrays, used=backend("reference"))
    for name, one in made.items():
        assert same_bits(one, slow[name]), name
    plan(program_of(on_traced, *arrays).program)
    return made


def on(function: Function, library: str, *arrays: Any) -> dict[str, NDArray[Any]]:
    """What the function gives on the arrays of `strict`, `numpy` or `torch`."""
    if library == "strict":
        given = [array_api_strict.asarray(one) for one in arrays]
        made = named(function(array_api_strict, *given))
        return {name: np.asarray(one) for name, one in made.items()}
    if library == "torch":
        import torch

        arrays = tuple(torch.from_numpy(np.array(one)) for one in arrays)
    made = named(function(namespace_of(*arrays), *arrays))
    return {name: np.asarray(one) for name, one in made.items()}


def same_bits(x: NDArray[Any], y: NDArray[Any]) -> bool:
    """Equal dtypes, shapes and values; signs of zeros too, and a NaN is as good as another."""
    if (x.dtype, x.shape) != (y.dtype, y.shape):
        return False
    signs = np.isnan(x) | (np.signbit(x) == np.signbit(y)) if x.dtype.kind == "f" else True
    return bool(np.all(signs)) and np.array_equal(x, y, equal_nan=x.dtype.kind == "f")


def ulps(actual: NDArray[Any], exact: NDArray[Any]) -> float:
    """How far floats are from doubles, in units of the last place."""
    with np.errstate(over="ignore", invalid="ignore"):
        rounded = exact.astype(np.float32)
        plain = np.isfinite(rounded)
        assert np.array_equal(actual[~plain], rounded[~plain], equal_nan=True)
        apart = np.abs(actual[plain] - exact[plain]) / np.spacing(np.abs(rounded[plain]))
    return float(apart.max(initial=0))
