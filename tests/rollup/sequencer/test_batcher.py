"""Batches by size and age, never through a bundle, and the same from the same pool."""

import asyncio
from dataclasses import replace
from itertools import islice
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollup.errors import PoolFull, Refused, StoreUnavailable
from rollup.protocol import codec
from rollup.protocol.batch import Batch
from rollup.protocol.ledger.inbox import InboxEntry, InboxKind, force
from rollup.protocol.presets import MINIMAL
from rollup.protocol.types import BatchNumber
from rollup.sequencer.batcher import Batcher, make, plan
from rollup.sequencer.meter import WorkMeter
from rollup.sequencer.pool import Pool
from rollup.sequencer.poster import Poster
from rollup.store import Pooled, SqliteStore, SubmitResult
from tests.rollup.entries import DOMAIN, bundled, single, stream
from tests.rollup.sequencer.fake_l1 import FakeL1
from tests.rollup.sequencer.play import PRESET, Clock


class Sized:
    """An entry of which only the number of its receipts matters."""

    def __init__(self, count: int) -> None:
        self.receipts = range(count)


def pool_of(*counts: int, accepted: int = 0) -> list[Pooled]:
    return [
        Pooled(place + 1, accepted, Sized(count))  # type: ignore[arg-type]
        for place, count in enumerate(counts)
    ]


@pytest.mark.parametrize(
    ("counts", "age", "taken"),
    [
        ((), 100, 0),
        ((1,), 0, 0),
        ((1,), 1, 0),
        ((1,), 2, 1),  # old enough
        ((1, 1, 1), 2, 3),
        ((8,), 0, 1),  # full
        ((3, 5), 0, 2),
        ((3, 5, 1), 0, 2),
        ((3, 6), 0, 1),  # the next does not fit: not split
        ((7,), 1, 0),
        ((9,), 0, 1),  # from a larger preset: alone
        ((1, 9), 0, 1),
    ],
)
def test_plan(counts: tuple[int, ...], age: int, taken: int) -> None:
    assert plan(pool_of(*counts), age, PRESET) == taken


@given(st.lists(st.integers(1, 8), max_size=40), st.integers(0, 3))
def test_every_plan_is_a_prefix_that_fits(counts: list[int], age: int) -> None:
    pool = pool_of(*counts)
    taken = plan(pool, age, PRESET)
    assert 0 <= taken <= len(pool)
    assert sum(counts[:taken]) <= PRESET.batch_receipts
    if taken < len(pool):  # nothing is left behind that would have fitted, or nothing is due
        due = taken > 0
        assert not due or sum(counts[: taken + 1]) > PRESET.batch_receipts
    # While a plan takes something, going on with the rest comes to an end.
    assert not counts or plan(pool, 2, PRESET) > 0


def test_the_same_pool_gives_the_same_bytes() -> None:
    entries = list(islice(stream(), 6))
    pooled = [Pooled(i + 1, 0, entry) for i, entry in enumerate(entries)]
    one = make(pooled, 300)
    assert one == make(pooled, 300)
    assert codec.decode(b"".join(one.chunks)) == tuple(entries)
    assert one.root == Batch.of(entries).root
    assert (one.last, one.receipts) == (6, 12)


def test_batches_follow_each_other_and_wait_for_l1(tmp_path: Path) -> None:
    async def go() -> None:
        store = await SqliteStore.open(tmp_path / "s", DOMAIN)
        clock = Clock()
        pool = Pool(store, clock, 100)
        await pool.load()
        await pool.submit(list(islice(stream(), 12)))
        assert pool.receipts == 24
        batcher = Batcher(store, pool, FakeL1(DOMAIN), PRESET, clock, ahead=2)
        sealed = [await batcher.step() for _ in range(3)]
        assert sealed == [1, 2, None]  # two wait for L1: no more
        assert pool.receipts == 8
        again = Pool(store, clock, 100)
        await again.load()
        assert again.ready() == pool.ready()
        assert again.receipts == 8
        await store.close()

    asyncio.run(go())


