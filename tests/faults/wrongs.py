"""What a machine can do wrong in one micro-step besides its result."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Final

import numpy as np

from prover import reference
from prover.backends import Backend
from prover.program import Program
from prover.reference import place, row_at
from prover.row import Segment, register_id
from prover.state import State
from prover.trace import TensorTrace
from rollup.demo.fault import Fault, FaultyTrace, ScalarFault
from tests.faults.cases import TEMPORARY, Setting


@dataclass(frozen=True, slots=True)
class Wrong(ABC):
    """As `FaultyTrace` wants a fault; `position` is the micro-step's."""

    position: int

    @abstractmethod
    def apply(self, program: Program, first_step: int, state: State) -> None:
        """Do the micro-step, wrongly, in place."""


class Skipped(Wrong):
    """The micro-step is not done."""

    def apply(self, program: Program, first_step: int, state: State) -> None:
        """See `Wrong`."""


class Misplaced(Wrong):
    """The result goes one word further than it should, or one back at the end."""

    def apply(self, program: Program, first_step: int, state: State) -> None:
        """See `Wrong`."""
        where = place(program, first_step, self.position)
        row = row_at(program, where.row)
        at = row.out_address(where.element, where.step)
        before = state.tensor(row.out)[at : at + 1].copy()
        reference.step(program, first_step, state, self.position)
        words = state.tensor(row.out)
        result = words[at]
        if len(before):
            words[at] = before[0]
        words[at + 1 if at + 1 < len(words) else at - 1] = result
        state.touch(row.out)


class Lengthened(Wrong):
    """A register that the step has nothing to do with gets a word more."""

    def apply(self, program: Program, first_step: int, state: State) -> None:
        """See `Wrong`."""
        reference.step(program, first_step, state, self.position)
        other = register_id(Segment.PARAMS, 3)
        state.put(other, np.zeros(len(state.tensor(other)) + 1, np.uint32))


class InputsChanged(Wrong):
    """An input, which nothing may write, is another one from here on."""

    def apply(self, program: Program, first_step: int, state: State) -> None:
        """See `Wrong`."""
        reference.step(program, first_step, state, self.position)
        register = register_id(Segment.INPUTS, 0)
        words = state.tensor(register).copy()
        words[-1] ^= np.uint32(1)
        state.put(register, words)


class ScratchKept(Wrong):
    """The end of a training step leaves scratch as it is."""

    def apply(self, program: Program, first_step: int, state: State) -> None:
        """See `Wrong`."""
        kept = state.tensor(TEMPORARY).copy()
        reference.step(program, first_step, state, self.position)
        state.put(TEMPORARY, kept)


class ScratchLost(Wrong):
    """Scratch is reset in the middle of a training step."""

    def apply(self, program: Program, first_step: int, state: State) -> None:
        """See `Wrong`."""
        reference.step(program, first_step, state, self.position)
        state.reset(Segment.SCRATCH)


class AccumulatorKept(Wrong):
    """The accumulator is not cleared after a result was written."""

    def apply(self, program: Program, first_step: int, state: State) -> None:
        """See `Wrong`."""
        where = place(program, first_step, self.position)
        word = reference.scalar(state, row_at(program, where.row), where)
        reference.step(program, first_step, state, self.position)
        state.acc = word


WRONG: Final[tuple[type[Wrong], ...]] = (
    Skipped, Misplaced, Lengthened, InputsChanged, ScratchKept, ScratchLost, AccumulatorKept
)  # fmt: skip


def places(setting: Setting, wrong: type[Wrong]) -> list[int]:
    """Positions at which such a thing can be done wrong."""
    micro_steps = setting.program.micro_steps
    ends = [step * micro_steps + micro_steps - 1 for step in range(setting.steps)]
    if wrong is ScratchKept:
        return ends
    if wrong is AccumulatorKept:  # the next step starts anew, so only the very end shows it
        return ends[-1:]
    if wrong is ScratchLost:
        carry = setting.program.starts[1]
        return [step * micro_steps + carry - 1 for step in range(setting.steps)]
    inside = [0, 1, micro_steps // 2, micro_steps, micro_steps + 1, setting.length - 1]
    if wrong is Misplaced:
        return [p for p in range(setting.length) if _writes(setting, p)][:: setting.length // 9]
    return inside


def _writes(setting: Setting, position: int) -> bool:
    """Whether a fold ends there."""
    where = place(setting.program, setting.first_step, position)
    return where.fold_index == row_at(setting.program, where.row).fold - 1


def wrong_run(setting: Setting, wrong: Wrong, backend: Backend) -> FaultyTrace:
    """The run of a liar whose machine does that."""
    fault: Fault = wrong  # type: ignore[assignment]  # no more is asked of a fault
    return setting.faulty(fault, backend)


class Riddled(TensorTrace):
    """A run with several wrong results."""

    def __init__(self, setting: Setting, faults: list[ScalarFault], chosen: Backend) -> None:
        super().__init__(setting.program, setting.first_step, setting.steps, setting.start, chosen)
        self.faults = sorted(faults, key=lambda fault: fault.position)

    def advance(self, state: State, start: int, stop: int) -> None:
        """See `TensorTrace.advance`."""
        for fault in self.faults:
            if start <= fault.position < stop:
                super().advance(state, start, fault.position)
                fault.apply(self.program, self.first_step, state)
                start = fault.position + 1
        super().advance(state, start, stop)
