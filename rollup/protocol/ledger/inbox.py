"""Inbox entries: what L1 tells the ledger, as the first steps of a batch (docs/ledger.md, 5)."""

import struct
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from prover.commit.keccak import ZERO_HASH, Hash, tagged
from prover.commit.tags import Tag
from rollup.protocol.ledger.header import Rules
from rollup.protocol.types import Address


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


_ENTRY: Final = struct.Struct(">B4Q32s32s32s")
INBOX_BYTES: Final = _ENTRY.size


@dataclass(frozen=True, slots=True)
class InboxEntry:
    """Four numbers (u64) and three words of 32 bytes; what they mean depends on the kind (u8)."""

    kind: int
    a: int = 0
    b: int = 0
    c: int = 0
    d: int = 0
    x: Hash = ZERO_HASH
    y: Hash = ZERO_HASH
    z: Hash = ZERO_HASH

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
    def rules(self) -> Rules:
        """The rules in `x` and `y`, clamped."""
        return Rules.unpack(self.x + self.y)


def register(account: int, address: Address) -> InboxEntry:
    """`address` has the index `account`."""
    return InboxEntry(InboxKind.REGISTER, account, x=Hash(bytes(12) + address))


def close_epoch(epoch: int, pool: int, rules: Rules) -> InboxEntry:
    """Epoch `epoch` closes with `pool`; `rules` are the next one's."""
    packed = rules.pack()
    return InboxEntry(InboxKind.EPOCH, epoch, pool, x=Hash(packed[:32]), y=Hash(packed[32:]))
