"""What this room needs of L1: batches to rebuild the ledger from, and what is asserted of it.

Calls block and may raise what their transport raises.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from rollup.protocol.assertions import Assertion, AssertionId
from rollup.protocol.batch import Batch
from rollup.protocol.header import Header
from rollup.protocol.ledger.inbox import InboxEntry
from rollup.protocol.types import BatchNumber, Hash, Seconds


class BatchSource(Protocol):
    """The batches that L1 holds, as `rollup.follower.Follower` has them."""

    @property
    def headers(self) -> Sequence[Header]:
        """All batches, oldest first."""
        ...

    def poll(self) -> int:
        """Takes up what L1 has since the last call."""
        ...

    def batch(self, number: BatchNumber) -> Batch | None:
        """A batch whose data was had and checked; None while it is unknown."""
        ...

    def inbox(self, number: BatchNumber) -> Sequence[InboxEntry] | None:
        """The inbox entries that a batch took, checked against its header; None while unknown."""
        ...


class Stage(Enum):
    """How far an assertion is on L1."""

    PENDING = "pending"
    VOID = "void"
    """The slot behind it was slashed: it counts for nothing and can never be confirmed."""
    REJECTED = "rejected"
    CONFIRMED = "confirmed"


@dataclass(frozen=True, slots=True)
class Asserted:
    """An assertion that L1 holds, and the protocol time at which it was made."""

    assertion: Assertion
    time: Seconds
    stage: Stage
    challenged: bool = False
    """Whether a game was ever opened on it. It waits for that game's end, which its two sides may
    leave to nobody else."""

    @property
    def id(self) -> AssertionId:
        """The assertion's id."""
        return self.assertion.id

    @property
    def number(self) -> BatchNumber:
        """Its batch."""
        return self.assertion.batch


class AssertionView(Protocol):
    """Assertions on L1 as they stand."""

    def poll(self) -> None:
        """Takes up what L1 has since the last call."""
        ...

    @property
    def assertions(self) -> Sequence[Asserted]:
        """All that L1 holds, oldest first."""
        ...

    @property
    def confirmed(self) -> tuple[BatchNumber, Hash]:
        """The newest confirmed state: its batch, and its root."""
        ...

    @property
    def now(self) -> Seconds:
        """Protocol time of the newest block."""
        ...

    @property
    def window(self) -> Seconds:
        """In which an assertion may be challenged."""
        ...
