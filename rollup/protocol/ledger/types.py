"""What the ledger's state is made of (docs/ledger.md, sections 2 and 3).

Every integer is a u64 and packs big-endian; what bounds it below that stands in its docstring. The
bounds are what makes overflow impossible in `rewards`, so they hold in every state that the machine
reaches. A state that it never reaches has a next one all the same: what does not fit is cut to its
64 bits when it is packed.
"""

import struct
from dataclasses import dataclass
from enum import IntEnum
from typing import Final, NewType

from prover.commit.keccak import ZERO_HASH, Hash, tagged
from prover.commit.tags import Tag
from rollup.protocol.types import U64_MAX, AccountIndex, Address, Nonce

Amount = NewType("Amount", int)
"""u64, in billionths of the token: a ledger holds at most 2^64 - 1 of them in all."""

Units = NewType("Units", int)
"""Weighted scalar operations of a claim; at most `MAX_WORK`."""

Score = NewType("Score", int)
"""u64; what an epoch's pool is shared by. All accounts' scores of an epoch together fit u64."""

Sequence = NewType("Sequence", int)
"""u64, of a record: counts every one ever made."""

JobIndex = NewType("JobIndex", int)
EpochNumber = NewType("EpochNumber", int)
Bps = NewType("Bps", int)
"""Ten-thousandths; at most `BPS`."""

FIRST_NONCE: Final = Nonce(0)
BPS: Final = 10_000
MAX_WORK: Final = 2**44
"""Units of one claim, and of whatever is brought to the same scale."""
MAX_UNITS_A_PRICE: Final = 2**16
MAX_UNITS_A_POINT: Final = 2**12
REPUTATION_FULL: Final = 1_000
MAX_SLOTS: Final = 64
"""Slots 0 .. 63 of an account count here: one bit each."""
MAX_ACCOUNTS: Final = 2**24
MAX_JOBS: Final = 2**16
MAX_EPOCHS: Final = 2**16
MAX_RING: Final = 28
MAX_BUNDLE: Final = 2**12
NO_INPUTS: Final = ZERO_HASH
"""Of a job whose works may have any inputs, which nobody has registered."""

_ACCOUNT: Final = struct.Struct(">20s7Q")
_RECORD: Final = struct.Struct(">11Q32s32s32s32s")
_JOB: Final = struct.Struct(">4Q32s32s32s")
_EPOCH: Final = struct.Struct(">2Q")
ACCOUNT_BYTES: Final = _ACCOUNT.size
RECORD_BYTES: Final = _RECORD.size
JOB_BYTES: Final = _JOB.size
EPOCH_BYTES: Final = _EPOCH.size


class Status(IntEnum):
    """How far a record is."""

    PENDING = 0
    """Batched; it has earned nothing."""
    FINAL = 1
    """Settled: its claim can no longer be disputed and was not found false."""


@dataclass(frozen=True, slots=True)
class Account:
    """One account; its index is its place in the tree."""

    address: Address
    """Who signs; it never changes."""
    nonce: Nonce = FIRST_NONCE
    balance: Amount = Amount(0)
    live: int = 0
    """u64: bit i is set while slot i backs claims: deposited, not exiting, not slashed."""
    score: Score = Score(0)
    epoch: EpochNumber = EpochNumber(0)
    """Of `score`."""
    reputation: int = 0
    """0 .. REPUTATION_FULL."""
    payable: Amount = Amount(0)
    """Ever earned or withdrawn, for L1 to pay out the difference: it only grows."""

    @property
    def slots(self) -> int:
        """0 .. 64: live slots, the account's stake."""
        return self.live.bit_count()

    def pack(self) -> bytes:
        """76 bytes."""
        return _ACCOUNT.pack(
            self.address, self.nonce, self.balance & U64_MAX, self.live, self.score & U64_MAX,
            self.epoch, self.reputation, self.payable & U64_MAX,
        )  # fmt: skip

    @classmethod
    def unpack(cls, data: bytes) -> "Account":
        """The inverse of `pack`."""
        return cls(*_ACCOUNT.unpack(data))

    @property
    def leaf(self) -> Hash:
        """H(ACCOUNT | 76 bytes)."""
        return tagged(Tag.ACCOUNT, self.pack())