def test_the_inbox_is_taken_before_receipts_that_it_may_be_about(tmp_path: Path) -> None:
    async def go() -> None:
        store = await SqliteStore.open(tmp_path / "s", DOMAIN)
        clock, l1, preset = Clock(), FakeL1(DOMAIN), replace(PRESET, inbox_cap=3)
        pool = Pool(store, clock, 100)
        await pool.load()
        batcher = Batcher(store, pool, l1, preset, clock)

        async def sealed() -> list[int]:
            while await batcher.step():
                pass
            return [batch.receipts for batch in await store.unsettled()]

        l1.outside += [InboxEntry(2, 1, amount) for amount in range(3)]
        l1.mine()
        assert await sealed() == []
        clock.now += preset.batch_age
        assert await sealed() == [0]  # no receipts came: what there is of the inbox goes alone
        clock.now += preset.batch_age
        assert await sealed() == [0]  # and waits for L1
        await store.withdraw(BatchNumber(1))
        await pool.submit([single(0)])
        clock.now += preset.batch_age
        assert await sealed() == [1]  # no more of it than a batch may take
        await pool.submit([single(1)])
        clock.now += preset.batch_age
        l1.outside.append(InboxEntry(2, 1, 3))
        l1.mine()
        assert await sealed() == [1]  # too much: not before the first batch is on L1
        await store.close()

    asyncio.run(go())


def test_more_than_a_batch_may_take_goes_before_receipts(tmp_path: Path) -> None:
    async def go() -> None:
        store = await SqliteStore.open(tmp_path / "s", DOMAIN)
        clock, l1, preset = Clock(), FakeL1(DOMAIN, 3), replace(PRESET, inbox_cap=3)
        pool = Pool(store, clock, 100)
        await pool.load()
        await pool.submit([single(0)])
        l1.outside += [InboxEntry(2, 1, amount) for amount in range(8)]
        l1.mine()
        batcher = Batcher(store, pool, l1, preset, clock)
        poster = Poster(store, l1, DOMAIN, clock, 1, preset.inbox_cap)
        for _ in range(12):
            clock.now += preset.batch_age
            await batcher.step()
            await poster.step()
            l1.mine()
        headers = [posted.header for posted in l1.state().headers]
        assert [(h.receipts, h.taken, h.inbox) for h in headers] == [
            (0, 3, 3),
            (0, 3, 6),
            (1, 2, 8),
        ]
        assert l1.state().reverted == 0
        await store.close()

    asyncio.run(go())


def test_the_confirmation_of_a_batch_of_entries_alone_is_no_reason_for_another(
    tmp_path: Path,
) -> None:
    async def go() -> None:
        store = await SqliteStore.open(tmp_path / "s", DOMAIN)
        clock, l1 = Clock(), FakeL1(DOMAIN)
        pool = Pool(store, clock, 100)
        await pool.load()
        batcher = Batcher(store, pool, l1, PRESET, clock)
        poster = Poster(store, l1, DOMAIN, clock, 1, PRESET.inbox_cap)

        async def settled() -> list[tuple[int, int]]:
            for _ in range(8):
                clock.now += PRESET.batch_age
                await batcher.step()
                await poster.step()
                l1.mine()
            return [(p.header.receipts, p.header.taken) for p in l1.state().headers]

        def came(*entries: InboxEntry) -> None:
            l1.outside += entries
            l1.mine()

        def confirm(number: int) -> InboxEntry:
            return InboxEntry(InboxKind.CONFIRM, number)

        await pool.submit([single(0)])
        made = [(1, 0)]
        assert await settled() == made
        came(confirm(1))  # of receipts: their claims settle by it
        made.append((0, 1))
        assert await settled() == made
        came(confirm(2))
        assert await settled() == made
        came(InboxEntry(InboxKind.DEPOSIT, 1, 5))
        made.append((0, 2))
        assert await settled() == made
        said = single(1)
        came(confirm(3), force(said.receipt, said.signature))
        made.append((0, 2))
        assert await settled() == made
        came(confirm(4))  # of a forced receipt
        made.append((0, 1))
        assert await settled() == made
        came(confirm(5))
        assert await settled() == made
        await pool.submit([single(2)])
        made.append((1, 1))
        assert await settled() == made
        came(confirm(99))  # nothing is known of it
        made.append((0, 1))
        assert await settled() == made
        assert l1.state().reverted == 0
        await store.close()

    asyncio.run(go())


