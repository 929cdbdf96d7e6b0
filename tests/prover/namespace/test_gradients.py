"""Gradients flow through what the namespace makes of others: against central differences."""

from typing import Any

import numpy as np
import pytest

from prover.tracer import gradient, namespace_of
from prover.tracer import namespace as traced
from tests.prover.namespace.everywhere import Function
from tests.prover.traced import evaluate_all, floats

A, B = floats(3, 4), floats(3, 4, seed=1)
STACK, V = floats(2, 3, 4), floats(5)
ALONG = np.array([[2, 0, 2], [1, 3, 1], [3, 3, 3]], np.int32)

SMOOTH: dict[str, tuple[Function, tuple[Any, ...]]] = {
    "expm1 and log1p": (lambda xp, a, b: xp.expm1(a) + xp.log1p(b * b), (A, B)),
    "logarithms": (lambda xp, a: xp.log2(1 + a * a) + xp.log10(2 + a * a), (A,)),
    "logaddexp": (lambda xp, a, b: xp.logaddexp(a, b[0]), (A, B)),
    "powers": (lambda xp, a: xp.pow(a, 3.0) + xp.pow(a * a + 1, -1.5), (A,)),
    "copysign": (lambda xp, a, b: xp.copysign(a * a * a, b), (A, B)),
    "clip": (lambda xp, a: xp.clip(a * a, 0.1, 0.8), (A,)),
    "reciprocal": (lambda xp, a: xp.reciprocal(2 + a * a), (A,)),
    "rounding": (lambda xp, a: xp.floor(a) * a + xp.round(3 * a) * a + xp.sign(a) * a, (A,)),
    "prod": (lambda xp, s: xp.prod(s, axis=1) * xp.prod(s[:, 0]), (STACK,)),
    "std": (lambda xp, s: xp.std(s, axis=-1), (STACK,)),
    "min": (lambda xp, s: xp.min(s, axis=0), (STACK,)),
    "cumulative sum": (lambda xp, a: xp.cumulative_sum(a, axis=1, include_initial=True), (A,)),
    "concat and stack": (lambda xp, a, b: xp.stack([xp.concat([a, b]), xp.concat([b, a])]), (A, B)),
    "roll and flip": (lambda xp, a: xp.roll(xp.flip(a, axis=1), 2) * a, (A,)),
    "repeat and tile": (lambda xp, a: xp.tile(xp.repeat(a, 2, axis=1), (2, 1)), (A,)),
    "diff": (lambda xp, a: xp.diff(a, axis=1, n=2), (A,)),
    "triangle": (lambda xp, s: xp.tril(s) + xp.triu(s * s), (STACK,)),
    "products": (lambda xp, s, a: xp.tensordot(s, a) + xp.sum(xp.vecdot(s, a)), (STACK, A)),
    "norms": (lambda xp, s: xp.linalg.vector_norm(s, axis=1), (STACK,)),
    "cross and outer": (
        lambda xp, a, b: xp.linalg.cross(a, b, axis=-2) + xp.sum(xp.linalg.outer(a[0], b[0])),
        (A, B)),
    "diagonal": (lambda xp, s: xp.linalg.diagonal(s, offset=1), (STACK,)),
    "take": (lambda xp, s: xp.take(s, np.array([2, 0, 2]), axis=1), (STACK,)),
    "take_along_axis": (
        lambda xp, a: xp.take_along_axis(a * a, xp.asarray(ALONG), axis=1), (A,)),
}  # fmt: skip


def weighted(function: Function, xp: Any, arrays: Any) -> Any:
    """A sum in which each element of the result counts otherwise."""
    made = function(xp, *arrays)
    count = int(np.prod(made.shape))
    weights = xp.remainder(xp.arange(count), xp.asarray(7)) + 1
    return xp.sum(made * xp.reshape(xp.astype(weights, made.dtype), made.shape))


@pytest.mark.parametrize("name", SMOOTH)
def test_gradients_are_those_of_differences(name: str) -> None:
    function, arrays = SMOOTH[name]

    def gradients(*given: Any) -> dict[str, Any]:
        of = weighted(function, traced, given)
        return gradient(of, {str(place): one for place, one in enumerate(given)})

    made = evaluate_all(gradients, *arrays)
    doubles = [one.astype(np.float64) for one in arrays]
    xp = namespace_of(*doubles)
    for place, one in enumerate(doubles):
        actual = made[str(place)]
        for at in np.ndindex(one.shape):
            ends = []
            for move in (1e-6, -1e-6):
                changed = one.copy()
                changed[at] += move
                ends.append(
                    weighted(function, xp, [*doubles[:place], changed, *doubles[place + 1 :]])
                )
            slope = (ends[0] - ends[1]) / 2e-6
            assert actual[at] == pytest.approx(float(slope), rel=2e-4, abs=2e-4), at


def test_where_nothing_changes_no_gradient_flows() -> None:
    def gradients(a: Any) -> dict[str, Any]:
        return gradient(traced.sum(traced.ceil(a) + traced.trunc(a) + traced.sign(a)), {"a": a})

    assert not evaluate_all(gradients, A)["a"].any()
