"""The state of a tensor program: registers in four segments, and an accumulator (docs/protocol.md,
section 3).

Segments are sparse here: a register that was never written is the empty register. Leaf hashes are
kept until the register is written again, so that a commitment costs what changed.
"""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from prover.commit.keccak import Hash, tagged
from prover.commit.merkle import levels, path_in, subtree
from prover.commit.tags import Tag
from prover.commit.tensor import ZERO_LEAF, Words, tensor_root
from prover.errors import ProgramError
from prover.row import Depths, RegisterId, Segment, index_of, segment_of

EMPTY_TENSOR: Words = np.zeros(0, np.uint32)


def register_leaf(length: int, root: Hash) -> Hash:
    """Leaf of a register: its length in words (u32) and its tensor's root."""
    return tagged(Tag.REGISTER, length.to_bytes(4, "big"), root)


EMPTY_REGISTER = register_leaf(0, ZERO_LEAF)


def zero_segment(depth: int) -> Hash:
    """The zero root: a segment of empty registers."""
    return subtree(EMPTY_REGISTER, depth, Tag.SEGMENT_NODE)


def state_hash(roots: Sequence[Hash], acc: int) -> Hash:
    """Commitment of a state: the four segment roots in order, and the accumulator word."""
    return tagged(Tag.STATE, *roots, acc.to_bytes(4, "big"))


def segment_levels(leaves: Mapping[int, Hash], depth: int) -> list[list[Hash]]:
    """All levels of a segment's tree, given the leaves of its non-empty registers by index.

    Raises:
        ProgramError: when an index is not below `2^depth`.
    """
    size = max(leaves, default=-1) + 1
    if size > 1 << depth:
        raise ProgramError(f"a segment of depth {depth} has no register {size - 1}")
    row = [leaves.get(index, EMPTY_REGISTER) for index in range(size)]
    return levels(row, Tag.SEGMENT_NODE, EMPTY_REGISTER, depth)


def segment_root(tensors: Sequence[Words], depth: int) -> Hash:
    """Root of a segment whose first registers hold `tensors`."""
    leaves = {i: register_leaf(len(t), tensor_root(t)) for i, t in enumerate(tensors)}
    return segment_levels(leaves, depth)[-1][0]


class State:
    """Registers and accumulator at one position. Tensors are replaced or written in place by
    whoever executes.
    """

    def __init__(self, depths: Depths) -> None:
        self.depths = depths
        self.acc = 0
        self._tensors: dict[RegisterId, Words] = {}
        self._leaves: dict[RegisterId, Hash] = {}

    @classmethod
    def start(cls, depths: Depths, params: Iterable[Words], inputs: Iterable[Words]) -> "State":
        """The state at the start of a claim; the tensors of `params` are copied, as they will be
        written.
        """
        state = cls(depths)
        for segment, tensors in ((Segment.PARAMS, params), (Segment.INPUTS, inputs)):
            for index, words in enumerate(tensors):
                kept = words.copy() if segment == Segment.PARAMS else words
                state.put(RegisterId(segment << 14 | index), kept)
        return state

    def copy(self) -> "State":
        """An independent state with the same content; inputs, which nothing writes, are shared."""
        other = State(self.depths)
        other.acc = self.acc
        other._leaves = dict(self._leaves)
        other._tensors = {
            register: words if segment_of(register) == Segment.INPUTS else words.copy()
            for register, words in self._tensors.items()
        }
        return other

    def tensor(self, register: RegisterId) -> Words:
        """A register's words; after writing into them in place, call `touch`."""
        return self._tensors.get(register, EMPTY_TENSOR)

    def segment(self, segment: Segment) -> list[Words]:
        """The tensors of a segment up to its last non-empty register."""
        present = [r for r, words in self._tensors.items() if len(words)]
        indices = [index_of(r) for r in present if segment_of(r) == segment]
        size = max(indices, default=-1) + 1
        return [self.tensor(RegisterId(segment << 14 | index)) for index in range(size)]

    def put(self, register: RegisterId, words: Words) -> None:
        """Replace a register.

        Raises:
            ProgramError: when its index is not below `2^depth` of its segment.
        """
        if not self.depths.holds(register):
            segment, index = segment_of(register), index_of(register)
            depth = self.depths[segment]
            raise ProgramError(f"{segment.name} of depth {depth} has no register {index}")
        self._tensors[register] = words
        self._leaves.pop(register, None)

    def touch(self, register: RegisterId) -> None:
        """Say that a register's words were written in place."""
        self._leaves.pop(register, None)

    def reset(self, segment: Segment) -> None:
        """Make every register of a segment empty."""
        for register in [r for r in self._tensors if segment_of(r) == segment]:
            del self._tensors[register]
            self._leaves.pop(register, None)

    def leaf(self, register: RegisterId) -> Hash:
        """A register's leaf."""
        leaf = self._leaves.get(register)
        if leaf is None:
            words = self.tensor(register)
            leaf = self._leaves[register] = register_leaf(len(words), tensor_root(words))
        return leaf

    def levels(self, segment: Segment) -> list[list[Hash]]:
        """All levels of a segment's tree."""
        mine = [r for r in self._tensors if segment_of(r) == segment]
        return segment_levels({index_of(r): self.leaf(r) for r in mine}, self.depths[segment])

    def path(self, register: RegisterId) -> list[Hash]:
        """A register's siblings in its segment, from the leaf up."""
        tree = self.levels(segment_of(register))
        return path_in(tree, index_of(register), Tag.SEGMENT_NODE, EMPTY_REGISTER)

    def root(self, segment: Segment) -> Hash:
        """A segment's root."""
        return self.levels(segment)[-1][0]

    def roots(self) -> list[Hash]:
        """The four segment roots, in order."""
        return [self.root(segment) for segment in Segment]

    def commitment(self) -> Hash:
        """The state's 32 bytes."""
        return state_hash(self.roots(), self.acc)
