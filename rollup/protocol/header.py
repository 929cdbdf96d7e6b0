"""Batch headers: all that L1 keeps of thousands of receipts (docs/protocol.md, section 8)."""

import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from prover.commit import merkle
from prover.commit.keccak import ZERO_HASH, keccak, tagged
from prover.commit.tags import Tag
from rollup.errors import ReceiptError
from rollup.protocol.eip712 import Domain, Signature
from rollup.protocol.history import Mountains
from rollup.protocol.types import BatchNumber, Hash, ReceiptId, Seconds

HEADER_VERSION: Final = 2
CHUNK_BYTES: Final = 120_000
"""At most so many a chunk: its transaction stays below the 128 KiB that nodes relay."""

_HEADER = struct.Struct(">BQ32s32sQI32s32sQQI32s")


@dataclass(frozen=True, slots=True)
class Header:
    """A batch as L1 knows it. L1 stores `hash` alone; the fields come from the event of its post.

    Raises:
        ReceiptError: when a field is outside its type.
    """

    number: BatchNumber
    """u64, from 1; 0 is genesis, which is no batch."""
    parent: Hash
    """Header hash of batch `number - 1`."""
    history: Hash
    """Of the header hashes 0 .. `number - 1` (see `history`)."""
    posted: Seconds
    """u64, protocol time of the post; set by the contract."""
    receipts: int
    """u32, leaves of the tree."""
    root: Hash
    """Batch root; 32 zero bytes without receipts."""
    data_hash: Hash
    """Of the chunks, in order; 32 zero bytes without receipts."""
    inbox: int
    """u64, inbox entries that this batch and those before it took."""
    seen: int
    """u64, inbox entries there were at the post."""
    taken: int
    """u32, inbox entries that this batch took: the last so many below `inbox`."""
    inbox_root: Hash
    """Of those entries; 32 zero bytes for none."""
    hash: Hash = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        hashes = (self.parent, self.history, self.root, self.data_hash, self.inbox_root)
        if any(len(one) != 32 for one in hashes):
            raise ReceiptError("Header takes hashes of 32 bytes")
        try:
            encoded = _HEADER.pack(
                HEADER_VERSION,
                self.number,
                self.parent,
                self.history,
                self.posted,
                self.receipts,
                self.root,
                self.data_hash,
                self.inbox,
                self.seen,
                self.taken,
                self.inbox_root,
            )
        except struct.error as error:
            raise ReceiptError(f"a field of Header is outside its range: {error}") from None
        object.__setattr__(self, "hash", tagged(Tag.HEADER, encoded))


def genesis(domain: Domain) -> Header:
    """Header 0, which holds nothing and says where the rollup is: its parent is the domain."""
    none, no_time = ZERO_HASH, Seconds(0)
    empty = Mountains().hash
    return Header(BatchNumber(0), domain.separator, empty, no_time, 0, none, none, 0, 0, 0, none)


def leaf(
    receipt: ReceiptId, signature: Signature, bundle: Hash = ZERO_HASH, index: int = 0
) -> Hash:
    """H(ENTRY | receipt id | signature of the receipt or of its bundle, 65 bytes | id of that
    bundle or 32 zero bytes | place in it u32).

    The signature and what it is of are part of it, so that a batch says once and for all whether a
    receipt is void.
    """
    return tagged(Tag.ENTRY, receipt, signature, bundle, index.to_bytes(4, "big"))


def split(data: bytes, chunk_bytes: int = CHUNK_BYTES) -> list[bytes]:
    """The data in chunks of `chunk_bytes`, the last one shorter; at least one chunk."""
    return [data[i : i + chunk_bytes] for i in range(0, max(len(data), 1), chunk_bytes)]


def data_hashes(chunks: Sequence[bytes]) -> list[Hash]:
    """d[0..n]: the running data hash before any chunk and after each (d[0] is 32 zero bytes)."""
    running = [ZERO_HASH]
    for chunk in chunks:
        running.append(tagged(Tag.CHUNK, running[-1], keccak(chunk)))
    return running


def includes(header: Header, index: int, entry: Hash, siblings: Sequence[Hash]) -> bool:
    """Whether the receipt of this leaf is the `index`-th of the header's batch."""
    return _opens(header.root, header.receipts, index, entry, siblings)


def took(header: Header, index: int, entry: Hash, siblings: Sequence[Hash]) -> bool:
    """Whether the inbox entry of this leaf is the `index`-th that the header's batch took."""
    return _opens(header.inbox_root, header.taken, index, entry, siblings)


def _opens(root: Hash, count: int, index: int, entry: Hash, siblings: Sequence[Hash]) -> bool:
    return (
        0 <= index < count
        and len(siblings) == merkle.ceil_log2(count)
        and merkle.climb(entry, index, siblings, Tag.ENTRY_NODE) == root
    )
