"""The reference executes what the protocol says: against nested loops, and against arithmetic that
everybody knows.
"""

from collections.abc import Callable
from itertools import product

import numpy as np
import pytest
from hypothesis import given

from prover import reference
from prover.commit.tensor import Words
from prover.ops import OPS, Opcode, apply
from prover.program import Program
from prover.row import Depths, Kind, Operand, RegisterId, Row, Segment, register_id, segment_of
from prover.state import State
from tests.prover.generators import Case, Seeded, case, cases

DEPTHS = Depths(1, 1, 1, 1)
PARAM = register_id(Segment.PARAMS, 0)
INPUT = register_id(Segment.INPUTS, 0)
OUTPUT = register_id(Segment.OUTPUTS, 0)
SCRATCH = register_id(Segment.SCRATCH, 1)
Registers = dict[RegisterId, list[int]]


def floats(*values: float) -> Words:
    return np.array(values, np.float32).view(np.uint32)


def ints(*values: int) -> Words:
    return np.array(values, np.int64).astype(np.uint32)


def operand(register: RegisterId, length: int, *strides: int, fold: int = 0) -> Operand:
    """Strides of the last dimensions."""
    padded = (0, 0, 0, 0, *strides)[-4:]
    return Operand(
        Kind.REGISTER, register, length, 0, (padded[0], padded[1], padded[2], padded[3]), fold
    )


def run(
    rows: list[Row],
    params: list[Words] | None = None,
    inputs: list[Words] | None = None,
    steps: int = 1,
    first_step: int = 0,
) -> State:
    program = Program.of(rows, DEPTHS)
    state = State.start(DEPTHS, params or [], inputs or [])
    for position in range(steps * program.micro_steps):
        reference.step(program, first_step, state, position)
    return state


def output(rows: list[Row], *inputs: Words, steps: int = 1, first_step: int = 0) -> list[int]:
    """The first output register, the inputs being the first registers of `inputs`."""
    state = run(rows, inputs=list(inputs), steps=steps, first_step=first_step)
    return [int(word) for word in state.tensor(OUTPUT)]


# ------------------------------------------------------------------------- against nested loops


def plain_load(
    registers: Registers, of: Operand, step: int, digits: tuple[int, ...], shift: int
) -> int:
    if of.kind == Kind.IMMEDIATE:
        return of.offset % 2**32
    words = registers.get(of.register, [])
    at = of.offset + shift
    for stride, digit in zip((*of.strides, of.fold_stride), digits, strict=True):
        at += stride * digit
    if of.step_modulus:
        at += (step % of.step_modulus) * of.step_stride
    return words[at] if len(words) == of.length and 0 <= at < len(words) else 0


def plain_row(row: Row, step: int, registers: Registers) -> None:
    for element, digits in enumerate(product(*(range(size) for size in row.dims))):
        acc = OPS[row.opcode].identity
        for k in range(row.fold):
            words = [0, 0, 0]
            for number, one in enumerate(row.operands):
                shift = 0
                if row.opcode == Opcode.GATHER and number == 2:
                    x, y = np.array(words[:2], np.uint32).view(np.int32)
                    shift = int(x) * int(y)
                words[number] = plain_load(registers, one, step, (*digits, k), shift)
            acc = apply(row.opcode, acc, *words)
        if len(registers.get(row.out, [])) != row.out_length:
            registers[row.out] = [0] * row.out_length
        at = row.out_offset + element
        if row.out_modulus:
            at += (step % row.out_modulus) * row.out_stride
        if 0 <= at < row.out_length:
            registers[row.out][at] = acc


def plain(program: Program, step: int, registers: Registers) -> None:
    """One training step as anybody would write it down: loops, lists, no positions."""
    for row in program.rows:
        if row is not None and row.count:
            plain_row(row, step, registers)
    for register in [r for r in registers if segment_of(r) == Segment.SCRATCH]:
        del registers[register]


