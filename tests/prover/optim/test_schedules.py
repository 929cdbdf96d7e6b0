"""Learning rates as recurrences: their values, their words, and optimizers that follow them."""

from collections.abc import Callable
from math import cos, pi, sin
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from prover.backends import backend
from prover.execute import run
from prover.plan import plan
from prover.tracer import (
    SGD,
    Adam,
    AdamW,
    Cosine,
    Exponential,
    Linear,
    Schedule,
    StepDecay,
    Traced,
    TraceError,
    Warmup,
    prepare,
    trace,
    training_step,
)
from prover.tracer.optim.schedules import cosine_and_sine
from tests.prover.traced import floats, opcodes

SCHEDULES: dict[str, tuple[Schedule, Callable[[int], float]]] = {
    "exponential": (Exponential(0.5, 0.9), lambda t: 0.5 * 0.9**t),
    "rising": (Exponential(1e-3, 1.1), lambda t: 1e-3 * 1.1**t),
    "step": (StepDecay(0.3, 4, 0.5), lambda t: 0.3 * 0.5 ** (t // 4)),
    "linear": (Linear(0.3, 25, 0.1), lambda t: 0.3 - 0.2 * min(t, 25) / 25),
    "linear to nothing": (Linear(0.3, 7), lambda t: 0.3 * max(0, 7 - t) / 7),
    "cosine": (Cosine(0.3, 25, 0.1), lambda t: 0.1 + 0.1 * (1 + cos(pi * min(t, 25) / 25))),
    "cosine to nothing": (Cosine(1.0, 3), lambda t: 0.5 * (1 + cos(pi * min(t, 3) / 3))),
    "one step": (Cosine(1.0, 1), lambda t: float(t == 0)),
    "warm-up": (Warmup(5, 0.2), lambda t: 0.2 * min(1, (t + 1) / 5)),
    "warm-up and cosine": (
        Warmup(6, Cosine(0.5, 20)),
        lambda t: 0.5 * (t + 1) / 6 if t < 6 else 0.25 * (1 + cos(pi * min(t - 6, 20) / 20)),
    ),
    "warm-up and linear": (
        Warmup(6, Linear(0.5, 20)),
        lambda t: 0.5 * (t + 1) / 6 if t < 6 else 0.5 * max(0, 20 - (t - 6)) / 20,
    ),
    "warm-up and steps": (
        Warmup(2, StepDecay(0.5, 3, 0.1)),
        lambda t: 0.5 * (t + 1) / 2 if t < 2 else 0.5 * 0.1 ** ((t - 2) // 3),
    ),
}


def alone(schedule: Schedule, steps: int) -> Traced:
    """A step that tells the rate."""

    def step(params: Any, inputs: Any, number: Any) -> tuple[Any, Any]:
        rate, after = schedule.rate(params)
        return after, {"rate": rate}

    return trace(step, schedule.state(), {}, per_step={"rate": steps})


def rates(schedule: Schedule, steps: int, used: str = "numba") -> NDArray[np.float32]:
    """What a traced schedule gives at each step."""
    traced = alone(schedule, steps)
    words = traced.params.words(schedule.state())
    ran = run(traced.program, 0, steps, words, [], backend(used))
    found: NDArray[np.float32] = traced.outputs.arrays(ran.outputs)["rate"]
    return found


@pytest.mark.parametrize("name", SCHEDULES)
def test_rates(name: str) -> None:
    schedule, formula = SCHEDULES[name]
    expected = np.array([formula(step) for step in range(40)])
    found = rates(schedule, 40)
    np.testing.assert_allclose(found, expected, rtol=2e-6, atol=2e-7 * expected.max())
    assert (found >= 0).all()
    assert np.array_equal(found, rates(schedule, 40, "reference"))
    program = alone(schedule, 40).program
    assert len(opcodes(program)) <= 32
    plan(program)


@pytest.mark.parametrize("name", SCHEDULES)
def test_plain_words_follow_the_same_recurrence(name: str) -> None:
    schedule, _ = SCHEDULES[name]
    words, found = schedule.state(), []
    for _step in range(30):
        rate, words = schedule.rate(words)
        assert all(np.asarray(one).dtype in (np.float32, np.int32) for one in words.values())
        found.append(float(rate))
    np.testing.assert_allclose(found, rates(schedule, 30), rtol=1e-6, atol=3e-8)


def test_a_long_turn_keeps_its_length() -> None:
    steps = 3000
    found = rates(Cosine(1.0, steps), steps)
    expected = 0.5 * (1 + np.cos(np.pi * np.arange(steps) / steps))
    assert float(np.abs(found - expected).max()) < 2e-5
    assert found[-1] >= 0


def test_a_turn_is_the_same_on_every_platform() -> None:
    """No C library has a say in a program's constants; here they are what a good one gives."""
    for steps in (*range(2, 100), 1000, 12_345, (1 << 24) - 1):
        turned = np.array(cosine_and_sine(steps), np.float32)
        exact = np.array([cos(pi / steps), sin(pi / steps)], np.float32)
        np.testing.assert_allclose(turned, exact, rtol=0, atol=1e-16, err_msg=str(steps))
    assert cosine_and_sine(1)[0] == -1.0
    assert abs(cosine_and_sine(1)[1]) < 1e-55
    assert cosine_and_sine(3) == (0.5, 0.75**0.5)


def test_what_shrinks_stops_above_the_subnormals() -> None:
    assert rates(Exponential(1.0, 0.1), 60)[-1] == np.float32(2.0**-100)
    assert rates(StepDecay(1.0, 1, 0.1), 60)[-1] == np.float32(2.0**-100)


def pulled(weights: Any, inputs: Any, step: Any) -> Any:
    """A loss whose gradient is what the step's input says."""
    drawn = weights["w"] * inputs["g"][step % inputs["g"].shape[0]]
    return drawn.__array_namespace__().sum(drawn)


@pytest.mark.parametrize("name", ["cosine", "warm-up and linear", "step"])
def test_optimizers_follow_schedules(name: str) -> None:
    schedule, formula = SCHEDULES[name]
    w, grads = floats(3), floats(30, 3)
    at = w.astype(np.float64)
    for step, grad in enumerate(grads):
        at -= formula(step) * grad
    for optimizer in (SGD(schedule), SGD(schedule, 1e-30)):
        params = prepare(optimizer, {"w": w})
        traced = trace(training_step(pulled, optimizer), params, {"g": grads})
        plan(traced.program)
        words = traced.params.words(params), traced.inputs.words({"g": grads})
        after = traced.params.arrays(run(traced.program, 0, 30, *words, backend()).params)
        np.testing.assert_allclose(after["w"], at, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("optimizer", [SGD, Adam, AdamW])
def test_a_rate_that_does_not_change_is_the_number(optimizer: Callable[[Any], Any]) -> None:
    w, grads = floats(3), floats(20, 3)
    found = []
    for rate in (0.25, Exponential(0.25, 1.0)):
        used = optimizer(rate)
        params = prepare(used, {"w": w})
        traced = trace(training_step(pulled, used), params, {"g": grads})
        words = traced.params.words(params), traced.inputs.words({"g": grads})
        after = traced.params.arrays(run(traced.program, 0, 20, *words, backend()).params)
        found.append(after["w"])
    np.testing.assert_allclose(found[0], found[1], rtol=1e-6)


def test_a_claim_goes_on_with_the_schedule() -> None:
    schedule = Warmup(3, Cosine(0.5, 9))
    traced = alone(schedule, 20)
    whole = rates(schedule, 20)
    words: Any = traced.params.words(schedule.state())
    parts = []
    for first, steps in [(0, 2), (2, 5), (7, 13)]:
        ran = run(traced.program, first, steps, words, [], backend())
        words = ran.params
        found = traced.outputs.arrays(ran.outputs)["rate"]
        parts.append(found[first : first + steps])
    assert np.array_equal(np.concatenate(parts), whole)


def test_refusals() -> None:
    for make in (
        lambda: Exponential(0.0, 0.5), lambda: Exponential(0.1, -1), lambda: StepDecay(0.1, 0, 0.5),
        lambda: Linear(0.1, 1 << 24), lambda: Cosine(0.1, 5, -0.1), lambda: Warmup(0, 0.1),
        lambda: Warmup(3, -0.1), lambda: Warmup(3, Warmup(3, 0.1)), lambda: Linear(float("inf"), 3),
    ):  # fmt: skip
        with pytest.raises(TraceError, match="take"):
            make()
    with pytest.raises(TraceError, match="no count:warmup; make them with prepare"):
        Warmup(3, 0.1).rate({})
