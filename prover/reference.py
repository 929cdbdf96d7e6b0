"""The tensor machine, slow and plain: this is its definition (docs/protocol.md, section 6).

One micro-step reads up to three words, applies one scalar operation to them and the accumulator,
and at the end of a fold writes one word. Everything else in this project that executes programs is
held to the bits of this page.
"""

from bisect import bisect_right
from typing import NamedTuple

import numpy as np

from prover.errors import PositionError
from prover.ops import OPS, Opcode, apply
from prover.program import Program
from prover.row import Kind, Operand, Quad, Row, Segment
from prover.state import State


class Place(NamedTuple):
    """Where a position lies: training step, row, element, fold index."""

    step: int
    row: int
    element: int
    fold_index: int


def place(program: Program, first_step: int, position: int) -> Place:
    """The place of a claim's position >= 0."""
    turn, rest = divmod(position, program.micro_steps)
    row = bisect_right(program.starts, rest) - 1
    element, fold_index = divmod(rest - program.starts[row], row_at(program, row).fold)
    return Place(first_step + turn, row, element, fold_index)


def row_at(program: Program, index: int) -> Row:
    """The decoded row at an index, which must have micro-steps.

    Raises:
        PositionError: when it has none.
    """
    row = program.rows[index] if 0 <= index < len(program.rows) else None
    if row is None or not row.count:
        raise PositionError(f"row {index} has no micro-steps")
    return row


def position_of(program: Program, first_step: int, where: Place) -> int:
    """The position of a place: the inverse of `place`."""
    fold = row_at(program, where.row).fold
    turn = (where.step - first_step) * program.micro_steps
    return turn + program.starts[where.row] + where.element * fold + where.fold_index


def signed(word: int) -> int:
    """A word as int32."""
    return word - ((word & 0x80000000) << 1)


def read_at(state: State, operand: Operand, address: int) -> int:
    """A register's word; 0 when its length is not the expected one or the address is outside."""
    words = state.tensor(operand.register)
    if len(words) != operand.length or not 0 <= address < operand.length:
        return 0
    return int(words[address])


def read(state: State, row: Row, digits: Quad, fold_index: int, step: int) -> list[int]:
    """The operands' words, in order. GATHER shifts the address of z by int32(x) * int32(y)."""
    words: list[int] = []
    for operand in row.operands:
        if operand.kind == Kind.IMMEDIATE:
            words.append(operand.word)
            continue
        address = operand.address(digits, fold_index, step)
        if row.opcode == Opcode.GATHER and len(words) == 2:
            address += signed(words[0]) * signed(words[1])
        words.append(read_at(state, operand, address))
    return words


def write(state: State, row: Row, element: int, step: int, word: int) -> None:
    """Replace the out register by zeros if its length is another, then write the word if it falls
    inside.
    """
    if len(state.tensor(row.out)) != row.out_length:
        state.put(row.out, np.zeros(row.out_length, np.uint32))
    address = row.out_address(element, step)
    if 0 <= address < row.out_length:
        state.writable(row.out)[address] = word
        state.touch(row.out, address, address + 1)


def scalar(state: State, row: Row, where: Place) -> int:
    """The accumulator after the operation of one micro-step."""
    words = read(state, row, row.digits(where.element), where.fold_index, where.step)
    x, y, z = (*words, 0, 0, 0)[:3]
    acc = OPS[row.opcode].identity if where.fold_index == 0 else state.acc
    return apply(row.opcode, acc, x, y, z)


def step(program: Program, first_step: int, state: State, position: int) -> None:
    """Execute the micro-step at a position, in place."""
    where = place(program, first_step, position)
    row = row_at(program, where.row)
    state.acc = scalar(state, row, where)
    if where.fold_index == row.fold - 1:
        write(state, row, where.element, where.step, state.acc)
        state.acc = 0
    if (position + 1) % program.micro_steps == 0:
        state.reset(Segment.SCRATCH)
