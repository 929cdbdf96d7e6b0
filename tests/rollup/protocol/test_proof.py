"""Portable proofs hold offline, and break at whatever is changed in them."""

import copy
import json
from dataclasses import replace
from typing import Any

import pytest
import sha3
from hypothesis import given, settings
from hypothesis import strategies as st
from merkletools import MerkleTools

from prover.commit.keccak import ZERO_HASH
from rollup.errors import (
    DataMismatch,
    DocumentError,
    PlumblineError,
    ProofError,
    ReceiptError,
)
from rollup.protocol import proof, proving
from rollup.protocol.batch import Batch
from rollup.protocol.documents import (
    Json,
    entry_from_json,
    entry_to_json,
    header_from_json,
    header_to_json,
    receipt_from_json,
    receipt_to_json,
)
from rollup.protocol.eip712 import address_of
from rollup.protocol.entries import Entry, sign_bundle, sign_receipt
from rollup.protocol.header import Header, genesis
from rollup.protocol.header import leaf as batch_leaf
from rollup.protocol.ledger.inbox import InboxEntry, InboxKind, force
from rollup.protocol.proof import Reference
from rollup.protocol.proving import Anchor
from rollup.protocol.receipts import Receipt
from rollup.protocol.types import Hash
from tests.rollup.headers import following
from tests.rollup.protocol import strategies as our
from tests.rollup.protocol.test_codec import inference, label, training


def batch_of(*sizes: int) -> tuple[Batch, list[Header]]:
    """A signed batch: 0 for a receipt alone, n for a bundle of n."""
    entries: list[Entry] = []
    nonce = 0
    for size in sizes:
        receipts = [inference(nonce + j) for j in range(size)] or [training(nonce)]
        nonce += len(receipts)
        entries.append(
            sign_bundle(receipts, our.DOMAIN, our.KEY)
            if size
            else sign_receipt(receipts[0], our.DOMAIN, our.KEY)
        )
    batch = Batch.of(entries)
    return batch, headers_of(batch)


def headers_of(batch: Batch, later: int = 6) -> list[Header]:
    """Genesis, three batches, this one as number 4, and some after it."""
    made = [genesis(our.DOMAIN)]
    for number in range(1, 5 + later):
        ours = (len(batch.receipts), batch.root, Hash(b"\5" * 32)) if number == 4 else (9, LIE, LIE)
        made.append(following(made, *ours, posted=90 + number, taken=INBOX if number == 4 else ()))
    return made


def anchor_of(headers: list[Header], number: int = 9) -> Anchor:
    """The header of batch `number` as what the proof leaves to L1."""
    hashes = [header.hash for header in headers[:number]]
    return Anchor(our.DOMAIN, Reference(headers[number], 77, Hash(b"\6" * 32)), hashes)


LIE = Hash(b"\7" * 32)
FORCED = sign_receipt(training(7), our.DOMAIN, our.KEY)
INBOX = [
    InboxEntry(InboxKind.DEPOSIT, 1, 5),
    force(FORCED.receipt, FORCED.signature),
    InboxEntry(InboxKind.CONFIRM, 3),
]
BATCH, HEADERS = batch_of(0, 3, 0, 1, 5)
HEADER = HEADERS[4]
ANCHOR = anchor_of(HEADERS)


def made(index: int, anchor: Anchor = ANCHOR) -> Json:
    return proving.make(BATCH, HEADER, index, anchor)


def tagged_keccak(data: bytes) -> Any:
    return sha3.keccak_256(proof.merkletools_hash_prefix() + bytes(data))


