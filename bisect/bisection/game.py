"""What a game is: its state, what a player decides, and the actions that a chain takes.

`bisection.rules` says which action leads where; `bisection.solver` decides.
"""

from dataclasses import dataclass
from enum import Enum, IntEnum

from bisection.dissection import Dissection, Opening, first_head
from bisection.errors import DissectionMismatch
from bisection.machine import Address, Claim
from prover.commit.keccak import Hash


class Side(IntEnum):
    """Who is to move, who wins."""

    CHALLENGER = 0
    DEFENDER = 1

    @property
    def other(self) -> "Side":
        """The opponent."""
        return Side(1 - self)


class Status(Enum):
    """Where a game stands; the last three are final."""

    UNOPENED = "unopened"
    PLAYING = "playing"
    CHALLENGER_WON = "challenger won"
    DEFENDER_WON = "defender won"
    CLOSED = "closed"


class Standing(Enum):
    """Whether the claim still counts: not once a game rejected it, or its bond is gone."""

    LIVE = "live"
    REJECTED = "rejected"
    VOID = "void"


@dataclass(frozen=True, slots=True)
class Rules:
    """Fixed at deployment: parts a dissection (k >= 2), seconds a side, least seconds to prove."""

    k: int
    clock: int
    grace: int


@dataclass(frozen=True, slots=True)
class Move:
    """What a player decides: to dissect part `part` of the opponent's last dissection."""

    part: int
    dissection: Dissection


@dataclass(frozen=True, slots=True)
class Proof:
    """What a player decides: to prove the one step of part `part` (0 for a claim of one step)."""

    part: int
    witness: bytes


@dataclass(frozen=True, slots=True)
class Open:
    """Posts v[1..m] over the whole claim; v[0] is its `pre`."""

    values: tuple[Hash, ...]


@dataclass(frozen=True, slots=True)
class OpenStep:
    """Proves a claim of one step wrong."""

    witness: bytes


@dataclass(frozen=True, slots=True)
class Dissect:
    """Answers one part with v[1..m] over it; v[0] is its left value. The contract's `move`."""

    opening: Opening
    values: tuple[Hash, ...]


@dataclass(frozen=True, slots=True)
class Prove:
    """Proves a part of one step wrong."""

    opening: Opening
    witness: bytes


@dataclass(frozen=True, slots=True)
class Timeout:
    """Ends a game whose player to move ran out of time."""


@dataclass(frozen=True, slots=True)
class Close:
    """Ends a game whose claim no longer counts."""


Action = Open | OpenStep | Dissect | Prove | Timeout | Close


@dataclass(frozen=True, slots=True)
class GameState:
    """One game: what never changes, then what storage holds.

    `start` and `length` are those of the last dissection; `clocks` are the seconds left to
    challenger and defender at `moved_at`, the protocol time of the last move; `moves` counts the
    challenger's dissections. Of a game that is over, only `status` means anything.
    """

    claim: Claim
    challenger: Address
    rules: Rules
    status: Status
    head: Hash
    start: int = 0
    length: int = 0
    turn: Side = Side.CHALLENGER
    clocks: tuple[int, int] = (0, 0)
    moved_at: int = 0
    moves: int = 0

    def player(self, side: Side) -> Address:
        """Who moves for `side`."""
        return self.challenger if side is Side.CHALLENGER else self.claim.defender

    def time_left(self, now: int) -> int:
        """Seconds left to the player to move; negative once its clock ran out."""
        return self.clocks[self.turn] - max(now - self.moved_at, 0)


def unopened(claim: Claim, challenger: Address, rules: Rules) -> GameState:
    """The game before its first move."""
    return GameState(claim, challenger, rules, Status.UNOPENED, first_head(claim.id, challenger))


def opening_action(decision: Dissection | Proof) -> Open | OpenStep:
    """The action that opens a game as decided."""
    if isinstance(decision, Proof):
        return OpenStep(decision.witness)
    return Open(decision.values[1:])


def answering_action(
    state: GameState, prior: Hash, last: Dissection, decision: Move | Proof
) -> Dissect | Prove:
    """The action that answers `last`, posted on top of the head `prior`, as decided.

    Raises:
        DissectionMismatch: when that is not what the game's head commits to.
    """
    if last.head(prior) != state.head:
        raise DissectionMismatch("these values do not give the game's head: read them again")
    opened = last.opening(prior, decision.part)
    if isinstance(decision, Proof):
        return Prove(opened, decision.witness)
    return Dissect(opened, decision.dissection.values[1:])
