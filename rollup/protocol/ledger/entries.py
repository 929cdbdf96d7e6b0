"""A receipt as a batch holds it for the ledger: with its signature and its place in a bundle.

The leaf says which bundle a signature is of, so that a batch, and nobody's choice of words in a
proof, says whether a receipt is signed (docs/ledger.md, section 3).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from prover.commit import merkle
from prover.commit.keccak import ZERO_HASH, Hash, keccak
from prover.commit.tags import Tag
from rollup.errors import BundleError, SignatureError
from rollup.protocol import bundle as bundles
from rollup.protocol import header
from rollup.protocol.eip712 import Digest, Domain, Signature, recover, sign
from rollup.protocol.entries import Entry, SignedBundle
from rollup.protocol.ledger.types import MAX_BUNDLE
from rollup.protocol.receipts import Bundle, Receipt
from rollup.protocol.types import Address


@dataclass(frozen=True, slots=True)
class Place:
    """Where a receipt says it stands in a bundle; what stands there is `found`."""

    bundle: Bundle
    index: int
    """u32."""
    found: Hash
    """The bundle's leaf at `index`; of no use where `in_range` is false."""
    siblings: tuple[Hash, ...]
    """From that leaf up."""

    @property
    def in_range(self) -> bool:
        """Whether the bundle is small enough to be proven, and has such a place."""
        return self.index < self.bundle.count <= MAX_BUNDLE


@dataclass(frozen=True, slots=True)
class Placed:
    """One receipt of a batch; `place` is None when it is signed by itself.

    Raises:
        SignatureError: when the signature has not 65 bytes.
    """

    receipt: Receipt
    signature: Signature
    place: Place | None = None
    leaf: Hash = field(init=False, repr=False, compare=False)
    """H(ENTRY | receipt id | signature | bundle id or zero | index u32)."""

    def __post_init__(self) -> None:
        if len(self.signature) != 65:
            raise SignatureError(f"a signature has 65 bytes (r, s, v), not {len(self.signature)}")
        bundle = self.place.bundle.id if self.place else ZERO_HASH
        index = self.place.index if self.place else 0
        leaf = header.leaf(self.receipt.id, self.signature, bundle, index)
        object.__setattr__(self, "leaf", leaf)


def signer(entry: Placed, separator: Hash) -> Address | None:
    """Who signed the receipt, under a domain separator; None when nobody did: the bundle is not one
    with this receipt at this place, or the signature recovers nobody.
    """
    signed: Hash = entry.receipt.id
    if entry.place is not None:
        bundle, index = entry.place.bundle, entry.place.index
        if (
            not entry.place.in_range
            or bundle.account != entry.receipt.account
            or bundle.nonce + index != entry.receipt.nonce
            or entry.place.found != bundles.leaf(entry.receipt.id)
        ):
            return None
        signed = bundle.id
    try:
        return recover(Digest(keccak(b"\x19\x01" + separator + signed)), entry.signature)
    except SignatureError:
        return None


def sign_one(receipt: Receipt, domain: Domain, key: bytes) -> Placed:
    """`receipt` signed by itself, by a private key of 32 bytes."""
    return Placed(receipt, sign(key, domain.digest(receipt.id)))


def sign_many(receipts: Sequence[Receipt], domain: Domain, key: bytes) -> list[Placed]:
    """One signature over the receipts, which have one account and nonces in a row.

    Raises:
        BundleError: when they cannot stand in one bundle.
    """
    if not 0 < len(receipts) <= MAX_BUNDLE:
        raise BundleError(f"a bundle holds 1 to {MAX_BUNDLE} receipts, not {len(receipts)}")
    first = receipts[0]
    for index, receipt in enumerate(receipts):
        if receipt.account != first.account or receipt.nonce != first.nonce + index:
            raise BundleError(f"receipt {index} does not follow the bundle's first one")
    bundle = Bundle(first.account, first.nonce, len(receipts), bundles.root(receipts))
    return _placed(bundle, receipts, sign(key, domain.digest(bundle.id)))


def placed(entry: Entry) -> list[Placed]:
    """The receipts of an entry, as the ledger sees them; an entry of batch data, which nobody has
    to have signed, has them as well.
    """
    if isinstance(entry, SignedBundle):
        return _placed(entry.bundle, entry.receipts, entry.signature)
    return [Placed(entry.receipt, entry.signature)]


def _placed(bundle: Bundle, receipts: Sequence[Receipt], signature: Signature) -> list[Placed]:
    if len(receipts) > MAX_BUNDLE:  # nobody signed it, and so there is nothing to open
        return [
            Placed(receipt, signature, Place(bundle, index, ZERO_HASH, ()))
            for index, receipt in enumerate(receipts)
        ]
    levels = [[Hash(bytes(node)) for node in level] for level in bundles.levels(receipts)]
    paths = (merkle.path_in(levels, index, Tag.BUNDLE_NODE) for index in range(len(receipts)))
    return [
        Placed(receipt, signature, Place(bundle, index, levels[0][index], tuple(path)))
        for index, (receipt, path) in enumerate(zip(receipts, paths, strict=True))
    ]
