"""Programs: a table of packed rows and its commitment (docs/protocol.md, section 5)."""

import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

from prover.commit import sumtree
from prover.commit.keccak import Hash, tagged
from prover.commit.sumtree import SumNode
from prover.commit.tags import Tag
from prover.errors import ProgramError
from prover.ops import OPS
from prover.row import MAX_DEPTH, ROW_BYTES, Depths, Kind, Row, decode

MAX_ROWS = 65_535
MICRO_STEPS_BOUND = 1 << 62


@dataclass(frozen=True, slots=True)
class Header:
    """What a program id commits to."""

    table_root: Hash
    rows: int
    micro_steps: int
    depths: Depths

    def pack(self) -> bytes:
        """48 bytes: table root, rows u32, micro-steps u64, depths 4 x u8."""
        return self.table_root + struct.pack(">IQ4B", self.rows, self.micro_steps, *self.depths)

    @property
    def program_id(self) -> Hash:
        """H(PROGRAM | header)."""
        return tagged(Tag.PROGRAM, self.pack())


def run_commitment(program_id: Hash, first_step: int) -> Hash:
    """The `program` of a claim: a program and the training step (u64) at which the claim starts."""
    return tagged(Tag.RUN, program_id, first_step.to_bytes(8, "big"))


@dataclass(frozen=True)
class Program:
    """Packed rows under their sum tree.

    Raises:
        ProgramError: when there are no rows or too many, a row is not 160 bytes, a depth is over
        14, or the micro-steps are none or
            2^62 and more.
    """

    packed: tuple[bytes, ...]
    depths: Depths
    names: tuple[str, ...] = field(default=(), compare=False)
    """For people: what each row computes. Not committed."""

    def __post_init__(self) -> None:
        if not 1 <= len(self.packed) <= MAX_ROWS:
            raise ProgramError(f"a program has 1 to {MAX_ROWS} rows, not {len(self.packed)}")
        if any(len(row) != ROW_BYTES for row in self.packed):
            raise ProgramError(f"a row is {ROW_BYTES} bytes")
        if not all(0 <= depth <= MAX_DEPTH for depth in self.depths):
            raise ProgramError(f"segment depths are 0 to {MAX_DEPTH}, not {tuple(self.depths)}")
        if not 1 <= self.micro_steps < MICRO_STEPS_BOUND:
            raise ProgramError("a program has at least one micro-step and fewer than 2^62")

    @classmethod
    def of(cls, rows: Sequence[Row], depths: Depths, names: Sequence[str] = ()) -> "Program":
        """The program of unpacked rows."""
        return cls(tuple(row.pack() for row in rows), depths, tuple(names))

    @cached_property
    def rows(self) -> tuple[Row | None, ...]:
        """The decoded rows, None where undecodable."""
        return tuple(decode(packed, self.depths) for packed in self.packed)

    @cached_property
    def counts(self) -> tuple[int, ...]:
        """Micro-steps of each row."""
        return tuple(row.count if row else 0 for row in self.rows)

    @cached_property
    def starts(self) -> tuple[int, ...]:
        """First micro-step of each row, then the total."""
        starts = [0]
        for count in self.counts:
            starts.append(starts[-1] + count)
        return tuple(starts)

    @property
    def micro_steps(self) -> int:
        """Micro-steps of one training step."""
        return self.starts[-1]

    @property
    def work(self) -> int:
        """Weighted micro-steps of one training step, in work units."""
        return sum(
            count * OPS[row.opcode].weight
            for row, count in zip(self.rows, self.counts, strict=True)
            if row
        )

    @property
    def words(self) -> int:
        """Sum of the out lengths and register operands' lengths of rows that have micro-steps."""
        return sum(
            row.out_length + sum(o.length for o in row.operands if o.kind == Kind.REGISTER)
            for row, count in zip(self.rows, self.counts, strict=True)
            if row and count
        )

    @cached_property
    def tree(self) -> list[list[SumNode]]:
        """All levels of the op table's sum tree, leaves first."""
        leaves = [
            SumNode(tagged(Tag.ROW, packed), count)
            for packed, count in zip(self.packed, self.counts, strict=True)
        ]
        return sumtree.levels(leaves)

    @property
    def header(self) -> Header:
        """What the program id commits to."""
        return Header(self.tree[-1][0].hash, len(self.packed), self.micro_steps, self.depths)

    @property
    def id(self) -> Hash:
        """The program id."""
        return self.header.program_id
