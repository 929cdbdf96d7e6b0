"""Random small models: training steps put together from everything that the tracer offers.

A pool of arrays grows by drawn moves, each of which takes what it needs from the pool, fitted to
the shape that it wants; then a loss of all floats in the pool is lowered by a drawn optimizer.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from prover import tracer as nn
from prover.tracer import Array, Traced, namespace_of, prepare, trace, training_step
from prover.tracer.random import dropout
from tests.prover.generators import Source, chance, choice
from tests.prover.plan.drawn import words

MOST: Final = 90
"""Elements of an array in the pool; what has more is cut."""


@dataclass(slots=True)
class Pool:
    """Arrays so far, and where choices come from."""

    source: Source
    arrays: list[Array]

    def pick(self, dtype: str = "float32") -> Array:
        """One of the pool's arrays of a dtype; made from another where there is none."""
        found = [one for one in self.arrays if one.dtype.name == dtype]
        if found:
            return choice(self.source, found)
        x = self.pick()
        xp = namespace_of(x)
        made: Array = xp.astype(xp.clip(x * 3.0, -9.0, 9.0), xp.int32)
        return x > 0.0 if dtype == "bool" else made

    def fit(self, shape: tuple[int, ...], dtype: str = "float32") -> Array:
        """Elements of one of the arrays, over and over again, in a shape."""
        x = self.pick(dtype)
        xp = namespace_of(x)
        flat = xp.reshape(x, (-1,))
        places = xp.arange(prod(shape)) & (1 << (flat.shape[0].bit_length() - 1)) - 1
        made: Array = xp.reshape(xp.take(flat, places, axis=0), shape)
        return made

    def matrix(self) -> Array:
        """Floats of two axes."""
        x = self.pick()
        xp = namespace_of(x)
        made: Array = xp.reshape(x, (-1, x.shape[-1] if x.ndim > 2 else 1))
        return x if x.ndim == 2 else made

    def axis(self, x: Array) -> int:
        """One of its axes."""
        return self.source.integer(0, max(x.ndim - 1, 0))


Move = Callable[[Pool], Array]


def _unary(function: Callable[[Any, Any], Any]) -> Move:
    def move(pool: Pool) -> Array:
        x = pool.pick()
        made: Array = function(namespace_of(x), x)
        return made

    return move


def _binary(function: Callable[[Any, Any, Any], Any]) -> Move:
    def move(pool: Pool) -> Array:
        x = pool.pick()
        made: Array = function(namespace_of(x), x, pool.fit(x.shape))
        return made

    return move


def _integers(function: Callable[[Any, Any, Any], Any]) -> Move:
    def move(pool: Pool) -> Array:
        x = pool.pick("int32")
        made: Array = function(namespace_of(x), x, pool.fit(x.shape, "int32"))
        return made

    return move


def _along(function: Callable[[Any, Any, int], Any]) -> Move:
    def move(pool: Pool) -> Array:
        x = pool.pick()
        x = x if x.ndim else namespace_of(x).reshape(x, (1,))
        made: Array = function(namespace_of(x), x, pool.axis(x))
        return made

    return move


def _where(pool: Pool) -> Array:
    x = pool.pick()
    made: Array = namespace_of(x).where(pool.fit(x.shape, "bool"), x, pool.fit(x.shape))
    return made


def _permuted(pool: Pool) -> Array:
    x = pool.pick()
    axes = list(range(x.ndim))
    if axes:
        turn = pool.source.integer(0, len(axes) - 1)
        axes = axes[turn:] + axes[:turn]
    made: Array = namespace_of(x).permute_dims(x, axes)
    return made


def _cut(pool: Pool) -> Array:
    x = pool.pick()
    keys = []
    for size in x.shape:
        start, step = pool.source.integer(0, size - 1), choice(pool.source, (1, 1, 2, -1))
        keys.append(slice(start, None, step))
    return x[tuple(keys)]


def _product(pool: Pool) -> Array:
    x = pool.matrix()
    return x @ pool.fit((x.shape[1], pool.source.integer(1, 5)))


def _stacked_product(pool: Pool) -> Array:
    stack = pool.source.integer(1, 3)
    return pool.fit((stack, 2, 3)) @ pool.fit((3, pool.source.integer(1, 4)))


def _integer_product(pool: Pool) -> Array:
    return pool.fit((2, 3), "int32") @ pool.fit((3, 2), "int32")


def _attention(pool: Pool) -> Array:
    query, key, value = (pool.fit((2, 3, 4)) for _ in range(3))
    made: Array = nn.attention(query, key, value, causal=chance(pool.source, 50))
    return made


def _normal(pool: Pool) -> Array:
    x = pool.matrix()
    shape = x.shape[1:]
    made: Array = nn.layer_norm(x, pool.fit(shape), pool.fit(shape))
    return made


def _convolved(pool: Pool) -> Array:
    image, kernel = pool.fit((1, 2, 4, 4)), pool.fit((2, 2, 2, 2))
    padding, stride = pool.source.integer(0, 1), pool.source.integer(1, 2)
    made: Array = nn.conv2d(image, kernel, padding=padding, stride=stride)
    return made


def _looked_up(pool: Pool) -> Array:
    table = pool.matrix()
    xp = namespace_of(table)
    places = xp.clip(pool.fit((3,), "int32"), 0, table.shape[0] - 1)
    made: Array = nn.embedding(places, table)
    return made


def _dropped(pool: Pool) -> Array:
    x = pool.pick()
    key = pool.fit((2,), "int32")
    made: Array = dropout(x, 0.25, key, pool.fit((), "int32"))
    return made


