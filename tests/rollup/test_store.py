"""The store: durable when it answers, all or nothing, and it stops when it cannot be trusted."""

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

import pytest

from rollup.errors import LostConsistency, Refused, StoreBusy, StoreUnavailable
from rollup.protocol import codec
from rollup.protocol.batch import Batch, Header, data_hashes, genesis_hash, split
from rollup.protocol.eip712 import Domain, Signature
from rollup.protocol.entries import SignedReceipt
from rollup.protocol.types import AccountIndex, Address, BatchNumber, Hash, Seconds
from rollup.store import Accepted, Intent, Located, Posted, Sealed, SqliteStore
from tests.rollup.entries import DOMAIN, bundled, digest, label, single, stream

T = TypeVar("T")


def run(coroutine: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(coroutine)


@asynccontextmanager
async def opened(path: Path, domain: Domain = DOMAIN) -> AsyncIterator[SqliteStore]:
    store = await SqliteStore.open(path, domain)
    try:
        yield store
    finally:
        await store.close()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store.db"


async def seal(store: SqliteStore, count: int, number: int = 1) -> Sealed:
    """Seals the first `count` pooled entries."""
    pooled = (await store.pooled())[:count]
    batch = Batch.of([p.entry for p in pooled])
    chunks = split(codec.encode(batch.entries), 300)
    sealed = Sealed(
        BatchNumber(number),
        pooled[-1].sequence,
        len(batch.receipts),
        batch.root,
        data_hashes(chunks)[-1],
        tuple(chunks),
    )
    await store.seal(sealed, 50)
    return sealed


def header_of(sealed: Sealed, parent: Hash, posted: int = 7) -> Header:
    return Header(
        sealed.number, parent, Seconds(posted), sealed.receipts, sealed.root, sealed.data_hash
    )


# ---- accepting


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


def codes(results: list[Any]) -> list[str]:
    return [
        result.code if isinstance(result, Refused) else "known" if result.known else "new"
        for result in results
    ]


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
            second = await seal(store, 2, number=2)
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


@pytest.mark.parametrize(
    "change", [{"number": BatchNumber(3)}, {"receipts": 2}, {"last": 99}, {"last": 0}]
)
def test_a_batch_that_does_not_follow_is_lost_consistency(
    path: Path, change: dict[str, Any]
) -> None:
    async def go() -> None:
        async with opened(path) as store:
            await store.submit(list(islice(stream(), 4)), 1)
            sealed = await seal(store, 2)
            nothing = replace(sealed, number=BatchNumber(2), last=4, receipts=4)
            with pytest.raises(LostConsistency, match="does not follow"):
                await store.seal(replace(nothing, **change), 1)
            assert len(await store.pooled()) == 2
            await store.seal(nothing, 1)

    run(go())


def test_posts_are_recorded_taken_back_and_made_final(path: Path) -> None:
    async def go() -> None:
        async with opened(path) as store:
            await store.submit(list(islice(stream(), 4)), 1)
            genesis = genesis_hash(DOMAIN)
            one = header_of(await seal(store, 1), genesis)
            two = header_of(await seal(store, 1, number=2), one.hash)
            await store.record([Posted(one, 10), Posted(two, 11)], BatchNumber(3))
            held = await store.unsettled()
            assert [b.posted and b.posted.header for b in held] == [one, two]
            moved = replace(one, posted=Seconds(9))
            await store.record([Posted(moved, 12)], BatchNumber(2))
            held = await store.unsettled()
            assert [b.posted and b.posted.header for b in held] == [moved, None]
            await store.finalize(BatchNumber(1))
            assert [b.number for b in await store.unsettled()] == [2]

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


# ---- crashes

SUBMITTER = """
import asyncio, sys
from pathlib import Path
sys.path[:0] = [{root!r}, {root!r} + '/bisect']
from rollup.store import SqliteStore
from tests.rollup.entries import DOMAIN, single

async def client(store, account):
    for nonce in range(10_000):
        (result,) = await store.submit([single(nonce, account)], 0)
        print(account, nonce, flush=True)

async def main():
    store = await SqliteStore.open(Path({path!r}), DOMAIN)
    await asyncio.gather(*(client(store, account) for account in range(1, 9)))

asyncio.run(main())
"""


def test_what_was_acknowledged_survives_kill_9(path: Path) -> None:
    root = str(Path(__file__).parents[2])
    script = SUBMITTER.format(root=root, path=str(path))
    acknowledged: dict[int, int] = {}
    for _ in range(2):  # the second process starts from what the first left behind
        process = subprocess.Popen(
            [sys.executable, "-c", script], stdout=subprocess.PIPE, text=True
        )
        assert process.stdout is not None
        for _ in range(200):
            account, nonce = map(int, process.stdout.readline().split())
            acknowledged[account] = max(nonce, acknowledged.get(account, -1))
        os.kill(process.pid, signal.SIGKILL)
        rest = process.stdout.read()
        process.wait()
        for line in rest.splitlines():
            account, nonce = map(int, line.split())
            acknowledged[account] = max(nonce, acknowledged.get(account, -1))

    async def check() -> None:
        async with opened(path) as store:
            kept: dict[int, list[int]] = {}
            for pooled in await store.pooled():
                receipt = pooled.entry.receipts[0]
                kept.setdefault(receipt.account, []).append(receipt.nonce)
            for account, nonce in acknowledged.items():
                assert len(kept[account]) > nonce  # nothing lost
                assert kept[account] == list(range(len(kept[account])))  # nothing twice, in order

    run(check())


def test_a_commit_that_fails_accepts_nothing_and_the_next_one_goes_on(path: Path) -> None:
    async def go() -> None:
        async with opened(path) as store:
            await store.submit([single(0)], 1)
            pages = (await store._one("PRAGMA page_count"))[0]
            await store._writer.execute(f"PRAGMA max_page_count = {pages}")  # a full disk
            with pytest.raises(StoreUnavailable, match="full"):
                await store.submit([bundled(1, 200)], 1)
            assert await store.next_nonce(AccountIndex(1)) == 1
            await store._writer.execute("PRAGMA max_page_count = 100000")
            assert codes(await store.submit([bundled(1, 200)], 1)) == ["new"]
            assert len(await store.pooled()) == 2

    run(go())


def test_a_closed_store_says_so(path: Path) -> None:
    async def go() -> None:
        store = await SqliteStore.open(path, DOMAIN)
        waiting = asyncio.create_task(store.submit([single(0)], 1))
        await asyncio.sleep(0)
        await store.close()
        with pytest.raises(StoreUnavailable):
            await waiting
        with pytest.raises(StoreUnavailable):
            await store.submit([single(0)], 1)
        with pytest.raises(StoreUnavailable):
            await store.pooled()
        async with opened(path):  # and its lock is free
            pass

    run(go())


def test_one_writer(path: Path) -> None:
    async def go() -> None:
        async with opened(path):
            with pytest.raises(StoreBusy, match="another process"):
                await SqliteStore.open(path, DOMAIN)

    run(go())


# ---- files that cannot be trusted


def test_another_rollup_or_chain(path: Path) -> None:
    async def go() -> None:
        async with opened(path):
            pass
        for other in (replace(DOMAIN, chain_id=1), replace(DOMAIN, rollup=Address(bytes(20)))):
            with pytest.raises(LostConsistency, match="another rollup or chain"):
                await SqliteStore.open(path, other)

    run(go())


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("PRAGMA user_version = 2", "schema version 2"),
        ("PRAGMA application_id = 7", "no Plumbline store"),
        ("DELETE FROM entries WHERE sequence = 2", "lacks entries"),
    ],
)
def test_a_store_that_was_changed(path: Path, statement: str, said: str) -> None:
    async def fill() -> None:
        async with opened(path) as store:
            await store.submit(list(islice(stream(), 3)), 1)

    run(fill())
    connection = sqlite3.connect(path)
    connection.execute(statement)
    connection.commit()
    connection.close()
    with pytest.raises(LostConsistency, match=said) as raised:
        run(SqliteStore.open(path, DOMAIN))
    assert raised.value.exit_code == 70
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("damage", ["text", "zeros", "middle"])
def test_a_damaged_file_stops(path: Path, damage: str) -> None:
    async def fill() -> None:
        async with opened(path) as store:
            await store.submit(list(islice(stream(bundle=50), 20)), 1)

    run(fill())
    content = bytearray(path.read_bytes())
    if damage == "text":
        content = bytearray(b"no database at all" * 100)
    elif damage == "zeros":
        content[:4096] = bytes([7]) * 4096
    else:
        content[8192:] = b"\xff" * (len(content) - 8192)
    path.write_bytes(content)

    async def read() -> None:
        async with opened(path) as store:
            await store.pooled()

    with pytest.raises(LostConsistency, match="damaged"):
        run(read())


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable, match="lock"):
        run(SqliteStore.open(tmp_path / "none" / "store.db", DOMAIN))
