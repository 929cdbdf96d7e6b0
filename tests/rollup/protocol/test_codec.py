"""Batch data: a round trip for everything, one typed error for the rest, few bytes a receipt."""

import hashlib
from contextlib import suppress
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from rollup.errors import CodecError
from rollup.protocol import codec
from rollup.protocol.actions import Action, ActionKind
from rollup.protocol.columns import read_integers, write_integers
from rollup.protocol.eip712 import Signature
from rollup.protocol.entries import Entry, SignedBundle, SignedReceipt
from rollup.protocol.receipts import Statement, StatementKind, Work, WorkKind
from rollup.protocol.types import AccountIndex, Address, Hash, Nonce, SlotIndex
from rollup.protocol.wire import Reader, Writer, runs, unzigzag, zigzag
from tests.rollup.protocol import strategies as our

SIGNATURE = Signature(b"\x33" * 64 + b"\x1b")


def digest(*parts: object) -> Hash:
    return Hash(hashlib.sha256(repr(parts).encode()).digest())


def inference(j: int, account: int = 7) -> Work:
    params = digest("params")
    return Work(
        WorkKind.INFERENCE,
        AccountIndex(account),
        Nonce(j),
        SlotIndex(1),
        Address(b"\x0d" * 20),
        digest("program"),
        0,
        1,
        params,
        digest("in", j),
        params,
        digest("out", j),
    )


def training(j: int, account: int = 7, steps: int = 44) -> Work:
    return Work(
        WorkKind.COMPUTE,
        AccountIndex(account),
        Nonce(j),
        SlotIndex(1),
        Address(b"\x0d" * 20),
        digest("program"),
        j * steps,
        steps,
        digest("params", account, j),
        digest("dataset"),
        digest("params", account, j + 1),
        digest("loss", account, j),
    )


def label(j: int) -> Statement:
    subject = digest("dataset")
    return Statement(StatementKind.LABEL, AccountIndex(9), Nonce(j), subject, digest("label", j))


def settling(j: int) -> Action:
    return Action(ActionKind.SETTLE, AccountIndex(9), Nonce(j), 70_000 + j, 3)


def paying(j: int) -> Action:
    to, amount = (int.from_bytes(digest(j)[at : at + 4]) for at in (0, 4))
    return Action(ActionKind.TRANSFER, AccountIndex(9), Nonce(j), to >> 12, 0, amount)


def varint(value: int) -> bytes:
    writer = Writer()
    writer.varint(value)
    return writer.bytes()


@given(our.batches)
def test_round_trip(entries: list[Entry]) -> None:
    data = codec.encode(entries)
    decoded = codec.decode(data)
    assert decoded == tuple(entries)
    assert [e.id for e in decoded] == [e.id for e in entries]
    assert codec.encode(decoded) == data


@given(st.one_of(st.binary(max_size=400), st.binary(max_size=400).map(lambda b: b"\x02" + b)))
@example(b"")
@example(b"\x01")
@example(b"\x01\x00\x00\x00")
@example(b"\x02" + b"\xff" * 20)
def test_any_bytes_decode_or_raise_the_one_error(data: bytes) -> None:
    with suppress(CodecError):
        entries = codec.decode(data, limit=1000)
        assert sum(len(entry.receipts) for entry in entries) <= 1000


@given(our.batches.filter(bool), st.data())
def test_damaged_data_decodes_or_raises_the_one_error(
    entries: list[Entry], data: st.DataObject
) -> None:
    good = codec.encode(entries)
    with pytest.raises(CodecError):
        codec.decode(good[: data.draw(st.integers(0, len(good) - 1))])
    with pytest.raises(CodecError):
        codec.decode(good + data.draw(st.binary(min_size=1, max_size=40)))
    at = data.draw(st.integers(0, len(good) - 1))
    bad = bytearray(good)
    bad[at] ^= data.draw(st.integers(1, 255))
    with suppress(CodecError):
        assert codec.decode(bytes(bad)) != tuple(entries)


