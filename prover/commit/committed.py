"""A tensor whose commitment is known before its words are read.

A tensor's tree over chunks of `2^height` leaves is the tree over the chunks' own roots: a full
chunk is a subtree of exactly that height, and its root as a tensor of its own is the node there.
The last chunk may be shorter, so its own tree may be lower; on the way up to the others' height its
siblings are trees of zeros, which everybody knows. So the roots of chunks give the tensor's root,
and nobody need read a word for it; one chunk and its root give any leaf's path.
"""

from functools import cached_property
from typing import Any

import numpy as np

from prover.commit.hashes import HASH_BYTES, Hashes, hash_at, levels, row_of
from prover.commit.keccak import Hash, tagged
from prover.commit.lazy import LazyWords
from prover.commit.merkle import path_in
from prover.commit.tags import Tag
from prover.commit.tensor import (
    LEAF_WORDS,
    ZERO_LEAF,
    Words,
    depth,
    leaf_count,
    leaf_hashes,
    tensor_root,
    zero_root,
)
from prover.errors import WrongChunk


def chunk_count(length: int, height: int) -> int:
    """Chunks of `2^height` leaves in a tensor of `length` words: at least one."""
    return -(-leaf_count(length) >> height)


def chunk_levels(chunks: Hashes, length: int, height: int) -> list[Hashes]:
    """The levels of a tensor's tree from that of its chunks up; the last one is the root alone.

    `chunks` are their roots, n x 32, of a tensor of `length` words in chunks of `2^height` leaves.

    Raises:
        ValueError: when a tensor of that length has another number of chunks.
    """
    count = chunk_count(length, height)
    if len(chunks) != count:
        raise ValueError(f"{length} words are {count} chunks, not {len(chunks)}")
    nodes = np.array(chunks, np.uint8)
    if count > 1:
        last = hash_at(nodes, -1)
        rest = length - (LEAF_WORDS << height) * (count - 1)
        for low in range(depth(rest), height):
            last = tagged(Tag.TENSOR_NODE, last, zero_root(low))
        nodes[-1] = row_of(last)
    low = min(height, depth(length))
    return levels(nodes, Tag.TENSOR_NODE, zero_root(low), depth(length) - low)


class CommittedWords(LazyWords):
    """Lazy words of which a chunk is hashed before it is first used.

    An index or a slice reads the chunks it touches. `verify` and `raw` are for whoever hands the
    words' address to compiled code. Threads may share one.

    Raises:
        WrongChunk: wherever words are used, when a chunk's root is not the one it should have.
    """

    def __init__(
        self, words: Words, chunks: Hashes, height: int, *, name: str, verified: bool = False
    ) -> None:
        """`words` are contiguous and nobody writes them; `name` is what errors call the tensor."""
        self._words = words.view()
        self._words.flags.writeable = False
        self._chunks = chunks
        self._height = height
        self._name = name
        self._levels = chunk_levels(chunks, len(words), height)
        self._verified = np.full(len(chunks), verified)

    @classmethod
    def of(cls, words: Words, root: Hash, name: str = "tensor") -> "CommittedWords":
        """Words that were hashed just now."""
        chunks = row_of(root).reshape(1, HASH_BYTES)
        return cls(words, chunks, depth(len(words)), name=name, verified=True)

    @property
    def root(self) -> Hash:
        """The tensor's root."""
        return hash_at(self._levels[-1], 0)

    @property
    def verified(self) -> int:
        """How many chunks were hashed so far."""
        return int(np.count_nonzero(self._verified))

    @property
    def is_verified(self) -> bool:
        """Whether all were."""
        return bool(self._verified.all())

    @cached_property
    def dtype(self) -> np.dtype[np.uint32]:
        """Of the words."""
        return self._words.dtype

    @property
    def flags(self) -> Any:
        """As an array's: never writable."""
        return self._words.flags

    def verify(self, start: int, stop: int) -> None:
        """Make sure of the chunks that hold words start .. stop - 1, as far as there are such.

        Raises:
            WrongChunk: when one has another root than it should.
        """
        size = LEAF_WORDS << self._height
        first, last = max(start, 0) // size, -(-max(min(stop, len(self._words)), 0) // size)
        for number in (np.flatnonzero(~self._verified[first:last]) + first).tolist():
            found = tensor_root(self._words[number * size : (number + 1) * size])
            expected = hash_at(self._chunks, number)
            if found != expected:
                raise WrongChunk(
                    f"chunk {number} of {self._name} is damaged: its hash is {found.hex()}, "
                    f"not {expected.hex()}; fetch it again"
                )
            self._verified[number] = True

    def raw(self, start: int = 0, stop: int | None = None) -> Words:
        """All words as they lie, those from `start` up to `stop` verified."""
        self.verify(start, len(self._words) if stop is None else stop)
        return self._words

    def path(self, index: int) -> list[Hash]:
        """Siblings of leaf `index`, from the leaf up; reads its chunk alone."""
        height = min(self._height, depth(len(self._words)))
        chunk, place = index >> height, index & ((1 << height) - 1)
        start = chunk << height
        words = self.raw(LEAF_WORDS * start, LEAF_WORDS * (start + (1 << height)))
        stop = min(start + (1 << height), leaf_count(len(words)))
        leaves = leaf_hashes(words, start, stop)[:-1]
        below = levels(leaves, Tag.TENSOR_NODE, ZERO_LEAF, height)
        return [
            *path_in(below, place, Tag.TENSOR_NODE, ZERO_LEAF),
            *path_in(self._levels, chunk, Tag.TENSOR_NODE, zero_root(height)),
        ]

    def __len__(self) -> int:
        return len(self._words)
