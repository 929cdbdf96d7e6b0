"""Watcher and agent on an in-memory chain: every liar, many games, restarts, reorgs, faults."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest

from bisection.agent import Agent
from bisection.alphabet import AlphabetTrace
from bisection.errors import ClockRunning, DataUnavailable
from bisection.game import Close, Dissect, Open, Prove, Side, Standing, Status, Timeout
from bisection.machine import Address, Claim, Trace
from bisection.ports import GameKey, Posted
from bisection.replay import TracePool
from bisection.retries import Retries
from prover.commit.keccak import Hash
from tests.bisection.chain import (
    RULES,
    Adversary,
    Chain,
    Port,
    Validator,
    address,
    defender,
    run,
    scripted,
    truth,
)
from tests.bisection.liars import (
    LIARS,
    BaseLiar,
    ConsistentLiar,
    LateLies,
    LyingTrace,
    RandomLiar,
    Silent,
)
from tests.bisection.table import CHALLENGER, DEFENDER, PRE, View, ceil_log, claim_of, lie

LENGTH = 5_000


# ------------------------------------------------------------------------- against every liar


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


# ------------------------------------------------------------------------------------ many games


class CountedTrace:
    """The truth, counting passes over the run."""

    def __init__(self, claim: Claim, passes: list[Sequence[int]]) -> None:
        self.trace = truth(claim)
        self.passes = passes

    @property
    def length(self) -> int:
        return self.trace.length

    def states(self, positions: Sequence[int]) -> list[Hash]:
        self.passes.append(positions)
        return self.trace.states(positions)

    def witness(self, position: int) -> bytes:
        return self.trace.witness(position)


def test_a_defender_serves_dozens_of_griefers_from_two_passes_a_round() -> None:
    chain = Chain()
    claim = chain.post(claim_of(1 << 40, true=True))
    griefers = [
        Adversary(chain, address(n), Side.CHALLENGER, scripted(LIARS[n % len(LIARS)], n))
        for n in range(1, 49)
    ]
    for griefer in griefers:
        assert griefer.open(claim) is None
    passes: list[Sequence[int]] = []
    agent = defender(chain, traces=lambda asked: CountedTrace(asked, passes))
    agent.round()
    assert len(passes) == 2
    assert all(list(asked) == sorted(set(asked)) for asked in passes)
    assert sum(isinstance(action, Dissect) for _, _, action in chain.sent) == 48
    rounds = 1
    for _ in range(400):
        before = len(chain.sent)
        for griefer in griefers:
            griefer.round()
        agent.round()
        rounds += 1
        chain.now += 50
        if before == len(chain.sent) and chain.now > 20_000:
            break
    assert set(chain.statuses(claim).values()) == {Status.DEFENDER_WON}
    assert len(chain.statuses(claim)) == 48
    assert len(passes) <= 2 * rounds


def test_a_trace_is_made_once_a_round_however_many_claims_are_in_dispute() -> None:
    """Claims are served one after another, so that no replay is thrown away half used."""
    chain, made = Chain(), []
    for name in range(5):
        claim = chain.post(claim_of(LENGTH, true=True, name=name))
        for n in (1, 2, 3):
            Adversary(chain, address(n), Side.CHALLENGER, scripted(Silent, n)).open(claim)
            chain.now += 1

    def factory(claim: Claim) -> Trace:
        made.append(claim.id)
        return truth(claim)

    port = Port(chain, DEFENDER)
    agent = Agent(port, port, TracePool(factory, limit=1), DEFENDER, Side.DEFENDER)
    assert len(agent.round()) == 15
    assert len(made) == 5


def test_griefers_delay_by_one_games_clocks_at_the_most() -> None:
    """Their games run beside each other: both clocks and a grace each, whatever their number."""
    ends = []
    for count in (1, 40):
        chain = Chain()
        claim = chain.post(claim_of(LENGTH, true=True))
        griefers = [
            Adversary(chain, address(n), Side.CHALLENGER, scripted(Silent, n))
            for n in range(1, 1 + count)
        ]
        for griefer in griefers:
            griefer.open(claim)
        started = chain.now
        run(chain, defender(chain), *griefers)
        ends.append(chain.now - started)
    assert ends[0] == ends[1] <= 2 * RULES.clock + RULES.grace


class CopyingChallenger:
    """Sends what another challenger sends, in a game of its own on the same claim."""

    def __init__(self, chain: Chain, player: Address, victim: Address) -> None:
        self.chain, self.player, self.victim, self.read = chain, player, victim, 0
        self.refused: list[str] = []

    def round(self) -> None:
        sent = self.chain.sent[self.read :]
        self.read = len(self.chain.sent)
        for mover, key, action in sent:
            if mover == self.victim == key.challenger:
                mine = GameKey(key.claim, self.player)
                error = self.chain.act(Side.CHALLENGER, mine, action)
                self.refused += [error] if error is not None else []


def test_a_copycat_wins_nothing() -> None:
    chain = Chain()
    claim = chain.post(claim_of(LENGTH, true=False))
    copycat = CopyingChallenger(chain, address(7), CHALLENGER)
    liar = Adversary(chain, DEFENDER, Side.DEFENDER, scripted(LateLies))
    run(chain, Validator(chain), copycat, liar, whose=CHALLENGER)
    assert chain.statuses(claim)[CHALLENGER] is Status.CHALLENGER_WON
    assert chain.statuses(claim)[copycat.player] is not Status.CHALLENGER_WON
    assert "WrongOpening" in copycat.refused


def test_a_claimant_that_challenges_itself_saves_nothing() -> None:
    """It loses to itself on purpose, or stalls; the honest challenger's own game goes on."""
    for liar in (Silent, RandomLiar, ConsistentLiar):
        chain = Chain()
        claim = chain.post(claim_of(LENGTH, true=False))
        own = Adversary(chain, address(5), Side.CHALLENGER, scripted(liar))
        assert own.open(claim) is None
        accomplice = Adversary(chain, DEFENDER, Side.DEFENDER, scripted(RandomLiar, 3))
        run(chain, own, accomplice, Validator(chain), whose=CHALLENGER)
        assert chain.standing[claim.id] is Standing.REJECTED


