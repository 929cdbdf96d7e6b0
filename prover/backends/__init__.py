"""Ways to execute rows, all with the bits of `prover.reference`; chosen by name."""

from collections.abc import Callable
from typing import Final, Protocol

from prover.errors import ProverError
from prover.row import Row
from prover.state import State


class UnknownBackendError(ProverError, ValueError):
    """No backend has this name."""


class Backend(Protocol):
    """Executes parts of one row on a state, in place.

    Results are those of `prover.reference.step` over the same micro-steps in ascending order, bit
    for bit, whatever the row and the state hold. A backend may be used from many threads, on
    different states.
    """

    @property
    def name(self) -> str:
        """What the backend is asked for by."""
        ...

    def check(self) -> None:
        """Make sure that this thread's arithmetic is IEEE-754's.

        Raises:
            ArithmeticModeError: when it is not.
        """
        ...

    def elements(self, state: State, row: Row, step: int, start: int, stop: int) -> None:
        """All micro-steps of the elements [start, stop), 0 <= start < stop <= row.elements.

        `step` is the training step. Leaves the accumulator at 0.
        """
        ...

    def chain(self, state: State, row: Row, step: int, element: int, start: int, stop: int) -> None:
        """The fold indices [start, stop) of one element, into the accumulator; writes nothing else.

        0 <= start < stop <= row.fold; at start 0 the accumulator begins as the op's identity.
        """
        ...


def _reference() -> Backend:
    from prover.backends.reference import ReferenceBackend

    return ReferenceBackend()


def _numba() -> Backend:
    from prover.backends.numba import NumbaBackend

    return NumbaBackend()


_MAKERS: Final[dict[str, Callable[[], Backend]]] = {"numba": _numba, "reference": _reference}
NAMES: Final = tuple(_MAKERS)


def backend(name: str = "numba") -> Backend:
    """The backend of a name.

    Raises:
        UnknownBackendError: when there is none.
    """
    if name not in _MAKERS:
        raise UnknownBackendError(f"no backend {name!r}; there are {', '.join(NAMES)}")
    return _MAKERS[name]()
