"""Optimizers: what they compute, the rows they take, and that training goes on across claims."""

from collections.abc import Mapping
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from bench.models import mlp
from prover.backends import backend
from prover.errors import NotFiniteError
from prover.execute import Result, run
from prover.row import Segment, segment_of
from prover.tracer import (
    SGD,
    Adam,
    Optimizer,
    Traced,
    TraceError,
    prepare,
    snap,
    trace,
    training_step,
    weights_of,
)
from tests.prover.traced import evaluate, floats, opcodes

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]
LEAST_NORMAL = np.float32(2.0**-126)


def go(traced: Traced, params: Mapping[str, Any], inputs: Mapping[str, Any], first: int, steps: int,
       used: str = "numba") -> Result:  # fmt: skip
    return run(
        traced.program, first, steps, traced.params.words(params), traced.inputs.words(inputs),
        backend(used),
    )  # fmt: skip


def pulled(weights: Any, inputs: Any, step: Any) -> Any:
    """A loss whose gradient is what the step's input says."""
    drawn = weights["w"] * inputs["g"][step % inputs["g"].shape[0]]
    return drawn.__array_namespace__().sum(drawn)


def follow(
    optimizer: Optimizer, w: Floats, grads: Floats, used: str = "numba"
) -> dict[str, NDArray[Any]]:
    """The params after a step for each of some gradients."""
    params = prepare(optimizer, {"w": w})
    traced = trace(training_step(pulled, optimizer), params, {"g": grads})
    ran = go(traced, params, {"g": grads}, 0, len(grads), used)
    return traced.params.arrays(ran.params)


def rate_of(optimizer: Adam) -> float:
    assert isinstance(optimizer.rate, float)
    return optimizer.rate


def adam_by_hand(optimizer: Adam, w: Floats, grads: Floats) -> tuple[Doubles, Doubles, Doubles]:
    """Weight and moments in float64, as the paper says."""
    at, rate = w.astype(np.float64), rate_of(optimizer)
    m, v = np.zeros_like(at), np.zeros_like(at)
    for t, grad in enumerate(grads.astype(np.float64), 1):
        m = optimizer.beta1 * m + (1 - optimizer.beta1) * grad
        v = optimizer.beta2 * v + (1 - optimizer.beta2) * grad**2
        at = at * (1 - rate * optimizer.weight_decay)
        m_hat, v_hat = m / (1 - optimizer.beta1**t), v / (1 - optimizer.beta2**t)
        at = at - rate * m_hat / (np.sqrt(v_hat) + optimizer.eps)
    return at, m, v


@pytest.mark.parametrize(
    "optimizer",
    [
        Adam(), Adam(0.02, snap=0), Adam(0.1, 0.5, 0.75, eps=1e-3), Adam(0.05, weight_decay=0.1),
        Adam(0.05, 0.0, 0.9),
    ],
)  # fmt: skip
def test_adam_by_hand(optimizer: Adam) -> None:
    w, grads = floats(3, 5), floats(60, 3, 5) * np.float32(1e-2) ** floats(3, 5, seed=1)
    after = follow(optimizer, w, grads)
    expected, m, v = adam_by_hand(optimizer, w, grads)
    np.testing.assert_allclose(after["w"], expected, rtol=2e-5, atol=60 * 2e-5 * rate_of(optimizer))
    np.testing.assert_allclose(after["m:w"], m, rtol=1e-4, atol=1e-6 * np.abs(grads).max())
    np.testing.assert_allclose(after["v:w"], v, rtol=1e-4)
    assert after["power:beta1"] == pytest.approx(max(optimizer.beta1**60, 2.0**-100), rel=1e-5)
    assert after["power:beta2"] == pytest.approx(optimizer.beta2**60, rel=1e-5)


@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_sgd_by_hand(momentum: float) -> None:
    w, grads = floats(7), floats(30, 7)
    after = follow(SGD(0.1, momentum), w, grads)
    at, velocity = w.astype(np.float64), np.zeros(7)
    for grad in grads.astype(np.float64):
        velocity = momentum * velocity + grad
        at -= 0.1 * velocity
    np.testing.assert_allclose(after["w"], at, rtol=1e-5, atol=1e-5)
    assert set(after) == ({"w", "velocity:w"} if momentum else {"w"})


