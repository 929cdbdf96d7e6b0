"""What a program's training step is made of: rows and micro-steps by opcode, words by segment."""

from collections import Counter, defaultdict
from dataclasses import dataclass

from prover.ops import OPS, Opcode
from prover.program import Program
from prover.row import Kind, RegisterId, Segment, segment_of


@dataclass(frozen=True, slots=True)
class OpCount:
    """The rows of one opcode, their micro-steps and their work in work units."""

    opcode: Opcode
    rows: int
    micro_steps: int
    work: int


def op_counts(program: Program) -> list[OpCount]:
    """Each opcode that has rows with micro-steps, the most work first."""
    rows: Counter[Opcode] = Counter()
    micro_steps: Counter[Opcode] = Counter()
    for row, count in zip(program.rows, program.counts, strict=True):
        if row and count:
            rows[row.opcode] += 1
            micro_steps[row.opcode] += count
    found = [
        OpCount(opcode, rows[opcode], steps, steps * OPS[opcode].weight)
        for opcode, steps in micro_steps.items()
    ]
    return sorted(found, key=lambda one: (-one.work, one.opcode))


def register_lengths(program: Program) -> dict[RegisterId, int]:
    """The words of each register that rows touch: the most that any of them expects."""
    lengths: defaultdict[RegisterId, int] = defaultdict(int)
    for row, count in zip(program.rows, program.counts, strict=True):
        if row and count:
            lengths[row.out] = max(lengths[row.out], row.out_length)
            for one in row.operands:
                if one.kind == Kind.REGISTER:
                    lengths[one.register] = max(lengths[one.register], one.length)
    return dict(lengths)


def segment_words(program: Program) -> dict[Segment, int]:
    """The words of each segment's registers when the program runs row by row."""
    words = dict.fromkeys(Segment, 0)
    for register, length in register_lengths(program).items():
        words[segment_of(register)] += length
    return words
