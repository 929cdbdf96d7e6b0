"""fsck finds nothing in a store that lived, and every single thing that is changed in one."""

import asyncio
import shutil
import sqlite3
from dataclasses import replace
from itertools import islice
from pathlib import Path

import pytest

from rollup.errors import StoreUnavailable
from rollup.protocol.header import Header
from rollup.protocol.ledger.inbox import force
from rollup.protocol.types import BatchNumber, Hash
from rollup.store import SqliteStore
from rollup.store.fsck import fsck
from tests.rollup.entries import DOMAIN, single, stream
from tests.rollup.sequencer.fake_l1 import FakeL1
from tests.rollup.sequencer.play import playing


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, FakeL1]:
    """A store whose sequencer posted two batches, sealed a third and pooled some more."""
    folder, l1 = tmp_path_factory.mktemp("lived"), FakeL1(DOMAIN)

    async def go() -> None:
        l1.outside.append(force(single(0, 3).receipt, single(0, 3).signature))
        l1.mine()
        async with playing(folder, l1) as stage:
            await stage.sequencer._pool.submit(list(islice(stream(), 12)))
            for _ in range(6):
                await stage.step()
                if len(l1.batches()) == 2:
                    break
            await stage.sequencer._post()
            stage.clock.now += 60
            await stage.sequencer._batch()
            await stage.sequencer._pool.submit([single(0, 2), single(1, 2)])
            await stage.sequencer._pool.submit([single(1, 3)])

    asyncio.run(go())
    return folder / "s", l1


def copy(lived: tuple[Path, FakeL1], folder: Path) -> Path:
    path = folder / "copy"
    shutil.copy(lived[0], path)
    return path


def test_a_store_that_lived_is_whole(lived: tuple[Path, FakeL1]) -> None:
    path, l1 = lived
    headers = {p.header.number: p.header for p in l1.state().headers}
    report = fsck(path, DOMAIN, headers.get)
    assert report.problems == []
    assert report.whole
    assert (report.entries, report.receipts, report.batches, report.posted) == (15, 27, 3, 2)


def test_it_runs_beside_a_writer(tmp_path: Path) -> None:
    async def go() -> None:
        store = await SqliteStore.open(tmp_path / "s", DOMAIN)
        await store.submit([single(0)], 1)
        assert fsck(tmp_path / "s", DOMAIN).problems == []
        await store.submit([single(1)], 1)
        report = fsck(tmp_path / "s", DOMAIN)
        assert (report.entries, report.problems) == (2, [])
        await store.close()

    asyncio.run(go())


SWAPPED = """
UPDATE entries SET data = one.data FROM entries AS one
WHERE one.sequence = 1 AND entries.sequence = 3
"""


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("DELETE FROM entries WHERE sequence = 3", "entry 3 is missing"),
        ("DELETE FROM entries WHERE sequence = 14", "next nonce of account 2"),
        ("DELETE FROM entries WHERE sequence = 8", "entry 8 is missing"),
        ("UPDATE entries SET id = randomblob(32) WHERE sequence = 2", "under another id"),
        ("UPDATE entries SET start = start + 1 WHERE sequence = 4", "counts receipts"),
        ("UPDATE entries SET count = 2 WHERE sequence = 4", "counts receipts"),
        ("UPDATE entries SET data = x'01' WHERE sequence = 5", "does not decode"),
        (SWAPPED, "under another id"),
        ("UPDATE bundled SET place = 9 WHERE sequence = 2 AND place = 1", "found by their ids"),
        ("DELETE FROM bundled WHERE sequence = 2", "found by their ids"),
        ("UPDATE accounts SET next = next + 1 WHERE account = 1", "next nonce of account 1"),
        ("DELETE FROM forced", "nonce 1 of account 3, where 0 follows"),
        ("UPDATE forced SET nonce = 2", "next nonce of account 3"),
        ("UPDATE forced SET nonce = 3", "forced where another follows"),
        ("UPDATE forced SET account = 4", "next nonce of account 4"),
        ("UPDATE forced SET number = 2", "forced by a batch that took nothing"),
        ("UPDATE entries SET account = 2 WHERE sequence = 5", "another account or nonce"),
        ("UPDATE entries SET nonce = 0 WHERE sequence = 5", "another account or nonce"),
        ("DELETE FROM batches WHERE number = 1", "batch 1 is missing"),
        ("UPDATE batches SET last = last - 1 WHERE number = 1", "not that of its entries"),
        ("UPDATE batches SET receipts = 7 WHERE number = 2", "not that of its entries"),
        ("UPDATE batches SET root = randomblob(32) WHERE number = 3", "not that of its entries"),
        ("UPDATE batches SET data_hash = randomblob(32) WHERE number = 3", "data hash"),
        ("DELETE FROM chunks WHERE number = 1 AND place = 0", "lacks chunks"),
        ("UPDATE chunks SET data = x'00' WHERE number = 2 AND place = 0", "does not decode"),
        ("UPDATE batches SET posted = posted + 1 WHERE number = 1", "does not follow"),
        ("UPDATE batches SET posted = posted + 1 WHERE number = 2", "another batch 2"),
        ("UPDATE batches SET parent = NULL, posted = NULL WHERE number = 1", "does not follow"),
        ("PRAGMA user_version = 9", "no store of this version"),
        ("UPDATE identity SET chain_id = '1'", "another rollup or chain"),
    ],
)
def test_every_change_is_found(
    lived: tuple[Path, FakeL1], tmp_path: Path, change: str, said: str
) -> None:
    path = copy(lived, tmp_path)
    connection = sqlite3.connect(path)
    assert connection.execute(change).rowcount != 0
    connection.commit()
    connection.close()
    headers = {p.header.number: p.header for p in lived[1].state().headers}
    report = fsck(path, DOMAIN, headers.get)
    assert not report.whole
    assert any(said in problem for problem in report.problems), report.problems


def test_a_signature_that_recovers_nobody(lived: tuple[Path, FakeL1], tmp_path: Path) -> None:
    path = copy(lived, tmp_path)
    connection = sqlite3.connect(path)
    (data,) = connection.execute("SELECT data FROM entries WHERE sequence = 1").fetchone()
    # A label alone: version, two pools, one entry's head; then its signature.
    at = data.index(single(0).signature[:32])
    data = data[:at] + bytes(32) + data[at + 32 :]
    connection.execute("UPDATE entries SET data = ? WHERE sequence = 1", (data,))
    connection.commit()
    connection.close()
    problems = fsck(path, DOMAIN).problems
    assert any("nobody signed entry 1" in problem for problem in problems)


def test_l1_is_asked(lived: tuple[Path, FakeL1]) -> None:
    path, l1 = lived
    headers = {p.header.number: p.header for p in l1.state().headers}
    assert fsck(path, DOMAIN, lambda _: None).problems == [
        "L1 holds no batch 1",
        "L1 holds no batch 2",
    ]

    def other(number: BatchNumber) -> Header:
        return replace(headers[number], root=Hash(bytes(32))) if number == 2 else headers[number]

    assert fsck(path, DOMAIN, other).problems == ["L1 holds another batch 2"]


def test_files_that_are_no_store(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable, match="no store"):
        fsck(tmp_path / "none", DOMAIN)
    (tmp_path / "text").write_bytes(b"no database" * 1000)
    assert "damaged" in fsck(tmp_path / "text", DOMAIN).problems[0]
    sqlite3.connect(tmp_path / "empty").close()
    assert not fsck(tmp_path / "empty", DOMAIN).whole
