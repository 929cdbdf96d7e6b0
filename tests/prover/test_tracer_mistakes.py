"""Common mistakes in a function to be traced: each is told with what to do instead."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from prover.tracer import TraceError, dropout, trace, training_step
from tests.prover.traced import floats, program_of

A = floats(3, 4)


def namespace(x: Any) -> Any:
    return x.__array_namespace__()


@pytest.fixture
def torch() -> Any:
    return pytest.importorskip(
        "torch", reason="torch is not installed: pip install plumbline[torch]"
    )


COMPUTED: list[Callable[[Any, Any], Any]] = [
    lambda x, step: x * [1.0, 2.0][step],
    lambda x, step: x * step,
    lambda x, step: x * (step % 3),
    lambda x, step: x * 0.9**step,
    lambda x, step: x * (step + 1),
    lambda x, step: x if step < 10 else -x,
    lambda x, step: x if step == 0 else -x,
    lambda x, step: x if step % 2 == 0 else -x,
    lambda x, step: x if step % 2 else -x,
    lambda x, step: x / float(step),
    lambda x, step: x * namespace(x).asarray(step),
    lambda x, step: dropout(x, 0.5, namespace(x).asarray([1, 2]), step),
]


@pytest.mark.parametrize("how", COMPUTED, ids=range(len(COMPUTED)))
def test_nothing_is_computed_with_the_step(how: Callable[[Any, Any], Any]) -> None:
    with pytest.raises(TraceError, match=r'no number while .* params\["count:step"\]'):
        trace(lambda p, i, s: ({}, {"x": how(i["x"], s)}), {}, {"x": A})


def test_what_belongs_to_plain_arrays_is_refused_with_what_to_use(torch: Any) -> None:
    x = torch.ones(3, 4)

    def overwritten(a: Any) -> Any:
        a[0] = 1.0
        return a

    for error, why, function in (
        (AttributeError, r"no sum; call xp.sum, with xp = namespace_of\(x\)", lambda a: a.sum()),
        (AttributeError, "no sort; sort cannot be traced; sort outside", lambda a: a.sort()),
        (AttributeError, "no item; use functions of the array API", lambda a: a.item()),
        (TraceError, "np.sum takes no traced arrays; use functions", np.sum),
        (TraceError, "torch's relu takes no traced arrays; use functions", torch.relu),
        (TraceError, "takes no traced arrays", lambda a: x * a),
        (TraceError, "not written in place", overwritten),
    ):
        with pytest.raises(error, match=why):
            program_of(function, A)


def test_a_training_step_that_is_none(torch: Any) -> None:
    def stepped(loss: Callable[[Any], Any], optimizer: Any = 0.1) -> None:
        trace(training_step(lambda p, i, s: loss(p["w"]), optimizer), {"w": A}, {})

    with pytest.raises(TraceError, match="traced scalar, not of float"):
        stepped(lambda w: 3.0)
    with pytest.raises(TraceError, match=r"not of float32 of shape \(3, 4\); take the sum"):
        stepped(lambda w: w)
    with pytest.raises(TraceError, match=r"float32 scalar, not of int32 of shape \(\)"):
        stepped(lambda w: namespace(w).sum(namespace(w).astype(w, np.int32)))
    with pytest.raises(TraceError, match="str is no optimizer; give a rate"):
        stepped(lambda w: w[0, 0], "adam")
    with pytest.raises(TraceError, match=r"torch.optim.sgd.SGD is no optimizer"):
        stepped(lambda w: w[0, 0], torch.optim.SGD([torch.ones(1, requires_grad=True)]))
    with pytest.raises(TraceError, match=r"returns \(params, outputs\), .* not Array"):
        trace(lambda p, i, s: p["w"], {"w": A}, {})
    with pytest.raises(TraceError, match=r"not \(dict, Array\)"):
        trace(lambda p, i, s: ({}, p["w"]), {"w": A}, {})


def test_arrays_of_other_kinds_are_named(torch: Any) -> None:
    for given, why in (
        (A.astype(np.float64), "x: float64 is no dtype of the tensor machine; use float32"),
        (np.ones(3, np.int64), "x: int64 is no dtype of the tensor machine; use int32"),
        (torch.ones(3), "x: torch.float32 is no dtype of NumPy"),
        ([1.0, 2.0], "x is no array, but list"),
    ):
        with pytest.raises(TraceError, match=why):
            trace(lambda p, i, s: ({}, {"y": i["x"]}), {}, {"x": given})


def test_a_loss_of_no_param_is_refused() -> None:
    with pytest.raises(TraceError, match=r"depends on none of \['w'\]"):
        trace(training_step(lambda p, i, step: i["x"][0, 0], 0.1), {"w": A}, {"x": A})
