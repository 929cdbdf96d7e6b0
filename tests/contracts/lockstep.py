"""One game on the Python rules and on the contract at once: any difference fails the test.

A `LockstepTable` is a `Table`, so the liars of tests/bisection sit down at it as they are. Before
the game is shown or acted in, the model is told the contract's time and the claim's standing there.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

from bisection.alphabet import AlphabetMachine
from bisection.dissection import Dissection
from bisection.game import (
    Action,
    Close,
    Dissect,
    GameState,
    Open,
    OpenStep,
    Prove,
    Rules,
    Side,
    Standing,
    Status,
    Timeout,
)
from bisection.machine import Address, Claim, ClaimId, Machine
from bisection.ports import Posted
from tests.bisection.chain import Chain
from tests.bisection.table import WITNESS_ERROR, ModelTable, View, claim_of
from tests.contracts.arena import REJECTED, Arena, Parameters, deploy, raw_address
from tests.contracts.evm import Event, Revert

_MACHINE_ERRORS: Final = frozenset(
    "WitnessNotEmpty WitnessTooShort WitnessTooLong WrongHeader WrongRow WrongPosition WrongState"
    " WrongRegister WrongLeaf SumOverflow".split()
)
_ENDS: Final = {
    "Won": Status.CHALLENGER_WON,
    "Lost": Status.DEFENDER_WON,
    "Closed": Status.CLOSED,
}


def arena_of(rules: Rules) -> Arena:
    """A deployment with these rules."""
    return deploy(Parameters(k=rules.k, clock=rules.clock, grace=rules.grace))


def hexed(address: Address) -> str:
    """As the driver writes addresses."""
    return "0x" + address.hex()


@dataclass(slots=True)
class Bench:
    """Posts claims and seats players at one deployment."""

    arena: Arena
    rules: Rules
    claims: int = 0
    slots: dict[ClaimId, int] = field(default_factory=dict)

    @property
    def owner(self) -> Address:
        """Who posts every claim and defends it."""
        return raw_address(self.arena.account("owner"))

    def player(self, number: int) -> Address:
        """A challenger with ether."""
        return raw_address(self.arena.account(f"challenger {number}"))

    def claim(self, length: int, *, true: bool, beside: Claim | None = None) -> Claim:
        """Posts a claim, on a slot of its own or on that of another claim."""
        self.claims += 1
        claim = claim_of(length, true=true, name=self.claims, defender=self.owner)
        owner = hexed(self.owner)
        slot = self.slots[beside.id] if beside is not None else self.arena.stake(owner)[1]
        self.slots[claim.id] = slot
        self.arena.host.post(fields(claim), slot, sender=owner)
        return claim

    def table(self, claim: Claim, challenger: int = 0) -> LockstepTable:
        """A game on the claim."""
        return LockstepTable(self.arena, claim, self.player(challenger), self.rules)


def fields(claim: Claim) -> tuple[Any, ...]:
    """The claim as the contracts take it."""
    names = (claim.kind, claim.id, claim.program, claim.pre, claim.post, claim.length)
    return (*names, hexed(claim.defender))


class LockstepTable:
    """See the module."""

    def __init__(
        self,
        arena: Arena,
        claim: Claim,
        challenger: Address,
        rules: Rules,
        machine: Machine | None = None,
    ) -> None:
        self.arena = arena
        self.model = ModelTable(claim, challenger, rules, machine=machine or AlphabetMachine())
        self.actions = 0
        """Calls made, refused ones included; each was compared."""
        self._ended: Status | None = None

    @property
    def state(self) -> GameState:
        """The game in the model."""
        return self.model.state

    @property
    def posted(self) -> list[Posted]:
        """Its dissections, oldest first."""
        return self.model.posted

    def view(self, side: Side) -> View:
        """See `Table.view`."""
        self._tell()
        return self.model.view(side)

    def advance(self, seconds: int) -> None:
        """See `Table.advance`."""
        self.arena.evm.warp(seconds)

    def act(self, side: Side, action: Action) -> str | None:
        """See `Table.act`; both must answer alike and stand alike afterwards."""
        return self.act_as(self.state.player(side), side, action)

    def act_as(self, sender: Address, side: Side, action: Action) -> str | None:
        """As `act`, sent by `sender`, who is `side`'s player or the other's."""
        self._tell()
        answered = self._call(sender, action)
        expected = self.model.act(side, action)
        assert answered == expected, f"{action}: the contract says {answered}, the rules {expected}"
        self.actions += 1
        self._compare(action if answered is None else None)
        return answered

    def look(self, now: int, standing: Standing) -> None:
        """See `Seat.look`: here the contract says both."""
        self._tell()
        assert (self.model.now, self.model.standing) == (now, standing)

    def _tell(self) -> None:
        claim = self.model.claim
        self.model.now = int(self.arena.game.protocolTime())
        if self.arena.game.claimOf(claim.id)[0] == REJECTED:
            self.model.standing = Standing.REJECTED
        elif self.arena.host.isVoid(claim.id):
            self.model.standing = Standing.VOID

    def _call(self, sender: Address, action: Action) -> str | None:
        game, host = self.arena.game, self.arena.host
        claim, challenger = self.model.claim, hexed(self.model.challenger)
        call: dict[str, Any] = {"sender": hexed(sender)}
        bonded = call | {"value": self.arena.rules.challenge_bond}
        try:
            match action:
                case Open(values):
                    host.challenge(claim.id, values, **bonded)
                case OpenStep(witness):
                    host.challengeStep(claim.id, witness, **bonded)
                case Dissect(o, values):
                    named = (o.prior, o.part, o.left, o.right, o.path)
                    game.move(claim.id, challenger, *named, values, **call)
                case Prove(o, witness):
                    named = (o.prior, o.part, o.left, o.right, o.path)
                    game.prove(claim.id, challenger, *named, witness, **call)
                case Timeout():
                    game.timeout(claim.id, challenger, **call)
                case Close():
                    game.close(claim.id, challenger, **call)
        except Revert as error:
            return WITNESS_ERROR if error.name in _MACHINE_ERRORS else error.name
        return None

    def _compare(self, accepted: Action | None) -> None:
        """The contract's storage and events against the model's state."""
        state = self.model.state
        key = (state.claim.id, hexed(state.challenger))
        head, start, length, *clocks, moved_at, moves, turn, is_open = self.arena.game.game(*key)
        assert is_open == (state.status is Status.PLAYING)
        if accepted is not None:
            self._compare_events(accepted)
        if not is_open:
            assert head == bytes(32)
            return
        assert head == state.head
        assert (start, length) == (state.start, state.length)
        assert tuple(clocks) == state.clocks
        assert (moved_at, moves, Side(turn)) == (state.moved_at, state.moves, state.turn)

    def _compare_events(self, action: Action) -> None:
        """What was emitted tells the end, or the dissection and the head that it gave."""
        state = self.model.state
        mine = [event for event in self.arena.evm.events if event.name in {*_ENDS, *_POSTS}]
        (event,) = mine
        assert event["claimId"] == state.claim.id
        assert event["challenger"] == hexed(state.challenger)
        if event.name in _ENDS:
            assert _ENDS[event.name] is state.status
            return
        assert state.status is Status.PLAYING
        assert isinstance(action, Open | Dissect)
        assert event["head"] == state.head
        assert _dissection(event, self.model.posted[-1]) == self.model.posted[-1].dissection


_POSTS: Final = ("Opened", "Moved")


def _dissection(event: Event, posted: Posted) -> Dissection:
    """What a reader of events takes for the last dissection, its agreed first value aside."""
    start = 0 if event.name == "Opened" else event["start"]
    return Dissection(start, event["length"], (posted.dissection.values[0], *event["values"]))


class LockstepChain(Chain):
    """The chain of tests/bisection with the contract under it, for watchers and agents."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        super().__init__(bench.rules, self.now)

    @property
    def now(self) -> int:
        """Protocol time; setting it lets the difference pass."""
        return int(self.bench.arena.game.protocolTime())

    @now.setter
    def now(self, seconds: int) -> None:
        self.bench.arena.evm.warp(seconds - self.now)

    def seat(self, claim: Claim, challenger: Address) -> LockstepTable:
        """See `Chain.seat`."""
        return LockstepTable(self.bench.arena, claim, challenger, self.rules)
