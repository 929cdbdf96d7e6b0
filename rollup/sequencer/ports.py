"""What the sequencer needs of L1, and of a clock. `rollup.l1` satisfies these; tests play them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from rollup.protocol.claims import ProgramInfo
from rollup.protocol.header import Header
from rollup.protocol.ledger.inbox import InboxEntry
from rollup.protocol.types import AccountIndex, Address, BatchNumber, Hash, SlotIndex
from rollup.store import Intent, Posted

Clock = Callable[[], float]
"""Unix time in seconds. `time.time`, or a test's own."""


class RegistryPort(Protocol):
    """What admission asks of L1. Every method may raise L1Unavailable."""

    async def owner(self, account: AccountIndex) -> Address | None:
        """The account's address; None when there is no such account."""

    async def slot_live(self, account: AccountIndex, slot: SlotIndex) -> bool:
        """Whether the slot would back a claim that is posted now."""

    async def program(self, program: Hash) -> ProgramInfo | None:
        """A registered program; None when it is unknown."""


@dataclass(frozen=True, slots=True)
class View:
    """The rollup as of one L1 block: all fields are read at that block and no other."""

    block: int
    head: BatchNumber
    """The newest batch; 0 when there is none."""
    head_hash: Hash
    """Its header hash; the genesis hash when there is none."""
    data_hash: Hash
    """Running hash of what the sequencer's account has published since its last post."""
    inbox: int
    """Entries that ever came into the inbox."""
    nonce: int
    """Transactions of the sequencer's account that are in blocks: its next nonce."""


@dataclass(frozen=True, slots=True)
class Publish:
    """`publish(chunk)`."""

    chunk: bytes


@dataclass(frozen=True, slots=True)
class Post:
    """`post(parent, peaks, receipts, root, data hash, inbox)`."""

    parent: Header
    peaks: tuple[Hash, ...]
    """Behind the parent's history."""
    receipts: int
    root: Hash
    data_hash: Hash
    inbox: int
    """Inbox entries that are taken then."""


@dataclass(frozen=True, slots=True)
class Discard:
    """`discard()`:

    the account's running data hash becomes zero. Needed when it is no prefix of the next batch's.
    """


Call = Publish | Post | Discard


class RollupPort(Protocol):
    """What the poster asks of L1.

    Every method may raise L1Unavailable, and is then asked again later.
    """

    async def view(self) -> View:
        """The rollup at the newest block."""

    async def posted(self, number: BatchNumber) -> Posted | None:
        """A batch as L1 holds it, from the event of its post, with the forced receipts that count;
        None when no block holds it now.
        """

    async def inbox(self, first: int, end: int) -> list[InboxEntry]:
        """Inbox entries `first` to `end` - 1, in order; fewer where L1 does not give all of them.
        Asking again is cheap while no other entries have come.
        """

    async def sign(self, number: BatchNumber, calls: Sequence[Call], nonce: int) -> list[Intent]:
        """Transactions for the calls with nonces from `nonce` on, serving batch `number`.

        Nothing is sent.
        """

    async def bump(self, intent: Intent) -> Intent | None:
        """The same call and nonce for a higher fee; None when it would exceed the fee limit."""

    async def send(self, intent: Intent) -> None:
        """Hands the bytes to L1. That L1 knows them already, or has used the nonce, is no error."""
