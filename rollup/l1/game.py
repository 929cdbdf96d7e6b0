"""The dispute game's contract as a Python object."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from bisection.dissection import Dissection, Opening, first_head
from bisection.game import GameState, Rules, Side, Status
from bisection.machine import Address, Claim, ClaimId
from bisection.ports import GameKey
from prover.commit.keccak import ZERO_HASH, Hash
from rollup.errors import LostConsistency
from rollup.l1.accounts import Signer
from rollup.l1.bound import Bound, Place
from rollup.l1.chain import At, BlockNumber, Mined
from rollup.protocol.types import Address as LedgerAddress
from rollup.protocol.types import Wei, address_text


class ClaimStatus(IntEnum):
    """What became of a claim so far."""

    UNKNOWN = 0
    DISPUTED = 1
    REJECTED = 2


class Ending(IntEnum):
    """How a game ended."""

    WON = 0
    LOST = 1
    CLOSED = 2


@dataclass(frozen=True, slots=True)
class DissectionPosted:
    """A dissection of ``length`` steps from ``start`` was posted; ``values`` are v[1..m]."""

    claim: ClaimId
    challenger: Address
    head: Hash
    start: int
    length: int
    values: tuple[Hash, ...]
    place: Place


@dataclass(frozen=True, slots=True)
class GameEnded:
    """A game ended; ``paid`` wei went to the challenger, or to the defender when it was lost."""

    claim: ClaimId
    challenger: Address
    ending: Ending
    paid: Wei
    place: Place


class GameContract(Bound):
    """Games, by claim and challenger."""

    artifact_name = "DisputeGame"

    def rules(self) -> Rules:
        """What the deployment fixed."""
        return Rules(self.read("K"), self.read("CLOCK"), self.read("GRACE"))

    def challenge_bond(self) -> Wei:
        """Wei a challenger puts up."""
        return Wei(self.read("CHALLENGE_BOND"))

    def time(self, block: At | None = None) -> int:
        """Protocol time: block time less paused time."""
        return int(self.read("protocolTime", block=block))

    def status_of(self, claim: ClaimId) -> ClaimStatus:
        """What became of a claim."""
        return ClaimStatus(self.read("claimOf", claim)[0])

    def kind_of(self, claim: ClaimId) -> int | None:
        """Kind of a claim that was challenged; None when it was not."""
        status, kind = self.read("claimOf", claim)[:2]
        return None if ClaimStatus(status) is ClaimStatus.UNKNOWN else int(kind)

    def defender_of(self, claim: ClaimId) -> Address:
        """Who moves for a claim that was challenged; zeros when it was not."""
        return Address(bytes.fromhex(self.read("claimOf", claim)[3][2:]))

    def state(self, claim: Claim, challenger: Address, rules: Rules) -> GameState:
        """The game as it stands.

        How a game that is over ended is told by its events alone; here it is CLOSED.
        """
        view = self.read("game", claim.id, _text(challenger))
        head, start, length, mine, theirs, moved_at, moves, defender_to_move, playing = view
        if moved_at == 0:
            head = first_head(claim.id, challenger)
            return GameState(claim, challenger, rules, Status.UNOPENED, head)
        return GameState(
            claim,
            challenger,
            rules,
            Status.PLAYING if playing else Status.CLOSED,
            Hash(head) if playing else ZERO_HASH,
            start,
            length,
            Side.DEFENDER if defender_to_move else Side.CHALLENGER,
            (mine, theirs),
            moved_at,
            moves,
        )

    def is_open(self, claim: ClaimId, challenger: Address) -> bool:
        """Whether the game is being played."""
        playing: bool = self.read("game", claim, _text(challenger))[-1]
        return playing

    def openings(self, first: BlockNumber, last: BlockNumber) -> list[tuple[GameKey, BlockNumber]]:
        """Games opened in L1 blocks first..last, and where."""
        return [(_key(values), place.block) for values, place in self.events("Opened", first, last)]

    def move(
        self,
        signer: Signer,
        claim: ClaimId,
        challenger: Address,
        opened: Opening,
        values: Sequence[Hash],
    ) -> Mined:
        """Answers a part of more than one step."""
        return self.send(signer, "move", *_opened(claim, challenger, opened), list(values))

    def prove(
        self, signer: Signer, claim: ClaimId, challenger: Address, opened: Opening, witness: bytes
    ) -> Mined:
        """Proves a part of one step wrong."""
        return self.send(signer, "prove", *_opened(claim, challenger, opened), witness)

    def timeout(self, signer: Signer, claim: ClaimId, challenger: Address) -> Mined:
        """Ends a game whose player to move ran out of time."""
        return self.send(signer, "timeout", claim, _text(challenger))

    def close_game(self, signer: Signer, claim: ClaimId, challenger: Address) -> Mined:
        """Ends a game whose claim no longer counts."""
        return self.send(signer, "close", claim, _text(challenger))

    def dissections(
        self,
        first: BlockNumber,
        last: BlockNumber,
        claim: ClaimId | None = None,
        challenger: Address | None = None,
    ) -> list[DissectionPosted]:
        """Dissections posted in L1 blocks first..last, in order; of one game if both are given."""
        topics = _filter(claim, challenger)
        found = [
            (values | {"start": values.get("start", 0)}, place)
            for name in ("Opened", "Moved")
            for values, place in self.events(name, first, last, topics)
        ]
        found.sort(key=lambda pair: (pair[1].block, pair[1].index))
        return [
            DissectionPosted(
                ClaimId(Hash(values["claimId"])),
                Address(bytes.fromhex(values["challenger"][2:])),
                Hash(values["head"]),
                values["start"],
                values["length"],
                tuple(Hash(value) for value in values["values"]),
                place,
            )
            for values, place in found
        ]

    def endings(
        self,
        first: BlockNumber,
        last: BlockNumber,
        claim: ClaimId | None = None,
        challenger: Address | None = None,
    ) -> list[GameEnded]:
        """Games that ended in L1 blocks first..last."""
        topics = _filter(claim, challenger)
        return [
            GameEnded(
                ClaimId(Hash(values["claimId"])),
                Address(bytes.fromhex(values["challenger"][2:])),
                Ending[name.upper()],
                Wei(values["paid"]),
                place,
            )
            for name in ("Won", "Lost", "Closed")
            for values, place in self.events(name, first, last, topics)
        ]


def replay(claim: Claim, posted: Sequence[DissectionPosted]) -> list[tuple[Hash, Dissection]]:
    """(head before, dissection) for each dissection of one game, given all of them in order.

    The agreed first value of each is what the one before it says of that position.

    Raises:
        LostConsistency: when the events are not those of one game on ``claim``.
    """
    history: list[tuple[Hash, Dissection]] = []
    for event in posted:
        agreed: dict[int, Hash] = {0: claim.pre}
        prior = first_head(claim.id, event.challenger)
        if history:
            before_it, last = history[-1]
            agreed = dict(zip(last.positions(), last.values, strict=True))
            prior = last.head(before_it)
        if event.start not in agreed:
            raise LostConsistency(
                f"game 0x{claim.id.hex()}: a dissection starts at {event.start}, where the one"
                " before it has no value: the endpoint's events are not whole"
            )
        values = (agreed[event.start], *event.values)
        dissection = Dissection(event.start, event.length, values)
        if dissection.head(prior) != event.head:
            raise LostConsistency(
                f"game 0x{claim.id.hex()}: the values of an event do not give its head"
            )
        history.append((prior, dissection))
    return history


def _opened(claim: ClaimId, challenger: Address, opened: Opening) -> tuple[Any, ...]:
    return (
        claim,
        _text(challenger),
        opened.prior,
        opened.part,
        opened.left,
        opened.right,
        list(opened.path),
    )


def _key(values: dict[str, Any]) -> GameKey:
    challenger = Address(bytes.fromhex(values["challenger"][2:]))
    return GameKey(ClaimId(Hash(values["claimId"])), challenger)


def _text(address: bytes) -> str:
    return address_text(LedgerAddress(address))


def _filter(claim: ClaimId | None, challenger: Address | None) -> list[bytes | None]:
    return [claim, None if challenger is None else bytes(12) + challenger]
