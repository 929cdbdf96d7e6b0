"""Functions that move words, one after the other, in any order: as NumPy moves them."""

from collections.abc import Callable
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from prover.tracer import namespace_of
from tests.prover.traced import evaluate

Move = Callable[[Any, Any], Any]
"""(namespace, array) to an array."""
MOST_AXES, MOST_ELEMENTS = 4, 300


def moves(draw: st.DrawFn, shape: tuple[int, ...]) -> dict[str, Move]:
    """What can be done with a shape, by name, with arguments drawn."""
    ndim = len(shape)
    axis = draw(st.integers(-ndim, ndim - 1))
    other = draw(st.integers(-ndim, ndim - 1))
    new = draw(st.integers(-ndim - 1, ndim))
    count = draw(st.integers(-4, 4))
    size = shape[axis]
    places = np.array(draw(st.lists(st.integers(0, size - 1), min_size=1, max_size=4)), np.int32)
    steps = tuple(slice(None, None, draw(st.sampled_from((1, 2, -1, -2)))) for _ in shape)
    return {
        "roll": lambda xp, x: xp.roll(x, count, axis=axis),
        "roll all": lambda xp, x: xp.roll(x, count),
        "flip": lambda xp, x: xp.flip(x, axis=axis),
        "repeat": lambda xp, x: xp.repeat(x, 1 + abs(count) // 2, axis=axis),
        "tile": lambda xp, x: xp.tile(x, (1 + abs(count) // 2, 2)),
        "moveaxis": lambda xp, x: xp.moveaxis(x, axis, other),
        "expand_dims": lambda xp, x: xp.expand_dims(x, axis=new),
        "concat": lambda xp, x: xp.concat([x, x * 2], axis=axis),
        "stack": lambda xp, x: xp.stack([x, x + 1], axis=new),
        "unstack": lambda xp, x: xp.unstack(x, axis=axis)[count % size],
        "slice": lambda xp, x: x[steps],
        "take": lambda xp, x: xp.take(x, xp.asarray(places), axis=axis),
        "max": lambda xp, x: xp.max(x, axis=axis, keepdims=count > 0),
        "min": lambda xp, x: xp.min(x, axis=axis),
        "cumulative_sum": lambda xp, x: xp.cumulative_sum(x, axis=axis, dtype=xp.int32),
        "argmax": lambda xp, x: xp.astype(xp.argmax(x, axis=axis), xp.int32),
        "flatten": lambda xp, x: xp.reshape(x, (-1,)),
        "where": lambda xp, x: xp.where(x < count, x, -x),
    }


@given(st.data())
@settings(max_examples=40, deadline=None)
def test_moves_one_after_the_other(data: st.DataObject) -> None:
    shape = tuple(data.draw(st.lists(st.integers(1, 4), min_size=1, max_size=3)))
    x = np.arange(int(np.prod(shape)), dtype=np.int32).reshape(shape) * 7 % 11 - 5
    chain: list[Move] = []
    expected = x
    for _ in range(data.draw(st.integers(1, 5))):
        if not expected.ndim:
            break
        known = data.draw(st.composite(moves)(expected.shape))
        move = known[data.draw(st.sampled_from(sorted(known)))]
        made = np.asarray(move(namespace_of(expected), expected)).astype(np.int32)
        if made.ndim <= MOST_AXES and made.size <= MOST_ELEMENTS:
            expected = made
            chain.append(move)

    def function(a: Any) -> Any:
        for move in chain:
            a = move(namespace_of(a), a)
        return a

    actual = evaluate(function, x)
    assert actual.shape == expected.shape
    assert np.array_equal(actual, expected)