@pytest.mark.parametrize("optimizer", [SGD(0.1, 0.9), Adam(0.01, weight_decay=0.1)])
def test_the_reference_gives_the_same_bits(optimizer: Optimizer) -> None:
    w, grads = floats(2, 3), floats(5, 2, 3)
    fast, slow = (follow(optimizer, w, grads, used) for used in ("numba", "reference"))
    for name, array in fast.items():
        assert np.array_equal(array.view(np.uint32), slow[name].view(np.uint32)), name


@pytest.mark.parametrize("optimizer", [SGD(0.05, 0.9), Adam(0.01)])
def test_an_update_means_the_same_on_plain_arrays(optimizer: Optimizer) -> None:
    w, grads = floats(4), floats(20, 4)
    params = prepare(optimizer, {"w": w})
    for grad in grads:
        params |= optimizer.update(params, {"w": grad})
    for name, array in follow(optimizer, w, grads).items():
        np.testing.assert_allclose(array, params[name], rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("optimizer", [SGD(0.05, 0.9), Adam(0.01)])
def test_a_claim_goes_on_where_the_last_one_ended(optimizer: Optimizer) -> None:
    model = mlp((6, 5, 3), batch=4, batches=3)
    traced, params = model.program(optimizer), model.params(optimizer)
    whole = traced.params.arrays(go(traced, params, model.inputs, 0, 10).params)
    carried: Any = params
    for first, steps in [(0, 4), (4, 1), (5, 5)]:
        carried = traced.params.arrays(go(traced, carried, model.inputs, first, steps).params)
    for name, array in whole.items():
        assert np.array_equal(array.view(np.uint32), carried[name].view(np.uint32)), name
    forgotten = {**carried, **optimizer.state(model.weights)}
    again = traced.params.arrays(go(traced, forgotten, model.inputs, 10, 1).params)
    after = traced.params.arrays(go(traced, carried, model.inputs, 10, 1).params)
    assert not np.array_equal(again["w1"], after["w1"])


ADAM = [
    "MUL", "FMA", "AND", "LT", "SELECT",
    "MUL", "MUL", "FMA", "MAX",
    "SQRT", "ADD", "DIV", "FMA",
]  # fmt: skip


@pytest.mark.parametrize(
    ("optimizer", "first", "each"),
    [
        (0.1, [], ["FMA"]),
        (SGD(0.1, 0.9), [], ["FMA", "AND", "LT", "SELECT", "FMA"]),
        (SGD(0.1, 0.9, snap=0), [], ["FMA", "FMA"]),
        (Adam(), ["MUL", "MAX"] * 2 + ["SUB", "SQRT", "MUL", "MUL", "SUB", "DIV"], ADAM),
        (Adam(weight_decay=0.1), None, [*ADAM[:12], "MUL", "FMA"]),
        (Adam(snap=0), None, [op for op in ADAM if op not in {"AND", "LT", "SELECT", "MAX"}]),
        (Adam(snap_weights=1e-30), None, [*ADAM, "AND", "LT", "SELECT"]),
    ],
)
def test_updates_are_a_few_maps_of_one_shape_side_by_side(
    optimizer: float | Optimizer, first: list[str] | None, each: list[str]
) -> None:
    model = mlp((20, 7, 3), batch=4)
    program = model.program(optimizer).program
    rows = [row for row in program.rows if row]
    ops = opcodes(program)
    updates = [
        place for place, name in enumerate(program.names)
        if name.startswith("update.") and not name.startswith("update.corrections")
    ]  # fmt: skip
    assert updates == list(range(len(ops) - len(model.weights) * len(each), len(ops)))
    if first is not None:
        assert ops[updates[0] - len(first) : updates[0]] == first
    for number, (name, weight) in enumerate(model.weights.items()):
        block = updates[number * len(each) : (number + 1) * len(each)]
        assert [ops[place] for place in block] == each
        for place in block:
            assert program.names[place].startswith(f"update.{name}.")
            assert rows[place].dims == (1, 1, 1, weight.size)
            assert rows[place].out_length == weight.size
    assert not any(
        segment_of(rows[place].out) == Segment.PARAMS for place in range(updates[0])
    ) or not isinstance(optimizer, float | SGD)


def test_a_number_is_plain_descent_and_its_program_stays_what_it_was() -> None:
    model = mlp((64, 64, 10), batch=32, batches=44)
    programs = [
        trace(training_step(model.loss, rate), model.weights, model.inputs, per_step={"loss": 44})
        for rate in (0.5, SGD(0.5))
    ]
    for traced in programs:
        assert len(traced.program.packed) == 79
        assert traced.program.micro_steps == 350_315
        assert traced.program.id.hex() == (
            "65c1582547dc5fe34d470cc0139278be7460f17d37747b813e5208374b3d2c28"
        )


def subnormal(array: NDArray[Any]) -> int:
    return int(np.sum((array != 0) & (np.abs(array) < LEAST_NORMAL)))


@pytest.mark.parametrize("optimizer", [SGD(0.01, 0.5), Adam(0.01, 0.5, 0.6)])
def test_what_has_no_gradient_any_more_never_becomes_subnormal(optimizer: Any) -> None:
    grads = np.zeros((400, 3), np.float32)
    grads[0] = (1, -1e-3, 1e-25)
    grads[:, 2] *= np.float32(0.5) ** np.arange(400, dtype=np.float32)
    quiet = follow(optimizer, floats(3), grads)
    assert sum(map(subnormal, quiet.values())) == 0
    moments = [name for name in quiet if name[:2] in {"ve", "m:"}]
    assert all(not quiet[name].any() for name in moments)
    if "v:w" in quiet:
        assert np.array_equal(quiet["v:w"], np.full(3, 2.0**-120))
    loud = follow(replace(optimizer, snap=0), floats(3), grads)
    np.testing.assert_allclose(quiet["w"], loud["w"], rtol=1e-6)


def test_halves_of_the_least_subnormals_stay_for_ever() -> None:
    """Why there is a snap: 0.9 k rounds to k, so what decays never ends."""
    least = np.array([1, 2, 3, 4], np.uint32).view(np.float32)
    assert np.array_equal(evaluate(lambda x: x * 0.9, least), least)


def test_snapping() -> None:
    x = np.array([0.5, -0.5, 0.25, -0.25, 0.2, -0.2, 0.0, np.inf, -np.inf, np.nan], np.float32)
    expected = np.array([0.5, -0.5, 0.25, -0.25, 0, 0, 0, np.inf, -np.inf, np.nan], np.float32)
    assert np.array_equal(evaluate(lambda a: snap(a, 0.25), x), expected, equal_nan=True)


@pytest.mark.parametrize("optimizer", [SGD(0.1, 0.9), Adam()])
def test_nothing_that_is_not_finite_is_snapped_away(optimizer: Optimizer) -> None:
    grads = np.full((2, 2), np.nan, np.float32)
    with pytest.raises(NotFiniteError):
        follow(optimizer, floats(2), grads)


@pytest.mark.parametrize("optimizer", [0.5, SGD(0.1, 0.9), Adam(0.02)])
def test_a_small_net_learns(optimizer: float | Optimizer) -> None:
    model = mlp((64, 32, 32, 4), batch=32, batches=4)
    traced = trace(
        training_step(model.loss, optimizer), model.params(optimizer), model.inputs,
        per_step={"loss": 100},
    )  # fmt: skip
    ran = go(traced, model.params(optimizer), model.inputs, 0, 100)
    losses = traced.outputs.arrays(ran.outputs)["loss"].reshape(5, 20).mean(axis=1)
    assert all(later < earlier for earlier, later in pairwise(losses))
    assert losses[-1] < 0.7 * losses[0]


def test_state_and_refusals() -> None:
    weights = {"w": floats(2, 3), "b": floats(3)}
    params = prepare(Adam(), weights)
    assert list(params) == ["w", "b", "m:w", "v:w", "m:b", "v:b", "power:beta1", "power:beta2"]
    assert weights_of(params) == weights
    assert prepare(SGD(0.1), weights) == weights
    with pytest.raises(TraceError, match="leave the colon out"):
        prepare(Adam(), {"m:w": floats(2)})
    inputs = {"g": floats(1, 2)}
    with pytest.raises(TraceError, match=r"no power:beta1; make them with prepare"):
        trace(training_step(pulled, Adam()), {"w": floats(2)}, inputs)
    for make in (
        lambda: Adam(rate=0.0), lambda: SGD(float("nan")), lambda: Adam(beta1=1.0),
        lambda: SGD(0.1, -0.1), lambda: Adam(snap=1e-30), lambda: Adam(eps=0.0),
    ):  # fmt: skip
        with pytest.raises(TraceError, match="take"):
            make()
