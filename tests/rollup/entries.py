"""Signed entries for tests: one key, any account, nonces in a row."""

import hashlib
from collections.abc import Iterator

from rollup.protocol.actions import Action, ActionKind
from rollup.protocol.eip712 import Domain, address_of
from rollup.protocol.entries import Entry, SignedBundle, SignedReceipt, sign_bundle, sign_receipt
from rollup.protocol.receipts import Statement, StatementKind, Work, WorkKind
from rollup.protocol.types import AccountIndex, Address, Hash, Nonce, SlotIndex

DOMAIN = Domain(31_337, Address(b"\xab" * 20))
KEY = bytes(range(1, 33))
OWNER = address_of(KEY)
PROGRAM = Hash(b"\x99" * 32)


def digest(*parts: object) -> Hash:
    """Some hash that differs with its parts."""
    return Hash(hashlib.sha256(repr(parts).encode()).digest())


def label(nonce: int, account: int = 1, said: object = "") -> Statement:
    """A label receipt."""
    return Statement(
        StatementKind.LABEL,
        AccountIndex(account),
        Nonce(nonce),
        digest("dataset"),
        digest("label", nonce, account, said),
    )


def work(nonce: int, account: int = 1, slot: int = 0, steps: int = 4) -> Work:
    """A training receipt that goes on from the one before."""
    return Work(
        WorkKind.COMPUTE,
        AccountIndex(account),
        Nonce(nonce),
        SlotIndex(slot),
        OWNER,
        PROGRAM,
        nonce * steps,
        steps,
        digest("params", account, nonce),
        digest("inputs"),
        digest("params", account, nonce + 1),
        digest("outputs", account, nonce),
    )


def transfer(nonce: int, account: int = 1, amount: int = 5) -> Action:
    """A payment to account 2."""
    return Action(ActionKind.TRANSFER, AccountIndex(account), Nonce(nonce), 2, 0, amount)


def single(nonce: int, account: int = 1, said: object = "") -> SignedReceipt:
    """A label under its own signature."""
    return sign_receipt(label(nonce, account, said), DOMAIN, KEY)


def bundled(nonce: int, count: int, account: int = 1) -> SignedBundle:
    """`count` works under one signature."""
    return sign_bundle([work(nonce + j, account) for j in range(count)], DOMAIN, KEY)


def mixed(nonce: int, account: int = 1) -> SignedBundle:
    """A receipt of each form, and one action more, under one signature."""
    said = (label(nonce, account), transfer(nonce + 1, account), work(nonce + 2, account))
    return sign_bundle([*said, transfer(nonce + 3, account, 7)], DOMAIN, KEY)


def stream(account: int = 1, bundle: int = 3) -> Iterator[Entry]:
    """Entries in order, alone and in bundles by turns; every form of receipt in both."""
    nonce = 0
    while True:
        yield single(nonce, account)
        yield bundled(nonce + 1, bundle, account)
        nonce += 1 + bundle
        yield sign_receipt(transfer(nonce, account), DOMAIN, KEY)
        said = [work(nonce + j, account) for j in range(1, bundle)]
        yield sign_bundle([*said, transfer(nonce + bundle, account)], DOMAIN, KEY)
        nonce += 1 + bundle
