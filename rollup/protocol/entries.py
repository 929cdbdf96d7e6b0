"""Entries: a receipt alone or a bundle; what is signed, stored and published as one."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from rollup.errors import SignatureError
from rollup.protocol import bundle as bundles
from rollup.protocol.eip712 import Domain, Signature, recover, sign
from rollup.protocol.receipts import Bundle, Receipt, Work
from rollup.protocol.types import AccountIndex, Address, Hash, Nonce, SlotIndex


def _check_width(signature: Signature) -> None:
    if len(signature) != 65:
        raise SignatureError(f"a signature has 65 bytes (r, s, v), not {len(signature)}")


@dataclass(frozen=True, slots=True)
class SignedReceipt:
    """One receipt under its own signature.

    Raises:
        SignatureError: when the signature has not 65 bytes. Whether it is the owner's is for
            `signer` to say.
    """

    receipt: Receipt
    signature: Signature

    def __post_init__(self) -> None:
        _check_width(self.signature)

    @property
    def id(self) -> Hash:
        """The struct hash that is signed: the receipt's id."""
        return self.receipt.id

    @property
    def receipts(self) -> tuple[Receipt, ...]:
        """The one receipt."""
        return (self.receipt,)


@dataclass(frozen=True, slots=True)
class SignedBundle:
    """Receipts under one signature; the bundle's root is recomputed from them here, never taken on
    trust.

    Raises:
        BundleError: when the receipts cannot stand in one bundle.
        SignatureError: when the signature has not 65 bytes.
    """

    receipts: tuple[Receipt, ...]
    signature: Signature
    bundle: Bundle = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        _check_width(self.signature)
        object.__setattr__(self, "bundle", bundles.assemble(self.receipts))

    @property
    def id(self) -> Hash:
        """The struct hash that is signed: the bundle's."""
        return self.bundle.id


Entry = SignedReceipt | SignedBundle


def account_of(entry: Entry) -> AccountIndex:
    """The one account of the entry's receipts."""
    return entry.receipts[0].account


def nonce_of(entry: Entry) -> Nonce:
    """Nonce of the entry's first receipt; the others follow without a gap."""
    return entry.receipts[0].nonce


def slot_of(entry: Entry) -> SlotIndex | None:
    """The slot that the entry's Work names; None when there is no Work in it."""
    for receipt in entry.receipts:
        if isinstance(receipt, Work):
            return receipt.slot
    return None


def signer(entry: Entry, domain: Domain) -> Address:
    """Who signed the entry.

    Raises:
        SignatureError: when the signature is malformed or recovers nobody.
    """
    return recover(domain.digest(entry.id), entry.signature)


def sign_receipt(receipt: Receipt, domain: Domain, key: bytes) -> SignedReceipt:
    """`receipt` signed by a private key of 32 bytes."""
    return SignedReceipt(receipt, sign(key, domain.digest(receipt.id)))


def sign_bundle(receipts: Sequence[Receipt], domain: Domain, key: bytes) -> SignedBundle:
    """`receipts` as one bundle, signed by a private key of 32 bytes.

    Raises:
        BundleError: when they cannot stand in one bundle.
    """
    bundle = bundles.assemble(receipts)
    return SignedBundle(tuple(receipts), sign(key, domain.digest(bundle.id)))
