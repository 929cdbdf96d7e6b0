"""The pool: accepted entries that are in no batch yet, in the order of their acceptance."""

from collections.abc import Sequence
from itertools import count, takewhile

from rollup.errors import PoolFull, Refused
from rollup.protocol.entries import Entry
from rollup.sequencer.meter import WorkMeter
from rollup.sequencer.ports import Clock
from rollup.store import Accepted, Pooled, Store, SubmitResult


class Pool:
    """A view of the store's unbatched entries that needs no reading back.

    Raises:
        PoolFull: from `submit`, when `limit` receipts wait; L1 takes batches too slowly.
    """

    def __init__(
        self, store: Store, clock: Clock, limit: int, meter: WorkMeter | None = None
    ) -> None:
        self._store = store
        self._clock = clock
        self._limit = limit
        self._meter = meter
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
        if self._meter is not None:
            since = int(self._clock() - self._meter.window)
            self._meter.load(await self._store.work_since(since))

    @property
    def receipts(self) -> int:
        """How many receipts wait."""
        return self._receipts

    async def submit(
        self, entries: Sequence[Entry], work: Sequence[int] = ()
    ) -> list[SubmitResult]:
        """See `Store.submit`; what it accepts is in the pool when this returns.

        An entry whose work does not fit into this window is refused with code window-full.
        """
        arriving = sum(len(entry.receipts) for entry in entries)
        if self._receipts and self._receipts + arriving > self._limit:
            raise PoolFull(
                f"{self._receipts} receipts wait for L1, at most {self._limit} may; try again later"
            )
        work = work or [0] * len(entries)
        now = int(self._clock())
        taken = [self._meter is None or self._meter.take(units, now) for units in work]
        fitting = [
            pair for pair, fits in zip(zip(entries, work, strict=True), taken, strict=True) if fits
        ]
        stored = iter(await self._store_all(fitting, now) if fitting else [])
        return [next(stored) if fits else self._window_full() for fits in taken]

    async def _store_all(
        self, fitting: Sequence[tuple[Entry, int]], now: int
    ) -> list[SubmitResult]:
        entries, work = zip(*fitting, strict=True)
        # Counted before waiting: concurrent callers share the limits.
        self._receipts += sum(len(entry.receipts) for entry in entries)
        try:
            results = await self._store.submit(entries, now, work)
        except BaseException:
            for entry, units in fitting:
                self._let_go(entry, units)
            raise
        for (entry, units), result in zip(fitting, results, strict=True):
            if isinstance(result, Accepted) and not result.known:
                self._entries[result.sequence] = Pooled(result.sequence, now, entry)
            else:
                self._let_go(entry, units)
        return results

    def _let_go(self, entry: Entry, work: int) -> None:
        self._receipts -= len(entry.receipts)
        if self._meter is not None:
            self._meter.give_back(work)

    def _window_full(self) -> Refused:
        limit = 0 if self._meter is None else self._meter.limit
        return Refused(
            "window-full",
            f"all {limit} work units of this challenge window are claimed; try again later",
        )

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
