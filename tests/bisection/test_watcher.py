"""Verdicts, and that no claim is another claim's trouble."""

import logging
from collections.abc import Sequence

import pytest

from bisection.alphabet import AlphabetTrace
from bisection.errors import ClaimError, DataUnavailable
from bisection.machine import Claim, ClaimId, Trace
from bisection.replay import TracePool
from bisection.retries import Retries
from bisection.watcher import Judgement, Verdict, Watcher, judge
from prover.commit.keccak import Hash
from tests.bisection.chain import Chain, Port
from tests.bisection.table import CHALLENGER, PRE, claim_of, lie


class Time:
    """A clock that is told."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def honest(claim: Claim) -> Trace:
    return AlphabetTrace(claim.pre, claim.length)


def verdicts(judged: Sequence[Judgement]) -> list[Verdict]:
    return [judgement.verdict for judgement in judged]


def test_a_verdict_compares_the_ends() -> None:
    trace = AlphabetTrace(PRE, 50)
    assert judge(claim_of(50, true=True), trace).verdict is Verdict.VALID
    assert judge(claim_of(50, true=False), trace).verdict is Verdict.INVALID


def test_a_replay_of_another_run_knows_nothing() -> None:
    """A claim is not false because our data is not its data."""
    claim = claim_of(50, true=False)
    assert judge(claim, AlphabetTrace(PRE, 49)).verdict is Verdict.UNKNOWN
    assert judge(claim, AlphabetTrace(lie(PRE), 50)).verdict is Verdict.UNKNOWN


def test_each_claim_is_judged_once() -> None:
    chain = Chain()
    true, false = (chain.post(claim_of(9, true=t, name=n)) for n, t in enumerate((True, False)))
    asked: list[Claim] = []

    def factory(claim: Claim) -> Trace:
        asked.append(claim)
        return honest(claim)

    watcher = Watcher(Port(chain, CHALLENGER), TracePool(factory))
    assert verdicts(watcher.round()) == [Verdict.VALID, Verdict.INVALID]
    assert watcher.round() == []
    assert asked == [true, false]
    assert watcher.invalid() == [false]
    del chain.claims[false.id]
    assert watcher.round() == []
    assert watcher.invalid() == []


def test_a_round_ends_when_its_time_is_over() -> None:
    """However much is claimed: games wait for their answers meanwhile."""
    chain, time = Chain(), Time()
    for name in range(5):
        chain.post(claim_of(9, true=False, name=name))

    def slow(claim: Claim) -> Trace:
        time.seconds += 40
        return honest(claim)

    watcher = Watcher(Port(chain, CHALLENGER), TracePool(slow), clock=time)
    left = []
    for judged in (2, 4, 5):
        watcher.round(60)
        assert len(watcher.invalid()) == judged
        left.append(watcher.behind)
    assert left == [True, True, False]
    assert watcher.round(0) == []
    assert not watcher.behind


@pytest.mark.parametrize(
    "error",
    [DataUnavailable("gone"), ClaimError("no claim"), ValueError("who knows"), OSError("down")],
)
def test_one_malformed_claim_stalls_no_other(
    error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    chain, time = Chain(), Time()
    claims = [chain.post(claim_of(9, true=False, name=n)) for n in range(5)]
    chain.broken[claims[2].id] = error
    watcher = Watcher(
        Port(chain, CHALLENGER), TracePool(honest), Retries(first=1, limit=8, clock=time)
    )
    judged = watcher.round()
    assert verdicts(judged).count(Verdict.INVALID) == 4
    assert judged[2].verdict is Verdict.UNKNOWN
    assert str(error) in judged[2].reason
    assert watcher.invalid() == [*claims[:2], *claims[3:]]
    events = [record for record in caplog.records if record.__dict__["event"] == "claim.unknown"]
    assert len(events) == 1
    assert events[0].__dict__["fields"]["claim"] == "0x" + claims[2].id.hex()
    assert str(error) in events[0].getMessage()


def test_an_unknown_claim_is_retried_ever_later_and_then_judged() -> None:
    chain, time = Chain(), Time()
    claim = chain.post(claim_of(9, true=False))
    missing, tried = True, []

    def factory(asked: Claim) -> Trace:
        tried.append(time.seconds)
        if missing:
            raise DataUnavailable("a chunk is missing")
        return honest(asked)

    watcher = Watcher(
        Port(chain, CHALLENGER), TracePool(factory), Retries(first=1, limit=8, clock=time)
    )
    for second in range(40):
        time.seconds = float(second)
        watcher.round()
    assert tried == [0, 1, 3, 7, 15, 23, 31, 39]
    assert watcher.invalid() == []
    missing = False
    time.seconds = 47.0
    assert verdicts(watcher.round()) == [Verdict.INVALID]
    assert watcher.invalid() == [claim]


def test_failures_of_claims_that_are_settled_are_forgotten() -> None:
    chain, retries = Chain(), Retries[ClaimId]()
    claim = chain.post(claim_of(9, true=True))
    chain.broken[claim.id] = DataUnavailable("gone")
    watcher = Watcher(Port(chain, CHALLENGER), TracePool(honest), retries)
    watcher.round()
    assert len(retries._failed) == 1
    chain.claims.clear()
    watcher.round()
    assert not retries._failed


def test_data_that_is_not_the_claims_is_fetched_anew() -> None:
    chain, time = Chain(), Time()
    claim = chain.post(claim_of(9, true=True))
    pre = lie(PRE)
    watcher = Watcher(
        Port(chain, CHALLENGER),
        TracePool(lambda asked: AlphabetTrace(pre, asked.length)),
        Retries(clock=time),
    )
    assert verdicts(watcher.round()) == [Verdict.UNKNOWN]
    pre, time.seconds = PRE, 1.0
    assert verdicts(watcher.round()) == [Verdict.VALID]
    assert [j.claim for j in watcher.judgements()] == [claim]


def test_a_trace_that_fails_halfway_knows_nothing() -> None:
    class Failing(AlphabetTrace):
        __slots__ = ()

        def states(self, positions: Sequence[int]) -> list[Hash]:
            raise ZeroDivisionError(f"replay of {positions}")

    chain = Chain()
    chain.post(claim_of(9, true=False))
    watcher = Watcher(
        Port(chain, CHALLENGER), TracePool(lambda claim: Failing(claim.pre, claim.length))
    )
    assert verdicts(watcher.round()) == [Verdict.UNKNOWN]
    assert "ZeroDivisionError" in watcher.judgements()[0].reason
