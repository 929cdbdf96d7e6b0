"""Functions over arrays mean the same traced and on NumPy; what cannot be traced is refused."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from prover.backends import backend
from prover.errors import ProverError
from prover.execute import run
from prover.tracer import (
    TraceError,
    cross_entropy,
    detach,
    erf,
    fma,
    gelu,
    layer_norm,
    log_softmax,
    relu,
    rsqrt,
    ruled,
    scope,
    sigmoid,
    silu,
    snap,
    softmax,
    tanh,
    trace,
    training_step,
)
from tests.prover.traced import evaluate, evaluate_all, floats, program_of

A, B = floats(3, 4), floats(3, 4, seed=1)
V, M = floats(4), floats(4, 5)
STACK = floats(2, 3, 4)
INTS = np.array([[3, -7, 2, 0], [1, 1, -2, 9], [2147483647, -2147483648, 5, 5]], np.int32)
MASK = A > 0


def namespace(x: Any) -> Any:
    return x.__array_namespace__()


EXACT: list[tuple[Callable[..., Any], tuple[Any, ...]]] = [
    (lambda a, b: a + b, (A, B)),
    (lambda a, b: a - b, (A, B)),
    (lambda a, b: a * b, (A, B)),
    (lambda a, b: a / b, (A, B)),
    (lambda a, v: a + v, (A, V)),
    (lambda a, b: a[:, :1] * b[1:2], (A, B)),
    (lambda a: 2 - a, (A,)),
    (lambda a: 1 / a, (A,)),
    (lambda a: 3 * a + 1.5, (A,)),
    (lambda a: np.float32(0.1) - a, (A,)),
    (lambda a: -a, (A,)),
    (lambda a: -(a * 0.0), (A,)),
    (lambda a, b: a < b, (A, B)),
    (lambda a, b: a <= b, (A, A)),
    (lambda a, b: (a > b) | (a >= 0.5), (A, B)),
    (lambda a, b: ~(a == b) & (a != 0), (A, B)),
    (lambda a: namespace(a).abs(a), (A,)),
    (lambda a: namespace(a).sqrt(namespace(a).square(a)), (A,)),
    (lambda a, b: namespace(a).maximum(a, b), (A, B)),
    (lambda a, b: namespace(a).minimum(a, b), (A, B)),
    (lambda a: namespace(a).maximum(a, 0.25), (A,)),
    (lambda m, a, b: namespace(a).where(m, a, b), (MASK, A, B)),
    (lambda m, a: namespace(a).where(m, a, 0.0), (MASK, A)),
    (lambda m: namespace(m).where(m, np.float32(1), np.float32(2)), (MASK,)),
    (lambda i: i + 3 * i - 1, (INTS,)),
    (lambda i: -i, (INTS,)),
    (lambda i: (i < 2) | (i == 9), (INTS,)),
    (lambda i: namespace(i).astype(i, namespace(i).float32), (INTS,)),
    (lambda a: namespace(a).astype(a * 10, namespace(a).int32), (A,)),
    (lambda m: namespace(m).astype(m, namespace(m).float32), (MASK,)),
    (lambda m: namespace(m).astype(m, namespace(m).int32), (MASK,)),
    (lambda i: namespace(i).astype(i, namespace(i).bool), (INTS,)),
    (lambda a: a.T, (A,)),
    (lambda s: s.mT + 1, (STACK,)),
    (lambda s: namespace(s).permute_dims(s, (2, 0, 1)), (STACK,)),
    (lambda s: namespace(s).permute_dims(s, (2, 0, 1)) + namespace(s).permute_dims(s, (2, 0, 1)),
     (STACK,)),
    (lambda s: namespace(s).reshape(s, (4, 6)), (STACK,)),
    (lambda s: namespace(s).reshape(s, (-1, 2)) * 2, (STACK,)),
    (lambda s: namespace(s).reshape(s.mT, (-1,)), (STACK,)),
    (lambda s: namespace(s).reshape(s[:, 1:, ::2], (8,)), (STACK,)),
    (lambda s: s[1], (STACK,)),
    (lambda s: s[-1, 2], (STACK,)),
    (lambda s: s[..., 0], (STACK,)),
    (lambda s: s[:, ::-1, 1:3] + 1, (STACK,)),
    (lambda s: s[0, ::-2, None, :], (STACK,)),
    (lambda s: s[0][1][2], (STACK,)),
    (lambda a, v: namespace(a).broadcast_to(v, (3, 4)) - a, (A, V)),
    (lambda v: namespace(v).expand_dims(v, axis=1) * v, (V,)),
    (lambda v: namespace(v).squeeze(namespace(v).expand_dims(v, axis=0), 0), (V,)),
    (lambda t, i: namespace(t).take(t, i, axis=0), (M, np.array([[2, 0], [3, 3]], np.int32))),
    (lambda t, i: namespace(t).take(t.T, i, axis=0), (M, np.array([4, 0], np.int32))),
    (lambda v, i: namespace(v).take(v, i, axis=0), (V, np.array([1], np.int32))),
    (lambda s: namespace(s).max(s), (STACK,)),
    (lambda s: namespace(s).max(s, axis=1), (STACK,)),
    (lambda s: namespace(s).max(s, axis=(0, 2), keepdims=True), (STACK,)),
    (lambda a: namespace(a).max(a, axis=-1), (floats(3, 77),)),
    (lambda s: sum(row for row in s[0]), (STACK,)),
    (lambda a: snap(a, 0.5), (A,)),
    (lambda a: ruled(a + 1, [a], lambda g: [g]), (A,)),
]  # fmt: skip


@pytest.mark.parametrize(("function", "arrays"), EXACT, ids=range(len(EXACT)))
def test_what_is_exact_is_equal(function: Callable[..., Any], arrays: tuple[Any, ...]) -> None:
    expected = np.asarray(function(*arrays))
    for used in ("numba", "reference"):
        actual = evaluate(function, *arrays, used=backend(used))
        assert actual.dtype == expected.dtype
        assert actual.shape == expected.shape
        assert np.array_equal(actual, expected)
        if actual.dtype == np.float32:
            assert np.array_equal(np.signbit(actual), np.signbit(expected))


CLOSE: list[tuple[Callable[..., Any], tuple[Any, ...]]] = [
    (lambda a, m: a @ m, (A, M)),
    (lambda a, m: namespace(a).matmul(a, m), (A, M)),
    (lambda v, m: v @ m, (V, M)),
    (lambda a, v: a @ v, (A, V)),
    (lambda v, w: v @ w, (V, V)),
    (lambda s, m: s @ m, (STACK, M)),
    (lambda s, t: s @ t.mT, (STACK, STACK)),
    (lambda s: s[:, None] @ s.mT[None], (STACK,)),
    (lambda a: a.T @ a, (A,)),
    (lambda s: namespace(s).sum(s), (STACK,)),
    (lambda s: namespace(s).sum(s, axis=0), (STACK,)),
    (lambda s: namespace(s).sum(s.mT, axis=-1, keepdims=True), (STACK,)),
    (lambda s: namespace(s).sum(s, axis=(1, 2)), (STACK,)),
    (lambda s: namespace(s).mean(s, axis=1), (STACK,)),
    (lambda a: namespace(a).sum(a, axis=1), (floats(3, 100),)),
    (lambda a: namespace(a).mean(a), (floats(64, 64),)),
    (lambda a: namespace(a).exp(a) + namespace(a).log(namespace(a).abs(a)), (A,)),
    (log_softmax, (floats(5, 10) * 50,)),
    (cross_entropy, (floats(5, 10), np.eye(10, dtype=np.float32)[:5])),
    (relu, (A,)),
    (lambda a: rsqrt(namespace(a).abs(a)), (A,)),
    (lambda s: namespace(s).var(s), (STACK,)),
    (lambda s: namespace(s).var(s, axis=(0, 2), correction=1, keepdims=True), (STACK,)),
    (lambda a: namespace(a).var(a, axis=-1), (floats(3, 77) + 9,)),
    (tanh, (A,)),
    (erf, (A,)),
    (lambda a: sigmoid(30 * a), (A,)),
    (silu, (A,)),
    (gelu, (A,)),
    (lambda a: gelu(a, approximate="tanh"), (A,)),
    (softmax, (floats(5, 10) * 50,)),
    (lambda s: softmax(s.mT), (STACK,)),
    (softmax, (floats(2, 77),)),
    (layer_norm, (A, V, B[0])),
    (lambda s: layer_norm(s, 1.5 * s[0, 0], s[1, 0], eps=0.1), (STACK,)),
    (layer_norm, (floats(3, 77) * 9, floats(77), floats(77, seed=1))),
    (lambda v: layer_norm(v, v, v), (V,)),
    (fma, (A, B, A)),
    (lambda a: fma(a, np.float32(-0.5), a), (A,)),
    (lambda a: detach(a) * 2, (A,)),
]  # fmt: skip


@pytest.mark.parametrize(("function", "arrays"), CLOSE, ids=range(len(CLOSE)))
def test_what_rounds_is_close(function: Callable[..., Any], arrays: tuple[Any, ...]) -> None:
    expected = np.asarray(function(*arrays))
    actual = evaluate(function, *arrays)
    assert actual.shape == expected.shape
    if expected.size < 100:
        slow = evaluate(function, *arrays, used=backend("reference"))
        assert np.array_equal(actual.view(np.uint32), slow.view(np.uint32))
    np.testing.assert_allclose(actual, expected, rtol=2e-6, atol=2e-6)


def test_a_place_outside_the_table_reads_zero() -> None:
    places = np.array([-9, 9, 3], np.int32)
    actual = evaluate(lambda t, i: namespace(t).take(t, i, axis=0), M, places)
    assert np.array_equal(actual, [*np.zeros((2, 5)), M[3]])


def test_several_outputs_may_be_views_of_one_another() -> None:
    def function(a: Any) -> dict[str, Any]:
        twice = a * 2
        return {"twice": twice, "again": twice, "turned": twice.T, "input": a, "one": a[0, 0]}

    made = evaluate_all(function, A)
    assert np.array_equal(made["twice"], A * 2)
    assert np.array_equal(made["again"], A * 2)
    assert np.array_equal(made["turned"], (A * 2).T)
    assert np.array_equal(made["input"], A)
    assert made["one"] == A[0, 0]


@pytest.mark.parametrize("step", [0, 1, 4, 7, 1 << 50])
def test_the_step_is_an_address(step: int) -> None:
    data = floats(5, 3, 4)

    def function(params: Any, inputs: Any, number: Any) -> tuple[Any, Any]:
        data = inputs["data"]
        return {}, {"batch": data[number % 5, 1:] * 1, "row": data[0][number % 3]}

    traced = trace(function, {}, {"data": data})
    assert len(traced.program.packed) == 2
    result = run(traced.program, step, 1, [], traced.inputs.words({"data": data}), backend())
    made = traced.outputs.arrays(result.outputs)
    assert np.array_equal(made["batch"], function({}, {"data": data}, step)[1]["batch"])
    assert np.array_equal(made["row"], data[0][step % 3])


def test_a_turn_of_what_turns_already() -> None:
    data = floats(5, 3, 4)

    def function(params: Any, inputs: Any, number: Any) -> tuple[Any, Any]:
        return {}, {"row": inputs["data"][number % 5][number % 3]}

    traced = trace(function, {}, {"data": data})
    result = run(traced.program, 13, 1, [], traced.inputs.words({"data": data}), backend())
    assert np.array_equal(traced.outputs.arrays(result.outputs)["row"], data[13 % 5][13 % 3])


def test_an_output_can_keep_a_word_for_each_step() -> None:
    def function(params: Any, inputs: Any, number: Any) -> tuple[Any, Any]:
        after = params["w"] * 2
        return {"w": after}, {"sum": namespace(after).sum(after), "w": after}

    w = np.array([1, 2], np.float32)
    traced = trace(function, {"w": w}, {}, per_step={"sum": 3, "w": 2})
    result = run(traced.program, 1, 4, traced.params.words({"w": w}), [], backend())
    made = traced.outputs.arrays(result.outputs)
    assert made["sum"].tolist() == [24, 48, 12]
    assert made["w"].tolist() == [[16, 32], [8, 16]]


def test_params_are_exchanged_and_kept() -> None:
    def function(params: Any, inputs: Any, number: Any) -> tuple[Any, Any]:
        p = params
        return {"a": p["b"], "b": p["a"], "c": p["c"].T, "d": p["d"], "e": p["a"] + p["e"]}, {
            "old": p["a"]
        }

    params = {name: floats(2, 2, seed=seed) for seed, name in enumerate("abcdef")}
    traced = trace(function, params, {})
    result = run(traced.program, 0, 1, traced.params.words(params), [], backend())
    after = traced.params.arrays(result.params)
    expected, outputs = function(params, {}, 0)
    for name in "abcde":
        assert np.array_equal(after[name], expected[name]), name
    assert np.array_equal(after["f"], params["f"])
    old = traced.outputs.arrays(result.outputs)["old"]
    assert np.array_equal(old, outputs["old"])


@pytest.mark.parametrize("seed", range(4))
def test_a_training_step_runs_on_numpy_as_it_is(seed: int) -> None:
    def step(params: Any, inputs: Any, number: Any) -> tuple[Any, Any]:
        x, y = inputs["x"][number % 3], inputs["y"][number % 3]
        residual = x @ params["w"] + params["b"] - y
        xp = residual.__array_namespace__()
        grad = {"w": x.T @ residual, "b": xp.sum(residual, axis=0)}
        after = {name: fma(grad[name], np.float32(-0.01), params[name]) for name in params}
        return after, {"loss": xp.mean(xp.square(residual))}

    params = {"w": floats(4, 2, seed=seed), "b": floats(2, seed=seed)}
    inputs = {"x": floats(3, 8, 4, seed=seed), "y": floats(3, 8, 2, seed=seed)}
    traced = trace(step, params, inputs)
    ran = run(
        traced.program, 0, 10, traced.params.words(params), traced.inputs.words(inputs), backend()
    )
    outputs: Any = {}
    for number in range(10):
        params, outputs = step(params, inputs, number)
    for name, array in traced.params.arrays(ran.params).items():
        np.testing.assert_allclose(array, params[name], rtol=1e-5, atol=1e-6)
    loss = traced.outputs.arrays(ran.outputs)["loss"]
    assert loss == pytest.approx(float(outputs["loss"]), rel=1e-5)


def test_rows_have_names_with_scopes_and_shapes() -> None:
    def loss(params: Any, inputs: Any, number: Any) -> Any:
        with scope("layer1"), scope("inner"):
            hidden = inputs["x"] @ params["w"]
        return namespace(hidden).sum(-hidden)

    traced = trace(training_step(loss, 0.1), {"w": floats(4, 2)}, {"x": floats(3, 4)})
    assert traced.program.names == (
        "layer1.inner.matmul[3x4 @ 4x2]",
        "negate[3x2]",
        "sum[6 -> 1]",
        "grad.layer1.inner.matmul[4x3 @ 3x2]",
        "update.w.fma[4x2]",
    )


ERF: Any = "erf"
REFUSED: list[tuple[str, Callable[..., Any], tuple[Any, ...]]] = [
    ("use where", lambda a: a if a[0, 0] > 0 else -a, (A,)),
    ("report it as an output", lambda a: a * float(a[0, 0]), (A,)),
    ("make it an input", lambda a: a + B, (A,)),
    ("convert with astype", lambda a, i: a + i, (A, INTS)),
    ("convert with astype", lambda i: namespace(i).exp(i), (INTS,)),
    ("convert with astype", sigmoid, (INTS,)),
    ('"none" or "tanh"', lambda a: gelu(a, ERF), (A,)),
    ("int32 has no div", lambda i: i / 2, (INTS,)),
    ("does not fit int32", lambda i: i + 0.5, (INTS,)),
    ("do not broadcast", lambda a, m: a + m, (A, M)),
    ("do not multiply", lambda a: a @ a, (A,)),
    ("takes no scalars", lambda a: a[0, 0] @ a, (A,)),
    ("do not fit shape", lambda a: namespace(a).reshape(a, (5, -1)), (A,)),
    ("outside axis 0", lambda a: a[3], (A,)),
    ("too many indices", lambda a: a[0, 0, 0], (A,)),
    ("use where", lambda a, m: a[m], (A, MASK)),
    ("takes a mask first", lambda a: namespace(a).where(a, a, a), (A,)),
    ("no axis 2", lambda a: namespace(a).sum(a, axis=2), (A,)),
    ("not of size 1", lambda a: namespace(a).squeeze(a, 0), (A,)),
    ("not the axes", lambda a: namespace(a).permute_dims(a, (0, 0)), (A,)),
    ("T is for matrices", lambda s: s.T, (STACK,)),
    ("needs int32 places", lambda a: namespace(a).take(a, a), (A,)),
    ("is no dtype", lambda a: namespace(a).astype(a, np.float64), (A,)),
    ("is no result of this trace", lambda a: 3.0, (A,)),
    ("more than 4", lambda s: namespace(s).permute_dims(namespace(s).reshape(s, (2,) * 6),
     (5, 4, 3, 2, 1, 0)) + 1, (floats(64),)),
    ("computes nothing", lambda a: {}, (A,)),
]  # fmt: skip


@pytest.mark.parametrize(("why", "function", "arrays"), REFUSED, ids=range(len(REFUSED)))
def test_what_cannot_be_traced(
    why: str, function: Callable[..., Any], arrays: tuple[Any, ...]
) -> None:
    with pytest.raises(TraceError, match=why) as caught:
        program_of(function, *arrays)
    assert "\n" not in str(caught.value)
    assert isinstance(caught.value, ProverError)


def test_steps_that_cannot_be_traced() -> None:
    def indexed(how: Callable[[Any, Any], Any]) -> None:
        trace(lambda p, i, s: ({}, {"x": how(i["x"], s)}), {}, {"x": floats(3, 4)})

    with pytest.raises(TraceError, match="index with step % n"):
        indexed(lambda x, step: x[step])
    with pytest.raises(TraceError, match="no 4 places"):
        indexed(lambda x, step: x[step % 4])
    with pytest.raises(TraceError, match="first axis only"):
        indexed(lambda x, step: x[0, step % 3])
    with pytest.raises(TraceError, match="modulo 1 to"):
        indexed(lambda x, step: x[step % 0])
    with pytest.raises(TraceError, match="step is no number"):
        indexed(lambda x, step: x * [1.0, 2.0][step])


def test_layouts_that_do_not_fit() -> None:
    traced = program_of(lambda a: a + 1, A)
    with pytest.raises(TraceError, match=r"inputs are \['x0'\], not \['y'\]"):
        traced.inputs.words({"y": A})
    with pytest.raises(TraceError, match="x0 has shape"):
        traced.inputs.words({"x0": A.T})
    with pytest.raises(TraceError, match="x0 is float32, not float64"):
        traced.inputs.words({"x0": A.astype(np.float64)})
    with pytest.raises(TraceError, match="is empty"):
        program_of(lambda a: a + 1, np.zeros((0, 3), np.float32))
    with pytest.raises(TraceError, match="no param is called q"):
        trace(lambda p, i, s: ({"q": i["x"]}, {}), {}, {"x": A})
    with pytest.raises(TraceError, match="keep shape and dtype"):
        trace(lambda p, i, s: ({"w": p["w"].T}, {}), {"w": A}, {})
    with pytest.raises(TraceError, match=r"no output is called z; outputs are \['y'\]"):
        trace(lambda p, i, s: ({}, {"y": p["w"] * 2}), {"w": A}, {}, per_step={"z": 3})


def test_roots_are_those_of_the_segments() -> None:
    traced = program_of(lambda a: a + 1, A)
    result = run(traced.program, 0, 1, [], traced.inputs.words({"x0": A}), backend())
    assert traced.outputs.root({"result": A + 1}) == result.outputs_root
