"""Tensor commitments: a tree over leaves of 64 words (docs/protocol.md, section 3).

A tensor is a flat array of 32-bit words. Leaf i holds words 64*i .. 64*i+63, each little-endian,
zero-padded to 256 bytes. Absent leaves are zero leaves, so a tensor's root depends on its words
and its depth alone.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray

from prover.commit.hashes import HASH_BYTES, Forest, Hashes, hash_rows, levels, roots, row_of
from prover.commit.keccak import Hash, tagged
from prover.commit.merkle import ceil_log2, climb, path_in, subtree
from prover.commit.tags import Tag
from prover.errors import WordsError

Words = NDArray[np.uint32]
"""A tensor: one dimension, row-major, 32-bit words."""

LEAF_WORDS = 64
LEAF_BYTES = 4 * LEAF_WORDS
ZERO_LEAF = tagged(Tag.TENSOR_LEAF, bytes(LEAF_BYTES))


class Committed(ABC):
    """Words that know their commitment; `prover.commit.committed` has them."""

    @property
    @abstractmethod
    def root(self) -> Hash:
        """The tensor's root."""

    def prepare(self) -> None:
        """Begin with what `root` takes, where somebody else does it, and do not wait."""
        return

    @abstractmethod
    def path(self, index: int) -> list[Hash]:
        """Siblings of leaf `index`, from the leaf up."""


def leaf_count(length: int) -> int:
    """Leaves of a tensor of `length` words: at least one."""
    return max(-(-length // LEAF_WORDS), 1)


def depth(length: int) -> int:
    """Depth of the tree over a tensor of `length` words, 0 <= length < 2^32."""
    return ceil_log2(leaf_count(length))


def check_words(words: Words) -> None:
    """That an array is a tensor: words of 32 bits in one dimension.

    Floats are refused rather than taken by value or by their bits: `view(np.uint32)` says which.

    Raises:
        WordsError: when it is not.
    """
    if words.dtype.kind != "u" or words.dtype.itemsize != 4:
        raise WordsError(f"a tensor's words are uint32, not {words.dtype}; pass a view as uint32")
    if words.ndim != 1:
        raise WordsError(f"a tensor's words are of one dimension, not {words.ndim}; flatten them")


def flat(words: Words) -> Words:
    """The words as they are hashed, little-endian and contiguous; a copy only where they are not.

    Raises:
        WordsError: when the array is not a tensor's.
    """
    check_words(words)
    return np.ascontiguousarray(words, "<u4")


def leaf_hash(leaf: bytes) -> Hash:
    """Hash of one leaf's 256 bytes."""
    return tagged(Tag.TENSOR_LEAF, leaf)


def leaf_bytes(words: Words, index: int) -> bytes:
    """The 256 bytes of leaf `index`."""
    part = words[LEAF_WORDS * index : LEAF_WORDS * (index + 1)]
    return part.astype("<u4", copy=False).tobytes().ljust(LEAF_BYTES, b"\0")


def leaf_hashes(words: Words, start: int, stop: int) -> Hashes:
    """Hashes of leaves start .. stop - 1, and room for a row more."""
    made = np.empty((stop - start + 1, HASH_BYTES), np.uint8)
    whole = min(stop, len(words) // LEAF_WORDS)
    part = words[LEAF_WORDS * start : LEAF_WORDS * whole]
    hash_rows(Tag.TENSOR_LEAF, part, made, whole - start, LEAF_BYTES)
    if whole < stop:
        made[-2] = row_of(leaf_hash(leaf_bytes(words, whole)))
    return made


def tensor_root(words: Words, threads: int = 1) -> Hash:
    """Commitment to a tensor's words.

    Raises:
        WordsError: when the array is not one.
    """
    return tensor_roots([words], threads)[0]


def tensor_roots(tensors: Sequence[Words], threads: int = 1) -> list[Hash]:
    """Commitments to several tensors, hashed side by side; of those that know theirs no word is
    read.

    Raises:
        WordsError: when an array is not a tensor's.
    """
    hashed = [_forest(flat(words)) for words in tensors if not isinstance(words, Committed)]
    made = iter(roots(hashed, threads))
    return [words.root if isinstance(words, Committed) else next(made) for words in tensors]


def _forest(words: Words) -> Forest:
    def fill(start: int, stop: int) -> tuple[Hashes, int]:
        return leaf_hashes(words, start, stop), 0

    return Forest(fill, leaf_count(len(words)), Tag.TENSOR_NODE, ZERO_LEAF)


def tensor_path(words: Words, index: int) -> list[Hash]:
    """Siblings of leaf `index`, from the leaf up."""
    if isinstance(words, Committed):
        return words.path(index)
    words = flat(words)
    leaves = leaf_hashes(words, 0, leaf_count(len(words)))[:-1]
    rows = levels(leaves, Tag.TENSOR_NODE, ZERO_LEAF)
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
