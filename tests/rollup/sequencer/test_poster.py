"""Nothing lost, nothing doubled: the poster dies at every call, and L1 turns back under it."""

import asyncio
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rollup.errors import L1Unavailable, StoreUnavailable
from rollup.protocol.ledger.inbox import InboxEntry
from rollup.protocol.types import BatchNumber
from rollup.sequencer.ports import Discard, Publish
from rollup.store import SqliteStore
from tests.rollup.entries import DOMAIN
from tests.rollup.sequencer.driving import (
    ENTRIES,
    PRESET,
    RECEIPTS,
    Clock,
    drive,
    fill,
    following,
    holds_everything,
    live,
    sequencer,
    whole,
)
from tests.rollup.sequencer.fake_l1 import (
    Counter,
    Crash,
    FakeL1,
    Overdue,
    Waiting,
)


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
            assert await following(path) == RECEIPTS + 1

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
