"""One wrong bit in a run: what a liar claims, or a broken machine.

A fault replaces one micro-step by a wrong one; all steps before and after it are right. So the run
departs from the truth at one position. A single wrong bit often never reaches a claim's end (relu
and rounding swallow it): then the claim is true, and nobody can or should dispute it. `draw` tries
faults until the end differs; from its position on, every state of such a run is wrong.
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from prover import reference
from prover.backends import Backend
from prover.commit.keccak import Hash
from prover.machine import describe
from prover.program import Program
from prover.reference import Place, place, position_of, row_at
from prover.row import Segment, register_id
from prover.state import State
from prover.trace import TensorTrace
from rollup.errors import PlumblineError


@dataclass(frozen=True, slots=True)
class ScalarFault:
    """The result of the scalar operation at a position, with one bit (0..31) flipped."""

    position: int
    bit: int

    def apply(self, program: Program, first_step: int, state: State) -> None:
        """Do the micro-step at `position`, wrongly, in place."""
        where = place(program, first_step, self.position)
        row = row_at(program, where.row)
        state.acc = reference.scalar(state, row, where) ^ 1 << self.bit
        if where.fold_index == row.fold - 1:
            reference.write(state, row, where.element, where.step, state.acc)
            state.acc = 0
        if (self.position + 1) % program.micro_steps == 0:
            state.reset(Segment.SCRATCH)

    def describe(self, program: Program, first_step: int) -> str:
        """The fault in a line, for people."""
        return f"bit {self.bit} flipped in {describe(program, first_step, self.position)}"


@dataclass(frozen=True, slots=True)
class ParamsFault:
    """One bit of one word of params flipped by the last micro-step of a training step, which only
    has to reset scratch. `position` is that micro-step's; `index` is the params register's.
    """

    position: int
    index: int
    word: int
    bit: int

    def apply(self, program: Program, first_step: int, state: State) -> None:
        """Do the micro-step at `position`, and what it must not do, in place."""
        reference.step(program, first_step, state, self.position)
        register = register_id(Segment.PARAMS, self.index)
        state.writable(register)[self.word] ^= 1 << self.bit
        state.touch(register)

    def describe(self, program: Program, first_step: int) -> str:
        """The fault in a line, for people."""
        step = place(program, first_step, self.position).step
        return (
            f"bit {self.bit} of word {self.word} of params register {self.index} flipped at the "
            f"end of training step {step}"
        )


Fault = ScalarFault | ParamsFault
_DRAWS: Final = 1_000_000


def scalar_fault(program: Program, first_step: int, where: Place, bit: int) -> ScalarFault:
    """The fault at a place: training step, row, element, fold index.

    Raises:
        PositionError: when the row has no micro-steps.
    """
    return ScalarFault(position_of(program, first_step, where), bit)


class FaultyTrace(TensorTrace):
    """A run that is right up to the fault's position and follows from its wrong result after it."""

    def __init__(
        self,
        program: Program,
        first_step: int,
        steps: int,
        start: State,
        backend: Backend,
        fault: Fault,
    ) -> None:
        super().__init__(program, first_step, steps, start, backend)
        self.fault = fault

    def advance(self, state: State, start: int, stop: int) -> None:
        """See `TensorTrace.advance`."""
        wrong = self.fault.position
        if start <= wrong < stop:
            super().advance(state, start, wrong)
            self.fault.apply(self.program, self.first_step, state)
            start = wrong + 1
        super().advance(state, start, stop)


@dataclass(frozen=True, slots=True)
class Drawn:
    """A fault that reaches the claim's end, the run that it makes, and how many did not."""

    fault: ScalarFault
    trace: FaultyTrace
    post: Hash
    masked: int
    """Faults drawn before that left the claim true."""


class NoFaultError(PlumblineError):
    """No fault that was drawn reaches the claim's end."""

    code = "no-fault"


def draw(
    program: Program,
    first_step: int,
    steps: int,
    start: State,
    backend: Backend,
    seed: int,
    *,
    tries: int = 1000,
    wanted: Callable[[Place], bool] | None = None,
) -> Drawn:
    """Draw scalar faults, every micro-step and bit alike, until the claim's end differs.

    `wanted` says which places to hit; what is drawn elsewhere counts for nothing.

    Raises:
        NoFaultError: when none of `tries` faults is not masked, or `wanted` places are too rare to
            be drawn.
    """
    honest = TensorTrace(program, first_step, steps, start, backend)
    (truth,) = honest.states([honest.length])
    chooser = random.Random(seed)
    for masked in range(tries):
        fault = _wanted_fault(chooser, program, first_step, honest.length, wanted)
        trace = FaultyTrace(program, first_step, steps, start, backend, fault)
        (post,) = trace.states([trace.length])
        if post != truth:
            return Drawn(fault, trace, post, masked)
    raise NoFaultError(f"none of {tries} faults reaches the claim's end; draw more or elsewhere")


def _wanted_fault(
    chooser: random.Random,
    program: Program,
    first_step: int,
    length: int,
    wanted: Callable[[Place], bool] | None,
) -> ScalarFault:
    for _ in range(_DRAWS):
        fault = ScalarFault(chooser.randrange(length), chooser.randrange(32))
        if wanted is None or wanted(place(program, first_step, fault.position)):
            return fault
    raise NoFaultError(f"none of {_DRAWS} places drawn is wanted; name one place exactly")


def masked_share(
    program: Program,
    first_step: int,
    steps: int,
    start: State,
    backend: Backend,
    faults: Sequence[Fault],
) -> float:
    """The share (0..1) of one or more faults that leave the claim true."""
    honest = TensorTrace(program, first_step, steps, start, backend)
    (truth,) = honest.states([honest.length])
    left_true = 0
    for fault in faults:
        trace = FaultyTrace(program, first_step, steps, start, backend, fault)
        left_true += trace.states([trace.length]) == [truth]
    return left_true / len(faults)
