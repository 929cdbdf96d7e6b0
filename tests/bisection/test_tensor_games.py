"""The same game on the real machine: random tensor programs, hostile ones too, and real faults."""

import random
from collections.abc import Iterator
from itertools import islice

import pytest

from bisection.game import Prove, Rules, Side, Status
from bisection.machine import Claim, ClaimId, Trace
from prover.backends import backend
from prover.commit.keccak import keccak
from prover.machine import TensorMachine
from prover.program import run_commitment
from prover.state import State
from prover.trace import TensorTrace
from tests.bisection.liars import LIARS, BaseLiar
from tests.bisection.table import (
    CHALLENGER,
    DEFENDER,
    WON,
    ModelTable,
    ceil_log,
    honest_action,
    lie,
    play,
)
from tests.prover.generators import Case, Seeded, case

REFERENCE = backend("reference")
RULES = Rules(k=4, clock=1_000, grace=100)


class FaultyTrace(TensorTrace):
    """A run in which one step leaves one bit of the accumulator wrong, and all others are right."""

    fault = 0
    """The position whose state is the first wrong one."""

    def advance(self, state: State, start: int, stop: int) -> None:
        if start < self.fault <= stop:
            super().advance(state, start, self.fault)
            state.acc ^= 1
            start = self.fault
        super().advance(state, start, stop)


def claim_of(drawn: Case, trace: Trace, *, true: bool = True) -> Claim:
    """What `trace` says of the case, or a lie about it."""
    pre, post = trace.states([0, trace.length])
    program = run_commitment(drawn.program.id, drawn.first_step)
    end = post if true else lie(post)
    name = ClaimId(keccak(program + end))
    return Claim(1, name, program, pre, end, trace.length, DEFENDER)


def truth_of(drawn: Case) -> TensorTrace:
    return TensorTrace(drawn.program, drawn.first_step, 2, drawn.state, REFERENCE)


@pytest.mark.parametrize("honest", Side)
def test_the_truth_wins_on_random_programs(honest: Side) -> None:
    for seed in range(2 * len(LIARS)):
        drawn = case(Seeded([seed, 1]))
        truth = truth_of(drawn)
        claim = claim_of(drawn, truth, true=honest is Side.DEFENDER)
        kind: type[BaseLiar] = LIARS[seed % len(LIARS)]
        table = ModelTable(claim, CHALLENGER, RULES, machine=TensorMachine())
        result = play(table, honest, truth, kind(truth, random.Random(seed)))
        if result.status is not Status.UNOPENED:
            assert result.status is WON[honest]
            assert result.dissections <= ceil_log(claim.length, RULES.k)


def faults() -> Iterator[tuple[Case, TensorTrace, FaultyTrace]]:
    """Runs with one fault that reaches the end; a masked one makes no false claim."""
    for seed in range(1_000):
        drawn = case(Seeded([seed, 2]))
        truth = truth_of(drawn)
        faulty = FaultyTrace(drawn.program, drawn.first_step, 2, drawn.state, REFERENCE)
        faulty.fault = random.Random(seed).randrange(1, truth.length + 1)
        end = [truth.length]
        if truth.length > 1 and truth.states(end) != faulty.states(end):
            yield drawn, truth, faulty


@pytest.mark.parametrize("honest", Side)
def test_a_fault_is_proven_where_it_happened(honest: Side) -> None:
    proven, stuck = 0, 0
    for drawn, truth, faulty in islice(faults(), 40):
        says = {honest: truth, honest.other: faulty}
        claim = claim_of(drawn, says[Side.DEFENDER])
        table = ModelTable(claim, CHALLENGER, RULES, machine=TensorMachine())
        while table.state.status in (Status.UNOPENED, Status.PLAYING):
            view = table.view(table.state.turn)
            action = honest_action(view, says[table.state.turn])
            start = view.last.dissection if view.posted else None
            error = table.act(table.state.turn, action)
            if error is not None:
                assert (error, view.side) == ("StepHolds", honest.other)
                stuck += 1
                break
            if isinstance(action, Prove):
                assert start is not None
                assert start.bounds(action.opening.part) == (faulty.fault - 1, 1)
                assert table.state.status is WON[honest]
                proven += 1
    print(f"honest {honest.name.lower()}: {proven} faults proven, {stuck} liars stuck")
    assert proven + stuck == 40
    assert min(proven, stuck) > 5
