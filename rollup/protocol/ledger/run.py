"""What a claim about the ledger runs: a batch, its inbox part first (docs/ledger.md, section 3)."""

import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from prover.commit import merkle
from prover.commit.keccak import Hash, tagged
from prover.commit.tags import Tag
from rollup.errors import ReceiptError
from rollup.protocol.ledger.effects import receipt_step
from rollup.protocol.ledger.entries import Placed, signer
from rollup.protocol.ledger.inbox import InboxEntry
from rollup.protocol.ledger.inbox_effects import Posted, inbox_step
from rollup.protocol.ledger.store import Store

_RUN: Final = struct.Struct(">32sQQI32sI32s")
RUN_BYTES: Final = _RUN.size


@dataclass(frozen=True, slots=True)
class Run:
    """The program of a claim: everything in it is L1's own.

    Raises:
        ReceiptError: when a field is outside its type.
    """

    separator: Hash
    """EIP-712 domain separator that signatures count under."""
    batch: int
    """u64, the batch's number."""
    posted: int
    """u64, protocol time of its post."""
    inbox: int
    """u32, inbox entries it takes."""
    inbox_root: Hash
    receipts: int
    """u32."""
    receipts_root: Hash
    hash: Hash = field(init=False, repr=False, compare=False)
    """H(LEDGER_RUN | 120 bytes): the claim's program."""

    def __post_init__(self) -> None:
        try:
            packed = self.pack()
        except struct.error as error:
            raise ReceiptError(f"a field of Run is outside its range: {error}") from None
        object.__setattr__(self, "hash", tagged(Tag.LEDGER_RUN, packed))

    def pack(self) -> bytes:
        """120 bytes."""
        return _RUN.pack(
            self.separator, self.batch, self.posted, self.inbox, self.inbox_root, self.receipts,
            self.receipts_root,
        )  # fmt: skip

    @classmethod
    def unpack(cls, data: bytes) -> "Run":
        """The inverse of `pack`."""
        return cls(*_RUN.unpack(data))

    @property
    def length(self) -> int:
        """Steps."""
        return self.inbox + self.receipts

    @property
    def post(self) -> Posted:
        """What its receipts count under."""
        return Posted(self.separator, self.batch, self.posted)


@dataclass(frozen=True, slots=True)
class LedgerBatch:
    """A run with all that it commits to."""

    run: Run
    inbox: tuple[InboxEntry, ...]
    entries: tuple[Placed, ...]
    inbox_levels: list[list[Hash]] = field(repr=False, compare=False)
    entry_levels: list[list[Hash]] = field(repr=False, compare=False)

    @classmethod
    def of(
        cls,
        separator: Hash,
        batch: int,
        posted: int,
        inbox: Sequence[InboxEntry],
        entries: Sequence[Placed],
    ) -> "LedgerBatch":
        """Batch number `batch`, posted at protocol time `posted`."""
        inbox_levels = merkle.levels([entry.leaf for entry in inbox], Tag.ENTRY_NODE)
        entry_levels = merkle.levels([entry.leaf for entry in entries], Tag.ENTRY_NODE)
        run = Run(
            separator, batch, posted,
            len(inbox), inbox_levels[-1][0], len(entries), entry_levels[-1][0],
        )  # fmt: skip
        return cls(run, tuple(inbox), tuple(entries), inbox_levels, entry_levels)

    def path(self, position: int) -> list[Hash]:
        """Siblings of a position's leaf in its own tree, from the leaf up."""
        if position < self.run.inbox:
            return merkle.path_in(self.inbox_levels, position, Tag.ENTRY_NODE)
        return merkle.path_in(self.entry_levels, position - self.run.inbox, Tag.ENTRY_NODE)


def step(store: Store, batch: LedgerBatch, position: int) -> None:
    """The step at a position of the run, in place: the reference.

    Raises:
        IndexError: when the run has no such position.
    """
    if not 0 <= position < batch.run.length:
        raise IndexError(f"no step {position} in a run of {batch.run.length}")
    run = batch.run
    if position < run.inbox:
        return inbox_step(store, batch.inbox[position], run.post)
    entry = batch.entries[position - run.inbox]
    return receipt_step(store, run.batch, run.posted, entry.receipt, signer(entry, run.separator))
