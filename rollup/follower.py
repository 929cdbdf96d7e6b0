"""Rebuilds batches and their claims from L1 alone: what one knows before one doubts.

A batch whose data or inbox entries cannot be had, or are not its header's, makes every claim in it
*unknown*: an alarm is raised, the batch is tried again, and nothing of it is disputed. A receipt
that is void (a signature that is not its account's, a slot that is not live, a bound exceeded)
claims nothing and is passed over.
"""

import logging
from bisect import insort
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache, partial
from typing import Final

from bisection.errors import DataUnavailable
from bisection.events import Events
from bisection.machine import Claim, ClaimId
from bisection.retries import Retries
from prover.checkpoints import run_name
from rollup.errors import (
    DataMismatch,
    L1Error,
    L1Unavailable,
    LostConsistency,
    SignatureError,
    VoidClaim,
)
from rollup.l1.openings import Opening, forced_opening, opening
from rollup.l1.view import L1View
from rollup.protocol.batch import Batch, check_data, check_inbox
from rollup.protocol.claims import ProgramInfo, tensor_claim
from rollup.protocol.eip712 import Domain
from rollup.protocol.entries import Entry, SignedReceipt, account_of, signer, slot_of
from rollup.protocol.header import Header, genesis
from rollup.protocol.ledger.inbox import InboxEntry
from rollup.protocol.presets import Preset
from rollup.protocol.receipts import Work
from rollup.protocol.types import AccountIndex, Address, BatchNumber, Hash, Seconds

LOG: Final = Events(logging.getLogger(__name__))


@dataclass(frozen=True, slots=True)
class Located:
    """A claim, its receipt, and where that stands."""

    claim: Claim
    work: Work
    header: Header
    batch: Batch
    index: int
    """Place in the batch; of a forced receipt, among the inbox entries that the batch took."""
    forced: bool = False
    """Whether the receipt came through the inbox."""

    @property
    def run(self) -> Hash:
        """The name of the run that the receipt claims."""
        work = self.work
        return run_name(work.program, work.first_step, work.params, work.inputs)


