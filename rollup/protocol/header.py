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
from rollup.protocol.types import BatchNumber, Hash, ReceiptId, Seconds

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


def split(data: bytes, chunk_bytes: int = CHUNK_BYTES) -> list[bytes]:
    """The data in chunks of `chunk_bytes`, the last one shorter; at least one chunk."""
    return [data[i : i + chunk_bytes] for i in range(0, max(len(data), 1), chunk_bytes)]


def data_hashes(chunks: Sequence[bytes]) -> list[Hash]:
    """d[0..n]: the running data hash before any chunk and after each (d[0] is 32 zero bytes)."""
    running = [ZERO_HASH]
    for chunk in chunks:
        running.append(tagged(Tag.CHUNK, running[-1], keccak(chunk)))
    return running


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
