"""Execution from any position to any other, and honest workers stop at NaN and Inf."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prover.backends import Backend, backend
from prover.errors import NotFiniteError, PositionError
from prover.execute import advance, row_name, run
from prover.ops import Opcode
from prover.program import Program
from prover.row import Operand, Row, Segment, register_id
from prover.state import State, segment_root
from tests.prover.generators import Case, cases
from tests.prover.replay import DEPTHS, by_steps, compare, difference, floats, reads

NUMBA = backend("numba")
REFERENCE = backend("reference")
P0, P1 = register_id(Segment.PARAMS, 0), register_id(Segment.PARAMS, 1)
X = register_id(Segment.INPUTS, 0)
OUT = register_id(Segment.OUTPUTS, 0)
TEMPORARY = register_id(Segment.SCRATCH, 0)


def descent(rate: float = 0.5, names: tuple[str, ...] = ()) -> Program:
    """w += rate * sum(x of this step) * w, of three weights; the sum is reported."""
    (word,) = floats(rate)
    batch = reads(X, 12, (0, 0, 0, 0), fold=1, modulus=3, turn=4)
    return Program.of(
        [
            Row(Opcode.SUM, TEMPORARY, 1, (1, 1, 1, 1), 4, (batch,)),
            Row(
                Opcode.MUL, TEMPORARY, 1, (1, 1, 1, 1), 1,
                (reads(TEMPORARY, 1, (0, 0, 0, 0)), Operand.immediate(int(word))),
            ),
            Row(
                Opcode.FMA, P0, 3, (1, 1, 1, 3), 1,
                (reads(P0, 3), reads(TEMPORARY, 1, (0, 0, 0, 0)), reads(P0, 3)),
            ),
            Row(Opcode.MOVE, OUT, 1, (1, 1, 1, 1), 1, (reads(TEMPORARY, 1),)),
        ],
        DEPTHS,
        names,
    )  # fmt: skip


WEIGHTS = floats(1, 2, 3)
DATA = floats(0.5, 0.5, 0.5, 0.5, -1, 0, 0, 0, 0.25, 0, 0.75, 0)


@pytest.mark.parametrize("used", [NUMBA, REFERENCE])
def test_a_claim_by_hand(used: Backend) -> None:
    result = run(descent(), 0, 4, [WEIGHTS], [DATA], used)
    # Sums 2, -1, 1, 2 by batches 0, 1, 2, 0: factors 2, 1/2, 3/2, 2.
    assert result.params[0].view(np.float32).tolist() == [3.0, 6.0, 9.0]
    assert result.outputs[0].view(np.float32).tolist() == [1.0]
    assert result.params_root == segment_root(result.params, DEPTHS.params)
    assert result.outputs_root == segment_root(result.outputs, DEPTHS.outputs)
    assert WEIGHTS.view(np.float32).tolist() == [1.0, 2.0, 3.0]


def test_later_first_steps_take_later_batches() -> None:
    one = run(descent(), 0, 3, [WEIGHTS], [DATA], NUMBA)
    two = run(descent(), 3, 1, one.params, [DATA], NUMBA)
    whole = run(descent(), 0, 4, [WEIGHTS], [DATA], NUMBA)
    assert two.params_root == whole.params_root
    far = run(descent(), 3 << 60, 4, [WEIGHTS], [DATA], NUMBA)
    assert far.params_root == whole.params_root


@pytest.mark.parametrize("used", [NUMBA, REFERENCE])
def test_every_pair_of_positions(used: Backend) -> None:
    program = descent()
    end = 2 * program.micro_steps
    start = State.start(DEPTHS, [WEIGHTS], [DATA])
    for middle in range(end + 1):
        compare(program, 1, start, [0, middle, end], used)


@settings(max_examples=60)
@given(cases(), st.data())
def test_the_reference_backend_is_the_reference(drawn: Case, data: st.DataObject) -> None:
    end = 2 * drawn.program.micro_steps
    cuts = sorted(data.draw(st.lists(st.integers(0, end), min_size=1, max_size=3)))
    compare(drawn.program, drawn.first_step, drawn.state, [0, *cuts, end], REFERENCE)


def test_standing_still_changes_nothing() -> None:
    state = State.start(DEPTHS, [WEIGHTS], [DATA])
    by_steps(descent(), 0, state, 0, 3)
    before = state.copy()
    advance(descent(), 0, state, 3, 3, NUMBA)
    assert difference(before, state) is None


def test_positions_ascend() -> None:
    state = State.start(DEPTHS, [WEIGHTS], [DATA])
    with pytest.raises(PositionError, match="from position 4 to 2"):
        advance(descent(), 0, state, 4, 2, NUMBA)
    with pytest.raises(PositionError, match="at least one training step, not 0"):
        run(descent(), 0, 0, [WEIGHTS], [DATA], NUMBA)


def test_progress_is_told_after_each_training_step() -> None:
    told: list[int] = []
    program = descent()
    run(program, 0, 3, [WEIGHTS], [DATA], NUMBA, progress=told.append)
    assert told == [program.micro_steps * done for done in (1, 2, 3)]


def test_an_honest_worker_stops_at_inf_and_names_the_place() -> None:
    program = descent(2e38, ("sum", "scale", "layer1.update[3]", "loss"))
    with pytest.raises(
        NotFiniteError, match=r"inf in element 0 of row 2 \(layer1.update\[3\]\) in"
    ):
        run(program, 0, 4, [WEIGHTS], [DATA], NUMBA)
    unchecked = run(program, 0, 4, [WEIGHTS], [DATA], NUMBA, finite=False)
    assert not np.isfinite(unchecked.params[0].view(np.float32)).any()


def test_an_honest_worker_stops_at_nan_in_the_middle_of_a_register() -> None:
    program = descent()
    weights = floats(1, float("nan"), 1)
    with pytest.raises(
        NotFiniteError, match=r"nan in element 1 of row 2 \(fma\) in training step 7"
    ):
        run(program, 7, 1, [weights], [DATA], NUMBA)


def test_masks_and_integers_may_look_like_nan() -> None:
    program = Program.of(
        [
            Row(Opcode.LT, P1, 3, (1, 1, 1, 3), 1, (Operand.immediate(0), reads(P0, 3))),
            Row(Opcode.SUB, TEMPORARY, 3, (1, 1, 1, 3), 1, (reads(P1, 3), reads(P1, 3))),
        ],
        DEPTHS,
    )
    result = run(program, 0, 1, [WEIGHTS], [], NUMBA)
    assert result.params[1].tolist() == [0xFFFFFFFF] * 3


def test_rows_have_names() -> None:
    assert row_name(descent(), 1) == "mul"
    assert row_name(descent(names=("a", "b", "c", "d")), 1) == "b"
    assert row_name(Program((bytes(160), *descent().packed), DEPTHS), 0) == "undecodable"
