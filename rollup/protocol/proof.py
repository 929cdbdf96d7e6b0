"""Portable proofs: one JSON document that anyone can check offline, years later, with keccak256 and
secp256k1 alone.

What a proof shows is that an account's owner signed a receipt for this rollup, and that the receipt
lies at its place in the batch with this header hash. What it cannot show offline is that L1 took
that header: for this the verifier compares `header_hash` with the rollup contract's own (or has it
in hand as `expected`), and the signer with the account's owner.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from prover.commit.tags import Tag
from rollup.errors import ProofError, ReceiptError, SignatureError
from rollup.protocol import bundle as bundles
from rollup.protocol.batch import Batch
from rollup.protocol.documents import (
    Fields,
    Json,
    header_from_json,
    header_to_json,
    octets,
    receipt_from_json,
    receipt_to_json,
    text,
)
from rollup.protocol.eip712 import Domain, Signature, recover
from rollup.protocol.entries import SignedBundle
from rollup.protocol.header import Header, includes
from rollup.protocol.header import leaf as batch_leaf
from rollup.protocol.receipts import Bundle, Receipt
from rollup.protocol.types import AccountIndex, Address, Hash, Nonce, address_text

FORMAT: Final = "plumbline-proof"
VERSION: Final = 1

_FIELDS: Final = frozenset(
    {"format", "version", "chainId", "rollup", "receipt", "signature", "bundle", "batch"}
    | {"header", "headerHash"}
)
_BUNDLE_FIELDS: Final = frozenset({"account", "nonce", "count", "root", "index", "path"})
_BATCH_FIELDS: Final = frozenset({"index", "path"})
_MAX_PATH: Final = 32
"""Levels of a tree over u32 leaves."""


@dataclass(frozen=True, slots=True)
class Verified:
    """What a proof that holds has shown."""

    domain: Domain
    receipt: Receipt
    signer: Address
    header: Header
    index: int
    """Place of the receipt in its batch."""
    bundle: Bundle | None
    """The bundle that was signed; None when the receipt was signed by itself."""
    anchored: bool
    """Whether the header hash was compared with one that the caller had from L1."""

    @property
    def lines(self) -> tuple[str, ...]:
        """What was shown, and what remains to be compared with L1, one sentence each."""
        said = "by itself" if self.bundle is None else f"in a bundle of {self.bundle.count}"
        signed = (
            f"receipt {text(self.receipt.id)} was signed {said} by {address_text(self.signer)} "
            f"for rollup {address_text(self.domain.rollup)} on chain {self.domain.chain_id}"
        )
        placed = (
            f"it is number {self.index} of {self.header.receipts} in batch {self.header.number}, "
            f"whose header hash is {text(self.header.hash)}"
        )
        owner = f"compare the signer with the owner of account {self.receipt.account} on L1"
        if self.anchored:
            return signed, placed, "the header hash is the expected one", owner
        return signed, placed, "compare that header hash with the rollup's own on L1", owner


def make(batch: Batch, header: Header, index: int, domain: Domain) -> Json:
    """The proof of receipt `index` of `batch`, which `header` commits to.

    Raises:
        IndexError: when the batch has no such receipt.
        ProofError: when `batch` is not the header's batch.
    """
    if batch.root != header.root or len(batch.receipts) != header.receipts:
        raise ProofError(f"these receipts are not those of batch {header.number}")
    entry, place = batch.place(index)
    inner = None
    if isinstance(entry, SignedBundle):
        inner = {
            "account": entry.bundle.account,
            "nonce": entry.bundle.nonce,
            "count": entry.bundle.count,
            "root": text(entry.bundle.root),
            "index": place,
            "path": [text(sibling) for sibling in bundles.path(entry.receipts, place)],
        }
    return Json(
        {
            "format": FORMAT,
            "version": VERSION,
            "chainId": domain.chain_id,
            "rollup": address_text(domain.rollup),
            "receipt": receipt_to_json(batch.receipts[index]),
            "signature": text(entry.signature),
            "bundle": inner,
            "batch": {"index": index, "path": [text(sibling) for sibling in batch.path(index)]},
            "header": header_to_json(header),
            "headerHash": text(header.hash),
        }
    )


def verify(document: object, expected: Hash | None = None) -> Verified:
    """Recomputes everything that the document claims; with `expected`, also that its header hash is
    that one.

    Raises:
        DocumentError: when it is no proof document.
        ProofError: when it is one and does not hold; the message names the first link that breaks.
    """
    fields = Fields(document, "proof", _FIELDS)
    if fields.string("format") != FORMAT or fields.integer("version") != VERSION:
        raise ProofError(f"not a {FORMAT} of version {VERSION}")
    try:
        domain = Domain(fields.integer("chainId"), Address(fields.octets("rollup", 20)))
    except SignatureError as error:
        raise ProofError(str(error)) from None
    receipt = receipt_from_json(fields.any("receipt"))
    header = header_from_json(fields.any("header"))
    if header.hash != fields.hash("headerHash"):
        raise ProofError("the header's fields do not hash to the proof's header hash")
    if expected is not None and header.hash != expected:
        raise ProofError(f"the header hash is {text(header.hash)}, expected is {text(expected)}")

    batch = Fields(fields.any("batch"), "batch", _BATCH_FIELDS)
    index = batch.integer("index")
    signature = Signature(fields.octets("signature", 65))
    if not includes(header, index, receipt.id, signature, _path(batch)):
        raise ProofError(f"the receipt is not number {index} of the header's batch")

    bundle = None if fields.any("bundle") is None else _bundle(fields.any("bundle"), receipt)
    signed = receipt.id if bundle is None else bundle.id
    try:
        signer = recover(domain.digest(signed), signature)
    except SignatureError as error:
        raise ProofError(f"nobody signed: {error}") from None
    return Verified(domain, receipt, signer, header, index, bundle, expected is not None)


def merkletools(document: Json) -> tuple[list[dict[str, str]], str, str]:
    """(proof, target hash, root) of the batch tree, as `MerkleTools.validate_proof` takes them.

    That package's hash must be set to ours: keccak256 of the BATCH_NODE tag and both children. It
    knows neither tags nor the number of leaves, so it confirms the arithmetic of the path and
    nothing else.

    Raises:
        DocumentError: when it is no proof document.
    """
    fields = Fields(document, "proof", _FIELDS)
    batch = Fields(fields.any("batch"), "batch", _BATCH_FIELDS)
    index = batch.integer("index")
    steps = [
        {"left" if index >> level & 1 else "right": sibling.hex()}
        for level, sibling in enumerate(_path(batch))
    ]
    signature = Signature(fields.octets("signature", 65))
    target = batch_leaf(receipt_from_json(fields.any("receipt")).id, signature)
    return steps, target.hex(), header_from_json(fields.any("header")).root.hex()


def merkletools_hash_prefix() -> bytes:
    """What goes before both children in the hash that `merkletools` proofs use."""
    return bytes([Tag.BATCH_NODE])


def _bundle(value: object, receipt: Receipt) -> Bundle:
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
    if not bundles.opens(bundle, index, receipt, _path(fields)):
        raise ProofError(f"the receipt is not number {index} of its bundle")
    return bundle


def _path(fields: Fields) -> Sequence[Hash]:
    siblings = fields.list("path")
    if len(siblings) > _MAX_PATH:
        raise ProofError(f"a path has at most {_MAX_PATH} siblings, not {len(siblings)}")
    return [Hash(octets(sibling, 32, "a sibling")) for sibling in siblings]
