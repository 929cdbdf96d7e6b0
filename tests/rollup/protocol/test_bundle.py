"""Bundles: the rules, the tree, the paths."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollup.errors import BundleError, SignatureError
from rollup.protocol import bundle
from rollup.protocol.eip712 import Signature
from rollup.protocol.entries import (
    SignedBundle,
    account_of,
    nonce_of,
    sign_bundle,
    sign_receipt,
    signer,
    slot_of,
)
from rollup.protocol.receipts import Receipt, Statement, Work
from rollup.protocol.types import AccountIndex, Address, Hash, Nonce, SlotIndex
from tests.rollup.protocol import strategies as our

H = Hash(bytes(32))


def work(nonce: int, account: int = 1, slot: int = 0) -> Work:
    return Work(
        2,
        AccountIndex(account),
        Nonce(nonce),
        SlotIndex(slot),
        Address(bytes(20)),
        H,
        0,
        1,
        H,
        H,
        H,
        H,
    )


def label(nonce: int, account: int = 1) -> Statement:
    return Statement(17, AccountIndex(account), Nonce(nonce), H, H)


@given(our.bundles_of(), st.data())
def test_every_receipt_opens_at_its_place_alone(
    receipts: tuple[Receipt, ...], data: st.DataObject
) -> None:
    made = bundle.assemble(receipts)
    index = data.draw(st.integers(0, len(receipts) - 1))
    path = bundle.path(receipts, index)
    assert bundle.opens(made, index, receipts[index], path)
    for other in range(len(receipts) + 2):
        assert bundle.opens(made, other, receipts[index], path) == (other == index)
    assert not bundle.opens(made, index, receipts[index], [*path, H])
    if path:
        assert not bundle.opens(made, index, receipts[index], path[:-1])


@pytest.mark.parametrize(
    ("receipts", "said"),
    [
        ([], "at least one"),
        ([work(0), work(2)], "nonce 2, its place wants 1"),
        ([work(0), work(0)], "nonce 0, its place wants 1"),
        ([work(0), work(1, account=2)], "of account 2"),
        ([work(0), label(1, account=2)], "of account 2"),
        ([work(0), label(1), work(2, slot=1)], "slot 1"),
        ([label(2**64 - 1), label(0)], "past u64"),
    ],
)
def test_rules(receipts: list[Receipt], said: str) -> None:
    with pytest.raises(BundleError, match=said):
        bundle.assemble(receipts)


def test_a_bundle_is_signed_once_for_all() -> None:
    receipts: list[Receipt] = [label(5), work(6, slot=3), label(7)]
    entry = sign_bundle(receipts, our.DOMAIN, our.KEY)
    alone = sign_receipt(receipts[0], our.DOMAIN, our.KEY)
    assert signer(entry, our.DOMAIN) == signer(alone, our.DOMAIN)
    assert (account_of(entry), nonce_of(entry), slot_of(entry)) == (1, 5, 3)
    assert slot_of(alone) is None
    assert entry.id not in {receipt.id for receipt in receipts}
    other = replace(our.DOMAIN, chain_id=1)
    assert signer(entry, other) != signer(entry, our.DOMAIN)
    # The signature of a bundle of one is not a signature of its receipt.
    one = sign_bundle(receipts[:1], our.DOMAIN, our.KEY)
    assert one.signature != alone.signature


def test_a_changed_receipt_changes_the_signer() -> None:
    receipts = (label(0), label(1))
    entry = sign_bundle(receipts, our.DOMAIN, our.KEY)
    forged = SignedBundle((label(0), replace(label(1), content=Hash(b"\1" * 32))), entry.signature)
    assert signer(forged, our.DOMAIN) != signer(entry, our.DOMAIN)


def test_signatures_have_65_bytes() -> None:
    with pytest.raises(SignatureError, match="65 bytes"):
        SignedBundle((label(0),), Signature(bytes(64)))
