"""The quantities of the ledger, each a type of its own so that they cannot be mixed up."""

from typing import Final, NewType

from bisection.machine import Address
from prover.commit.keccak import ZERO_HASH, Hash, keccak

ReceiptId = NewType("ReceiptId", Hash)
"""EIP-712 struct hash of a receipt."""

AccountIndex = NewType("AccountIndex", int)
"""u64; given to an address by the vault, once."""

Nonce = NewType("Nonce", int)
"""u64; an account's receipts count up from 0 without a gap."""

SlotIndex = NewType("SlotIndex", int)
"""u64; one bond of an account."""

BatchNumber = NewType("BatchNumber", int)
"""u64; 0 is genesis and holds nothing."""

Seconds = NewType("Seconds", int)
"""A duration, or protocol time (block time less paused time)."""

Wei = NewType("Wei", int)
Gas = NewType("Gas", int)

ZERO_ADDRESS: Final = Address(bytes(20))
U8_MAX: Final = 2**8 - 1
U32_MAX: Final = 2**32 - 1
U64_MAX: Final = 2**64 - 1

__all__ = [
    "U8_MAX",
    "U32_MAX",
    "U64_MAX",
    "ZERO_ADDRESS",
    "ZERO_HASH",
    "AccountIndex",
    "Address",
    "BatchNumber",
    "Gas",
    "Hash",
    "Nonce",
    "ReceiptId",
    "Seconds",
    "SlotIndex",
    "Wei",
    "address_text",
]


def address_text(address: Address) -> str:
    """The address as people write it: 0x and 40 digits with the checksum of EIP-55."""
    digits = address.hex()
    mask = keccak(digits.encode()).hex()
    return "0x" + "".join(
        digit.upper() if int(nibble, 16) >= 8 else digit
        for digit, nibble in zip(digits, mask, strict=False)
    )
