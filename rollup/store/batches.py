"""Rows of batches: sealed, moved, and held against L1. Every function is part of a transaction.

A batch's number is its place on L1. Until L1 holds it, it may get another one: when somebody else
posts a batch before it, or when a batch of inbox entries alone before it has nothing to take.
"""

from collections.abc import Sequence
from typing import Any, Final

import aiosqlite

from rollup.errors import LostConsistency
from rollup.protocol.header import Header
from rollup.protocol.history import Mountains
from rollup.protocol.types import AccountIndex, BatchNumber, Hash, Seconds
from rollup.store import forced
from rollup.store.connection import one, rows
from rollup.store.intake import SQL_INTEGER_MAX
from rollup.store.port import Posted, Sealed, StoredBatch

BATCH: Final = (
    "SELECT number, last, receipts, root, data_hash, sealed, final, ours, parent, history, posted, "
    "inbox, seen, taken, inbox_root, block, mined_by FROM batches"
)
_PLACE: Final = (
    *("parent", "history", "posted", "inbox", "seen", "taken", "inbox_root", "peaks", "block"),
    "mined_by",
)
"""What is known of a batch while L1 holds it."""


async def seal(connection: aiosqlite.Connection, batch: Sealed, now: int) -> BatchNumber:
    """See `Store.seal`."""
    number, last, start = await _end(connection)
    span = await one(
        connection,
        "SELECT coalesce(sum(count), 0), coalesce(max(sequence), ?) FROM entries "
        "WHERE sequence > ? AND sequence <= ?",
        last,
        last,
        batch.last,
    )
    if span is None or (batch.receipts, batch.last) != (*span,):
        raise LostConsistency(
            f"a batch of {batch.receipts} receipts up to entry {batch.last} does not follow what "
            f"the store holds: batch {number} up to entry {last}"
        )
    number = BatchNumber(number + 1)
    await connection.execute(
        "INSERT INTO batches (number, last, start, receipts, root, data_hash, sealed) "
        "VALUES (?, ?, ?, ?, ?, ?, ?)",
        (number, batch.last, start, batch.receipts, batch.root, batch.data_hash, now),
    )
    await connection.executemany(
        "INSERT INTO chunks VALUES (?, ?, ?)",
        [(number, place, chunk) for place, chunk in enumerate(batch.chunks)],
    )
    return number


async def withdraw(connection: aiosqlite.Connection, number: BatchNumber) -> None:
    """See `Store.withdraw`."""
    gone = await connection.execute(
        "DELETE FROM batches WHERE number = ? AND ours = 1 AND receipts = 0 AND parent IS NULL",
        (number,),
    )
    if gone.rowcount != 1:
        raise LostConsistency(f"batch {number} is none of inbox entries alone that L1 lacks")
    await _move(connection, number + 1, -1)


async def adopt(
    connection: aiosqlite.Connection, posted: Posted, genesis: Hash
) -> dict[AccountIndex, int]:
    """See `Store.adopt`; `genesis` is its header's hash. The next nonces that changed."""
    header = posted.header
    await _move(connection, header.number, 1)
    number, last, start = await _end(connection, header.number)
    if number + 1 != header.number:
        raise LostConsistency(
            f"batch {header.number} on L1 is somebody else's and does not follow what the store "
            f"holds: batch {number}"
        )
    await connection.execute(
        "INSERT INTO batches (number, last, start, receipts, root, data_hash, sealed, ours) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, 0)",
        (number + 1, last, start, header.receipts, header.root, header.data_hash, header.posted),
    )
    return await record(connection, [posted], genesis)


async def record(
    connection: aiosqlite.Connection, posted: Sequence[Posted], genesis: Hash
) -> dict[AccountIndex, int]:
    """Writes down where L1 holds batches, in order; `genesis` is that header's hash. The next
    nonces that changed: by what these took from the inbox, or others in their places had taken.
    """
    moved: dict[AccountIndex, int] = {}
    values = ", ".join(f"{name} = ?" for name in _PLACE)
    for place in posted:
        header = place.header
        known = await _held(connection, header.number) == header
        if not known:
            moved |= await forced.undo(connection, header.number)
        before = await _over(connection, BatchNumber(header.number - 1), genesis)
        if before.hash != header.history:
            raise LostConsistency(
                f"the history of batch {header.number} on L1 is not that of the headers before"
            )
        await connection.execute(
            f"UPDATE batches SET {values} WHERE number = ?",  # noqa: S608 - names of ours
            (
                header.parent,
                header.history,
                header.posted,
                header.inbox,
                header.seen,
                header.taken,
                header.inbox_root,
                b"".join(before.peaks),
                place.block,
                place.transaction,
                header.number,
            ),
        )
        if not known:
            moved |= await forced.take(connection, header.number, place.forced)
    return moved


