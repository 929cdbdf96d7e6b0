"""One SQLite file: opened, checked, locked, and its errors sorted into ours."""

import fcntl
import os
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import aiosqlite

from rollup.errors import LostConsistency, StoreBusy, StoreUnavailable
from rollup.protocol.eip712 import Domain
from rollup.store import schema


@contextmanager
def sorted_errors(path: Path) -> Iterator[None]:
    """Raises LostConsistency for a damaged file and StoreUnavailable for one that cannot be used
    now.
    """
    try:
        yield
    except (sqlite3.OperationalError, sqlite3.ProgrammingError, OSError) as error:
        raise StoreUnavailable(f"the store {path} cannot be used now: {error}") from error
    except sqlite3.DatabaseError as error:
        raise LostConsistency(
            f"the store {path} is damaged ({error}): stop, and restore it from a copy"
        ) from error
    except ValueError as error:  # what aiosqlite says of a closed connection
        raise StoreUnavailable(f"the store {path} is closed: {error}") from error


class WriterLock:
    """One writer a store, by a lock that ends with the process.

    Raises:
        StoreBusy: when another process writes to the store.
        StoreUnavailable: when the lock file cannot be made.
    """

    def __init__(self, path: Path) -> None:
        lock = path.with_name(path.name + ".lock")
        try:
            self._descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise StoreUnavailable(f"the store's lock {lock} cannot be made: {error}") from error
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(self._descriptor)
            raise StoreBusy(f"another process writes to the store {path}; stop it first") from None

    def release(self) -> None:
        """Lets another process write."""
        os.close(self._descriptor)


async def connect(path: Path, domain: Domain) -> aiosqlite.Connection:
    """Opens the store of `domain` at `path`, and makes it when there is none.

    WAL with synchronous=FULL: a commit returns after its fsync, and readers never wait for it.

    Raises:
        LostConsistency: when the file is damaged, no store, of another version, or another
            rollup's.
        StoreUnavailable: when it cannot be opened.
    """
    with sorted_errors(path):
        connection = await aiosqlite.connect(path, isolation_level=None)
    try:
        with sorted_errors(path):
            await connection.execute("PRAGMA busy_timeout = 5000")
            await connection.execute("PRAGMA journal_mode = WAL")
            await connection.execute("PRAGMA synchronous = FULL")
            await _identify(connection, path, domain)
    except BaseException:
        await connection.close()
        raise
    return connection


async def connect_reader(path: Path) -> aiosqlite.Connection:
    """A second connection to an open store: it sees what is durable, and changes nothing.

    Raises:
        StoreUnavailable: when it cannot be opened.
    """
    with sorted_errors(path):
        connection = await aiosqlite.connect(path, isolation_level=None)
        try:
            await connection.execute("PRAGMA query_only = ON")
        except BaseException:
            await connection.close()
            raise
    return connection


async def _identify(connection: aiosqlite.Connection, path: Path, domain: Domain) -> None:
    tables = await one(connection, "SELECT count(*) FROM sqlite_schema")
    if tables == (0,):
        async with transaction(connection):
            # executescript would commit first; these statements belong to one transaction.
            for statement in schema.TABLES.split(";"):
                await connection.execute(statement)
            await connection.execute(
                "INSERT INTO identity VALUES (?, ?)", (str(domain.chain_id), domain.rollup)
            )
            await connection.execute(f"PRAGMA application_id = {schema.APPLICATION_ID}")
            await connection.execute(f"PRAGMA user_version = {schema.VERSION}")
        return
    if await one(connection, "PRAGMA application_id") != (schema.APPLICATION_ID,):
        raise LostConsistency(f"{path} is a database, but no Plumbline store; name another file")
    version = (await one(connection, "PRAGMA user_version") or (0,))[0]
    if version != schema.VERSION:
        raise LostConsistency(
            f"the store {path} has schema version {version}, this program knows "
            f"{schema.VERSION}; use the program that wrote it"
        )
    identity = await one(connection, "SELECT chain_id, rollup FROM identity")
    if identity != (str(domain.chain_id), domain.rollup):
        raise LostConsistency(
            f"the store {path} belongs to another rollup or chain than chain {domain.chain_id}, "
            f"rollup 0x{domain.rollup.hex()}; name its own"
        )


@asynccontextmanager
async def transaction(connection: aiosqlite.Connection) -> AsyncIterator[None]:
    """All of what is written inside, durable at the end; or nothing, when anything raises."""
    await connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        await connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            await connection.execute("ROLLBACK")
        raise


async def one(connection: aiosqlite.Connection, query: str, *values: object) -> sqlite3.Row | None:
    """The first row that the query gives, or None."""
    async with connection.execute(query, values) as cursor:
        return await cursor.fetchone()


async def rows(connection: aiosqlite.Connection, query: str, *values: object) -> list[sqlite3.Row]:
    """All rows that the query gives."""
    return list(await connection.execute_fetchall(query, values))
