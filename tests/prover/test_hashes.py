"""Trees over arrays are those over lists, on one thread and on two; kept trees are never stale."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prover.commit import hashes, merkle, tensor
from prover.commit.hashes import Hashes
from prover.commit.keccak import ZERO_HASH, Hash, tagged
from prover.commit.tags import Tag
from prover.commit.tensor import Words
from prover.commit.tensortree import TensorTree
from prover.errors import WordsError

LARGE = (1 << hashes.BLOCK_HEIGHT, (1 << hashes.BLOCK_HEIGHT) + 1, 20_001)
absents = st.sampled_from([ZERO_HASH, tensor.ZERO_LEAF])


def some(count: int, seed: int = 0) -> Hashes:
    return np.random.default_rng(seed).integers(0, 256, (count, 32), np.uint8)


def words(length: int, seed: int = 0) -> Words:
    return np.random.default_rng(seed).integers(0, 2**32, length, np.uint32)


def listed(level: Hashes) -> list[Hash]:
    return [Hash(row.tobytes()) for row in level]


def plain_tensor_root(content: Words) -> Hash:
    """The definition: each leaf hashed by itself, a tree over the list."""
    count = tensor.leaf_count(len(content))
    leaves = [tensor.leaf_hash(tensor.leaf_bytes(content, index)) for index in range(count)]
    return merkle.root(leaves, Tag.TENSOR_NODE, tensor.ZERO_LEAF)


@pytest.mark.parametrize("absent", [ZERO_HASH, tensor.ZERO_LEAF])
def test_small_trees_are_those_of_the_definition(absent: Hash) -> None:
    for count in range(71):
        leaves = some(count, count)
        plain = merkle.levels(listed(leaves), Tag.ENTRY_NODE, absent)
        made = hashes.levels(leaves, Tag.ENTRY_NODE, absent)
        assert [listed(level) for level in made] == plain
        assert hashes.root(leaves, Tag.ENTRY_NODE, absent) == plain[-1][0]


@pytest.mark.parametrize("count", LARGE)
def test_large_trees_are_those_of_the_definition(count: int) -> None:
    leaves = some(count)
    plain = merkle.levels(listed(leaves), Tag.ENTRY_NODE)
    for threads in (1, 2, 3):
        assert hashes.root(leaves, Tag.ENTRY_NODE, threads=threads) == plain[-1][0]
        made = hashes.levels(leaves, Tag.ENTRY_NODE, threads=threads)
        assert [listed(level) for level in made] == plain
    over = [tagged(Tag.ENTRY, one) for one in plain[0]]
    for threads in (1, 2):
        made_over = hashes.root_over(Tag.ENTRY, leaves, Tag.ENTRY_NODE, threads=threads)
        assert made_over == merkle.root(over, Tag.ENTRY_NODE)


@given(st.integers(0, 300), st.integers(0, 4), absents, st.data())
def test_deeper_trees_and_paths(count: int, deeper: int, absent: Hash, data: st.DataObject) -> None:
    leaves = some(count, count)
    depth = merkle.ceil_log2(count) + deeper
    rows = hashes.levels(leaves, Tag.SEGMENT_NODE, absent, depth)
    plain = merkle.levels(listed(leaves), Tag.SEGMENT_NODE, absent, depth)
    assert [listed(level) for level in rows] == plain
    index = data.draw(st.integers(0, (1 << depth) - 1))
    path = merkle.path_in(rows, index, Tag.SEGMENT_NODE, absent)
    assert path == merkle.path_in(plain, index, Tag.SEGMENT_NODE, absent)
    leaf = plain[0][index] if index < len(plain[0]) else absent
    assert merkle.climb(leaf, index, path, Tag.SEGMENT_NODE) == plain[-1][0]


def test_arrays_that_are_too_small_are_refused() -> None:
    with pytest.raises(IndexError, match="do not fit"):
        hashes.hash_rows(Tag.ROW, some(3), some(3), 3, 64)
    with pytest.raises(IndexError, match="do not fit"):
        hashes.hash_rows(Tag.ROW, some(6), some(2), 3, 64)
    for count in (0, 3):
        with pytest.raises(IndexError, match="nodes in an array"):
            hashes.climb(some(3), count, 2, Tag.ENTRY_NODE, ZERO_HASH)


def test_what_is_given_is_left_as_it_is() -> None:
    leaves = some(100)
    before = leaves.copy()
    hashes.root(leaves, Tag.ENTRY_NODE)
    hashes.levels(leaves, Tag.ENTRY_NODE)
    hashes.root(leaves[:1], Tag.ENTRY_NODE)
    assert (leaves == before).all()
    strided = np.repeat(leaves, 2, axis=0)[::2]
    assert hashes.root(strided, Tag.ENTRY_NODE) == hashes.root(leaves, Tag.ENTRY_NODE)


@settings(max_examples=50)
@given(st.integers(0, 9_000), st.integers(0, 99))
def test_tensors_have_the_root_of_the_definition(length: int, seed: int) -> None:
    content = words(length, seed)
    assert tensor.tensor_root(content) == plain_tensor_root(content)


def test_large_and_many_tensors_on_any_number_of_threads() -> None:
    blocks = tensor.LEAF_WORDS << hashes.BLOCK_HEIGHT
    tensors = [words(length, length) for length in (blocks + 1, 0, 64, blocks - 3, 7, 5000)]
    plain = [plain_tensor_root(content) for content in tensors]
    for threads in (1, 2, 3):
        assert tensor.tensor_roots(tensors, threads) == plain


@pytest.mark.parametrize("dtype", [np.float32, np.int32, np.uint64, np.uint8, bool])
def test_other_types_than_words_are_refused(dtype: type) -> None:
    with pytest.raises(WordsError, match="uint32"):
        tensor.tensor_root(np.zeros(3, dtype))


def test_other_shapes_than_a_line_are_refused() -> None:
    with pytest.raises(WordsError, match="one dimension"):
        tensor.tensor_root(np.zeros((2, 3), np.uint32))
    with pytest.raises(WordsError, match="contiguous"):
        TensorTree(np.zeros(6, np.uint32)[::2])


@given(
    st.sampled_from([0, 1, 63, 64, 65, 448, 511, 512, 513, 1024, 4097, 33_000]),
    st.lists(st.tuples(st.integers(-5, 33_005), st.integers(0, 9_000)), max_size=6),
    st.integers(1, 2),
)
def test_an_updated_tree_is_one_made_anew(
    length: int, writes: list[tuple[int, int]], threads: int
) -> None:
    content = words(length)
    tree = TensorTree(content, threads)
    assert tree.root == tensor.tensor_root(content)
    for start, size in writes:
        content[max(start, 0) : max(start + size, 0)] ^= np.uint32(0x10001)
        tree.update(start, start + size, threads)
        assert tree.root == tensor.tensor_root(content)
    count = tensor.leaf_count(length)
    for index in {0, count // 2, count - 1}:
        assert tree.path(index) == tensor.tensor_path(content, index)
        leaf = tensor.leaf_bytes(content, index)
        assert tensor.leaf_root(leaf, index, tree.path(index)) == tree.root


def test_a_kept_tree_is_small() -> None:
    content = words(1 << 20)
    tree = TensorTree(content)
    assert sum(level.nbytes for level in tree._rows) <= content.nbytes / 31
