"""What commands say of the ledger, as documents of names and plain values."""

from collections.abc import Mapping
from typing import Any, Final

from rollup.config import tokens_text
from rollup.ledger.accounts import Shown
from rollup.ledger.comparing import Compared, Comparison
from rollup.protocol.ledger.header import Header
from rollup.protocol.ledger.types import Record, Status
from rollup.protocol.receipts import WorkKind
from rollup.protocol.types import BatchNumber, Hash, address_text


def text(value: Hash | None) -> str | None:
    """A hash as people write it."""
    return None if value is None else "0x" + value.hex()


def assertion(one: Compared) -> dict[str, Any]:
    """An assertion and what it is worth."""
    said = one.asserted.assertion
    return {
        "id": text(said.id),
        "batch": said.batch,
        "account": said.account,
        "slot": said.slot,
        "pre": text(said.pre),
        "root": text(said.root),
        "stage": one.asserted.stage.value,
        "finding": one.finding.value,
    }


def comparison(found: Comparison) -> dict[str, Any]:
    """All batches, their true roots, and what was asserted of them."""
    false = {one.asserted.id: one for one in found.false}
    first = next(iter(false.values()), None)
    true = {row.number: row.root for row in found.rows}
    number, root = found.confirmed
    return {
        "batches": [
            {
                "number": row.number,
                "steps": row.steps,
                "root": text(row.root),
                "assertions": [assertion(one) for one in row.compared],
            }
            for row in found.rows
        ],
        "confirmed": {"batch": number, "root": text(root), "agrees": found.agrees},
        "unknown": list(found.unknown),
        "first_difference": None
        if first is None
        else assertion(first) | {"true_root": text(true.get(first.asserted.number))},
        "standing_difference": None if found.standing is None else assertion(found.standing),
    }


def record(one: Record, job: int | None) -> dict[str, Any]:
    """A record; `job` is one that it could be settled with now."""
    final = one.status == Status.FINAL
    return {
        "record": one.seq,
        "kind": WorkKind(one.kind).name.lower(),
        "status": "final" if final else "pending",
        "slot": one.slot,
        "batch": one.batch,
        "first_step": one.first_step,
        "steps": one.steps,
        "job": one.job if final else None,
        "quantity": one.quantity if final else None,
        "settles_with_job": job,
        "program": text(one.program),
    }


AMOUNTS: Final = frozenset(
    {"amount", "balance", "payable", "payable_confirmed", "pool", "paid", "claimable"}
)
"""Facts that are billionths of the token."""


def facts(said: Mapping[str, Any]) -> dict[str, Any]:
    """Facts for people, amounts in tokens."""
    return {
        name: f"{tokens_text(value)} tokens" if name in AMOUNTS else value
        for name, value in said.items()
    }


def account(shown: Shown, header: Header, number: BatchNumber) -> dict[str, Any]:
    """An account after a batch. Amounts are billionths of the token."""
    held = shown.account
    return {
        "account": shown.index,
        "address": address_text(held.address),
        "after_batch": number,
        "confirmed_batches": header.confirmed,
        "nonce": held.nonce,
        "balance": held.balance,
        "payable": held.payable,
        "score": held.score,
        "score_epoch": held.epoch,
        "epoch": header.epoch,
        "reputation": held.reputation,
        "live_slots": shown.live,
        "records": [record(one, shown.jobs.get(one.seq)) for one in shown.records],
    }
