"""Receipts, entries and headers as JSON: what the gateway takes and a portable proof holds.

Integers are JSON numbers, bytes are "0x" and lower-case hex; fields are named as in the EIP-712
types. Reading is strict: a missing or unknown field, another type or another width raises
`DocumentError`.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final, NewType

from rollup.errors import DocumentError, ReceiptError
from rollup.protocol.actions import Action
from rollup.protocol.eip712 import Signature
from rollup.protocol.entries import Entry, SignedBundle, SignedReceipt
from rollup.protocol.header import Header
from rollup.protocol.receipts import Receipt, Statement, Work
from rollup.protocol.types import (
    AccountIndex,
    Address,
    BatchNumber,
    Hash,
    Nonce,
    Seconds,
    SlotIndex,
    address_text,
)

Json = NewType("Json", dict[str, Any])
"""A JSON object."""

STATEMENT_FIELDS: Final = frozenset({"type", "kind", "account", "nonce", "subject", "content"})
WORK_FIELDS: Final = frozenset(
    {"type", "kind", "account", "nonce", "slot", "defender", "program", "firstStep", "steps"}
    | {"params", "inputs", "paramsAfter", "outputs"}
)
ACTION_FIELDS: Final = frozenset({"type", "kind", "account", "nonce", "target", "other", "amount"})
HEADER_FIELDS: Final = frozenset(
    {"number", "parent", "history", "posted", "receipts", "root", "dataHash"}
    | {"inbox", "seen", "taken", "inboxRoot"}
)


def text(data: bytes) -> str:
    """Bytes as "0x" and hex."""
    return "0x" + data.hex()


class Fields:
    """A JSON object being read: typed access, and no field that nobody asked for.

    Raises:
        DocumentError: from every method, naming the field.
    """

    def __init__(self, value: object, what: str, names: frozenset[str]) -> None:
        if not isinstance(value, Mapping):
            raise DocumentError(f"{what} is a JSON object, not {type(value).__name__}")
        missing = sorted(names - value.keys())
        if missing:
            raise DocumentError(f"{what} lacks the field {missing[0]}")
        unknown = sorted(str(key) for key in value.keys() - names)
        if unknown:
            raise DocumentError(f"{what} has no field {unknown[0]}")
        self._value = value
        self._what = what

    def any(self, name: str) -> object:
        """The field as it is."""
        return self._value[name]

    def integer(self, name: str) -> int:
        """A JSON integer that is not negative."""
        value = self._value[name]
        if not isinstance(value, int) or isinstance(value, bool) or value < 0:
            raise DocumentError(f"{self._what}.{name} is an integer from 0 up")
        return value

    def boolean(self, name: str) -> bool:
        """true or false."""
        value = self._value[name]
        if not isinstance(value, bool):
            raise DocumentError(f"{self._what}.{name} is true or false")
        return value

    def string(self, name: str) -> str:
        """A JSON string."""
        value = self._value[name]
        if not isinstance(value, str):
            raise DocumentError(f"{self._what}.{name} is a string")
        return value

    def octets(self, name: str, width: int) -> bytes:
        """0x-hex of exactly `width` bytes."""
        return octets(self._value[name], width, f"{self._what}.{name}")

    def hash(self, name: str) -> Hash:
        """0x-hex of 32 bytes."""
        return Hash(self.octets(name, 32))

    def list(self, name: str) -> list[object]:
        """A JSON array."""
        value = self._value[name]
        if not isinstance(value, list):
            raise DocumentError(f"{self._what}.{name} is an array")
        return value


def octets(value: object, width: int, what: str) -> bytes:
    """0x-hex of exactly `width` bytes.

    Raises:
        DocumentError: when it is anything else.
    """
    if isinstance(value, str) and value.startswith("0x") and len(value) == 2 + 2 * width:
        try:
            data = bytes.fromhex(value[2:])
        except ValueError:
            data = b""
        if len(data) == width:  # fromhex skips blanks
            return data
    raise DocumentError(f"{what} is 0x and {2 * width} hex digits")


def receipt_to_json(receipt: Receipt) -> Json:
    """The receipt's fields under the names of its EIP-712 type, and `type`."""
    if isinstance(receipt, Statement):
        return Json(
            {
                "type": "Statement",
                "kind": receipt.kind,
                "account": receipt.account,
                "nonce": receipt.nonce,
                "subject": text(receipt.subject),
                "content": text(receipt.content),
            }
        )
    if isinstance(receipt, Action):
        return Json(
            {
                "type": "Action",
                "kind": receipt.kind,
                "account": receipt.account,
                "nonce": receipt.nonce,
                "target": receipt.target,
                "other": receipt.other,
                "amount": receipt.amount,
            }
        )
    return Json(
        {
            "type": "Work",
            "kind": receipt.kind,
            "account": receipt.account,
            "nonce": receipt.nonce,
            "slot": receipt.slot,
            "defender": address_text(receipt.defender),
            "program": text(receipt.program),
            "firstStep": receipt.first_step,
            "steps": receipt.steps,
            "params": text(receipt.params),
            "inputs": text(receipt.inputs),
            "paramsAfter": text(receipt.params_after),
            "outputs": text(receipt.outputs),
        }
    )


