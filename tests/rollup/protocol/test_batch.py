"""Batches, headers, data: what L1 holds against what everybody recomputes."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prover.commit.keccak import ZERO_HASH, keccak
from rollup.errors import DataMismatch, ReceiptError
from rollup.protocol import codec
from rollup.protocol.batch import Batch, check_data
from rollup.protocol.eip712 import Signature
from rollup.protocol.entries import Entry
from rollup.protocol.header import (
    CHUNK_BYTES,
    Header,
    data_hashes,
    genesis_hash,
    includes,
    leaf,
    split,
)
from rollup.protocol.types import BatchNumber, Hash, Seconds
from tests.rollup.protocol import strategies as our


def posted(entries: list[Entry], chunk_bytes: int = CHUNK_BYTES) -> tuple[Header, list[bytes]]:
    chunks = split(codec.encode(entries), chunk_bytes)
    batch = Batch.of(entries)
    header = Header(
        BatchNumber(1),
        genesis_hash(our.DOMAIN),
        Seconds(1234),
        len(batch.receipts),
        batch.root,
        data_hashes(chunks)[-1],
    )
    return header, chunks


def test_hashes_are_those_of_the_page() -> None:
    # Written out a second time from docs/protocol.md, so that a slip in the code is not repeated.
    header = Header(
        BatchNumber(3), Hash(b"\1" * 32), Seconds(5), 7, Hash(b"\2" * 32), Hash(b"\3" * 32)
    )
    preimage = (
        b"\x0e\x01"
        + (3).to_bytes(8)
        + b"\1" * 32
        + (5).to_bytes(8)
        + (7).to_bytes(4)
        + b"\2" * 32
        + b"\3" * 32
    )
    assert header.hash == keccak(preimage)
    assert len(preimage) == 118
    assert genesis_hash(our.DOMAIN) == keccak(
        b"\x0e" + our.DOMAIN.chain_id.to_bytes(32) + our.DOMAIN.rollup
    )
    first = keccak(b"\x0f" + bytes(32) + keccak(b"ab"))
    assert data_hashes([b"ab", b"c"]) == [ZERO_HASH, first, keccak(b"\x0f" + first + keccak(b"c"))]


@given(st.binary(max_size=50), st.integers(1, 20))
def test_chunks_are_the_data(data: bytes, size: int) -> None:
    chunks = split(data, size)
    assert b"".join(chunks) == data
    assert all(len(chunk) == size for chunk in chunks[:-1])
    assert len(chunks[-1]) <= size


@settings(max_examples=50)
@given(our.batches.filter(bool), st.data())
def test_every_receipt_is_included_at_its_place_alone(
    entries: list[Entry], data: st.DataObject
) -> None:
    header, _ = posted(entries)
    batch = Batch.of(entries)
    index = data.draw(st.integers(0, len(batch.receipts) - 1))
    receipt, path = batch.receipts[index].id, batch.path(index)
    entry, place = batch.place(index)
    signature = entry.signature
    assert includes(header, index, receipt, signature, path)
    # A batch says under which signature a receipt stands in it.
    other_signature = Signature(bytes([signature[0] ^ 1]) + signature[1:])
    assert not includes(header, index, receipt, other_signature, path)
    assert entry.receipts[place].id == receipt
    for other in range(len(batch.receipts) + 1):
        if other == index or batch.receipts[other : other + 1] == (batch.receipts[index],):
            continue
        assert not includes(header, other, receipt, signature, path)
    assert not includes(header, index, receipt, signature, [*path, ZERO_HASH])
    # An inner node is no leaf: its tag differs.
    if path:
        assert not includes(header, index >> 1, receipt, signature, path[1:])


@pytest.mark.parametrize("index", [-1, 1])
def test_no_such_receipt(index: int) -> None:
    batch = Batch.of([])
    with pytest.raises(IndexError):
        batch.path(index)
    with pytest.raises(IndexError):
        batch.place(index)


@given(our.batches, st.integers(1, 300))
def test_data_gives_back_the_batch(entries: list[Entry], chunk_bytes: int) -> None:
    header, chunks = posted(entries, chunk_bytes)
    batch = check_data(header, chunks)
    assert batch.entries == tuple(entries)
    assert batch.root == header.root


@settings(max_examples=50)
@given(our.batches.filter(bool), st.data())
def test_anything_but_the_data_is_a_mismatch(entries: list[Entry], data: st.DataObject) -> None:
    header, chunks = posted(entries, 100)
    for bad in (chunks[:-1], [*chunks, b""], [*chunks, chunks[0]]):
        with pytest.raises(DataMismatch):
            check_data(header, bad)
    changed = bytearray(chunks[0])
    changed[data.draw(st.integers(0, len(changed) - 1))] ^= data.draw(st.integers(1, 255))
    damaged = [bytes(changed), *chunks[1:]]
    with pytest.raises(DataMismatch, match="not the header's data"):
        check_data(header, damaged)
    # Under a header with the damaged data's hash the root decides, which covers signatures too.
    liar = replace(header, data_hash=data_hashes(damaged)[-1])
    with pytest.raises(DataMismatch):
        check_data(liar, damaged)
    for other in (
        replace(header, receipts=header.receipts + 1),
        replace(header, receipts=0),
        replace(header, receipts=2**32 - 1),
        replace(header, root=leaf(Batch.of(entries).receipts[0].id, entries[0].signature)),
    ):
        if other != header:
            with pytest.raises(DataMismatch):
                check_data(other, chunks)


@pytest.mark.parametrize(
    ("field", "value"),
    [("number", 2**64), ("posted", -1), ("receipts", 2**32), ("root", b""), ("parent", bytes(31))],
)
def test_headers_refuse_what_they_cannot_hold(field: str, value: Any) -> None:
    header, _ = posted([])
    with pytest.raises(ReceiptError):
        replace(header, **{field: value})
