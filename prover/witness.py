"""Step witnesses: what a verifier must see to re-execute one micro-step (docs/protocol.md, section
6).

`build` writes one from a full state; `step` is the verifier, which knows only commitments.
`TensorMachine.sol` does what `step` does.
"""

import struct
from collections.abc import Sequence

from prover.commit import sumtree, tensor
from prover.commit.keccak import Hash, tagged
from prover.commit.merkle import ceil_log2, climb
from prover.commit.sumtree import SumNode
from prover.commit.tags import Tag
from prover.errors import WitnessError
from prover.ops import OPS, Opcode, apply
from prover.program import Header, Program, run_commitment
from prover.reference import Place, place, read, row_at, signed
from prover.row import (
    ROW_BYTES,
    Depths,
    Kind,
    RegisterId,
    Row,
    Segment,
    decode,
    index_of,
    segment_of,
)
from prover.state import State, register_leaf, state_hash, zero_segment


def build(program: Program, first_step: int, state: State, position: int) -> bytes:
    """The witness of the micro-step at `position`, from the state before it."""
    where = place(program, first_step, position)
    row = row_at(program, where.row)
    parts = [
        program.header.pack(),
        first_step.to_bytes(8, "big"),
        where.row.to_bytes(4, "big"),
        program.packed[where.row],
        *(
            node.hash + node.sum.to_bytes(8, "big")
            for node in sumtree.path(program.tree, where.row)
        ),
        *state.roots(),
        state.acc.to_bytes(4, "big"),
    ]
    digits = row.digits(where.element)
    words = read(state, row, digits, where.fold_index, where.step)
    for number, operand in enumerate(row.operands):
        if operand.kind != Kind.REGISTER:
            continue
        address = operand.address(digits, where.fold_index, where.step)
        if row.opcode == Opcode.GATHER and number == 2:
            address += signed(words[0]) * signed(words[1])
        parts += _opening(state, operand.register, operand.length, address)
    if where.fold_index == row.fold - 1:
        parts += _opening(
            state, row.out, row.out_length, row.out_address(where.element, where.step)
        )
    return b"".join(parts)


def _opening(state: State, register: RegisterId, length: int, address: int) -> list[bytes]:
    words = state.tensor(register)
    parts = [len(words).to_bytes(4, "big"), tensor.tensor_root(words), *state.path(register)]
    if len(words) == length and 0 <= address < length:
        leaf = address // tensor.LEAF_WORDS
        parts += [tensor.leaf_bytes(words, leaf), *tensor.tensor_path(words, leaf)]
    return parts


class Reader:
    """Takes a witness apart from the front.

    Raises:
        WitnessError: when it is shorter than what is taken, or bytes are left at the end.
    """

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def take(self, size: int) -> bytes:
        """The next `size` bytes."""
        part = self._data[self._at : self._at + size]
        if len(part) != size:
            raise WitnessError("the witness is cut short")
        self._at += size
        return part

    def number(self, size: int) -> int:
        """The next `size` bytes as an unsigned big-endian integer."""
        return int.from_bytes(self.take(size), "big")

    def hash(self) -> Hash:
        """The next 32 bytes."""
        return Hash(self.take(32))

    def path(self, depth: int) -> list[Hash]:
        """The next `depth` hashes."""
        return [self.hash() for _ in range(depth)]

    def end(self) -> None:
        """Nothing may be left."""
        if self._at != len(self._data):
            raise WitnessError("the witness has bytes left over")


def step(program: Hash, position: int, pre: Hash, witness: bytes) -> Hash:
    """The state after the micro-step at `position` of a claim's `program`, from the state `pre`.

    Raises:
        WitnessError: when the witness does not open `program` and `pre`; never for what they
        contain.
    """
    reader = Reader(witness)
    header, first_step = _header(reader, program)
    row, where = _row(reader, header, first_step, position)
    roots = reader.path(4)
    acc = reader.number(4)
    if state_hash(roots, acc) != pre:
        raise WitnessError("the segment roots and accumulator are not those of the prestate")

    digits = row.digits(where.element)
    words: list[int] = []
    for operand in row.operands:
        if operand.kind == Kind.IMMEDIATE:
            words.append(operand.word)
            continue
        address = operand.address(digits, where.fold_index, where.step)
        if row.opcode == Opcode.GATHER and len(words) == 2:
            address += signed(words[0]) * signed(words[1])
        words.append(_read(reader, header.depths, roots, operand.register, operand.length, address))
    x, y, z = (*words, 0, 0, 0)[:3]
    if where.fold_index == 0:
        acc = OPS[row.opcode].identity
    acc = apply(row.opcode, acc, x, y, z)

    if where.fold_index == row.fold - 1:
        address = row.out_address(where.element, where.step)
        roots[segment_of(row.out)] = _write(reader, header.depths, roots, row, address, acc)
        acc = 0
    if (position + 1) % header.micro_steps == 0:
        roots[Segment.SCRATCH] = zero_segment(header.depths.scratch)
    reader.end()
    return state_hash(roots, acc)


