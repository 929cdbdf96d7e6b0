"""Nothing lost, nothing doubled: the poster dies at every call, and L1 turns back under it."""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import cache
from itertools import islice
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rollup.errors import L1Unavailable, LostConsistency, StoreUnavailable
from rollup.protocol import codec
from rollup.protocol.entries import Entry
from rollup.protocol.header import data_hashes, genesis, split
from rollup.protocol.history import Mountains
from rollup.protocol.ledger.inbox import InboxEntry
from rollup.protocol.presets import MINIMAL
from rollup.protocol.types import BatchNumber, Hash
from rollup.sequencer.batcher import Batcher
from rollup.sequencer.pool import Pool
from rollup.sequencer.ports import Call, Discard, Post, Publish
from rollup.sequencer.poster import Poster
from rollup.store import SqliteStore
from rollup.store.fsck import fsck
from tests.rollup.entries import DOMAIN, stream
from tests.rollup.sequencer.fake_l1 import (
    L1_CALLS,
    STORE_CALLS,
    Counter,
    Crash,
    Failing,
    FakeL1,
    Outside,
    Overdue,
    Waiting,
)

PRESET = replace(MINIMAL, batch_receipts=8, chunk_bytes=400)
ENTRIES = list(islice(stream(), 8))
"""16 receipts: two full batches of several chunks each."""


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


async def live(path: Path, l1: FakeL1, counter: Counter, clock: Clock) -> None:
    """A process's life: receipts, and then an inbox entry when there are none any more."""
    await drive(path, l1, counter, clock, 25)
    l1.outside.append(InboxEntry(2, 1, 5))
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


def test_batches_reach_l1(tmp_path: Path) -> None:
    async def go() -> None:
        l1, clock, counter = FakeL1(DOMAIN), Clock(), Counter()
        await fill(tmp_path / "s", ENTRIES)
        await drive(tmp_path / "s", l1, counter, clock, 25)
        holds_everything(l1, ENTRIES)
        assert len(l1.batches()) == 2
        assert l1.state().reverted == 0
        store = await SqliteStore.open(tmp_path / "s", DOMAIN)
        assert await store.unsettled() == []
        assert await store.intents(0) == []
        await store.close()

    asyncio.run(go())


def calls_of_a_run() -> int:
    async def go() -> int:
        l1, counter = FakeL1(DOMAIN), Counter()
        with tempfile.TemporaryDirectory() as folder:
            await fill(Path(folder) / "s", ENTRIES)
            await live(Path(folder) / "s", l1, counter, Clock())
        assert [posted.header.receipts for posted in l1.state().headers] == [8, 8, 0]
        return counter.calls

    return asyncio.run(go())


CALLS = calls_of_a_run()


@pytest.mark.parametrize("kill", [True, False], ids=["killed", "raised"])
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_failing_at_every_call_loses_and_doubles_nothing(
    tmp_path: Path, after: bool, kill: bool
) -> None:
    async def go() -> None:
        for at in range(CALLS):
            path, l1, clock = tmp_path / f"{at}", FakeL1(DOMAIN), Clock()
            await fill(path, ENTRIES)
            counter = Counter().arm(at, after, kill)
            try:
                await live(path, l1, counter, clock)
            except (Crash, StoreUnavailable):  # the latter while starting
                await live(path, l1, Counter(), clock)
            assert counter.calls > at
            holds_everything(l1, ENTRIES)
            assert l1.state().reverted == 0  # what was paid for was needed
            whole(path, l1)

    asyncio.run(go())


def test_a_reorg_of_the_last_post_is_made_good(tmp_path: Path) -> None:
    for keep in (True, False):

        async def go(keep: bool = keep) -> None:
            l1, clock = FakeL1(DOMAIN), Clock()
            path = tmp_path / str(keep)
            await fill(path, ENTRIES)
            async with sequencer(path, l1, Counter(), clock) as (batcher, poster):
                while len(l1.batches()) < 2:
                    await batcher.step()
                    await poster.step()
                    l1.mine()
                await poster.step()
                lost = l1.state().headers[-1].header
                l1.reorg(1, keep)
                clock.now += 1
                await poster.step()
                assert l1.mempool  # sent again at once
                for _ in range(4):
                    clock.now += 1
                    l1.mine()
                    await poster.step()
                again = l1.state().headers[-1].header
                assert (again.root, again.number) == (lost.root, lost.number)
                assert again.hash != lost.hash
                holds_everything(l1, ENTRIES)

        asyncio.run(go())


