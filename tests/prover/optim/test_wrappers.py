"""Gradients clipped, steps counted, nesterov and decay: by hand, and against torch."""

from collections.abc import Callable, Mapping
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
    Clipped,
    Cosine,
    Counted,
    Optimizer,
    TraceError,
    Warmup,
    dropout,
    namespace_of,
    prepare,
    trace,
    training_step,
)
from tests.prover.nn.against import torch_or_skip
from tests.prover.traced import floats

Arrays = dict[str, NDArray[Any]]
WEIGHTS: Arrays = {"w": floats(3, 4), "b": floats(4)}


def pulled(weights: Any, inputs: Any, step: Any) -> Any:
    """A loss whose gradients are what the step's inputs say."""
    parts = []
    for name in ("w", "b"):
        drawn = weights[name] * inputs[name][step % inputs[name].shape[0]]
        parts.append(namespace_of(drawn).sum(drawn))
    return parts[0] + parts[1]


def grads(steps: int) -> Arrays:
    """Gradients of very different sizes from step to step."""
    size = np.float32(10.0) ** floats(steps)
    return {"w": floats(steps, 3, 4) * size[:, None, None], "b": floats(steps, 4) * size[:, None]}


def follow(
    optimizer: Optimizer, steps: int, given: Mapping[str, Any], used: str = "numba"
) -> Arrays:
    """The params after some steps."""
    params = prepare(optimizer, WEIGHTS)
    traced = trace(training_step(pulled, optimizer), params, given)
    plan(traced.program)
    words = traced.params.words(params), traced.inputs.words(given)
    return traced.params.arrays(run(traced.program, 0, steps, *words, backend(used)).params)


def follow_torch(
    make: Callable[[Any], Any],
    steps: int,
    given: Mapping[str, Any],
    before: Callable[[Any, list[Any]], None] = lambda torch, params: None,
    rate: Callable[[int], float] | None = None,
) -> Arrays:
    """torch's weights after the same, in float64; `before` changes gradients."""
    torch = torch_or_skip()
    params = {name: torch.tensor(one.astype(np.float64)) for name, one in WEIGHTS.items()}
    optimizer = make(list(params.values()))
    for step in range(steps):
        for name, param in params.items():
            param.grad = torch.tensor(given[name][step].astype(np.float64))
        before(torch, list(params.values()))
        if rate is not None:
            optimizer.param_groups[0]["lr"] = rate(step)
        optimizer.step()
    return {name: one.numpy() for name, one in params.items()}


def same(ours: Arrays, theirs: Arrays) -> None:
    for name, one in theirs.items():
        moved = float(np.abs(one - WEIGHTS[name]).max())
        assert moved > 1e-3
        np.testing.assert_allclose(ours[name], one, rtol=2e-5, atol=1e-4 * moved)


def rising(step: int) -> float:
    return 0.01 * min(1, (step + 1) / 10)


OPTIMIZERS: dict[str, tuple[Optimizer, Callable[[Any], Callable[[Any], Any]]]] = {
    "nesterov": (
        SGD(0.01, 0.9, nesterov=True),
        lambda torch: lambda p: torch.optim.SGD(p, 0.01, 0.9, nesterov=True),
    ),
    "decay": (
        SGD(0.01, weight_decay=0.3),
        lambda torch: lambda p: torch.optim.SGD(p, 0.01, weight_decay=0.3),
    ),
    "both": (
        SGD(0.01, 0.5, nesterov=True, weight_decay=0.3),
        lambda torch: lambda p: torch.optim.SGD(p, 0.01, 0.5, nesterov=True, weight_decay=0.3),
    ),
    "adamw": (AdamW(0.01), lambda torch: lambda p: torch.optim.AdamW(p, 0.01)),
}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_optimizers_are_torchs(name: str) -> None:
    ours, theirs = OPTIMIZERS[name]
    given = grads(25)
    same(follow(ours, 25, given), follow_torch(theirs(torch_or_skip()), 25, given))


def test_adamw_decays_by_the_rate_of_the_step() -> None:
    torch = torch_or_skip()
    given = grads(25)
    theirs = follow_torch(
        lambda p: torch.optim.AdamW(p, 0.01, weight_decay=0.5), 25, given, rate=rising
    )
    same(follow(AdamW(Warmup(10, 0.01), weight_decay=0.5), 25, given), theirs)


