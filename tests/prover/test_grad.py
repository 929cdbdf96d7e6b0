"""Gradients against central differences in float64, and against a net's by hand."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from prover.backends import backend
from prover.execute import run
from prover.tracer import (
    Array,
    DType,
    TraceError,
    cross_entropy,
    detach,
    erf,
    fma,
    gelu,
    gradient,
    layer_norm,
    log_softmax,
    relu,
    rsqrt,
    ruled,
    sigmoid,
    silu,
    snap,
    softmax,
    tanh,
    trace,
    training_step,
)
from prover.tracer.making import concat, reshape
from prover.tracer.nn.activations import normal
from tests.prover.traced import floats

Doubles = NDArray[np.float64]
A, B, V = floats(3, 4), floats(3, 4, seed=1), floats(4)
STACK = floats(2, 3, 4)


def xp(x: Any) -> Any:
    return x.__array_namespace__()


def places(like: Any, *numbers: int) -> Any:
    """int32 indices beside a plain or a traced array."""
    if not isinstance(like, Array):
        return np.array(numbers, np.int32)
    return concat([reshape(like.graph.constant(number, DType.I32), (1,)) for number in numbers])


FUNCTIONS: list[tuple[Callable[..., Any], tuple[Any, ...]]] = [
    (lambda a, b: xp(a).sum(a + b * b), (A, B)),
    (lambda a, b: xp(a).sum((a - b) * b), (A, B)),
    (lambda a, b: xp(a).sum(a / (2 + b * b)), (A, B)),
    (lambda a, v: xp(a).sum(xp(a).square(a * v + v)), (A, V)),
    (lambda a: xp(a).sum(-a * a), (A,)),
    (lambda a: xp(a).sum(xp(a).abs(a) * a), (A,)),
    (lambda a: xp(a).sum(xp(a).exp(a * 0.5)), (A,)),
    (lambda a: xp(a).sum(xp(a).log(2 + a * a)), (A,)),
    (lambda a: xp(a).sum(xp(a).sqrt(1 + a * a)), (A,)),
    (lambda a, b: xp(a).sum(xp(a).maximum(a, b) * a), (A, B)),
    (lambda a, b: xp(a).sum(xp(a).minimum(a, b) * b), (A, B)),
    (lambda a, b: xp(a).sum(xp(a).where(a < b, a * a, b)), (A, B)),
    (lambda a: xp(a).sum(relu(a) * a), (A,)),
    (lambda a, b: xp(a).sum(xp(a).square(a @ b.T)), (A, B)),
    (lambda a, v: xp(a).sum(xp(a).square(a @ v)), (A, V)),
    (lambda s, a: xp(s).sum(xp(s).square(s @ a.T)), (STACK, A)),
    (lambda s: xp(s).sum(xp(s).exp(xp(s).mean(s, axis=1))), (STACK,)),
    (lambda s: xp(s).mean(xp(s).square(xp(s).sum(s, axis=(0, 2), keepdims=True) * s)), (STACK,)),
    (lambda s: xp(s).sum(xp(s).square(xp(s).max(s, axis=-1))), (STACK,)),
    (lambda s: xp(s).square(xp(s).max(s)), (STACK,)),
    (lambda s: xp(s).sum(xp(s).square(xp(s).reshape(xp(s).permute_dims(s, (2, 0, 1)), (8, 3)))),
     (STACK,)),
    (lambda s: xp(s).sum(s.mT @ xp(s).exp(xp(s).permute_dims(s, (0, 1, 2)))), (STACK,)),
    (lambda v, a: xp(v).sum(xp(v).broadcast_to(v, (3, 4)) * a), (V, A)),
    (lambda a: xp(a).sum(xp(a).square(log_softmax(a))), (A,)),
    (lambda a: cross_entropy(a * 3, xp(a).astype(a > 0.5, xp(a).float32)), (A,)),
    (lambda a, b: xp(a).sum(xp(a).square(fma(a, b, a))), (A, B)),
    (lambda a, b: xp(a).sum(tanh(a) * b), (A, B)),
    (lambda a, b: xp(a).sum(erf(a) * b), (A, B)),
    (lambda a, b: xp(a).sum(sigmoid(3 * a) * b), (A, B)),
    (lambda a, b: xp(a).sum(silu(a) * b), (A, B)),
    (lambda a, b: xp(a).sum(gelu(a) * b), (A, B)),
    (lambda a, b: xp(a).sum(normal(2 * a) * b), (A, B)),
    (lambda a, b: xp(a).sum(gelu(a, approximate="tanh") * b), (A, B)),
    (lambda a, b: xp(a).sum(softmax(a) * b), (A, B)),
    (lambda s: xp(s).sum(xp(s).square(softmax(s.mT))), (STACK,)),
    (lambda a, b: xp(a).sum(rsqrt(1 + a * a) * b), (A, B)),
    (lambda a, b: xp(a).sum(xp(a).var(a * b, axis=-1, correction=1)), (A, B)),
    (lambda a, b: xp(a).sum(snap(a * b, 0.3) * b), (A, B)),
    (lambda a, b, v: xp(a).sum(layer_norm(a, v, v) * b), (A, B, V)),
    (lambda s, v, w: xp(s).sum(xp(s).square(layer_norm(s, v, w, 0.1))), (STACK, V, A[2])),
    (lambda v, w, b: xp(v).sum(xp(v).square(layer_norm(v, w, b))), (V, A[2], B[2])),
    (lambda a: xp(a).sum(xp(a).square(a[1:, 2])), (A,)),
    (lambda a: xp(a).sum(xp(a).square(a[::2, 1::2])), (A,)),
    (lambda a, v: xp(a).sum(a[::-1, ::-2] * v[:2]), (A, V)),
    (lambda s, a: xp(s).sum(s[1, ..., None] * s[:1, 1:2, :, None] * a[0, -1]), (STACK, A)),
    (lambda s: xp(s).sum(xp(s).square(s[:, 2:0:-1, 3:0:-2])), (STACK,)),
    (lambda a: xp(a).sum(xp(a).square(xp(a).take(a, places(a, 2, 0, 2, 2), axis=0))), (A,)),
    (lambda s: xp(s).sum(xp(s).exp(xp(s).take(s[:, 1:], places(s, 1, 1), axis=0))), (STACK,)),
    (lambda v: xp(v).sum(xp(v).square(xp(v).take(v, places(v, 3, 1, 3), axis=0))), (V,)),
]  # fmt: skip


def differences(function: Callable[..., Any], arrays: tuple[Any, ...]) -> list[Doubles]:
    """Central differences of a function on plain float64 arrays."""
    plain = [array.astype(np.float64) for array in arrays]
    found = []
    for array in plain:
        slopes = np.zeros_like(array)
        for place in np.ndindex(array.shape):
            kept = array[place]
            sides = []
            for move in (1e-6, -1e-6):
                array[place] = kept + move
                sides.append(float(function(*plain)))
            array[place] = kept
            slopes[place] = (sides[0] - sides[1]) / 2e-6
        found.append(slopes)
    return found


def gradients(function: Callable[..., Any], arrays: tuple[Any, ...]) -> list[NDArray[Any]]:
    """The traced gradient."""

    def step(params: Any, inputs: Any, number: Any) -> tuple[Any, Any]:
        return {}, gradient(function(*inputs.values()), inputs)

    named = {f"x{number}": array for number, array in enumerate(arrays)}
    traced = trace(step, {}, named)
    result = run(traced.program, 0, 1, [], traced.inputs.words(named), backend())
    return list(traced.outputs.arrays(result.outputs).values())


@pytest.mark.parametrize(("function", "arrays"), FUNCTIONS, ids=range(len(FUNCTIONS)))
def test_every_rule_by_central_differences(
    function: Callable[..., Any], arrays: tuple[Any, ...]
) -> None:
    for actual, expected in zip(
        gradients(function, arrays), differences(function, arrays), strict=True
    ):
        np.testing.assert_allclose(actual, expected, rtol=2e-4, atol=2e-5)


def test_no_gradient_flows_through_detach_or_comparisons() -> None:
    (a,) = gradients(lambda a: xp(a).sum(detach(a * a) * a), (A,))
    np.testing.assert_allclose(a, A * A, rtol=1e-6)
    (a,) = gradients(lambda a: xp(a).sum(xp(a).where(a > 0, 2.0 * a, 0.0)), (A,))
    assert np.array_equal(a, np.where(A > 0, 2, 0))


def test_a_rule_replaces_what_would_be_derived() -> None:
    a, b = gradients(lambda a, b: xp(a).sum(ruled(a * b, [b, a], lambda g: [g * 2, g * 3])), (A, B))
    assert np.array_equal(a, np.full((3, 4), 3))
    assert np.array_equal(b, np.full((3, 4), 2))
    with pytest.raises(TraceError, match="keep the shape"):
        gradients(lambda a: xp(a).sum(ruled(a, [a], lambda g: [g[0] * 2])), (A,))
    with pytest.raises(TraceError, match="keep the shape"):
        gradients(lambda a: xp(a).sum(ruled(a, [a], lambda g: [2.0])), (A,))
    with pytest.raises(TraceError, match="2 gradients for 1 arrays"):
        gradients(lambda a: xp(a).sum(ruled(a, [a], lambda g: [g, g])), (A,))
    with pytest.raises(TraceError, match="arrays of this trace, not float"):
        gradients(lambda a: xp(a).sum(ruled(a, [3.0], lambda g: [g])), (A,))


def test_a_rule_may_give_nothing() -> None:
    a, b = gradients(lambda a, b: xp(a).sum(ruled(a * b, [a, b], lambda g: [None, g])), (A, B))
    assert np.array_equal(a, np.zeros((3, 4)))
    assert np.array_equal(b, np.ones((3, 4)))


def test_the_size_of_a_number_has_no_slope_at_0() -> None:
    x = np.array([-2.0, 0.0, -0.0, 3.0], np.float32)
    (found,) = gradients(lambda x: xp(x).sum(xp(x).abs(x)), (x,))
    assert found.tolist() == [-1.0, 0.0, 0.0, 1.0]


def test_what_does_not_matter_has_gradient_zero() -> None:
    a, v = gradients(lambda a, v: xp(a).sum(a * 3), (A, V))
    assert np.array_equal(a, np.full((3, 4), 3))
    assert np.array_equal(v, np.zeros(4))


def test_gradients_of_gradients() -> None:
    def slope(a: Any) -> Any:
        return xp(a).sum(gradient(xp(a).sum(a * a * a), {"a": a})["a"])

    (second,) = gradients(slope, (A,))
    np.testing.assert_allclose(second, 6 * A, rtol=1e-5)


def test_refusals() -> None:
    with pytest.raises(TraceError, match="of a float32 scalar"):
        gradients(lambda a: a * 2, (A,))
    with pytest.raises(TraceError, match="turn has no gradient"):
        trace(training_step(lambda p, i, step: xp(p["a"]).sum(p["a"][step % 3]), 0.1), {"a": A}, {})


def by_hand(params: dict[str, Doubles], x: Doubles, y: Doubles) -> tuple[float, dict[str, Doubles]]:
    z = x @ params["w1"] + params["b1"]
    hidden = np.maximum(z, 0)
    scores = hidden @ params["w2"] + params["b2"]
    exps = np.exp(scores - scores.max(axis=1, keepdims=True))
    soft = exps / exps.sum(axis=1, keepdims=True)
    loss = -float(np.sum(np.log(soft) * y)) / len(x)
    out = (soft - y) / len(x)
    back = (out @ params["w2"].T) * (z > 0)
    return loss, {
        "w1": x.T @ back,
        "b1": back.sum(axis=0),
        "w2": hidden.T @ out,
        "b2": out.sum(axis=0),
    }


def test_a_net_by_hand() -> None:
    params = {
        "w1": floats(6, 8) / 2, "b1": floats(8) / 9, "w2": floats(8, 4) / 2, "b2": floats(4) / 9,
    }  # fmt: skip
    inputs = {"x": floats(3, 16, 6), "y": np.eye(4, dtype=np.float32)[np.arange(48) % 4]}
    inputs["y"] = inputs["y"].reshape(3, 16, 4)

    def loss(p: Any, i: Any, step: Any) -> Any:
        hidden = relu(i["x"][step % 3] @ p["w1"] + p["b1"])
        return cross_entropy(hidden @ p["w2"] + p["b2"], i["y"][step % 3])

    traced = trace(training_step(loss, 0.25), params, inputs)
    ran = run(
        traced.program, 0, 12, traced.params.words(params), traced.inputs.words(inputs), backend()
    )
    plain = {name: array.astype(np.float64) for name, array in params.items()}
    value = 0.0
    for step in range(12):
        value, slopes = by_hand(
            plain,
            inputs["x"][step % 3].astype(np.float64),
            inputs["y"][step % 3].astype(np.float64),
        )
        plain = {name: plain[name] - 0.25 * slopes[name] for name in plain}
    for name, array in traced.params.arrays(ran.params).items():
        np.testing.assert_allclose(array, plain[name], rtol=1e-4, atol=1e-6)
    assert traced.outputs.arrays(ran.outputs)["loss"] == pytest.approx(value, rel=1e-5)
    assert loss(params, inputs, 4) == pytest.approx(by_hand(
        {name: array.astype(np.float64) for name, array in params.items()},
        inputs["x"][1].astype(np.float64), inputs["y"][1].astype(np.float64),
    )[0], rel=1e-5)  # fmt: skip
