"""Nonces that receipts used which came through L1's inbox. Every function is part of a transaction.

The ledger applies receipts in the order of L1: of each batch first what it took from the inbox,
then its own. A forced receipt uses its nonce when that is the one which the ledger has reached by
then. If none was accepted here under it, the account's next one is raised. If one was, that one
does nothing any more. One that is forced while earlier receipts of its account are still on their
way to L1 does nothing itself, and raises nothing.
"""

import logging
from collections.abc import Sequence
from typing import Final

import aiosqlite

from bisection.events import Events
from rollup.protocol.receipts import Receipt
from rollup.protocol.types import AccountIndex, BatchNumber
from rollup.store.connection import one, rows

LOG: Final = Events(logging.getLogger(__name__))


async def take(
    connection: aiosqlite.Connection, number: BatchNumber, receipts: Sequence[Receipt]
) -> dict[AccountIndex, int]:
    """Takes up the receipts, signed by their accounts' owners, that batch `number` took from the
    inbox; the next nonces that changed. Those of the batches before are known.
    """
    moved: dict[AccountIndex, int] = {}
    for receipt in receipts:
        account, nonce = receipt.account, receipt.nonce
        following = await _next(connection, account)
        if nonce > following or nonce != await _reached(connection, number, account, following):
            continue
        await connection.execute(
            "INSERT INTO forced VALUES (?, ?, ?, ?) "
            "ON CONFLICT (account, nonce) DO UPDATE SET number = excluded.number",
            (account, nonce, number, nonce == following),
        )
        events = LOG.bind(account=account, nonce=nonce, batch=number, forced=receipt.id)
        if nonce == following:
            await _set_next(connection, account, nonce + 1)
            moved[account] = nonce + 1
            events.info("nonce.forced")
        elif not await one(
            connection,
            "SELECT 1 FROM entries WHERE id = ? UNION ALL SELECT 1 FROM bundled WHERE id = ?",
            receipt.id,
            receipt.id,
        ):
            events.warning("receipt.superseded")
    return moved


async def undo(connection: aiosqlite.Connection, first: BatchNumber) -> dict[AccountIndex, int]:
    """Takes back what batches from number `first` on took; the next nonces that changed.

    A nonce under which none was accepted is free again. When later ones were, they rest on the
    forced receipt: it has to come into a batch again, or they do nothing.
    """
    moved: dict[AccountIndex, int] = {}
    for account, nonce, raised in await rows(
        connection,
        "SELECT account, nonce, raised FROM forced WHERE number >= ? ORDER BY account, nonce DESC",
        first,
    ):
        row = (account, nonce)
        if raised and await _next(connection, account) != nonce + 1:
            await connection.execute(
                "UPDATE forced SET number = NULL WHERE account = ? AND nonce = ?", row
            )
            LOG.warning("nonce.unsettled", account=account, nonce=nonce)
            continue
        await connection.execute("DELETE FROM forced WHERE account = ? AND nonce = ?", row)
        if raised:
            await _set_next(connection, account, nonce)
            moved[account] = nonce
    return moved


async def _reached(
    connection: aiosqlite.Connection, number: BatchNumber, account: AccountIndex, following: int
) -> int:
    """The nonce that the ledger has reached when batch `number` takes what is next of the inbox."""
    lost = await one(
        connection,
        "SELECT min(nonce) FROM forced WHERE account = ? AND number IS NULL",
        account,
    )
    if lost is not None and lost[0] is not None:
        return int(lost[0])
    found = await one(
        connection,
        "SELECT (SELECT min(nonce) FROM entries WHERE account = ? AND sequence > "
        "(SELECT coalesce(max(last), 0) FROM batches WHERE number < ?)), "
        "(SELECT max(nonce) + 1 FROM forced WHERE account = ?)",
        account,
        number,
        account,
    )
    waiting, used = found if found is not None else (None, None)
    return max(following if waiting is None else int(waiting), used or 0)


async def _next(connection: aiosqlite.Connection, account: AccountIndex) -> int:
    row = await one(connection, "SELECT next FROM accounts WHERE account = ?", account)
    return int(row[0]) if row else 0


async def _set_next(
    connection: aiosqlite.Connection, account: AccountIndex, following: int
) -> None:
    await connection.execute(
        "INSERT INTO accounts VALUES (?, ?) "
        "ON CONFLICT (account) DO UPDATE SET next = excluded.next",
        (account, following),
    )