def test_the_pool_has_a_limit_and_lets_go_of_what_failed(tmp_path: Path) -> None:
    async def go() -> None:
        store = await SqliteStore.open(tmp_path / "s", DOMAIN)
        pool = Pool(store, Clock(), 5)
        await pool.load()
        await pool.submit([bundled(0, 4)])
        with pytest.raises(PoolFull, match="try again later"):
            await pool.submit([bundled(4, 2)])
        await pool.submit([bundled(0, 4)][:0])
        (known,) = await pool.submit([single(4)])
        assert known.sequence == 2  # type: ignore[union-attr]
        assert pool.receipts == 5
        await store.close()
        fresh = Pool(store, Clock(), 100)
        with pytest.raises(StoreUnavailable):
            await fresh.submit([single(5)])
        assert fresh.receipts == 0

    asyncio.run(go())


def test_known_and_refused_entries_take_no_room(tmp_path: Path) -> None:
    async def go() -> None:
        store = await SqliteStore.open(tmp_path / "s", DOMAIN)
        pool = Pool(store, Clock(), 100)
        await pool.load()
        await pool.submit([single(0), single(0), single(9)])
        assert pool.receipts == 1
        assert len(pool.ready()) == 1
        await store.close()

    asyncio.run(go())


def test_work_beyond_the_window_is_refused(tmp_path: Path) -> None:
    async def go() -> None:
        clock = Clock()
        store = await SqliteStore.open(tmp_path / "s", DOMAIN)

        async def pool_over(store: SqliteStore) -> Pool:
            pool = Pool(store, clock, 100, WorkMeter(limit=100, window=60))
            await pool.load()
            return pool

        def codes(results: list[SubmitResult]) -> list[str]:
            return [r.code if isinstance(r, Refused) else "accepted" for r in results]

        pool = await pool_over(store)
        assert codes(await pool.submit([single(0), single(0, 2)], [70, 40])) == [
            "accepted",
            "window-full",
        ]
        clock.now += 30
        assert codes(await pool.submit([single(0, 2), single(5, 3)], [30, 0])) == [
            "accepted",
            "nonce-gap",
        ]
        assert codes(await pool.submit([single(1)], [1])) == ["window-full"]
        assert codes(await pool.submit([single(1)], [0])) == ["accepted"]
        # What was counted is counted after a restart, and what was refused or known is not.
        again = await pool_over(store)
        assert codes(await again.submit([single(2)], [1])) == ["window-full"]
        clock.now += 30
        assert codes(await again.submit([single(2)], [71])) == ["window-full"]
        assert codes(await again.submit([single(9)], [70])) == ["nonce-gap"]
        assert codes(await again.submit([single(0)], [70])) == ["accepted"]  # known
        assert codes(await again.submit([single(2)], [70])) == ["accepted"]
        await store.close()

    asyncio.run(go())


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 50)), max_size=30))
def test_no_window_holds_more_than_its_limit(arrivals: list[tuple[int, int]]) -> None:
    meter, now = WorkMeter(limit=100, window=60), 0
    taken: list[tuple[int, int]] = []
    for wait, work in arrivals:
        now += wait
        fits = sum(w for at, w in taken if at > now - 60) + work <= 100
        assert meter.take(work, now) == (fits or work == 0)
        if fits and work:
            taken.append((now, work))
        assert meter.used(now) == sum(w for at, w in taken if at > now - 60) <= 100


def test_an_outage_leaves_in_full_batches() -> None:
    preset = replace(MINIMAL, batch_receipts=512)
    counts = [1] * 2_000
    batches = []
    while counts:
        taken = plan(pool_of(*counts), 10_000, preset)
        batches.append(taken)
        counts = counts[taken:]
    assert batches == [512, 512, 512, 464]
