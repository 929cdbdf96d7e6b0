"""The demo's model: handwritten digits of 8x8 pixels, and a net of one hidden layer.

The data is UCI's optical recognition of handwritten digits (1,797 images), as scikit-learn ships
it: nothing is downloaded. A claim is one round through the training data, 44 steps of 32 images.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from prover.backends import Backend
from prover.commit.tensor import Words
from prover.execute import run
from prover.tracer import Traced, cross_entropy, relu, scope, trace, training_step

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
        """Whole mini-batches in the training data."""
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


def training_inputs(data: Digits) -> dict[str, NDArray[Any]]:
    """What a training claim commits to: images and labels by mini-batch, and a one-hot table."""
    used = data.batches * BATCH
    return {
        "images": data.train_images[:used].reshape(data.batches, BATCH, PIXELS),
        "labels": data.train_labels[:used].reshape(data.batches, BATCH),
        "one_hot": np.eye(CLASSES, dtype=np.float32),
    }


def every_image(data: Digits) -> list[Floats]:
    """All images, those of the test split first, each (1, 64) as inference takes it."""
    images = np.concatenate([data.test_images, data.train_images])
    return list(images.reshape(-1, 1, PIXELS))


def every_label(data: Digits) -> Ints:
    """What `every_image` shows, in its order."""
    return np.concatenate([data.test_labels, data.train_labels])


def initial(seed: int = 0) -> Params:
    """Normal weights of variance 2 / fan-in, and zero biases."""
    random = np.random.default_rng(seed)

    def layer(fan_in: int, fan_out: int) -> Floats:
        spread = np.float32(np.sqrt(2 / fan_in))
        return random.standard_normal((fan_in, fan_out), np.float32) * spread

    return {
        "w1": layer(PIXELS, HIDDEN),
        "b1": np.zeros(HIDDEN, np.float32),
        "w2": layer(HIDDEN, CLASSES),
        "b2": np.zeros(CLASSES, np.float32),
    }


def logits(params: Mapping[str, Any], images: Any) -> Any:
    """Scores (n, 10) of images (n, 64); plain arrays and traced ones alike."""
    with scope("layer1"):
        hidden = relu(images @ params["w1"] + params["b1"])
    with scope("layer2"):
        return hidden @ params["w2"] + params["b2"]


def loss(params: Mapping[str, Any], inputs: Mapping[str, Any], step: Any) -> Any:
    """Mean cross-entropy of the step's mini-batch."""
    images, labels = inputs["images"], inputs["labels"]
    turn = step % images.shape[0]
    xp = images.__array_namespace__()
    scores = logits(params, images[turn])
    with scope("loss"):
        return cross_entropy(scores, xp.take(inputs["one_hot"], labels[turn], axis=0))


def training(data: Digits) -> Traced:
    """The training program: params w1, b1, w2, b2; the output `loss` has one word a mini-batch."""
    return trace(
        training_step(loss, RATE),
        initial(),
        training_inputs(data),
        per_step={"loss": data.batches},
    )


@cache
def inference(images: int = 1) -> Traced:
    """The inference program: the input `image` (n, 64), the output `logits` (n, 10)."""
    shown = {"image": np.zeros((images, PIXELS), np.float32)}
    return trace(
        lambda params, inputs, step: ({}, {"logits": logits(params, inputs["image"])}),
        initial(),
        shown,
    )


def infer(params: Params, images: Floats, backend: Backend) -> Floats:
    """Scores (n, 10) of images (n, 64), by the inference program."""
    traced = inference(len(images))
    result = run(
        traced.program,
        0,
        1,
        traced.params.words(params),
        traced.inputs.words({"image": images}),
        backend,
    )
    return traced.outputs.arrays(result.outputs)["logits"]


def accuracy(params: Params, images: Floats, labels: Ints, backend: Backend) -> float:
    """The share (0 .. 1) of images whose highest score is their label's."""
    guesses = infer(params, images, backend).argmax(axis=1)
    return float((guesses == labels).mean())


def train(
    traced: Traced, data: Digits, params: list[Words], first_step: int, steps: int, backend: Backend
) -> list[Words]:
    """Params registers after so many training steps, computed as an honest worker does."""
    inputs = traced.inputs.words(training_inputs(data))
    return run(traced.program, first_step, steps, params, inputs, backend).params
