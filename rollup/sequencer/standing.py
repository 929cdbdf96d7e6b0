"""What L1 holds of what was sealed, written down: the poster's first half of a step."""

import logging
from collections.abc import Sequence
from typing import Final

from bisection.events import Events
from rollup.errors import LostConsistency
from rollup.protocol.eip712 import Domain
from rollup.protocol.header import Header, genesis
from rollup.protocol.types import BatchNumber
from rollup.sequencer.ports import RollupPort, View
from rollup.store import Posted, Store, StoredBatch

LOG: Final = Events(logging.getLogger(__name__))


class Standing:
    """Makes the store agree with L1, or says that they cannot agree."""

    def __init__(self, store: Store, l1: RollupPort, domain: Domain, confirmations: int) -> None:
        self._store = store
        self._l1 = l1
        self._genesis = genesis(domain)
        self._confirmations = confirmations

    async def recognise(self, view: View, unsettled: Sequence[StoredBatch]) -> bool:
        """Writes down which batches L1 holds at `view`, somebody else's as well, and settles
        the deep ones; False when L1 turned back meanwhile.
        """
        first = unsettled[0].number if unsettled else await self._next_number()
        if view.head < first - 1:
            raise LostConsistency(
                f"L1 holds batches up to {view.head}, but batch {first - 1} was taken as lasting; "
                "is this the right L1 node, and is it whole?"
            )
        if view.head == 0 and view.head_hash != self._genesis.hash:
            raise LostConsistency("L1's rollup is another one: its genesis hash is not ours")
        held = [batch for batch in unsettled if batch.number <= view.head]
        if len(held) == view.head - first + 1 and _known(held, unsettled, view):
            posted = [batch.posted for batch in held if batch.posted is not None]
        else:
            posted = await self._read(first, view)
            await self._take_up(posted)
            await self._store.record(posted, BatchNumber(first + len(posted)))
            if len(posted) <= view.head - first:
                return False  # the next view will tell
            LOG.info("batches.posted", head=view.head, block=view.block)
        deep = [
            place.header.number
            for place in posted
            if view.block - place.block >= self._confirmations
        ]
        if deep:
            await self._store.finalize(deep[-1])
        return True

    async def _take_up(self, posted: Sequence[Posted]) -> None:
        """Makes the store have each batch that L1 holds, those of somebody else too.

        Raises:
            LostConsistency: when this account posted receipts that were never sealed here.
        """
        for place, there in enumerate(posted):
            header = there.header
            if _same(await self._store.batch(header.number), header):
                continue
            # Whatever somebody else had posted there is gone.
            await self._store.record(posted[:place], header.number)
            stored = await self._store.batch(header.number)
            if _same(stored, header):
                continue
            # Inbox entries alone: this account may have posted them as anybody may when a batch is
            # overdue (a settlement that signs with its key does). Nothing sealed is lost by them.
            if not there.ours or header.receipts == 0:
                LOG.warning("batch.adopted", batch=header.number, header=header.hash)
                await self._store.adopt(there)
            elif stored is None:
                raise LostConsistency(
                    f"L1 holds batch {header.number}, which this store never sealed; the store is "
                    "an old copy, or another sequencer posts with the same account"
                )
            else:
                raise LostConsistency(
                    f"L1 holds another batch {header.number} than this store sealed; another "
                    "sequencer posts with the same account, or the store is an old copy"
                )

    async def _next_number(self) -> BatchNumber:
        last = await self._store.last_batch()
        return BatchNumber(last.number + 1 if last else 1)

    async def _read(self, first: BatchNumber, view: View) -> list[Posted]:
        """What L1 holds from batch `first` on, up to the first that is gone; the last is the
        view's head.
        """
        posted: list[Posted] = []
        for number in range(first, view.head + 1):
            place = await self._l1.posted(BatchNumber(number))
            if place is None:
                break
            posted.append(place)
        ends = [*(place.header.parent for place in posted[1:]), view.head_hash]
        for whole, place in enumerate(posted):
            if place.header.hash != ends[whole]:
                return posted[:whole]  # L1 turned back meanwhile
        return posted

    async def parent(self, view: View) -> Header:
        """The header of the newest batch, as it was recorded."""
        if view.head == 0:
            return self._genesis
        batch = await self._store.batch(view.head)
        if batch is None or batch.posted is None or batch.posted.header.hash != view.head_hash:
            raise LostConsistency(
                f"L1 holds batch {view.head} under another header than the one that was taken as "
                "lasting; is this the right L1 node, and is it whole?"
            )
        return batch.posted.header


def _known(held: Sequence[StoredBatch], unsettled: Sequence[StoredBatch], view: View) -> bool:
    """Whether the store already says exactly this of L1."""
    if any((batch.posted is not None) != (batch.number <= view.head) for batch in unsettled):
        return False
    return not held or (
        held[-1].posted is not None and held[-1].posted.header.hash == view.head_hash
    )


def _same(batch: StoredBatch | None, header: Header) -> bool:
    """Whether a header on L1 is of this batch, whoever posted it."""
    return batch is not None and (batch.receipts, batch.root, batch.data_hash) == (
        header.receipts,
        header.root,
        header.data_hash,
    )
