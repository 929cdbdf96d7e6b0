"""One game's trouble stays its own: it is reported, retried ever later, and stalls no other."""

import logging
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from bisection.agent import Agent
from bisection.alphabet import AlphabetTrace
from bisection.errors import ClockRunning
from bisection.game import Side, Status, Timeout
from bisection.ports import GameKey, Posted
from bisection.replay import TracePool
from bisection.retries import Retries
from tests.bisection.chain import (
    RULES,
    Adversary,
    Chain,
    CountedTrace,
    Port,
    Validator,
    address,
    defender,
    run,
    scripted,
    truth,
)
from tests.bisection.liars import LateLies, Silent
from tests.bisection.table import CHALLENGER, DEFENDER, PRE, claim_of, lie

LENGTH = 5_000


@pytest.mark.parametrize("fault", ["read", "values", "submit"])
def test_one_broken_game_stalls_no_other(fault: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    chain = Chain()
    claim = chain.post(claim_of(LENGTH, true=True))
    liars = [Adversary(chain, address(n), Side.CHALLENGER, scripted(Silent, n)) for n in (1, 2, 3)]
    for liar in liars:
        liar.open(claim)
    bad = GameKey(claim.id, address(2))
    agent = defender(chain, retries=Retries(first=0))
    held = chain.tables[bad].posted[-1]
    if fault == "read":
        chain.broken[bad] = TimeoutError("the node is down")
    elif fault == "submit":
        chain.refusing[bad] = ConnectionError("no answer")
    else:
        moved = replace(held.dissection, start=2 * LENGTH)  # another history's, beyond the run
        chain.tables[bad].posted[-1] = Posted(held.prior, moved)
    assert {played.key.challenger for played in agent.round()} == {address(1), address(3)}
    names = {record.__dict__.get("event") for record in caplog.records}
    assert ("game.inconsistent" if fault == "values" else "game.failed") in names
    assert "replay.failed" not in names  # the bad game had no part in what the others share
    chain.broken.clear()
    chain.refusing.clear()
    chain.tables[bad].posted[-1] = held
    assert {played.key.challenger for played in agent.round()} == {address(2)}
    run(chain, agent)
    assert set(chain.statuses(claim).values()) == {Status.DEFENDER_WON}


def test_a_failing_game_is_retried_ever_later() -> None:
    chain, now, tried = Chain(), [0.0], []
    claim = chain.post(claim_of(LENGTH, true=True))
    Adversary(chain, address(1), Side.CHALLENGER, scripted(Silent)).open(claim)

    class Trying(Port):
        def submit(self, *_: Any) -> Any:
            tried.append(now[0])
            raise ConnectionError("no answer")

    port = Trying(chain, DEFENDER)
    retries: Retries[GameKey] = Retries(first=1, limit=4, clock=lambda: now[0])
    agent = Agent(port, port, TracePool(truth), DEFENDER, Side.DEFENDER, retries)
    for second in range(16):
        now[0] = float(second)
        assert agent.round() == []
    assert tried == [0, 1, 3, 7, 11, 15]


def test_a_claim_that_cannot_be_opened_is_retried_ever_later() -> None:
    chain, now, tried = Chain(), [0.0], []
    chain.post(claim_of(LENGTH, true=False))

    class Trying(Port):
        def submit(self, *_: Any) -> Any:
            tried.append(now[0])
            raise ConnectionError("no answer")

    port = Trying(chain, CHALLENGER)
    retries: Retries[GameKey] = Retries(first=1, limit=4, clock=lambda: now[0])
    agent = Agent(port, port, TracePool(truth), CHALLENGER, Side.CHALLENGER, retries)
    for second in range(16):
        now[0] = float(second)
        assert agent.round(chain.claims.values()) == []
    assert tried == [0, 1, 3, 7, 11, 15]


def test_a_challengers_answer_that_fails_is_retried_ever_later() -> None:
    """Its claim stays on the list of disputed ones; that it was opened is no success of today."""
    chain, now, tried = Chain(), [0.0], []
    claim = chain.post(claim_of(LENGTH, true=False))
    Validator(chain).round()
    Adversary(chain, DEFENDER, Side.DEFENDER, scripted(LateLies)).round()

    class Trying(Port):
        def last(self, *_: Any) -> Any:
            tried.append(now[0])
            raise ConnectionError("no answer")

    port = Trying(chain, CHALLENGER)
    retries: Retries[GameKey] = Retries(first=1, limit=4, clock=lambda: now[0])
    agent = Agent(port, port, TracePool(truth), CHALLENGER, Side.CHALLENGER, retries)
    for second in range(16):
        now[0] = float(second)
        assert agent.round([claim]) == []
    assert tried == [0, 1, 3, 7, 11, 15]


def test_a_refusal_is_reported_and_the_others_go_on(caplog: pytest.LogCaptureFixture) -> None:
    """Somebody else was first, as with timeouts that anyone may claim."""
    chain = Chain()
    claim = chain.post(claim_of(LENGTH, true=True))
    for n in (1, 2):
        Adversary(chain, address(n), Side.CHALLENGER, scripted(Silent, n)).open(claim)
    agent = defender(chain, retries=Retries(first=0))
    agent.round()
    chain.now += RULES.clock + 1
    chain.refusing[GameKey(claim.id, address(1))] = ClockRunning("4 s are left")
    played = agent.round()
    assert [(type(p.action), p.key.challenger) for p in played] == [(Timeout, address(2))]
    assert "error=ClockRunning reason=4 s are left" in caplog.text


def test_a_lost_clock_is_reported(caplog: pytest.LogCaptureFixture) -> None:
    chain = Chain()
    claim = chain.post(claim_of(LENGTH, true=True))
    Adversary(chain, address(1), Side.CHALLENGER, scripted(Silent)).open(claim)
    chain.now += RULES.clock + 1
    passes: list[Sequence[int]] = []
    agent = defender(chain, traces=lambda asked: CountedTrace(asked, passes))
    chain.refusing[GameKey(claim.id, address(1))] = AssertionError("sent all the same")
    assert agent.round() == []
    assert not passes
    assert "ClockExpired" in caplog.text


def test_a_replay_that_is_not_the_run_stops_that_game(caplog: pytest.LogCaptureFixture) -> None:
    """A defender whose own run agrees with the challenger sends nothing."""
    chain = Chain()
    claim = chain.post(claim_of(LENGTH, true=False))
    Validator(chain).round()
    sent = len(chain.sent)
    assert defender(chain).round() == []
    assert len(chain.sent) == sent
    assert "NothingToAnswer" in caplog.text
    assert any(record.levelno == logging.CRITICAL for record in caplog.records)
    assert chain.statuses(claim) == {CHALLENGER: Status.PLAYING}


def test_a_replay_that_was_not_the_run_is_made_anew() -> None:
    chain = Chain()
    claim = chain.post(claim_of(LENGTH, true=True))
    Adversary(chain, address(1), Side.CHALLENGER, scripted(Silent)).open(claim)
    pre = lie(PRE)
    agent = defender(
        chain,
        traces=lambda asked: AlphabetTrace(pre, asked.length),
        retries=Retries(first=0),
    )
    assert agent.round() == []
    pre = PRE
    assert len(agent.round()) == 1


def test_failures_of_games_that_are_over_are_forgotten() -> None:
    chain = Chain()
    claim = chain.post(claim_of(LENGTH, true=True))
    Adversary(chain, address(1), Side.CHALLENGER, scripted(Silent)).open(claim)
    chain.broken[GameKey(claim.id, address(1))] = TimeoutError("the node is down")
    retries: Retries[GameKey] = Retries()
    agent = defender(chain, retries=retries)
    agent.round()
    assert len(retries._failed) == 1
    chain.tables.clear()
    agent.round()
    assert not retries._failed
