"""The state of a tensor program: registers in four segments, and an accumulator (docs/protocol.md,
section 3).

Segments are sparse here: a register that was never written is the empty register. Leaf hashes are
kept until the register is written again, so that a commitment costs what changed.

Of a register that is written in part and committed again, the tensor's tree is kept as well, from
the second commitment on: that is what a dispute does inside of a row, again and again. A run that
commits once, at its end, keeps no trees; nor does a copy, so that what is put aside takes the
memory of its words alone.

Words that nobody may write, such as those of a file in memory, are shared: by a start, by copies,
with whoever gave them. `writable` copies a register of such words, when it is first written.
"""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from prover.commit.hashes import HASH_BYTES, Hashes, climb, hash_at, levels, row_of
from prover.commit.keccak import Hash, tagged
from prover.commit.merkle import path_in, subtree
from prover.commit.tags import Tag
from prover.commit.tensor import ZERO_LEAF, Words, check_words, tensor_roots
from prover.commit.tensortree import TensorTree
from prover.errors import ProgramError, WordsError
from prover.row import Depths, RegisterId, Segment, index_of, segment_of

EMPTY_TENSOR: Words = np.zeros(0, np.uint32)
_TREE_WORDS = 1 << 16
"""Words of a register from which on its tree is worth keeping: below, hashing all is as fast."""


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


def segment_leaves(leaves: Mapping[int, Hash], depth: int) -> Hashes:
    """The leaves of a segment up to its last non-empty register, at least one, and room for a row
    more; `leaves` are those of the non-empty registers by index.

    Raises:
        ProgramError: when an index is not below `2^depth`.
    """
    size = max(leaves, default=0) + 1
    if size > 1 << depth:
        raise ProgramError(f"a segment of depth {depth} has no register {size - 1}")
    rows = np.empty((size + 1, HASH_BYTES), np.uint8)
    if len(leaves) < size:
        rows[:] = row_of(EMPTY_REGISTER)
    for index, leaf in leaves.items():
        rows[index] = row_of(leaf)
    return rows


def root_over(leaves: Mapping[int, Hash], depth: int) -> Hash:
    """Root of a segment whose non-empty registers have these leaves, by index.

    Raises:
        ProgramError: when an index is not below `2^depth`.
    """
    rows = segment_leaves(leaves, depth)
    climb(rows, len(rows) - 1, depth, Tag.SEGMENT_NODE, EMPTY_REGISTER)
    return hash_at(rows, 0)


def segment_root(tensors: Sequence[Words], depth: int, threads: int = 1) -> Hash:
    """Root of a segment whose first registers hold `tensors`.

    Raises:
        ProgramError: when there are more tensors than registers.
        WordsError: when an array is not a tensor's words.
    """
    roots = tensor_roots(tensors, threads)
    leaves = [register_leaf(len(t), root) for t, root in zip(tensors, roots, strict=True)]
    return root_over(dict(enumerate(leaves)), depth)


def _own(register: RegisterId, words: Words) -> Words:
    """Words that a state may keep: a copy where somebody else could write them, or it itself."""
    shared = segment_of(register) == Segment.INPUTS or not words.flags.writeable
    return words if shared else words.copy()


