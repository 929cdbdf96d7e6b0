"""What one inbox entry does (docs/ledger.md, section 5).

As for receipts: each function decides and only then writes; an entry that does not hold changes
nothing but how many were consumed.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from prover.commit.keccak import Hash
from rollup.errors import ReceiptError
from rollup.protocol.ledger import rewards
from rollup.protocol.ledger.effects import receipt_step
from rollup.protocol.ledger.entries import signer
from rollup.protocol.ledger.header import Forest
from rollup.protocol.ledger.inbox import InboxEntry, InboxKind
from rollup.protocol.ledger.packing import unpack_forced
from rollup.protocol.ledger.store import Store, account_at, put_account
from rollup.protocol.ledger.trees import known
from rollup.protocol.ledger.types import (
    MAX_ACCOUNTS,
    MAX_EPOCHS,
    MAX_JOBS,
    MAX_SLOTS,
    Account,
    Amount,
    Epoch,
    Job,
    Score,
)


@dataclass(frozen=True, slots=True)
class Posted:
    """What of a batch's post a receipt's step depends on."""

    separator: Hash
    """EIP-712 domain separator that signatures count under."""
    batch: int
    """u64, the batch's number."""
    time: int
    """u64, protocol time of its post."""


def register(store: Store, entry: InboxEntry) -> None:
    """A new account, at the index that L1 gave it."""
    if entry.a == store.header.counts[Forest.ACCOUNTS] < MAX_ACCOUNTS:
        store.push(Forest.ACCOUNTS, Account(entry.address).pack())


def deposit(store: Store, entry: InboxEntry) -> None:
    """Balance."""
    header = store.header
    if known(header, Forest.ACCOUNTS, entry.a) and header.room(entry.b):
        account = account_at(store, entry.a)
        put_account(store, entry.a, replace(account, balance=Amount(account.balance + entry.b)))
        store.header = replace(store.header, funds=Amount(header.funds + entry.b))


def slots(store: Store, entry: InboxEntry) -> None:
    """Slots begin to back claims; those from 64 on do not count."""
    if known(store.header, Forest.ACCOUNTS, entry.a) and entry.b < MAX_SLOTS:
        stop = min(entry.b + entry.c, MAX_SLOTS)
        added = (1 << stop) - (1 << entry.b)
        account = account_at(store, entry.a)
        put_account(store, entry.a, replace(account, live=account.live | added))


def exit_slot(store: Store, entry: InboxEntry) -> None:
    """A slot backs nothing any more."""
    if known(store.header, Forest.ACCOUNTS, entry.a) and entry.b < MAX_SLOTS:
        account = account_at(store, entry.a)
        put_account(store, entry.a, replace(account, live=account.live & ~(1 << entry.b)))


def slash(store: Store, entry: InboxEntry) -> None:
    """A slot backs nothing any more, so all its pending records stay without credit; and since the
    job's head does not reach them, so do those that build on them. Reputation falls.
    """
    if known(store.header, Forest.ACCOUNTS, entry.a):
        account = account_at(store, entry.a)
        live = account.live & ~(1 << entry.b) if entry.b < MAX_SLOTS else account.live
        fallen = rewards.fallen_floor(account.reputation)
        put_account(store, entry.a, replace(account, live=live, reputation=fallen))


def open_job(store: Store, entry: InboxEntry) -> None:
    """A new job, at the index that L1 gave it."""
    if entry.a == store.header.counts[Forest.JOBS] < MAX_JOBS:
        job = Job(entry.b, entry.d, entry.c, entry.x, entry.y, entry.z)
        store.push(Forest.JOBS, job.pack())


def confirm(store: Store, entry: InboxEntry) -> None:
    """Records of these batches may be settled."""
    store.header = replace(store.header, confirmed=max(store.header.confirmed, entry.a))


def close_epoch(store: Store, entry: InboxEntry) -> None:
    """The sum of scores is fixed, the next epoch starts at 0 under its own rules. A pool that does
    not fit is none.
    """
    header = store.header
    if entry.a == header.epoch < MAX_EPOCHS:
        pool = Amount(entry.b if header.room(entry.b) else 0)
        store.push(Forest.EPOCHS, Epoch(pool, header.score).pack())
        funds = Amount(header.funds + pool)
        store.header = replace(store.header, funds=funds, score=Score(0), rules=entry.rules)


_INBOX: Final[dict[int, Callable[[Store, InboxEntry], None]]] = {
    InboxKind.REGISTER: register,
    InboxKind.DEPOSIT: deposit,
    InboxKind.SLOTS: slots,
    InboxKind.EXIT: exit_slot,
    InboxKind.SLASH: slash,
    InboxKind.JOB: open_job,
    InboxKind.CONFIRM: confirm,
    InboxKind.EPOCH: close_epoch,
}


def forced(store: Store, entry: InboxEntry, posted: Posted) -> None:
    """A receipt as any of the batch's; bytes that are none do nothing."""
    if entry.forced is None:
        raise ReceiptError("a forced receipt is applied with the bytes that L1 was given")
    try:
        said = unpack_forced(entry.forced)
    except ReceiptError:
        return
    signed_by = signer(said, posted.separator)
    receipt_step(store, posted.batch, posted.time, said.receipt, signed_by)


def inbox_step(store: Store, entry: InboxEntry, posted: Posted | None = None) -> None:
    """One inbox entry. A forced receipt counts under the post of the batch that takes it.

    Raises:
        ReceiptError: for a forced receipt without its bytes or the post.
    """
    if entry.kind == InboxKind.FORCED:
        if posted is None:
            raise ReceiptError("a forced receipt is applied under the post of a batch; name it")
        forced(store, entry, posted)
    elif entry.kind in _INBOX:
        _INBOX[entry.kind](store, entry)
    store.header = replace(store.header, inbox=store.header.inbox + 1)
