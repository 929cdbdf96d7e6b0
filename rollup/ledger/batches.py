"""A batch as the ledger takes it: its inbox entries, and its receipts with who signed them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rollup.errors import DataMismatch, SignatureError
from rollup.ledger.ports import BatchSource
from rollup.protocol.assertions import run_of
from rollup.protocol.batch import Batch
from rollup.protocol.eip712 import Domain
from rollup.protocol.entries import Entry, signer
from rollup.protocol.header import Header
from rollup.protocol.ledger import layout
from rollup.protocol.ledger.entries import placed
from rollup.protocol.ledger.fast import FastLedger
from rollup.protocol.ledger.inbox import InboxEntry
from rollup.protocol.ledger.layout import Rows
from rollup.protocol.ledger.run import LedgerBatch
from rollup.protocol.ledger.types import MAX_BUNDLE
from rollup.protocol.types import Address, Hash


@dataclass(frozen=True, slots=True)
class Taken:
    """What the ledger takes of a batch, laid out for the fast path."""

    separator: Hash
    header: Header
    inbox: tuple[InboxEntry, ...]
    receipts: Rows

    def apply(self, state: FastLedger) -> None:
        """The whole batch, in place."""
        header = self.header
        state.apply(header.number, header.posted, self.inbox, self.receipts, self.separator)


def taken(source: BatchSource, header: Header, domain: Domain) -> Taken | None:
    """What the ledger takes of the batch of a header; None while any of it is unknown.

    A batch that L1 would come to remove, for want of its data, is one that it takes nothing of.
    """
    had = _had(source, header)
    if had is None:
        return None
    batch, inbox = had
    entries = () if batch is None else batch.entries
    receipts = [receipt for entry in entries for receipt in entry.receipts]
    rows = layout.receipts(receipts, list(_signers(entries, domain)))
    return Taken(domain.separator, header, inbox, rows)


def disputed(source: BatchSource, header: Header, domain: Domain) -> LedgerBatch | None:
    """The batch of a header with all that a step of it is proven by; None while it is unknown.

    Raises:
        DataMismatch: when what is at hand is another run than the header's.
    """
    had = _had(source, header)
    if had is None:
        return None
    batch, inbox = had
    entries = () if batch is None else batch.entries
    made = LedgerBatch.of(
        domain.separator, header.number, header.posted, inbox,
        [one for entry in entries for one in placed(entry)],
    )  # fmt: skip
    if made.run != run_of(header, domain):
        raise DataMismatch(f"batch {header.number}: the data at hand is another run's")
    return made


def _had(source: BatchSource, header: Header) -> tuple[Batch | None, tuple[InboxEntry, ...]] | None:
    """The batch, which may be of no receipts, and the inbox entries that it took."""
    batch = source.batch(header.number) if header.receipts else None
    inbox = source.inbox(header.number) if header.taken else ()
    if inbox is None or (batch is None and header.receipts):
        return None
    return batch, tuple(inbox)


def _signers(entries: Sequence[Entry], domain: Domain) -> Iterator[Address | None]:
    """Who signed each receipt: one recovery an entry, since all of a bundle's stand well in it."""
    for entry in entries:
        who: Address | None = None
        if len(entry.receipts) <= MAX_BUNDLE:
            try:
                who = signer(entry, domain)
            except SignatureError:
                who = None
        yield from [who] * len(entry.receipts)
