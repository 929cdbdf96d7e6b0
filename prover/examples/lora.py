"""A linear layer learns anew by two thin matrices (LoRA), its own weight untouched.

The layer tells digits by the nearest mean image; it is an input, so a claim commits to it and no
step can write it. Then somebody mirrors all images. What is trained is a product of low rank beside
the weight: Hu et al., "LoRA: Low-Rank Adaptation of Large Language Models" (2021).
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from prover.examples import Example
from prover.examples.digits import (
    BATCH,
    CLASSES,
    PIXELS,
    Digits,
    Floats,
    load,
    mini_batches,
    share_right,
)
from prover.tracer import Adam, Traced, cross_entropy, scope

RANK = 4
ALPHA = 8.0
"""The product counts ALPHA / rank times."""
RATE = 1e-2
DECAY = 1e-2


def nearest_mean(data: Digits) -> dict[str, Floats]:
    """A layer whose highest score is that of the nearest mean image: |x - m|^2 is least where
    x . m - |m|^2 / 2 is greatest.
    """
    means = np.stack(
        [data.train_images[data.train_labels == digit].mean(axis=0) for digit in range(CLASSES)]
    )
    return {
        "weight": np.ascontiguousarray(means.T),
        "bias": (means * means).sum(axis=1) * np.float32(-0.5),
    }


def mirrored(images: Floats) -> Floats:
    """Images (..., 64), left and right exchanged."""
    side = 8
    swapped = images.reshape(*images.shape[:-1], side, side)[..., ::-1]
    return np.ascontiguousarray(swapped).reshape(images.shape)


def logits(params: Mapping[str, Any], layer: Mapping[str, Any], images: Any) -> Any:
    """Scores (n, 10) of images (n, 64) by the layer and what was learned beside it."""
    with scope("frozen"):
        known = images @ layer["weight"] + layer["bias"]
    with scope("adapter"):
        learned = (images @ params["a"]) @ params["b"]
        return known + learned * (ALPHA / params["a"].shape[1])


def loss(params: Mapping[str, Any], inputs: Mapping[str, Any], step: Any) -> Any:
    """Mean cross-entropy of the step's mini-batch."""
    turn = step % inputs["labels"].shape[0]
    scores = logits(params, inputs, inputs["images"][turn])
    with scope("loss"):
        return cross_entropy(scores, inputs["labels"][turn])


def example(
    seed: int = 0, *, rank: int = RANK, batch: int = BATCH, batches: int | None = None
) -> Example:
    """AdamW, a round of mini-batches and over again; at first the product is zero."""
    data = load(seed)
    layer, given = nearest_mean(data), mini_batches(data, batch, batches)
    random = np.random.default_rng(seed)
    weights = {
        "a": random.standard_normal((PIXELS, rank), np.float32) / np.float32(np.sqrt(PIXELS)),
        "b": np.zeros((rank, CLASSES), np.float32),
    }
    shown = mirrored(data.test_images)
    return Example(
        "lora", loss, weights, {**given, **layer, "images": mirrored(given["images"])},
        Adam(RATE, weight_decay=DECAY), len(given["labels"]),
        lambda weights: share_right(logits(weights, layer, shown), data.test_labels),
    )  # fmt: skip


def program() -> Traced:
    """Of the preset sizes."""
    return example().program()
