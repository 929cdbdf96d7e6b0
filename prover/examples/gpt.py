"""A character-level GPT: learns the text of the Python reference, character by character.

The text ships with Python (`pydoc_data.topics`, what `help("topics")` shows). A training step takes
windows of it from a committed permutation, the s-th mini-batch in step s; AdamW follows a schedule
that warms up and falls off, held in the params like all that a step goes on from.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from prover.examples import Example
from prover.tracer import (
    AdamW,
    Clipped,
    Cosine,
    Traced,
    Warmup,
    attention,
    cross_entropy,
    embedding,
    gelu,
    layer_norm,
    merge_heads,
    namespace_of,
    scope,
    split_heads,
)

RATE: Final = 1e-3
DECAY: Final = 0.01
LONGEST: Final = 1.0
"""What the gradients' global norm is clipped to."""


@dataclass(frozen=True, slots=True)
class Size:
    """How large a model and its batches are."""

    layers: int = 2
    width: int = 128
    heads: int = 4
    context: int = 64
    batch: int = 12
    batches: int = 64
    """Mini-batches in the permutation; step s takes number s mod this."""


SIZE: Final = Size()


def text() -> str:
    """About 700,000 characters of English about Python, in an order that does not change."""
    from pydoc_data.topics import topics

    return "\n".join(topics[name] for name in sorted(topics))


def encoded(said: str) -> tuple[NDArray[np.int32], str]:
    """Each character's place in the alphabet, and the alphabet: what occurs, in order."""
    alphabet = "".join(sorted(set(said)))
    place = {character: number for number, character in enumerate(alphabet)}
    return np.array([place[character] for character in said], np.int32), alphabet


def inputs(size: Size, codes: NDArray[np.int32], seed: int = 0) -> dict[str, Any]:
    """The text and where its windows start: (batches, batch) starts of a drawn permutation."""
    starts = np.arange(0, len(codes) - size.context - 1, size.context, dtype=np.int32)
    drawn = np.random.default_rng(seed).permutation(starts)[: size.batches * size.batch]
    return {"text": codes, "order": drawn.reshape(size.batches, size.batch)}


def initial(size: Size, characters: int, seed: int = 0) -> dict[str, NDArray[np.float32]]:
    """Normal weights of deviation 0.02, biases 0, scales 1."""
    random = np.random.default_rng(seed)
    width = size.width

    def normal(*shape: int) -> NDArray[np.float32]:
        return random.standard_normal(shape, np.float32) * np.float32(0.02)

    params = {"token": normal(characters, width), "place": normal(size.context, width)}
    for layer in range(size.layers):
        for name in ("query", "key", "value"):
            params[f"{layer}.{name}"] = normal(width, width)
        for name, rows, columns in (
            ("mixed", width, width),
            ("wide", width, 4 * width),
            ("narrow", 4 * width, width),
        ):
            params[f"{layer}.{name}.w"] = normal(rows, columns)
            params[f"{layer}.{name}.b"] = np.zeros(columns, np.float32)
    for norm in ["last", *(f"{layer}.norm{n}" for layer in range(size.layers) for n in (1, 2))]:
        params[f"{norm}.w"] = np.ones(width, np.float32)
        params[f"{norm}.b"] = np.zeros(width, np.float32)
    params["head"] = normal(width, characters)
    return params


def scores(size: Size, params: Mapping[str, Any], tokens: Any) -> Any:
    """Logits (batch, context, characters) of the next character, of tokens (batch, context)."""

    def linear(x: Any, name: str) -> Any:
        return x @ params[f"{name}.w"] + params[f"{name}.b"]

    def norm(x: Any, name: str) -> Any:
        return layer_norm(x, params[f"{name}.w"], params[f"{name}.b"])

    x = embedding(tokens, params["token"]) + params["place"]
    for layer in range(size.layers):
        with scope(f"block{layer}"):
            y = norm(x, f"{layer}.norm1")
            query, key, value = (
                split_heads(y @ params[f"{layer}.{name}"], size.heads)
                for name in ("query", "key", "value")
            )
            mixed = merge_heads(attention(query, key, value, causal=True))
            x = x + linear(mixed, f"{layer}.mixed")
            y = gelu(linear(norm(x, f"{layer}.norm2"), f"{layer}.wide"))
            x = x + linear(y, f"{layer}.narrow")
    return norm(x, "last") @ params["head"]


def loss(size: Size, params: Mapping[str, Any], given: Mapping[str, Any], step: Any) -> Any:
    """Mean cross-entropy of the step's mini-batch."""
    xp = namespace_of(given["text"])
    starts = given["order"][step % size.batches]
    places = xp.expand_dims(starts, axis=1) + xp.arange(size.context + 1, dtype=xp.int32)
    flat = xp.take(given["text"], xp.reshape(places, (-1,)), axis=0)
    window = xp.reshape(flat, places.shape)
    return cross_entropy(scores(size, params, window[:, :-1]), window[:, 1:])


def optimizer(steps: int) -> Clipped:
    """AdamW: a tenth of the steps to warm up, then down half a cosine; clipped gradients."""
    warm = max(steps // 10, 1)
    rate = Warmup(warm, Cosine(RATE, max(steps - warm, 1), RATE / 10))
    return Clipped(AdamW(rate, weight_decay=DECAY), norm=LONGEST)


def example(
    size: Size = SIZE, steps: int = 1_000, seed: int = 0, said: str | None = None
) -> Example:
    """Trained for `steps` steps on `said`, or else on `text()`."""
    codes, alphabet = encoded(text() if said is None else said)
    return Example(
        "gpt",
        partial(loss, size),
        initial(size, len(alphabet), seed),
        inputs(size, codes, seed),
        optimizer(steps),
        size.batches,
    )


def program() -> Traced:
    """Of the preset sizes."""
    return example().program()
