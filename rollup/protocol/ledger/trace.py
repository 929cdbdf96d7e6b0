"""A party's knowledge of a run over a large state: replayed by the fast path, in slices.

`LedgerTrace` of `machine` is the same by the reference.
"""

from collections.abc import Sequence

from prover.commit.keccak import Hash
from prover.errors import PositionError
from rollup.protocol.ledger import layout, witness
from rollup.protocol.ledger.entries import signer
from rollup.protocol.ledger.fast import FastLedger
from rollup.protocol.ledger.run import LedgerBatch


class FastTrace:
    """The true run of a batch from a state; each call is one pass over a copy of the state."""

    def __init__(self, batch: LedgerBatch, pre: FastLedger) -> None:
        self._batch = batch
        self._pre = pre
        separator = batch.run.separator
        self._rows = layout.receipts(
            [entry.receipt for entry in batch.entries],
            [signer(entry, separator) for entry in batch.entries],
        )

    @property
    def length(self) -> int:
        """Steps of the run."""
        return self._batch.run.length

    def states(self, positions: Sequence[int]) -> list[Hash]:
        """The states at `positions`, ascending in 0 .. length.

        Raises:
            PositionError: for positions that are not.
        """
        state, at, found = self._pre.copy(), 0, []
        for position in positions:
            if not at <= position <= self.length:
                raise PositionError(f"position {position} does not ascend in 0 .. {self.length}")
            self._advance(state, at, position)
            found.append(state.hash)
            at = position
        return found

    def witness(self, position: int) -> bytes:
        """What `LedgerMachine.step` needs for the step at `position` in 0 .. length - 1.

        Raises:
            PositionError: for one outside.
        """
        if not 0 <= position < self.length:
            raise PositionError(f"no step {position} in a run of {self.length}")
        state = self._pre.copy()
        self._advance(state, 0, position)
        return witness.build(self._batch, state, position)

    def _advance(self, state: FastLedger, start: int, stop: int) -> None:
        run = self._batch.run
        entries = self._batch.inbox[start:stop]
        rows = self._rows[max(start - run.inbox, 0) : max(stop - run.inbox, 0)]
        state.apply(run.batch, run.posted, entries, rows, run.separator)
