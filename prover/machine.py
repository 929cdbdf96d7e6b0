"""The tensor machine as the dispute game sees it: one step, one party's trace, a claim's ends.

`TensorMachine` and `TensorTrace` satisfy `bisection.machine.Machine` and `Trace` structurally.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from threading import Lock

from prover import witness
from prover.backends import Backend
from prover.commit.keccak import Hash
from prover.errors import PositionError
from prover.execute import advance, row_name
from prover.program import Program, run_commitment
from prover.reference import Place, place, row_at
from prover.row import Depths, Row
from prover.state import State, state_hash, zero_segment


class TensorMachine:
    """One micro-step, verified from a witness by commitments alone."""

    def step(self, program: Hash, position: int, pre: Hash, witness_: bytes) -> Hash:
        """The state after the micro-step at `position` of `program`, from the state `pre`.

        Raises:
            WitnessError: only when the witness does not open `program` and `pre`, or has bytes
                left over.
        """
        return witness.step(program, position, pre, witness_)


@dataclass(frozen=True, slots=True)
class TensorClaim:
    """What L1 derives from a receipt: from `pre`, `length` steps of `program` lead to `post`."""

    program: Hash
    pre: Hash
    post: Hash
    length: int


def tensor_claim(
    program_id: Hash,
    micro_steps: int,
    depths: Depths,
    *,
    first_step: int,
    steps: int,
    params: Hash,
    inputs: Hash,
    params_after: Hash,
    outputs: Hash,
) -> TensorClaim:
    """The claim of `steps` training steps from `first_step` (u64) on, between segment roots.

    Of the program it takes what L1 knows of a registered one; `micro_steps` are a training step's.

    Raises:
        PositionError: when there are no steps, or 2^62 micro-steps and more.
    """
    length = steps * micro_steps
    if not 1 <= length < 1 << 62:
        raise PositionError(f"{steps} training steps of {micro_steps} make no claim")
    scratch = zero_segment(depths.scratch)
    return TensorClaim(
        run_commitment(program_id, first_step),
        state_hash([params, inputs, zero_segment(depths.outputs), scratch], 0),
        state_hash([params_after, inputs, outputs, scratch], 0),
        length,
    )


class TensorTrace:
    """A run from a start state, replayed where it is asked for.

    A state that was asked for is kept, so that the next round of a game, which asks for positions
    between two of the last round's, replays that part alone. At most `keep` states are held besides
    the first, the oldest going first; each takes the memory of params, outputs and scratch (inputs
    are shared). Two rounds of a game cut in 16 need 32. Threads may share a trace; they take turns.
    """

    def __init__(
        self,
        program: Program,
        first_step: int,
        steps: int,
        start: State,
        backend: Backend,
        *,
        keep: int = 32,
    ) -> None:
        self.program = program
        self.first_step = first_step
        self._length = steps * program.micro_steps
        self._backend = backend
        self._start = start.copy()
        self._keep = keep
        self._kept: dict[int, State] = {}
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
        commitments: list[Hash] = []
        at, state = 0, None
        with self._lock:
            for position in positions:
                if not 0 <= position <= self._length:
                    raise PositionError(f"position {position} is not in 0 .. {self._length}")
                if position < at:
                    raise PositionError(f"position {position} after {at}: they must ascend")
                state = self._reach(position, at, state)
                at = position
                commitments.append(state.commitment())
                self._remember(position, state)
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
        if not 0 <= position <= self._length:
            raise PositionError(f"position {position} is not in 0 .. {self._length}")
        with self._lock:
            state = self._reach(position, 0, None)
            self._remember(position, state)
        return state

    def advance(self, state: State, start: int, stop: int) -> None:
        """Take a state of this run from one position to a later one, in place."""
        advance(self.program, self.first_step, state, start, stop, self._backend)

    def _reach(self, position: int, at: int, state: State | None) -> State:
        """A state at a position: from `state`, which is at `at`, or from the nearest one kept."""
        nearest = max((p for p in self._kept if p <= position), default=0)
        if state is None or nearest > at:
            at = nearest
            state = self._kept.get(nearest, self._start).copy()
        self.advance(state, at, position)
        return state

    def _remember(self, position: int, state: State) -> None:
        if position == 0 or self._keep < 1:
            return
        known = self._kept.pop(position, None)
        while len(self._kept) >= self._keep:
            del self._kept[next(iter(self._kept))]
        self._kept[position] = state.copy() if known is None else known


@dataclass(frozen=True, slots=True)
class StepReport:
    """What one micro-step computes, for people."""

    position: int
    place: Place
    row: Row
    name: str

    def __str__(self) -> str:
        digits = [i for i, n in zip(self.row.digits(self.place.element), self.row.dims, strict=True)
                  if n > 1]  # fmt: skip
        index = ", ".join(map(str, digits)) or "0"
        fold = f", fold {self.place.fold_index} of {self.row.fold}" if self.row.fold > 1 else ""
        return (
            f"training step {self.place.step}, row {self.place.row} {self.name}, "
            f"{self.row.opcode.name.lower()} of element [{index}]{fold}"
        )


def describe(program: Program, first_step: int, position: int) -> StepReport:
    """Where a claim's position >= 0 lies, with the row's name."""
    where = place(program, first_step, position)
    row = row_at(program, where.row)
    return StepReport(position, where, row, row_name(program, where.row))