def test_clipping_is_torchs() -> None:
    torch = torch_or_skip()
    utils = torch.nn.utils
    given = grads(25)
    sgd = lambda p: torch.optim.SGD(p, 0.05, 0.5)  # noqa: E731 - as the cases above
    same(
        follow(Clipped(SGD(0.05, 0.5), norm=2.5), 25, given),
        follow_torch(sgd, 25, given, lambda _, p: utils.clip_grad_norm_(p, 2.5)),
    )
    same(
        follow(Clipped(SGD(0.05, 0.5), value=0.7), 25, given),
        follow_torch(sgd, 25, given, lambda _, p: utils.clip_grad_value_(p, 0.7)),
    )
    same(
        follow(Clipped(Adam(0.05), 2.5, 0.7), 25, given),
        follow_torch(
            lambda p: torch.optim.Adam(p, 0.05), 25, given,
            lambda _, p: (utils.clip_grad_norm_(p, 2.5), utils.clip_grad_value_(p, 0.7))[0],
        ),
    )  # fmt: skip


def test_small_gradients_are_not_clipped() -> None:
    given = {"w": np.full((1, 3, 4), 0.25, np.float32), "b": np.zeros((1, 4), np.float32)}
    for clipped in (Clipped(SGD(1.0), norm=1.0), Clipped(SGD(1.0), value=0.25)):
        after = follow(clipped, 1, given)
        assert np.array_equal(after["w"], WEIGHTS["w"] - np.float32(0.25))
        assert np.array_equal(after["b"], WEIGHTS["b"])


@pytest.mark.parametrize(
    "optimizer",
    [
        Clipped(SGD(Cosine(0.1, 9), 0.9, nesterov=True, weight_decay=0.1), 1.0, 0.5),
        Counted(Clipped(AdamW(Warmup(2, Cosine(0.1, 9))), 1.0)),
    ],
)
def test_plain_and_reference_do_the_same(optimizer: Optimizer) -> None:
    given = grads(6)
    found = follow(optimizer, 6, given)
    slow = follow(optimizer, 6, given, "reference")
    params = prepare(optimizer, WEIGHTS)
    for step in range(6):
        params |= optimizer.update(params, {name: given[name][step] for name in WEIGHTS})
    for name, one in found.items():
        assert np.array_equal(one.view(np.uint32), slow[name].view(np.uint32)), name
        np.testing.assert_allclose(one, params[name], rtol=1e-4, atol=1e-6)


def test_updates_run_on_torchs_arrays() -> None:
    torch = torch_or_skip()
    optimizer = Counted(Clipped(AdamW(Warmup(2, Cosine(0.1, 9))), 1.0, 0.5))
    given = grads(6)
    params = {name: torch.tensor(one) for name, one in prepare(optimizer, WEIGHTS).items()}
    for step in range(6):
        params |= optimizer.update(
            params, {name: torch.tensor(given[name][step]) for name in WEIGHTS}
        )
    for name, one in follow(optimizer, 6, given).items():
        np.testing.assert_allclose(one, params[name].numpy(), rtol=1e-4, atol=1e-6)


def test_a_loss_draws_anew_at_every_step() -> None:
    optimizer = Counted(SGD(0.5))
    inputs = {"key": np.array([3, -9], np.int32)}
    weights = {"w": np.ones(400, np.float32)}

    def loss(weights: Any, inputs: Any, step: Any) -> Any:
        kept = dropout(weights["w"], 0.5, inputs["key"], weights["count:step"])
        return namespace_of(kept).mean(kept)

    params = prepare(optimizer, weights)
    traced = trace(training_step(loss, optimizer), params, inputs, per_step={"loss": 4})
    plan(traced.program)
    words = traced.params.words(params), traced.inputs.words(inputs)
    ran = run(traced.program, 0, 4, *words, backend())
    after = traced.params.arrays(ran.params)
    assert after["count:step"] == 4
    losses = traced.outputs.arrays(ran.outputs)["loss"]
    assert len({*losses.tolist()}) == 4
    kept = [loss({**params, "count:step": np.int32(step)}, inputs, 0) for step in range(4)]
    np.testing.assert_allclose(losses, kept, rtol=1e-2)
    drawn = 4 - np.round((weights["w"] - after["w"]) * 400)  # how often each was dropped
    assert sorted({*drawn.tolist()}) == [0, 1, 2, 3, 4]


def test_refusals() -> None:
    for make in (
        lambda: Clipped(SGD(0.1), norm=0.0), lambda: Clipped(SGD(0.1), value=float("inf")),
        lambda: SGD(0.1, weight_decay=-1), lambda: SGD(0.1, nesterov=True),
        lambda: AdamW(weight_decay=float("nan")),
    ):  # fmt: skip
        with pytest.raises(TraceError, match="take"):
            make()
    with pytest.raises(TraceError, match="give a norm or a value"):
        Clipped(SGD(0.1))
