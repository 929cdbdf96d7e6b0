"""What a dispute makes an honest party recompute, in micro-steps of a run of whole games."""

import random
from collections.abc import Callable
from pathlib import Path

import pytest

from bisection.game import Rules, Side, Status
from bisection.machine import Claim, ClaimId
from bisection.replay import SharedTrace
from bisection.watcher import Verdict, judge
from prover import record
from prover.backends import backend
from prover.checkpoints import Checkpoints
from prover.commit.keccak import Hash, keccak
from prover.machine import TensorMachine
from prover.program import run_commitment
from prover.record import Recorder
from prover.record import run as record_run
from prover.state import State
from prover.trace import TensorTrace
from tests.bisection.table import CHALLENGER, DEFENDER, WON, ModelTable, honest_action
from tests.prover.test_execute import DATA, WEIGHTS, descent

NUMBA = backend("numba")
PROGRAM = descent(rate=0.001)
RULES = Rules(k=16, clock=1_000, grace=100)
RUN = keccak(b"the run in dispute")
STEPS = 2_000
Made = Callable[[], Recorder]


@pytest.fixture(autouse=True)
def _small_programs(monkeypatch: pytest.MonkeyPatch) -> None:
    """A tiny program does less with each word than those that the constant is for."""
    monkeypatch.setattr(record, "SAVE_COST", 16)


class LyingTrace(TensorTrace):
    """A run in which one accumulator has a bit wrong."""

    fault = 0

    def advance(self, state: State, start: int, stop: int) -> None:
        if start < self.fault <= stop:
            super().advance(state, start, self.fault)
            state.acc ^= 1 << 22
            start = self.fault
        super().advance(state, start, stop)


def trace_of(kind: type[TensorTrace], steps: int, recorder: Recorder | None = None) -> TensorTrace:
    start = State.start(PROGRAM.depths, [WEIGHTS], [DATA])
    return kind(PROGRAM, 0, steps, start, NUMBA, recorder=recorder)


def dispute(
    honest: Side, steps: int, seed: int, recorder: Recorder | None = None, *, judged: bool = False
) -> TensorTrace:
    """The honest party's trace after a game against a liar, which it won."""
    truth, lying = trace_of(TensorTrace, steps, recorder), trace_of(LyingTrace, steps)
    assert isinstance(lying, LyingTrace)
    # Inside the fold of the first row, so that the accumulator counts.
    lying.fault = random.Random(seed).randrange(steps) * PROGRAM.micro_steps + 2
    says = {honest: SharedTrace(truth), honest.other: SharedTrace(lying)}
    claim = claim_of(trace_of(TensorTrace, steps) if honest is Side.DEFENDER else lying)
    table = ModelTable(claim, CHALLENGER, RULES, machine=TensorMachine())
    if judged:
        assert judge(claim, says[honest]).verdict is Verdict.INVALID
        truth.replayed = truth.passes = 0
    while table.state.status in (Status.UNOPENED, Status.PLAYING):
        turn = table.state.turn
        error = table.act(turn, honest_action(table.view(turn), says[turn]))
        if error is not None:  # the liar's proof of a true step
            assert (error, turn) == ("StepHolds", honest.other)
            return truth
    assert table.state.status is WON[honest]
    return truth


def claim_of(said: TensorTrace) -> Claim:
    pre, post = said.states([0, said.length])
    program = run_commitment(PROGRAM.id, 0)
    return Claim(1, ClaimId(keccak(post)), program, pre, post, said.length, DEFENDER)


@pytest.mark.parametrize("honest", Side)
@pytest.mark.parametrize("steps", [STEPS, 700])
def test_a_party_that_kept_nothing_replays_the_run_once_and_a_quarter(
    honest: Side, steps: int
) -> None:
    for seed in range(12):
        truth = dispute(honest, steps, seed)
        assert truth.replayed <= 1.25 * truth.length
        assert truth.passes <= 8


@pytest.mark.parametrize("honest", Side)
def test_a_party_with_checkpoints_replays_a_fraction(honest: Side, tmp_path: Path) -> None:
    def recorder() -> Recorder:
        return Recorder(PROGRAM, STEPS, Checkpoints(tmp_path, 1 << 20), RUN, every=STEPS // 250)

    record_run(PROGRAM, 0, STEPS, [WEIGHTS], [DATA], NUMBA, recorder(), finite=False)
    folder = list(tmp_path.glob("*/*"))
    for seed in range(12):
        for path in set(tmp_path.glob("*/*")) - set(folder):
            path.unlink()  # what the last game left
        truth = dispute(honest, STEPS, seed, recorder())
        assert 0 < truth.replayed <= 0.25 * truth.length


def test_judging_a_claim_leaves_what_the_dispute_needs() -> None:
    for seed in range(12):
        recorder = Recorder(PROGRAM, STEPS, every=STEPS // 250)
        truth = dispute(Side.CHALLENGER, STEPS, seed, recorder, judged=True)
        assert 0 < truth.replayed <= 0.25 * truth.length


@pytest.mark.parametrize("steps", [1, 2, 30, STEPS])
@pytest.mark.parametrize("honest", Side)
def test_nothing_can_be_kept_on_disk(honest: Side, steps: int, tmp_path: Path) -> None:
    """Then the state in memory bounds it, whatever the claim's shape: 1 + 16/15 and the edges."""
    for seed in range(6):
        recorder = Recorder(PROGRAM, steps, Checkpoints(tmp_path, 0), RUN)
        truth = dispute(honest, steps, seed, recorder)
        assert truth.replayed <= 2.25 * truth.length + PROGRAM.micro_steps


def test_many_games_cost_little_more_than_one() -> None:
    """A defender's replay serves all who doubt: each asks between other positions."""
    truth = trace_of(TensorTrace, STEPS)
    shared = SharedTrace(truth)
    ends: set[Hash] = set()
    for seed in range(8):
        low, high = 0, truth.length
        draw = random.Random(seed)
        while high - low > 1:
            cut = [low + i * (high - low) // 16 for i in range(17)]
            cut = sorted(set(cut))
            ends.update(shared.states(cut))
            part = draw.randrange(len(cut) - 1)
            low, high = cut[part : part + 2]
    assert truth.replayed <= 1.5 * truth.length
    assert len(ends) > 100