actions = st.lists(
    st.one_of(
        st.just("step"),
        st.just("mine"),
        st.tuples(st.just("reorg"), st.integers(1, 2), st.booleans()),
        st.just("forget"),
        st.just("enter"),
        st.just("overdue"),
        st.tuples(st.just("crash"), st.integers(0, 14), st.booleans()),
        st.tuples(st.just("fail"), st.integers(0, 14), st.booleans()),
        st.just("wait"),
    ),
    min_size=5,
    max_size=40,
)


def happen(l1: FakeL1, action: object, at: int) -> None:
    """What others and the chain itself do."""
    match action:
        case "mine":
            l1.mine(most=3)
        case "forget":
            l1.forget()
        case "enter":
            l1.outside.append(InboxEntry(2, 1, at))
        case "overdue":
            l1.outside += [InboxEntry(2, 1, at), Overdue()]
        case ("reorg", int(depth), bool(keep)):
            # No deeper than what nobody takes as lasting yet.
            l1.reorg(min(depth, PRESET.confirmations), keep)


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(actions)
def test_any_schedule_of_crashes_reorgs_and_lost_transactions(schedule: list[object]) -> None:
    async def go(path: Path) -> None:
        l1, clock, counter = FakeL1(DOMAIN), Clock(), Counter()
        await fill(path, ENTRIES)
        at = 0
        while at < len(schedule):
            try:
                async with sequencer(path, l1, counter, clock) as (batcher, poster):
                    while at < len(schedule):
                        action = schedule[at]
                        at += 1
                        clock.now += 1
                        match action:
                            case "step":
                                try:
                                    await batcher.step()
                                    await poster.step()
                                except (L1Unavailable, StoreUnavailable):
                                    pass
                            case "wait":
                                clock.now += 10
                            case ("crash" | "fail" as how, int(calls), bool(after)):
                                counter.arm(calls, after, how == "crash")
                            case _:
                                happen(l1, action, at)
            except (Crash, StoreUnavailable):
                pass
        await drive(path, l1, Counter(), clock, 60)
        holds_everything(l1, ENTRIES)
        whole(path, l1)

    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(go(Path(folder) / "s"))


def test_what_somebody_else_posts_is_taken_up(tmp_path: Path) -> None:
    theirs: list[Outside] = [InboxEntry(2, 1, 5), Overdue()]

    async def go() -> None:
        l1, clock = FakeL1(DOMAIN), Clock()
        await fill(tmp_path / "s", ENTRIES)
        async with sequencer(tmp_path / "s", l1, Counter(), clock) as (batcher, poster):
            await batcher.step()
            await poster.step()  # sent: and somebody else is faster
            l1.outside += theirs
            l1.mine()
            assert l1.state().reverted == 1
            l1.reorg(1)
            l1.mine()
        await drive(tmp_path / "s", l1, Counter(), clock, 40)
        holds_everything(l1, ENTRIES)
        assert [place.ours for place in l1.state().headers] == [False, True, True]
        whole(tmp_path / "s", l1)
        l1.outside += theirs  # and while there is nothing to post
        l1.mine()
        await drive(tmp_path / "s", l1, Counter(), clock, 10)
        whole(tmp_path / "s", l1)

    asyncio.run(go())


def test_a_batch_of_ours_that_somebody_else_posts_is_ours(tmp_path: Path) -> None:
    async def go() -> None:
        l1, clock = FakeL1(DOMAIN), Clock()
        l1.outside.append(InboxEntry(2, 1, 5))
        l1.mine()
        async with sequencer(tmp_path / "s", l1, Counter(), clock) as (batcher, _):
            clock.now += PRESET.batch_age
            assert await batcher.step() == 1
        l1.outside.append(Overdue())
        l1.mine()
        await fill_on(tmp_path / "s", ENTRIES)
        await drive(tmp_path / "s", l1, Counter(), clock, 40)
        assert [posted.header.receipts for posted in l1.state().headers] == [0, 8, 8]
        whole(tmp_path / "s", l1)

    asyncio.run(go())


def test_a_batch_whose_inbox_entries_a_reorg_took_is_withdrawn(tmp_path: Path) -> None:
    async def go() -> None:
        l1, clock = FakeL1(DOMAIN), Clock()
        l1.outside.append(InboxEntry(2, 1, 5))
        l1.mine()
        path = tmp_path / "s"
        async with sequencer(path, l1, Counter(), clock) as (batcher, poster):
            clock.now += PRESET.batch_age
            assert await batcher.step() == 1
            await poster.step()
            l1.reorg(1, keep=False)
            l1.forget()
        await fill_on(path, ENTRIES)
        await drive(path, l1, Counter(), clock, 60)
        holds_everything(l1, ENTRIES)
        assert [posted.header.receipts for posted in l1.state().headers] == [8, 8]
        whole(path, l1)

    asyncio.run(go())