MOVES: Final[tuple[Move, ...]] = (
    *(
        _unary(function)
        for function in (
            lambda xp, x: xp.exp(xp.clip(x, -4.0, 4.0)),
            lambda xp, x: xp.log(x * x + 1.0),
            lambda xp, x: xp.tanh(x),
            lambda xp, x: xp.sqrt(xp.abs(x)),
            lambda xp, x: -xp.square(x),
            lambda xp, x: xp.sign(x) * xp.floor(x),
            lambda xp, x: xp.round(x) + xp.trunc(x),
            lambda xp, x: xp.astype(xp.astype(x, xp.int32), xp.float32),
            lambda xp, x: xp.expand_dims(x, axis=0),
            lambda xp, x: nn.relu(x),
            lambda xp, x: nn.gelu(x),
            lambda xp, x: nn.silu(x) + nn.sigmoid(x),
            lambda xp, x: nn.erf(x),
        )
    ),
    *(
        _binary(function)
        for function in (
            lambda xp, x, y: x + y,
            lambda xp, x, y: x - y * 0.5,
            lambda xp, x, y: x * y,
            lambda xp, x, y: x / (y * y + 1.0),
            lambda xp, x, y: xp.maximum(x, y) - xp.minimum(x, 0.25),
            lambda xp, x, y: nn.fma(x, y, x),
            lambda xp, x, y: x <= y,
            lambda xp, x, y: xp.copysign(x, y),
        )
    ),
    *(
        _integers(function)
        for function in (
            lambda xp, x, y: x + y * 3,
            lambda xp, x, y: xp.bitwise_xor(x, y),
            lambda xp, x, y: xp.bitwise_left_shift(x, 3) - y,
            lambda xp, x, y: xp.floor_divide(x, 3) + xp.remainder(y, 7),
            lambda xp, x, y: xp.sum(x * y),
            lambda xp, x, y: x < y,
            lambda xp, x, y: xp.astype(x, xp.float32) * 0.125,
        )
    ),
    *(
        _along(function)
        for function in (
            lambda xp, x, axis: xp.sum(x, axis=axis),
            lambda xp, x, axis: xp.max(x, axis=axis, keepdims=True),
            lambda xp, x, axis: xp.mean(x, axis=axis, keepdims=True) * x,
            lambda xp, x, axis: xp.argmax(x, axis=axis),
            lambda xp, x, axis: xp.concat([x, -x], axis=axis),
            lambda xp, x, axis: xp.flip(x, axis=axis),
            lambda xp, x, axis: xp.roll(x, 1, axis=axis),
            lambda xp, x, axis: xp.stack([x, x * 2.0], axis=axis),
            lambda xp, x, axis: nn.softmax(x),
            lambda xp, x, axis: nn.log_softmax(x),
        )
    ),
    _where, _permuted, _cut, _product, _stacked_product, _integer_product, _attention, _normal,
    _convolved, _looked_up, _dropped,
)  # fmt: skip
OPTIMIZERS: Final[tuple[nn.Optimizer, ...]] = (
    nn.SGD(0.01),
    nn.SGD(0.01, momentum=0.9),
    nn.Adam(0.01),
    nn.Clipped(nn.AdamW(nn.Linear(0.01, 5)), norm=1.0),
)


def model(source: Source) -> tuple[Traced, list[NDArray[np.uint32]], list[NDArray[np.uint32]]]:
    """A program and words to start it from: a training step, at times an inference."""
    rows, columns = source.integer(1, 6), source.integer(1, 9)
    weights = {
        "w": np.zeros((columns, rows), np.float32),
        "b": np.zeros(columns, np.float32),
    }
    inputs = {
        "x": np.zeros((2, rows, columns), np.float32),
        "labels": np.zeros((2, rows), np.int32),
    }
    moves = [choice(source, MOVES) for _ in range(source.integer(1, 8))]

    def grown(p: Any, given: Any, number: Any) -> Pool:
        turn = number % 2
        arrays = [p["w"], p["b"], given["x"][turn], given["labels"][turn]]
        pool = Pool(source, arrays)
        for move in moves:
            made = move(pool)
            xp = namespace_of(made)
            if made.size > MOST:
                made = xp.reshape(made, (-1,))[:MOST]
            pool.arrays.append(made)
        return pool

    def loss(p: Any, given: Any, number: Any) -> Any:
        pool = grown(p, given, number)
        xp = namespace_of(given["x"])
        floats = [one for one in pool.arrays if one.dtype.name == "float32"]
        parts = [xp.mean(xp.clip(one, -50.0, 50.0)) for one in floats]
        total = parts[0]
        for part in parts[1:]:
            total = total + part
        return total

    if chance(source, 75):
        used = choice(source, OPTIMIZERS)
        start = prepare(used, weights)
        made = trace(training_step(loss, used), start, inputs)
        held = {name: np.asarray(one) for name, one in start.items() if ":" in name}
    else:
        made = trace(
            lambda p, given, number: (
                {},
                {f"y{n}": one for n, one in enumerate(grown(p, given, number).arrays[4:])},
            ),
            weights,
            inputs,
        )
        held = {}
    rng = np.random.default_rng(source.integer(0, 1 << 30))
    params = words(made.params.fields, rng)
    for place, one in enumerate(made.params.fields):
        if one.name in held:
            params[place] = held[one.name].reshape(-1).view(np.uint32).copy()
    return made, params, _labelled(made, words(made.inputs.fields, rng), rng)


def _labelled(
    made: Traced, given: Sequence[NDArray[np.uint32]], rng: np.random.Generator
) -> list[NDArray[np.uint32]]:
    """Small numbers where ints are meant."""
    found = list(given)
    for place, one in enumerate(made.inputs.fields):
        if one.name == "labels":
            found[place] = rng.integers(-3, 9, one.length).astype(np.int32).view(np.uint32)
    return found
