"""Batches by size and age: what is sealed follows from pool, clock, preset and inbox."""

import asyncio
import logging
from collections.abc import Sequence
from typing import Final

from bisection.events import Events
from prover.commit.keccak import ZERO_HASH
from rollup.protocol import codec
from rollup.protocol.batch import Batch
from rollup.protocol.header import data_hashes, split
from rollup.protocol.ledger.inbox import InboxKind, urgent
from rollup.protocol.presets import Preset
from rollup.protocol.types import BatchNumber
from rollup.sequencer.pool import Pool
from rollup.sequencer.ports import Clock, RollupPort, View
from rollup.store import Pooled, Sealed, Store

LOG: Final = Events(logging.getLogger(__name__))


def plan(pool: Sequence[Pooled], now: int, preset: Preset) -> int:
    """How many entries, from the first, the next batch takes; 0 to wait.

    A batch is sealed when it is full or the next entry does not fit, or when its oldest entry is
    `batch_age` old. An entry is never split; one that is larger than a batch (the preset was
    changed) goes alone.
    """
    receipts = 0
    for taken, pooled in enumerate(pool):
        receipts += len(pooled.entry.receipts)
        if receipts > preset.batch_receipts:
            return max(taken, 1)
        if receipts == preset.batch_receipts:
            return taken + 1
    if pool and now - pool[0].accepted >= preset.batch_age:
        return len(pool)
    return 0


def make(pooled: Sequence[Pooled], chunk_bytes: int) -> Sealed:
    """The batch of these entries, with the bytes that go to L1."""
    batch = Batch.of([entry.entry for entry in pooled])
    chunks = split(codec.encode(batch.entries), chunk_bytes)
    return Sealed(
        pooled[-1].sequence,
        len(batch.receipts),
        batch.root,
        data_hashes(chunks)[-1],
        tuple(chunks),
    )


def entries_alone(last: int) -> Sealed:
    """A batch that takes inbox entries and holds no receipt; `last` is that of the one before."""
    return Sealed(last, 0, ZERO_HASH, ZERO_HASH, ())


class Batcher:
    """Seals what is due, while no more than `ahead` batches wait for L1.

    After an outage of L1 the pool has grown; it leaves in few full batches, not in many small ones.

    An account that receipts were admitted for is in the inbox. So that the ledger knows it before,
    receipts are sealed only when their batch is sure to take all entries there are; what is more
    than one batch may take is taken first, by batches of entries alone. Such a batch also takes
    what has come while there were no receipts, if any of it is worth a batch (`urgent`).
    """

    def __init__(
        self,
        store: Store,
        pool: Pool,
        l1: RollupPort,
        preset: Preset,
        clock: Clock,
        ahead: int = 2,
    ) -> None:
        self._store = store
        self._pool = pool
        self._l1 = l1
        self._preset = preset
        self._clock = clock
        self._ahead = ahead
        self._busy = clock()
        """When there last was something to seal, or the inbox was last looked at."""

    async def step(self) -> BatchNumber | None:
        """Seals one batch if one is due; durable when this returns its number.

        Raises:
            L1Unavailable, StoreUnavailable: nothing was sealed.
            LostConsistency: the store holds something else than the pool.
        """
        waiting = [b for b in await self._store.unsettled() if b.posted is None]
        if len(waiting) >= self._ahead or any(batch.receipts == 0 for batch in waiting):
            return None
        now = self._clock()
        ready = self._pool.ready()
        taken = plan(ready, int(now), self._preset)
        if not taken and (ready or now - self._busy < self._preset.batch_age):
            return None
        self._busy = now
        view = await self._l1.view()
        first = await self._first_untaken(view)
        if first is None:
            return None
        untaken = view.inbox - first
        if taken and untaken <= self._preset.inbox_cap:
            # Hashing and encoding a large batch takes a while: not on the loop that answers.
            sealed = await asyncio.to_thread(make, ready[:taken], self._preset.chunk_bytes)
        elif untaken and not waiting and (taken or await self._urgent(first, view.inbox)):
            last = await self._store.last_batch()
            sealed = entries_alone(last.last if last else 0)
        else:
            return None
        number = await self._store.seal(sealed, int(now))
        self._pool.drop(sealed.last)
        LOG.info("batch.sealed", batch=number, receipts=sealed.receipts)
        return number

    async def _first_untaken(self, view: View) -> int | None:
        """The first inbox entry that no batch on L1 has taken; None when that is not known now."""
        if view.head == 0:
            return 0
        head = await self._store.batch(view.head)
        if head is None or head.posted is None or head.posted.header.hash != view.head_hash:
            return None  # the poster will say
        return head.posted.header.inbox

    async def _urgent(self, first: int, end: int) -> bool:
        """Whether these inbox entries are worth a batch; so is what L1 does not tell."""
        entries = await self._l1.inbox(first, end)
        if len(entries) < end - first:
            return True
        confirmed = [BatchNumber(e.a) for e in entries if e.kind == InboxKind.CONFIRM]
        settling = {number for number in confirmed if await self._settles(number)}
        return urgent(entries, settling.__contains__)

    async def _settles(self, number: BatchNumber) -> bool:
        batch = await self._store.batch(number)
        if batch is None or batch.posted is None or batch.receipts:
            return True
        header = batch.posted.header
        taken = await self._l1.inbox(header.inbox - header.taken, header.inbox)
        return any(entry.kind == InboxKind.FORCED for entry in taken)
