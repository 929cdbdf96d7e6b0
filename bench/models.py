"""The models that benchmarks and tests train: plain functions, and weights and data by seed."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from prover.tracer import (
    Optimizer,
    Traced,
    cross_entropy,
    prepare,
    relu,
    scope,
    trace,
    training_step,
)

Arrays = dict[str, NDArray[Any]]
Loss = Callable[[Mapping[str, Any], Mapping[str, Any], Any], Any]


@dataclass(frozen=True, slots=True)
class Model:
    """A loss of (weights, inputs, step), weights to start with, and inputs."""

    name: str
    loss: Loss
    weights: Arrays
    inputs: Arrays

    def params(self, optimizer: float | Optimizer) -> Arrays:
        """The params to start with: weights, and the optimizer's state."""
        if isinstance(optimizer, float):
            return dict(self.weights)
        return prepare(optimizer, self.weights)

    def program(self, optimizer: float | Optimizer) -> Traced:
        """The program of a training step; a number is the rate of plain gradient descent."""
        return trace(training_step(self.loss, optimizer), self.params(optimizer), self.inputs)


def mlp(
    sizes: Sequence[int] = (784, 512, 512, 10),
    *,
    batch: int = 128,
    batches: int = 1,
    seed: int = 0,
) -> Model:
    """Layers of relu under softmax cross-entropy.

    Inputs are images (batches, batch, sizes[0]), of values 0 .. 1 of which four fifths are 0 as in
    drawn digits, labels (batches, batch) by a hidden linear rule, so that there is something to
    learn, and a one-hot table.
    """
    random = np.random.default_rng(seed)
    weights: Arrays = {}
    for number, (fan_in, fan_out) in enumerate(pairwise(sizes), 1):
        spread = np.float32(np.sqrt(2 / fan_in))
        weights[f"w{number}"] = random.standard_normal((fan_in, fan_out), np.float32) * spread
        weights[f"b{number}"] = np.zeros(fan_out, np.float32)
    shape = (batches, batch, sizes[0])
    images = random.random(shape, np.float32) * (random.random(shape, np.float32) < np.float32(0.2))
    rule = random.standard_normal((sizes[0], sizes[-1]), np.float32)
    inputs = {
        "images": images,
        "labels": np.argmax(images @ rule, axis=-1).astype(np.int32),
        "one_hot": np.eye(sizes[-1], dtype=np.float32),
    }
    return Model(f"mlp-{'-'.join(map(str, sizes))}", _mlp_loss(len(sizes) - 1), weights, inputs)


def _mlp_loss(layers: int) -> Loss:
    def loss(weights: Mapping[str, Any], inputs: Mapping[str, Any], step: Any) -> Any:
        turn = step % inputs["images"].shape[0]
        hidden = inputs["images"][turn]
        xp = hidden.__array_namespace__()
        for number in range(1, layers + 1):
            with scope(f"layer{number}"):
                hidden = hidden @ weights[f"w{number}"] + weights[f"b{number}"]
                if number < layers:
                    hidden = relu(hidden)
        with scope("loss"):
            target = xp.take(inputs["one_hot"], inputs["labels"][turn], axis=0)
            return cross_entropy(hidden, target)

    return loss
