"""Portable proofs: one JSON document that anyone can check offline, years later, with keccak256 and
secp256k1 alone.

A proof shows that an account's owner signed a receipt for this rollup, that the receipt lies at its
place in a batch, and that this batch is in the history of the batch with the header hash that the
document names. What it cannot show offline is that L1 took that header: for this the verifier
compares the hash with the rollup contract's own (or has it in hand as `expected`), and the signer
with the account's owner. `proving` makes proofs.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from prover.commit.keccak import ZERO_HASH
from prover.commit.tags import Tag
from rollup.errors import ProofError, ReceiptError, SignatureError
from rollup.protocol import bundle as bundles
from rollup.protocol import header as headers
from rollup.protocol import history
from rollup.protocol.documents import (
    Fields,
    Json,
    header_from_json,
    octets,
    receipt_from_json,
    text,
)
from rollup.protocol.eip712 import Domain, Signature, recover
from rollup.protocol.header import Header
from rollup.protocol.history import Inclusion
from rollup.protocol.ledger.inbox import force
from rollup.protocol.receipts import Bundle, Receipt
from rollup.protocol.types import AccountIndex, Address, Hash, Nonce, address_text

FORMAT: Final = "plumbline-proof"
VERSION: Final = 2

_FIELDS: Final = frozenset(
    {"format", "version", "receipt", "signature", "bundle", "batch", "header", "history", "l1"}
)
_BUNDLE_FIELDS: Final = frozenset({"account", "nonce", "count", "root", "index", "path"})
_BATCH_FIELDS: Final = frozenset({"forced", "index", "path"})
_HISTORY_FIELDS: Final = frozenset({"header", "siblings", "peaks"})
_L1_FIELDS: Final = frozenset({"chainId", "rollup", "block", "transaction", "headerHash"})
_MAX_PATH: Final = 32
"""Levels of a tree over u32 leaves."""
_MAX_PEAKS: Final = 64
"""Mountains over u64 leaves."""


@dataclass(frozen=True, slots=True)
class Reference:
    """Where L1 holds a header: all that whoever checks a proof needs to look up, or to trust."""

    header: Header
    block: int
    transaction: Hash
    """Of the post."""


@dataclass(frozen=True, slots=True)
class Verified:
    """What a proof that holds has shown."""

    domain: Domain
    receipt: Receipt
    signer: Address
    header: Header
    index: int
    """Place of the receipt in its batch; of a forced one, among the inbox entries it took."""
    forced: bool
    bundle: Bundle | None
    """The bundle that was signed; None when the receipt was signed by itself."""
    reference: Reference
    """What is left to compare with L1: this header's hash. Where it stands there is only said."""
    anchored: bool
    """Whether that hash was compared with one that the caller had."""

    @property
    def shown(self) -> str:
        """What was checked."""
        said = "by itself" if self.bundle is None else f"in a bundle of {self.bundle.count}"
        at, number = self.reference.header, self.header.number
        place = f"number {self.index} of {self.header.receipts} in batch {number}"
        if self.forced:
            place = f"inbox entry {self.index} of {self.header.taken} that batch {number} took"
        past = (
            "" if at == self.header else f", and that batch is in the history of batch {at.number}"
        )
        return (
            f"receipt {text(self.receipt.id)} was signed {said} by {address_text(self.signer)} and "
            f"is {place}{past}"
        )

    @property
    def line(self) -> str:
        """Both, in one line."""
        return f"{self.shown}; {self.trust}"

    @property
    def trust(self) -> str:
        """What is left to trust, or to look up on L1."""
        at = self.reference
        owner = f"account {self.receipt.account} is the signer's"
        if self.anchored:
            return f"the header hash is the expected one; trust that {owner}"
        return (
            f"trust that rollup {address_text(self.domain.rollup)} on chain {self.domain.chain_id} "
            f"holds batch {at.header.number} with header hash {text(at.header.hash)} (block "
            f"{at.block}, transaction {text(at.transaction)}), and that {owner}"
        )


def verify(document: object, expected: Hash | None = None) -> Verified:
    """Recomputes everything that the document claims; with `expected`, also that the header hash
    which it leaves to L1 is that one.

    Raises:
        DocumentError: when it is no proof document.
        ProofError: when it is one and does not hold; the message names the first link that breaks.
    """
    fields = Fields(document, "proof", _FIELDS)
    if fields.string("format") != FORMAT or fields.integer("version") != VERSION:
        raise ProofError(f"not a {FORMAT} of version {VERSION}")
    l1 = Fields(fields.any("l1"), "l1", _L1_FIELDS)
    try:
        domain = Domain(l1.integer("chainId"), Address(l1.octets("rollup", 20)))
    except SignatureError as error:
        raise ProofError(str(error)) from None
    header = header_from_json(fields.any("header"))
    at = header if fields.any("history") is None else _later(fields.any("history"), header)
    if at.hash != l1.hash("headerHash"):
        raise ProofError(f"the fields of batch {at.number}'s header do not hash to the header hash")
    if expected is not None and at.hash != expected:
        raise ProofError(f"the header hash is {text(at.hash)}, expected is {text(expected)}")

    receipt = receipt_from_json(fields.any("receipt"))
    bundle, place = None, 0
    if fields.any("bundle") is not None:
        bundle, place = _bundle(fields.any("bundle"), receipt)
    signature = Signature(fields.octets("signature", 65))
    index, forced = _placed(fields, header, receipt, signature, bundle, place)
    signed = receipt.id if bundle is None else bundle.id
    try:
        signer = recover(domain.digest(signed), signature)
    except SignatureError as error:
        raise ProofError(f"nobody signed: {error}") from None
    reference = Reference(at, l1.integer("block"), l1.hash("transaction"))
    return Verified(
        domain, receipt, signer, header, index, forced, bundle, reference, expected is not None
    )


