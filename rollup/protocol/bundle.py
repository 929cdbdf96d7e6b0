"""Bundles: one signature over many receipts (docs/protocol.md, section 8).

A recover costs 60 us and no code can lower that; a bundle pays it once. Its j-th receipt has the
bundle's account and the bundle's nonce plus j, and all its Work names one slot, so that one bond is
locked once.
"""

from collections.abc import Sequence
from typing import Any

from prover.commit import merkle
from prover.commit.keccak import tagged
from prover.commit.tags import Tag
from rollup.errors import BundleError
from rollup.protocol.receipts import Bundle, Receipt, Work
from rollup.protocol.types import U64_MAX, Hash, ReceiptId


def leaf(receipt: ReceiptId) -> Hash:
    """H(BUNDLE_LEAF | receipt id)."""
    return tagged(Tag.BUNDLE_LEAF, receipt)


_FEW = 8
"""Receipts up to which hashing one after the other is as fast."""


def levels(receipts: Sequence[Receipt]) -> Sequence[Any]:
    """Levels of the tree over the bundle leaves, as lists or as arrays; the root is last."""
    ids = [receipt.id for receipt in receipts]
    if len(ids) <= _FEW:
        return merkle.levels([leaf(one) for one in ids], Tag.BUNDLE_NODE)
    import numpy as np  # a fifth of a second, which reading one receipt does not need

    from prover.commit import hashes

    rows = np.frombuffer(b"".join(ids), np.uint8).reshape(-1, 32)
    return hashes.levels(hashes.hash_all(Tag.BUNDLE_LEAF, rows), Tag.BUNDLE_NODE)


def root(receipts: Sequence[Receipt]) -> Hash:
    """Root of the tree over the receipts' bundle leaves."""
    return Hash(bytes(levels(receipts)[-1][0]))


def path(receipts: Sequence[Receipt], index: int) -> list[Hash]:
    """Siblings from the bundle leaf of receipt `index` up.

    Raises:
        IndexError: when there is no such receipt.
    """
    if not 0 <= index < len(receipts):
        raise IndexError(f"no receipt {index} in a bundle of {len(receipts)}")
    return merkle.path_in(levels(receipts), index, Tag.BUNDLE_NODE)


def opens(bundle: Bundle, index: int, receipt: Receipt, siblings: Sequence[Hash]) -> bool:
    """Whether `receipt` is the bundle's `index`-th: its place, account, nonce and path all fit."""
    return (
        0 <= index < bundle.count
        and receipt.account == bundle.account
        and receipt.nonce == bundle.nonce + index
        and len(siblings) == merkle.ceil_log2(bundle.count)
        and merkle.climb(leaf(receipt.id), index, siblings, Tag.BUNDLE_NODE) == bundle.root
    )


def check(receipts: Sequence[Receipt]) -> None:
    """That these receipts, in this order, may stand in one bundle.

    Raises:
        BundleError: naming the first rule that is broken and where.
    """
    if not receipts:
        raise BundleError("a bundle holds at least one receipt")
    account, nonce = receipts[0].account, receipts[0].nonce
    if nonce + len(receipts) - 1 > U64_MAX:
        raise BundleError("the bundle's nonces run past u64")
    slot = None
    for index, receipt in enumerate(receipts):
        if receipt.account != account:
            raise BundleError(
                f"receipt {index} is of account {receipt.account}, the bundle of {account}"
            )
        if receipt.nonce != nonce + index:
            raise BundleError(
                f"receipt {index} has nonce {receipt.nonce}, its place wants {nonce + index}"
            )
        if isinstance(receipt, Work):
            if slot is None:
                slot = receipt.slot
            elif receipt.slot != slot:
                raise BundleError(
                    f"receipt {index} names slot {receipt.slot}, the bundle's Work names {slot}"
                )


def assemble(receipts: Sequence[Receipt]) -> Bundle:
    """The bundle that these receipts make, ready to be signed.

    Raises:
        BundleError: when they cannot stand in one bundle.
    """
    check(receipts)
    return Bundle(receipts[0].account, receipts[0].nonce, len(receipts), root(receipts))
