"""What the tests of the game share: one true run, one false run, and duels between them."""

from collections.abc import Callable, Iterator
from dataclasses import replace

from prover.commit.keccak import keccak
from tests.contracts.arena import Arena, Duel, Run
from tests.contracts.evm import Event

PRE = keccak(b"pre")
LENGTH = 2_000_000
WRONG = 1_555_555
TRUE = Run(PRE, LENGTH)
FALSE = replace(TRUE, wrong=WRONG)
LATER = 10**6
"""More than any clock."""


def duel(
    arena: Arena, *, defence: Run, against: Run, name: str = "claim", challenger: str = "challenger"
) -> Duel:
    """A claim on a slot of its own, and somebody who doubts it."""
    owner = arena.account("owner")
    _, slot = arena.stake(owner)
    claim = arena.claim(owner, defence, name, slot)
    return Duel(arena, claim, arena.account(challenger), against, defence)


def also(game: Duel, challenger: str, against: Run | None = None) -> Duel:
    """Another challenger of the same claim."""
    account = game.arena.account(challenger)
    return Duel(game.arena, game.claim, account, against or game.against, game.defence)


def only(events: list[Event], name: str) -> Event:
    """The one event of that name."""
    (event,) = [event for event in events if event.name == name]
    return event


def flip(word: bytes) -> bytes:
    return bytes([word[0] ^ 1]) + word[1:]


def ended(game: Duel) -> Iterator[Callable[[], None]]:
    """Everything that could be tried with a game."""
    yield game.move
    yield game.prove
    yield game.timeout
    yield game.close


def settled(arena: Arena) -> None:
    """The books add up, and nothing is left in the pots."""
    assert arena.accounted() == arena.evm.balance(arena.vault)
    assert arena.vault.pots() == 0
