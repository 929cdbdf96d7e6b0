"""A plan on a device: its kernels, its memory, and whole training steps without leaving it."""

from typing import Final

import numpy as np

from prover.backends.cuda.device import Call, Device, Piece
from prover.backends.cuda.kernels import Argument, Given, Launch
from prover.backends.cuda.prelude import CONTROL_WORDS, NO_ROW
from prover.backends.cuda.source import source
from prover.commit.tensor import Words
from prover.plan import Plan
from prover.plan.nest import Buffer
from prover.row import RegisterId, Segment, segment_of

_DONE: Final = 2
_ROW: Final = 3
_STOPPED: Final = 5
"""Words of the control block (`prelude.PRELUDE`)."""


class Machine:
    """See `prover.backends.plans.Machine`: the same, on a device. One caller at a time.

    `upload`, `advance` and `download` are what `run` is made of. In between registers are on the
    device, as `registers` says, where their commitments could be computed as well.
    """

    def __init__(self, plan: Plan, device: Device) -> None:
        """Compiles the plan's kernels, or finds them compiled."""
        made = source(plan)
        device.load(made.kernels)
        self.plan = plan
        self.device = device
        self.registers: dict[RegisterId, Piece] = {}
        self._arena = device.take(plan.arena)
        self._control = device.take(CONTROL_WORDS)
        self._kept = device.take(made.kept)
        for buffer in plan.kept:
            if buffer.register is not None:
                self.registers[buffer.register] = device.take(buffer.length)
        self._step = device.record([self._call(launch) for launch in made.launches])
        self._inputs: dict[RegisterId, Words] = {}
        """What was uploaded of inputs, which nobody writes."""

    def run(
        self, registers: dict[RegisterId, Words], first_step: int, steps: int, *, finite: bool
    ) -> tuple[int, int] | None:
        """Training steps on these words, in place: of each kept register the plan's length,
        contiguous, and writable where the plan writes. All step numbers are below 2^64.

        With `finite` none is done after one in which a result was not: gives its (step, row).
        """
        self.upload(registers)
        done, row = self.advance(first_step, steps, finite=finite)
        self.download(registers)
        return None if row is None else (first_step + done - 1, row)

    def upload(self, registers: dict[RegisterId, Words]) -> None:
        """Copy words onto the device; of inputs those that are not there already."""
        for register, words in registers.items():
            given = segment_of(register) == Segment.INPUTS
            if given and self._inputs.get(register) is words:
                continue
            self.device.put(self.registers[register], words)
            if given:
                self._inputs[register] = words

    def advance(self, first_step: int, steps: int, *, finite: bool) -> tuple[int, int | None]:
        """Training steps on the device: how many were done, and the row that ended them."""
        control = np.zeros(CONTROL_WORDS, np.uint32)
        control[:2] = first_step & NO_ROW, first_step >> 32
        control[_ROW : _ROW + 2] = NO_ROW, finite
        self.device.put(self._control, control)
        self._step(steps)
        self.device.get(self._control, control)
        row = int(control[_ROW]) if control[_STOPPED] else None
        return int(control[_DONE]), row

    def download(self, registers: dict[RegisterId, Words]) -> None:
        """Copy what the plan writes back from the device."""
        for register in self.plan.written:
            self.device.get(self.registers[register], registers[register])

    def _call(self, launch: Launch) -> Call:
        arguments = tuple(self._argument(one) for one in launch.arguments)
        return Call(launch.kernel.name, launch.blocks, launch.threads, arguments)

    def _argument(self, given: Argument) -> int:
        match given:
            case Buffer():
                if given.register is not None:
                    return self.registers[given.register].address
                return self._arena.address + 4 * given.arena
            case Given.CONTROL:
                return self._control.address
            case Given.KEPT:
                return self._kept.address
            case _:
                return given
