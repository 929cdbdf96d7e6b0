"""Ways to execute rows, all with the bits of `prover.reference`; chosen by name."""

from collections.abc import Callable
from typing import Final, NamedTuple, Protocol

from prover.errors import ProverError
from prover.program import Program
from prover.row import Row
from prover.state import State


class UnknownBackendError(ProverError, ValueError):
    """No backend has this name."""


class DeviceError(ProverError):
    """There is no device to compute on, or nothing to drive it by; the message says what."""


class Done(NamedTuple):
    """How far whole training steps came."""

    steps: int
    row: int | None = None
    """A row that had a result which was not finite, in the last of the steps."""


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

    @property
    def threads(self) -> int:
        """How many it may use at a time; hashing what it made may use as many."""
        ...

    def check(self) -> None:
        """Make sure that this thread's arithmetic is IEEE-754's.

        Raises:
            ArithmeticModeError: when it is not.
        """
        ...

    def steps(
        self, program: Program, state: State, first: int, count: int, *, finite: bool
    ) -> Done:
        """Whole training steps, at most `count` >= 1 from number `first` on, of a state at the
        start of one: as many as suit the backend in one call, none where rows one by one are as
        good. With `finite` it stops after a step that had a result which was not.
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


def _reference(threads: int) -> Backend:
    from prover.backends.reference import ReferenceBackend

    return ReferenceBackend()


def _numba(threads: int) -> Backend:
    from prover.backends.numba import NumbaBackend

    return NumbaBackend(threads)


def _cupy(threads: int) -> Backend:
    from prover.backends.cuda.backend import CudaBackend

    return CudaBackend(threads)


_MAKERS: Final[dict[str, Callable[[int], Backend]]] = {
    "numba": _numba,
    "reference": _reference,
    "cupy": _cupy,
}
NAMES: Final = tuple(_MAKERS)


def backend(name: str = "numba", *, threads: int = 1) -> Backend:
    """The backend of a name, which may use so many threads at a time.

    Raises:
        UnknownBackendError: when there is none.
        DeviceError: when it is cupy, and CuPy or a device is missing.
    """
    if name not in _MAKERS:
        raise UnknownBackendError(f"no backend {name!r}; there are {', '.join(NAMES)}")
    return _MAKERS[name](threads)