def merkletools(document: Json) -> tuple[list[dict[str, str]], str, str]:
    """(proof, target hash, root) of the batch tree, as `MerkleTools.validate_proof` takes them, of
    a receipt that was not forced.

    That package's hash must be set to ours: keccak256 of the ENTRY_NODE tag and both children. It
    knows neither tags nor the number of leaves, so it confirms the arithmetic of the path and
    nothing else.

    Raises:
        DocumentError: when it is no proof document.
        ProofError: when the receipt is not where the document says.
    """
    fields = Fields(document, "proof", _FIELDS)
    batch = Fields(fields.any("batch"), "batch", _BATCH_FIELDS)
    index = batch.integer("index")
    steps = [
        {"left" if index >> level & 1 else "right": sibling.hex()}
        for level, sibling in enumerate(_hashes(batch, "path", _MAX_PATH))
    ]
    receipt = receipt_from_json(fields.any("receipt"))
    signature = Signature(fields.octets("signature", 65))
    target = headers.leaf(receipt.id, signature)
    if fields.any("bundle") is not None:
        bundle, place = _bundle(fields.any("bundle"), receipt)
        target = headers.leaf(receipt.id, signature, bundle.id, place)
    return steps, target.hex(), header_from_json(fields.any("header")).root.hex()


def merkletools_hash_prefix() -> bytes:
    """What goes before both children in the hash that `merkletools` proofs use."""
    return bytes([Tag.ENTRY_NODE])


def _later(value: object, header: Header) -> Header:
    """The header that has `header` in its history."""
    fields = Fields(value, "history", _HISTORY_FIELDS)
    at = header_from_json(fields.any("header"))
    shown = Inclusion(
        tuple(_hashes(fields, "siblings", _MAX_PEAKS)), tuple(_hashes(fields, "peaks", _MAX_PEAKS))
    )
    if not history.includes(at.history, at.number, header.number, header.hash, shown):
        raise ProofError(f"batch {header.number} is not in the history of batch {at.number}")
    return at


def _placed(
    fields: Fields,
    header: Header,
    receipt: Receipt,
    signature: Signature,
    bundle: Bundle | None,
    place: int,
) -> tuple[int, bool]:
    """Where the receipt is shown to stand: its place, and whether that is in the inbox."""
    batch = Fields(fields.any("batch"), "batch", _BATCH_FIELDS)
    index, forced = batch.integer("index"), batch.boolean("forced")
    path = _hashes(batch, "path", _MAX_PATH)
    if not forced:
        signed = ZERO_HASH if bundle is None else bundle.id
        entry = headers.leaf(receipt.id, signature, signed, place)
        if not headers.includes(header, index, entry, path):
            raise ProofError(f"the receipt is not number {index} of the header's batch")
    elif bundle is not None:
        raise ProofError("a forced receipt is in no bundle")
    elif not headers.took(header, index, force(receipt, signature).leaf, path):
        raise ProofError(f"the receipt is not inbox entry {index} that the header's batch took")
    return index, forced


def _bundle(value: object, receipt: Receipt) -> tuple[Bundle, int]:
    """The bundle, and the receipt's place in it."""
    fields = Fields(value, "bundle", _BUNDLE_FIELDS)
    try:
        bundle = Bundle(
            AccountIndex(fields.integer("account")),
            Nonce(fields.integer("nonce")),
            fields.integer("count"),
            fields.hash("root"),
        )
    except ReceiptError as error:
        raise ProofError(str(error)) from None
    index = fields.integer("index")
    if not bundles.opens(bundle, index, receipt, _hashes(fields, "path", _MAX_PATH)):
        raise ProofError(f"the receipt is not number {index} of its bundle")
    return bundle, index


def _hashes(fields: Fields, name: str, most: int) -> Sequence[Hash]:
    listed = fields.list(name)
    if len(listed) > most:
        raise ProofError(f"a {name} has at most {most} hashes, not {len(listed)}")
    return [Hash(octets(one, 32, "a hash")) for one in listed]