def check_against_plain(made: Case) -> None:
    program, state = made.program, made.state
    registers = {
        RegisterId(number): [int(word) for word in state.tensor(RegisterId(number))]
        for segment in Segment
        for number in range(segment << 14, (segment << 14) + (1 << state.depths[segment]))
    }
    for turn in range(2):
        plain(program, made.first_step + turn, registers)
        for position in range(turn * program.micro_steps, (turn + 1) * program.micro_steps):
            reference.step(program, made.first_step, state, position)
        assert state.acc == 0
        for register, words in registers.items():
            assert state.tensor(register).tolist() == words
        assert state.segment(Segment.SCRATCH) == []


@given(cases())
def test_the_reference_is_the_nested_loops(made: Case) -> None:
    check_against_plain(made)


@pytest.mark.parametrize("seed", range(100))
def test_the_reference_is_the_nested_loops_on_seeds(seed: int) -> None:
    check_against_plain(case(Seeded(seed)))


# ----------------------------------------------------------------- against known arithmetic


def test_matmul() -> None:
    a, b = np.arange(6).reshape(2, 3) - 2, np.arange(12).reshape(3, 4) - 5
    state = State.start(DEPTHS, [], [floats(*a.flat), floats(*b.flat)])
    row = Row(
        Opcode.DOT, OUTPUT, 8, (1, 1, 2, 4), 3,
        (
            operand(INPUT, 6, 3, 0, fold=1),
            operand(register_id(Segment.INPUTS, 1), 12, 0, 1, fold=4),
        ),
    )  # fmt: skip
    program = Program.of([row], DEPTHS)
    for position in range(program.micro_steps):
        reference.step(program, 0, state, position)
    assert state.tensor(OUTPUT).tolist() == floats(*(a @ b).flat).tolist()


def test_a_transpose_is_an_address() -> None:
    row = Row(Opcode.MOVE, OUTPUT, 6, (1, 1, 3, 2), 1, (operand(INPUT, 6, 1, 3),))
    assert output([row], ints(*range(6))) == [0, 3, 1, 4, 2, 5]


def test_a_reversal_is_a_negative_stride() -> None:
    backwards = Operand(Kind.REGISTER, INPUT, 4, 3, (0, 0, 0, -1))
    row = Row(Opcode.MOVE, OUTPUT, 4, (1, 1, 1, 4), 1, (backwards,))
    assert output([row], ints(0, 1, 2, 3)) == [3, 2, 1, 0]


def test_padding_reads_zero() -> None:
    shifted = Operand(Kind.REGISTER, INPUT, 3, -1, (0, 0, 0, 1))
    row = Row(Opcode.MOVE, OUTPUT, 5, (1, 1, 1, 5), 1, (shifted,))
    assert output([row], ints(7, 8, 9)) == [0, 7, 8, 9, 0]


def test_an_embedding_is_a_gather() -> None:
    table = register_id(Segment.INPUTS, 1)
    row = Row(
        Opcode.GATHER, OUTPUT, 6, (1, 1, 3, 2), 1,
        (operand(INPUT, 3, 1, 0), Operand.immediate(2), operand(table, 6, 0, 1)),
    )  # fmt: skip
    assert output([row], ints(2, 0, 1), ints(10, 11, 20, 21, 30, 31)) == [30, 31, 10, 11, 20, 21]
    assert output([row], ints(-1, 3, 1), ints(10, 11, 20, 21, 30, 31)) == [0, 0, 0, 0, 20, 21]


def test_a_mini_batch_is_an_address_and_turns_with_the_step() -> None:
    batch = Operand(Kind.REGISTER, INPUT, 6, 0, (0, 0, 0, 1), 0, 3, 2)
    row = Row(Opcode.MOVE, OUTPUT, 4, (1, 1, 1, 2), 1, (batch,), 0, 2, 2)
    data = ints(0, 1, 2, 3, 4, 5)
    assert output([row], data, first_step=0) == [0, 1, 0, 0]
    assert output([row], data, first_step=4) == [2, 3, 0, 0]
    assert output([row], data, first_step=5) == [0, 0, 4, 5]
    assert output([row], data, steps=2, first_step=(1 << 64) - 1) == [2, 3, 0, 1]


