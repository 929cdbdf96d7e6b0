"""A party's run, replayed where the game asks: `bisection.machine.Trace` of a tensor claim."""

from collections.abc import Callable, Sequence
from threading import Lock

from prover import witness
from prover.backends import Backend
from prover.commit.keccak import Hash
from prover.errors import PositionError
from prover.execute import advance
from prover.program import Program
from prover.record import Recorder
from prover.state import State

Progress = Callable[[int, int], None]
"""Told where a replay is and how long the run is, after each training step."""


class TensorTrace:
    """A run from a start state, replayed from the nearest state that is at hand.

    A game narrows: what it asks for next lies between two of the positions of the last round, or of
    its own answer. So each pass leaves checkpoints at what was asked for (see `prover.record`), and
    in memory the state at the first position asked for, after which all that follows lies. With it
    and the start there are never more than three states in memory, one of them at work; they share
    the inputs. Threads may share a trace; they take turns.
    """

    def __init__(
        self,
        program: Program,
        first_step: int,
        steps: int,
        start: State,
        backend: Backend,
        *,
        recorder: Recorder | None = None,
        progress: Progress | None = None,
    ) -> None:
        self.program = program
        self.first_step = first_step
        self.replayed = 0
        """Micro-steps that were run so far, whatever for."""
        self.passes = 0
        """Calls that ran any."""
        self._length = steps * program.micro_steps
        self._backend = backend
        self._start = start.copy()
        self._hashed = False
        self._recorder = recorder if recorder is not None else Recorder(program, steps)
        self._progress = progress
        self._anchor: tuple[int, State] | None = None
        self._working: tuple[int, State] | None = None
        self._lock = Lock()

    @property
    def length(self) -> int:
        """Micro-steps of the run."""
        return self._length

    def states(self, positions: Sequence[int]) -> list[Hash]:
        """The states' commitments at ascending positions in 0 .. length, in one pass.

        Raises:
            PositionError: when a position is outside or they do not ascend.
        """
        self._check(positions)
        commitments: list[Hash] = []
        with self._lock:
            before = self.replayed
            for place, position in enumerate(positions):
                # No name for the state here: it would live on while the next one is read.
                commitments.append(self._reach(position).commitment(self._backend.threads))
                if place == 0:
                    self._keep(position, shared=len(positions) > 1)
            self._working = None
            self.passes += self.replayed > before
        return commitments

    def witness(self, position: int) -> bytes:
        """The step witness of the micro-step at a position in 0 .. length - 1.

        Raises:
            PositionError: when the position is outside.
        """
        if not 0 <= position < self._length:
            raise PositionError(f"no step {position} in a run of {self._length}")
        return witness.build(self.program, self.first_step, self.state(position), position)

    def state(self, position: int) -> State:
        """The caller's own copy of the state at a position in 0 .. length.

        Raises:
            PositionError: when the position is outside.
        """
        self._check([position])
        with self._lock:
            before = self.replayed
            state = self._reach(position)
            self._keep(position, shared=True)
            self._working = None
            self.passes += self.replayed > before
        return state

    def advance(self, state: State, start: int, stop: int) -> None:
        """Take a state of this run from one position to a later one, in place."""
        advance(
            self.program, self.first_step, state, start, stop, self._backend, progress=self._tell
        )

    def _tell(self, position: int) -> None:
        if self._progress is not None:
            self._progress(position, self._length)

    def _check(self, positions: Sequence[int]) -> None:
        at = 0
        for position in positions:
            if not 0 <= position <= self._length:
                raise PositionError(f"position {position} is not in 0 .. {self._length}")
            if position < at:
                raise PositionError(f"position {position} after {at}: they must ascend")
            at = position

    def _keep(self, position: int, *, shared: bool) -> None:
        """Go on from the working state, which is at a position, where no checkpoint does as well;
        from a copy of it when it is shared with somebody.
        """
        if self._working and self._recorder.nearest(position) < position < self._length:
            self._anchor = None  # before a copy is made
            state = self._working[1]
            self._anchor = (position, state.copy() if shared else state)

    def _reach(self, position: int) -> State:
        """The working state, taken to a position."""
        at, state = self._nearest(position)
        boundary = position - position % self.program.micro_steps
        while at < position:
            stop = min(self._recorder.stop_after(at), boundary if at < boundary else position)
            self.advance(state, at, stop)
            self.replayed += stop - at
            at = stop
            self._recorder.offer(
                at, state, asked=at in (boundary, position), threads=self._backend.threads
            )
        self._working = (at, state)
        return state

    def _nearest(self, position: int) -> tuple[int, State]:
        """The nearest state up to a position, where it is: at work, in memory, on disk, the start.

        What is at work, or the one in memory, is given away.
        """
        if not self._hashed:
            self._start.commitment(
                self._backend.threads
            )  # copies inherit the hashes, and inputs may be large
            self._hashed = True
        found, self._working = self._working, None
        if found is None and self._anchor is not None and self._anchor[0] <= position:
            found, self._anchor = self._anchor, None
        while True:
            saved = self._recorder.nearest(position)
            at = found[0] if found is not None else 0
            if not saved or not self._recorder.is_worth(saved - at, self._start):
                return found if found is not None else (0, self._start.copy())
            found = None  # room for the one that is read
            state = self._recorder.load(saved, self._start)
            if state is not None:
                return saved, state
