"""Trees over hashes: shape, paths, and what separates a leaf from a node."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from merkletools import MerkleTools

from prover.commit import merkle
from prover.commit.keccak import ZERO_HASH, Hash, keccak, tagged
from prover.commit.tags import Tag

NODES = (Tag.TENSOR_NODE, Tag.SEGMENT_NODE, Tag.ENTRY_NODE, Tag.BUNDLE_NODE, Tag.DISSECTION_NODE)
trees = st.tuples(
    st.lists(st.binary(min_size=32, max_size=32).map(Hash), max_size=40),
    st.sampled_from(NODES),
    st.binary(min_size=32, max_size=32).map(Hash),
)


def leaves_of(count: int) -> list[Hash]:
    return [keccak(bytes([i % 256, i // 256])) for i in range(count)]


def plain_root(leaves: list[Hash], depth: int, node: Tag, absent: Hash) -> Hash:
    """The definition: halve, down to single places."""
    if depth == 0:
        return leaves[0] if leaves else absent
    half = 1 << (depth - 1)
    left = plain_root(leaves[:half], depth - 1, node, absent)
    right = plain_root(leaves[half:], depth - 1, node, absent)
    return keccak(bytes([node]) + left + right)


def test_keccak_is_ethereums() -> None:
    empty = "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"
    assert keccak(b"").hex() == empty
    assert tagged(Tag.RUN, b"ab", b"c") == keccak(b"\x09abc")


def test_tags_are_one_byte_each_and_all_different() -> None:
    assert sorted(Tag) == list(range(1, len(Tag) + 1))
    assert len({tag.value for tag in Tag}) == len(Tag.__members__)


@pytest.mark.parametrize(
    ("count", "depth"), [(0, 0), (1, 0), (2, 1), (3, 2), (4, 2), (5, 3), (1 << 32, 32)]
)
def test_depth_of_a_count(count: int, depth: int) -> None:
    assert merkle.ceil_log2(count) == depth


@given(trees)
def test_the_root_is_that_of_the_definition(tree: tuple[list[Hash], Tag, Hash]) -> None:
    leaves, node, absent = tree
    depth = merkle.ceil_log2(len(leaves))
    assert merkle.root(leaves, node, absent) == plain_root(leaves, depth, node, absent)
    deeper = merkle.levels(leaves, node, absent, depth + 2)
    assert deeper[-1] == [plain_root(leaves, depth + 2, node, absent)]


@given(trees, st.data())
def test_every_path_leads_to_the_root(
    tree: tuple[list[Hash], Tag, Hash], data: st.DataObject
) -> None:
    leaves, node, absent = tree
    index = data.draw(st.integers(0, max(len(leaves) - 1, 0)))
    siblings = merkle.path(leaves, index, node, absent)
    leaf = leaves[index] if leaves else absent
    root = merkle.root(leaves, node, absent)
    assert len(siblings) == merkle.ceil_log2(len(leaves))
    assert merkle.climb(leaf, index, siblings, node) == root
    other = keccak(leaf)
    assert merkle.climb(other, index, siblings, node) != root


@pytest.mark.parametrize(("count", "index"), [(0, 1), (3, 3), (3, -1)])
def test_there_is_no_path_to_a_leaf_that_is_not_there(count: int, index: int) -> None:
    with pytest.raises(IndexError):
        merkle.path(leaves_of(count), index, Tag.ENTRY_NODE)


def test_an_absent_subtree_is_a_tree_of_absent_leaves() -> None:
    for depth in range(6):
        full = merkle.root([ZERO_HASH] * (1 << depth), Tag.ENTRY_NODE)
        assert merkle.subtree(ZERO_HASH, depth, Tag.ENTRY_NODE) == full


def test_nodes_of_different_trees_never_meet() -> None:
    leaves = leaves_of(4)
    assert len({merkle.root(leaves, node) for node in NODES}) == len(NODES)


def test_a_node_is_no_leaf_of_a_smaller_tree() -> None:
    leaves = leaves_of(4)
    inner = merkle.levels(leaves, Tag.ENTRY_NODE)[1]
    assert merkle.root(inner, Tag.ENTRY_NODE) == merkle.root(leaves, Tag.ENTRY_NODE)
    # Which is why leaves are hashed under a tag of their own before they enter a tree.
    hashed = [tagged(Tag.ENTRY, leaf) for leaf in leaves]
    pairs = [tagged(Tag.ENTRY, node) for node in merkle.levels(hashed, Tag.ENTRY_NODE)[1]]
    assert merkle.root(pairs, Tag.ENTRY_NODE) != merkle.root(hashed, Tag.ENTRY_NODE)


class _Hasher:
    """hashlib's shape around a tagged hash, for the oracle below."""

    def __init__(self, message: Any) -> None:
        self._digest = tagged(Tag.ENTRY_NODE, bytes(message))

    def digest(self) -> bytes:
        return self._digest


@pytest.mark.parametrize("count", [1, 2, 4, 8, 64, 1024])
def test_full_trees_are_those_of_merkletools(count: int) -> None:
    leaves = leaves_of(count)
    oracle = MerkleTools()
    oracle.hash_function = _Hasher
    oracle.add_leaf([leaf.hex() for leaf in leaves])
    oracle.make_tree()
    assert oracle.get_merkle_root() == merkle.root(leaves, Tag.ENTRY_NODE).hex()
    for index in {0, count // 2, count - 1}:
        siblings = [bytes.fromhex(step["left" if "left" in step else "right"])
                    for step in oracle.get_proof(index)]  # fmt: skip
        assert siblings == merkle.path(leaves, index, Tag.ENTRY_NODE)
