"""Handwritten digits of 8x8 pixels, and a net of one hidden layer that learns to read them.

The data is UCI's optical recognition of handwritten digits (1,797 images), as scikit-learn ships
it: nothing is downloaded.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from prover.examples import Example
from prover.tracer import SGD, Traced, cross_entropy, namespace_of, relu, scope

PIXELS: Final = 64
HIDDEN: Final = 64
CLASSES: Final = 10
BATCH: Final = 32
RATE: Final = 0.5
TEST_SHARE: Final = 0.2

Floats = NDArray[np.float32]
Ints = NDArray[np.int32]
Params = dict[str, Floats]


@dataclass(frozen=True, slots=True)
class Digits:
    """Images (n, 64) of floats in 0 .. 1 and labels (n,) in 0 .. 9, split by a seed."""

    seed: int
    train_images: Floats
    train_labels: Ints
    test_images: Floats
    test_labels: Ints

    @property
    def batches(self) -> int:
        """Whole mini-batches of `BATCH` in the training data."""
        return len(self.train_labels) // BATCH


@cache
def load(seed: int = 0) -> Digits:
    """The data, a fifth of each digit set aside for testing, the rest shuffled."""
    from sklearn.datasets import load_digits

    loaded = load_digits()
    images = (loaded.data / 16).astype(np.float32)
    labels = loaded.target.astype(np.int32)
    random = np.random.default_rng(seed)
    train, test = [], []
    for digit in range(CLASSES):
        places = random.permutation(np.flatnonzero(labels == digit))
        aside = round(TEST_SHARE * len(places))
        test.append(places[:aside])
        train.append(places[aside:])
    chosen, kept = random.permutation(np.concatenate(train)), np.concatenate(test)
    return Digits(seed, images[chosen], labels[chosen], images[kept], labels[kept])


def mini_batches(data: Digits, batch: int, batches: int | None = None) -> dict[str, NDArray[Any]]:
    """Images (batches, batch, 64) and labels (batches, batch) to train on; all whole mini-batches
    unless told how many.
    """
    count = batches or len(data.train_labels) // batch
    used = count * batch
    return {
        "images": data.train_images[:used].reshape(count, batch, PIXELS),
        "labels": data.train_labels[:used].reshape(count, batch),
    }


def training_inputs(
    data: Digits, batch: int = BATCH, batches: int | None = None
) -> dict[str, NDArray[Any]]:
    """What a training claim commits to: images and labels by mini-batch, and a one-hot table."""
    one_hot = np.eye(CLASSES, dtype=np.float32)
    return {**mini_batches(data, batch, batches), "one_hot": one_hot}


def initial(seed: int = 0, hidden: int = HIDDEN) -> Params:
    """Normal weights of variance 2 / fan-in, and zero biases."""
    random = np.random.default_rng(seed)

    def layer(fan_in: int, fan_out: int) -> Floats:
        spread = np.float32(np.sqrt(2 / fan_in))
        return random.standard_normal((fan_in, fan_out), np.float32) * spread

    return {
        "w1": layer(PIXELS, hidden),
        "b1": np.zeros(hidden, np.float32),
        "w2": layer(hidden, CLASSES),
        "b2": np.zeros(CLASSES, np.float32),
    }


def logits(params: Mapping[str, Any], images: Any) -> Any:
    """Scores (n, 10) of images (n, 64)."""
    with scope("layer1"):
        hidden = relu(images @ params["w1"] + params["b1"])
    with scope("layer2"):
        return hidden @ params["w2"] + params["b2"]


def loss(params: Mapping[str, Any], inputs: Mapping[str, Any], step: Any) -> Any:
    """Mean cross-entropy of the step's mini-batch."""
    images, labels = inputs["images"], inputs["labels"]
    turn = step % images.shape[0]
    scores = logits(params, images[turn])
    with scope("loss"):
        one_hot = namespace_of(images).take(inputs["one_hot"], labels[turn], axis=0)
        return cross_entropy(scores, one_hot)


def share_right(scores: Any, labels: Any) -> float:
    """The share (0..1) of labels whose scores (n, 10) are the highest."""
    return float((np.argmax(scores, axis=1) == labels).mean())


def example(
    seed: int = 0, *, hidden: int = HIDDEN, batch: int = BATCH, batches: int | None = None
) -> Example:
    """Gradient descent, a round of mini-batches and over again."""
    data = load(seed)
    inputs = training_inputs(data, batch, batches)
    return Example(
        "digits", loss, initial(seed, hidden), inputs, SGD(RATE), len(inputs["labels"]),
        lambda weights: share_right(logits(weights, data.test_images), data.test_labels),
    )  # fmt: skip


def program() -> Traced:
    """As the demo trains it: 44 mini-batches of 32 images."""
    return example().program()
