"""Receipts check their fields, and ids say everything about them."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given

from rollup.errors import ReceiptError
from rollup.protocol.actions import Action
from rollup.protocol.receipts import Bundle, Receipt, Statement, Work
from rollup.protocol.types import AccountIndex, Address, Hash, Nonce, SlotIndex, address_text
from tests.rollup.protocol import strategies as our

H = Hash(bytes(32))
WORK = Work(1, AccountIndex(2), Nonce(3), SlotIndex(4), Address(bytes(20)), H, 5, 6, H, H, H, H)
STATEMENT = Statement(17, AccountIndex(2), Nonce(3), H, H)
ACTION = Action(32, AccountIndex(2), Nonce(3), 4, 5, 6)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("kind", 256),
        ("kind", -1),
        ("account", 2**64),
        ("nonce", 2**64),
        ("nonce", -1),
        ("slot", 2**64),
        ("first_step", 2**64),
        ("steps", 2**32),
        ("steps", 1.5),
        ("defender", bytes(19)),
        ("defender", bytes(21)),
        ("program", bytes(31)),
        ("params", bytes(33)),
        ("inputs", b""),
        ("params_after", bytes(31)),
        ("outputs", bytes(64)),
    ],
)
def test_work_refuses_what_its_type_cannot_hold(field: str, value: Any) -> None:
    with pytest.raises(ReceiptError):
        replace(WORK, **{field: value})


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("kind", 256),
        ("account", -1),
        ("nonce", 2**64),
        ("subject", bytes(31)),
        ("content", bytes(33)),
    ],
)
def test_statement_refuses_what_its_type_cannot_hold(field: str, value: Any) -> None:
    with pytest.raises(ReceiptError):
        replace(STATEMENT, **{field: value})


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("kind", 256),
        ("account", 2**64),
        ("nonce", -1),
        ("target", 2**64),
        ("other", -1),
        ("amount", 2**64),
        ("amount", 1.5),
    ],
)
def test_action_refuses_what_its_type_cannot_hold(field: str, value: Any) -> None:
    with pytest.raises(ReceiptError):
        replace(ACTION, **{field: value})


@pytest.mark.parametrize("count", [-1, 2**32])
def test_bundle_refuses_what_its_type_cannot_hold(count: int) -> None:
    with pytest.raises(ReceiptError):
        Bundle(AccountIndex(0), Nonce(0), count, H)
    with pytest.raises(ReceiptError):
        Bundle(AccountIndex(0), Nonce(0), 1, Hash(b""))


@pytest.mark.parametrize("receipt", [WORK, STATEMENT, ACTION])
def test_every_field_is_in_the_id(receipt: Receipt) -> None:
    ids = {receipt.id}
    names = [name for name in receipt.__slots__ if name != "id"]
    for name in names:
        value = getattr(receipt, name)
        other: Any = value + 1 if isinstance(value, int) else b"\x01" + value[1:]
        ids.add(replace(receipt, **{name: other}).id)
    assert len(ids) == len(names) + 1


@given(our.receipts)
def test_equal_receipts_have_equal_ids(receipt: Receipt) -> None:
    assert replace(receipt) == receipt
    assert replace(receipt).id == receipt.id


def test_addresses_are_written_with_their_checksum() -> None:
    # Two of the examples that EIP-55 gives.
    for said in (
        "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
        "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359",
    ):
        assert address_text(Address(bytes.fromhex(said[2:]))) == said
