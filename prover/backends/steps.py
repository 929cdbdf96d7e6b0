"""Whole training steps by plans: which programs have one, and whether a state fits it."""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Lock
from time import monotonic
from typing import Final, Protocol

import numpy as np

from prover.backends import Done
from prover.backends.plans import Machine
from prover.commit.lazy import raw
from prover.commit.tensor import Words
from prover.plan import NoPlan, Plan, plan
from prover.program import Program
from prover.reach import Reach, reaches, verify
from prover.row import RegisterId, Segment
from prover.state import State

_PROGRAMS: Final = 64
"""Programs whose plans are remembered."""
_PER_THREAD: Final = 1 << 22
"""Micro-steps of a training step that occupy one more thread."""


_QUICK: Final = 0.1
_SLOW: Final = 0.4
"""Seconds of a call: in between signals are heard, and progress is told."""


class Runs(Protocol):
    """A plan, ready to run: see `prover.backends.plans.Machine`."""

    def run(
        self, registers: dict[RegisterId, Words], first_step: int, steps: int, *, finite: bool
    ) -> tuple[int, int] | None:
        """Training steps on these words, in place."""
        ...


@dataclass(slots=True)
class _Known:
    program: Program
    """Kept, so that its `id` stays its own."""
    plan: Plan | None
    idle: list[Runs] = field(default_factory=list)
    pace: int = 1
    """Steps that a call takes at a time."""
    reaches: list[Reach] = field(default_factory=list)
    """What a training step reads."""


class Steps:
    """Runs whole training steps of programs that have a plan. May be used from many threads.

    Planning and compiling take a tenth of a second or more, so a program is planned when a call
    has at least `worth` micro-steps; a known one always runs by its plan.
    """

    def __init__(
        self,
        threads: int = 1,
        worth: int = 1 << 22,
        *,
        fuse: bool = True,
        make: Callable[[Plan, int], Runs] = Machine,
    ) -> None:
        self._threads = threads
        self._worth = worth
        self._fuse = fuse
        self._make = make
        self._known: OrderedDict[int, _Known] = OrderedDict()
        self._lock = Lock()

    def run(self, program: Program, state: State, first: int, steps: int, *, finite: bool) -> Done:
        """See `Backend.steps`."""
        known = self._of(program, steps)
        if known is None or known.plan is None or not _fits(state, known.plan):
            return Done(0)
        steps = min(steps, known.pace)
        verify(state, known.reaches, first, steps)
        machine = self._take(known, known.plan)
        started = monotonic()
        fault = self._go(machine, known.plan, state, first, steps, finite=finite)
        seconds = monotonic() - started
        if seconds < _QUICK:
            known.pace = max(known.pace, 4 * steps)
        elif seconds > _SLOW:
            known.pace = max(1, steps // 2)
        state.acc = 0
        with self._lock:
            known.idle.append(machine)
        return Done(steps) if fault is None else Done(fault[0] - first + 1, fault[1])

    def _go(
        self, machine: Runs, of: Plan, state: State, first: int, steps: int, *, finite: bool
    ) -> tuple[int, int] | None:
        """Training steps on a state, in place."""
        fault = machine.run(_registers(state, of), first, steps, finite=finite)
        for register in of.written:
            state.touch(register)
        return fault

    def _take(self, known: _Known, of: Plan) -> Runs:
        with self._lock:
            if known.idle:
                return known.idle.pop()
        threads = min(self._threads, 1 + known.program.micro_steps // _PER_THREAD)
        return self._make(of, threads)

    def _of(self, program: Program, steps: int) -> _Known | None:
        with self._lock:
            known = self._known.get(id(program))
            if known is None:
                if steps * program.micro_steps < self._worth:
                    return None
                made = _plan(program, fuse=self._fuse)
                known = _Known(program, made, reaches=reaches(program))
                self._known[id(program)] = known
                if len(self._known) > _PROGRAMS:
                    self._known.popitem(last=False)
            return known


def _plan(program: Program, *, fuse: bool) -> Plan | None:
    try:
        return plan(program, fuse=fuse)
    except NoPlan:
        return None


def _fits(state: State, of: Plan) -> bool:
    """Whether scratch is empty and registers have the lengths that the rows expect.

    A register that the step makes may also be empty: until it is written its words read as zeros.
    """
    if state.segment(Segment.SCRATCH):
        return False
    for buffer in of.kept:
        if buffer.register is None:
            continue
        length = len(state.tensor(buffer.register))
        if length != buffer.length and (length or buffer.register not in of.written):
            return False
    return True


def _registers(state: State, of: Plan) -> dict[RegisterId, Words]:
    registers: dict[RegisterId, Words] = {}
    for buffer in of.kept:
        if buffer.register is None:
            continue
        words = state.tensor(buffer.register)
        if len(words) != buffer.length:
            words = np.zeros(buffer.length, np.uint32)
            state.put(buffer.register, words)
        elif not (words.flags.c_contiguous and words.flags.aligned):
            words = words.copy()
            state.put(buffer.register, words)
        elif buffer.register in of.written:
            words = state.writable(buffer.register)
        registers[buffer.register] = raw(words, 0, 0)  # what is read of it was verified
    return registers
