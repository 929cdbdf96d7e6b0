"""Batches: thousands of receipts under one header hash on L1 (docs/protocol.md, section 8).

The order of the data is the order of the leaves. `Batch` is what a sequencer makes and a validator
recomputes; `check_data` is the one place where posted data is held against a posted header, and
`check_inbox` the one for the inbox entries that the batch took.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from prover.commit import hashes, merkle
from prover.commit.hashes import Hashes
from prover.commit.keccak import ZERO_HASH
from prover.commit.tags import Tag
from rollup.errors import CodecError, DataMismatch
from rollup.protocol import codec
from rollup.protocol.entries import Entry, SignedBundle
from rollup.protocol.header import Header, data_hashes
from rollup.protocol.ledger.inbox import InboxEntry, InboxKind
from rollup.protocol.receipts import Receipt
from rollup.protocol.types import U32_MAX, Hash

_LEAF: Final = np.dtype([("id", "V32"), ("signature", "V65"), ("bundle", "V32"), ("index", ">u4")])


def leaves(entries: Sequence[Entry]) -> Hashes:
    """`header.leaf` of all receipts of entries, in order."""
    counts = np.array([len(entry.receipts) for entry in entries], np.int64)
    ids = b"".join([receipt.id for entry in entries for receipt in entry.receipts])
    rows = np.empty(len(ids) // 32, _LEAF)
    rows["id"] = np.frombuffer(ids, "V32")
    signatures = np.frombuffer(b"".join([entry.signature for entry in entries]), "V65")
    rows["signature"] = np.repeat(signatures, counts)
    signed = b"".join(
        [entry.bundle.id if isinstance(entry, SignedBundle) else ZERO_HASH for entry in entries]
    )
    rows["bundle"] = np.repeat(np.frombuffer(signed, "V32"), counts)
    first = np.cumsum(counts) - counts
    rows["index"] = np.arange(len(rows)) - np.repeat(first, counts)
    return hashes.hash_all(Tag.ENTRY, rows.view(np.uint8).reshape(-1, _LEAF.itemsize))


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
        receipts: list[Receipt] = []
        for entry in entries:
            receipts += entry.receipts
        levels = hashes.levels(leaves(entries), Tag.ENTRY_NODE)
        return cls(tuple(entries), tuple(receipts), tuple(levels))

    @property
    def root(self) -> Hash:
        """Batch root."""
        return hashes.hash_at(self.levels[-1], 0)

    def leaf(self, index: int) -> Hash:
        """`header.leaf` of receipt `index`.

        Raises:
            IndexError: when the batch has no such receipt.
        """
        return hashes.hash_at(self.levels[0], self._checked(index))

    def path(self, index: int) -> list[Hash]:
        """Siblings of leaf `index`, from the leaf up; `ceil_log2(receipts)` of them.

        Raises:
            IndexError: when the batch has no such receipt.
        """
        return merkle.path_in(self.levels, self._checked(index), Tag.ENTRY_NODE)

    def place(self, index: int) -> tuple[Entry, int]:
        """The entry that holds receipt `index`, and the receipt's place in it.

        Raises:
            IndexError: when the batch has no such receipt.
        """
        self._checked(index)
        for entry in self.entries:
            if index < len(entry.receipts):
                break
            index -= len(entry.receipts)
        return entry, index

    def _checked(self, index: int) -> int:
        if not 0 <= index < len(self.receipts):
            raise IndexError(f"no receipt {index} in a batch of {len(self.receipts)}")
        return index


def check_data(header: Header, chunks: Sequence[bytes]) -> Batch:
    """The batch behind `header`, recomputed from the chunks that its poster published.

    Whether signatures are good is not looked at: an entry under a wrong one is void by itself, for
    good, since the root covers it, and takes nothing from the others.

    Raises:
        DataMismatch: when the chunks do not hash to the header's data hash, do not decode, or hold
            other receipts than the header's root. The verdict on every claim of the batch is then
            *unknown*.
    """
    if header.receipts == 0:
        if chunks or header.data_hash != ZERO_HASH or header.root != ZERO_HASH:
            raise DataMismatch(f"batch {header.number} has no receipts, and data or a root")
        return Batch.of(())
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


def check_inbox(header: Header, entries: Sequence[InboxEntry]) -> tuple[InboxEntry, ...]:
    """The inbox entries that the batch of `header` took, shown to be these.

    Raises:
        DataMismatch: when they are others, or a forced receipt lacks its bytes. What the ledger
            makes of the batch is then unknown.
    """
    root = merkle.root([entry.leaf for entry in entries], Tag.ENTRY_NODE)
    if len(entries) != header.taken or root != header.inbox_root:
        raise DataMismatch(
            f"batch {header.number} took {header.taken} inbox entries with root "
            f"{header.inbox_root.hex()}, at hand are {len(entries)} with {root.hex()}"
        )
    for index, entry in enumerate(entries, start=header.inbox - header.taken):
        if entry.kind == InboxKind.FORCED and entry.forced is None:
            raise DataMismatch(f"batch {header.number}: the forced receipt {index} is not at hand")
    return tuple(entries)
