"""Receipts: who did what (docs/protocol.md, section 8).

`Work` claims a computation that anyone can recompute and that a bond backs. `Statement` binds an
account to a content hash and moves nothing by itself. `Action` (see `actions`) moves what the
ledger holds. A receipt's id is its EIP-712 struct hash, computed once when it is made; the ABI
encoding under it is also what checks every integer's range.

Any u8 is a kind here, so that data which holds a kind of tomorrow still decodes; the sequencer
admits known kinds alone.
"""

import struct
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Final

from prover.commit.keccak import keccak
from rollup.errors import ReceiptError
from rollup.protocol.actions import Action
from rollup.protocol.types import AccountIndex, Address, Hash, Nonce, ReceiptId, SlotIndex


class WorkKind(IntEnum):
    """What a `Work` receipt computed."""

    COMPUTE = 1
    INFERENCE = 2


class StatementKind(IntEnum):
    """What a `Statement` receipt says of its subject."""

    DATASET = 16
    LABEL = 17
    MODEL = 18
    USAGE = 19
    OPERATIONAL_SIGNAL = 20
    FEDERATED_UPDATE = 21
    """Where an update came from; one that is to be paid is a compute claim instead."""


WORK_TYPE: Final = (
    "Work(uint8 kind,uint64 account,uint64 nonce,uint64 slot,address defender,bytes32 program,"
    "uint64 firstStep,uint32 steps,bytes32 params,bytes32 inputs,bytes32 paramsAfter,"
    "bytes32 outputs)"
)
STATEMENT_TYPE: Final = (
    "Statement(uint8 kind,uint64 account,uint64 nonce,bytes32 subject,bytes32 content)"
)
BUNDLE_TYPE: Final = "Bundle(uint64 account,uint64 nonce,uint32 count,bytes32 root)"

WORK_TYPE_HASH: Final = keccak(WORK_TYPE.encode())
STATEMENT_TYPE_HASH: Final = keccak(STATEMENT_TYPE.encode())
BUNDLE_TYPE_HASH: Final = keccak(BUNDLE_TYPE.encode())

# The ABI encodings: one 32-byte word a field, integers and addresses padded on the left.
_WORK = struct.Struct(">32s 31xB 24xQ 24xQ 24xQ 12x20s 32s 24xQ 28xI 32s 32s 32s 32s")
_STATEMENT = struct.Struct(">32s 31xB 24xQ 24xQ 32s 32s")
_BUNDLE = struct.Struct(">32s 24xQ 24xQ 28xI 32s")


def _out_of_range(error: struct.error, what: object) -> ReceiptError:
    return ReceiptError(f"a field of {type(what).__name__} is outside its range: {error}")


@dataclass(frozen=True, slots=True)
class Work:
    """`steps` runs of `program` from `params` on `inputs` gave `params_after` and `outputs`.

    Raises:
        ReceiptError: when an integer is outside its type, or a hash or the defender has the wrong
            width.
    """

    kind: int
    """u8, see `WorkKind`."""
    account: AccountIndex
    """u64, whose owner signs."""
    nonce: Nonce
    """u64."""
    slot: SlotIndex
    """u64, the account's bond that backs the claim."""
    defender: Address
    """Who may move for the claim in a dispute."""
    program: Hash
    """Program id."""
    first_step: int
    """u64, the training step that the claim starts at."""
    steps: int
    """u32, runs of the whole program."""
    params: Hash
    """Segment root before."""
    inputs: Hash
    """Segment root, unchanged by the work."""
    params_after: Hash
    """Segment root after."""
    outputs: Hash
    """Segment root after."""
    id: ReceiptId = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if (
            len(self.defender) != 20
            or len(self.program) != 32
            or len(self.params) != 32
            or len(self.inputs) != 32
            or len(self.params_after) != 32
            or len(self.outputs) != 32
        ):
            raise ReceiptError("Work takes a defender of 20 bytes and hashes of 32 bytes")
        try:
            encoded = _WORK.pack(
                WORK_TYPE_HASH,
                self.kind,
                self.account,
                self.nonce,
                self.slot,
                self.defender,
                self.program,
                self.first_step,
                self.steps,
                self.params,
                self.inputs,
                self.params_after,
                self.outputs,
            )
        except struct.error as error:
            raise _out_of_range(error, self) from None
        object.__setattr__(self, "id", keccak(encoded))


@dataclass(frozen=True, slots=True)
class Statement:
    """The account says `content` of `subject`.

    Raises:
        ReceiptError: when an integer is outside its type or a hash has the wrong width.
    """

    kind: int
    """u8, see `StatementKind`."""
    account: AccountIndex
    """u64, whose owner signs."""
    nonce: Nonce
    """u64."""
    subject: Hash
    """What is spoken of: a dataset, a sample, a model."""
    content: Hash
    """Commitment to what is said; salted where the content could be guessed."""
    id: ReceiptId = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if len(self.subject) != 32 or len(self.content) != 32:
            raise ReceiptError("Statement takes hashes of 32 bytes")
        try:
            encoded = _STATEMENT.pack(
                STATEMENT_TYPE_HASH,
                self.kind,
                self.account,
                self.nonce,
                self.subject,
                self.content,
            )
        except struct.error as error:
            raise _out_of_range(error, self) from None
        object.__setattr__(self, "id", keccak(encoded))


Receipt = Work | Statement | Action
"""Whatever is signed, batched and shown: three forms under three EIP-712 types."""


@dataclass(frozen=True, slots=True)
class Bundle:
    """What one signature over many receipts signs: their number, place and root.

    Raises:
        ReceiptError: when an integer is outside its type or the root has the wrong width.
    """

    account: AccountIndex
    nonce: Nonce
    """u64, of the first receipt."""
    count: int
    """u32."""
    root: Hash
    """Tree over H(BUNDLE_LEAF | receipt id)."""
    id: Hash = field(init=False, repr=False, compare=False)
    """Struct hash. A bundle is no receipt and its id no receipt's id."""

    def __post_init__(self) -> None:
        if len(self.root) != 32:
            raise ReceiptError("Bundle takes a root of 32 bytes")
        try:
            encoded = _BUNDLE.pack(
                BUNDLE_TYPE_HASH, self.account, self.nonce, self.count, self.root
            )
        except struct.error as error:
            raise _out_of_range(error, self) from None
        object.__setattr__(self, "id", keccak(encoded))
