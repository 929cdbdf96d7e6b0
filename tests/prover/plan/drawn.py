"""Random training steps that people might write: maps, broadcasts, reductions, products, updates.

What the generators of `tests.prover.generators` draw is hostile and small; this is sensible, and
large enough for vectors, lanes and tails.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from prover.tracer import Traced, cross_entropy, fma, gradient, relu, trace
from tests.prover.generators import Source, chance, choice

SIZES = (1, 2, 5, 10, 31, 32, 33, 40, 64, 70, 97)


def traced(source: Source) -> tuple[Traced, list[NDArray[np.uint32]], list[NDArray[np.uint32]]]:
    """A program with two params and two inputs of related shapes, and words for them."""
    rows, columns, inner = (choice(source, SIZES) for _ in range(3))
    turns = choice(source, (1, 2, 3))
    params = {"w": np.zeros((inner, columns), np.float32), "b": np.zeros(columns, np.float32)}
    inputs = {
        "x": np.zeros((turns, rows, inner), np.float32),
        "y": np.zeros((turns, rows, columns), np.float32),
    }
    moves = [choice(source, MOVES) for _ in range(source.integer(2, 7))]
    learns = chance(source, 50)

    def step(p: Any, i: Any, number: Any) -> tuple[Any, Any]:
        xp = i["x"].__array_namespace__()
        i = {name: i[name][number % turns] for name in i}
        full = i["x"] @ p["w"] + p["b"] if chance(source, 70) else i["y"] * p["b"]
        for move in moves:
            full = move(xp, full, i["y"])
        loss = xp.sum(full * i["y"]) / np.float32(rows)
        if not learns:
            return {}, {"full": full, "loss": loss}
        grads = gradient(loss, p)
        after = {name: fma(grads[name], np.float32(-0.01), p[name]) for name in p}
        return after, {"loss": loss, "column": xp.sum(full, axis=0)}

    made = trace(step, params, inputs)
    rng = np.random.default_rng(source.integer(0, 1 << 30))
    return made, words(made.params.fields, rng), words(made.inputs.fields, rng)


def words(fields: Sequence[Any], rng: np.random.Generator) -> list[NDArray[np.uint32]]:
    """Floats of usual size, with some zeros, subnormals and large ones among them."""
    found = []
    for field in fields:
        values = rng.standard_normal(field.length).astype(np.float32)
        odd = rng.random(field.length)
        values[odd < 0.05] = 0
        values[odd > 0.97] *= np.float32(1e-39)
        values[(odd > 0.95) & (odd <= 0.97)] *= np.float32(1e18)
        found.append(values.view(np.uint32))
    return found


def _softmax(xp: Any, x: Any, y: Any) -> Any:
    shifted = x - xp.max(x, axis=-1, keepdims=True)
    powers = xp.exp(shifted)
    return powers / xp.sum(powers, axis=-1, keepdims=True)


def _normal(xp: Any, x: Any, y: Any) -> Any:
    mean = xp.sum(x, axis=-1, keepdims=True) / np.float32(x.shape[-1])
    centred = x - mean
    spread = xp.sum(centred * centred, axis=-1, keepdims=True)
    return centred / xp.sqrt(spread + np.float32(1e-5))


def _counts(xp: Any, x: Any, y: Any) -> Any:
    whole = xp.astype(x * np.float32(9), xp.int32)
    return x + xp.astype(xp.sum(whole, axis=-1, keepdims=True) - xp.sum(whole, axis=0), xp.float32)


def _of_ints(xp: Any, x: Any, y: Any) -> Any:
    rows, columns = (xp.astype(one * np.float32(50), xp.int32) for one in (x, y))
    return y + xp.astype(xp.matmul(xp.matmul(rows, columns.T), columns), xp.float32)


MOVES: tuple[Callable[[Any, Any, Any], Any], ...] = (
    lambda xp, x, y: relu(x),
    lambda xp, x, y: x + y,
    lambda xp, x, y: x * np.float32(0.25) - y,
    _softmax,
    _normal,
    lambda xp, x, y: xp.log(x * x + np.float32(1)),
    lambda xp, x, y: xp.where(x < y, x, xp.exp(-y)),
    lambda xp, x, y: x * xp.max(y, axis=-1, keepdims=True),
    lambda xp, x, y: x + xp.sum(x, axis=0, keepdims=True),
    lambda xp, x, y: x + cross_entropy(x, y),
    lambda xp, x, y: xp.sum(x, axis=-1, keepdims=True) * y,
    _counts,
    _of_ints,
)
