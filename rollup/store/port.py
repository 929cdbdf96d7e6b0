"""What the sequencer asks of a store. SQLite answers it today; another database would by the same
methods.

Every method that changes something returns after the change is durable, and changes all or nothing.
Any of them may raise StoreUnavailable (nothing changed, the caller may try again) or
LostConsistency (stop).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from rollup.errors import Refused
from rollup.protocol.entries import Entry
from rollup.protocol.header import Header
from rollup.protocol.history import Mountains
from rollup.protocol.receipts import Receipt
from rollup.protocol.types import AccountIndex, BatchNumber, Hash, Nonce, ReceiptId


@dataclass(frozen=True, slots=True)
class Accepted:
    """The entry is in the store for good."""

    sequence: int
    """Its place among all entries ever accepted, from 1 without a gap."""
    known: bool
    """Whether it was there before: the same entry, submitted again."""


SubmitResult = Accepted | Refused


@dataclass(frozen=True, slots=True)
class Pooled:
    """An accepted entry that is in no batch yet."""

    sequence: int
    accepted: int
    """Unix time in seconds."""
    entry: Entry


@dataclass(frozen=True, slots=True)
class Sealed:
    """A batch as it is made: what it holds and the bytes that will be published. Its number is that
    of its place, which the store gives it.
    """

    last: int
    """Sequence of its last entry; its first follows the last of the batch before."""
    receipts: int
    """0 for inbox entries alone; it then has no chunks, and zeros for hashes."""
    root: Hash
    data_hash: Hash
    chunks: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Posted:
    """Where L1 holds a batch."""

    header: Header
    block: int
    transaction: Hash
    ours: bool = True
    """Whether the sequencer's account posted it; others may when it has been silent for long."""
    forced: tuple[Receipt, ...] = ()
    """Receipts that it took from the inbox, in order, each signed by its account's owner. Told when
    it is written down; the store gives none back.
    """


@dataclass(frozen=True, slots=True)
class StoredBatch:
    """A sealed batch without its data, and what is known of it on L1."""

    number: BatchNumber
    last: int
    receipts: int
    root: Hash
    data_hash: Hash
    sealed: int
    """Unix time in seconds."""
    posted: Posted | None
    """None while no block that we know of holds it."""
    final: bool
    """Whether its post is so deep that it is taken as lasting."""
    ours: bool = True
    """Whether it was sealed here; else L1 holds it, and it has none of the entries."""


@dataclass(frozen=True, slots=True)
class Intent:
    """A signed transaction, stored before it is sent for the first time."""

    number: BatchNumber
    """The batch that it serves."""
    nonce: int
    """Of the L1 account that signed it."""
    hash: Hash
    raw: bytes
    """The bytes to send. Sending them again does nothing twice: a nonce is used once."""


@dataclass(frozen=True, slots=True)
class Located:
    """Where an accepted receipt is."""

    sequence: int
    batch: BatchNumber | None
    """None while it waits in the pool."""
    index: int
    """Its place in the batch; in its entry while it waits."""


class Store(Protocol):
    """See the module's text for what holds for every method."""

    async def submit(
        self, entries: Sequence[Entry], now: int, work: Sequence[int] = ()
    ) -> list[SubmitResult]:
        """Accepts each entry that comes next for its account, in order.

        `work` has the work units that each entry claims; none are claimed where it is empty.

        A result is `Accepted`, or `Refused` with code nonce-gap (the message names the nonce that
        comes next), nonce-used or bad-signature (one that data cannot hold). What is accepted is
        durable when this returns.
        """

    async def next_nonce(self, account: AccountIndex) -> Nonce:
        """The nonce that the account's next receipt must have."""

    async def pooled(self) -> list[Pooled]:
        """What is in no batch yet, in order."""

    async def seal(self, batch: Sealed, now: int) -> BatchNumber:
        """Moves the entries up to `batch.last` out of the pool into the next batch."""

    async def withdraw(self, number: BatchNumber) -> None:
        """Drops a batch of inbox entries alone that L1 does not hold; those after it move up."""

    async def adopt(self, posted: Posted) -> None:
        """Takes up a batch that somebody else posted; those sealed here from its number on move
        behind it.
        """

    async def last_batch(self) -> StoredBatch | None:
        """The batch sealed last."""

    async def last_final(self) -> StoredBatch | None:
        """The newest batch whose post is taken as lasting."""

    async def batch(self, number: BatchNumber) -> StoredBatch | None:
        """One batch; None when there is none."""

    async def unsettled(self) -> list[StoredBatch]:
        """The batches that are not final, in order."""

    async def chunks(self, number: BatchNumber) -> list[bytes]:
        """The data of a batch as it is published."""

    async def work_since(self, since: int) -> list[tuple[int, int]]:
        """(unix second, work units accepted in it) for the seconds after `since`, in order."""

    async def locate(self, receipt: ReceiptId) -> Located | None:
        """Where a receipt is; None when it was never accepted."""

    async def record(self, posted: Sequence[Posted], unposted_from: BatchNumber) -> None:
        """Writes down where L1 holds batches, and that it holds none from `unposted_from` on.

        Of the latter those that somebody else posted are dropped. An account goes on after the
        nonces that forced receipts used; a nonce whose batch is gone is free again, unless later
        ones were accepted since.
        """

    async def mountains(self, number: BatchNumber) -> Mountains:
        """The mountains behind the history of a batch that L1 holds; those of genesis for 0."""

    async def header_hashes(self, number: BatchNumber) -> list[Hash]:
        """The header hashes 0 .. `number` - 1, which L1 holds: the leaves of those mountains."""

    async def finalize(self, number: BatchNumber) -> None:
        """Takes the posts up to `number` as lasting and forgets the transactions that made them."""

    async def intend(self, intents: Sequence[Intent]) -> None:
        """Writes transactions down, before any of them is sent."""

    async def intents(self, nonce: int) -> list[Intent]:
        """What was written down with this L1 nonce or a later one:

        the last for each nonce, in order.
        """

    async def close(self) -> None:
        """Lets go of the store; what was not durable by now was never acknowledged."""
