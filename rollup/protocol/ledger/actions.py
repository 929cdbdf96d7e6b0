"""Actions under the name that the ledger's modules know them by; see `rollup.protocol.actions`."""

from rollup.protocol.actions import ACTION_TYPE, ACTION_TYPE_HASH, Action, ActionKind
from rollup.protocol.receipts import Receipt as LedgerReceipt

__all__ = ["ACTION_TYPE", "ACTION_TYPE_HASH", "Action", "ActionKind", "LedgerReceipt"]
