"""An in-memory chain for watcher and agent, with faults on demand, and the players on it."""

import random
from collections.abc import Callable, Sequence
from copy import copy
from dataclasses import dataclass, field
from typing import Any, Protocol

from bisection.agent import Agent
from bisection.alphabet import AlphabetTrace
from bisection.errors import ClaimError, RuleBroken
from bisection.game import Action, GameState, Rules, Side, Standing, Status
from bisection.machine import Address, Claim, ClaimId
from bisection.ports import GameKey, Posted, Receipt
from bisection.replay import TracePool
from bisection.watcher import Watcher
from prover.commit.keccak import Hash, keccak
from prover.errors import WitnessError
from tests.bisection.liars import BaseLiar
from tests.bisection.table import CHALLENGER, DEFENDER, Liar, ModelTable, Table

GAS = 60_000
RULES = Rules(k=16, clock=1_000, grace=100)


class Seat(Table, Protocol):
    """A table of the chain."""

    @property
    def state(self) -> GameState:
        """The game."""
        ...

    @property
    def posted(self) -> list[Posted]:
        """Its dissections, oldest first."""
        ...

    def look(self, now: int, standing: Standing) -> None:
        """Told before each use what time it is, and what became of the claim."""
        ...


@dataclass
class Chain:
    """Claims and games; `broken` items raise when they are read, `refusing` games when written."""

    rules: Rules = RULES
    now: int = 1_000
    claims: dict[ClaimId, Claim] = field(default_factory=dict)
    standing: dict[ClaimId, Standing] = field(default_factory=dict)
    tables: dict[GameKey, Seat] = field(default_factory=dict)
    sent: list[tuple[Address, GameKey, Action]] = field(default_factory=list)
    broken: dict[ClaimId | GameKey, Exception] = field(default_factory=dict)
    refusing: dict[GameKey, Exception] = field(default_factory=dict)

    def post(self, claim: Claim) -> Claim:
        """Adds a claim."""
        self.claims[claim.id] = claim
        self.standing[claim.id] = Standing.LIVE
        return claim

    def seat(self, claim: Claim, challenger: Address) -> Seat:
        """A table for a new game."""
        return ModelTable(claim, challenger, self.rules)

    def table(self, claim: Claim, challenger: Address) -> Seat:
        """The game, opened or not, at today's time and standing."""
        table = self.tables.get(GameKey(claim.id, challenger)) or self.seat(claim, challenger)
        table.look(self.now, self.standing[claim.id])
        return table

    def act(self, side: Side, key: GameKey, action: Action) -> str | None:
        """Does `action`, None; or refuses it, the error's name."""
        table = self.table(self.claims[key.claim], key.challenger)
        error = table.act(side, action)
        if error is None:
            self.sent.append((table.state.player(side), key, action))
            self.tables[key] = table
            if table.state.status is Status.CHALLENGER_WON:
                self.standing[key.claim] = Standing.REJECTED
        return error

    def statuses(self, claim: Claim) -> dict[Address, Status]:
        """How each challenger's game on the claim stands."""
        return {k.challenger: t.state.status for k, t in self.tables.items() if k.claim == claim.id}

    def snapshot(self) -> "Chain":
        """A copy to go back to, as a reorganisation does."""
        kept = copy(self)
        kept.standing, kept.sent = dict(self.standing), list(self.sent)
        kept.tables = {key: copy(table) for key, table in self.tables.items()}
        for table in kept.tables.values():
            if isinstance(table, ModelTable):
                table.posted = list(table.posted)
        return kept

    def restore(self, kept: "Chain") -> None:
        """Goes back to what `snapshot` gave, once."""
        self.standing, self.sent, self.tables = kept.standing, kept.sent, kept.tables


