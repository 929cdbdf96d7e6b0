"""Every state of the ledger, rebuilt from L1 alone.

Kept are the root after each batch, two whole states (a base that is final, and the newest) and what
the ledger takes of the batches after the base; any other state is a copy of the base and some
batches at the fast path's speed. What L1 takes back is forgotten, down to genesis if need be. A
batch whose data is unknown ends what is known: nothing is ever guessed.
"""

import logging
from dataclasses import dataclass
from typing import Final

from bisection.errors import DataUnavailable
from bisection.events import Events
from rollup.errors import DataMismatch
from rollup.ledger.batches import Taken, disputed, taken
from rollup.ledger.ports import BatchSource
from rollup.protocol.eip712 import Domain
from rollup.protocol.header import Header
from rollup.protocol.ledger.fast import FastLedger
from rollup.protocol.ledger.run import LedgerBatch
from rollup.protocol.types import BatchNumber, Hash

LOG: Final = Events(logging.getLogger(__name__))
GENESIS: Final = BatchNumber(0)


@dataclass(frozen=True, slots=True)
class Reached:
    """A batch that was replayed, and the root after it."""

    header: Header
    root: Hash


class Replay:
    """The ledger after each batch that a source knows, from the state `genesis` on.

    Not for several threads at once.
    """

    def __init__(
        self, source: BatchSource, domain: Domain, genesis: FastLedger, events: Events = LOG
    ) -> None:
        self._source = source
        self.domain = domain
        """What signatures count under."""
        self._genesis = genesis
        self._genesis_root = genesis.hash
        self._events = events
        self._reached: list[Reached] = []
        self._taken: dict[BatchNumber, Taken] = {}
        self._base, self._base_number = genesis, GENESIS
        self._tip = genesis.copy()

    @property
    def number(self) -> BatchNumber:
        """The newest batch whose state is known; 0 is genesis."""
        return BatchNumber(len(self._reached))

    def update(self) -> int:
        """Takes up what the source knows by now; returns how many batches were applied."""
        self._rewind()
        applied = 0
        for header in self._source.headers[self.number :]:
            found = taken(self._source, header, self.domain)
            if found is None:
                break
            try:
                found.apply(self._tip)
            except Exception:
                self._restore()  # it may have been applied in part
                raise
            self._taken[header.number] = found
            self._reached.append(Reached(header, self._tip.hash))
            applied += 1
        return applied

    def root(self, number: BatchNumber) -> Hash | None:
        """The true root after a batch; None when it is not known."""
        if number == GENESIS:
            return self._genesis_root
        return self._reached[number - 1].root if number <= self.number else None

    def header(self, number: BatchNumber) -> Header | None:
        """The header of a batch that L1 holds, whether its data is known or not."""
        headers = self._source.headers
        return headers[number - 1] if 0 < number <= len(headers) else None

    def state(self, number: BatchNumber) -> FastLedger:
        """The state after a batch, as a copy that is the caller's.

        Raises:
            DataUnavailable: when it is not known.
        """
        if number > self.number:
            raise DataUnavailable(f"the state after batch {number} is unknown: data is missing")
        if number == self.number:
            return self._tip.copy()
        first, start = self._base_number, self._base
        if number < first:
            first, start = GENESIS, self._genesis
        state = start.copy()
        for reached in self._reached[first:number]:
            self._of(reached.header).apply(state)
        return state

    def batch(self, number: BatchNumber) -> LedgerBatch:
        """A batch with all that its steps are proven by.

        Raises:
            DataUnavailable: when it is not known, or what is at hand is not what its header says.
        """
        header = self.header(number)
        try:
            found = None if header is None else disputed(self._source, header, self.domain)
        except DataMismatch as error:
            raise DataUnavailable(str(error)) from error
        if found is None:
            raise DataUnavailable(f"the data of batch {number} is unknown")
        return found

    def finalise(self, number: BatchNumber) -> None:
        """Makes the state after a batch the base: nobody will ask for what was before it, unless a
        reorganisation goes that deep, which costs a replay from genesis.
        """
        if not self._base_number < number <= self.number:
            return
        self._base, self._base_number = self.state(number), number
        for old in [known for known in self._taken if known <= number]:
            del self._taken[old]

    def _of(self, header: Header) -> Taken:
        """A batch that was replayed before, whose data is therefore at hand."""
        known = self._taken.get(header.number)
        if known is None:
            known = taken(self._source, header, self.domain)
        if known is None or known.header.hash != header.hash:
            raise DataUnavailable(f"the data of batch {header.number} is gone")
        return known

    def _rewind(self) -> None:
        """Forgets the batches that L1 no longer has."""
        kept, headers = len(self._reached), self._source.headers
        while kept and not (
            kept <= len(headers) and headers[kept - 1].hash == self._reached[kept - 1].header.hash
        ):
            kept -= 1
        if kept == len(self._reached):
            return
        self._events.warning("ledger.rewound", batch=kept, forgotten=len(self._reached) - kept)
        del self._reached[kept:]
        for gone in [number for number in self._taken if number > kept]:
            del self._taken[gone]
        if kept < self._base_number:  # all over again
            self._base, self._base_number = self._genesis, GENESIS
            self._reached.clear()
            self._taken.clear()
        self._restore()

    def _restore(self) -> None:
        """Makes the newest state anew from the base."""
        self._tip = self._base.copy()
        for reached in self._reached[self._base_number :]:
            self._taken[reached.header.number].apply(self._tip)
