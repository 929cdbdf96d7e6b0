"""Plans give the bits of rows run one by one, fused or not, on any number of threads."""

import numpy as np
import pytest
from hypothesis import given, settings

from prover.backends import backend
from prover.backends.reference import ReferenceBackend
from prover.backends.steps import Steps
from prover.errors import NotFiniteError
from prover.execute import advance
from prover.ops import Opcode
from prover.program import Program
from prover.row import Operand, RegisterId, Row, Segment, register_id
from prover.state import State
from tests.prover.generators import Case, Seeded, case, cases
from tests.prover.plan.drawn import traced
from tests.prover.replay import DEPTHS, by_steps, difference, reads

WAYS = {
    "fused": Steps(worth=1),
    "unfused": Steps(worth=1, fuse=False),
    "two threads": Steps(2, worth=1),
}
ROWS = backend("reference")


class ByRows(ReferenceBackend):
    """The compiled loops, row by row."""

    def __init__(self) -> None:
        self.rows = backend("numba")
        self.elements = self.rows.elements  # type: ignore[method-assign]
        self.chain = self.rows.chain  # type: ignore[method-assign]


def agree(program: Program, first: int, start: State, steps: int, expected: State) -> int:
    """Compares all ways with an expected state; gives how many of them had a plan."""
    planned = 0
    for name, way in WAYS.items():
        state = start.copy()
        done = 0
        while done < steps:
            came = way.run(program, state, first + done, steps - done, finite=False)
            if not came.steps:
                break
            assert came.row is None
            done += came.steps
        if done:
            assert done == steps
            assert difference(expected, state) is None, name
            planned += 1
    return planned


def hostile(drawn: Case) -> int:
    program, first, state = drawn.program, drawn.first_step, drawn.state
    ends = program.micro_steps
    advance(program, first, state, 0, ends, ROWS)  # scratch may hold anything at first
    expected = state.copy()
    by_steps(program, first, expected, ends, 3 * ends)
    return agree(program, first + 1, state, 2, expected)


@pytest.mark.parametrize("part", range(4))
def test_hostile_programs(part: int) -> None:
    planned = sum(hostile(case(Seeded([78, part, seed]))) for seed in range(30))
    assert planned >= 4, "hardly a program had a plan: nothing was compared"


@settings(max_examples=10)
@given(cases())
def test_any_program(drawn: Case) -> None:
    hostile(drawn)


@pytest.mark.parametrize("seed", range(12))
def test_sensible_programs(seed: int) -> None:
    made, params, inputs = traced(Seeded([79, seed]))
    program = made.program
    start = State.start(program.depths, params, inputs)
    expected = start.copy()
    advance(program, 3, expected, 0, 2 * program.micro_steps, ByRows())
    assert agree(program, 3, start, 2, expected) == len(WAYS)


def test_what_is_not_finite_is_found_where_rows_find_it() -> None:
    found = 0
    for seed in range(15):
        made, params, inputs = traced(Seeded([80, seed]))
        params[0][0] = np.float32(np.inf).view(np.uint32)
        program, said = made.program, []
        for used in (ByRows(), backend("numba")):
            if hasattr(used, "_steps"):
                used._steps = Steps(2, worth=1)
            state = State.start(program.depths, params, inputs)
            try:
                advance(program, 0, state, 0, 3 * program.micro_steps, used, finite=True)
            except NotFiniteError as error:
                said.append(str(error))
        assert len(said) in {0, 2}
        if said:
            found += 1
            rows = [text.split(" of row ")[1] for text in said]
            assert rows[0] == rows[1]
    assert found >= 5


def test_states_that_do_not_fit_are_left_to_rows() -> None:
    made, params, inputs = traced(Seeded([81, 1]))
    program = made.program
    for change in ("scratch", "input", "missing"):
        state = State.start(program.depths, params, inputs if change != "missing" else inputs[:1])
        if change == "scratch":
            state.put(next(iter(_registers(program, Segment.SCRATCH))), np.ones(3, np.uint32))
        if change == "input":
            state.put(next(iter(_registers(program, Segment.INPUTS))), np.ones(3, np.uint32))
        assert WAYS["fused"].run(program, state, 0, 1, finite=False).steps == 0
        expected = state.copy()
        advance(program, 0, expected, 0, 2 * program.micro_steps, ByRows())
        advance(program, 0, state, 0, 2 * program.micro_steps, backend("numba"))
        assert difference(expected, state) is None


def test_what_is_looked_up_is_not_overwritten_meanwhile() -> None:
    """Every element of the first row reads the place of another, which the second row writes."""
    table, found = register_id(Segment.PARAMS, 0), register_id(Segment.OUTPUTS, 0)
    count, shift = 100, (Operand.immediate(0xFFFFFFFF), Operand.immediate(40))
    dims = (1, 1, 1, count)
    look = Row(Opcode.GATHER, found, count, dims, 1, (*shift, reads(table, count)))
    update = Row(Opcode.IADD, table, count, dims, 1, (reads(table, count), Operand.immediate(1000)))
    program = Program.of([look, update], DEPTHS)
    state = State(DEPTHS)
    state.put(table, np.arange(count, dtype=np.uint32))
    expected = state.copy()
    by_steps(program, 0, expected, 0, 2 * program.micro_steps)
    assert agree(program, 0, state, 2, expected) == len(WAYS)


def _registers(program: Program, segment: Segment) -> set[RegisterId]:
    rows = [row for row in program.rows if row]
    seen = {row.out for row in rows} | {o.register for row in rows for o in row.operands}
    return {register for register in seen if register >> 14 == segment}
