"""What makes a program useless, or dearer than it need be: read off its rows, nothing is executed.

The machine is total: any row means something, an undecodable one nothing. So what is reported here
is no error of the machine's, but hardly ever what somebody wanted to claim.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from prover.ops import OPS, Opcode, is_opcode
from prover.plan.fuse import plan
from prover.plan.show import register_name
from prover.plan.site import read_site, write_site
from prover.plan.values import NoPlan
from prover.program import Program
from prover.row import (
    COUNT_BOUND,
    Kind,
    Operand,
    RegisterId,
    Row,
    Segment,
    index_of,
    register_id,
    segment_of,
)

Names = Mapping[RegisterId, str]
"""What registers are called, where that is known."""


class Rank(StrEnum):
    """How much a finding matters."""

    WRONG = "wrong"
    """The program does not do what its rows seem to say, or no claim about it counts."""
    COSTLY = "costly"
    """It takes time or gas for nothing."""
    NOTE = "note"
    """Sound, and worth a look: padding reads outside of its register, say."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing to know about a program. `kind` is a stable name for machines."""

    rank: Rank
    kind: str
    row: int | None
    text: str


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a deployment takes, by the name of its preset."""

    name: str
    rows: int
    words: int
    work: int
    """Work units of one claim; a claim has at least one training step."""


@dataclass(slots=True, eq=False)
class _Value:
    """What a register of scratch holds from a row on."""

    length: int
    used: bool = False


@dataclass(slots=True)
class _Walk:
    """What is known at a row of the rows before it."""

    names: Names
    lengths: dict[RegisterId, int] = field(default_factory=dict)
    """Of registers that outlive the step, as the first row to touch them expects it."""
    read: set[RegisterId] = field(default_factory=set)
    written: set[RegisterId] = field(default_factory=set)
    scratch: dict[RegisterId, _Value] = field(default_factory=dict)
    uses: list[tuple[int, list[_Value], _Value | None]] = field(default_factory=list)
    """Each row, the values that it reads, and the one that it makes (None: it outlives)."""

    def name(self, register: RegisterId) -> str:
        return register_name(register, self.names)


def check(
    program: Program, bounds: Bounds | None = None, names: Names | None = None
) -> list[Finding]:
    """All that there is to say about a program, the worst first, then in the order of its rows."""
    walk = _Walk(names or {})
    found: list[Finding] = []
    for index, row in enumerate(program.rows):
        found += _row(program, index, row, walk)
    found += _unused(program, walk)
    found += _ends(walk)
    try:
        plan(program)
    except NoPlan as reason:
        text = f"its rows are executed one by one, slowly: {reason}"
        found.append(Finding(Rank.COSTLY, "no-plan", None, text))
    if bounds:
        found += _over(program, bounds)
    ranks = list(Rank)
    return sorted(
        found, key=lambda one: (ranks.index(one.rank), -1 if one.row is None else one.row)
    )


def _row(program: Program, index: int, row: Row | None, walk: _Walk) -> Iterator[Finding]:
    if row is None:
        yield Finding(Rank.WRONG, "undecodable", index, _undecodable(program.packed[index]))
        return
    if not row.count:
        sizes = "x".join(map(str, (*row.dims, row.fold)))
        why = "too many" if row.elements * row.fold >= COUNT_BOUND else "none"
        yield Finding(Rank.WRONG, "no-micro-steps", index, f"{sizes} micro-steps are {why}")
        return
    if row.fold > 1 and not OPS[row.opcode].is_fold:
        text = f"{row.opcode.name} is no fold: {row.fold - 1} of {row.fold} micro-steps do nothing"
        yield Finding(Rank.COSTLY, "idle-fold", index, text)
    reads: list[_Value] = []
    for place, operand in enumerate(row.operands):
        if operand.kind == Kind.REGISTER:
            yield from _read(index, row, place, walk, reads)
    yield from _written(index, row, walk, reads)


def _read(index: int, row: Row, place: int, walk: _Walk, reads: list[_Value]) -> Iterator[Finding]:
    operand, what = row.operands[place], "xyz"[place]
    name = walk.name(operand.register)
    if segment_of(operand.register) == Segment.SCRATCH:
        value = walk.scratch.get(operand.register)
        if value is None:
            text = f"operand {what} reads {name}, which no row wrote: zeros"
            yield Finding(Rank.WRONG, "unwritten-scratch", index, text)
            return
        if value.length != operand.length:
            text = f"operand {what} expects {operand.length} words in {name}, which has"
            yield Finding(Rank.WRONG, "lengths", index, f"{text} {value.length}: zeros")
            return
        reads.append(value)
    else:
        walk.read.add(operand.register)
        yield from _agreed(index, operand.register, operand.length, walk)
    if row.opcode == Opcode.GATHER and place == 2:
        return  # its addresses are data
    yield from _outside(index, what, name, operand, row)


def _outside(index: int, what: str, name: str, operand: Operand, row: Row) -> Iterator[Finding]:
    site = read_site(row, operand)
    low, high = site.span
    where = f"operand {what} reads words {low} to {high} of {name}, which has {operand.length}"
    if high < 0 or low >= operand.length:
        yield Finding(Rank.WRONG, "reads-nothing", index, f"{where}: zeros")
    elif low < 0 or high >= operand.length:
        yield Finding(Rank.NOTE, "reads-outside", index, f"{where}; zeros beyond")


def _agreed(index: int, register: RegisterId, length: int, walk: _Walk) -> Iterator[Finding]:
    known = walk.lengths.setdefault(register, length)
    if known != length:
        text = f"{length} words expected in {walk.name(register)}, {known} by rows before"
        yield Finding(Rank.WRONG, "lengths", index, text)


def _written(index: int, row: Row, walk: _Walk, reads: list[_Value]) -> Iterator[Finding]:
    name = walk.name(row.out)
    low, high = write_site(row).span
    if low < 0 or high >= row.out_length:
        text = f"writes words {low} to {high} of {name}, which has {row.out_length}: words are lost"
        yield Finding(Rank.WRONG, "writes-outside", index, text)
    made: _Value | None = None
    if segment_of(row.out) == Segment.SCRATCH:
        made = walk.scratch.get(row.out)
        whole = row.elements >= row.out_length
        if made is None or whole or made.length != row.out_length:
            made = walk.scratch[row.out] = _Value(row.out_length)
    else:
        walk.written.add(row.out)
        yield from _agreed(index, row.out, row.out_length, walk)
    walk.uses.append((index, reads, made))


def _unused(program: Program, walk: _Walk) -> Iterator[Finding]:
    """Rows whose results reach neither params nor outputs."""
    for index, reads, made in reversed(walk.uses):
        if made is None or made.used:
            for value in reads:
                value.used = True
        else:
            text = f"its results are never used: {program.counts[index]} micro-steps for nothing"
            yield Finding(Rank.COSTLY, "unused-result", index, text)


def _ends(walk: _Walk) -> Iterator[Finding]:
    """Registers that nobody writes, or nobody reads."""
    if not walk.written:
        yield Finding(Rank.WRONG, "leaves-nothing", None, "writes no params and no outputs")
    known = {register for register in walk.names if segment_of(register) == Segment.OUTPUTS}
    touched = [one for one in (*walk.written, *walk.read) if segment_of(one) == Segment.OUTPUTS]
    last = max(map(index_of, touched), default=-1)
    known |= {register_id(Segment.OUTPUTS, place) for place in range(last + 1)}
    for register in sorted(known - walk.written):
        text = f"output {walk.name(register)} is never written"
        yield Finding(Rank.WRONG, "unwritten-output", None, text)
    for register in sorted(walk.names.keys() - walk.read - walk.written):
        segment = segment_of(register)
        if segment in {Segment.PARAMS, Segment.INPUTS}:
            text = f"{segment.name.lower()[:-1]} {walk.name(register)} is never used"
            yield Finding(Rank.NOTE, "unused-register", None, text)


_OVER: Final = "{what}: {value:,}, and preset {name} takes at most {most:,} {of}"


def _over(program: Program, bounds: Bounds) -> Iterator[Finding]:
    limits: Sequence[tuple[str, int, int, str]] = (
        ("rows", len(program.packed), bounds.rows, "a program"),
        ("words a training step", program.words, bounds.words, "a program"),
        ("work units a training step", program.work, bounds.work, "a claim"),
    )
    for what, value, most, of in limits:
        if value > most:
            text = _OVER.format(what=what, value=value, name=bounds.name, most=most, of=of)
            yield Finding(Rank.WRONG, "over-cap", None, text)


def _undecodable(packed: bytes) -> str:
    """Why a row says nothing, as far as that is told in a few words."""
    if not is_opcode(packed[0]):
        return f"opcode {packed[0]:#04x} names no op"
    if segment_of(RegisterId(int.from_bytes(packed[2:4], "big"))) == Segment.INPUTS:
        return "it writes into the inputs"
    return "a field, register or operand is none (docs/protocol.md, section 5)"