def receipt_from_json(value: object) -> Receipt:
    """The inverse of `receipt_to_json`.

    Raises:
        DocumentError: when the value is no receipt.
    """
    kind = value.get("type") if isinstance(value, Mapping) else None
    if kind == "Work":
        fields = Fields(value, "Work", WORK_FIELDS)
        return _made(
            lambda: Work(
                fields.integer("kind"),
                AccountIndex(fields.integer("account")),
                Nonce(fields.integer("nonce")),
                SlotIndex(fields.integer("slot")),
                Address(fields.octets("defender", 20)),
                fields.hash("program"),
                fields.integer("firstStep"),
                fields.integer("steps"),
                fields.hash("params"),
                fields.hash("inputs"),
                fields.hash("paramsAfter"),
                fields.hash("outputs"),
            )
        )
    if kind == "Statement":
        fields = Fields(value, "Statement", STATEMENT_FIELDS)
        return _made(
            lambda: Statement(
                fields.integer("kind"),
                AccountIndex(fields.integer("account")),
                Nonce(fields.integer("nonce")),
                fields.hash("subject"),
                fields.hash("content"),
            )
        )
    if kind == "Action":
        fields = Fields(value, "Action", ACTION_FIELDS)
        return _made(
            lambda: Action(
                fields.integer("kind"),
                AccountIndex(fields.integer("account")),
                Nonce(fields.integer("nonce")),
                fields.integer("target"),
                fields.integer("other"),
                fields.integer("amount"),
            )
        )
    raise DocumentError('a receipt is a JSON object of type "Work", "Statement" or "Action"')


def _made(make: Callable[[], Receipt]) -> Receipt:
    try:
        return make()
    except ReceiptError as error:
        raise DocumentError(str(error)) from None


def entry_to_json(entry: Entry) -> Json:
    """{receipt, signature} or {receipts, signature}."""
    if isinstance(entry, SignedReceipt):
        return Json({"receipt": receipt_to_json(entry.receipt), "signature": text(entry.signature)})
    return Json(
        {
            "receipts": [receipt_to_json(receipt) for receipt in entry.receipts],
            "signature": text(entry.signature),
        }
    )


def entry_from_json(value: object) -> Entry:
    """The inverse of `entry_to_json`.

    Raises:
        DocumentError: when the value is no entry.
        BundleError: when the receipts cannot stand in one bundle.
    """
    if isinstance(value, Mapping) and "receipts" in value:
        fields = Fields(value, "bundle", frozenset({"receipts", "signature"}))
        receipts = tuple(receipt_from_json(item) for item in fields.list("receipts"))
        return SignedBundle(receipts, Signature(fields.octets("signature", 65)))
    fields = Fields(value, "entry", frozenset({"receipt", "signature"}))
    receipt = receipt_from_json(fields.any("receipt"))
    return SignedReceipt(receipt, Signature(fields.octets("signature", 65)))


def header_to_json(header: Header) -> Json:
    """The header's fields; its hash follows from them."""
    return Json(
        {
            "number": header.number,
            "parent": text(header.parent),
            "history": text(header.history),
            "posted": header.posted,
            "receipts": header.receipts,
            "root": text(header.root),
            "dataHash": text(header.data_hash),
            "inbox": header.inbox,
            "seen": header.seen,
            "taken": header.taken,
            "inboxRoot": text(header.inbox_root),
        }
    )


def header_from_json(value: object) -> Header:
    """The inverse of `header_to_json`.

    Raises:
        DocumentError: when the value is no header.
    """
    fields = Fields(value, "header", HEADER_FIELDS)
    try:
        return Header(
            BatchNumber(fields.integer("number")),
            fields.hash("parent"),
            fields.hash("history"),
            Seconds(fields.integer("posted")),
            fields.integer("receipts"),
            fields.hash("root"),
            fields.hash("dataHash"),
            fields.integer("inbox"),
            fields.integer("seen"),
            fields.integer("taken"),
            fields.hash("inboxRoot"),
        )
    except ReceiptError as error:
        raise DocumentError(str(error)) from None
