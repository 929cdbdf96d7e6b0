"""A process's life for tests of the poster: batcher and poster over a store that outlives them."""

import asyncio
import tempfile
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import cache
from itertools import islice
from pathlib import Path

from rollup.errors import L1Unavailable, StoreUnavailable
from rollup.protocol.entries import Entry
from rollup.protocol.ledger.inbox import InboxEntry, force
from rollup.protocol.presets import MINIMAL
from rollup.protocol.types import AccountIndex
from rollup.sequencer.batcher import Batcher
from rollup.sequencer.pool import Pool
from rollup.sequencer.poster import Poster
from rollup.store import SqliteStore
from rollup.store.fsck import fsck
from tests.rollup.entries import DOMAIN, single, stream
from tests.rollup.sequencer.fake_l1 import (
    L1_CALLS,
    STORE_CALLS,
    Counter,
    Failing,
    FakeL1,
)

PRESET = replace(MINIMAL, batch_receipts=8, chunk_bytes=400)
ENTRIES = list(islice(stream(), 8))
RECEIPTS = 16
"""Of the entries: two full batches of several chunks each."""


class Clock:
    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


@asynccontextmanager
async def sequencer(
    path: Path, l1: FakeL1, counter: Counter, clock: Clock
) -> AsyncIterator[tuple[Batcher, Poster]]:
    """What one process runs, over a store that outlives it."""
    store = await SqliteStore.open(path, DOMAIN)
    try:
        guarded = Failing(counter, store, STORE_CALLS, StoreUnavailable)
        pool = Pool(guarded, clock, 1000)
        await pool.load()
        port = Failing(counter, l1, L1_CALLS, L1Unavailable)
        confirmations, cap = PRESET.confirmations, PRESET.inbox_cap
        yield (
            Batcher(guarded, pool, port, PRESET, clock),
            Poster(guarded, port, DOMAIN, clock, confirmations, cap, bump_after=5),
        )
    finally:
        await store.close()


@cache
def filled(count: int) -> bytes:
    """A store's file with the first `count` entries pooled; made once, it saves most fsyncs."""

    async def make(path: Path) -> None:
        store = await SqliteStore.open(path, DOMAIN)
        await store.submit(ENTRIES[:count], 1)
        await store.close()

    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor() as other_loop:
        path = Path(folder) / "s"
        other_loop.submit(asyncio.run, make(path)).result()
        return path.read_bytes()


async def fill(path: Path, entries: list[Entry]) -> None:
    await asyncio.to_thread(path.write_bytes, filled(len(entries)))


async def fill_on(path: Path, entries: list[Entry]) -> None:
    store = await SqliteStore.open(path, DOMAIN)
    await store.submit(entries, 1)
    await store.close()


async def drive(path: Path, l1: FakeL1, counter: Counter, clock: Clock, turns: int) -> None:
    """Turns of a process's life: seal, post, and a block now and then."""
    async with sequencer(path, l1, counter, clock) as (batcher, poster):
        for turn in range(turns):
            clock.now += 1
            try:
                await batcher.step()
                await poster.step()
            except (L1Unavailable, StoreUnavailable):
                pass
            l1.mine(most=3)
            if turn >= 6 and l1.blocks[-5:] == [[]] * 5 and not l1.mempool:
                return  # long done


async def following(path: Path) -> int:
    """The next nonce of account 1, as a process finds it that starts."""
    store = await SqliteStore.open(path, DOMAIN)
    nonce = await store.next_nonce(AccountIndex(1))
    await store.close()
    return nonce


async def live(path: Path, l1: FakeL1, counter: Counter, clock: Clock) -> None:
    """A process's life: receipts, and then inbox entries when there are none any more; one of them
    forces the account's next receipt.
    """
    await drive(path, l1, counter, clock, 25)
    said = single(RECEIPTS)
    l1.outside += [InboxEntry(2, 1, 5), force(said.receipt, said.signature)]
    await drive(path, l1, counter, clock, 25)


def holds_everything(l1: FakeL1, entries: list[Entry]) -> None:
    """Every entry is on L1 once, in order, under headers that its data gives; and no entry of the
    inbox was left behind.
    """
    state, on_l1 = l1.state(), l1.batches()
    ours = [batch for batch, place in zip(on_l1, state.headers, strict=True) if place.ours]
    assert [entry for batch in ours for entry in batch.entries] == entries
    assert state.headers[-1].header.inbox == len(state.inbox)


def whole(path: Path, l1: FakeL1) -> None:
    """The store agrees with itself and with L1."""
    headers = {posted.header.number: posted.header for posted in l1.state().headers}
    assert fsck(path, DOMAIN, headers.get).problems == []
