"""Many games at once: griefers, copycats, accomplices, and which game is served first."""

from collections.abc import Sequence

from bisection.agent import Agent
from bisection.game import Close, Dissect, Open, Side, Standing, Status
from bisection.machine import Address, Claim, Trace
from bisection.ports import GameKey
from bisection.replay import TracePool
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
from tests.bisection.liars import LIARS, ConsistentLiar, LateLies, RandomLiar, Silent
from tests.bisection.table import CHALLENGER, DEFENDER, claim_of

LENGTH = 5_000


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