class Follower:
    """The chain of batches as L1 has it now, and the claims in it. Satisfies `ClaimSource`."""

    def __init__(
        self,
        l1: L1View,
        domain: Domain,
        preset: Preset,
        retries: Retries[BatchNumber] | None = None,
        events: Events = LOG,
    ) -> None:
        self._l1 = l1
        self._domain = domain
        self._preset = preset
        self._events = events
        self._headers: list[Header] = []
        self._batches: dict[BatchNumber, Batch] = {}
        self._inboxes: dict[BatchNumber, tuple[InboxEntry, ...]] = {}
        self._claims: dict[BatchNumber, dict[ClaimId, Located]] = {}
        self._standing: dict[ClaimId, list[BatchNumber]] = {}
        self._programs: dict[Hash, ProgramInfo] = {}
        self._owners: dict[AccountIndex, Address] = {}
        self._retries = retries if retries is not None else Retries()
        self._now = Seconds(0)

    @property
    def headers(self) -> Sequence[Header]:
        """All batches, oldest first."""
        return self._headers

    @property
    def missing(self) -> list[BatchNumber]:
        """Batches whose data is not, or not yet, that of their headers."""
        return [h.number for h in self._headers if h.number not in self._batches]

    def poll(self) -> int:
        """Takes up what L1 has since the last call; returns how many batches were read.

        Raises:
            L1Unavailable: when L1 does not answer; the next call goes on from there.
            LostConsistency: when the headers that L1 gives do not form a chain.
        """
        self._now = self._l1.now()
        self._rewind()
        newest, _ = self._l1.head()
        for number in range(len(self._headers) + 1, newest + 1):
            header = self._l1.header(BatchNumber(number))
            if header is None or not self._follows(header):
                # Reorganised away between two calls: the next poll sees it. Or logs are missing.
                self._events.warning("batch.unseen", batch=number)
                break
            self._headers.append(header)
        due = [h for h in self._headers if h.number not in self._batches]
        return sum(self._read(header) for header in due if self._retries.due(header.number))

    def pending(self) -> list[ClaimId]:
        """Claims that may still be challenged, oldest first."""
        open_now = [header.number for header in self._headers if self._open(header)]
        return list(dict.fromkeys(n for number in open_now for n in self._claims.get(number, ())))

    def closed(self) -> list[ClaimId]:
        """Claims that may no longer be challenged."""
        still = set(self.pending())
        return [name for name in self._standing if name not in still]

    def claim(self, name: ClaimId) -> Claim:
        """A claim by its name; see `locate`."""
        return self.locate(name).claim

    def locate(self, name: ClaimId) -> Located:
        """Where a claim comes from; of several places the first that may still be challenged.

        Raises:
            DataUnavailable: when no batch at hand holds it.
        """
        places = [self._claims[number][name] for number in self._standing.get(name, ())]
        if not places:
            raise DataUnavailable(f"no batch at hand holds the receipt 0x{name.hex()}")
        return next((at for at in places if self._open(at.header)), places[0])

    def opening(self, name: ClaimId) -> Opening:
        """What shows a claim's receipt to L1; see `locate`."""
        at = self.locate(name)
        if not at.forced:
            return opening(at.header, at.batch, at.index)
        entries = self._inboxes[at.header.number]
        forced = entries[at.index].receipt
        if forced is None:
            raise DataUnavailable(f"entry {at.index} of batch {at.header.number} is no receipt")
        leaves = [entry.leaf for entry in entries]
        return forced_opening(at.header, at.index, leaves, at.work, forced.signature)

    def claims_of(self, defender: Address) -> list[Located]:
        """The claims that an address may move for."""
        everything = map(self.locate, self._standing)
        return [at for at in everything if at.work.defender == defender]

    def batch(self, number: BatchNumber) -> Batch | None:
        """A batch whose data was had and checked."""
        return self._batches.get(number)

    def inbox(self, number: BatchNumber) -> tuple[InboxEntry, ...] | None:
        """The inbox entries that a batch took, had and checked; None while it is unknown."""
        return self._inboxes.get(number)

    def signed(self, entry: Entry) -> bool:
        """Whether an entry is signed by its account's owner."""
        try:
            return signer(entry, self._domain) == self._owner(account_of(entry))
        except SignatureError:
            return False

    def _open(self, header: Header) -> bool:
        return self._now < header.posted + self._preset.window

    def _follows(self, header: Header) -> bool:
        """Whether a header goes on from the last one; False when L1 has another last one by now."""
        last = self._headers[-1].hash if self._headers else genesis(self._domain).hash
        if header.parent == last:
            return True
        if self._headers and not self._is_there(self._headers[-1]):
            return False
        raise LostConsistency(
            f"batch {header.number} on L1 does not follow batch {header.number - 1}: check the"
            " endpoint and the deployment file"
        )

    def _is_there(self, header: Header) -> bool:
        current = self._l1.header(header.number)
        return current is not None and current.hash == header.hash

    def _rewind(self) -> None:
        """Forgets batches that L1 no longer has."""
        while self._headers and not self._is_there(self._headers[-1]):
            last = self._headers.pop()
            self._events.warning("batch.reorganised", batch=last.number, header=last.hash)
            self._owners.clear()
            self._programs.clear()
            self._batches.pop(last.number, None)
            self._inboxes.pop(last.number, None)
            self._retries.succeeded(last.number)
            for name in self._claims.pop(last.number, ()):
                self._standing[name].remove(last.number)
                if not self._standing[name]:
                    del self._standing[name]

    def _read(self, header: Header) -> int:
        """Reads a batch and files its claims, all of it or nothing; 1 when that was done."""
        events = self._events.bind(batch=header.number)
        try:
            batch = check_data(header, self._l1.chunks(header))
            inbox = check_inbox(header, self._l1.inbox(header))
            found, void = self._locate(header, batch, inbox, events)
        except L1Unavailable:
            raise
        except (DataMismatch, L1Error) as error:
            delay = self._retries.failed(header.number)
            events.critical("batch.unknown", reason=str(error), retry_in_s=delay)
            return 0
        self._retries.succeeded(header.number)
        self._batches[header.number] = batch
        self._inboxes[header.number] = inbox
        self._claims[header.number] = found
        for name in found:
            insort(self._standing.setdefault(name, []), header.number)
        events.info("batch.read", receipts=len(batch.receipts), inbox=len(inbox), void=void)
        return 1

    def _locate(
        self, header: Header, batch: Batch, inbox: Sequence[InboxEntry], events: Events
    ) -> tuple[dict[ClaimId, Located], int]:
        """The claims of a batch, forced ones first, and how many of its Work receipts are void."""
        void = 0
        found: dict[ClaimId, Located] = {}
        backed = cache(partial(self._l1.is_live, posted=header.posted))
        for entry, index, forced in standing(batch, inbox):
            slot = slot_of(entry)
            live = slot is not None and backed(account_of(entry), slot)
            signed = slot is not None and self.signed(entry)
            for place, work in enumerate(entry.receipts, start=index):
                if not isinstance(work, Work):
                    continue
                try:
                    claim = self._derive(work, signed, live, header.posted)
                except VoidClaim as error:
                    void += 1
                    events.warning("claim.void", claim=work.id, code=error.code, reason=str(error))
                else:
                    at = Located(claim, work, header, batch, place, forced)
                    found.setdefault(claim.id, at)
        return found, void

    def _derive(self, work: Work, signed: bool, live: bool, posted: Seconds) -> Claim:
        if not signed:
            raise VoidClaim("wrong-signer", "its signature is not that of its account's owner")
        if not live:
            raise VoidClaim(
                "slot-not-live", f"slot {work.slot} of account {work.account} was not live"
            )
        return tensor_claim(work, self._program(work.program), self._preset, posted)

    def _owner(self, account: AccountIndex) -> Address | None:
        if account not in self._owners:
            owner = self._l1.owner(account)
            if owner is None:
                return None
            self._owners[account] = owner
        return self._owners[account]

    def _program(self, name: Hash) -> ProgramInfo | None:
        if name not in self._programs:
            info = self._l1.program(name)
            if info is None:
                return None
            self._programs[name] = info
        return self._programs[name]


def standing(batch: Batch, inbox: Sequence[InboxEntry]) -> Iterator[tuple[Entry, int, bool]]:
    """(entry, place of its first receipt, whether it was forced) of all that a batch holds."""
    for place, came in enumerate(inbox):
        forced = came.receipt
        if forced is not None:
            yield SignedReceipt(forced.receipt, forced.signature), place, True
    index = 0
    for entry in batch.entries:
        yield entry, index, False
        index += len(entry.receipts)
