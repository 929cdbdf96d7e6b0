"""What tests of execution share: small programs by hand, and comparing states in full."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from prover import reference
from prover.backends import Backend
from prover.commit.tensor import Words
from prover.execute import advance
from prover.program import Program
from prover.row import Depths, Kind, Operand, Quad, RegisterId, Row
from prover.state import State

DEPTHS = Depths(3, 3, 3, 3)


def floats(*values: float) -> Words:
    """The words of floats."""
    return np.array(values, np.float32).view(np.uint32)


def reads(
    register: RegisterId,
    length: int,
    strides: Quad = (0, 0, 0, 1),
    *,
    offset: int = 0,
    fold: int = 0,
    modulus: int = 0,
    turn: int = 0,
) -> Operand:
    """A register operand; by default contiguous along the last dimension."""
    return Operand(Kind.REGISTER, register, length, offset, strides, fold, modulus, turn)


def one_row(row: Row) -> Program:
    """A program of a single row."""
    return Program.of([row], DEPTHS)


def difference(one: State, other: State) -> str | None:
    """Where two states differ, down to lengths and bits; None when they do not."""
    if one.acc != other.acc:
        return f"acc {one.acc:#x} {other.acc:#x}"
    registers = {*one._tensors, *other._tensors}
    for register in sorted(registers):
        mine, theirs = one.tensor(register), other.tensor(register)
        if len(mine) != len(theirs):
            return f"register {register:#x} of length {len(mine)}, {len(theirs)}"
        places = np.flatnonzero(mine != theirs)
        if len(places):
            at = int(places[0])
            return f"register {register:#x}[{at}] {mine[at]:#x} {theirs[at]:#x}"
    return None


def by_steps(program: Program, first_step: int, state: State, start: int, stop: int) -> None:
    """Micro-step after micro-step, as the definition says."""
    for position in range(start, stop):
        reference.step(program, first_step, state, position)


def compare(
    program: Program, first_step: int, state: State, cuts: Sequence[int], backend: Backend
) -> None:
    """Run from cut to cut, by the definition and by a backend, comparing all states on the way."""
    expected, actual = state.copy(), state.copy()
    for start, stop in pairwise(cuts):
        by_steps(program, first_step, expected, start, stop)
        advance(program, first_step, actual, start, stop, backend)
        assert difference(expected, actual) is None, (start, stop)
        assert expected.commitment() == actual.commitment()
