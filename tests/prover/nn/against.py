"""Holds a function to torch's of the same name, and its gradient to torch's and to differences."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from prover.backends import backend
from prover.execute import run
from prover.plan import plan
from prover.tracer import Traced, gradient, namespace_of, trace
from tests.prover.traced import floats

Function = Callable[..., Any]
Doubles = NDArray[np.float64]


def torch_or_skip() -> Any:
    """torch, where it is installed; else the test is skipped and says why."""
    return pytest.importorskip(
        "torch", reason="torch is not installed: pip install plumbline[torch]"
    )


def named(arrays: Sequence[Any]) -> dict[str, Any]:
    """Arrays as inputs."""
    return {f"x{number}": array for number, array in enumerate(arrays)}


def value_and_gradients(
    function: Function, arrays: Sequence[Any], pull: NDArray[np.float32]
) -> tuple[Traced, NDArray[Any], list[NDArray[Any]]]:
    """A traced function's value, and the gradient of its product with `pull` by the arrays that are
    floats; the program has a plan.
    """
    inputs = named(arrays)
    given = {**inputs, "pull": pull}

    def step(params: Any, inputs_: Any, number: Any) -> tuple[Any, Any]:
        value = function(*(inputs_[name] for name in inputs))
        drawn = namespace_of(value).sum(value * inputs_["pull"])
        wanted = {name: inputs_[name] for name in inputs if inputs[name].dtype == np.float32}
        return {}, {"value": value, **gradient(drawn, wanted)}

    traced = trace(step, {}, given)
    plan(traced.program)
    words = traced.inputs.words(given)
    made = traced.outputs.arrays(run(traced.program, 0, 1, [], words, backend()).outputs)
    return traced, made.pop("value"), list(made.values())


def close(actual: Any, expected: Any, bound: float) -> None:
    """Errors are at most `bound` of the greatest value (of 1 where that is less)."""
    actual, expected = np.asarray(actual), np.asarray(expected)
    assert actual.shape == expected.shape
    assert float(np.abs(actual - expected).max()) <= bound * max(1.0, np.abs(expected).max())


def check_torch(
    ours: Function, theirs: Function, arrays: Sequence[Any], *, slopes: bool = True
) -> None:
    """Traced in float32, and plain by NumPy and torch in float64, against torch in float64: values
    and gradients. Without `slopes`, gradients of our plain function by torch are left out.
    """
    torch = torch_or_skip()

    def tensors() -> list[Any]:
        wide = [one.astype(np.float64) if one.dtype == np.float32 else one for one in arrays]
        return [torch.tensor(one, requires_grad=one.dtype == np.float64) for one in wide]

    def gradients(function: Function) -> tuple[Any, list[Any]]:
        given = tensors()
        value = function(*given)
        (value * torch.tensor(floats(*value.shape, seed=5))).sum().backward()
        return value.detach().numpy(), [one.grad.numpy() for one in given if one.requires_grad]

    value, expected = gradients(theirs)
    _, actual, found = value_and_gradients(ours, arrays, floats(*value.shape, seed=5))
    close(actual, value, 1e-5)
    for one, other in zip(found, expected, strict=True):
        close(one, other, 2e-5)
    close(ours(*(one.detach().numpy() for one in tensors())), value, 1e-12)
    plain, of_plain = gradients(ours)
    close(plain, value, 1e-12)
    if slopes:
        for one, other in zip(of_plain, expected, strict=True):
            close(one, other, 1e-11)


def check_differences(function: Function, arrays: Sequence[Any]) -> None:
    """Traced gradients against central differences of the plain function in float64."""
    plain = [one.astype(np.float64) if one.dtype == np.float32 else one for one in arrays]
    shape = function(*plain).shape
    pull = floats(*shape, seed=5)
    _, _, found = value_and_gradients(function, arrays, pull)
    expected = []
    for array in plain:
        if array.dtype != np.float64:
            continue
        slopes = np.zeros_like(array)
        for place in np.ndindex(array.shape):
            kept = array[place]
            sides = []
            for move in (1e-6, -1e-6):
                array[place] = kept + move
                sides.append(float(np.sum(function(*plain) * pull)))
            array[place] = kept
            slopes[place] = (sides[0] - sides[1]) / 2e-6
        expected.append(slopes)
    for one, other in zip(found, expected, strict=True):
        close(one, other, 1e-4)
