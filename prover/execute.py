"""From any position of a run to any later one, and whole claims (docs/protocol.md, section 6)."""

from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NoReturn

import numpy as np
from numpy.typing import NDArray

from prover import reference
from prover.backends import Backend
from prover.commit.keccak import Hash
from prover.commit.tensor import Words
from prover.errors import NotFiniteError, PositionError
from prover.ops import FLOAT_RESULTS
from prover.program import Program
from prover.reference import Place, row_at
from prover.row import Row, Segment, register_id
from prover.state import State, segment_root

Progress = Callable[[int], None]
"""Told positions at the ends of training steps, a few times a second, and the last one."""

_FIRST_SCRATCH = register_id(Segment.SCRATCH, 0)
_EXPONENT = np.uint32(0x7F800000)


def advance(
    program: Program,
    first_step: int,
    state: State,
    start: int,
    stop: int,
    backend: Backend,
    *,
    finite: bool = False,
    progress: Progress | None = None,
) -> None:
    """Take `state`, the one at position `start`, to position `stop`, in place.

    Both may lie anywhere, inside a row or a fold too. With `finite`, as an honest worker runs,
    every float that a row computes into params or outputs must be finite.

    Raises:
        PositionError: when not 0 <= start <= stop.
        NotFiniteError: at the first NaN or Inf, with `finite`; the state is then of no use.
        ArithmeticModeError: when this thread's arithmetic is not IEEE-754's.
    """
    if not 0 <= start <= stop:
        raise PositionError(f"cannot run from position {start} to {stop}")
    backend.check()
    position = start
    turn, rest = divmod(start, program.micro_steps)
    index = bisect_right(program.starts, rest) - 1
    offset = rest - program.starts[index]
    while position < stop:
        if position == turn * program.micro_steps:
            turn += _whole_steps(program, first_step, state, position, stop, backend, finite=finite)
            if turn * program.micro_steps > position:
                position = turn * program.micro_steps
                if progress and position < stop:
                    progress(position)
                continue
        count = min(program.counts[index] - offset, stop - position)
        if count:
            row = row_at(program, index)
            step = first_step + turn
            _advance_row(state, row, step, offset, count, backend)
            if finite and row.out < _FIRST_SCRATCH:
                _check_finite(program, state, Place(step, index, 0, 0), row)
            position += count
            if position == (turn + 1) * program.micro_steps:
                state.reset(Segment.SCRATCH)
                if progress and position < stop:
                    progress(position)
        offset = 0
        index += 1
        if index == len(program.counts):
            index, turn = 0, turn + 1
    if progress:
        progress(stop)


def _whole_steps(
    program: Program,
    first_step: int,
    state: State,
    start: int,
    stop: int,
    backend: Backend,
    *,
    finite: bool,
) -> int:
    """Training steps done in one call of the backend, from a position where one begins."""
    turn = start // program.micro_steps
    count = stop // program.micro_steps - turn
    if not count:
        return 0
    done = backend.steps(program, state, first_step + turn, count, finite=finite)
    if done.row is not None:
        _refuse(program, state, Place(first_step + turn + done.steps - 1, done.row, 0, 0))
    return done.steps


def _advance_row(
    state: State, row: Row, step: int, offset: int, count: int, backend: Backend
) -> None:
    """`count` micro-steps of one row from `offset` in it."""
    element, fold_index = divmod(offset, row.fold)
    if fold_index:
        reached = min(row.fold, fold_index + count)
        backend.chain(state, row, step, element, fold_index, reached)
        count -= reached - fold_index
        if reached == row.fold:
            reference.write(state, row, element, step, state.acc)
            state.acc = 0
            element += 1
    whole, rest = divmod(count, row.fold)
    if whole:
        backend.elements(state, row, step, element, element + whole)
    if rest:
        backend.chain(state, row, step, element + whole, 0, rest)


def _check_finite(program: Program, state: State, where: Place, row: Row) -> None:
    if row.opcode in FLOAT_RESULTS and len(_not_finite(state, where, row)):
        _refuse(program, state, where)


def _not_finite(state: State, where: Place, row: Row) -> NDArray[np.intp]:
    """Elements of what a row wrote that are NaN or Inf."""
    base = row.out_address(0, where.step)
    words = state.tensor(row.out)[max(base, 0) : max(base + row.elements, 0)]
    return np.flatnonzero((words & _EXPONENT) == _EXPONENT) - min(base, 0)


def _refuse(program: Program, state: State, where: Place) -> NoReturn:
    row = row_at(program, where.row)
    bad = _not_finite(state, where, row)
    said = "NaN or Inf"
    if len(bad):  # nothing wrote over it since
        word = state.tensor(row.out)[row.out_address(int(bad[0]), where.step)]
        said = f"{float(word.view(np.float32))} in element {bad[0]}"
    raise NotFiniteError(
        f"{said} of row {where.row} ({row_name(program, where.row)}) in training step "
        f"{where.step}; lower the learning rate or check the inputs"
    )


def row_name(program: Program, index: int) -> str:
    """What a row computes, for people: its name, or its opcode where the program has no names."""
    if index < len(program.names):
        return program.names[index]
    row = program.rows[index]
    return row.opcode.name.lower() if row else "undecodable"


@dataclass(frozen=True, slots=True)
class Result:
    """What a claim's run leaves: the tensors of params and outputs, by register."""

    params: list[Words]
    outputs: list[Words]
    params_root: Hash
    outputs_root: Hash


def run(
    program: Program,
    first_step: int,
    steps: int,
    params: Sequence[Words],
    inputs: Sequence[Words],
    backend: Backend,
    *,
    finite: bool = True,
    progress: Progress | None = None,
) -> Result:
    """Run a claim of `steps` >= 1 training steps; `params` and `inputs` are left as they are.

    Raises:
        PositionError: when there are no steps.
        NotFiniteError: at the first NaN or Inf among new params and outputs, with `finite`.
    """
    if steps < 1:
        raise PositionError(f"a claim has at least one training step, not {steps}")
    state = State.start(program.depths, params, inputs)
    end = steps * program.micro_steps
    advance(program, first_step, state, 0, end, backend, finite=finite, progress=progress)
    return result(program, state, backend.threads)


def result(program: Program, state: State, threads: int = 1) -> Result:
    """What a run that ended in `state` leaves."""
    params, outputs = (state.segment(segment) for segment in (Segment.PARAMS, Segment.OUTPUTS))
    return Result(
        params,
        outputs,
        segment_root(params, program.depths.params, threads),
        segment_root(outputs, program.depths.outputs, threads),
    )
