"""Random programs and states, sensible and hostile; `forgery` has steps that nobody could have.

Every generator draws from a `Source`: `Seeded` gives the same sequence for the same seed on every
machine, `Drawn` asks hypothesis, which then shrinks what fails. `case` is the way in, and `cases`
its strategy.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import numpy as np
from hypothesis import strategies as st

from prover.commit.tensor import Words
from prover.ops import OPS, Opcode
from prover.program import Program
from prover.row import (
    ROW_BYTES,
    Depths,
    Kind,
    Operand,
    Quad,
    RegisterId,
    Row,
    Segment,
    decode,
    register_id,
    segment_of,
)
from prover.state import State

T = TypeVar("T")

LENGTHS = (0, 1, 2, 5, 12, 63, 64, 65, 128, 130, 200)
"""Of registers: around the edges of leaves and of trees' widths."""
EDGE_WORDS = (
    0x00000000, 0x80000000, 0x3F800000, 0xBF800000, 0x00000001, 0x80000001, 0x007FFFFF, 0x00800000,
    0x7F7FFFFF, 0xFF7FFFFF, 0x7F800000, 0xFF800000, 0x7FC00000, 0xFFC00001, 0x7F800001, 0xFFFFFFFF,
    0x7FFFFFFF, 0x4F000000, 0xCF000000, 0x33800000,
)  # fmt: skip
EDGE_INT32 = (0, 1, -1, 2**31 - 1, -(2**31))
FOLDS = tuple(op for op in Opcode if OPS[op].is_fold)
OPCODES = (*Opcode, *FOLDS, *FOLDS, Opcode.GATHER)
"""Folds and gathers more often: they are few, and most of the rules are about them."""


class Source(Protocol):
    """Where choices come from."""

    def integer(self, low: int, high: int) -> int:
        """A number with low <= number <= high."""
        ...

    def bytes(self, size: int) -> bytes:
        """Arbitrary bytes."""
        ...


class Seeded:
    """Choices that follow from a seed."""

    def __init__(self, seed: int | Sequence[int]) -> None:
        self._random = np.random.default_rng(seed)

    def integer(self, low: int, high: int) -> int:
        """A number with low <= number <= high."""
        if high - low < 1 << 62:
            return low + int(self._random.integers(high - low + 1))
        return low + int.from_bytes(self.bytes(40), "big") % (high - low + 1)

    def bytes(self, size: int) -> bytes:
        """Arbitrary bytes."""
        return self._random.bytes(size)


class Drawn:
    """Choices that hypothesis makes."""

    def __init__(self, draw: Callable[[st.SearchStrategy[Any]], Any]) -> None:
        self._draw = draw

    def integer(self, low: int, high: int) -> int:
        """A number with low <= number <= high."""
        number: int = self._draw(st.integers(low, high))
        return number

    def bytes(self, size: int) -> bytes:
        """Arbitrary bytes."""
        drawn: bytes = self._draw(st.binary(min_size=size, max_size=size))
        return drawn


def choice(source: Source, options: Sequence[T]) -> T:
    """One of the options; the first is the simplest."""
    return options[source.integer(0, len(options) - 1)]


def chance(source: Source, percent: int) -> bool:
    """True in so many cases of a hundred."""
    return source.integer(0, 99) >= 100 - percent


def word(source: Source) -> int:
    """A word: an edge of binary32 or int32, a small int, a usual float, or any bits."""
    kind = source.integer(0, 3)
    if kind == 0:
        return choice(source, EDGE_WORDS)
    if kind == 1:
        return source.integer(-9, 9) & 0xFFFFFFFF
    if kind == 2:
        sixteenths = source.integer(-64, 64) / 16
        return int(np.float32(sixteenths).view(np.uint32))
    return source.integer(0, 0xFFFFFFFF)


