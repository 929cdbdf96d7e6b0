"""Actions: receipts that move what the ledger holds (docs/ledger.md, section 4).

An action is signed like every receipt, alone or in a bundle, under its own EIP-712 type; its id is
its struct hash. What its three numbers mean depends on its kind.
"""

import struct
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Final

from prover.commit.keccak import keccak
from rollup.errors import ReceiptError
from rollup.protocol.types import AccountIndex, Nonce, ReceiptId


class ActionKind(IntEnum):
    """What an action does; any other kind does nothing but use its nonce."""

    TRANSFER = 32
    """`amount` of balance to account `target`."""
    WITHDRAW = 33
    """`amount` of balance to what L1 pays out."""
    SETTLE = 34
    """The signer's own record `target`, a claim of job `other`, becomes final."""
    EVALUATE = 35
    """The signer's training record `target` scored `amount` points in evaluation `other`."""
    USE = 36
    """Pays `amount` for inference record `target`."""
    DISTRIBUTE = 37
    """Turns the signer's score of a closed epoch into its share of that epoch's pool."""


ACTION_TYPE: Final = (
    "Action(uint8 kind,uint64 account,uint64 nonce,uint64 target,uint64 other,uint64 amount)"
)
ACTION_TYPE_HASH: Final = keccak(ACTION_TYPE.encode())
_ACTION: Final = struct.Struct(">32s 31xB 24xQ 24xQ 24xQ 24xQ 24xQ")


@dataclass(frozen=True, slots=True)
class Action:
    """One action. Amounts are in billionths of the token.

    Raises:
        ReceiptError: when an integer is outside its type.
    """

    kind: int
    """u8, see `ActionKind`."""
    account: AccountIndex
    """u64, whose owner signs."""
    nonce: Nonce
    """u64."""
    target: int = 0
    """u64."""
    other: int = 0
    """u64."""
    amount: int = 0
    """u64."""
    id: ReceiptId = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        try:
            encoded = _ACTION.pack(
                ACTION_TYPE_HASH,
                self.kind,
                self.account,
                self.nonce,
                self.target,
                self.other,
                self.amount,
            )
        except struct.error as error:
            raise ReceiptError(f"a field of Action is outside its range: {error}") from None
        object.__setattr__(self, "id", ReceiptId(keccak(encoded)))
