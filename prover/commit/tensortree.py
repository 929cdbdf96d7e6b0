"""A tensor's tree that is kept, so that a commitment after a change costs what changed.

Kept are the roots of every eight leaves and all that is above them, a thirty-second of the words'
bytes: to hash eight leaves anew takes the vector unit no longer than to hash one.
"""

import numpy as np

from prover.commit.hashes import (
    BLOCK_HEIGHT,
    HASH_BYTES,
    Hashes,
    climb,
    hash_at,
    hash_rows,
    levels,
    row_of,
    share_out,
)
from prover.commit.keccak import Hash, tagged
from prover.commit.merkle import path_in
from prover.commit.tags import Tag
from prover.commit.tensor import (
    LEAF_WORDS,
    ZERO_LEAF,
    Words,
    check_words,
    depth,
    leaf_count,
    leaf_hashes,
    zero_root,
)
from prover.errors import WordsError

_GRAIN_HEIGHT = 3
"""Of the lowest level that is kept."""


class TensorTree:
    """The tree over a tensor whose words are written in place by whoever calls `update`.

    Raises:
        WordsError: when the array is not a tensor's words, or not contiguous.
    """

    def __init__(self, words: Words, threads: int = 1) -> None:
        check_words(words)
        if not words.flags.c_contiguous or words.dtype != np.dtype("<u4"):
            raise WordsError("a tree is kept over contiguous words in little-endian order")
        self.words = words
        self._leaves = leaf_count(len(words))
        self._low = min(depth(len(words)), _GRAIN_HEIGHT)
        grains = np.empty((-(-self._leaves >> self._low), HASH_BYTES), np.uint8)
        self._hash_grains(grains, 0, len(grains), threads)
        above = depth(len(words)) - self._low
        self._rows = levels(grains, Tag.TENSOR_NODE, zero_root(self._low), above, threads)

    @property
    def root(self) -> Hash:
        """The tensor's root, as of the last update."""
        return hash_at(self._rows[-1], 0)

    def update(self, start: int, stop: int, threads: int = 1) -> None:
        """Words start .. stop - 1 were written: hash them, and what lies above them, anew."""
        start, stop = max(start, 0), min(stop, len(self.words))
        if start >= stop:
            return
        grain = LEAF_WORDS << self._low
        start, stop = start // grain, -(-stop // grain)
        self._hash_grains(self._rows[0], start, stop, threads)
        for height, (level, above) in enumerate(zip(self._rows, self._rows[1:], strict=False)):
            start, stop = start // 2, (stop + 1) // 2
            pairs = min(stop, len(level) // 2)
            hash_rows(
                Tag.TENSOR_NODE,
                level[2 * start : 2 * pairs],
                above[start:pairs],
                pairs - start,
                2 * HASH_BYTES,
                threads,
            )
            if pairs < stop:
                absent = zero_root(self._low + height)
                above[pairs] = row_of(tagged(Tag.TENSOR_NODE, hash_at(level, 2 * pairs), absent))

    def path(self, index: int) -> list[Hash]:
        """Siblings of leaf `index`, from the leaf up, as of the last update."""
        grain, place = index >> self._low, index & ((1 << self._low) - 1)
        start = grain << self._low
        leaves = leaf_hashes(self.words, start, min(start + (1 << self._low), self._leaves))[:-1]
        below = levels(leaves, Tag.TENSOR_NODE, ZERO_LEAF, self._low)
        return [
            *path_in(below, place, Tag.TENSOR_NODE, ZERO_LEAF),
            *path_in(self._rows, grain, Tag.TENSOR_NODE, zero_root(self._low)),
        ]

    def _hash_grains(self, grains: Hashes, start: int, stop: int, threads: int) -> None:
        size = 1 << (BLOCK_HEIGHT - self._low)

        def block(number: int) -> None:
            first = start + number * size
            last = min(first + size, stop)
            leaves = min(last << self._low, self._leaves)
            nodes = leaf_hashes(self.words, first << self._low, leaves)
            climb(nodes, len(nodes) - 1, self._low, Tag.TENSOR_NODE, ZERO_LEAF)
            grains[first:last] = nodes[: last - first]

        share_out(block, -(-(stop - start) // size), threads)
