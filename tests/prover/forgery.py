"""Step witnesses of programs and states that nobody has in full, and witnesses gone wrong.

`forged` reaches what no test could hold in memory; `rebound` gives hostile bytes commitments that
they open.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import prod

from hypothesis import strategies as st

from prover import witness
from prover.commit import sumtree, tensor
from prover.commit.keccak import Hash, keccak, tagged
from prover.commit.merkle import ceil_log2, climb
from prover.commit.sumtree import ABSENT, SumNode
from prover.commit.tags import Tag
from prover.commit.tensor import ZERO_LEAF
from prover.ops import OPS, Opcode
from prover.program import Header, run_commitment
from prover.reference import signed
from prover.row import (
    ROW_BYTES,
    Depths,
    Kind,
    Operand,
    RegisterId,
    Row,
    Segment,
    decode,
    index_of,
    register_id,
    segment_of,
)
from prover.state import register_leaf, state_hash, zero_segment
from tests.prover.generators import (
    EDGE_INT32,
    Case,
    Drawn,
    Source,
    chance,
    choice,
    with_garbage,
    word,
    words,
)

_PATH_AT = 220  # header 48, first step 8, index 4, row 160


@dataclass(frozen=True, slots=True)
class Step:
    """The four things that a verifier is given."""

    program: Hash
    position: int
    pre: Hash
    witness: bytes

    def with_witness(self, content: bytes) -> "Step":
        """The same step with another witness."""
        return replace(self, witness=content)


def step_of(made: Case, position: int) -> Step:
    """The step of a case at a position; its state is taken for the one before."""
    program = run_commitment(made.program.id, made.first_step)
    content = witness.build(made.program, made.first_step, made.state, position)
    return Step(program, position, made.state.commitment(), content)


def spoilt(source: Source, content: bytes) -> bytes:
    """A witness after an accident: flipped, cut, longer, or with parts moved; at times unharmed."""
    kind = source.integer(0, 4)
    at = source.integer(0, len(content) - 1)
    if kind == 0:
        return content[:at] + bytes([content[at] ^ source.integer(1, 255)]) + content[at + 1 :]
    if kind == 1:
        return content[:at]
    if kind == 2:
        return content + source.bytes(source.integer(1, 64))
    if kind == 3:
        size = source.integer(1, 64)
        return content[:at] + source.bytes(size) + content[at + size :]
    other = source.integer(0, len(content) - 1)
    low, high = sorted((at, other))
    return content[:low] + content[high:] + content[low:high]


def rebound(content: bytes, position: int) -> Step:
    """Hostile bytes as the witness of commitments made for them.

    The header's table root and micro-steps are set to what the row and path give, where they fit;
    so the bytes open their program and prestate as far as they can.
    """
    content = content.ljust(_PATH_AT, b"\0")
    rows, depths = int.from_bytes(content[32:36]), Depths(*content[44:48])
    first_step, index = content[48:56], int.from_bytes(content[56:60])
    packed = content[60:_PATH_AT]
    state_at = _PATH_AT + 40 * ceil_log2(rows)
    path = content[_PATH_AT:state_at].ljust(state_at - _PATH_AT, b"\0")
    siblings = [
        SumNode(Hash(path[at : at + 32]), int.from_bytes(path[at + 32 : at + 40]))
        for at in range(0, len(path), 40)
    ]
    decoded = decode(packed, depths)
    leaf = SumNode(tagged(Tag.ROW, packed), decoded.count if decoded else 0)
    try:
        top, _ = sumtree.climb(leaf, index, siblings)
        header = Header(top.hash, rows, top.sum, depths).pack()
    except (OverflowError, struct.error):
        header = content[:48]
    state = content[state_at : state_at + 132]
    return Step(
        tagged(Tag.RUN, tagged(Tag.PROGRAM, header), first_step),
        position,
        tagged(Tag.STATE, state),
        header + content[48:],
    )


def forged(source: Source) -> Step:
    """A step of a program and state that nobody has in full: each opening stands alone.

    So lengths up to 2^32 words, counts up to 2^48, depths up to 255, tables of up to 2^32 rows and
    sums that a registered program never has are reached. The step opens its commitments, and its
    row has micro-steps.
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
    while prod(sizes) >= 1 << 48:
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
        leaf_ = words(source, 64).astype("<u4").tobytes()
        path = [_hash(source) for _ in range(tensor.depth(length))]
        root = tensor.leaf_root(leaf_, leaf_place, path) if inside else _hash(source)
        segment = segment_of(register)
        places = [_hash(source) for _ in range(depths[segment])]
        roots[segment] = climb(
            register_leaf(length, root), index_of(register), places, Tag.SEGMENT_NODE
        )
        openings += length.to_bytes(4, "big") + root + b"".join(places)
        if inside:
            openings += leaf_ + b"".join(path)
        return tensor.word_in(leaf_, at) if inside else 0

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
    content = b"".join(
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
        run_commitment(header.program_id, first_step), position, state_hash(roots, acc), content
    )


