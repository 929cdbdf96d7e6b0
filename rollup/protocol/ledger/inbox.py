"""Inbox entries: what L1 tells the ledger, as the first steps of a batch (docs/ledger.md, 5)."""

import struct
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from prover.commit.keccak import ZERO_HASH, Hash, tagged
from prover.commit.tags import Tag
from rollup.errors import ReceiptError
from rollup.protocol.eip712 import Signature
from rollup.protocol.ledger.entries import Placed
from rollup.protocol.ledger.header import Rules
from rollup.protocol.ledger.packing import forced_bytes, forced_hash, unpack_forced
from rollup.protocol.receipts import Receipt
from rollup.protocol.types import Address, BatchNumber


class InboxKind(IntEnum):
    """What an entry says; any other kind says nothing."""

    REGISTER = 1
    """Account `a`, the next index, belongs to the address in `x`."""
    DEPOSIT = 2
    """Account `a` paid in `b`."""
    SLOTS = 3
    """Account `a` deposited `c` slots, numbered from `b`."""
    EXIT = 4
    """Account `a` asked for slot `b` back."""
    SLASH = 5
    """A claim of account `a` on slot `b` was false."""
    JOB = 6
    """Job `a`, the next index, opens: `b` units a step of program `x`, which was registered at time
    `d`, on inputs `y` from step `c` and params `z` on."""
    CONFIRM = 7
    """Batches up to number `a` are confirmed: every claim of theirs that was false has come as a
    SLASH before."""
    EPOCH = 8
    """Epoch `a`, the current one, closes with a pool of `b`; `x` and `y` are the next rules."""
    FORCED = 9
    """Somebody gave L1 the receipt behind `x`, for no batch to leave it out."""


_ENTRY: Final = struct.Struct(">B4Q32s32s32s")
INBOX_BYTES: Final = _ENTRY.size
MAX_FORCED: Final = 2**16 - 1
"""Bytes behind `x`; L1 takes none but a packed receipt and its signature, at most 283."""


@dataclass(frozen=True, slots=True)
class InboxEntry:
    """Four numbers (u64) and three words of 32 bytes; what they mean depends on the kind (u8).

    Raises:
        ReceiptError: when `forced` is not what `x` is the hash of, or too long.
    """

    kind: int
    a: int = 0
    b: int = 0
    c: int = 0
    d: int = 0
    x: Hash = ZERO_HASH
    y: Hash = ZERO_HASH
    z: Hash = ZERO_HASH
    forced: bytes | None = None
    """What `x` is the hash of, H(FORCED | forced): of kind 9, which cannot be applied without."""

    def __post_init__(self) -> None:
        if self.forced is None:
            return
        if len(self.forced) > MAX_FORCED or forced_hash(self.forced) != self.x:
            raise ReceiptError("a forced receipt is what the entry's x is the hash of, below 2^16")

    def pack(self) -> bytes:
        """129 bytes."""
        return _ENTRY.pack(self.kind, self.a, self.b, self.c, self.d, self.x, self.y, self.z)

    @classmethod
    def unpack(cls, data: bytes) -> "InboxEntry":
        """The inverse of `pack`."""
        return cls(*_ENTRY.unpack(data))

    @property
    def leaf(self) -> Hash:
        """H(INBOX_ENTRY | 129 bytes)."""
        return tagged(Tag.INBOX_ENTRY, self.pack())

    @property
    def address(self) -> Address:
        """The last 20 bytes of `x`."""
        return Address(self.x[12:])

    @property
    def receipt(self) -> Placed | None:
        """The forced receipt and its signature; None of another kind, without the bytes, and when
        they are no receipt.
        """
        if self.kind != InboxKind.FORCED or self.forced is None:
            return None
        try:
            return unpack_forced(self.forced)
        except ReceiptError:
            return None

    @property
    def rules(self) -> Rules:
        """The rules in `x` and `y`, clamped."""
        return Rules.unpack(self.x + self.y)


def urgent(entries: Iterable[InboxEntry], settles: Callable[[BatchNumber], bool]) -> bool:
    """Whether entries are worth a batch of inbox entries alone; `settles` tells whether the
    confirmation of a batch is, since that batch holds receipts or took forced ones.

    That of any other batch lets nothing settle, and waits for the next batch: a batch that took
    nothing but confirmations is confirmed itself, and each would bring the next one for ever.
    """
    return any(e.kind != InboxKind.CONFIRM or settles(BatchNumber(e.a)) for e in entries)


def register(account: int, address: Address) -> InboxEntry:
    """`address` has the index `account`."""
    return InboxEntry(InboxKind.REGISTER, account, x=Hash(bytes(12) + address))


def force(receipt: Receipt, signature: Signature) -> InboxEntry:
    """A receipt that somebody gave to L1, signed by itself."""
    data = forced_bytes(receipt, signature)
    return InboxEntry(InboxKind.FORCED, x=forced_hash(data), forced=data)


def close_epoch(epoch: int, pool: int, rules: Rules) -> InboxEntry:
    """Epoch `epoch` closes with `pool`; `rules` are the next one's."""
    packed = rules.pack()
    return InboxEntry(InboxKind.EPOCH, epoch, pool, x=Hash(packed[:32]), y=Hash(packed[32:]))
