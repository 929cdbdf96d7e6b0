"""What each row reads and makes, followed through a training step.

A register of scratch holds one value after another, each of them a *value* of its own here; so two
values share memory only where somebody decides it. Registers of params, inputs and outputs keep
their words between training steps: each is one value, in its own memory.

That needs lengths that are known before anything runs. A program whose rows disagree about the
length of a register that outlives the step has no plan, and runs row by row.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from prover.errors import ProverError
from prover.ops import OPS, Opcode
from prover.plan.site import Site, read_site, write_site
from prover.program import Program
from prover.row import Kind, RegisterId, Row, Segment, segment_of


class NoPlan(ProverError):
    """A program must run row by row; the message says why."""


@dataclass(slots=True, eq=False)
class Value:
    """What a register holds from one row on."""

    register: RegisterId
    length: int
    made: list[int] = field(default_factory=list)
    """Rows that write it, in order."""
    read: list[int] = field(default_factory=list)
    """Rows that read it, in order."""
    blank: bool = False
    """Whether the first row that writes it leaves words, which are zeros then."""

    @property
    def kept(self) -> bool:
        """Whether it outlives the training step."""
        return segment_of(self.register) != Segment.SCRATCH


@dataclass(frozen=True, slots=True)
class Read:
    """An operand: a word, or a value at a site. Outside of the value's length it reads 0."""

    value: Value | None
    site: Site
    word: int = 0
    checked: bool = False
    """Whether some address may be outside."""


@dataclass(frozen=True, slots=True)
class Act:
    """One row that has micro-steps: what it reads, computes and makes."""

    index: int
    row: Row
    reads: tuple[Read, ...]
    out: Value
    to: Site

    @property
    def elements(self) -> int:
        """Number of results."""
        return self.to.count


@dataclass(frozen=True, slots=True)
class Flow:
    """A training step's rows in order, and the registers that outlive it."""

    acts: tuple[Act, ...]
    kept: dict[RegisterId, Value]


_NOWHERE: Final = Site(1, ((1, 0),))


def flow(program: Program) -> Flow:
    """Follow a program's rows.

    Raises:
        NoPlan: when lengths are not known before the program runs, or a row writes outside.
    """
    kept: dict[RegisterId, Value] = {}
    scratch: dict[RegisterId, Value] = {}
    acts: list[Act] = []

    def held(register: RegisterId, length: int) -> Value | None:
        """What a register holds for a row that expects a length; None where it reads zeros."""
        if segment_of(register) == Segment.SCRATCH:
            value = scratch.get(register)
            return value if value and value.length == length else None
        value = kept.setdefault(register, Value(register, length))
        if value.length != length:
            raise NoPlan(f"rows expect register {register:#06x} to have different lengths")
        return value

    for index, row in enumerate(program.rows):
        if row is None or not row.count:
            continue
        reads = []
        for operand in row.operands:
            if operand.kind == Kind.IMMEDIATE:
                reads.append(Read(None, _NOWHERE, operand.word))
                continue
            value = held(operand.register, operand.length)
            site = _seen(row, read_site(row, operand))
            if value is None:
                reads.append(Read(None, _NOWHERE, 0))
                continue
            value.read.append(index)
            gathers = row.opcode == Opcode.GATHER and len(reads) == 2
            reads.append(Read(value, site, checked=gathers or not site.inside(value.length)))
        to = write_site(row)
        if not to.inside(row.out_length):
            raise NoPlan(f"row {index} may write outside of its register")
        if any(o.kind == Kind.REGISTER and o.register == row.out for o in row.operands):
            _refuse_rereading(index, row, reads, to)
        out = held(row.out, row.out_length)
        if out is None or (segment_of(row.out) == Segment.SCRATCH and _covers(to, row)):
            out = scratch[row.out] = Value(row.out, row.out_length, blank=not _covers(to, row))
        out.made.append(index)
        acts.append(Act(index, row, tuple(reads), out, to))
    return Flow(tuple(acts), kept)


def _refuse_rereading(index: int, row: Row, reads: Sequence[Read], to: Site) -> None:
    """A row may read the register that it writes only where it writes, element by element."""
    for operand, read in zip(row.operands, reads, strict=True):
        if operand.kind != Kind.REGISTER or operand.register != row.out:
            continue
        there = read.value and operand.length == row.out_length and read.site.same_place(to)
        if not there or read.checked or read.site.fold > 1:
            raise NoPlan(f"row {index} reads words of its own results")


def _covers(to: Site, row: Row) -> bool:
    return to.count == row.out_length


def _seen(row: Row, site: Site) -> Site:
    """A map's site at its last fold index, a fold's as it is."""
    if OPS[row.opcode].is_fold:
        return site
    offset = site.offset + site.fold_stride * (site.fold - 1)
    return Site(site.count, site.pieces, offset, site.turn)


def readers_outside(value: Value, acts: Sequence[int]) -> bool:
    """Whether a row other than these (ascending) reads a value."""
    mine = set(acts)
    return any(index not in mine for index in value.read)