def _hash(source: Source) -> Hash:
    return keccak(source.bytes(8))


@st.composite
def forged_steps(draw: st.DrawFn) -> Step:
    """Strategy of `forged`."""
    return forged(Drawn(draw))


# ------------------------------------------------------------------- tables made to deceive

OUT = register_id(Segment.OUTPUTS, 0)
FILL = Row(Opcode.MOVE, OUT, 3, (1, 1, 1, 3), 1, (Operand.immediate(5),))


def deceit(
    packed: bytes = FILL.pack(),
    *,
    siblings: tuple[SumNode, ...] = (),
    rows: int | None = None,
    micro_steps: int | None = None,
    index: int = 0,
    count: int = 3,
    outputs: int = 0,
    position: int = 0,
) -> Step:
    """A step of a table whose leaf, sums and header say what its maker likes, over empty registers.

    With the arguments left out nothing is wrong with it.
    """
    depths = Depths(0, 0, outputs, 0)
    top, _ = sumtree.climb(SumNode(tagged(Tag.ROW, packed), count), index, siblings)
    header = Header(
        top.hash,
        1 << len(siblings) if rows is None else rows,
        top.sum if micro_steps is None else micro_steps,
        depths,
    )
    roots = [zero_segment(depth) for depth in depths]
    content = b"".join(
        [
            header.pack() + bytes(8) + index.to_bytes(4) + packed,
            *(node.hash + node.sum.to_bytes(8) for node in siblings),
            *roots,
            bytes(4),  # the accumulator
            bytes(4) + ZERO_LEAF,  # the empty out register
            *(zero_segment(height) for height in range(outputs)),
        ]
    )
    return Step(run_commitment(header.program_id, 0), position, state_hash(roots, 0), content)


def sibling(total: int) -> SumNode:
    return SumNode(keccak(b"whatever lies there"), total)


def overflowing() -> Step:
    """A sum that does not fit u64 half-way up the table's path."""
    step = deceit(siblings=(sibling((1 << 64) - 4), ABSENT))
    first = _PATH_AT + 32
    content = step.witness[:first] + b"\xff" * 8 + step.witness[first + 8 :]
    return rebound(content, 0)


HONEST = {
    "alone": deceit(),
    "its last micro-step": deceit(position=2),
    "its second training step": deceit(position=4),
    "to the right of something": deceit(siblings=(sibling(9),), index=1, position=9),
    "to the left of something": deceit(siblings=(sibling(9),), position=2),
    "a segment of depth 255": deceit(outputs=255),
    "sums up to 64 bits": deceit(siblings=(sibling((1 << 64) - 4),)),
    "a table of 2^32 - 1 rows": deceit(siblings=(ABSENT,) * 32, rows=(1 << 32) - 1),
}
DECEITS = {
    "no rows": deceit(rows=0),
    "a row beyond the last": deceit(siblings=(sibling(0), ABSENT), rows=3, index=3),
    "an index of another row": deceit(index=1),
    "a leaf that claims more than its row": deceit(count=4, position=3),
    "a leaf that claims less than its row": deceit(count=2),
    "a row of nothing that claims something": deceit(bytes(ROW_BYTES), count=3),
    "a row of nothing": deceit(bytes(ROW_BYTES), count=0),
    "a row of nothing beside something": deceit(bytes(ROW_BYTES), count=0, siblings=(sibling(3),)),
    "a header that claims more": deceit(micro_steps=4, position=3),
    "a header that claims less": deceit(micro_steps=2),
    "a header that claims nothing": deceit(micro_steps=0),
    "left of its micro-steps": deceit(siblings=(sibling(9),), index=1, position=8),
    "right of its micro-steps": deceit(siblings=(sibling(9),), position=3),
    "a sum of 2^64": deceit(siblings=(sibling((1 << 64) - 3),), micro_steps=0),
    "a sum beyond 2^64 inside the table": overflowing(),
    "a sum beyond 2^64": deceit(siblings=(sibling((1 << 64) - 1),), micro_steps=2),
}
