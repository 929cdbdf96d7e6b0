"""Claims are what L1 derives from what a run leaves; places are described for people."""

import pytest

from prover.backends import backend
from prover.errors import PositionError
from prover.execute import run
from prover.machine import describe, tensor_claim
from prover.program import run_commitment
from prover.state import State, segment_root
from prover.trace import TensorTrace
from tests.prover.test_execute import DATA, WEIGHTS, descent

NUMBA = backend("numba")


def test_a_claim_is_what_its_run_gives() -> None:
    program = descent()
    depths = program.depths
    result = run(program, 5, 3, [WEIGHTS], [DATA], NUMBA)
    claim = tensor_claim(
        program.id,
        program.micro_steps,
        depths,
        first_step=5,
        steps=3,
        params=segment_root([WEIGHTS], depths.params),
        inputs=segment_root([DATA], depths.inputs),
        params_after=result.params_root,
        outputs=result.outputs_root,
    )
    start = State.start(depths, [WEIGHTS], [DATA])
    trace = TensorTrace(program, 5, 3, start, NUMBA)
    assert claim.length == trace.length
    assert trace.states([0, trace.length]) == [claim.pre, claim.post]
    assert claim.program == run_commitment(program.id, 5)


@pytest.mark.parametrize("steps", [0, 1 << 62])
def test_no_claim_is_empty_or_endless(steps: int) -> None:
    program, root = descent(), segment_root([], 0)
    with pytest.raises(PositionError, match="make no claim"):
        tensor_claim(
            program.id,
            program.micro_steps,
            program.depths,
            first_step=0,
            steps=steps,
            params=root,
            inputs=root,
            params_after=root,
            outputs=root,
        )


def test_places_are_described() -> None:
    program = descent(names=("sum", "scale", "layer1.update[3]", "loss"))
    assert str(describe(program, 4, 9 + 2)) == (
        "training step 5, row 0 sum, sum of element [0], fold 2 of 4"
    )
    assert str(describe(program, 4, 6)) == (
        "training step 4, row 2 layer1.update[3], fma of element [1]"
    )