@pytest.mark.parametrize(
    ("opcode", "combine"),
    [(Opcode.SUM, sum), (Opcode.MAXF, max)],
)
def test_row_reductions(opcode: Opcode, combine: Callable[[list[int]], int]) -> None:
    rows = [[3, -1, 2], [-4, -5, -6]]
    row = Row(opcode, OUTPUT, 2, (1, 1, 1, 2), 3, (operand(INPUT, 6, 3, fold=1),))
    assert output([row], floats(*rows[0], *rows[1])) == floats(*map(combine, rows)).tolist()


def test_a_map_repeated_along_a_fold_keeps_the_last() -> None:
    row = Row(Opcode.MOVE, OUTPUT, 1, (1, 1, 1, 1), 3, (operand(INPUT, 3, 0, fold=1),))
    assert output([row], ints(5, 6, 7)) == [7]


def test_an_output_read_by_its_own_row_is_seen_in_order() -> None:
    before = Operand(Kind.REGISTER, OUTPUT, 5, -1, (0, 0, 0, 1))
    row = Row(Opcode.IADD, OUTPUT, 5, (1, 1, 1, 5), 1, (operand(INPUT, 5, 1), before))
    assert output([row], ints(1, 2, 3, 4, 5)) == [1, 3, 6, 10, 15]


# ------------------------------------------------------------------------ lengths and writes


def constant(out: RegisterId, length: int, word: int = 7, offset: int = 0) -> Row:
    return Row(Opcode.MOVE, out, length, (1, 1, 1, 1), 1, (Operand.immediate(word),), offset)


def test_a_register_of_another_length_reads_zero() -> None:
    row = Row(Opcode.MOVE, OUTPUT, 2, (1, 1, 1, 2), 1, (operand(INPUT, 3, 1),))
    assert output([row], ints(5, 6)) == [0, 0]
    assert output([row], ints(5, 6, 7)) == [5, 6]
    assert output([row]) == [0, 0]


def test_a_write_of_another_length_starts_from_zeros() -> None:
    state = run([constant(PARAM, 4, offset=2)], params=[ints(1, 2, 3)])
    assert state.tensor(PARAM).tolist() == [0, 0, 7, 0]
    state = run([constant(PARAM, 3, offset=2)], params=[ints(1, 2, 3)])
    assert state.tensor(PARAM).tolist() == [1, 2, 7]


@pytest.mark.parametrize("offset", [-1, 3, -(2**31), 2**31 - 1])
def test_a_write_outside_only_settles_the_length(offset: int) -> None:
    state = run([constant(PARAM, 3, offset=offset)], params=[ints(1, 2, 3)])
    assert state.tensor(PARAM).tolist() == [1, 2, 3]
    state = run([constant(PARAM, 3, offset=offset)], params=[ints(1, 2)])
    assert state.tensor(PARAM).tolist() == [0, 0, 0]


def test_a_row_can_empty_a_register() -> None:
    state = run([constant(PARAM, 0)], params=[ints(1, 2)])
    assert state.commitment() == State(DEPTHS).commitment()


def test_scratch_lasts_for_one_training_step() -> None:
    read = Operand(Kind.REGISTER, SCRATCH, 1, 0)
    seen = Row(Opcode.MOVE, OUTPUT, 1, (1, 1, 1, 1), 1, (read,))
    assert output([constant(SCRATCH, 1), seen]) == [7]
    assert output([seen, constant(SCRATCH, 1)], steps=2) == [0]
    # The last row's own write is gone with the rest.
    assert run([constant(SCRATCH, 1)]).segment(Segment.SCRATCH) == []


def test_the_accumulator_is_state_between_micro_steps_only() -> None:
    row = Row(Opcode.SUM, OUTPUT, 1, (1, 1, 1, 1), 3, (operand(INPUT, 3, 0, fold=1),))
    program = Program.of([row], DEPTHS)
    state = State.start(DEPTHS, [], [floats(1, 2, 4)])
    state.acc = 0x12345678  # of no consequence: folds start from their identity
    seen = []
    for position in range(3):
        reference.step(program, 0, state, position)
        seen.append(state.acc)
    assert seen == [*floats(1, 3).tolist(), 0]
    assert state.tensor(OUTPUT).tolist() == floats(7).tolist()
