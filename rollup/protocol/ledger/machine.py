"""The ledger machine as the dispute game sees it, and one party's knowledge of a run.

`LedgerMachine` satisfies `bisection.machine.Machine` structurally, `LedgerTrace` its `Trace`;
`trace.FastTrace` is the latter for large states.
"""

from collections.abc import Sequence

from prover.commit.keccak import Hash
from prover.errors import PositionError
from rollup.protocol.ledger import run as runs
from rollup.protocol.ledger import witness
from rollup.protocol.ledger.run import LedgerBatch
from rollup.protocol.ledger.store import State


class LedgerMachine:
    """One step, verified from a witness by commitments alone."""

    def step(self, program: Hash, position: int, pre: Hash, witness_: bytes) -> Hash:
        """The state after the step at `position` of `program`, from the state `pre`.

        Raises:
            WitnessError: only when the witness does not open `program` and `pre`, or has bytes
                left over.
        """
        return witness.step(program, position, pre, witness_)


class LedgerTrace:
    """The true run of a batch from a state, replayed once by the reference and then remembered."""

    def __init__(self, batch: LedgerBatch, pre: State) -> None:
        self._batch = batch
        self._pre = pre
        self._known = [pre.hash]

    def advance(self, state: State, position: int) -> None:
        """One step of the replay, in place."""
        runs.step(state, self._batch, position)

    @property
    def length(self) -> int:
        """Steps of the run."""
        return self._batch.run.length

    def states(self, positions: Sequence[int]) -> list[Hash]:
        """The states at `positions` in 0 .. length.

        Raises:
            PositionError: for one outside.
        """
        if any(not 0 <= position <= self.length for position in positions):
            raise PositionError(f"a position is not in 0 .. {self.length}")
        if len(self._known) <= self.length:
            state = self._pre.copy()
            self._known = [state.hash]
            for position in range(self.length):
                self.advance(state, position)
                self._known.append(state.hash)
        return [self._known[position] for position in positions]

    def witness(self, position: int) -> bytes:
        """What `LedgerMachine.step` needs for the step at `position` in 0 .. length - 1.

        Raises:
            PositionError: for one outside.
        """
        if not 0 <= position < self.length:
            raise PositionError(f"no step {position} in a run of {self.length}")
        state = self._pre.copy()
        for before in range(position):
            self.advance(state, before)
        return witness.build(self._batch, state, position)
