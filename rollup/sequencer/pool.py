"""The pool: accepted entries that are in no batch yet, in the order of their acceptance."""

from collections.abc import Sequence
from itertools import count, takewhile

from rollup.errors import PoolFull
from rollup.protocol.entries import Entry
from rollup.sequencer.ports import Clock
from rollup.store import Accepted, Pooled, Store, SubmitResult


class Pool:
    """A view of the store's unbatched entries that needs no reading back.

    Raises:
        PoolFull: from `submit`, when `limit` receipts wait; L1 takes batches too slowly.
    """

    def __init__(self, store: Store, clock: Clock, limit: int) -> None:
        self._store = store
        self._clock = clock
        self._limit = limit
        self._entries: dict[int, Pooled] = {}
        self._next = 1
        self._receipts = 0

    async def load(self) -> None:
        """Takes up what the store holds from before."""
        last = await self._store.last_batch()
        self._next = last.last + 1 if last else 1
        pooled = await self._store.pooled()
        self._entries = {entry.sequence: entry for entry in pooled}
        self._receipts = sum(len(entry.entry.receipts) for entry in pooled)

    @property
    def receipts(self) -> int:
        """How many receipts wait."""
        return self._receipts

    async def submit(self, entries: Sequence[Entry]) -> list[SubmitResult]:
        """See `Store.submit`; what it accepts is in the pool when this returns."""
        arriving = sum(len(entry.receipts) for entry in entries)
        if self._receipts and self._receipts + arriving > self._limit:
            raise PoolFull(
                f"{self._receipts} receipts wait for L1, at most {self._limit} may; try again later"
            )
        self._receipts += arriving  # before waiting: concurrent callers share the limit
        now = int(self._clock())
        try:
            results = await self._store.submit(entries, now)
        except BaseException:
            self._receipts -= arriving
            raise
        for entry, result in zip(entries, results, strict=True):
            if isinstance(result, Accepted) and not result.known:
                self._entries[result.sequence] = Pooled(result.sequence, now, entry)
            else:
                self._receipts -= len(entry.receipts)
        return results

    def ready(self) -> list[Pooled]:
        """What may be batched, in order and without a gap.

        A commit answers all its callers at once but each takes its entries in when it runs next, so
        for a moment the pool may lack one.
        """
        return [
            self._entries[sequence]
            for sequence in takewhile(self._entries.__contains__, count(self._next))
        ]

    def drop(self, last: int) -> None:
        """Forgets the entries up to `last`: they are in a batch now."""
        for sequence in range(self._next, last + 1):
            self._receipts -= len(self._entries.pop(sequence).entry.receipts)
        self._next = last + 1