def test_after_one_won_game_the_other_challengers_close_theirs() -> None:
    chain = Chain()
    claim = chain.post(claim_of(LENGTH, true=False))
    validators = [Validator(chain, address(n)) for n in range(1, 6)]
    liar = Adversary(chain, DEFENDER, Side.DEFENDER, scripted(RandomLiar))
    run(chain, *validators, liar)
    statuses = list(chain.statuses(claim).values())
    assert statuses.count(Status.CHALLENGER_WON) == 1
    assert statuses.count(Status.CLOSED) == 4
    assert sum(isinstance(action, Close) for _, _, action in chain.sent) == 4


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


# --------------------------------------------------------------------------- unknown never disputes


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


# ---------------------------------------------------------------------- one game's trouble


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


def test_running_clocks_come_before_new_games() -> None:
    chain = Chain()
    chain.post(claim_of(LENGTH, true=False, name=1))
    validator = Validator(chain)
    validator.round()
    Adversary(chain, DEFENDER, Side.DEFENDER, scripted(LateLies)).round()
    chain.post(claim_of(LENGTH, true=False, name=2))
    assert [type(played.action) for played in validator.round()] == [Dissect, Open]


def test_the_shortest_clock_is_served_first() -> None:
    chain = Chain()
    claim = chain.post(claim_of(LENGTH, true=True))
    for n in (1, 2, 3):
        Adversary(chain, address(n), Side.CHALLENGER, scripted(Silent, n)).open(claim)
        chain.now += 10
    chain.tables = dict(reversed(chain.tables.items()))
    played = defender(chain).round()
    assert [p.key.challenger for p in played] == [address(1), address(2), address(3)]


# ---------------------------------------------------------------------- restarts, reorgs


@pytest.mark.parametrize("liar", [LateLies, RandomLiar, ConsistentLiar])
def test_agents_that_are_killed_every_round_play_the_same_game(liar: type[BaseLiar]) -> None:
    def played(restart: bool) -> list[Any]:
        chain = Chain()
        chain.post(claim_of(LENGTH, true=False, name=1))
        chain.post(claim_of(LENGTH, true=True, name=2, defender=address(8)))
        griefer = Adversary(chain, address(9), Side.CHALLENGER, scripted(liar))
        griefer.open(chain.claims[claim_of(LENGTH, true=True, name=2).id])
        cheat = Adversary(chain, DEFENDER, Side.DEFENDER, scripted(liar))
        validator, agent = Validator(chain), defender(chain, address(8))
        for _ in range(60):
            if restart:
                validator, agent = Validator(chain), defender(chain, address(8))
            for player in (validator, cheat, agent, griefer):
                player.round()
            chain.now += 50
        return chain.sent

    assert played(restart=True) == played(restart=False)


def test_a_second_agent_of_the_same_player_repeats_nothing() -> None:
    chain = Chain()
    chain.post(claim_of(LENGTH, true=False))
    first, second = Validator(chain), Validator(chain)
    assert len(first.round()) == 1
    assert second.round() == []
    assert first.round() == []


def test_a_reorg_is_played_on_from_where_it_leaves_the_game() -> None:
    chain = Chain()
    claim = chain.post(claim_of(LENGTH, true=False))
    validator = Validator(chain)
    liar = Adversary(chain, DEFENDER, Side.DEFENDER, scripted(LateLies))
    validator.round()
    kept = chain.snapshot()
    liar.round()
    validator.round()
    chain.restore(kept)  # the liar's and our answer are gone; it now answers in another way
    Adversary(chain, DEFENDER, Side.DEFENDER, scripted(RandomLiar, 4)).round()
    run(chain, validator, Adversary(chain, DEFENDER, Side.DEFENDER, scripted(RandomLiar, 5)))
    assert chain.statuses(claim) == {CHALLENGER: Status.CHALLENGER_WON}


def test_an_opening_lost_in_a_reorg_is_sent_again() -> None:
    chain = Chain()
    chain.post(claim_of(LENGTH, true=False))
    validator, kept = Validator(chain), chain.snapshot()
    assert len(validator.round()) == 1
    chain.restore(kept)
    assert [type(played.action) for played in validator.round()] == [Open]


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
