"""Assertions: their ids, and the claims they make."""

from dataclasses import replace
from typing import Any

import pytest

from bisection.machine import ClaimId
from prover.commit.keccak import ZERO_HASH, keccak
from rollup.errors import ReceiptError
from rollup.protocol.assertions import LEDGER_KIND, Assertion, ledger_claim, run_of
from rollup.protocol.eip712 import Domain
from rollup.protocol.header import genesis
from rollup.protocol.types import AccountIndex, Address, BatchNumber, SlotIndex

DOMAIN = Domain(31_337, Address(b"\x07" * 20))
HEADER = replace(
    genesis(DOMAIN), number=BatchNumber(3), receipts=5, taken=2, root=keccak(b"r"),
    inbox_root=keccak(b"i"),
)  # fmt: skip
MADE = Assertion(
    BatchNumber(3), HEADER.hash, keccak(b"pre"), keccak(b"post"), AccountIndex(9), SlotIndex(1),
    Address(b"\x0d" * 20),
)  # fmt: skip


def test_the_id_covers_every_field() -> None:
    packed = (
        b"\x1d"
        + (3).to_bytes(8, "big")
        + HEADER.hash
        + keccak(b"pre")
        + keccak(b"post")
        + (9).to_bytes(8, "big")
        + (1).to_bytes(8, "big")
        + b"\x0d" * 20
    )
    assert MADE.id == keccak(packed)


def test_the_claim_is_about_the_batch() -> None:
    claim, run = ledger_claim(MADE, HEADER, DOMAIN), run_of(HEADER, DOMAIN)
    assert (claim.kind, claim.id, claim.program) == (LEDGER_KIND, ClaimId(MADE.id), run.hash)
    assert (claim.pre, claim.post, claim.length) == (MADE.pre, MADE.root, 7)
    assert claim.defender == MADE.defender
    with pytest.raises(ReceiptError, match="is not the assertion's"):
        ledger_claim(MADE, replace(HEADER, receipts=6), DOMAIN)


@pytest.mark.parametrize(
    "change",
    [
        {"batch": -1},
        {"batch": 2**64},
        {"account": 2**64},
        {"slot": -1},
        {"header": b"short"},
        {"pre": ZERO_HASH + b"\0"},
        {"root": b""},
        {"defender": b"\x01" * 19},
    ],
    ids=str,
)
def test_fields_have_bounds(change: dict[str, Any]) -> None:
    with pytest.raises(ReceiptError):
        replace(MADE, **change)
