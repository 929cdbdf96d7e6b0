"""Portable proofs hold offline, and break at whatever is changed in them."""

import copy
import json
from typing import Any

import pytest
import sha3
from hypothesis import given, settings
from hypothesis import strategies as st
from merkletools import MerkleTools

from prover.commit.keccak import ZERO_HASH
from rollup.errors import DocumentError, PlumblineError, ProofError
from rollup.protocol import proof
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
from rollup.protocol.header import Header
from rollup.protocol.header import leaf as batch_leaf
from rollup.protocol.receipts import Receipt
from rollup.protocol.types import BatchNumber, Hash, Seconds
from tests.rollup.protocol import strategies as our
from tests.rollup.protocol.test_codec import inference, label, training


def batch_of(*sizes: int) -> tuple[Batch, Header]:
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
    header = Header(
        BatchNumber(4),
        Hash(b"\7" * 32),
        Seconds(99),
        len(batch.receipts),
        batch.root,
        Hash(b"\5" * 32),
    )
    return batch, header


BATCH, HEADER = batch_of(0, 3, 0, 1, 5)


def tagged_keccak(data: bytes) -> Any:
    return sha3.keccak_256(proof.merkletools_hash_prefix() + bytes(data))


@pytest.mark.parametrize("index", range(11))
def test_every_receipt_has_a_proof_that_holds(index: int) -> None:
    document = json.loads(json.dumps(proof.make(BATCH, HEADER, index, our.DOMAIN)))
    verified = proof.verify(document)
    assert verified.receipt == BATCH.receipts[index]
    assert verified.signer == address_of(our.KEY)
    assert (verified.header, verified.index, verified.anchored) == (HEADER, index, False)
    assert (verified.bundle is None) == (index in (0, 4))
    assert "on L1" in verified.lines[-1]
    anchored = proof.verify(document, expected=HEADER.hash)
    assert anchored.anchored
    with pytest.raises(ProofError, match="expected"):
        proof.verify(document, expected=Hash(bytes(32)))


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
    if isinstance(old, int):
        at[path[-1]] = old + 1
    elif old is None:
        at[path[-1]] = {}
    elif old.startswith("0x"):
        last = "1" if old[-1] == "0" else "0"
        at[path[-1]] = old[:-1] + last
    else:
        at[path[-1]] = old + "x"
    return copied  # type: ignore[no-any-return]


@pytest.mark.parametrize("index", [0, 2, 9])
def test_any_change_breaks_it_or_moves_the_signer(index: int) -> None:
    document = proof.make(BATCH, HEADER, index, our.DOMAIN)
    for path in places(document):
        try:
            verified = proof.verify(changed(document, path))
        except (ProofError, DocumentError):
            continue
        # These are bound by the signer alone.
        assert path in {("chainId",), ("rollup",), ("signature",), ("bundle", "count")}
        assert verified.signer != address_of(our.KEY)


def test_a_document_of_another_shape_is_refused() -> None:
    document = proof.make(BATCH, HEADER, 2, our.DOMAIN)
    for name in document:
        with pytest.raises(DocumentError, match=name):
            proof.verify({key: value for key, value in document.items() if key != name})
    with pytest.raises(DocumentError, match="no field more"):
        proof.verify({**document, "more": 1})
    long = copy.deepcopy(document)
    long["batch"]["path"] = ["0x" + "00" * 32] * 33
    with pytest.raises(ProofError, match="32 siblings"):
        proof.verify(long)
    with pytest.raises(ProofError, match="not those of batch 4"):
        proof.make(BATCH, batch_of(0)[1], 0, our.DOMAIN)


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
    document = proof.make(BATCH, HEADER, index, our.DOMAIN)
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
    leaves = [batch_leaf(receipt.id, bundle.signature) for receipt in receipts]
    width = 1 << max(count - 1, 0).bit_length()
    padded = [*leaves, *[ZERO_HASH] * (width - count)]
    tools = MerkleTools()
    tools.hash_function = tagged_keccak
    tools.add_leaf([value.hex() for value in padded])
    tools.make_tree()
    assert tools.get_merkle_root() == batch.root.hex()
    for index in {0, count // 2, count - 1}:
        header = Header(BatchNumber(1), ZERO_HASH, Seconds(0), count, batch.root, ZERO_HASH)
        steps, _, _ = proof.merkletools(proof.make(batch, header, index, our.DOMAIN))
        assert tools.get_proof(index) == steps
