"""Portable proofs made: of a receipt in a batch, and of one that was forced (see `proof`)."""

from collections.abc import Sequence
from dataclasses import dataclass

from prover.commit import merkle
from prover.commit.tags import Tag
from rollup.errors import ProofError
from rollup.protocol import bundle as bundles
from rollup.protocol import history
from rollup.protocol.batch import Batch, check_inbox
from rollup.protocol.documents import Json, header_to_json, receipt_to_json, text
from rollup.protocol.eip712 import Domain
from rollup.protocol.entries import Entry, SignedBundle, SignedReceipt
from rollup.protocol.header import Header
from rollup.protocol.ledger.inbox import InboxEntry
from rollup.protocol.ledger.packing import unpack_forced
from rollup.protocol.proof import FORMAT, VERSION, Reference
from rollup.protocol.types import Hash, address_text


@dataclass(frozen=True, slots=True)
class Anchor:
    """A header on L1 whose history the proof goes back from."""

    domain: Domain
    at: Reference
    hashes: Sequence[Hash]
    """The header hashes 0 .. at's number - 1."""


def make(batch: Batch, header: Header, index: int, anchor: Anchor) -> Json:
    """The proof of receipt `index` of `batch`, which `header` commits to.

    Raises:
        IndexError: when the batch has no such receipt.
        ProofError: when `batch` is not the header's batch, or the header not in the history.
    """
    if batch.root != header.root or len(batch.receipts) != header.receipts:
        raise ProofError(f"these receipts are not those of batch {header.number}")
    entry, place = batch.place(index)
    where = {"forced": False, "index": index, "path": _texts(batch.path(index))}
    return _document(entry, place, where, header, anchor)


def make_forced(inbox: Sequence[InboxEntry], header: Header, index: int, anchor: Anchor) -> Json:
    """The proof of the forced receipt that is entry `index` of those that the batch took.

    Raises:
        IndexError: when the batch took no such entry.
        DataMismatch: when these are not the entries that the header's batch took.
        ReceiptError: when the entry is no forced receipt.
        ProofError: when the header is not in the history.
    """
    forced = unpack_forced(check_inbox(header, inbox)[index].forced or b"")
    path = merkle.path([entry.leaf for entry in inbox], index, Tag.ENTRY_NODE)
    where = {"forced": True, "index": index, "path": _texts(path)}
    return _document(SignedReceipt(forced.receipt, forced.signature), 0, where, header, anchor)


def _document(
    entry: Entry, place: int, where: dict[str, object], header: Header, anchor: Anchor
) -> Json:
    inner = None
    if isinstance(entry, SignedBundle):
        inner = {
            "account": entry.bundle.account,
            "nonce": entry.bundle.nonce,
            "count": entry.bundle.count,
            "root": text(entry.bundle.root),
            "index": place,
            "path": _texts(bundles.path(entry.receipts, place)),
        }
    at = anchor.at
    return Json(
        {
            "format": FORMAT,
            "version": VERSION,
            "receipt": receipt_to_json(entry.receipts[place]),
            "signature": text(entry.signature),
            "bundle": inner,
            "batch": where,
            "header": header_to_json(header),
            "history": _history(header, anchor),
            "l1": {
                "chainId": anchor.domain.chain_id,
                "rollup": address_text(anchor.domain.rollup),
                "block": at.block,
                "transaction": text(at.transaction),
                "headerHash": text(at.header.hash),
            },
        }
    )


def _history(header: Header, anchor: Anchor) -> dict[str, object] | None:
    at = anchor.at.header
    if at == header:
        return None
    hashes = anchor.hashes
    if not header.number < at.number == len(hashes) or hashes[header.number] != header.hash:
        raise ProofError(f"batch {header.number} is not in the history of batch {at.number}")
    shown = history.prove(hashes, header.number)
    return {
        "header": header_to_json(at),
        "siblings": _texts(shown.siblings),
        "peaks": _texts(shown.peaks),
    }


def _texts(hashes: Sequence[Hash]) -> list[str]:
    return [text(one) for one in hashes]
