"""Traces give the reference's states at any positions, from any checkpoints, in little memory."""

import random
import threading
import weakref
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bisection.machine import Machine, Trace
from prover import record
from prover.backends import backend
from prover.checkpoints import Checkpoints
from prover.commit.keccak import Hash, keccak
from prover.errors import PositionError
from prover.machine import TensorMachine
from prover.program import Program, run_commitment
from prover.record import Recorder
from prover.reference import step
from prover.state import State
from prover.trace import TensorTrace
from tests.prover.generators import Case, cases
from tests.prover.test_execute import DATA, WEIGHTS, descent

NUMBA = backend("numba")
RUN = keccak(b"a run")
PLENTY = 1 << 30


@pytest.fixture
def cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every checkpoint is worth its time: as for programs that do more with each word."""
    monkeypatch.setattr(record, "SAVE_COST", 0)


@pytest.fixture(autouse=True)
def _small_programs(monkeypatch: pytest.MonkeyPatch) -> None:
    """A tiny program does less with each word than those that the constant is for."""
    monkeypatch.setattr(record, "SAVE_COST", 64)


def all_states(program: Program, first_step: int, start: State, length: int) -> list[Hash]:
    state = start.copy()
    commitments = [state.commitment()]
    for position in range(length):
        step(program, first_step, state, position)
        commitments.append(state.commitment())
    return commitments


def trace_of(steps: int = 2, **more: Any) -> TensorTrace:
    program = descent()
    start = State.start(program.depths, [WEIGHTS], [DATA])
    return TensorTrace(program, 1, steps, start, NUMBA, **more)


def test_the_game_can_use_them() -> None:
    machine: Machine = TensorMachine()
    trace: Trace = trace_of()
    states = trace.states(range(trace.length + 1))
    program = run_commitment(descent().id, 1)
    for position in range(trace.length):
        after = machine.step(program, position, states[position], trace.witness(position))
        assert after == states[position + 1]


@settings(max_examples=60, deadline=None)
@given(cases(), st.data())
def test_any_positions_of_any_program_in_any_order(
    tmp_path_factory: pytest.TempPathFactory, drawn: Case, data: st.DataObject
) -> None:
    program = drawn.program
    expected = all_states(program, drawn.first_step, drawn.state, 2 * program.micro_steps)
    folder = tmp_path_factory.mktemp("checkpoints")
    cost, budget = data.draw(st.sampled_from([0, 1, 64])), data.draw(st.integers(0, 9_000))
    every = data.draw(st.sampled_from([None, 0, 1]))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(record, "SAVE_COST", cost)
        recorder = Recorder(program, 2, Checkpoints(folder, budget), RUN, every=every)
        trace = TensorTrace(program, drawn.first_step, 2, drawn.state, NUMBA, recorder=recorder)
        assert trace.length == len(expected) - 1
        for _ in range(4):
            asked = sorted(data.draw(st.lists(st.integers(0, trace.length), max_size=5)))
            assert trace.states(asked) == [expected[position] for position in asked]
            for path in folder.glob("*/*.checkpoint"):
                if data.draw(st.booleans()):
                    content = bytearray(path.read_bytes())
                    content[data.draw(st.integers(0, len(content) - 1))] ^= 1
                    path.write_bytes(content)
        position = data.draw(st.integers(0, trace.length - 1))
        after = TensorMachine().step(
            run_commitment(program.id, drawn.first_step),
            position,
            expected[position],
            trace.witness(position),
        )
    assert after == expected[position + 1]


@pytest.mark.usefixtures("cheap")
def test_a_round_replays_its_part_alone() -> None:
    trace = trace_of(steps=400)
    low, high, passes = 0, trace.length, 0
    while high - low > 1:
        before = trace.replayed
        cut = [low + i * (high - low) // 4 for i in range(5)]
        trace.states(cut)
        assert trace.replayed - before <= high - low
        low, high, passes = cut[1], cut[2], passes + (trace.replayed > before)
    assert trace.replayed < 1.25 * trace.length
    assert trace.passes == passes


def test_without_checkpoints_the_first_position_is_gone_on_from(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(record, "SAVE_COST", 1 << 40)
    trace = trace_of(steps=400)
    trace.states([1_000, 1_100])
    assert trace.replayed == 1_100
    trace.states([1_000, 1_040])
    assert trace.replayed == 1_140
    trace.states([1_030, 1_035])
    assert trace.replayed == 1_175
    assert trace.state(1_030).commitment() == trace.states([1_030])[0]
    assert trace.replayed == 1_175


def test_the_next_run_of_the_same_claim_starts_from_what_was_left(tmp_path: Path) -> None:
    program = descent()
    store = Checkpoints(tmp_path, PLENTY)

    def made() -> TensorTrace:
        return trace_of(steps=100, recorder=Recorder(program, 100, store, RUN, every=10))

    before = made()
    (end,) = before.states([before.length])
    assert before.replayed == before.length
    assert store.positions(RUN) == [10 * n * program.micro_steps for n in range(1, 10)]
    again = made()
    assert again.states([again.length]) == [end]
    assert again.replayed == 10 * program.micro_steps


class Living:
    """Counts the states there are, and how many there were at most."""

    def __init__(self) -> None:
        self.now: weakref.WeakSet[State] = weakref.WeakSet()
        self.most = 0

    def add(self, state: State) -> None:
        self.now.add(state)
        self.most = max(self.most, len(self.now))


@pytest.fixture
def living(monkeypatch: pytest.MonkeyPatch) -> Living:
    counted, init = Living(), State.__init__

    def counting(self: State, *arguments: Any, **more: Any) -> None:
        init(self, *arguments, **more)
        counted.add(self)

    monkeypatch.setattr(State, "__init__", counting)
    return counted


@pytest.mark.parametrize("cost", [0, 1, 1 << 40])
def test_few_states_are_in_memory(
    living: Living, cost: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(record, "SAVE_COST", cost)
    trace = trace_of(steps=60)
    living.most = len(living.now)
    draw = random.Random(3)
    for _ in range(40):
        trace.states(sorted(draw.choices(range(trace.length + 1), k=16)))
        trace.witness(draw.randrange(trace.length))
    assert living.most <= 3  # the start, the one at work, the one to go on from
    assert len(living.now) <= 2


def test_the_start_is_copied() -> None:
    program = descent()
    start = State.start(program.depths, [WEIGHTS], [DATA])
    trace = TensorTrace(program, 1, 2, start, NUMBA)
    before = trace.states([0, trace.length])
    step(program, 1, start, 0)
    for position in (5, trace.length):
        state = trace.state(position)
        state.acc = 7
    assert trace.states([0, trace.length]) == before
    assert trace.states([5]) == trace_of().states([5])


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


def test_progress_is_told_by_training_steps() -> None:
    told: list[tuple[int, int]] = []
    trace = trace_of(steps=5, progress=lambda position, length: told.append((position, length)))
    trace.states([0, trace.length])
    steps = [(n * descent().micro_steps, trace.length) for n in range(1, 6)]
    assert set(told) <= set(steps)
    assert told == sorted(told)
    assert told[-1] == steps[-1]


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
