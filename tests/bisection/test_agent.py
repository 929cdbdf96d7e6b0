"""Watcher and agent on an in-memory chain: against every liar, and never without the data."""

from collections.abc import Callable

import pytest

from bisection.alphabet import AlphabetTrace
from bisection.errors import DataUnavailable
from bisection.game import Dissect, Open, Prove, Side, Standing, Status
from bisection.machine import Claim, Trace
from bisection.ports import GameKey
from bisection.retries import Retries
from tests.bisection.chain import RULES, Adversary, Chain, Validator, defender, run, scripted, truth
from tests.bisection.liars import LIARS, BaseLiar, LateLies, LyingTrace
from tests.bisection.table import CHALLENGER, DEFENDER, PRE, View, ceil_log, claim_of, lie

LENGTH = 5_000


@pytest.mark.parametrize("liar", LIARS)
def test_a_false_claim_is_rejected_whoever_defends_it(liar: type[BaseLiar]) -> None:
    chain = Chain()
    claims = [chain.post(claim_of(n, true=False, name=n)) for n in (1, 2, 17, LENGTH, 1 << 40)]
    true = chain.post(claim_of(LENGTH, true=True, name=99))
    run(chain, Validator(chain), Adversary(chain, DEFENDER, Side.DEFENDER, scripted(liar)))
    assert [chain.standing[claim.id] for claim in claims] == [Standing.REJECTED] * len(claims)
    assert chain.standing[true.id] is Standing.LIVE
    assert not chain.statuses(true)


@pytest.mark.parametrize("liar", LIARS)
def test_a_true_claim_stands_whoever_challenges_it(liar: type[BaseLiar]) -> None:
    chain = Chain()
    claims = [chain.post(claim_of(n, true=True, name=n)) for n in (2, 17, LENGTH, 1 << 40)]
    adversary = Adversary(chain, CHALLENGER, Side.CHALLENGER, scripted(liar))
    for claim in claims:
        assert adversary.open(claim) is None
    run(chain, defender(chain), adversary)
    for claim in claims:
        assert chain.standing[claim.id] is Standing.LIVE
        assert chain.statuses(claim) == {CHALLENGER: Status.DEFENDER_WON}


def test_the_longest_game_of_a_huge_claim() -> None:
    chain = Chain()
    claim = chain.post(claim_of(1 << 40, true=False))
    run(chain, Validator(chain), Adversary(chain, DEFENDER, Side.DEFENDER, scripted(LateLies)))
    posted = [a for _, _, a in chain.sent if isinstance(a, Open | Dissect)]
    assert len(posted) == 10 == ceil_log(claim.length, RULES.k)
    assert sum(isinstance(action, Prove) for _, _, action in chain.sent) == 1


def test_a_defender_of_one_fault_meets_the_challenger_at_that_step() -> None:
    chain = Chain()
    claim = chain.post(claim_of(1 << 40, true=False))
    fault = 123_456_789_012
    cheat = defender(chain, traces=lambda asked: LyingTrace(truth(asked), fault))
    run(chain, Validator(chain), cheat)
    assert chain.standing[claim.id] is Standing.REJECTED
    final = [action for _, _, action in chain.sent if isinstance(action, Prove)]
    table = chain.tables[GameKey(claim.id, CHALLENGER)]
    if final:
        start, length = table.posted[-1].dissection.bounds(final[0].opening.part)
        assert (start, length) == (fault - 1, 1)


def test_a_view_is_what_a_liar_sees() -> None:
    chain = Chain()
    claim = chain.post(claim_of(LENGTH, true=False))
    Validator(chain).round()
    view = chain.table(claim, CHALLENGER).view(Side.DEFENDER)
    assert isinstance(view, View)
    assert view.last.dissection.values[0] == PRE


def test_a_void_claim_is_closed_and_not_challenged() -> None:
    chain = Chain()
    claim, other = (chain.post(claim_of(LENGTH, true=False, name=n)) for n in range(2))
    chain.standing[other.id] = Standing.VOID
    validator = Validator(chain)
    validator.round()
    assert set(chain.tables) == {GameKey(claim.id, CHALLENGER)}
    chain.standing[claim.id] = Standing.VOID
    defender(chain).round()
    validator.round()
    assert chain.statuses(claim) == {CHALLENGER: Status.CLOSED}


@pytest.mark.parametrize(
    "traces",
    [
        lambda claim: AlphabetTrace(lie(claim.pre), claim.length),
        lambda claim: AlphabetTrace(claim.pre, claim.length - 1),
        lambda claim: {}[claim],
    ],
)
def test_incomplete_data_disputes_nothing(traces: Callable[[Claim], Trace]) -> None:
    chain = Chain()
    for name, true in enumerate((True, False)):
        chain.post(claim_of(LENGTH, true=true, name=name))
    validator = Validator(chain, traces=traces)
    for _ in range(5):
        assert validator.round() == []
    assert not chain.sent


def test_data_that_arrives_late_is_acted_on() -> None:
    chain = Chain()
    claim = chain.post(claim_of(LENGTH, true=False))
    there = False

    def traces(asked: Claim) -> Trace:
        if not there:
            raise DataUnavailable("a chunk is missing")
        return truth(asked)

    validator = Validator(chain, traces=traces)
    validator.watcher._retries = Retries(first=0)
    assert validator.round() == []
    there = True
    assert [type(played.action) for played in validator.round()] == [Open]
    assert chain.statuses(claim) == {CHALLENGER: Status.PLAYING}