def test_the_limit_holds_against_long_runs() -> None:
    entries = [SignedBundle(tuple(label(j) for j in range(40)), SIGNATURE)]
    data = codec.encode(entries)
    assert codec.decode(data, limit=40) == tuple(entries)
    with pytest.raises(CodecError, match="more than 39"):
        codec.decode(data, limit=39)


def test_a_signature_without_a_compact_form_has_no_place() -> None:
    high = Signature(b"\x33" * 32 + b"\xff" * 32 + b"\x1b")
    for signature in (high, Signature(SIGNATURE[:64] + b"\x00")):
        with pytest.raises(CodecError, match="no place in data"):
            codec.encode([SignedReceipt(label(0), signature)])


@pytest.mark.parametrize("version", [1, 3])
def test_other_versions_are_refused_by_name(version: int) -> None:
    with pytest.raises(CodecError, match=f"version {version}"):
        codec.decode(bytes([version]) + codec.encode([])[1:])


def test_a_form_of_no_receipt_is_refused() -> None:
    data = codec.encode([SignedReceipt(settling(0), SIGNATURE)])
    word = bytes([1]) + varint(ActionKind.SETTLE * 4 + 2)
    assert data.count(word) == 1
    with pytest.raises(CodecError, match="no known form"):
        codec.decode(data.replace(word, bytes([1]) + varint(ActionKind.SETTLE * 4 + 3)))


@pytest.mark.parametrize(
    ("entries", "most"),
    [
        # inputs and outputs are news, 64 bytes; the rest of the receipt is said once a batch
        ([SignedBundle(tuple(map(inference, range(512))), SIGNATURE)], 64.6),
        # a label's content is news
        ([SignedBundle(tuple(map(label, range(512))), SIGNATURE)], 32.4),
        # a training run: params after and outputs
        ([SignedBundle(tuple(map(training, range(512))), SIGNATURE)], 64.6),
        # records that are settled in a row, of one job: nothing is news
        ([SignedBundle(tuple(map(settling, range(512))), SIGNATURE)], 0.2),
        # payments of 32 bits to accounts of 20: 5 bytes, and 3 or 4 for the difference
        ([SignedBundle(tuple(map(paying, range(512))), SIGNATURE)], 8.3),
        # receipts signed by themselves add 64 bytes each, and a few for account, nonce and slot
        ([SignedReceipt(training(j), SIGNATURE) for j in range(512)], 132.5),
        # each of another account, at the start of its training
        ([SignedReceipt(training(0, account), SIGNATURE) for account in range(512)], 165.0),
    ],
)
def test_bytes_a_receipt(entries: list[Entry], most: float) -> None:
    count = sum(len(entry.receipts) for entry in entries)
    assert len(codec.encode(entries)) / count <= most


@given(st.integers(-(2**64), 2**64))
def test_zigzag(value: int) -> None:
    assert unzigzag(zigzag(value)) == value
    writer = Writer()
    writer.varint(zigzag(value))
    assert Reader(writer.bytes()).signed() == value


@pytest.mark.parametrize("data", [b"\x80\x00", b"\x80", b"\xff" * 10 + b"\x01", b"\x80" * 12])
def test_integers_in_one_form_alone(data: bytes) -> None:
    with pytest.raises(CodecError):
        Reader(data).varint()


@given(st.lists(st.one_of(st.integers(0, 2), our.u64)))
def test_integers_round_trip(values: list[int]) -> None:
    writer = Writer()
    write_integers(writer, values)
    reader = Reader(writer.bytes())
    assert read_integers(reader, len(values)) == values
    reader.close()


@given(st.binary(max_size=60), st.integers(1, 40))
@example(b"\x00", 1)
@example(b"\x01", 1)
@example(b"\xfe\xff\xff\xff\x0f\x00", 40)
def test_any_bytes_are_integers_or_raise_the_one_error(data: bytes, count: int) -> None:
    with suppress(CodecError):
        assert len(read_integers(Reader(data), count)) == count


@given(st.lists(st.integers(0, 2)))
def test_runs_are_longest(values: list[int]) -> None:
    pairs = list(runs(values))
    assert [value for length, value in pairs for _ in range(length)] == values
    assert all(a[1] != b[1] for a, b in pairwise(pairs))
