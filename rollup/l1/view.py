"""The batches on L1 as a follower reads them: headers, chunks and inbox entries from events, facts
from views.
"""

from contextlib import suppress
from typing import Protocol

from rollup.errors import DataMismatch
from rollup.l1.bound import Place
from rollup.l1.chain import BlockNumber
from rollup.l1.deploy import Contracts
from rollup.l1.events import BatchPosted, chunks_behind
from rollup.protocol.batch import check_inbox
from rollup.protocol.claims import ProgramInfo
from rollup.protocol.header import Header
from rollup.protocol.ledger.inbox import InboxEntry
from rollup.protocol.types import AccountIndex, Address, BatchNumber, Hash, Seconds, SlotIndex


class L1View(Protocol):
    """What following needs of L1. Calls block and may raise what their transport raises."""

    def head(self) -> tuple[BatchNumber, Hash]:
        """Number and header hash of the newest batch; (0, genesis hash) when there is none."""
        ...

    def header(self, number: BatchNumber) -> Header | None:
        """The header of a posted batch, from the event of its post; None when there is none."""
        ...

    def chunks(self, header: Header) -> list[bytes]:
        """The chunks that its poster published for a batch, in order; as many as are found."""
        ...

    def inbox(self, header: Header) -> list[InboxEntry]:
        """The inbox entries that a batch took, in order; as many as are found."""
        ...

    def program(self, program: Hash) -> ProgramInfo | None:
        """A registered program."""
        ...

    def owner(self, account: AccountIndex) -> Address | None:
        """Who signs for an account."""
        ...

    def is_live(self, account: AccountIndex, slot: SlotIndex, posted: Seconds) -> bool:
        """Whether a slot backs what was posted at that protocol time."""
        ...

    def now(self) -> Seconds:
        """Protocol time of the newest block."""
        ...


class ContractView:
    """`L1View` over a deployment's contracts.

    Posts and inbox entries are read once and kept. A kept post counts only while L1 still has its
    header's hash, and kept entries only while they are those of a header.
    """

    def __init__(self, contracts: Contracts) -> None:
        self._contracts = contracts
        self._posts: dict[BatchNumber, BatchPosted] = {}
        self._read = contracts.deployment.block
        self._entries: dict[int, InboxEntry] = {}
        self._entries_read = contracts.deployment.block

    def head(self) -> tuple[BatchNumber, Hash]:
        """See `L1View.head`."""
        return self._contracts.rollup.head()

    def header(self, number: BatchNumber) -> Header | None:
        """See `L1View.header`."""
        posted = self._post(number)
        return None if posted is None else posted.header

    def post_of(self, header: Header) -> Place | None:
        """Where L1 holds the post of a batch; None when it holds none with this header."""
        posted = self._post(header.number)
        return posted.place if posted is not None and posted.header.hash == header.hash else None

    def chunks(self, header: Header) -> list[bytes]:
        """See `L1View.chunks`: what was published since the last post that took published data."""
        place = self.post_of(header)
        if place is None or header.receipts == 0:
            return []
        first = self._since(header.number)
        rollup = self._contracts.rollup
        published = rollup.chunks(self._contracts.deployment.sequencer, first, place.block)
        behind = chunks_behind(published, header.data_hash)
        if behind is None:
            self._posts.clear()  # a reorganisation may have moved them: look again next time
            return []
        chunks = [rollup.chunk_in(publication) for publication in behind]
        return [chunk for chunk in chunks if chunk is not None]

    def inbox(self, header: Header) -> list[InboxEntry]:
        """See `L1View.inbox`."""
        if header.taken == 0:
            return []
        for first in (self._entries_read, self._contracts.deployment.block):
            found = self._taken(header)
            with suppress(DataMismatch):
                return list(check_inbox(header, found))
            # Not read yet, or a reorganisation put others in their place.
            self._scan_inbox(first)
        return self._taken(header)

    def waiting(self, first: int, end: int) -> list[InboxEntry]:
        """Inbox entries `first` to `end` - 1, in order; as many as are found. Their events are read
        again when the last is not the one that is kept.
        """
        if first >= end:
            return []
        leaf = self._contracts.rollup.inbox_leaf(end - 1)
        for start in (self._entries_read, self._contracts.deployment.block):
            found = self._kept(first, end)
            if len(found) == end - first and found[-1].leaf == leaf:
                return found
            self._scan_inbox(start)
        return self._kept(first, end)

    def program(self, program: Hash) -> ProgramInfo | None:
        """See `L1View.program`."""
        return self._contracts.programs.info(program)

    def owner(self, account: AccountIndex) -> Address | None:
        """See `L1View.owner`."""
        return self._contracts.vault.owner_of(account)

    def is_live(self, account: AccountIndex, slot: SlotIndex, posted: Seconds) -> bool:
        """See `L1View.is_live`."""
        return self._contracts.vault.is_live(account, slot, posted)

    def now(self) -> Seconds:
        """See `L1View.now`."""
        return Seconds(self._contracts.game.time())

    def _since(self, number: BatchNumber) -> BlockNumber:
        """The block before which nothing of a batch's data can have been published.

        That is the block of the last batch with receipts before it: batches of inbox entries alone
        may be somebody else's, and leave what the sequencer has published where it is.
        """
        for before in range(number - 1, 0, -1):
            posted = self._post(BatchNumber(before))
            if posted is None:
                break
            if posted.header.receipts:
                return posted.place.block
        return self._contracts.deployment.block

    def _post(self, number: BatchNumber) -> BatchPosted | None:
        current = self._contracts.rollup.batch_hash(number)
        if not any(current):
            return None
        for first in (self._read, self._contracts.deployment.block):
            known = self._posts.get(number)
            if known is not None and known.header.hash == current:
                return known
            # Nothing new holds it: a reorganisation put it where was read before. All over again.
            self._scan(first)
        known = self._posts.get(number)
        return known if known is not None and known.header.hash == current else None

    def _scan(self, first: BlockNumber) -> None:
        last = self._contracts.client.head().number
        for posted in self._contracts.rollup.batches(first, last):
            self._posts[posted.header.number] = posted
        self._read = last

    def _taken(self, header: Header) -> list[InboxEntry]:
        return self._kept(header.inbox - header.taken, header.inbox)

    def _kept(self, first: int, end: int) -> list[InboxEntry]:
        return [self._entries[index] for index in range(first, end) if index in self._entries]

    def _scan_inbox(self, first: BlockNumber) -> None:
        last = self._contracts.client.head().number
        for appended in self._contracts.rollup.inbox_entries(first, last):
            self._entries[appended.index] = appended.entry
        self._entries_read = last
