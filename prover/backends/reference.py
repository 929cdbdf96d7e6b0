"""The definition itself as a backend: about 100,000 micro-steps a second."""

from prover import reference
from prover.backends import Done
from prover.program import Program
from prover.reference import Place
from prover.row import Row
from prover.state import State


class ReferenceBackend:
    """See `prover.backends.Backend`."""

    name = "reference"
    threads = 1

    def check(self) -> None:
        """Integer arithmetic has no mode."""

    def steps(
        self, program: Program, state: State, first: int, count: int, *, finite: bool
    ) -> Done:
        """See `Backend.steps`."""
        return Done(0)

    def elements(self, state: State, row: Row, step: int, start: int, stop: int) -> None:
        """See `Backend.elements`."""
        for element in range(start, stop):
            self.chain(state, row, step, element, 0, row.fold)
            reference.write(state, row, element, step, state.acc)
            state.acc = 0

    def chain(self, state: State, row: Row, step: int, element: int, start: int, stop: int) -> None:
        """See `Backend.chain`."""
        for fold_index in range(start, stop):
            state.acc = reference.scalar(state, row, Place(step, 0, element, fold_index))
