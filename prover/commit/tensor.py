"""Tensor commitments: a tree over leaves of 64 words (docs/protocol.md, section 3).

A tensor is a flat array of 32-bit words. Leaf i holds words 64*i .. 64*i+63, each little-endian,
zero-padded to 256 bytes. Absent leaves are zero leaves, so a tensor's root depends on its words
and its depth alone.
"""

from collections.abc import Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray

from prover.commit.keccak import Hash, tagged
from prover.commit.merkle import ceil_log2, climb, levels, path_in, root, subtree
from prover.commit.tags import Tag

Words = NDArray[np.uint32]
"""A tensor: one dimension, row-major, 32-bit words."""

LEAF_WORDS = 64
LEAF_BYTES = 4 * LEAF_WORDS
ZERO_LEAF = tagged(Tag.TENSOR_LEAF, bytes(LEAF_BYTES))


def depth(length: int) -> int:
    """Depth of the tree over a tensor of `length` words, 0 <= length < 2^32."""
    return ceil_log2(-(-length // LEAF_WORDS))


def leaf_hash(leaf: bytes) -> Hash:
    """Hash of one leaf's 256 bytes."""
    return tagged(Tag.TENSOR_LEAF, leaf)


def leaf_bytes(words: Words, index: int) -> bytes:
    """The 256 bytes of leaf `index`."""
    part = words[LEAF_WORDS * index : LEAF_WORDS * (index + 1)]
    return part.astype("<u4", copy=False).tobytes().ljust(LEAF_BYTES, b"\0")


def leaf_hashes(words: Words) -> list[Hash]:
    """Hashes of all leaves of a tensor; the zero leaf's for an empty one."""
    data = words.astype("<u4", copy=False).tobytes()
    data = data.ljust(-(-len(data) // LEAF_BYTES) * LEAF_BYTES, b"\0")
    hashes = [leaf_hash(data[i : i + LEAF_BYTES]) for i in range(0, len(data), LEAF_BYTES)]
    return hashes or [ZERO_LEAF]


def tensor_root(words: Words) -> Hash:
    """Commitment to a tensor's words."""
    return root(leaf_hashes(words), Tag.TENSOR_NODE, ZERO_LEAF)


def tensor_path(words: Words, index: int) -> list[Hash]:
    """Siblings of leaf `index`, from the leaf up."""
    rows = levels(leaf_hashes(words), Tag.TENSOR_NODE, ZERO_LEAF)
    return path_in(rows, index, Tag.TENSOR_NODE, ZERO_LEAF)


def leaf_root(leaf: bytes, index: int, siblings: Sequence[Hash]) -> Hash:
    """The tensor root that a leaf's bytes have at `index`, given the siblings."""
    return climb(leaf_hash(leaf), index, siblings, Tag.TENSOR_NODE)


@cache
def zero_root(tree_depth: int) -> Hash:
    """Root of a tensor of zeros whose tree has this depth."""
    return subtree(ZERO_LEAF, tree_depth, Tag.TENSOR_NODE)


def word_in(leaf: bytes, place: int) -> int:
    """Word `place` (0..63) of a leaf."""
    return int.from_bytes(leaf[4 * place : 4 * place + 4], "little")


def with_word(leaf: bytes, place: int, word: int) -> bytes:
    """The leaf with word `place` (0..63) replaced."""
    return leaf[: 4 * place] + word.to_bytes(4, "little") + leaf[4 * place + 4 :]