@dataclass(frozen=True, slots=True)
class Record:
    """A credit that waits, or that became score: one claim that a batch holds."""

    seq: Sequence
    kind: int
    """Of the Work: 1 compute, 2 inference."""
    status: int
    """See `Status`."""
    account: AccountIndex
    slot: int
    """0 .. 63."""
    batch: int
    """Number of the batch."""
    posted: int
    """Protocol time of the batch's post."""
    first_step: int
    steps: int
    """u32."""
    program: Hash
    params: Hash
    inputs: Hash
    after: Hash
    """Params after of a compute claim, outputs of an inference claim."""
    job: JobIndex = JobIndex(0)
    """From settling on; 0 before."""
    quantity: Units = Units(0)
    """From settling on: the claim's work where everybody can recompute it, else 0. Of an inference:
    what of it no usage fee has paid for yet."""

    def pack(self) -> bytes:
        """216 bytes."""
        return _RECORD.pack(
            self.seq, self.kind, self.status, self.account, self.slot, self.batch, self.posted,
            self.first_step, self.steps, self.job, self.quantity,
            self.program, self.params, self.inputs, self.after,
        )  # fmt: skip

    @classmethod
    def unpack(cls, data: bytes) -> "Record":
        """The inverse of `pack`, of bytes that open a record."""
        (seq, kind, status, account, slot, batch, posted, first_step, steps, job, quantity,
         program, params, inputs, after) = _RECORD.unpack(data)  # fmt: skip
        return cls(
            seq, kind, status, account, slot, batch, posted, first_step, steps,
            program, params, inputs, after, job, quantity,
        )  # fmt: skip

    @property
    def leaf(self) -> Hash:
        """H(RECORD | 216 bytes)."""
        return tagged(Tag.RECORD, self.pack())


@dataclass(frozen=True, slots=True)
class Job:
    """What is to be trained or evaluated, opened on L1; it holds how far its training is."""

    work: int
    """u64, units of one step of the program, as L1 counted them."""
    registered: int
    """Protocol time of the program's registration."""
    step: int
    """u64: the step that the next training claim starts at."""
    program: Hash
    inputs: Hash
    """Segment root that claims must have; `NO_INPUTS` for any."""
    params: Hash
    """The head of the lineage: params after the last settled training claim."""
    best: int = 0
    """u32, the highest metric that an evaluation was counted for."""

    def pack(self) -> bytes:
        """128 bytes."""
        return _JOB.pack(
            self.work, self.registered, self.step, self.best,
            self.program, self.inputs, self.params,
        )  # fmt: skip

    @classmethod
    def unpack(cls, data: bytes) -> "Job":
        """The inverse of `pack`."""
        work, registered, step, best, program, inputs, params = _JOB.unpack(data)
        return cls(work, registered, step, program, inputs, params, best)

    @property
    def leaf(self) -> Hash:
        """H(JOB | 128 bytes)."""
        return tagged(Tag.JOB, self.pack())


@dataclass(frozen=True, slots=True)
class Epoch:
    """A closed epoch: what was to be shared, and by how much score."""

    pool: Amount
    score: Score

    def pack(self) -> bytes:
        """16 bytes."""
        return _EPOCH.pack(self.pool, self.score)

    @classmethod
    def unpack(cls, data: bytes) -> "Epoch":
        """The inverse of `pack`."""
        return cls(*_EPOCH.unpack(data))

    @property
    def leaf(self) -> Hash:
        """H(EPOCH | 16 bytes)."""
        return tagged(Tag.EPOCH, self.pack())