def words(source: Source, length: int) -> Words:
    """A tensor: a few drawn words, repeated and mixed."""
    few = np.array([word(source) for _ in range(min(length, 7))] or [0], np.uint32)
    places = np.arange(length, dtype=np.uint32)
    mixed: Words = few[(places * 5 + places // 7) % len(few)]
    mixed[2::3] ^= places[2::3] * np.uint32(0x9E3779B9) >> np.uint32(7)
    return mixed


@dataclass(frozen=True, slots=True)
class Plan:
    """Which registers a program has, and how long they mean to be."""

    depths: Depths
    lengths: dict[RegisterId, int]

    def register(self, source: Source, *, written: bool = False) -> RegisterId:
        """A register, not an input when it is to be written."""
        ids = [r for r in self.lengths if not (written and segment_of(r) == Segment.INPUTS)]
        return choice(source, ids)


def plan(source: Source) -> Plan:
    """One to three registers a segment, at times in a tree deeper than they need."""
    lengths = {}
    depths = []
    for segment in Segment:
        depth = choice(source, (0, 1, 1, 2, 3))
        depths.append(depth)
        for _ in range(source.integer(1, 3)):
            index = source.integer(0, (1 << depth) - 1)
            lengths[register_id(segment, index)] = choice(source, LENGTHS)
    return Plan(Depths(*depths), lengths)


def operand(source: Source, planned: Plan, opcode: Opcode, dims: Quad, fold: int) -> Operand:
    """An operand that mostly stays inside its register, with strides that may run backwards."""
    if chance(source, 20):
        return Operand.immediate(word(source))
    register = planned.register(source)
    length = planned.lengths[register]
    if chance(source, 8):
        length = choice(source, (*LENGTHS, 0xFFFFFFFF))
    stride = [choice(source, (0, 1, 1, 2, -1, -3, 7)) for _ in range(5)]
    reach = [s * (n - 1) for s, n in zip(stride, (*dims, fold), strict=True)]
    low, high = sum(min(r, 0) for r in reach), sum(max(r, 0) for r in reach)
    offset = -low
    if chance(source, 30):
        offset += source.integer(-3, max(min(length, 999) - (high - low), 0) + 3)
    if chance(source, 4):
        offset = choice(source, EDGE_INT32)
    modulus, step_stride = 0, 0
    if chance(source, 25):
        modulus, step_stride = source.integer(1, 4), choice(source, (1, 5, 64, -2))
    return Operand(
        Kind.REGISTER, register, length, offset, (stride[0], stride[1], stride[2], stride[3]),
        stride[4], modulus, step_stride,
    )  # fmt: skip


def row(source: Source, planned: Plan, *, opcodes: Sequence[Opcode] = OPCODES) -> Row:
    """A decodable row with few micro-steps or none; its output may be one of its operands."""
    opcode = choice(source, opcodes)
    sizes = [choice(source, (1, 1, 1, 2, 3)) for _ in range(4)]
    fold = source.integer(1, 5) if OPS[opcode].is_fold or chance(source, 5) else 1
    if chance(source, 3):
        sizes[source.integer(0, 3)] = 0
    dims = (sizes[0], sizes[1], sizes[2], sizes[3])
    operands = tuple(operand(source, planned, opcode, dims, fold) for _ in range(OPS[opcode].arity))
    if opcode == Opcode.GATHER and chance(source, 80):
        # Small ints, so that the shifted address has a chance to be inside.
        operands = (
            *(Operand.immediate(source.integer(-2, 6) & 0xFFFFFFFF) for _ in range(2)),
            operands[2],
        )
    out = planned.register(source, written=True)
    read = [
        o.register
        for o in operands
        if o.kind == Kind.REGISTER and segment_of(o.register) != Segment.INPUTS
    ]
    if read and chance(source, 20):
        out = choice(source, read)
    out_length = planned.lengths[out]
    if chance(source, 10):
        out_length = choice(source, LENGTHS)
    offset, modulus, stride = 0, 0, 0
    if chance(source, 30):
        offset = source.integer(-2, out_length + 1)
    if chance(source, 20):
        modulus, stride = source.integer(1, 3), choice(source, (1, 4, 64, -1))
    return Row(opcode, out, out_length, dims, fold, operands, offset, modulus, stride)


def spoiled(source: Source, packed: bytes) -> bytes:
    """A row's bytes after an accident: some still decode, most do not."""
    large = choice(source, (1 << 28, (1 << 28) - 1, 0, 0xFFFFFFFF))
    kind = source.integer(0, 4)
    if kind == 0:
        return source.bytes(ROW_BYTES)
    spoilt = bytearray(packed)
    if kind == 1:
        spoilt[choice(source, (1, 41, 81, 121))] = source.integer(1, 255)  # a reserved byte
    elif kind == 2:
        spoilt[choice(source, (0, 40, 80, 120))] = source.integer(0, 255)  # an opcode or a kind
    elif kind == 3:
        field = choice(source, (12, 20, 24, 28, 32, 36, 72, 112, 152))  # bounded below 2^28
        spoilt[field : field + 4] = large.to_bytes(4)
    else:
        field = choice(source, (2, 42, 82, 122))  # a register
        register = register_id(Segment(source.integer(0, 3)), choice(source, (0, 1, 2, 9, 16383)))
        spoilt[field : field + 2] = register.to_bytes(2)
    return bytes(spoilt)


def with_garbage(source: Source, packed: bytes) -> bytes:
    """The same row with arbitrary bytes where its opcode and operands say that nobody looks."""
    arity = OPS[Opcode(packed[0])].arity
    noisy = bytearray(packed)
    for number in range(3):
        start = 40 + 40 * number
        if number >= arity:
            noisy[start : start + 40] = source.bytes(40)
        elif packed[start] == Kind.IMMEDIATE:
            noisy[start + 2 : start + 8] = source.bytes(6)
            noisy[start + 12 : start + 40] = source.bytes(28)
    return bytes(noisy)


def program(
    source: Source, planned: Plan, *, rows: int = 6, micro_steps: int = 150, hostile: bool = True
) -> Program:
    """A program with at least one and about at most `micro_steps` micro-steps.

    Hostile ones hold rows that do not decode, rows without micro-steps and garbage where it is
    allowed.
    """
    table: list[bytes] = []
    left = micro_steps
    for _ in range(source.integer(1, rows)):
        one = row(source, planned)
        packed = one.pack()
        if hostile and chance(source, 20):
            packed = with_garbage(source, packed)
        if hostile and chance(source, 15):
            packed = spoiled(source, packed)
        decoded = decode(packed, planned.depths)
        count = decoded.count if decoded else 0
        if count <= left:
            left -= count
            table.append(packed)
    if left == micro_steps:
        out = planned.register(source, written=True)
        constant = Operand.immediate(word(source))
        one = Row(Opcode.MOVE, out, planned.lengths[out], (1, 1, 1, 1), 1, (constant,))
        table.append(one.pack())
    return Program(tuple(table), planned.depths)


def state(source: Source, planned: Plan) -> State:
    """A state with most of the plan's registers, some of another length, and any accumulator."""
    made = State(planned.depths)
    for register, length in planned.lengths.items():
        if chance(source, 12):
            length = choice(source, LENGTHS)
        if not chance(source, 10):
            made.put(register, words(source, length))
    made.acc = word(source)
    return made


@dataclass(frozen=True, slots=True)
class Case:
    """A program, the training step that a claim starts at, and a state."""

    program: Program
    first_step: int
    state: State


def case(source: Source, *, hostile: bool = True) -> Case:
    """A small case, all of whose positions can be visited."""
    planned = plan(source)
    first_step = choice(source, (0, 1, 2, 7, 1 << 40, (1 << 64) - 1))
    return Case(program(source, planned, hostile=hostile), first_step, state(source, planned))


@st.composite
def cases(draw: st.DrawFn, *, hostile: bool = True) -> Case:
    """Strategy of `case`."""
    return case(Drawn(draw), hostile=hostile)
