"""Random programs, states and step witnesses, sensible and hostile.

Every generator draws from a `Source`: `Seeded` gives the same sequence for the same seed on every machine,
`Drawn` asks hypothesis, which then shrinks what fails. Import the generators, or the strategies at the end.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

import numpy as np
from hypothesis import strategies as st

from prover.commit import sumtree, tensor
from prover.commit.keccak import Hash, keccak, tagged
from prover.commit.merkle import ceil_log2, climb
from prover.commit.sumtree import SumNode
from prover.commit.tags import Tag
from prover.commit.tensor import Words
from prover.ops import OPS, Opcode
from prover.program import (
    ROW_BYTES,
    Depths,
    Header,
    Kind,
    Operand,
    Program,
    Quad,
    RegisterId,
    Row,
    Segment,
    decode,
    index_of,
    register_id,
    run_commitment,
    segment_of,
)
from prover.reference import signed
from prover.state import State, register_leaf, state_hash

T = TypeVar("T")

LENGTHS = (0, 1, 2, 5, 12, 63, 64, 65, 128, 130, 200)
"""Of registers: around the edges of leaves and of trees' widths."""
EDGE_WORDS = (
    0x00000000, 0x80000000, 0x3F800000, 0xBF800000, 0x00000001, 0x80000001, 0x007FFFFF, 0x00800000,
    0x7F7FFFFF, 0xFF7FFFFF, 0x7F800000, 0xFF800000, 0x7FC00000, 0xFFC00001, 0x7F800001, 0xFFFFFFFF,
    0x7FFFFFFF, 0x4F000000, 0xCF000000, 0x33800000,
)  # fmt: skip
EDGE_INT32 = (0, 1, -1, 2**31 - 1, -(2**31))
MAP_OPS = tuple(op for op in Opcode if not OPS[op].is_fold)


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

    def __init__(self, draw: st.DrawFn) -> None:
        self._draw = draw

    def integer(self, low: int, high: int) -> int:
        """A number with low <= number <= high."""
        return self._draw(st.integers(low, high))

    def bytes(self, size: int) -> bytes:
        """Arbitrary bytes."""
        return self._draw(st.binary(min_size=size, max_size=size))


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
    mixed = few[(places * 5 + places // 7) % len(few)]
    return np.where(places % 3 == 2, mixed ^ (places * 0x9E3779B9 >> 7), mixed).astype(np.uint32)


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
        offset += source.integer(-3, max(length - (high - low), 0) + 3)
    if chance(source, 4):
        offset = choice(source, EDGE_INT32)
    modulus, step_stride = 0, 0
    if chance(source, 25):
        modulus, step_stride = source.integer(1, 4), choice(source, (1, 5, 64, -2))
    return Operand(
        Kind.REGISTER, register, length, offset, (stride[0], stride[1], stride[2], stride[3]),
        stride[4], modulus, step_stride,
    )  # fmt: skip


def row(source: Source, planned: Plan, *, opcodes: Sequence[Opcode] = tuple(Opcode)) -> Row:
    """A decodable row with few micro-steps, sometimes none; its output may be one of its operands."""
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
        spoilt[field : field + 4] = choice(source, (1 << 28, (1 << 28) - 1, 0, 0xFFFFFFFF)).to_bytes(4)
    else:
        field = choice(source, (2, 42, 82, 122))  # a register
        spoilt[field : field + 2] = source.bytes(2)
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

    Hostile ones hold rows that do not decode, rows without micro-steps and garbage where it is allowed.
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
        one = Row(
            Opcode.MOVE, out, planned.lengths[out], (1, 1, 1, 1), 1, (Operand.immediate(word(source)),)
        )
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


@dataclass(frozen=True, slots=True)
class Step:
    """The four things that a verifier is given."""

    program: Hash
    position: int
    pre: Hash
    witness: bytes


def forged(source: Source) -> Step:
    """A step of a program and state that nobody has in full: each opening stands alone.

    So lengths up to 2^32 words, counts up to 2^48, depths up to 255, tables of up to 2^32 rows and sums that a registered
    program never has are reached. The step opens its commitments; its row has micro-steps.
    """
    segments = list(Segment)
    for place in (3, 2, 1):
        other = source.integer(0, place)
        segments[place], segments[other] = segments[other], segments[place]
    if segments[3] == Segment.INPUTS:  # the last one is written
        segments[3], segments[0] = segments[0], segments[3]
    depths = Depths(*(choice(source, (2, 0, 5, 14, 17, 255)) for _ in Segment))
    row_ = _wide_row(source, segments, depths)
    return _forge(source, row_, depths)


def _index(source: Source, depth: int) -> int:
    return source.integer(0, (1 << min(depth, 14)) - 1)


def _wide_row(source: Source, segments: Sequence[Segment], depths: Depths) -> Row:
    opcode = choice(source, tuple(Opcode))
    sizes = [choice(source, (1, 2, 3, 1000, (1 << 28) - 1)) for _ in range(5)]
    while np.prod(np.array(sizes, object)) >= 1 << 48:
        sizes[sizes.index(max(sizes))] = choice(source, (1, 5))
    dims = (sizes[0], sizes[1], sizes[2], sizes[3])

    def stride() -> int:
        return choice(source, (0, 1, -1, 64, *EDGE_INT32, source.integer(-(2**31), 2**31 - 1)))

    def register(segment: Segment) -> RegisterId:
        return register_id(segment, _index(source, depths[segment]))

    def length() -> int:
        return choice(source, (64, 1, 65, 1 << 20, (1 << 32) - 1, source.integer(0, (1 << 32) - 1)))

    def modulus() -> int:
        return choice(source, (0, 1, 3, (1 << 28) - 1))

    def one(segment: Segment) -> Operand:
        if chance(source, 10):
            return Operand.immediate(word(source))
        few = chance(source, 50)
        return Operand(
            Kind.REGISTER, register(segment), length(), source.integer(0, 99) if few else stride(),
            (0, 0, 0, 1) if few else (stride(), stride(), stride(), stride()),
            0 if few else stride(), modulus(), 0 if few else stride(),
        )  # fmt: skip

    operands = tuple(one(segments[number]) for number in range(OPS[opcode].arity))
    return Row(
        opcode, register(segments[3]), length(), dims, sizes[4], operands,
        choice(source, (0, 1, -1, *EDGE_INT32)), modulus(), choice(source, (0, 1, -1, *EDGE_INT32)),
    )  # fmt: skip


def _forge(source: Source, row_: Row, depths: Depths) -> Step:
    packed = with_garbage(source, row_.pack())
    rows = choice(source, (1, 2, 69, 65_535, (1 << 32) - 1))
    index = source.integer(0, rows - 1)
    siblings = [
        SumNode(_hash(source), choice(source, (0, 1, source.integer(0, 1 << 57))))
        for _ in range(ceil_log2(rows))
    ]
    leaf = SumNode(tagged(Tag.ROW, packed), row_.count)
    top, before = sumtree.climb(leaf, index, siblings)
    header = Header(top.hash, rows, top.sum, depths)
    first_step = choice(source, (0, 3, source.integer(0, (1 << 64) - 1)))
    turn = source.integer(0, min(5, (1 << 62) // top.sum))
    offset = choice(source, (0, row_.count - 1, source.integer(0, row_.count - 1)))
    position = turn * top.sum + before + offset
    step = first_step + turn
    element, fold_index = divmod(offset, row_.fold)

    roots = [_hash(source) for _ in Segment]
    openings = b""

    def open_(register: RegisterId, expected: int, address: int) -> int:
        nonlocal openings
        length = expected if chance(source, 85) else choice(source, (0, 1, 64, (1 << 32) - 1))
        inside = length == expected and 0 <= address < length
        leaf_place, at = divmod(address, tensor.LEAF_WORDS)
        content = words(source, 64).astype("<u4").tobytes()
        path = [_hash(source) for _ in range(tensor.depth(length))]
        root = tensor.leaf_root(content, leaf_place, path) if inside else _hash(source)
        segment = segment_of(register)
        places = [_hash(source) for _ in range(depths[segment])]
        roots[segment] = climb(
            register_leaf(length, root), index_of(register), places, Tag.SEGMENT_NODE
        )
        openings += length.to_bytes(4, "big") + root + b"".join(places)
        if inside:
            openings += content + b"".join(path)
        return tensor.word_in(content, at) if inside else 0

    values: list[int] = []
    digits = row_.digits(element)
    for operand_ in row_.operands:
        if operand_.kind == Kind.IMMEDIATE:
            values.append(operand_.word)
            continue
        address = operand_.address(digits, fold_index, step)
        if row_.opcode == Opcode.GATHER and len(values) == 2:
            address += signed(values[0]) * signed(values[1])
        values.append(open_(operand_.register, operand_.length, address))
    if fold_index == row_.fold - 1:
        open_(row_.out, row_.out_length, row_.out_address(element, step))
    acc = word(source)
    witness = b"".join(
        [
            header.pack(),
            first_step.to_bytes(8, "big"),
            index.to_bytes(4, "big"),
            packed,
            *(node.hash + node.sum.to_bytes(8, "big") for node in siblings),
            *roots,
            struct.pack(">I", acc),
            openings,
        ]
    )
    return Step(
        run_commitment(header.program_id, first_step), position, state_hash(roots, acc), witness
    )


def _hash(source: Source) -> Hash:
    return keccak(source.bytes(8))


@st.composite
def cases(draw: st.DrawFn, *, hostile: bool = True) -> Case:
    """Strategy of `case`."""
    return case(Drawn(draw), hostile=hostile)


@st.composite
def forged_steps(draw: st.DrawFn) -> Step:
    """Strategy of `forged`."""
    return forged(Drawn(draw))
