"""The demo's model: the digits and the net of `prover.examples.digits`.

A claim is one round through the training data, 44 steps of 32 images.
"""

from functools import cache

import numpy as np

from prover.backends import Backend
from prover.commit.tensor import Words
from prover.examples.digits import (
    BATCH,
    CLASSES,
    PIXELS,
    Digits,
    Floats,
    Ints,
    Params,
    example,
    initial,
    load,
    logits,
    share_right,
    training_inputs,
)
from prover.execute import run
from prover.tracer import Traced, trace

__all__ = [
    "BATCH", "CLASSES", "PIXELS", "Digits", "accuracy", "every_image", "every_label", "infer",
    "inference", "initial", "load", "logits", "train", "training", "training_inputs",
]  # fmt: skip


def every_image(data: Digits) -> list[Floats]:
    """All images, those of the test split first, each (1, 64) as inference takes it."""
    images = np.concatenate([data.test_images, data.train_images])
    return list(images.reshape(-1, 1, PIXELS))


def every_label(data: Digits) -> Ints:
    """What `every_image` shows, in its order."""
    return np.concatenate([data.test_labels, data.train_labels])


def training(data: Digits) -> Traced:
    """The training program: params w1, b1, w2, b2; the output `loss` has one word a mini-batch."""
    return example(data.seed).program()


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
    return share_right(infer(params, images, backend), labels)


def train(
    traced: Traced, data: Digits, params: list[Words], first_step: int, steps: int, backend: Backend
) -> list[Words]:
    """Params registers after so many training steps, computed as an honest worker does."""
    inputs = traced.inputs.words(training_inputs(data))
    return run(traced.program, first_step, steps, params, inputs, backend).params
