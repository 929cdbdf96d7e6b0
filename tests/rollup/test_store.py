"""The store: durable when it answers, and all or nothing."""

import asyncio
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from prover.commit.keccak import ZERO_HASH
from rollup.errors import LostConsistency
from rollup.protocol import codec
from rollup.protocol.eip712 import Signature
from rollup.protocol.entries import Entry, SignedReceipt
from rollup.protocol.header import genesis
from rollup.protocol.history import Mountains
from rollup.protocol.types import AccountIndex, BatchNumber, Seconds
from rollup.store import Accepted, Intent, Located, Sealed, SqliteStore
from rollup.store.fsck import fsck
from tests.rollup.entries import DOMAIN, bundled, digest, label, single, stream
from tests.rollup.headers import following
from tests.rollup.stores import codes, header_of, opened, placed, run, seal


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store.db"


def test_entries_are_numbered_kept_and_found(path: Path) -> None:
    entries = list(islice(stream(), 6))

    async def first() -> None:
        async with opened(path) as store:
            results = await store.submit(entries, 1000)
            assert results == [Accepted(i + 1, known=False) for i in range(6)]
            assert await store.next_nonce(AccountIndex(1)) == 12
            assert await store.next_nonce(AccountIndex(2)) == 0

    async def second() -> None:
        async with opened(path) as store:
            pooled = await store.pooled()
            assert [p.entry for p in pooled] == entries
            assert [p.sequence for p in pooled] == [1, 2, 3, 4, 5, 6]
            assert {p.accepted for p in pooled} == {1000}
            assert await store.next_nonce(AccountIndex(1)) == 12
            inside = entries[1].receipts[2].id
            assert await store.locate(inside) == Located(2, None, 2)
            assert await store.locate(entries[2].receipts[0].id) == Located(3, None, 0)
            assert await store.locate(label(99).id) is None

    run(first())
    run(second())


def test_nonces_come_in_order_and_duplicates_are_known(path: Path) -> None:
    async def go() -> None:
        async with opened(path) as store:
            first = await store.submit(
                [
                    single(0),
                    single(0),  # twice in one call
                    single(2),  # a gap
                    bundled(1, 3),
                    single(2),  # now used by the bundle
                    single(4),
                    single(0, account=2),
                    single(0, account=1, said="other"),
                ],
                1,
            )
            assert codes(first) == [
                "new",
                "known",
                "nonce-gap",
                "new",
                "nonce-used",
                "new",
                "new",
                "nonce-used",
            ]
            assert "nonce 1, not 2" in str(first[2])
            again = await store.submit([bundled(1, 3), single(0), single(5)], 2)
            assert again == [Accepted(2, known=True), Accepted(1, known=True), Accepted(5, False)]

    run(go())


def test_concurrent_submits_share_commits_and_each_account_stays_in_order(path: Path) -> None:
    async def go() -> None:
        async with opened(path) as store:
            commits = 0
            commit = store._intake._commit

            async def counted(group: Any) -> None:
                nonlocal commits
                commits += 1
                await commit(group)

            store._intake._commit = counted
            accounts = range(1, 41)
            sent = [store.submit([single(n, account)], n) for account in accounts for n in (0, 1)]
            results = await asyncio.gather(*sent)
            accepted = [result[0] for result in results if isinstance(result[0], Accepted)]
            assert sorted(result.sequence for result in accepted) == list(range(1, 81))
            assert commits < 10
            assert len(await store.pooled()) == 80

    run(go())


def test_what_data_cannot_hold_is_refused_before_it_is_accepted(path: Path) -> None:
    async def go() -> None:
        async with opened(path) as store:
            good = single(0)
            bad = SignedReceipt(good.receipt, Signature(good.signature[:64] + b"\x00"))
            far = single(0, account=2**63)
            results = await store.submit([bad, far, good], 1)
            assert codes(results) == ["bad-signature", "unknown-account", "new"]

    run(go())


# ---- batches


def test_sealing_moves_entries_out_of_the_pool(path: Path) -> None:
    entries = list(islice(stream(), 5))

    async def go() -> None:
        async with opened(path) as store:
            await store.submit(entries, 1)
            sealed = await seal(store, 3)
            assert [p.entry for p in await store.pooled()] == entries[3:]
            second = await seal(store, 2)
            assert await store.pooled() == []
            assert codec.decode(b"".join(await store.chunks(BatchNumber(1)))) == tuple(entries[:3])
            assert len(sealed.chunks) > 1
            receipts = [r for entry in entries for r in entry.receipts]
            for place, receipt in enumerate(receipts):
                found = await store.locate(receipt.id)
                assert found is not None
                if place < sealed.receipts:
                    assert (found.batch, found.index) == (1, place)
                else:
                    assert (found.batch, found.index) == (2, place - sealed.receipts)
            last = await store.last_batch()
            assert last is not None
            assert (last.number, last.root, last.posted) == (2, second.root, None)
            assert [b.number for b in await store.unsettled()] == [1, 2]
            assert await store.batch(BatchNumber(3)) is None

    run(go())


@pytest.mark.parametrize("change", [{"receipts": 2}, {"last": 99}, {"last": 0}, {"receipts": 0}])
def test_a_batch_that_does_not_follow_is_lost_consistency(
    path: Path, change: dict[str, Any]
) -> None:
    async def go() -> None:
        async with opened(path) as store:
            await store.submit(list(islice(stream(), 4)), 1)
            sealed = await seal(store, 2)
            nothing = replace(sealed, last=4, receipts=4)
            with pytest.raises(LostConsistency, match="does not follow"):
                await store.seal(replace(nothing, **change), 1)
            assert len(await store.pooled()) == 2
            assert await store.seal(nothing, 1) == 2

    run(go())


