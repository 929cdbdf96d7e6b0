"""From any position of a run to any later one, and whole claims (docs/protocol.md, section 6)."""

from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from prover import reference
from prover.backends import Backend
from prover.commit.keccak import Hash
from prover.commit.tensor import Words
from prover.errors import NotFiniteError, PositionError
from prover.ops import Opcode
from prover.program import Program
from prover.reference import Place, row_at
from prover.row import Row, Segment, register_id
from prover.state import State, segment_root

Progress = Callable[[int], None]
"""Told a position after each training step, and at the end."""

_FLOAT_RESULTS = frozenset({
    Opcode.ADD, Opcode.SUB, Opcode.MUL, Opcode.FMA, Opcode.DIV, Opcode.SQRT, Opcode.MAX,
    Opcode.FROM_INT, Opcode.SUM, Opcode.DOT, Opcode.MAXF,
})  # fmt: skip
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
    if row.opcode not in _FLOAT_RESULTS:
        return
    base = row.out_address(0, where.step)
    words = state.tensor(row.out)[max(base, 0) : max(base + row.elements, 0)]
    bad = np.flatnonzero((words & _EXPONENT) == _EXPONENT)
    if len(bad):
        element = int(bad[0]) - min(base, 0)
        value = float(words[bad[0] : bad[0] + 1].view(np.float32)[0])
        raise NotFiniteError(
            f"{value} in element {element} of row {where.row} ({row_name(program, where.row)}) in "
            f"training step {where.step}; lower the learning rate or check the inputs"
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
    made = [state.segment(segment) for segment in (Segment.PARAMS, Segment.OUTPUTS)]
    return Result(
        made[0],
        made[1],
        segment_root(made[0], program.depths.params),
        segment_root(made[1], program.depths.outputs),
    )
