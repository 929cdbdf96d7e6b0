"""Each training example follows the same function trained by torch, loss by loss, and learns."""

from typing import Final

import numpy as np
import pytest

from bench._torch import Training
from prover.backends import backend
from prover.execute import run
from tests.examples.cases import CASES

STEPS: Final = 20
"""At the least."""
APART: Final = 1e-3
"""How far weights may lie apart, over how far the one that moved most has moved."""
TRAINED: Final = [name for name, case in CASES.items() if case.curve]


@pytest.mark.parametrize("name", TRAINED)
def test_losses_are_torchs(name: str) -> None:
    """The same plain function, on a trace and on torch's float32 tensors, from the same weights."""
    torch = pytest.importorskip(
        "torch", reason="torch is not installed: pip install plumbline[torch]"
    )
    case = CASES[name]
    assert case.curve is not None
    example = case.curve()
    assert example.optimizer is not None
    assert example.kept >= STEPS
    traced = example.program()
    params, inputs = traced.params.words(example.params()), traced.inputs.words(example.inputs)
    made = run(traced.program, 0, example.kept, params, inputs, backend("numba"))
    ours = traced.outputs.arrays(made.outputs)["loss"]

    peer = Training(torch, example.function, example.weights, example.inputs, example.optimizer)
    theirs = np.array([float(peer.step()) for _ in range(example.kept)], np.float32)
    np.testing.assert_allclose(ours, theirs, rtol=case.rtol)
    trained = traced.params.arrays(made.params)
    moved = max(float(np.abs(trained[key] - one).max()) for key, one in example.weights.items())
    assert moved > 0
    for key, tensor in peer.weights.items():
        np.testing.assert_allclose(trained[key], tensor.detach().numpy(), atol=APART * moved)
    assert ours[-10:].mean() < 0.9 * ours[:10].mean()
