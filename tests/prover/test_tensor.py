"""Tensors as trees of 64-word leaves."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from prover.commit import tensor
from prover.commit.keccak import keccak
from prover.commit.merkle import climb, subtree
from prover.commit.tags import Tag
from prover.commit.tensor import Words
from tests.prover.generators import LENGTHS, Seeded, words

tensors = st.builds(lambda seed, n: words(Seeded(seed), n), st.integers(0, 99), st.integers(0, 300))


def test_a_leaf_is_little_endian_and_padded_with_zeros() -> None:
    content = np.array([0x11223344, 0x3F800000], np.uint32)
    assert tensor.leaf_bytes(content, 0) == bytes.fromhex("443322110000803f") + bytes(248)
    assert tensor.leaf_hash(bytes(256)) == keccak(b"\x01" + bytes(256)) == tensor.ZERO_LEAF


@pytest.mark.parametrize(
    ("length", "depth"),
    [(0, 0), (1, 0), (64, 0), (65, 1), (128, 1), (129, 2), (4096, 6), (4097, 7), (2**32 - 1, 26)],
)
def test_depth_follows_from_the_length(length: int, depth: int) -> None:
    assert tensor.depth(length) == depth


def test_the_root_of_two_leaves_and_a_bit() -> None:
    content = np.arange(130, dtype=np.uint32)
    leaves = [
        keccak(b"\x01" + content[start : start + 64].tobytes().ljust(256, b"\0"))
        for start in (0, 64, 128)
    ]
    left = keccak(b"\x02" + leaves[0] + leaves[1])
    right = keccak(b"\x02" + leaves[2] + tensor.ZERO_LEAF)
    assert tensor.tensor_root(content) == keccak(b"\x02" + left + right)


def test_zeros_have_the_zero_root_of_their_depth() -> None:
    for length in LENGTHS:
        zeros = np.zeros(length, np.uint32)
        assert tensor.tensor_root(zeros) == tensor.zero_root(tensor.depth(length))
    assert tensor.zero_root(5) == subtree(tensor.ZERO_LEAF, 5, Tag.TENSOR_NODE)


def test_big_endian_arrays_and_slices_commit_to_the_same_words() -> None:
    content = np.arange(100, dtype=np.uint32)
    assert tensor.tensor_root(content.astype(">u4")) == tensor.tensor_root(content)
    doubled = np.repeat(content, 2)
    assert tensor.tensor_root(doubled[::2]) == tensor.tensor_root(content)


@given(tensors, st.data())
def test_every_word_opens(content: Words, data: st.DataObject) -> None:
    place = data.draw(st.integers(0, max(len(content) - 1, 0)))
    index, offset = divmod(place, tensor.LEAF_WORDS)
    leaf = tensor.leaf_bytes(content, index)
    path = tensor.tensor_path(content, index)
    assert len(path) == tensor.depth(len(content))
    assert tensor.leaf_root(leaf, index, path) == tensor.tensor_root(content)
    assert tensor.word_in(leaf, offset) == (content[place] if len(content) else 0)


@given(tensors.filter(len), st.integers(0, 2**32 - 1), st.data())
def test_replacing_a_word_in_a_leaf_is_replacing_it_in_the_tensor(
    content: Words, word: int, data: st.DataObject
) -> None:
    place = data.draw(st.integers(0, len(content) - 1))
    index, offset = divmod(place, tensor.LEAF_WORDS)
    leaf = tensor.with_word(tensor.leaf_bytes(content, index), offset, word)
    path = tensor.tensor_path(content, index)
    changed = content.copy()
    changed[place] = word
    assert tensor.leaf_bytes(changed, index) == leaf
    assert climb(tensor.leaf_hash(leaf), index, path, Tag.TENSOR_NODE) == tensor.tensor_root(
        changed
    )


@given(tensors, tensors)
def test_different_words_have_different_roots(one: Words, other: Words) -> None:
    # Of one length: a register's leaf binds the length, its tensor's root only the depth.
    if len(one) == len(other):
        same = bool(np.array_equal(one, other))
        assert (tensor.tensor_root(one) == tensor.tensor_root(other)) == same