def test_fees_are_raised_when_nothing_moves(tmp_path: Path) -> None:
    async def go() -> None:
        l1, clock = FakeL1(DOMAIN), Clock()
        await fill(tmp_path / "s", ENTRIES)
        l1.min_fee = 2
        await drive(tmp_path / "s", l1, Counter(), clock, 60)
        holds_everything(l1, ENTRIES)

    asyncio.run(go())


def test_leftover_data_is_discarded(tmp_path: Path) -> None:
    async def go() -> None:
        l1, clock = FakeL1(DOMAIN), Clock()
        await fill(tmp_path / "s", ENTRIES)
        for intent in await l1.sign(BatchNumber(0), [Publish(b"from before")], 0):
            await l1.send(intent)
        l1.mine()
        await drive(tmp_path / "s", l1, Counter(), clock, 25)
        holds_everything(l1, ENTRIES)
        sent = [one for block in l1.blocks for one in block if isinstance(one, Waiting)]
        assert any(isinstance(waiting.call, Discard) for waiting in sent)

    asyncio.run(go())


def test_a_nonce_that_vanished_is_filled(tmp_path: Path) -> None:
    async def go() -> None:
        l1, clock = FakeL1(DOMAIN), Clock()
        await fill(tmp_path / "s", ENTRIES)
        # Something else used nonce 0, the batches took later ones, and then a reorg removes it.
        for intent in await l1.sign(BatchNumber(0), [Discard()], 0):
            await l1.send(intent)
        l1.mine()
        async with sequencer(tmp_path / "s", l1, Counter(), clock) as (batcher, poster):
            await batcher.step()
            await poster.step()
        l1.reorg(1, keep=False)
        await drive(tmp_path / "s", l1, Counter(), clock, 40)
        holds_everything(l1, ENTRIES)

    asyncio.run(go())


# ---- what cannot be explained stops


async def post_all(path: Path, l1: FakeL1, clock: Clock) -> None:
    await fill(path, ENTRIES)
    await drive(path, l1, Counter(), clock, 25)


def deep_reorg(l1: FakeL1) -> None:
    l1.reorg(100, keep=False)
    for _ in range(30):
        l1.mine()


def other_rollup(l1: FakeL1) -> None:
    l1.reorg(100, keep=False)
    l1.genesis = genesis(replace(DOMAIN, chain_id=5))


def foreign_batch(l1: FakeL1) -> None:
    head = l1.state().headers[-1].header
    chunks = split(codec.encode(ENTRIES[:1]), 250)
    peaks = Mountains.of([header.hash for header in l1.headers(l1.state())[:-1]]).peaks
    post = Post(head, peaks, 1, Hash(b"\1" * 32), data_hashes(chunks)[-1], 0)
    nonce = l1.state().nonce
    calls: list[Call] = [*map(Publish, chunks), post]

    async def send() -> None:
        for intent in await l1.sign(BatchNumber(4), calls, nonce):
            await l1.send(intent)

    asyncio.run(send())
    l1.mine()


@pytest.mark.parametrize(
    ("contradict", "said"),
    [
        (deep_reorg, "taken as lasting"),
        (foreign_batch, "never sealed"),
        (other_rollup, "taken as lasting"),
    ],
)
def test_a_contradicting_l1_stops(
    tmp_path: Path, contradict: Callable[[FakeL1], None], said: str
) -> None:
    l1, clock = FakeL1(DOMAIN), Clock()
    asyncio.run(post_all(tmp_path / "s", l1, clock))
    contradict(l1)
    with pytest.raises(LostConsistency, match=said) as raised:
        asyncio.run(drive(tmp_path / "s", l1, Counter(), clock, 3))
    assert "\n" not in str(raised.value)


def test_another_batch_in_our_place_stops(tmp_path: Path) -> None:
    l1, clock = FakeL1(DOMAIN), Clock()

    async def go() -> None:
        await fill(tmp_path / "ours", ENTRIES)
        await fill(tmp_path / "other", ENTRIES[:1])
        await drive(tmp_path / "other", l1, Counter(), clock, 5)
        assert len(l1.batches()) == 1
        async with sequencer(tmp_path / "ours", FakeL1(DOMAIN), Counter(), clock) as (batcher, _):
            await batcher.step()
        await drive(tmp_path / "ours", l1, Counter(), clock, 5)

    with pytest.raises(LostConsistency, match="another batch 1"):
        asyncio.run(go())


def test_another_genesis_stops(tmp_path: Path) -> None:
    l1 = FakeL1(replace(DOMAIN, chain_id=5))

    async def go() -> None:
        await fill(tmp_path / "s", ENTRIES)
        await drive(tmp_path / "s", l1, Counter(), Clock(), 3)

    with pytest.raises(LostConsistency, match="genesis"):
        asyncio.run(go())
