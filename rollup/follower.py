"""Rebuilds batches and their claims from L1 alone: what one knows before one doubts.

A batch whose data cannot be had, or is not its header's, makes every claim in it *unknown*: an
alarm is raised, the batch is tried again, and nothing of it is disputed. A receipt that is void (a
signature that is not its account's, a slot that is not live, a bound exceeded) claims nothing and
is passed over.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from bisection.errors import DataUnavailable
from bisection.events import Events
from bisection.machine import Claim, ClaimId
from bisection.retries import Retries
from rollup.errors import DataMismatch, LostConsistency, SignatureError, VoidClaim
from rollup.l1.openings import Opening, opening
from rollup.protocol.batch import Batch, Header, check_data
from rollup.protocol.claims import ProgramInfo, tensor_claim
from rollup.protocol.eip712 import Domain
from rollup.protocol.entries import Entry, account_of, signer, slot_of
from rollup.protocol.presets import Preset
from rollup.protocol.receipts import Work
from rollup.protocol.types import AccountIndex, Address, BatchNumber, Hash, Seconds, SlotIndex

LOG: Final = Events(logging.getLogger(__name__))


class L1View(Protocol):
    """What following needs of L1. Calls block and may raise what their transport raises."""

    def head(self) -> tuple[BatchNumber, Hash]:
        """Number and header hash of the newest batch; (0, genesis hash) when there is none."""
        ...

    def header(self, number: BatchNumber) -> Header | None:
        """The header of a posted batch, from the event of its post; None when there is none."""
        ...

    def chunks(self, header: Header) -> list[bytes]:
        """The chunks that its poster published for a batch, in order; as many as are found."""
        ...

    def program(self, program: Hash) -> ProgramInfo | None:
        """A registered program."""
        ...

    def owner(self, account: AccountIndex) -> Address | None:
        """Who signs for an account."""
        ...

    def is_live(self, account: AccountIndex, slot: SlotIndex, posted: Seconds) -> bool:
        """Whether a slot backs what was posted at that protocol time."""
        ...

    def now(self) -> Seconds:
        """Protocol time of the newest block."""
        ...


@dataclass(frozen=True, slots=True)
class Located:
    """A claim, its receipt, and where that stands."""

    claim: Claim
    work: Work
    header: Header
    batch: Batch
    index: int


class Follower:
    """The chain of batches as L1 has it now, and the claims in it. Satisfies `ClaimSource`."""

    def __init__(self, l1: L1View, domain: Domain, preset: Preset, events: Events = LOG) -> None:
        self._l1 = l1
        self._domain = domain
        self._preset = preset
        self._events = events
        self._headers: list[Header] = []
        self._batches: dict[BatchNumber, Batch] = {}
        self._claims: dict[ClaimId, Located] = {}
        self._programs: dict[Hash, ProgramInfo] = {}
        self._owners: dict[AccountIndex, Address] = {}
        self._retries: Retries[BatchNumber] = Retries()
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
            LostConsistency: when the headers that L1 gives do not form a chain.
        """
        self._now = self._l1.now()
        self._rewind()
        newest, _ = self._l1.head()
        for number in range(len(self._headers) + 1, newest + 1):
            header = self._l1.header(BatchNumber(number))
            if header is None:
                break  # reorganised away between two calls: the next poll sees it
            if self._headers and header.parent != self._headers[-1].hash:
                raise LostConsistency(
                    f"batch {number} on L1 does not follow batch {number - 1}; check the endpoint"
                )
            self._headers.append(header)
        due = [h for h in self._headers if h.number not in self._batches]
        return sum(self._read(header) for header in due if self._retries.due(header.number))

    def pending(self) -> list[ClaimId]:
        """Claims that may still be challenged, oldest first."""
        return [name for name, at in self._claims.items() if self._open(at.header)]

    def claim(self, name: ClaimId) -> Claim:
        """A claim by its name; see `locate`."""
        return self.locate(name).claim

    def locate(self, name: ClaimId) -> Located:
        """Where a claim comes from.

        Raises:
            DataUnavailable: when no batch at hand holds it.
        """
        located = self._claims.get(name)
        if located is None:
            raise DataUnavailable(f"no batch at hand holds the receipt {name.hex()}")
        return located

    def opening(self, name: ClaimId) -> Opening:
        """What shows a claim's receipt to L1; see `locate`."""
        at = self.locate(name)
        return opening(at.header, at.batch, at.index)

    def claims_of(self, defender: Address) -> list[Located]:
        """The claims that an address may move for."""
        return [at for at in self._claims.values() if at.work.defender == defender]

    def batch(self, number: BatchNumber) -> Batch | None:
        """A batch whose data was had and checked."""
        return self._batches.get(number)

    def _open(self, header: Header) -> bool:
        return self._now < header.posted + self._preset.window

    def _rewind(self) -> None:
        """Forgets batches that L1 no longer has."""
        while self._headers:
            last = self._headers[-1]
            current = self._l1.header(last.number)
            if current is not None and current.hash == last.hash:
                return
            self._events.warning("batch.reorganised", batch=last.number, header=last.hash)
            self._headers.pop()
            self._owners.clear()
            self._programs.clear()
            self._batches.pop(last.number, None)
            self._claims = {
                name: at for name, at in self._claims.items() if at.header.number != last.number
            }

    def _read(self, header: Header) -> int:
        events = self._events.bind(batch=header.number)
        try:
            batch = check_data(header, self._l1.chunks(header))
        except DataMismatch as error:
            delay = self._retries.failed(header.number)
            events.critical("batch.unknown", reason=str(error), retry_in_s=delay)
            return 0
        self._retries.succeeded(header.number)
        self._batches[header.number] = batch
        void = self._locate(header, batch, events)
        events.info("batch.read", receipts=len(batch.receipts), void=void)
        return 1

    def _locate(self, header: Header, batch: Batch, events: Events) -> int:
        """Files the claims of a batch; how many of its Work receipts are void."""
        index, void = 0, 0
        for entry in batch.entries:
            signed = self._signed(entry)
            live = self._backed(entry, header.posted)
            for place, work in enumerate(entry.receipts, start=index):
                if not isinstance(work, Work):
                    continue
                try:
                    claim = self._derive(work, signed, live)
                except VoidClaim as error:
                    void += 1
                    events.warning("claim.void", claim=work.id, reason=str(error))
                else:
                    self._claims.setdefault(claim.id, Located(claim, work, header, batch, place))
            index += len(entry.receipts)
        return void

    def _derive(self, work: Work, signed: bool, live: bool) -> Claim:
        if not signed:
            raise VoidClaim("wrong-signer", "its signature is not that of its account's owner")
        if not live:
            raise VoidClaim(
                "slot-not-live", f"slot {work.slot} of account {work.account} was not live"
            )
        return tensor_claim(work, self._program(work.program), self._preset)

    def _backed(self, entry: Entry, posted: Seconds) -> bool:
        slot = slot_of(entry)
        return slot is not None and self._l1.is_live(account_of(entry), slot, posted)

    def _signed(self, entry: Entry) -> bool:
        try:
            return signer(entry, self._domain) == self._owner(account_of(entry))
        except SignatureError:
            return False

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