@pytest.mark.parametrize("index", range(11))
def test_every_receipt_has_a_proof_that_holds(index: int) -> None:
    document = json.loads(json.dumps(made(index)))
    verified = proof.verify(document)
    assert verified.receipt == BATCH.receipts[index]
    assert verified.signer == address_of(our.KEY)
    assert (verified.header, verified.index, verified.forced) == (HEADER, index, False)
    assert (verified.domain, verified.reference) == (our.DOMAIN, ANCHOR.at)
    assert (verified.bundle is None) == (index in (0, 4))
    assert "in the history of batch 9" in verified.line
    assert f"header hash 0x{HEADERS[9].hash.hex()} (block 77" in verified.line
    assert "\n" not in verified.line
    assert not verified.anchored
    anchored = proof.verify(document, expected=HEADERS[9].hash)
    assert anchored.anchored
    assert "the header hash is the expected one" in anchored.line
    with pytest.raises(ProofError, match="expected"):
        proof.verify(document, expected=HEADER.hash)


@pytest.mark.parametrize("number", range(4, 11))
def test_a_batch_is_shown_in_every_later_history_and_no_earlier_one(number: int) -> None:
    document = made(2, anchor_of(HEADERS, number))
    assert (document["history"] is None) == (number == 4)
    assert proof.verify(document).reference.header == HEADERS[number]
    for wrong in (anchor_of(HEADERS, 3), replace(anchor_of(HEADERS), hashes=())):
        with pytest.raises(ProofError, match="not in the history"):
            made(2, wrong)
    forked = headers_of(batch_of(0)[0])
    with pytest.raises(ProofError, match="not in the history"):
        made(2, anchor_of(forked))
    # A header of another chain of batches does not make the proof hold either.
    other = copy.deepcopy(document)
    other["history"] = made(2)["history"] and {**made(2)["history"]}
    other["history"]["header"] = header_to_json(forked[9])
    other["l1"]["headerHash"] = "0x" + forked[9].hash.hex()
    with pytest.raises(ProofError, match="not in the history"):
        proof.verify(other)


def test_a_forced_receipt_has_a_proof() -> None:
    document = json.loads(json.dumps(proving.make_forced(INBOX, HEADER, 1, ANCHOR)))
    verified = proof.verify(document)
    assert (verified.receipt, verified.forced, verified.index) == (FORCED.receipt, True, 1)
    assert verified.signer == address_of(our.KEY)
    assert "inbox entry 1 of 3 that batch 4 took" in verified.line
    for index, error in ((0, ReceiptError), (3, IndexError)):
        with pytest.raises(error):
            proving.make_forced(INBOX, HEADER, index, ANCHOR)
    with pytest.raises(DataMismatch):
        proving.make_forced(INBOX[:2], HEADER, 1, ANCHOR)
    document["bundle"] = made(2)["bundle"]
    with pytest.raises(ProofError, match="bundle"):
        proof.verify(document)


def places(value: object, path: tuple[object, ...] = ()) -> list[tuple[object, ...]]:
    """The path to every scalar of a document."""
    if isinstance(value, dict):
        return [p for key, item in value.items() for p in places(item, (*path, key))]
    if isinstance(value, list):
        return [p for key, item in enumerate(value) for p in places(item, (*path, key))]
    return [path]


def changed(document: Json, path: tuple[Any, ...]) -> dict[str, Any]:
    copied: Any = copy.deepcopy(document)
    at = copied
    for key in path[:-1]:
        at = at[key]
    old = at[path[-1]]
    if isinstance(old, bool):
        at[path[-1]] = not old
    elif isinstance(old, int):
        at[path[-1]] = old + 1
    elif old is None:
        at[path[-1]] = {}
    elif old.startswith("0x"):
        last = "1" if old[-1] == "0" else "0"
        at[path[-1]] = old[:-1] + last
    else:
        at[path[-1]] = old + "x"
    return copied  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    "document",
    [
        made(0),
        made(2),
        made(9, anchor_of(HEADERS, 4)),
        proving.make_forced(INBOX, HEADER, 1, ANCHOR),
    ],
    ids=["alone", "bundled", "no history", "forced"],
)
def test_any_change_breaks_it_or_moves_the_signer(document: Json) -> None:
    for path in places(document):
        if path in {("l1", "block"), ("l1", "transaction")}:
            continue  # where to look; the header hash says whether it is there
        try:
            verified = proof.verify(changed(document, path))
        except (ProofError, DocumentError):
            continue
        # These are bound by the signer alone.
        assert path in {("l1", "chainId"), ("l1", "rollup")}
        assert verified.signer != address_of(our.KEY)


