"""Batches: thousands of receipts under one header hash on L1 (docs/protocol.md, section 8).

The order of the data is the order of the leaves. `Batch` is what a sequencer makes and a validator
recomputes; `check_data` is the one place where posted data is held against a posted header.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from prover.commit import hashes, merkle
from prover.commit.hashes import Hashes
from prover.commit.keccak import ZERO_HASH, keccak, tagged
from prover.commit.tags import Tag
from rollup.errors import CodecError, DataMismatch, ReceiptError
from rollup.protocol import codec
from rollup.protocol.eip712 import Domain, Signature
from rollup.protocol.entries import Entry
from rollup.protocol.receipts import Receipt
from rollup.protocol.types import U32_MAX, BatchNumber, Hash, ReceiptId, Seconds

HEADER_VERSION: Final = 1
CHUNK_BYTES: Final = 120_000
"""At most so many a chunk: its transaction stays below the 128 KiB that nodes relay."""

_HEADER = struct.Struct(">BQ32sQI32s32s")


@dataclass(frozen=True, slots=True)
class Header:
    """A batch as L1 knows it. L1 stores `hash` alone; the fields come from the event of its post.

    Raises:
        ReceiptError: when a field is outside its type.
    """

    number: BatchNumber
    """u64, from 1."""
    parent: Hash
    """Header hash of batch `number - 1`."""
    posted: Seconds
    """u64, protocol time of the post; set by the contract."""
    receipts: int
    """u32, leaves of the tree."""
    root: Hash
    """Batch root."""
    data_hash: Hash
    """Of the chunks, in order."""
    hash: Hash = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if len(self.parent) != 32 or len(self.root) != 32 or len(self.data_hash) != 32:
            raise ReceiptError("Header takes hashes of 32 bytes")
        try:
            encoded = _HEADER.pack(
                HEADER_VERSION,
                self.number,
                self.parent,
                self.posted,
                self.receipts,
                self.root,
                self.data_hash,
            )
        except struct.error as error:
            raise ReceiptError(f"a field of Header is outside its range: {error}") from None
        object.__setattr__(self, "hash", tagged(Tag.HEADER, encoded))


def genesis_hash(domain: Domain) -> Hash:
    """Header hash of batch 0, which holds nothing: H(HEADER | chain id u256 | rollup address)."""
    return tagged(Tag.HEADER, domain.chain_id.to_bytes(32), domain.rollup)


def leaf(receipt: ReceiptId, signature: Signature) -> Hash:
    """H(BATCH_LEAF | receipt id | signature of the receipt or of its bundle, 65 bytes).

    The signature is part of it, so that a batch says once and for all whether a receipt is void.
    """
    return tagged(Tag.BATCH_LEAF, receipt, signature)


def leaves(entries: Sequence[Entry]) -> Hashes:
    """The batch leaves of all receipts of entries, in order."""
    ids = b"".join([receipt.id for entry in entries for receipt in entry.receipts])
    signatures = b"".join([entry.signature * len(entry.receipts) for entry in entries])
    rows = np.empty((len(ids) // 32, 32 + 65), np.uint8)
    rows[:, :32] = np.frombuffer(ids, np.uint8).reshape(-1, 32)
    rows[:, 32:] = np.frombuffer(signatures, np.uint8).reshape(-1, 65)
    return hashes.hash_all(Tag.BATCH_LEAF, rows)


def split(data: bytes, chunk_bytes: int = CHUNK_BYTES) -> list[bytes]:
    """The data in chunks of `chunk_bytes`, the last one shorter; at least one chunk."""
    return [data[i : i + chunk_bytes] for i in range(0, max(len(data), 1), chunk_bytes)]


def data_hashes(chunks: Sequence[bytes]) -> list[Hash]:
    """d[0..n]: the running data hash before any chunk and after each (d[0] is 32 zero bytes)."""
    running = [ZERO_HASH]
    for chunk in chunks:
        running.append(tagged(Tag.CHUNK, running[-1], keccak(chunk)))
    return running


@dataclass(frozen=True, slots=True)
class Batch:
    """Entries in their order, with their tree.

    The tree is built once; paths are read off it. Use `Batch.of`.
    """

    entries: tuple[Entry, ...]
    receipts: tuple[Receipt, ...]
    levels: tuple[Hashes, ...] = field(repr=False, compare=False)

    @classmethod
    def of(cls, entries: Sequence[Entry]) -> "Batch":
        """The batch of these entries."""
        receipts = tuple(receipt for entry in entries for receipt in entry.receipts)
        return cls(tuple(entries), receipts, tuple(hashes.levels(leaves(entries), Tag.BATCH_NODE)))

    @property
    def root(self) -> Hash:
        """Batch root."""
        return hashes.hash_at(self.levels[-1], 0)

    def path(self, index: int) -> list[Hash]:
        """Siblings of leaf `index`, from the leaf up; `ceil_log2(receipts)` of them.

        Raises:
            IndexError: when the batch has no such receipt.
        """
        if not 0 <= index < len(self.receipts):
            raise IndexError(f"no receipt {index} in a batch of {len(self.receipts)}")
        return merkle.path_in(self.levels, index, Tag.BATCH_NODE)

    def place(self, index: int) -> tuple[Entry, int]:
        """The entry that holds receipt `index`, and the receipt's place in it.

        Raises:
            IndexError: when the batch has no such receipt.
        """
        if index >= 0:
            for entry in self.entries:
                if index < len(entry.receipts):
                    return entry, index
                index -= len(entry.receipts)
        raise IndexError("no such receipt in the batch")


def includes(
    header: Header,
    index: int,
    receipt: ReceiptId,
    signature: Signature,
    siblings: Sequence[Hash],
) -> bool:
    """Whether `receipt`, under `signature`, is the `index`-th of the header's batch."""
    return (
        0 <= index < header.receipts
        and len(siblings) == merkle.ceil_log2(header.receipts)
        and merkle.climb(leaf(receipt, signature), index, siblings, Tag.BATCH_NODE) == header.root
    )


def check_data(header: Header, chunks: Sequence[bytes]) -> Batch:
    """The batch behind `header`, recomputed from the chunks that its poster published.

    Whether signatures are good is not looked at: an entry under a wrong one is void by itself, for
    good, since the root covers it, and takes nothing from the others.

    Raises:
        DataMismatch: when the chunks do not hash to the header's data hash, do not decode, or hold
            other receipts than the header's root. The verdict on every claim of the batch is then
            *unknown*.
    """
    if data_hashes(chunks)[-1] != header.data_hash:
        raise DataMismatch(f"batch {header.number}: the chunks at hand are not the header's data")
    if header.receipts > min(codec.MAX_RECEIPTS, U32_MAX):
        raise DataMismatch(
            f"batch {header.number}: its header counts {header.receipts} receipts, "
            f"data holds at most {codec.MAX_RECEIPTS}"
        )
    try:
        entries = codec.decode(b"".join(chunks), limit=header.receipts)
    except CodecError as error:
        raise DataMismatch(f"batch {header.number}: its data does not decode: {error}") from error
    batch = Batch.of(entries)
    if len(batch.receipts) != header.receipts or batch.root != header.root:
        raise DataMismatch(
            f"batch {header.number}: its data holds {len(batch.receipts)} receipts with root "
            f"{batch.root.hex()}, its header says {header.receipts} with {header.root.hex()}"
        )
    return batch