def test_posts_are_recorded_taken_back_and_made_final(path: Path) -> None:
    async def go() -> None:
        async with opened(path) as store:
            await store.submit(list(islice(stream(), 4)), 1)
            one = header_of(await seal(store, 1))
            two = header_of(await seal(store, 1), one)
            await store.record([placed(one, 10), placed(two, 11)], BatchNumber(3))
            leaves = [genesis(DOMAIN).hash, one.hash]
            for number in (0, 1, 2):
                assert await store.header_hashes(BatchNumber(number)) == leaves[:number]
                mountains = await store.mountains(BatchNumber(number))
                assert mountains == Mountains.of(leaves[:number])
            assert (await store.mountains(two.number)).hash == two.history
            held = await store.unsettled()
            assert [b.posted and b.posted.header for b in held] == [one, two]
            moved = replace(one, posted=Seconds(9))
            await store.record([placed(moved, 12)], BatchNumber(2))
            held = await store.unsettled()
            assert [b.posted and b.posted.header for b in held] == [moved, None]
            with pytest.raises(LostConsistency, match="where L1 holds batch 2"):
                await store.mountains(BatchNumber(2))
            with pytest.raises(LostConsistency, match="not that of the headers before"):
                await store.record([placed(two, 12)], BatchNumber(3))
            assert await store.unsettled() == held
            await store.finalize(BatchNumber(1))
            assert [b.number for b in await store.unsettled()] == [2]

    run(go())


async def homes(store: SqliteStore, entries: list[Entry]) -> list[tuple[int, int]]:
    """Batch and place of each entry's first receipt."""
    found = [await store.locate(entry.receipts[0].id) for entry in entries]
    return [(at.batch or 0, at.index) for at in found if at is not None]


def test_a_batch_of_inbox_entries_alone_is_withdrawn_and_others_move_up(path: Path) -> None:
    entries = list(islice(stream(), 2))

    async def go() -> None:
        async with opened(path) as store:
            await store.submit(entries, 1)
            alone = Sealed(0, 0, ZERO_HASH, ZERO_HASH, ())
            assert await store.seal(alone, 1) == 1
            one = await seal(store, 1)
            assert await store.seal(replace(alone, last=1), 1) == 3
            two = await seal(store, 1)
            await store.intend([Intent(BatchNumber(4), 7, digest("four"), b"")])
            assert await homes(store, entries) == [(2, 0), (4, 0)]
            await store.withdraw(BatchNumber(1))
            await store.withdraw(BatchNumber(2))
            assert await homes(store, entries) == [(1, 0), (2, 0)]
            assert await store.chunks(BatchNumber(2)) == list(two.chunks)
            assert [b.root for b in await store.unsettled()] == [one.root, two.root]
            assert [i.number for i in await store.intents(0)] == [2]
            for number in (1, 2, 3):
                with pytest.raises(LostConsistency, match="inbox entries alone"):
                    await store.withdraw(BatchNumber(number))
            report = fsck(path, DOMAIN)
            assert (report.problems, report.batches) == ([], 2)

    run(go())


def test_a_batch_of_somebody_else_comes_between_and_goes_again(path: Path) -> None:
    entries = list(islice(stream(), 3))

    async def go() -> None:
        async with opened(path) as store:
            await store.submit(entries, 1)
            one = header_of(await seal(store, 1))
            two, _ = await seal(store, 1), await seal(store, 1)
            await store.record([placed(one, 5)], BatchNumber(2))
            theirs = following([genesis(DOMAIN), one], 9, digest("root"), digest("data"))
            await store.adopt(replace(placed(theirs, 6), ours=False))
            assert await homes(store, entries) == [(1, 0), (3, 0), (4, 0)]
            held = await store.unsettled()
            assert [b.ours for b in held] == [True, False, True, True]
            assert held[1].posted is not None
            assert held[1].posted.header == theirs
            assert await store.chunks(BatchNumber(3)) == list(two.chunks)
            assert fsck(path, DOMAIN).problems == []
            far = replace(theirs, number=BatchNumber(9))
            with pytest.raises(LostConsistency, match="does not follow"):
                await store.adopt(placed(far, 6))
            await store.record([], BatchNumber(2))
            assert await homes(store, entries) == [(1, 0), (2, 0), (3, 0)]
            assert [b.ours for b in await store.unsettled()] == [True] * 3
            assert fsck(path, DOMAIN).problems == []

    run(go())


def test_the_journal_keeps_the_last_transaction_of_each_nonce(path: Path) -> None:
    def intent(nonce: int, what: str, number: int = 1) -> Intent:
        return Intent(BatchNumber(number), nonce, digest(nonce, what), what.encode())

    async def go() -> None:
        async with opened(path) as store:
            await store.intend([intent(5, "a"), intent(6, "b")])
            await store.intend([intent(5, "bumped"), intent(5, "a")])
            await store.intend([intent(7, "c", number=2)])
        async with opened(path) as store:
            kept = await store.intents(5)
            assert [(i.nonce, i.raw) for i in kept] == [(5, b"bumped"), (6, b"b"), (7, b"c")]
            assert [i.nonce for i in await store.intents(6)] == [6, 7]
            await store.finalize(BatchNumber(1))
            assert [i.nonce for i in await store.intents(0)] == [7]

    run(go())
