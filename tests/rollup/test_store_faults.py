"""A store through crashes and full disks; it stops when its file cannot be trusted."""

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
from dataclasses import replace
from itertools import islice
from pathlib import Path

import pytest

from rollup.errors import LostConsistency, StoreBusy, StoreUnavailable
from rollup.protocol.types import AccountIndex, Address
from rollup.store import SqliteStore
from tests.rollup.entries import DOMAIN, bundled, single, stream
from tests.rollup.stores import codes, opened, run


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store.db"


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
        ("PRAGMA user_version = 1", "schema version 1"),
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