def test_a_document_of_another_shape_is_refused() -> None:
    document = made(2)
    for name in document:
        with pytest.raises(DocumentError, match=name):
            proof.verify({key: value for key, value in document.items() if key != name})
    with pytest.raises(DocumentError, match="no field more"):
        proof.verify({**document, "more": 1})
    long = copy.deepcopy(document)
    long["batch"]["path"] = ["0x" + "00" * 32] * 33
    with pytest.raises(ProofError, match="32 hashes"):
        proof.verify(long)
    long = copy.deepcopy(document)
    long["history"]["siblings"] *= 40
    with pytest.raises(ProofError, match="64 hashes"):
        proof.verify(long)
    with pytest.raises(ProofError, match="not those of batch 4"):
        proving.make(batch_of(0)[0], HEADER, 0, ANCHOR)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)


@given(json_values)
def test_any_json_is_refused_with_a_typed_error(value: object) -> None:
    for read in (proof.verify, entry_from_json, receipt_from_json, header_from_json):
        with pytest.raises(PlumblineError) as raised:
            read(value)
        assert "\n" not in str(raised.value)


@given(our.entries)
def test_entries_survive_json(entry: Entry) -> None:
    assert entry_from_json(json.loads(json.dumps(entry_to_json(entry)))) == entry


@given(our.receipts, st.data())
def test_every_json_field_is_checked(receipt: Receipt, data: st.DataObject) -> None:
    document = receipt_to_json(receipt)
    name = data.draw(st.sampled_from(sorted(document)))
    wrong = data.draw(json_values | st.floats())
    if wrong == document[name]:
        return
    try:
        read = receipt_from_json({**document, name: wrong})
    except DocumentError:
        return
    assert read != receipt
    assert isinstance(wrong, int)
    assert not isinstance(wrong, bool)


def test_headers_survive_json() -> None:
    assert header_from_json(json.loads(json.dumps(header_to_json(HEADER)))) == HEADER


# ---- merkletools, an independent reader of the same trees


@pytest.mark.parametrize("index", range(11))
def test_merkletools_takes_our_proofs(index: int) -> None:
    document = made(index)
    steps, target, root = proof.merkletools(document)
    tools = MerkleTools()
    tools.hash_function = tagged_keccak
    assert tools.validate_proof(steps, target, root)
    assert not tools.validate_proof(steps, root, root)
    assert not tools.validate_proof(steps[1:], target, root)


@settings(max_examples=30)
@given(st.integers(1, 70))
def test_merkletools_builds_our_tree(count: int) -> None:
    receipts = [label(j) for j in range(count)]
    bundle = sign_bundle(receipts, our.DOMAIN, our.KEY)
    batch = Batch.of([bundle])
    leaves = [
        batch_leaf(receipt.id, bundle.signature, bundle.id, place)
        for place, receipt in enumerate(receipts)
    ]
    width = 1 << max(count - 1, 0).bit_length()
    padded = [*leaves, *[ZERO_HASH] * (width - count)]
    tools = MerkleTools()
    tools.hash_function = tagged_keccak
    tools.add_leaf([value.hex() for value in padded])
    tools.make_tree()
    assert tools.get_merkle_root() == batch.root.hex()
    for index in {0, count // 2, count - 1}:
        headers = headers_of(batch)
        document = proving.make(batch, headers[4], index, anchor_of(headers, 4))
        steps, _, _ = proof.merkletools(document)
        assert tools.get_proof(index) == steps
