"""Values, gradients and optimizers against torch, where it is installed."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from bench.models import mlp
from prover.backends import backend
from prover.execute import run
from prover.tracer import (
    SGD,
    Adam,
    Optimizer,
    cross_entropy,
    erf,
    gelu,
    gradient,
    layer_norm,
    relu,
    sigmoid,
    silu,
    softmax,
    tanh,
    trace,
)
from tests.prover.traced import floats

torch = pytest.importorskip("torch", reason="torch is not installed: pip install plumbline[torch]")
nn = torch.nn.functional

X, W, B = floats(6, 70), floats(70), floats(70, seed=1)
CASES: dict[str, tuple[Callable[..., Any], Callable[..., Any], tuple[Any, ...]]] = {
    "tanh": (tanh, torch.tanh, (X,)),
    "erf": (erf, torch.erf, (X,)),
    "sigmoid": (sigmoid, torch.sigmoid, (X * 5,)),
    "silu": (silu, nn.silu, (X * 3,)),
    "relu": (relu, torch.relu, (X,)),
    "gelu": (gelu, nn.gelu, (X,)),
    "gelu tanh": (
        lambda x: gelu(x, approximate="tanh"), lambda x: nn.gelu(x, approximate="tanh"), (X,),
    ),
    "softmax": (softmax, lambda x: torch.softmax(x, -1), (X * 4,)),
    "layer_norm": (layer_norm, lambda x, w, b: nn.layer_norm(x, (70,), w, b), (X, W, B)),
    "cross_entropy": (
        lambda x: cross_entropy(x, x.__array_namespace__().astype(x == x, np.float32)),
        lambda x: nn.cross_entropy(x, torch.ones_like(x)),
        (X,),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_values_and_gradients(name: str) -> None:
    ours, theirs, arrays = CASES[name]
    inputs = {f"x{number}": array for number, array in enumerate(arrays)}
    pull = floats(*X.shape, seed=3)

    def step(params: Any, inputs: Any, number: Any) -> tuple[Any, Any]:
        value = ours(*(inputs[f"x{number}"] for number in range(len(arrays))))
        loss = (value * inputs["pull"]) if value.shape else value
        grads = gradient(loss.__array_namespace__().sum(loss), inputs)
        return {}, {"value": value, **{key: grads[key] for key in inputs if key != "pull"}}

    traced = trace(step, {}, {**inputs, "pull": pull})
    words = traced.inputs.words({**inputs, "pull": pull})
    made = traced.outputs.arrays(run(traced.program, 0, 1, [], words, backend()).outputs)

    tensors = [torch.tensor(array, requires_grad=True) for array in arrays]
    value = theirs(*tensors)
    (value * torch.tensor(pull) if value.shape else value).sum().backward()
    np.testing.assert_allclose(made["value"], value.detach().numpy(), rtol=2e-5, atol=2e-6)
    for number, tensor in enumerate(tensors):
        np.testing.assert_allclose(made[f"x{number}"], tensor.grad.numpy(), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (SGD(0.05), lambda params: torch.optim.SGD(params, lr=0.05)),
        (SGD(0.02, 0.9), lambda params: torch.optim.SGD(params, lr=0.02, momentum=0.9)),
        (Adam(0.003), lambda params: torch.optim.Adam(params, lr=0.003)),
        (
            Adam(0.01, 0.8, 0.99, 1e-6, weight_decay=0.1),
            lambda params: torch.optim.AdamW(params, 0.01, (0.8, 0.99), 1e-6, weight_decay=0.1),
        ),
    ],
    ids=["sgd", "momentum", "adam", "adamw"],
)
def test_fifty_steps_of_a_net(ours: Optimizer, theirs: Callable[..., Any]) -> None:
    model = mlp((20, 16, 16, 4), batch=16, batches=5)
    traced, params = model.program(ours), model.params(ours)
    ran = run(
        traced.program, 0, 50, traced.params.words(params), traced.inputs.words(model.inputs),
        backend(),
    )  # fmt: skip
    weights = {name: torch.tensor(one, requires_grad=True) for name, one in model.weights.items()}
    optimizer = theirs(list(weights.values()))
    for step in range(50):
        hidden = torch.tensor(model.inputs["images"][step % 5])
        for number in (1, 2, 3):
            hidden = hidden @ weights[f"w{number}"] + weights[f"b{number}"]
            hidden = torch.relu(hidden) if number < 3 else hidden
        optimizer.zero_grad()
        nn.cross_entropy(hidden, torch.tensor(model.inputs["labels"][step % 5]).long()).backward()
        optimizer.step()
    after = traced.params.arrays(ran.params)
    for name, weight in weights.items():
        moved = float(np.abs(after[name] - model.weights[name]).max())
        assert moved > 0.01
        np.testing.assert_allclose(after[name], weight.detach().numpy(), atol=1e-3 * moved)