def _header(reader: Reader, program: Hash) -> tuple[Header, int]:
    table_root = reader.hash()
    rows, micro_steps, *depths = struct.unpack(">IQ4B", reader.take(16))
    header = Header(table_root, rows, micro_steps, Depths(*depths))
    first_step = reader.number(8)
    if run_commitment(header.program_id, first_step) != program:
        raise WitnessError("the program header is not the claim's")
    return header, first_step


def _row(reader: Reader, header: Header, first_step: int, position: int) -> tuple[Row, Place]:
    index = reader.number(4)
    packed = reader.take(ROW_BYTES)
    siblings = [SumNode(reader.hash(), reader.number(8)) for _ in range(ceil_log2(header.rows))]
    row = decode(packed, header.depths)
    count = row.count if row else 0
    leaf = SumNode(tagged(Tag.ROW, packed), count)
    try:
        top, before = sumtree.climb(leaf, index, siblings)
    except OverflowError as error:
        raise WitnessError("the op table's sums do not fit u64") from error
    if index >= header.rows or top != (header.table_root, header.micro_steps):
        raise WitnessError("the row is not in the op table")
    turn, rest = divmod(position, max(header.micro_steps, 1))
    if row is None or not before <= rest < before + count:
        raise WitnessError("the position is not in the row")
    element, fold_index = divmod(rest - before, row.fold)
    return row, Place(first_step + turn, index, element, fold_index)


def _register(
    reader: Reader, depths: Depths, roots: Sequence[Hash], register: RegisterId
) -> tuple[int, Hash, list[Hash]]:
    length = reader.number(4)
    root = reader.hash()
    siblings = reader.path(depths[segment_of(register)])
    leaf = register_leaf(length, root)
    if climb(leaf, index_of(register), siblings, Tag.SEGMENT_NODE) != roots[segment_of(register)]:
        raise WitnessError("the register is not in its segment")
    return length, root, siblings


def _leaf(reader: Reader, length: int, root: Hash, index: int) -> tuple[bytes, list[Hash]]:
    leaf = reader.take(tensor.LEAF_BYTES)
    siblings = reader.path(tensor.depth(length))
    if tensor.leaf_root(leaf, index, siblings) != root:
        raise WitnessError("the leaf is not in its tensor")
    return leaf, siblings


def _read(
    reader: Reader,
    depths: Depths,
    roots: Sequence[Hash],
    register: RegisterId,
    expected: int,
    address: int,
) -> int:
    length, root, _ = _register(reader, depths, roots, register)
    if length != expected or not 0 <= address < length:
        return 0
    index, word = divmod(address, tensor.LEAF_WORDS)
    leaf, _ = _leaf(reader, length, root, index)
    return tensor.word_in(leaf, word)


def _write(
    reader: Reader, depths: Depths, roots: Sequence[Hash], row: Row, address: int, word: int
) -> Hash:
    length, root, siblings = _register(reader, depths, roots, row.out)
    depth = tensor.depth(row.out_length)
    inside = 0 <= address < row.out_length
    index, offset = divmod(address, tensor.LEAF_WORDS)
    if length != row.out_length:
        root = tensor.zero_root(depth)
        if inside:
            zeros = [tensor.zero_root(height) for height in range(depth)]
            leaf = tensor.with_word(bytes(tensor.LEAF_BYTES), offset, word)
            root = tensor.leaf_root(leaf, index, zeros)
    elif inside:
        leaf, path = _leaf(reader, length, root, index)
        root = tensor.leaf_root(tensor.with_word(leaf, offset, word), index, path)
    new_leaf = register_leaf(row.out_length, root)
    return climb(new_leaf, index_of(row.out), siblings, Tag.SEGMENT_NODE)
