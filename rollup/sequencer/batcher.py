"""Batches by size and age: what is sealed follows from pool, clock and preset alone."""

import asyncio
from collections.abc import Sequence

from rollup.protocol import codec
from rollup.protocol.batch import Batch
from rollup.protocol.header import data_hashes, split
from rollup.protocol.presets import Preset
from rollup.protocol.types import BatchNumber
from rollup.sequencer.pool import Pool
from rollup.sequencer.ports import Clock
from rollup.store import Pooled, Sealed, Store


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


def make(number: BatchNumber, pooled: Sequence[Pooled], chunk_bytes: int) -> Sealed:
    """The batch of these entries, with the bytes that go to L1."""
    batch = Batch.of([entry.entry for entry in pooled])
    chunks = split(codec.encode(batch.entries), chunk_bytes)
    return Sealed(
        number,
        pooled[-1].sequence,
        len(batch.receipts),
        batch.root,
        data_hashes(chunks)[-1],
        tuple(chunks),
    )


class Batcher:
    """Seals what is due, while no more than `ahead` batches wait for L1.

    After an outage of L1 the pool has grown; it leaves in few full batches, not in many small ones.
    """

    def __init__(
        self, store: Store, pool: Pool, preset: Preset, clock: Clock, ahead: int = 2
    ) -> None:
        self._store = store
        self._pool = pool
        self._preset = preset
        self._clock = clock
        self._ahead = ahead

    async def step(self) -> Sealed | None:
        """Seals one batch if one is due; durable when this returns.

        Raises:
            StoreUnavailable: nothing was sealed.
            LostConsistency: the store holds something else than the pool.
        """
        waiting = sum(1 for batch in await self._store.unsettled() if batch.posted is None)
        if waiting >= self._ahead:
            return None
        now = int(self._clock())
        ready = self._pool.ready()
        taken = plan(ready, now, self._preset)
        if not taken:
            return None
        last = await self._store.last_batch()
        number = BatchNumber(last.number + 1 if last else 1)
        # Hashing and encoding a large batch takes a while: not on the loop that answers requests.
        sealed = await asyncio.to_thread(make, number, ready[:taken], self._preset.chunk_bytes)
        await self._store.seal(sealed, now)
        self._pool.drop(sealed.last)
        return sealed
