"""The backend `cupy`: whole training steps on a device, everything else on the host.

What steps write stays on the device, as `prover.backends.cuda.resident` says, and is copied to the
host when somebody reads it there: rows that have no plan, and parts of rows, run on the host, by
the compiled loops, with the same bits.
"""

from threading import Lock
from typing import Final

from prover.backends import Done
from prover.backends.cuda.device import CupyDevice, Device
from prover.backends.cuda.resident import Hasher, Resident, ResidentSteps
from prover.backends.numba import NumbaBackend
from prover.backends.steps import Steps
from prover.plan import Plan
from prover.program import Program
from prover.row import Row
from prover.state import State

_STEPS: Final = 1 << 64
"""Numbers of training steps that a device counts."""
_WORTH: Final = 1 << 24
"""Micro-steps of a call from which on the device is worth the way there."""


class CudaBackend:
    """See `prover.backends.Backend`."""

    name = "cupy"

    def __init__(
        self, threads: int = 1, *, device: Device | None = None, worth: int = _WORTH
    ) -> None:
        """On CuPy's current device, unless another is given. There registers are hashed on a stream
        of their own, while others are computed.

        Raises:
            DeviceError: when CuPy or a device is missing.
        """
        self.threads = threads
        self.device: Device = CupyDevice() if device is None else device
        self._host = NumbaBackend(threads)
        self._hasher = Hasher(CupyDevice() if device is None else device)
        self._steps: Steps = ResidentSteps(threads, worth, make=self._machine)
        self._turn = Lock()

    def check(self) -> None:
        """See `Backend.check`: the host's arithmetic; a device's has no mode."""
        self._host.check()

    def steps(
        self, program: Program, state: State, first: int, count: int, *, finite: bool
    ) -> Done:
        """See `Backend.steps`."""
        if first + count > _STEPS:
            return Done(0)
        with self._turn:
            return self._steps.run(program, state, first, count, finite=finite)

    def elements(self, state: State, row: Row, step: int, start: int, stop: int) -> None:
        """See `Backend.elements`."""
        self._host.elements(state, row, step, start, stop)

    def chain(self, state: State, row: Row, step: int, element: int, start: int, stop: int) -> None:
        """See `Backend.chain`."""
        self._host.chain(state, row, step, element, start, stop)

    def _machine(self, plan: Plan, threads: int) -> Resident:
        return Resident(plan, self.device, self._hasher)
