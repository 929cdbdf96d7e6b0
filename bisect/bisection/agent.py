"""Plays one side of games on the chain: a challenger its own, a defender all that doubt its claims.

Nothing is remembered between rounds that the chain does not say: an agent that was killed at any
point goes on where the games stand. Each game is looked at and answered by itself; what goes wrong
in one is reported and tried again later, and the others go on.

    claim rejected or void       challenger: close, for the bond
    opponent's turn, clock out   time it out
    opponent's turn              wait
    our turn, clock out          lost: report it, nothing is to be done
    our turn                     answer as the solver says
"""

import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from bisection import solver
from bisection.dissection import cut
from bisection.errors import (
    ClockExpired,
    ConsistencyLost,
    DataUnavailable,
    DissectionMismatch,
    RuleBroken,
)
from bisection.events import Events
from bisection.game import (
    Action,
    Close,
    GameState,
    Side,
    Standing,
    Status,
    Timeout,
    answering_action,
    opening_action,
)
from bisection.machine import Address, Claim, ClaimId, Position, Trace
from bisection.ports import ClaimSource, GameKey, GamePort, Posted, Receipt
from bisection.replay import TracePool
from bisection.retries import Retries

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Played:
    """One action that took effect."""

    key: GameKey
    action: Action
    receipt: Receipt


@dataclass(frozen=True, slots=True)
class _Turn:
    """A game in which we are to answer, what, and the seconds that are left to do so."""

    key: GameKey
    state: GameState
    posted: Posted
    left: int


class Agent:
    """Plays `side` for `player`; errors of one game never reach another, nor the caller."""

    def __init__(
        self,
        port: GamePort,
        source: ClaimSource,
        traces: TracePool,
        player: Address,
        side: Side,
        retries: Retries[GameKey] | None = None,
        events: Events | None = None,
    ) -> None:
        self._port = port
        self._source = source
        self._traces = traces
        self._player = player
        self._side = side
        self._retries = retries if retries is not None else Retries()
        events = events if events is not None else Events(logging.getLogger(__name__))
        self._events = events.bind(side=side.name.lower(), player=player)
        self.games: tuple[GameKey, ...] = ()
        """The open games that the last round saw."""

    def round(self, disputed: Iterable[Claim] = ()) -> list[Played]:
        """Acts once in each game that waits for us; then challengers open games on `disputed`.

        In this order, because clocks run in games. Returns what took effect. Raises only what
        `open_games` raises: then no game can be seen.
        """
        mine = {} if self._side is Side.DEFENDER else {claim.id: claim for claim in disputed}
        keys = self._port.open_games(self._player, self._side)
        self.games = tuple(keys)
        self._retries.keep([*keys, *(GameKey(name, self._player) for name in mine)])
        seen = [self._isolated(key, partial(self._look, key)) for key in keys]
        turns = sorted((t for t in seen if isinstance(t, _Turn)), key=lambda turn: turn.left)
        claims: dict[ClaimId, list[_Turn]] = {}  # the claim of the shortest clock first
        for turn in turns:
            claims.setdefault(turn.key.claim, []).append(turn)
        answered: list[Played | None] = []
        for group in claims.values():
            self._replay(group)
            answered += [self._isolated(turn.key, partial(self._answer, turn)) for turn in group]
        opened = [
            self._isolated(GameKey(name, self._player), partial(self._open, claim))
            for name, claim in mine.items()
        ]
        return [played for played in [*seen, *answered, *opened] if isinstance(played, Played)]

    def _isolated(self, key: GameKey, act: Callable[[], Result | None]) -> Result | None:
        """What `act` gives; None when the game is not due, or when that failed and was reported."""
        if not self._retries.due(key):
            return None
        events = self._events.bind(claim=key.claim, challenger=key.challenger)
        try:
            result = act()
        except (RuleBroken, DataUnavailable) as error:
            events.warning("game.failed", error=type(error).__name__, reason=str(error))
            if isinstance(error, DataUnavailable):
                self._traces.forget(key.claim)  # it may be there next time
        except ConsistencyLost as error:
            events.critical("game.inconsistent", error=type(error).__name__, reason=str(error))
            self._traces.forget(key.claim)  # the data may be another one next time
        except Exception:  # noqa: BLE001 - whatever it is, it is this game's trouble alone
            events.exception("game.failed")
        else:
            if isinstance(result, Played):  # having looked at a game is no success yet
                self._retries.succeeded(key)
            return result
        events.info("game.postponed", retry_in_s=self._retries.failed(key))
        return None

    def _open(self, claim: Claim) -> Played | None:
        """Opens our game on a claim, unless we have or had one or the claim no longer counts."""
        state = self._port.game(claim, self._player)
        if state.status is not Status.UNOPENED:
            return None
        if self._port.standing(claim) is not Standing.LIVE:
            return None
        decision = solver.opening(claim, self._traces.trace(claim), state.rules.k)
        return self._submit(state, opening_action(decision))

    def _look(self, key: GameKey) -> Played | _Turn | None:
        """Reads a game and does what needs no replay; the game when it is ours to answer."""
        claim = self._source.claim(key.claim)
        state = self._port.game(claim, key.challenger)
        if state.status is not Status.PLAYING:
            return None
        if self._port.standing(claim) is not Standing.LIVE:
            return self._submit(state, Close()) if self._side is Side.CHALLENGER else None
        left = state.time_left(self._port.now())
        if state.turn is not self._side:
            return self._submit(state, Timeout()) if left < 0 else None
        if left < 0:
            raise ClockExpired("our clock has run out, the game is lost")
        posted = self._port.last(state)
        if posted.dissection.head(posted.prior) != state.head:
            raise DissectionMismatch("the values read are not those behind the head: a reorg?")
        return _Turn(key, state, posted, left)

    def _replay(self, turns: Sequence[_Turn]) -> None:
        """Fetches what the answers on one claim need: two passes, however many games it has."""
        claim = turns[0].state.claim
        try:
            trace = self._traces.trace(claim)
            trace.states(sorted({p for turn in turns for p in turn.posted.dissection.positions()}))
            trace.states(sorted({p for turn in turns for p in _to_post(turn, trace)}))
        except Exception:  # noqa: BLE001 - each game will meet it again, as its own
            self._events.exception("replay.failed", claim=claim.id)

    def _answer(self, turn: _Turn) -> Played:
        state, posted = turn.state, turn.posted
        trace = self._traces.trace(state.claim)
        decision = solver.respond(posted.dissection, trace, state.rules.k)
        action = answering_action(state, posted.prior, posted.dissection, decision)
        return self._submit(state, action)

    def _submit(self, state: GameState, action: Action) -> Played:
        receipt = self._port.submit(state, action)
        key = GameKey(state.claim.id, state.challenger)
        self._events.info(
            f"game.{type(action).__name__.lower()}",
            claim=key.claim,
            challenger=key.challenger,
            transaction=receipt.transaction,
            gas=receipt.gas_used,
        )
        return Played(key, action, receipt)


def _to_post(turn: _Turn, trace: Trace) -> list[Position]:
    """The positions that the answer will hold; none when the solver will refuse to answer."""
    try:
        part = solver.first_wrong(turn.posted.dissection, trace)
    except ConsistencyLost:
        return []
    return cut(*turn.posted.dissection.bounds(part), turn.state.rules.k)
