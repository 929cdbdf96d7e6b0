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
from rollup.protocol.entries import Entry, SignedBundle
from rollup.protocol.header import (
    CHUNK_BYTES,
    Header,
    data_hashes,
    genesis,
    includes,
    leaf,
    split,
)
from rollup.protocol.ledger.entries import placed
from rollup.protocol.ledger.inbox import InboxEntry
from rollup.protocol.ledger.run import LedgerBatch
from rollup.protocol.types import BatchNumber, Hash, ReceiptId, Seconds
from tests.rollup.headers import following
from tests.rollup.protocol import strategies as our


def posted(entries: list[Entry], chunk_bytes: int = CHUNK_BYTES) -> tuple[Header, list[bytes]]:
    chunks = split(codec.encode(entries), chunk_bytes)
    batch = Batch.of(entries)
    header = following(
        [genesis(our.DOMAIN)], len(batch.receipts), batch.root, data_hashes(chunks)[-1]
    )
    return header, chunks


def test_hashes_are_those_of_the_page() -> None:
    # Written out a second time from docs/protocol.md, so that a slip in the code is not repeated.
    word = [Hash(bytes([i]) * 32) for i in range(6)]
    header = Header(
        *(BatchNumber(3), word[1], word[2], Seconds(5), 7, word[3], word[4]),
        *(11, 13, 2, word[5]),
    )
    preimage = (
        b"\x0e\x02"
        + (3).to_bytes(8)
        + word[1]
        + word[2]
        + (5).to_bytes(8)
        + (7).to_bytes(4)
        + word[3]
        + word[4]
        + (11).to_bytes(8)
        + (13).to_bytes(8)
        + (2).to_bytes(4)
        + word[5]
    )
    assert header.hash == keccak(preimage)
    assert len(preimage) == 202
    zeros = bytes(8 + 4 + 64 + 20 + 32)
    start = b"\x0e\x02" + bytes(8) + our.DOMAIN.separator + keccak(b"\x0b") + zeros
    assert genesis(our.DOMAIN).hash == keccak(start)
    signature = Signature(bytes(range(65)))
    assert leaf(ReceiptId(word[1]), signature) == keccak(b"\x1a" + word[1] + signature + bytes(36))
    assert leaf(ReceiptId(word[1]), signature, word[2], 259) == keccak(
        b"\x1a" + word[1] + signature + word[2] + b"\0\0\1\3"
    )
    first = keccak(b"\x0f" + bytes(32) + keccak(b"ab"))
    assert data_hashes([b"ab", b"c"]) == [ZERO_HASH, first, keccak(b"\x0f" + first + keccak(b"c"))]


@settings(max_examples=50)
@given(our.batches)
def test_the_ledger_reads_the_same_batch(entries: list[Entry]) -> None:
    listed = [one for entry in entries for one in placed(entry)]
    run = LedgerBatch.of(our.DOMAIN.separator, 1, 2, (), listed).run
    assert (run.receipts_root, run.receipts) == (Batch.of(entries).root, len(listed))


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
    path, found = batch.path(index), batch.leaf(index)
    entry, place = batch.place(index)
    receipt, signature = entry.receipts[place].id, entry.signature
    assert receipt == batch.receipts[index].id
    signed = (entry.id, place) if isinstance(entry, SignedBundle) else (ZERO_HASH, 0)
    assert leaf(receipt, signature, *signed) == found
    assert includes(header, index, found, path)
    # A batch says under which signature a receipt stands in it, and what that is a signature of.
    other_signature = Signature(bytes([signature[0] ^ 1]) + signature[1:])
    assert not includes(header, index, leaf(receipt, other_signature, *signed), path)
    for bundle in (ZERO_HASH, Hash(b"\7" * 32)):
        if bundle != signed[0]:
            assert not includes(header, index, leaf(receipt, signature, bundle, place), path)
    assert not includes(header, index, leaf(receipt, signature, signed[0], place + 1), path)
    for other in range(len(batch.receipts) + 1):
        if other != index and (other >= len(batch.receipts) or batch.leaf(other) != found):
            assert not includes(header, other, found, path)
    assert not includes(header, index, found, [*path, ZERO_HASH])
    # An inner node is no leaf: its tag differs.
    if path:
        assert not includes(header, index >> 1, found, path[1:])


@pytest.mark.parametrize("index", [-1, 1])
def test_no_such_receipt(index: int) -> None:
    batch = Batch.of([])
    with pytest.raises(IndexError):
        batch.path(index)
    with pytest.raises(IndexError):
        batch.leaf(index)
    with pytest.raises(IndexError):
        batch.place(index)


@given(our.batches.filter(bool), st.integers(1, 300))
def test_data_gives_back_the_batch(entries: list[Entry], chunk_bytes: int) -> None:
    header, chunks = posted(entries, chunk_bytes)
    batch = check_data(header, chunks)
    assert batch.entries == tuple(entries)
    assert batch.root == header.root


def test_a_batch_of_inbox_entries_alone_has_no_data() -> None:
    header = following([genesis(our.DOMAIN)], taken=[InboxEntry(2, 1, 5)])
    assert check_data(header, []).receipts == ()
    for bad in (
        replace(header, root=Hash(b"\1" * 32)),
        replace(header, data_hash=data_hashes([b""])[-1]),
    ):
        with pytest.raises(DataMismatch):
            check_data(bad, [])
    with pytest.raises(DataMismatch):
        check_data(header, split(b""))


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
        replace(header, root=Batch.of(entries).levels[-1][0].tobytes()[::-1]),
    ):
        if other != header:
            with pytest.raises(DataMismatch):
                check_data(other, chunks)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("number", 2**64),
        ("posted", -1),
        ("receipts", 2**32),
        ("root", b""),
        ("parent", bytes(31)),
        ("history", b""),
        ("taken", -1),
        ("inbox_root", bytes(33)),
    ],
)
def test_headers_refuse_what_they_cannot_hold(field: str, value: Any) -> None:
    header, _ = posted([])
    with pytest.raises(ReceiptError):
        replace(header, **{field: value})