async def forget(connection: aiosqlite.Connection, first: BatchNumber) -> dict[AccountIndex, int]:
    """Takes L1 to hold no batch from number `first` on; drops those that somebody else posted. The
    next nonces that changed.
    """
    moved = await forced.undo(connection, first)
    nothing = ", ".join(f"{name} = NULL" for name in _PLACE)
    await connection.execute(
        f"UPDATE batches SET {nothing} WHERE number >= ?",  # noqa: S608 - names of ours
        (first,),
    )
    foreign = await rows(
        connection,
        "SELECT number FROM batches WHERE number >= ? AND ours = 0 ORDER BY number DESC",
        first,
    )
    for (number,) in foreign:
        await connection.execute("DELETE FROM batches WHERE number = ?", (number,))
        await _move(connection, number + 1, -1)
    return moved


async def _held(connection: aiosqlite.Connection, number: BatchNumber) -> Header | None:
    """The header under which L1 is said to hold a batch."""
    row = await one(connection, f"{BATCH} WHERE number = ?", number)
    batch = stored(row) if row else None
    return batch.posted.header if batch and batch.posted else None


async def mountains(connection: aiosqlite.Connection, number: BatchNumber) -> Mountains:
    """See `Store.mountains`."""
    if number == 0:
        return Mountains()
    row = await one(connection, "SELECT peaks FROM batches WHERE number = ?", number)
    if row is None or row[0] is None:
        raise LostConsistency(f"the store does not know where L1 holds batch {number}")
    peaks = [Hash(row[0][start : start + 32]) for start in range(0, len(row[0]), 32)]
    return Mountains(number, tuple(peaks))


async def _over(connection: aiosqlite.Connection, number: BatchNumber, genesis: Hash) -> Mountains:
    """The mountains over the header hashes 0 .. `number`."""
    if number == 0:
        return Mountains().append(genesis)
    header = await _held(connection, number)
    if header is None:
        raise LostConsistency(f"the store does not know where L1 holds batch {number}")
    return (await mountains(connection, number)).append(header.hash)


async def _end(
    connection: aiosqlite.Connection, number: int = SQL_INTEGER_MAX
) -> tuple[BatchNumber, int, int]:
    """The last batch up to a number, its last entry, and the receipts up to there."""
    found = await one(
        connection,
        "SELECT number, last, coalesce(entries.start + count, 0) FROM batches "
        "LEFT JOIN entries ON sequence = last WHERE number <= ? ORDER BY number DESC LIMIT 1",
        number,
    )
    return (BatchNumber(found[0]), found[1], found[2]) if found else (BatchNumber(0), 0, 0)


async def _move(connection: aiosqlite.Connection, first: int, by: int) -> None:
    """Gives batches from number `first` on, and what serves them, other numbers."""
    for table in ("batches", "chunks", "journal"):
        # By way of negative numbers: no two rows have the same one meanwhile.
        await connection.execute(
            f"UPDATE {table} SET number = -(number + ?) WHERE number >= ?",  # noqa: S608
            (by, first),
        )
        await connection.execute(
            f"UPDATE {table} SET number = -number WHERE number < 0"  # noqa: S608
        )


def stored(row: Any) -> StoredBatch:
    """A row of `BATCH`."""
    number, last, receipts, root, data_hash, sealed, final, ours, *place = row
    parent, history, posted, inbox, seen, taken, inbox_root, block, mined_by = place
    there = None
    if parent is not None:
        header = Header(
            BatchNumber(number),
            Hash(parent),
            Hash(history),
            Seconds(posted),
            receipts,
            Hash(root),
            Hash(data_hash),
            inbox,
            seen,
            taken,
            Hash(inbox_root),
        )
        there = Posted(header, block, Hash(mined_by), bool(ours))
    return StoredBatch(
        BatchNumber(number),
        last,
        receipts,
        Hash(root),
        Hash(data_hash),
        sealed,
        there,
        bool(final),
        bool(ours),
    )
