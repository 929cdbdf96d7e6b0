"""What is on L1 and was not posted here: somebody else's batches, and what cannot be explained."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from rollup.errors import LostConsistency
from rollup.protocol import codec
from rollup.protocol.entries import sign_receipt
from rollup.protocol.header import data_hashes, genesis, split
from rollup.protocol.history import Mountains
from rollup.protocol.ledger.inbox import InboxEntry, force
from rollup.protocol.types import AccountIndex, BatchNumber, Hash
from rollup.sequencer.ports import Call, Post, Publish
from tests.rollup.entries import DOMAIN, label, single
from tests.rollup.following import OTHER_KEY
from tests.rollup.sequencer.driving import (
    ENTRIES,
    PRESET,
    Clock,
    drive,
    fill,
    fill_on,
    following,
    holds_everything,
    sequencer,
    whole,
)
from tests.rollup.sequencer.fake_l1 import (
    Counter,
    FakeL1,
    Outside,
    Overdue,
)


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


async def take(path: Path, l1: FakeL1, clock: Clock, *came: Outside, turns: int = 4) -> None:
    """A process that finds these on L1, and lives for some turns of its own."""
    l1.outside += came
    l1.mine()
    clock.now += PRESET.batch_age
    await drive(path, l1, Counter(), clock, turns)


@pytest.mark.parametrize("theirs", [False, True])
def test_the_account_goes_on_after_what_was_forced(tmp_path: Path, theirs: bool) -> None:
    path = tmp_path / "s"

    async def go() -> None:
        l1, clock = FakeL1(DOMAIN), Clock()
        of_nobody = sign_receipt(label(1), DOMAIN, OTHER_KEY)
        came: list[Outside] = [
            force(one.receipt, one.signature) for one in (single(0), of_nobody, single(1))
        ]
        if theirs:
            came.append(Overdue())
        await take(path, l1, clock, *came)
        assert [place.ours for place in l1.state().headers] == [not theirs]
        assert await following(path) == 2
        whole(path, l1)
        await drive(path, l1, Counter(), clock, 3)
        assert await following(path) == 2
        await fill_on(path, [single(2)])
        for _ in range(20):
            await take(path, l1, clock, turns=1)
            if any(place.header.receipts for place in l1.state().headers):
                break
        await drive(path, l1, Counter(), clock, 1)
        whole(path, l1)
        assert [entry.id for batch in l1.batches() for entry in batch.entries] == [single(2).id]
        assert await following(path) == 3

    asyncio.run(go())


@pytest.mark.parametrize("theirs", [False, True])
@pytest.mark.parametrize("kept", [False, True])
def test_what_was_forced_uses_no_nonce_while_l1_lacks_it(
    tmp_path: Path, theirs: bool, kept: bool
) -> None:
    path = tmp_path / "s"

    async def go() -> None:
        l1, clock, said = FakeL1(DOMAIN), Clock(), single(0)
        others: list[Outside] = [Overdue()] if theirs else []
        l1.outside += [force(said.receipt, said.signature), *others]
        async with sequencer(path, l1, Counter(), clock) as (batcher, poster):
            for _ in range(20):
                l1.mine()
                clock.now += 1
                await batcher.step()
                await poster.step()
                if await poster._store.next_nonce(AccountIndex(1)):
                    break
            assert await poster._store.next_nonce(AccountIndex(1)) == 1
            l1.reorg(len(l1.blocks), keep=kept)
            l1.forget()
            await poster.step()
        assert await following(path) == 0
        whole(path, l1)
        await take(path, l1, clock, turns=6)
        assert await following(path) == int(kept)
        whole(path, l1)

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
