"""What games share: states and witnesses by position, traces by claim; retries; events."""

import logging
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bisection.alphabet import AlphabetTrace
from bisection.errors import DataUnavailable
from bisection.events import Events
from bisection.machine import Claim, Trace
from bisection.replay import SharedTrace, TracePool
from bisection.retries import Retries
from prover.commit.keccak import Hash
from tests.bisection.table import PRE, claim_of

LENGTH = 200


class Counted:
    """The truth, with what was asked for."""

    def __init__(self, length: int = LENGTH) -> None:
        self.trace = AlphabetTrace(PRE, length)
        self.asked: list[int] = []
        self.passes = 0
        self.witnesses = 0

    @property
    def length(self) -> int:
        return self.trace.length

    def states(self, positions: Sequence[int]) -> list[Hash]:
        assert list(positions) == sorted(set(positions))
        self.asked += positions
        self.passes += 1
        return self.trace.states(positions)

    def witness(self, position: int) -> bytes:
        self.witnesses += 1
        return self.trace.witness(position)


POSITIONS = st.sets(st.integers(0, LENGTH), min_size=1, max_size=20).map(sorted)


@given(st.lists(POSITIONS, max_size=12), st.integers(1, 30))
def test_a_shared_trace_is_the_trace(rounds: list[list[int]], limit: int) -> None:
    counted = Counted()
    shared = SharedTrace(counted, limit)
    for positions in rounds:
        assert shared.states(positions) == counted.trace.states(positions)
        assert len(shared._states) <= limit
    assert counted.passes <= len(rounds)


def test_nothing_known_is_replayed_again() -> None:
    counted = Counted()
    shared = SharedTrace(counted)
    shared.states([0, 50, 100])
    shared.states([0, 25, 50, 75, 100])
    shared.states([25, 75])
    # The first position is asked for again: it says where what comes next begins.
    assert counted.asked == [0, 50, 100, 0, 25, 75]
    assert counted.passes == 2
    assert shared.witness(7) == shared.witness(7) == b""
    assert counted.witnesses == 1
    assert shared.length == LENGTH


def test_what_was_asked_for_longest_ago_goes_first() -> None:
    counted = Counted()
    shared = SharedTrace(counted, limit=2)
    shared.states([1, 2])
    shared.states([1])
    shared.states([3])
    counted.asked.clear()
    shared.states([1])
    shared.states([2])
    assert counted.asked == [2]


def test_a_pool_makes_each_trace_once_and_keeps_few() -> None:
    made: list[Claim] = []

    def factory(claim: Claim) -> Trace:
        made.append(claim)
        return Counted(claim.length)

    pool = TracePool(factory, limit=2)
    a, b, c = (claim_of(9, true=True, name=n) for n in range(3))
    assert pool.trace(a) is pool.trace(a)
    for claim in (b, a, c, b):
        pool.trace(claim)
    assert made == [a, b, c, b]
    pool.forget(b.id)
    pool.forget(a.id)
    pool.trace(b)
    assert made == [a, b, c, b, b]


def test_a_claim_with_other_content_is_another_claim() -> None:
    """One id has one content on one chain; a reorg may still change what was not final."""
    made: list[Claim] = []

    def factory(claim: Claim) -> Trace:
        made.append(claim)
        return Counted(claim.length)

    pool = TracePool(factory)
    one, other = claim_of(9, true=True), claim_of(10, true=True)
    assert one.id == other.id
    assert pool.trace(one).length == 9
    assert pool.trace(other).length == 10
    assert made == [one, other]


def test_data_of_another_length_is_not_the_claims() -> None:
    pool = TracePool(lambda claim: Counted(claim.length + 1))
    with pytest.raises(DataUnavailable):
        pool.trace(claim_of(9, true=True))


def test_retries_double_up_to_a_limit_and_start_anew() -> None:
    now = 0.0
    retries: Retries[str] = Retries(first=1, limit=5, clock=lambda: now)
    assert retries.due("a")
    assert [retries.failed("a") for _ in range(4)] == [1, 2, 4, 5]
    assert not retries.due("a")
    assert retries.due("b")
    now = 5.0
    assert retries.due("a")
    retries.succeeded("a")
    assert retries.failed("a") == 1
    retries.keep(["b"])
    assert retries.due("a")


def test_events_carry_their_context(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    events = Events(logging.getLogger("bisection.test"), side="challenger")
    game = events.bind(claim=b"\x12\xab")
    events.debug("unseen")
    game.info("game.opened", gas=7)
    try:
        int("gone")
    except ValueError:
        game.exception("game.failed")
    events.warning("claim.unknown")
    events.critical("game.inconsistent")
    first, second, third, fourth = caplog.records
    assert first.getMessage() == "game.opened side=challenger claim=0x12ab gas=7"
    assert first.__dict__["event"] == "game.opened"
    assert first.__dict__["fields"] == {"side": "challenger", "claim": "0x12ab", "gas": 7}
    assert first.funcName == "test_events_carry_their_context"
    assert second.exc_info is not None
    assert third.getMessage() == "claim.unknown side=challenger"
    assert [r.levelname for r in caplog.records] == ["INFO", "ERROR", "WARNING", "CRITICAL"]
    assert fourth.levelno == logging.CRITICAL


def test_a_percent_sign_in_a_reason_is_no_format(caplog: pytest.LogCaptureFixture) -> None:
    Events(logging.getLogger("bisection.test")).warning("claim.unknown", reason="100% %s gone")
    assert caplog.messages == ["claim.unknown reason=100% %s gone"]