class State:
    """Registers and accumulator at one position. Tensors are replaced or written in place by
    whoever executes.
    """

    def __init__(self, depths: Depths) -> None:
        self.depths = depths
        self.acc = 0
        self._tensors: dict[RegisterId, Words] = {}
        self._leaves: dict[RegisterId, Hash] = {}
        self._written: dict[RegisterId, tuple[int, int]] = {}
        """Of registers with a leaf that is no longer right: where words were written since."""
        self._trees: dict[RegisterId, TensorTree] = {}

    @classmethod
    def start(cls, depths: Depths, params: Iterable[Words], inputs: Iterable[Words]) -> "State":
        """The state at the start of a claim; tensors of `params` that can be written are copied."""
        state = cls(depths)
        for segment, tensors in ((Segment.PARAMS, params), (Segment.INPUTS, inputs)):
            for index, words in enumerate(tensors):
                register = RegisterId(segment << 14 | index)
                state.put(register, _own(register, words))
        return state

    def copy(self) -> "State":
        """An independent state with the same content; what nothing writes is shared."""
        other = State(self.depths)
        other.acc = self.acc
        other._leaves = dict(self._leaves)
        other._written = dict(self._written)
        other._tensors = {
            register: _own(register, words) for register, words in self._tensors.items()
        }
        return other

    def tensor(self, register: RegisterId) -> Words:
        """A register's words, for reading."""
        return self._tensors.get(register, EMPTY_TENSOR)

    def writable(self, register: RegisterId) -> Words:
        """A register's words; after writing into them in place, call `touch` before the next
        `leaf`, `root` or `commitment`.
        """
        words = self.tensor(register)
        if not words.flags.writeable:
            words = self._tensors[register] = words.copy()
            self._trees.pop(register, None)
        return words

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
            WordsError: when the words are not uint32 of this machine, of one dimension.
        """
        if not self.depths.holds(register):
            segment, index = segment_of(register), index_of(register)
            depth = self.depths[segment]
            raise ProgramError(f"{segment.name} of depth {depth} has no register {index}")
        check_words(words)
        if not words.dtype.isnative:
            raise WordsError(f"a register's words are in this machine's order, not {words.dtype}")
        self._tensors[register] = words
        self._forget(register)

    def touch(self, register: RegisterId, start: int = 0, stop: int | None = None) -> None:
        """Say that a register's words, or of them those from `start` up to `stop`, were written in
        place.
        """
        if start <= 0 and stop is None:
            self._forget(register)
        elif register in self._leaves:
            end = len(self.tensor(register)) if stop is None else stop
            low, high = self._written.get(register, (start, end))
            self._written[register] = min(low, start), max(high, end)

    def reset(self, segment: Segment) -> None:
        """Make every register of a segment empty."""
        for register in [r for r in self._tensors if segment_of(r) == segment]:
            del self._tensors[register]
            self._forget(register)

    def leaf(self, register: RegisterId, threads: int = 1) -> Hash:
        """A register's leaf."""
        self._settle([register], threads)
        return self._leaves[register]

    def path(self, register: RegisterId) -> list[Hash]:
        """A register's siblings in its segment, from the leaf up."""
        segment = segment_of(register)
        depth = self.depths[segment]
        rows = segment_leaves(self._leaves_of(segment, 1), depth)[:-1]
        tree = levels(rows, Tag.SEGMENT_NODE, EMPTY_REGISTER, depth)
        return path_in(tree, index_of(register), Tag.SEGMENT_NODE, EMPTY_REGISTER)

    def root(self, segment: Segment, threads: int = 1) -> Hash:
        """A segment's root."""
        return root_over(self._leaves_of(segment, threads), self.depths[segment])

    def roots(self, threads: int = 1) -> list[Hash]:
        """The four segment roots, in order."""
        return [self.root(segment, threads) for segment in Segment]

    def commitment(self, threads: int = 1) -> Hash:
        """The state's 32 bytes."""
        return state_hash(self.roots(threads), self.acc)

    def _forget(self, register: RegisterId) -> None:
        self._leaves.pop(register, None)
        self._written.pop(register, None)
        self._trees.pop(register, None)

    def _leaves_of(self, segment: Segment, threads: int) -> dict[int, Hash]:
        mine = [r for r in self._tensors if segment_of(r) == segment]
        self._settle(mine, threads)
        return {index_of(register): self._leaves[register] for register in mine}

    def _settle(self, registers: Iterable[RegisterId], threads: int) -> None:
        """Make the leaves of registers right."""
        whole = []
        for register in registers:
            written = self._written.pop(register, None)
            if written is not None and self._pays(register, written):
                root = self._update(register, written, threads)
                self._leaves[register] = register_leaf(len(self.tensor(register)), root)
            elif written is not None or register not in self._leaves:
                whole.append(register)
        tensors = [self.tensor(register) for register in whole]
        for register, words, root in zip(
            whole, tensors, tensor_roots(tensors, threads), strict=True
        ):
            self._leaves[register] = register_leaf(len(words), root)

    def _pays(self, register: RegisterId, written: tuple[int, int]) -> bool:
        """Whether to hash by the register's tree."""
        words = self.tensor(register)
        if register in self._trees:
            return True
        part = written[1] - written[0]
        return words.flags.c_contiguous and len(words) >= max(_TREE_WORDS, 2 * part)

    def _update(self, register: RegisterId, written: tuple[int, int], threads: int) -> Hash:
        tree = self._trees.get(register)
        if tree is None:
            tree = self._trees[register] = TensorTree(self.tensor(register), threads)
        else:
            tree.update(*written, threads)
        return tree.root
