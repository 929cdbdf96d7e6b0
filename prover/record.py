"""What a run keeps of itself as it goes: checkpoints at the right places.

Two kinds of places. *Regular* ones, every so many training steps: a run that may be disputed later
leaves them behind. And those that a replay *was asked for*, because the next round of a game starts
at one of them. A state inside a training step is kept as the step's start and, where replaying
from there would cost more than reading it, as itself.
"""

import shutil
import tempfile
import weakref
from bisect import bisect_right, insort
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Final

from prover.backends import Backend
from prover.checkpoints import MOST, Checkpoints, run_name, written
from prover.commit.keccak import Hash
from prover.commit.tensor import Words
from prover.errors import PositionError
from prover.execute import Result, advance, result
from prover.program import Program
from prover.row import Segment
from prover.state import State, state_hash

SAVE_COST: Final = 1_024
"""Micro-steps that take as long as keeping one word of a checkpoint: 16 ns on a plain disk, against
some 60 micro-steps a nanosecond of an MLP on one core. Less replay is not worth a checkpoint."""

ASKED_SHARE: Final = 4
"""A state that was asked for is kept when replaying to it takes so many times as long: of sixteen
that a round asks for, the next round needs one."""

REGULAR_SHARE: Final = 16
"""Regular checkpoints take at most a sixteenth of the time of the run."""

REGULAR_PARTS: Final = 64
"""Into so many parts they cut a run, where that leaves parts long enough; a multiple of a game's
k, so that its first dissection finds them."""

TEMPORARY_BUDGET: Final = 1 << 30
"""Bytes of checkpoints of a replay that has no folder of its own."""

_UNNAMED: Final = Hash(bytes(32))


class Recorder:
    """Keeps and finds the checkpoints of one run.

    `every` is the number of training steps between regular checkpoints; 0 is none, and None as
    many as are worth their time. Without a store they go into a temporary folder, which is made
    when the first is kept and goes with the recorder. `inputs` is the root of the run's inputs
    where it is known already, so that a run that hashes nothing else need not hash them.
    """

    def __init__(
        self,
        program: Program,
        steps: int,
        store: Checkpoints | None = None,
        run: Hash = _UNNAMED,
        *,
        every: int | None = None,
        inputs: Hash | None = None,
    ) -> None:
        if every is not None and every < 0:
            raise PositionError(f"checkpoints are made every 1 step or more, not {every}; 0 is off")
        self.length = steps * program.micro_steps
        self._store = store
        self._run = run
        self._inputs = inputs
        self._at_all_costs = every is not None
        self._micro_steps = program.micro_steps
        parts = max(1, min(steps, REGULAR_PARTS))
        self._part = Fraction(steps, parts) if every is None else Fraction(every)
        """Training steps between regular places, 0 for none."""
        self._seen = -1
        self._positions: list[int] = []

    def stop_after(self, position: int) -> int:
        """Where a run that is at `position` offers its state next, at the latest at its end."""
        if not self._part:
            return self.length
        number = int((position // self._micro_steps + 1) / self._part)
        if self._place(number) <= position:
            number += 1
        return min(self._place(number), self.length)

    def nearest(self, position: int) -> int:
        """The last position up to `position` that has a checkpoint, 0 when there is none."""
        self._look()
        found = bisect_right(self._positions, position)
        return self._positions[found - 1] if found else 0

    def load(self, position: int, start: State) -> State | None:
        """The state at a position that `nearest` gave; None when it cannot be had after all."""
        state = self._store and self._store.load(self._run, position, start)
        if state is None:
            self._look()
            self._positions = [p for p in self._positions if p != position]
        return state or None

    def is_worth(self, distance: int, state: State, times: int = 1) -> bool:
        """Whether replaying `distance` micro-steps costs more than so many checkpoints of that
        size.
        """
        words = sum(len(words) for _, words in written(state))
        return distance > times * SAVE_COST * words

    def offer(self, position: int, state: State, *, asked: bool = False, threads: int = 1) -> None:
        """Keep the state at a position, when the place is right and none near by is kept."""
        distance = position - self.nearest(position)
        if not 0 < position < self.length or not distance:
            return
        regular = self._at_all_costs and self._part > 0
        wanted = regular and position % int(self._part * self._micro_steps) == 0
        times = ASKED_SHARE if asked else REGULAR_SHARE
        if wanted or self.is_worth(distance, state, times):
            self._save(position, state, threads)

    def _place(self, number: int) -> int:
        """Position of the regular place of a number, at the start of a training step."""
        return int(number * self._part) * self._micro_steps

    def _save(self, position: int, state: State, threads: int) -> None:
        if self._store is None:
            folder = tempfile.mkdtemp(prefix="plumbline-replay-")
            weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
            self._store = Checkpoints(Path(folder), TEMPORARY_BUDGET)
            self._look()
        if len(self._positions) >= MOST:
            self._store.thin(self._run)
        if not self._store.save(self._run, position, state, self._commitment(state, threads)):
            return
        before = len(self._positions)
        insort(self._positions, position)
        self._look()
        if len(self._positions) <= before:
            self._part *= 2

    def _look(self) -> None:
        """Reads the folder, when it may have lost files since the last time."""
        if self._store is not None and self._seen != self._store.thinned:
            self._seen = self._store.thinned
            self._positions = self._store.positions(self._run)

    def _commitment(self, state: State, threads: int) -> Hash:
        if self._inputs is None:
            return state.commitment(threads)
        params, outputs, scratch = (
            state.root(segment, threads)
            for segment in (Segment.PARAMS, Segment.OUTPUTS, Segment.SCRATCH)
        )
        return state_hash([params, self._inputs, outputs, scratch], state.acc)


@dataclass(frozen=True, slots=True)
class Keeping:
    """How a party keeps the checkpoints of its runs; `every` as for a `Recorder`."""

    store: Checkpoints
    every: int | None = None

    def recorder(
        self, program: Program, first_step: int, steps: int, params: Hash, inputs: Hash
    ) -> Recorder:
        """The recorder of the run from segments of these roots."""
        name = run_name(program.id, first_step, params, inputs)
        return Recorder(program, steps, self.store, name, every=self.every, inputs=inputs)


def run(
    program: Program,
    first_step: int,
    steps: int,
    params: Sequence[Words],
    inputs: Sequence[Words],
    backend: Backend,
    recorder: Recorder,
    *,
    finite: bool = True,
    progress: Callable[[int], None] | None = None,
) -> Result:
    """As `prover.execute.run`, with regular checkpoints."""
    if steps < 1:
        raise PositionError(f"a claim has at least one training step, not {steps}")
    state, at = State.start(program.depths, params, inputs), 0
    while at < recorder.length:
        stop = recorder.stop_after(at)
        advance(program, first_step, state, at, stop, backend, finite=finite, progress=progress)
        at = stop
        recorder.offer(at, state, threads=backend.threads)
    return result(program, state, backend.threads)
