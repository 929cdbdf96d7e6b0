"""Training steps of small models: their plans give the bits of their rows; the losses fall."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from prover.backends import Backend, backend
from prover.backends.numba import NumbaBackend
from prover.backends.steps import Steps
from prover.execute import Result, run
from prover.plan import plan
from prover.tracer import (
    SGD,
    Adam,
    AdamW,
    Clipped,
    Cosine,
    Counted,
    Optimizer,
    Traced,
    Warmup,
    attention,
    avg_pool2d,
    batch_norm,
    conv2d,
    cross_entropy,
    dropout,
    embedding,
    gelu,
    layer_norm,
    max_pool2d,
    mean_squared_error,
    merge_heads,
    namespace_of,
    prepare,
    relu,
    scope,
    split_heads,
    trace,
    training_step,
)
from tests.prover.traced import floats

Arrays = dict[str, NDArray[Any]]


def images(weights: Mapping[str, Any], inputs: Mapping[str, Any], step: Any) -> Any:
    """A convolutional net with all that reads images."""
    x = inputs["x"][step % 2]
    xp = namespace_of(x)
    with scope("first"):
        x = conv2d(x, weights["first"], weights["bias"], padding=1)
        x = batch_norm(x, inputs["mean"], inputs["variance"], eps=0.1)
        x = max_pool2d(relu(x), 3, 2, 1)
    with scope("second"):
        x = avg_pool2d(conv2d(x, weights["second"], stride=2, padding=2, dilation=2), 2, 1)
    return mean_squared_error(xp.reshape(x, (2, -1)) @ weights["out"], inputs["y"][step % 2])


def letters(weights: Mapping[str, Any], inputs: Mapping[str, Any], step: Any) -> Any:
    """A transformer of one layer."""
    text = inputs["text"][step % 2]
    x = embedding(text[:, :-1], weights["table"]) + weights["places"]
    x = dropout(x, 0.2, inputs["key"], weights["count:step"])
    with scope("attention"):
        parts = layer_norm(x, weights["scale"], weights["shift"]) @ weights["qkv"]
        heads = [split_heads(parts[..., at : at + 4], 2) for at in (0, 4, 8)]
        x = x + merge_heads(attention(*heads, causal=True))
    with scope("dense"):
        x = x + gelu(layer_norm(x) @ weights["up"]) @ weights["down"]
    return cross_entropy(x @ weights["table"].mT, text[:, 1:])


MODELS: dict[str, tuple[Callable[..., Any], Arrays, Arrays, Optimizer]] = {
    "images": (
        images,
        {
            "first": floats(3, 2, 3, 3) / 4, "bias": floats(3) / 4,
            "second": floats(2, 3, 2, 2) / 3, "out": floats(8, 2) / 3,
        },
        {
            "x": floats(2, 2, 2, 7, 6), "y": floats(2, 2, 2), "mean": floats(3) / 9,
            "variance": np.ones(3, np.float32),
        },
        Clipped(SGD(Warmup(3, Cosine(0.2, 30)), 0.9, nesterov=True), norm=1.0),
    ),
    "letters": (
        letters,
        {
            "table": floats(7, 4), "places": floats(5, 4) / 3, "scale": np.ones(4, np.float32),
            "shift": np.zeros(4, np.float32), "qkv": floats(4, 12) / 2, "up": floats(4, 8) / 2,
            "down": floats(8, 4) / 3,
        },
        {
            "text": np.arange(24, dtype=np.int32).reshape(2, 2, 6) * 3 % 7,
            "key": np.array([1, -2], np.int32),
        },
        Counted(Clipped(AdamW(Cosine(0.05, 40), snap_weights=0.0), value=0.5)),
    ),
}  # fmt: skip


def by_plan() -> NumbaBackend:
    """A backend that takes plans for however little."""
    used = NumbaBackend()
    used._steps = Steps(worth=1)
    return used


def made(name: str, steps: int, optimizer: Optimizer | None = None) -> tuple[Traced, Arrays]:
    loss, weights, inputs, usual = MODELS[name]
    used = optimizer or usual
    params = prepare(used, weights)
    traced = trace(training_step(loss, used), params, inputs, per_step={"loss": steps})
    return traced, params


def ran(name: str, steps: int, used: Backend) -> tuple[Traced, Result]:
    traced, params = made(name, steps)
    words = traced.params.words(params), traced.inputs.words(MODELS[name][2])
    return traced, run(traced.program, 0, steps, *words, used)


@pytest.mark.parametrize("name", MODELS)
def test_plans_give_the_bits_of_rows(name: str) -> None:
    traced, expected = ran(name, 4, backend())  # too little for a plan
    assert len(plan(traced.program).stages) < 0.7 * len(traced.program.rows)
    _, found = ran(name, 4, by_plan())
    assert found.params_root == expected.params_root
    assert found.outputs_root == expected.outputs_root


@pytest.mark.parametrize("name", MODELS)
def test_losses_fall(name: str) -> None:
    traced, result = ran(name, 40, by_plan())
    losses = traced.outputs.arrays(result.outputs)["loss"]
    assert losses[-4:].mean() < 0.7 * losses[:4].mean()


def test_an_optimizer_costs_what_it_says() -> None:
    """A schedule's rows are of one word, as are the clip's but for two maps for each weight."""
    plain, _ = made("letters", 1, Counted(Adam(0.01)))
    dear, _ = made("letters", 1, Counted(Clipped(Adam(Warmup(3, Cosine(0.05, 40))), norm=1.0)))
    weights = len(MODELS["letters"][1])
    small = [row for row in dear.program.rows if row and row.out_length == 1]
    before = [row for row in plain.program.rows if row and row.out_length == 1]
    assert len(dear.program.rows) - len(plain.program.rows) <= 40 + weights * 10
    assert len(small) - len(before) <= 40 + weights * 2
