"""The store in one SQLite file."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import aiosqlite

from rollup.errors import LostConsistency
from rollup.protocol import codec
from rollup.protocol.eip712 import Domain
from rollup.protocol.entries import Entry
from rollup.protocol.header import genesis
from rollup.protocol.history import Mountains
from rollup.protocol.types import AccountIndex, BatchNumber, Hash, Nonce, ReceiptId
from rollup.store import batches
from rollup.store.connection import (
    WriterLock,
    connect,
    connect_reader,
    one,
    rows,
    sorted_errors,
    transaction,
)
from rollup.store.intake import Group, Intake
from rollup.store.port import (
    Intent,
    Located,
    Pooled,
    Posted,
    Sealed,
    StoredBatch,
    SubmitResult,
)


class SqliteStore:
    """`Store` in one file, one writer at a time. Open it with `SqliteStore.open`."""

    def __init__(
        self,
        path: Path,
        domain: Domain,
        lock: WriterLock,
        writer: aiosqlite.Connection,
        reader: aiosqlite.Connection,
    ) -> None:
        self._path = path
        self._genesis = genesis(domain).hash
        self._lock = lock
        self._writer = writer
        self._reader = reader
        self._writing = asyncio.Lock()
        self._intake: Intake

    @classmethod
    async def open(cls, path: Path, domain: Domain) -> "SqliteStore":
        """The store of `domain` at `path`; made when there is none.

        Raises:
            StoreBusy: when another process has it open.
            StoreUnavailable: when it cannot be opened.
            LostConsistency: when it is damaged, of another version, or another rollup's.
        """
        async with AsyncExitStack() as undo:
            lock = WriterLock(path)
            undo.callback(lock.release)
            writer = await connect(path, domain)
            undo.push_async_callback(writer.close)
            reader = await connect_reader(path)
            undo.push_async_callback(reader.close)
            store = cls(path, domain, lock, writer, reader)
            await store._start()
            undo.pop_all()
        return store

    async def _start(self) -> None:
        last = await self._one("SELECT max(sequence), count(*) FROM entries")
        ends = await self._one("SELECT start + count FROM entries ORDER BY sequence DESC LIMIT 1")
        nonces = await self._rows("SELECT account, next FROM accounts")
        sequence, count = (last[0] or 0, last[1]) if last else (0, 0)
        if sequence != count:
            raise LostConsistency(
                f"the store {self._path} lacks entries: it counts {count} up to number {sequence}"
            )
        self._intake = Intake(
            {AccountIndex(account): following for account, following in nonces},
            sequence,
            ends[0] if ends else 0,
            self._commit,
            self._find,
        )

    async def close(self) -> None:
        """See `Store.close`."""
        await self._intake.close()
        async with self._writing:
            await self._writer.close()
        await self._reader.close()
        self._lock.release()

    @asynccontextmanager
    async def _transaction(self) -> AsyncIterator[aiosqlite.Connection]:
        async with self._writing:
            with sorted_errors(self._path):
                async with transaction(self._writer):
                    yield self._writer

    async def _one(self, query: str, *values: object) -> Any:
        with sorted_errors(self._path):
            return await one(self._reader, query, *values)

    async def _rows(self, query: str, *values: object) -> list[Any]:
        with sorted_errors(self._path):
            return await rows(self._reader, query, *values)

    # ---- entries

    async def submit(
        self, entries: Sequence[Entry], now: int, work: Sequence[int] = ()
    ) -> list[SubmitResult]:
        """See `Store.submit`."""
        return await self._intake.submit(entries, now, work)

    async def work_since(self, since: int) -> list[tuple[int, int]]:
        """See `Store.work_since`."""
        found = await self._rows(
            "SELECT accepted, sum(work) FROM entries WHERE work > 0 AND accepted > ? "
            "GROUP BY accepted ORDER BY accepted",
            since,
        )
        return [(second, work) for second, work in found]

    async def next_nonce(self, account: AccountIndex) -> Nonce:
        """See `Store.next_nonce`."""
        return Nonce(self._intake.next_nonce(account))

    async def _commit(self, group: Group) -> None:
        async with self._transaction() as connection:
            await connection.executemany(
                "INSERT INTO entries VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", group.entries
            )
            if group.bundled:
                await connection.executemany("INSERT INTO bundled VALUES (?, ?, ?)", group.bundled)
            await connection.executemany(
                "INSERT INTO accounts VALUES (?, ?) "
                "ON CONFLICT (account) DO UPDATE SET next = excluded.next",
                list(group.nonces.items()),
            )

    async def _find(self, entry_id: Hash) -> int | None:
        row = await self._one("SELECT sequence FROM entries WHERE id = ?", entry_id)
        return row[0] if row else None

    async def pooled(self) -> list[Pooled]:
        """See `Store.pooled`."""
        found = await self._rows(
            "SELECT sequence, accepted, data FROM entries "
            "WHERE sequence > (SELECT coalesce(max(last), 0) FROM batches) ORDER BY sequence"
        )
        return [
            Pooled(sequence, accepted, codec.decode(data)[0]) for sequence, accepted, data in found
        ]

    async def locate(self, receipt: ReceiptId) -> Located | None:
        """See `Store.locate`."""
        found = await self._one(
            "SELECT sequence, start, 0 FROM entries WHERE id = ? UNION ALL "
            "SELECT sequence, start, place FROM bundled JOIN entries USING (sequence) "
            "WHERE bundled.id = ?",
            receipt,
            receipt,
        )
        if found is None:
            return None
        sequence, start, place = found
        batch = await self._one(
            "SELECT number, start FROM batches WHERE last >= ? ORDER BY number LIMIT 1", sequence
        )
        if batch is None:
            return Located(sequence, None, place)
        return Located(sequence, BatchNumber(batch[0]), start - batch[1] + place)

    # ---- batches

    async def seal(self, batch: Sealed, now: int) -> BatchNumber:
        """See `Store.seal`."""
        async with self._transaction() as connection:
            return await batches.seal(connection, batch, now)

    async def withdraw(self, number: BatchNumber) -> None:
        """See `Store.withdraw`."""
        async with self._transaction() as connection:
            await batches.withdraw(connection, number)

    async def adopt(self, posted: Posted) -> None:
        """See `Store.adopt`."""
        async with self._intake.paused() as nonces:
            async with self._transaction() as connection:
                moved = await batches.adopt(connection, posted, self._genesis)
            nonces |= moved

    async def last_batch(self) -> StoredBatch | None:
        """See `Store.last_batch`."""
        row = await self._one(f"{batches.BATCH} ORDER BY number DESC LIMIT 1")
        return batches.stored(row) if row else None

    async def last_final(self) -> StoredBatch | None:
        """See `Store.last_final`."""
        row = await self._one(f"{batches.BATCH} WHERE final = 1 ORDER BY number DESC LIMIT 1")
        return batches.stored(row) if row else None

    async def batch(self, number: BatchNumber) -> StoredBatch | None:
        """See `Store.batch`."""
        row = await self._one(f"{batches.BATCH} WHERE number = ?", number)
        return batches.stored(row) if row else None

    async def unsettled(self) -> list[StoredBatch]:
        """See `Store.unsettled`."""
        return [
            batches.stored(row)
            for row in await self._rows(f"{batches.BATCH} WHERE final = 0 ORDER BY number")
        ]

    async def chunks(self, number: BatchNumber) -> list[bytes]:
        """See `Store.chunks`."""
        found = await self._rows("SELECT data FROM chunks WHERE number = ? ORDER BY place", number)
        return [row[0] for row in found]

    # ---- L1

    async def header_hashes(self, number: BatchNumber) -> list[Hash]:
        """See `Store.header_hashes`: each header names its parent."""
        found = await self._rows(
            "SELECT parent FROM batches WHERE number <= ? AND parent IS NOT NULL ORDER BY number",
            number,
        )
        return [Hash(parent) for (parent,) in found]

    async def record(self, posted: Sequence[Posted], unposted_from: BatchNumber) -> None:
        """See `Store.record`."""
        async with self._intake.paused() as nonces:
            async with self._transaction() as connection:
                moved = await batches.record(connection, posted, self._genesis)
                moved |= await batches.forget(connection, unposted_from)
            nonces |= moved

    async def mountains(self, number: BatchNumber) -> Mountains:
        """See `Store.mountains`."""
        with sorted_errors(self._path):
            return await batches.mountains(self._reader, number)

    async def finalize(self, number: BatchNumber) -> None:
        """See `Store.finalize`."""
        async with self._transaction() as connection:
            await connection.execute(
                "UPDATE batches SET final = 1 WHERE number <= ? AND posted IS NOT NULL", (number,)
            )
            await connection.execute("DELETE FROM journal WHERE number <= ?", (number,))

    async def intend(self, intents: Sequence[Intent]) -> None:
        """See `Store.intend`."""
        async with self._transaction() as connection:
            await connection.executemany(
                "INSERT INTO journal (number, nonce, hash, raw) VALUES (?, ?, ?, ?) "
                "ON CONFLICT (hash) DO NOTHING",
                [(intent.number, intent.nonce, intent.hash, intent.raw) for intent in intents],
            )

    async def intents(self, nonce: int) -> list[Intent]:
        """See `Store.intents`."""
        found = await self._rows(
            "SELECT number, nonce, hash, raw, max(written) FROM journal WHERE nonce >= ? "
            "GROUP BY nonce ORDER BY nonce",
            nonce,
        )
        return [
            Intent(BatchNumber(number), used, Hash(digest), raw)
            for number, used, digest, raw, _ in found
        ]
