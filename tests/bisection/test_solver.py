"""The solver's four rules, what each is for, and what it refuses to answer."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bisection import solver
from bisection.alphabet import AlphabetMachine, AlphabetTrace
from bisection.dissection import Dissection, cut
from bisection.errors import DissectionMismatch, NothingToAnswer, TraceMismatch
from bisection.game import (
    Move,
    Proof,
    Rules,
    Side,
    Status,
    answering_action,
    unopened,
)
from prover.commit.keccak import Hash
from tests.bisection.table import CHALLENGER, PRE, ModelTable, claim_of, honest_action, lie

K = 4
TRUTH = AlphabetTrace(PRE, 64)


class Counted:
    """The truth, with what was asked for."""

    def __init__(self, trace: AlphabetTrace) -> None:
        self.trace = trace
        self.asked: list[list[int]] = []

    @property
    def length(self) -> int:
        return self.trace.length

    def states(self, positions: Sequence[int]) -> list[Hash]:
        assert list(positions) == sorted(set(positions))
        self.asked.append(list(positions))
        return self.trace.states(positions)

    def witness(self, position: int) -> bytes:
        return self.trace.witness(position)


def dissection(start: int, length: int, wrong: set[int], k: int = K) -> Dissection:
    """True values but those numbered in `wrong`."""
    values = TRUTH.states(cut(start, length, k))
    return Dissection(
        start, length, tuple(lie(v) if i in wrong else v for i, v in enumerate(values))
    )


def test_an_opening_is_one_pass_over_the_run() -> None:
    trace = Counted(TRUTH)
    opened = solver.opening(claim_of(64, true=False), trace, K)
    assert opened == dissection(0, 64, set())
    assert trace.asked == [[0, 16, 32, 48, 64]]


def test_a_claim_of_one_step_is_opened_by_a_proof() -> None:
    assert solver.opening(claim_of(1, true=False), AlphabetTrace(PRE, 1), K) == Proof(0, b"")


def test_an_answer_is_a_pass_to_compare_and_one_to_post() -> None:
    trace = Counted(TRUTH)
    answer = solver.respond(dissection(16, 16, {2, 4}), trace, K)
    assert answer == Move(1, dissection(20, 4, set()))
    assert trace.asked == [[16, 20, 24, 28, 32], [20, 21, 22, 23, 24]]


@given(st.sets(st.integers(1, K), min_size=1))
def test_the_first_wrong_value_is_answered(wrong: set[int]) -> None:
    answer = solver.respond(dissection(0, 64, wrong), TRUTH, K)
    assert answer.part == min(wrong) - 1


@given(st.sets(st.integers(1, K), min_size=1), st.integers(0, 60))
def test_a_part_of_one_step_is_proven(wrong: set[int], start: int) -> None:
    answer = solver.respond(dissection(start, 4, wrong), TRUTH, K)
    assert answer == Proof(min(wrong) - 1, b"")


def test_nothing_wrong_is_nothing_to_answer() -> None:
    with pytest.raises(NothingToAnswer):
        solver.respond(dissection(0, 64, set()), TRUTH, K)
    with pytest.raises(NothingToAnswer):
        solver.opening(claim_of(64, true=True), TRUTH, K)


def test_a_replay_of_another_run_is_not_played() -> None:
    with pytest.raises(TraceMismatch):
        solver.respond(dissection(16, 16, {0, 4}), TRUTH, K)
    with pytest.raises(TraceMismatch):
        solver.respond(dissection(16, 16, {4}), AlphabetTrace(PRE, 20), K)
    with pytest.raises(TraceMismatch):
        solver.opening(claim_of(64, true=False), AlphabetTrace(PRE, 63), K)
    with pytest.raises(TraceMismatch):
        solver.opening(claim_of(64, true=False), AlphabetTrace(lie(PRE), 64), K)


def test_values_that_are_not_behind_the_head_are_not_answered() -> None:
    state = unopened(claim_of(64, true=False), CHALLENGER, Rules(K, 100, 10))
    with pytest.raises(DissectionMismatch):
        answering_action(state, state.head, dissection(0, 64, {4}), Proof(0, b""))


def test_why_the_first_wrong_value_and_not_the_last() -> None:
    """Rule 2: whoever answers the last wrong value may agree to a lie, and lose with the truth."""
    length = 16
    truth = AlphabetTrace(PRE, length)
    table = ModelTable(claim_of(length, true=False), CHALLENGER, Rules(K, 100, 10))
    assert table.act(Side.CHALLENGER, honest_action(table.view(Side.CHALLENGER), truth)) is None

    # The defender lies at v[3] and v[4] of part 0 so that step 3 -> 4 holds between its lies.
    first = table.posted[-1]
    values = truth.states(cut(0, 4, K))
    held = AlphabetMachine().step(table.claim.program, 3, lie(values[3]), b"")
    posted = Dissection(0, 4, (*values[:3], lie(values[3]), held))
    action = answering_action(table.state, first.prior, first.dissection, Move(0, posted))
    assert table.act(Side.DEFENDER, action) is None

    answer = table.posted[-1]
    naive = answering_action(table.state, answer.prior, answer.dissection, Proof(3, b""))
    assert table.act(Side.CHALLENGER, naive) == "StepHolds"  # the last wrong value: stuck
    right = honest_action(table.view(Side.CHALLENGER), truth)
    assert table.act(Side.CHALLENGER, right) is None  # the first wrong value: won
    assert table.state.status is Status.CHALLENGER_WON
