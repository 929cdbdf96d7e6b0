"""The inbox as Python objects: what L1 tells the ledger, and receipts that nobody can keep out."""

from dataclasses import dataclass, replace
from typing import Any

from rollup.l1.accounts import Signer
from rollup.l1.bound import Bound, Place
from rollup.l1.chain import At, BlockNumber, Mined
from rollup.protocol.ledger.inbox import InboxEntry
from rollup.protocol.ledger.packing import forced_hash
from rollup.protocol.types import Hash


@dataclass(frozen=True, slots=True)
class InboxAppended:
    """Entry ``index`` came in. A forced receipt is with its bytes, if L1 has the event of them."""

    index: int
    entry: InboxEntry
    place: Place


class InboxContract(Bound):
    """A contract's part that is the inbox."""

    def inbox_count(self, block: At | None = None) -> int:
        """How many entries ever came in."""
        return int(self.read("inboxCount", block=block))

    def inbox_leaf(self, index: int, block: At | None = None) -> Hash:
        """Leaf of an entry; zeros when there is none."""
        return Hash(self.read("inboxLeaf", index, block=block))

    def inbox_cap(self) -> int:
        """Entries that one batch takes at the most."""
        return int(self.read("INBOX_CAP"))

    def force(self, signer: Signer, receipt: bytes) -> tuple[int, Mined]:
        """Gives L1 a packed receipt with its signature (``packing.forced_bytes``), which no batch
        can then leave out; its index.
        """
        mined = self.send(signer, "force", receipt)
        (index,) = [
            int(values["index"])
            for name, values in self.decode(mined.logs)
            if name == "ForcedReceipt"
        ]
        return index, mined

    def inbox_entries(self, first: BlockNumber, last: BlockNumber) -> list[InboxAppended]:
        """Entries that came in L1 blocks first..last, in order."""
        found = self.events("InboxAppended", first, last)
        if not found:
            return []
        forced = {
            values["index"]: bytes(values["receipt"])
            for values, _ in self.events("ForcedReceipt", first, last)
        }
        return [
            InboxAppended(
                values["index"], _with(entry_of(values), forced.get(values["index"])), place
            )
            for values, place in found
        ]


def entry_of(values: dict[str, Any]) -> InboxEntry:
    """The entry that an InboxAppended event tells."""
    numbers = (values[name] for name in ("kind", "a", "b", "c", "d"))
    return InboxEntry(*numbers, *(Hash(values[name]) for name in ("x", "y", "z")))


def _with(entry: InboxEntry, forced: bytes | None) -> InboxEntry:
    if forced is None or forced_hash(forced) != entry.x:
        return entry
    return replace(entry, forced=forced)
