"""What the doubting path needs of a chain. Calls block; whoever has an event loop uses a thread.

Any call may raise what its transport raises; callers here treat that as this item's trouble alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from bisection.dissection import Dissection
from bisection.game import Action, GameState, Side, Standing
from bisection.machine import Address, Claim, ClaimId
from prover.commit.keccak import Hash


@dataclass(frozen=True, slots=True)
class GameKey:
    """Names a game: there is one for each challenger of a claim."""

    claim: ClaimId
    challenger: Address


@dataclass(frozen=True, slots=True)
class Posted:
    """The last dissection of a game, and the head that it was posted on top of."""

    prior: Hash
    dissection: Dissection


@dataclass(frozen=True, slots=True)
class Receipt:
    """A transaction that took effect: its hash, and the gas it used."""

    transaction: Hash
    gas_used: int


class ClaimSource(Protocol):
    """Where claims come from."""

    def pending(self) -> Sequence[ClaimId]:
        """Names of all claims that may still be challenged, oldest first."""
        ...

    def claim(self, name: ClaimId) -> Claim:
        """The claim, pending or not, derived from committed data.

        Raises:
            ClaimError: when its fields are those of no claim.
            DataUnavailable: when what it is derived from cannot be had.
        """
        ...


class GamePort(Protocol):
    """The game contract and the hosts that open games. Nothing is kept between calls."""

    def now(self) -> int:
        """Protocol time in seconds, of the newest block."""
        ...

    def standing(self, claim: Claim) -> Standing:
        """Whether the claim still counts."""
        ...

    def open_games(self, player: Address, side: Side) -> Sequence[GameKey]:
        """Every game being played in which `player` moves for `side`."""
        ...

    def game(self, claim: Claim, challenger: Address) -> GameState:
        """The game as it stands; unopened when there is none."""
        ...

    def last(self, state: GameState) -> Posted:
        """What is to be answered in `state`, read from the chain's events or calldata."""
        ...

    def submit(self, state: GameState, action: Action) -> Receipt:
        """Sends `action` in the game `state`, and waits until it took effect.

        Raises:
            RuleBroken: when the game refuses it.
        """
        ...
