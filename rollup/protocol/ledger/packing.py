"""Receipts as bytes, for step witnesses and for who forces one on L1 (docs/ledger.md, section 7).

A packed receipt is a byte for its form and the fields of its type in order, each as wide as its
type. A forced receipt is that and the signature, always its own.
"""

import struct
from typing import Final

from prover.commit.keccak import Hash, tagged
from prover.commit.tags import Tag
from rollup.errors import ReceiptError
from rollup.protocol.actions import Action
from rollup.protocol.eip712 import Signature
from rollup.protocol.ledger.entries import Placed
from rollup.protocol.receipts import Receipt, Statement, Work

_FORMS: Final = (
    struct.Struct(">B3Q20s32sQI32s32s32s32s"),
    struct.Struct(">B2Q32s32s"),
    struct.Struct(">B5Q"),
)
"""Of the fields, by form: 0 Work, 1 Statement, 2 Action."""
SIGNATURE_BYTES: Final = 65


def packed_bytes(form: int) -> int | None:
    """How long a packed receipt of this form is, its form byte included; None for no form."""
    return 1 + _FORMS[form].size if form < len(_FORMS) else None


def pack_receipt(receipt: Receipt) -> bytes:
    """A byte for the form (0 Work, 1 Statement, 2 Action), then the fields: 218, 82 or 42 bytes."""
    if isinstance(receipt, Work):
        return b"\0" + _FORMS[0].pack(
            receipt.kind, receipt.account, receipt.nonce, receipt.slot, receipt.defender,
            receipt.program, receipt.first_step, receipt.steps, receipt.params, receipt.inputs,
            receipt.params_after, receipt.outputs,
        )  # fmt: skip
    if isinstance(receipt, Statement):
        return b"\1" + _FORMS[1].pack(
            receipt.kind, receipt.account, receipt.nonce, receipt.subject, receipt.content
        )
    return b"\2" + _FORMS[2].pack(
        receipt.kind, receipt.account, receipt.nonce, receipt.target, receipt.other,
        receipt.amount,
    )  # fmt: skip


def unpack_receipt(data: bytes) -> Receipt:
    """The inverse of `pack_receipt`.

    Raises:
        ReceiptError: when the bytes are no packed receipt.
    """
    if not data or len(data) != packed_bytes(data[0]):
        raise ReceiptError("a packed receipt is a form (0, 1 or 2) and all its fields")
    made: tuple[type[Receipt], ...] = (Work, Statement, Action)
    return made[data[0]](*_FORMS[data[0]].unpack(data[1:]))


def forced_bytes(receipt: Receipt, signature: Signature) -> bytes:
    """What its sender gives to L1: the packed receipt and the signature over it alone."""
    return pack_receipt(receipt) + signature


def forced_hash(data: bytes) -> Hash:
    """H(FORCED | data): what L1 keeps of a forced receipt."""
    return tagged(Tag.FORCED, data)


def unpack_forced(data: bytes) -> Placed:
    """The receipt and its signature.

    Raises:
        ReceiptError: when the bytes are no packed receipt and a signature.
    """
    at = len(data) - SIGNATURE_BYTES
    if at < 0:
        raise ReceiptError("a forced receipt ends with its signature of 65 bytes")
    return Placed(unpack_receipt(data[:at]), Signature(data[at:]))
