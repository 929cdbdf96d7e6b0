"""Which words of its registers a program reads in given training steps.

Where a register's words are read from files as they are needed, this says what is needed.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from prover.commit.committed import CommittedWords
from prover.commit.lazy import LazyWords
from prover.commit.tensor import Words
from prover.ops import Opcode
from prover.program import Program
from prover.row import Kind, Operand, RegisterId, Row, Segment, segment_of
from prover.state import State

_GIVEN: Final = (Segment.PARAMS, Segment.INPUTS)


@dataclass(frozen=True, slots=True)
class Reach:
    """Addresses start .. stop - 1 of a register, further by `(step mod modulus) * stride`."""

    register: RegisterId
    start: int
    stop: int
    modulus: int = 0
    stride: int = 0

    def spans(self, first: int, count: int) -> Iterator[tuple[int, int]]:
        """Start and stop in each of `count` training steps from number `first` on, each once."""
        for step in range(first, first + (min(count, self.modulus) if self.modulus else 1)):
            moved = step % self.modulus * self.stride if self.modulus else 0
            yield self.start + moved, self.stop + moved


def reach(row: Row, operand: Operand) -> Reach:
    """What a row reads of a register's expected length: the addresses between its lowest and its
    highest. A lookup may read anything.
    """
    if row.opcode == Opcode.GATHER and operand is row.operands[2]:
        return Reach(operand.register, 0, operand.length)
    moves = [
        stride * (size - 1)
        for stride, size in zip(
            (*operand.strides, operand.fold_stride), (*row.dims, row.fold), strict=True
        )
    ]
    return Reach(
        operand.register,
        operand.offset + sum(move for move in moves if move < 0),
        operand.offset + sum(move for move in moves if move > 0) + 1,
        operand.step_modulus,
        operand.step_stride,
    )


def reaches(program: Program) -> list[Reach]:
    """What a training step reads of params and inputs, each once; the rest is made by it."""
    found: dict[Reach, None] = {}
    for row in program.rows:
        if row is not None:
            for operand in row.operands:
                if operand.kind == Kind.REGISTER and segment_of(operand.register) in _GIVEN:
                    found[reach(row, operand)] = None
    return list(found)


def verify(state: State, wanted: list[Reach], first: int, count: int) -> None:
    """Make sure of the words that `count` training steps from number `first` on read.

    Raises:
        WrongChunk: when some are not what their commitment says.
    """
    for one in wanted:
        words: object = state.tensor(one.register)
        if isinstance(words, CommittedWords) and not words.is_verified:
            for start, stop in one.spans(first, count):
                words.verify(start, stop)


def fit(words: Words, row: Row, operand: Operand, step: int) -> Words:
    """A register's words as an array, with those that an operand reads in a training step fit for
    use.

    Raises:
        WrongChunk: when they are not what their commitment says.
    """
    committed: object = words
    if not isinstance(committed, LazyWords):
        return words
    ((start, stop),) = reach(row, operand).spans(step, 1)
    return committed.raw(start, stop)