@dataclass
class Port:
    """The chain as one player's watcher and agent see it: `ClaimSource` and `GamePort`."""

    chain: Chain
    player: Address

    def pending(self) -> Sequence[ClaimId]:
        return list(self.chain.claims)

    def claim(self, name: ClaimId) -> Claim:
        self._read(name)
        if name not in self.chain.claims:
            raise ClaimError("no such claim")
        return self.chain.claims[name]

    def now(self) -> int:
        return self.chain.now

    def standing(self, claim: Claim) -> Standing:
        return self.chain.standing[claim.id]

    def open_games(self, player: Address, side: Side) -> Sequence[GameKey]:
        return [
            key
            for key, table in self.chain.tables.items()
            if table.state.status is Status.PLAYING and table.state.player(side) == player
        ]

    def game(self, claim: Claim, challenger: Address) -> GameState:
        self._read(GameKey(claim.id, challenger))
        return self.chain.table(claim, challenger).state

    def last(self, state: GameState) -> Posted:
        return self.chain.tables[GameKey(state.claim.id, state.challenger)].posted[-1]

    def submit(self, state: GameState, action: Action) -> Receipt:
        key = GameKey(state.claim.id, state.challenger)
        if key in self.chain.refusing:
            raise self.chain.refusing[key]
        side = Side.CHALLENGER if self.player == state.challenger else Side.DEFENDER
        error = self.chain.act(side, key, action)
        if error == WitnessError.__name__:
            raise WitnessError(error)
        if error is not None:
            raise {rule.__name__: rule for rule in RuleBroken.__subclasses__()}[error](error)
        return Receipt(Hash(keccak(b"%d" % len(self.chain.sent))), GAS)

    def _read(self, item: ClaimId | GameKey) -> None:
        if item in self.chain.broken:
            raise self.chain.broken[item]


@dataclass
class Adversary:
    """Plays a liar's strategy on the chain, one liar a game; a refused action changes nothing."""

    chain: Chain
    player: Address
    side: Side
    liar: Callable[[Claim], Liar]
    games: dict[GameKey, Liar] = field(default_factory=dict)

    def open(self, claim: Claim) -> str | None:
        """Challenges the claim."""
        return self._act(GameKey(claim.id, self.player), self.chain.table(claim, self.player))

    def round(self) -> None:
        """Acts in each game where it is to move and its delay is over."""
        for key, table in list(self.chain.tables.items()):
            state = table.state
            ours = state.turn is self.side and state.player(self.side) == self.player
            if ours and state.status is Status.PLAYING:
                self._act(key, self.chain.table(state.claim, key.challenger))

    def _act(self, key: GameKey, table: Seat) -> str | None:
        liar = self.games.setdefault(key, self.liar(table.state.claim))
        view = table.view(self.side)
        if self.chain.now < table.state.moved_at + liar.delay(view):
            return None
        action = liar.act(view)
        return None if action is None else self.chain.act(self.side, key, action)


# ------------------------------------------------------------------------------------- players


def truth(claim: Claim) -> AlphabetTrace:
    """The claim's true run."""
    return AlphabetTrace(claim.pre, claim.length)


def scripted(kind: type[BaseLiar], seed: int = 1) -> Callable[[Claim], BaseLiar]:
    """Makes such a liar for each claim."""
    return lambda claim: kind(truth(claim), random.Random(seed))


def address(number: int) -> Address:
    """A player's address."""
    return Address(number.to_bytes(20, "big"))


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


class Validator:
    """Watcher and challenging agent of one address, as a process would run them."""

    def __init__(self, chain: Chain, player: Address = CHALLENGER, **more: Any) -> None:
        port = Port(chain, player)
        pool = TracePool(more.pop("traces", truth))
        self.watcher = Watcher(port, pool)
        self.agent = Agent(port, port, pool, player, Side.CHALLENGER, **more)

    def round(self) -> list[Any]:
        self.watcher.round()
        return self.agent.round(self.watcher.invalid())


def defender(chain: Chain, player: Address = DEFENDER, **more: Any) -> Agent:
    """The defending agent of one address."""
    port = Port(chain, player)
    pool = TracePool(more.pop("traces", truth))
    return Agent(port, port, pool, player, Side.DEFENDER, **more)


def run(chain: Chain, *players: Any, whose: Address | None = None) -> None:
    """Lets everybody act in turn until no game (of challenger `whose`) is left to play."""
    for _ in range(400):
        before = len(chain.sent)
        for player in players:
            player.round()
        playing = {
            key.challenger
            for key, table in chain.tables.items()
            if table.state.status is Status.PLAYING
        }
        if len(chain.sent) == before and whose not in playing and (whose or not playing):
            return
        chain.now += 50
    raise AssertionError("the games do not end")
