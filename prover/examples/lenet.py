"""A small LeNet reads digits of 8x8 pixels: convolution, pooling, twice, and two dense layers.

After LeCun et al., "Gradient-based learning applied to document recognition" (1998), with relu and
maxima for its sigmoids and means, and as much smaller as the images are.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from prover.examples import Example
from prover.examples.digits import BATCH, CLASSES, load, mini_batches, share_right
from prover.tracer import (
    Adam,
    Traced,
    conv2d,
    cross_entropy,
    max_pool2d,
    namespace_of,
    relu,
    scope,
)

SIDE = 8
RATE = 2e-3


def initial(seed: int, maps: tuple[int, int], hidden: int) -> dict[str, NDArray[np.float32]]:
    """Normal weights of variance 2 / fan-in; biases that are small, and not zero, so that no relu
    stands on its kink over blank paper.
    """
    random = np.random.default_rng(seed)
    shapes = {
        "conv1": (maps[0], 1, 5, 5),
        "conv2": (maps[1], maps[0], 3, 3),
        "dense1": (maps[1] * (SIDE // 4) ** 2, hidden),
        "dense2": (hidden, CLASSES),
    }
    params = {}
    for name, shape in shapes.items():
        convolves = len(shape) == 4
        fan_in = int(np.prod(shape[1:])) if convolves else shape[0]
        spread = np.float32(np.sqrt(2 / fan_in))
        params[f"{name}.w"] = random.standard_normal(shape, np.float32) * spread
        params[f"{name}.b"] = np.full(shape[0 if convolves else 1], 0.01, np.float32)
    return params


def logits(params: Mapping[str, Any], images: Any) -> Any:
    """Scores (n, 10) of images (n, 64)."""
    xp = namespace_of(images)
    x = xp.reshape(images, (-1, 1, SIDE, SIDE))
    for name, padding in (("conv1", 2), ("conv2", 1)):
        with scope(name):
            x = conv2d(x, params[f"{name}.w"], params[f"{name}.b"], padding=padding)
            x = max_pool2d(relu(x), 2)
    x = xp.reshape(x, (x.shape[0], -1))
    with scope("dense1"):
        x = relu(x @ params["dense1.w"] + params["dense1.b"])
    with scope("dense2"):
        return x @ params["dense2.w"] + params["dense2.b"]


def loss(params: Mapping[str, Any], inputs: Mapping[str, Any], step: Any) -> Any:
    """Mean cross-entropy of the step's mini-batch."""
    turn = step % inputs["labels"].shape[0]
    scores = logits(params, inputs["images"][turn])
    with scope("loss"):
        return cross_entropy(scores, inputs["labels"][turn])


def example(
    seed: int = 0,
    *,
    maps: tuple[int, int] = (6, 16),
    hidden: int = 84,
    batch: int = BATCH,
    batches: int | None = None,
) -> Example:
    """Adam, a round of mini-batches and over again."""
    data = load(seed)
    inputs = mini_batches(data, batch, batches)
    return Example(
        "lenet", loss, initial(seed, maps, hidden), inputs, Adam(RATE), len(inputs["labels"]),
        lambda weights: share_right(logits(weights, data.test_images), data.test_labels),
    )  # fmt: skip


def program() -> Traced:
    """Of the preset sizes."""
    return example().program()
