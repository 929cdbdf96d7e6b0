"""Traces give the reference's states at any positions, lazily; claims are what L1 derives."""

import threading
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bisection.machine import Machine, Trace
from prover.backends import backend
from prover.commit.keccak import Hash
from prover.errors import PositionError
from prover.execute import run
from prover.machine import TensorMachine, TensorTrace, describe, tensor_claim
from prover.program import Program, run_commitment
from prover.reference import step
from prover.state import State, segment_root
from tests.prover.generators import Case, cases
from tests.prover.test_execute import DATA, WEIGHTS, descent

NUMBA = backend("numba")


def all_states(program: Program, first_step: int, start: State, length: int) -> list[Hash]:
    state = start.copy()
    commitments = [state.commitment()]
    for position in range(length):
        step(program, first_step, state, position)
        commitments.append(state.commitment())
    return commitments


def trace_of(steps: int = 2, keep: int = 32) -> TensorTrace:
    program = descent()
    start = State.start(program.depths, [WEIGHTS], [DATA])
    return TensorTrace(program, 1, steps, start, NUMBA, keep=keep)


class Counting(TensorTrace):
    """Counts the micro-steps that it replays."""

    replayed = 0

    def advance(self, state: State, start: int, stop: int) -> None:
        self.replayed += stop - start
        super().advance(state, start, stop)


def test_the_game_can_use_them() -> None:
    machine: Machine = TensorMachine()
    trace: Trace = trace_of()
    states = trace.states(range(trace.length + 1))
    program = run_commitment(descent().id, 1)
    for position in range(trace.length):
        after = machine.step(program, position, states[position], trace.witness(position))
        assert after == states[position + 1]


@settings(max_examples=60)
@given(cases(), st.data())
def test_any_positions_of_any_program_in_any_order(drawn: Case, data: st.DataObject) -> None:
    program = drawn.program
    expected = all_states(program, drawn.first_step, drawn.state, 2 * program.micro_steps)
    keep = data.draw(st.integers(0, 4))
    trace = TensorTrace(program, drawn.first_step, 2, drawn.state, NUMBA, keep=keep)
    assert trace.length == len(expected) - 1
    for _ in range(4):
        asked = sorted(data.draw(st.lists(st.integers(0, trace.length), max_size=5)))
        assert trace.states(asked) == [expected[position] for position in asked]
    position = data.draw(st.integers(0, trace.length - 1))
    after = TensorMachine().step(
        run_commitment(program.id, drawn.first_step),
        position,
        expected[position],
        trace.witness(position),
    )
    assert after == expected[position + 1]


def test_a_round_replays_its_part_alone() -> None:
    program = descent()
    start = State.start(program.depths, [WEIGHTS], [DATA])
    trace = Counting(program, 0, 400, start, NUMBA)
    low, high = 0, trace.length
    costs = []
    while high - low > 1:
        before = trace.replayed
        cut = [low + i * (high - low) // 4 for i in range(5)]
        trace.states(cut)
        costs.append(trace.replayed - before)
        low, high = cut[1], cut[2]
    assert costs[0] == trace.length
    for earlier, later in pairwise(costs):
        assert later <= earlier // 4 + 1


def test_few_states_are_kept() -> None:
    trace = trace_of(keep=3)
    trace.states(range(trace.length + 1))
    assert len(trace._kept) == 3
    assert max(trace._kept) == trace.length


def test_the_start_is_copied() -> None:
    program = descent()
    start = State.start(program.depths, [WEIGHTS], [DATA])
    trace = TensorTrace(program, 1, 2, start, NUMBA)
    before = trace.states([0, trace.length])
    step(program, 1, start, 0)
    state = trace.state(trace.length)
    state.acc = 7
    assert trace.states([0, trace.length]) == before


def test_threads_take_turns() -> None:
    trace = trace_of(steps=3)
    expected = trace_of(steps=3).states(range(trace.length + 1))
    wrong: list[int] = []

    def ask(offset: int) -> None:
        positions = range(offset, trace.length + 1, 3)
        if trace.states(positions) != [expected[position] for position in positions]:
            wrong.append(offset)

    threads = [threading.Thread(target=ask, args=(offset,)) for offset in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_positions_outside() -> None:
    trace = trace_of()
    with pytest.raises(PositionError, match=f"position {trace.length + 1} is not in"):
        trace.states([0, trace.length + 1])
    with pytest.raises(PositionError, match="position 3 after 5"):
        trace.states([5, 3])
    with pytest.raises(PositionError, match=f"no step {trace.length} in"):
        trace.witness(trace.length)
    with pytest.raises(PositionError, match="position -1"):
        trace.state(-1)


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
