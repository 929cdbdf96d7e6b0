"""The sentence encoder with small weights that were drawn, under the names of the trained ones."""

from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from prover.examples import Example, encoder

LAYERS, HEADS, WIDTH, WORDS, PLACES = 2, 2, 8, 13, 6


def weights(seed: int = 0) -> dict[str, NDArray[np.float32]]:
    """As many arrays a layer, of the same shapes but for their sizes."""
    random = np.random.default_rng(seed)

    def drawn(*shape: int) -> NDArray[np.float32]:
        return random.standard_normal(shape, np.float32) * np.float32(0.3)

    made: dict[str, NDArray[np.float32]] = {}
    for name, count in (("word", WORDS), ("position", PLACES), ("token_type", 2)):
        made[f"embeddings.{name}_embeddings.weight"] = drawn(count, WIDTH)
    norms, linear = ["embeddings"], {}
    for number in range(LAYERS):
        layer = f"encoder.layer.{number}"
        for name in ("self.query", "self.key", "self.value", "output.dense"):
            linear[f"{layer}.attention.{name}"] = (WIDTH, WIDTH)
        linear[f"{layer}.intermediate.dense"] = (4 * WIDTH, WIDTH)
        linear[f"{layer}.output.dense"] = (WIDTH, 4 * WIDTH)
        norms += [f"{layer}.attention.output", f"{layer}.output"]
    for name, shape in linear.items():
        made[f"{name}.weight"], made[f"{name}.bias"] = drawn(*shape), drawn(shape[0])
    for name in norms:
        made[f"{name}.LayerNorm.weight"] = 1 + drawn(WIDTH)
        made[f"{name}.LayerNorm.bias"] = drawn(WIDTH)
    return made


def inputs() -> dict[str, Any]:
    """Two sentences, the second one shorter."""
    tokens = np.array([[2, 5, 7, 11, 3], [2, 4, 3, 0, 0]], np.int32)
    return {"tokens": tokens, "present": tokens > 0}


def example() -> Example:
    """An inference."""
    return Example("encoder", partial(encoder.outputs, heads=HEADS), weights(), inputs())
