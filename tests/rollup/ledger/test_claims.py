"""Assertions as claims: what is judged, what is passed over, what nobody knows."""

from dataclasses import replace

import pytest

from bisection.errors import DataUnavailable
from bisection.machine import ClaimId
from bisection.replay import TracePool
from bisection.watcher import Verdict, Watcher
from rollup.ledger.claims import AssertionClaims
from rollup.ledger.ports import Asserted, Stage
from rollup.protocol.assertions import ledger_claim
from rollup.protocol.ledger.machine import LedgerMachine
from tests.bisection.table import lie
from tests.rollup.ledger.history import WINDOW, Claimed, History
from tests.rollup.protocol.ledger.drawing import DOMAIN


def claims(claimed: Claimed) -> AssertionClaims:
    made = AssertionClaims(claimed.history, claimed.history.replay(), claimed)
    made.poll()
    return made


def judged(claimed: Claimed) -> dict[Verdict, list[ClaimId]]:
    source = claims(claimed)
    found: dict[Verdict, list[ClaimId]] = {verdict: [] for verdict in Verdict}
    for judgement in Watcher(source, TracePool(source.trace)).round():
        found[judgement.verdict].append(judgement.name)
    return found


def names(*ones: Asserted) -> list[ClaimId]:
    return [ClaimId(one.id) for one in ones]


@pytest.fixture
def claimed() -> Claimed:
    history = History(3)
    for _ in range(3):
        history.extend()
    return Claimed(history)


def test_a_claim_is_what_l1_derives(claimed: Claimed) -> None:
    one = claimed.says(2)
    source = claims(claimed)
    assert source.pending() == names(one)
    claim = source.claim(ClaimId(one.id))
    assert claim == ledger_claim(one.assertion, claimed.history.headers[1], DOMAIN)
    with pytest.raises(DataUnavailable, match="no assertion"):
        source.claim(ClaimId(lie(one.id)))


def test_true_ones_are_valid_false_ones_invalid(claimed: Claimed) -> None:
    true = [claimed.says(number) for number in (1, 2, 3, 4)]
    false = [claimed.lies(number, slot=number) for number in (1, 3)]
    found = judged(claimed)
    assert found[Verdict.VALID] == names(*true)
    assert found[Verdict.INVALID] == names(*false)
    assert found[Verdict.UNKNOWN] == []


def test_of_many_false_ones_on_a_slot_the_first_is_disputed(claimed: Claimed) -> None:
    """However many, they are one bond; the others wait for its game."""
    claimed.says(1, slot=1)
    first = claimed.lies(3, slot=1)
    claimed.time = 1
    for number in (1, 2, 4):
        claimed.lies(number, slot=1)
    elsewhere = claimed.lies(1, slot=2)
    assert judged(claimed)[Verdict.INVALID] == names(first, elsewhere)
    claimed.time = WINDOW
    later = [one for one in claimed.held if one.number == 1 and one.time == 1][:1]
    assert claims(claimed).pending() == names(*later, elsewhere), "the first was left alone"


def test_what_stands_on_a_false_state_is_passed_over(claimed: Claimed) -> None:
    false = claimed.lies(2)
    claimed.says(3, pre=false.assertion.root)
    source = claims(claimed)
    assert source.pending() == names(false)


def test_what_is_over_is_passed_over(claimed: Claimed) -> None:
    early = claimed.lies(1)
    claimed.time = 100
    claimed.mark(claimed.lies(2, slot=1), Stage.REJECTED)
    claimed.mark(claimed.lies(2, slot=2), Stage.VOID)
    late = claimed.lies(2, slot=3)
    source = claims(claimed)
    claimed.time = WINDOW - 1
    assert source.pending() == names(early, late)
    claimed.time = WINDOW
    assert source.pending() == names(late)
    assert source.claim(ClaimId(early.id)).post == early.assertion.root, "its game may be going on"


def test_nothing_that_rests_on_missing_data_is_disputed(claimed: Claimed) -> None:
    claimed.history.hidden = {2}
    first = claimed.lies(1)
    unknown = [claimed.lies(2), claimed.says(3), claimed.lies(3, slot=1)]
    found = judged(claimed)
    assert found[Verdict.INVALID] == names(first)
    assert found[Verdict.UNKNOWN] == names(*unknown)


def test_an_assertion_about_a_batch_that_l1_no_longer_has_is_unknown(claimed: Claimed) -> None:
    one = claimed.lies(4)
    claimed.history.undo(1)
    claimed.history.extend()
    assert judged(claimed)[Verdict.UNKNOWN] == names(one)


def test_a_trace_gives_the_true_run_and_its_steps(claimed: Claimed) -> None:
    history = claimed.history
    source = claims(claimed)
    one = claimed.lies(3)
    claim = source.claim(ClaimId(one.id))
    trace = source.trace(claim)
    assert trace.length == claim.length == history.headers[2].taken + history.headers[2].receipts
    assert trace.states([0, trace.length]) == [history.root(2), history.root(3)]
    states = trace.states(range(trace.length + 1))
    machine = LedgerMachine()
    for position in range(trace.length):
        opened = trace.witness(position)
        after = machine.step(claim.program, position, states[position], opened)
        assert after == states[position + 1]
    for other in (replace(claim, pre=lie(claim.pre)), replace(claim, program=lie(claim.program))):
        with pytest.raises(DataUnavailable):
            source.trace(other)


def test_a_trace_outlives_nothing_that_was_reorganised(claimed: Claimed) -> None:
    source = claims(claimed)
    trace = source.trace(source.claim(ClaimId(claimed.lies(4).id)))
    claimed.history.undo(1)
    claimed.history.extend()
    source.poll()
    with pytest.raises(DataUnavailable):
        trace.witness(0)
