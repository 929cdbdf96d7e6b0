"""What the doubting path refuses.

    BisectionError
    |-- ClaimError              fields that no claim has
    |-- DataUnavailable         data to judge a claim is missing or is not the claim's: unknown
    |-- ConsistencyLost         our own view contradicts itself: stop, and let a person look
    |   |-- TraceMismatch       our replay is not of the run in dispute
    |   |-- NothingToAnswer     the opponent's values are all ours, yet it is our turn
    |   `-- DissectionMismatch  the values we were given are not those behind the game's head
    `-- RuleBroken              refused by bisection.rules; these are named as the contract's errors
        |-- AlreadyOpened, NotOpen, ClaimOver, StillDisputed    not in this state of game or claim
        |-- NotYourTurn                                         not for the sender to do
        |-- ClockExpired, ClockRunning                          too late, or too early
        |-- WrongPart, WrongPathLength, WrongOpening            not of the last dissection
        |-- WrongLength                                         a proof is due, or a dissection
        |-- WrongValueCount, SameEnd                            no dissection, or no dispute
        `-- StepHolds                                           nothing is proven

A witness that does not open its commitments is `prover.errors.WitnessError`, from the machine.
"""


class BisectionError(Exception):
    """Base of all errors of this package."""


class ClaimError(BisectionError):
    """Fields that no claim has."""


class DataUnavailable(BisectionError):
    """The data to judge a claim is missing, or is not the data that the claim commits to."""


class ConsistencyLost(BisectionError):
    """Our own view contradicts itself; playing on could lose a bond."""


class TraceMismatch(ConsistencyLost):
    """Our replay has another start or length than the run in dispute."""


class NothingToAnswer(ConsistencyLost):
    """Every value of the opponent equals ours, so our replay is not the truth we took it for."""


class DissectionMismatch(ConsistencyLost):
    """The values we were given are not those behind the game's head (a reorg, or a bad node)."""


class RuleBroken(BisectionError):
    """An action that the game refuses; nothing has changed."""


class AlreadyOpened(RuleBroken):
    """The challenger has, or had, its one game on this claim."""


class NotOpen(RuleBroken):
    """The game is over, or was never opened."""


class ClaimOver(RuleBroken):
    """The claim is rejected already."""


class StillDisputed(RuleBroken):
    """The claim is neither rejected nor void, so that the game must be played."""


class NotYourTurn(RuleBroken):
    """The sender is not the player whose turn it is."""


class ClockExpired(RuleBroken):
    """The sender's clock has run out."""


class ClockRunning(RuleBroken):
    """The player to move has time left."""


class WrongPart(RuleBroken):
    """The dissection to be answered has no such part."""


class WrongPathLength(RuleBroken):
    """The path has not as many siblings as the dissection's tree is deep."""


class WrongOpening(RuleBroken):
    """The opening does not give the game's head: it is of another history."""


class WrongLength(RuleBroken):
    """A segment of one step is dissected, or a longer one proven."""


class WrongValueCount(RuleBroken):
    """A dissection of L steps posts min(k, L) values."""


class SameEnd(RuleBroken):
    """A dissection ends in the very value that it disputes."""


class StepHolds(RuleBroken):
    """The step leads to the very value that it should refute."""
