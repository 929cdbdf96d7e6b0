"""An in-memory chain for watcher and agent: the Python rules, a clock, and faults on demand."""

from collections.abc import Callable, Sequence
from copy import copy
from dataclasses import dataclass, field

from bisection.errors import ClaimError, RuleBroken
from bisection.game import Action, GameState, Rules, Side, Standing, Status
from bisection.machine import Address, Claim, ClaimId
from bisection.ports import GameKey, Posted, Receipt
from prover.commit.keccak import Hash, keccak
from prover.errors import WitnessError
from tests.bisection.liars import Liar, ModelTable

GAS = 60_000
RULES = Rules(k=16, clock=1_000, grace=100)


@dataclass
class Chain:
    """Claims and games; `broken` items raise when they are read, `refusing` games when written."""

    rules: Rules = RULES
    now: int = 1_000
    claims: dict[ClaimId, Claim] = field(default_factory=dict)
    standing: dict[ClaimId, Standing] = field(default_factory=dict)
    tables: dict[GameKey, ModelTable] = field(default_factory=dict)
    sent: list[tuple[Address, GameKey, Action]] = field(default_factory=list)
    broken: dict[ClaimId | GameKey, Exception] = field(default_factory=dict)
    refusing: dict[GameKey, Exception] = field(default_factory=dict)

    def post(self, claim: Claim) -> Claim:
        """Adds a claim."""
        self.claims[claim.id] = claim
        self.standing[claim.id] = Standing.LIVE
        return claim

    def table(self, claim: Claim, challenger: Address) -> ModelTable:
        """The game, opened or not, at today's time and standing."""
        table = self.tables.get(GameKey(claim.id, challenger))
        if table is None:
            table = ModelTable(claim, challenger, self.rules)
        table.now, table.standing = self.now, self.standing[claim.id]
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

    def _act(self, key: GameKey, table: ModelTable) -> str | None:
        liar = self.games.setdefault(key, self.liar(table.claim))
        view = table.view(self.side)
        if self.chain.now < table.state.moved_at + liar.delay(view):
            return None
        action = liar.act(view)
        return None if action is None else self.chain.act(self.side, key, action)
