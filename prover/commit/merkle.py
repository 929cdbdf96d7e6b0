"""Binary Merkle trees over hashes (docs/protocol.md, section 2).

A tree over `count` leaves has `2^depth` places, `depth = ceil_log2(count)`; absent leaves hold a
fixed constant. Paths list siblings from the leaf up. The depth always follows from a committed
count: whoever checks a path knows its length before.

These functions take lists of hashes and are the definition. `hashes` has the same ones for arrays.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from prover.commit.keccak import ZERO_HASH, Hash, tagged
from prover.commit.tags import Tag


def ceil_log2(count: int) -> int:
    """Depth of a tree over `count >= 0` leaves; 0 for none or one."""
    return max(count - 1, 0).bit_length()


def levels(
    leaves: Sequence[Hash], node: Tag, absent: Hash = ZERO_HASH, depth: int | None = None
) -> list[list[Hash]]:
    """All levels of the tree, leaves first, root last; each holds its present nodes and at least
    one.

    A level that is short of its width is continued by the absent subtree of that height. `depth`
    is that of the leaf count unless a larger one is given.
    """
    level = list(leaves) or [absent]
    rows = [level]
    for _ in range(ceil_log2(len(leaves)) if depth is None else depth):
        if len(level) % 2:
            level = [*level, absent]
        level = [tagged(node, level[i], level[i + 1]) for i in range(0, len(level), 2)]
        absent = tagged(node, absent, absent)
        rows.append(level)
    return rows


def root(leaves: Sequence[Hash], node: Tag, absent: Hash = ZERO_HASH) -> Hash:
    """Root of the tree over `leaves`; `absent` itself when there are none."""
    return levels(leaves, node, absent)[-1][0]


def path(leaves: Sequence[Hash], index: int, node: Tag, absent: Hash = ZERO_HASH) -> list[Hash]:
    """Siblings of leaf `index`, from the leaf up.

    Raises:
        IndexError: when there is no such leaf.
    """
    if not 0 <= index < max(len(leaves), 1):
        raise IndexError(f"no leaf {index} in a tree of {len(leaves)}")
    return path_in(levels(leaves, node, absent), index, node, absent)


def path_in(rows: Sequence[Any], index: int, node: Tag, absent: Hash = ZERO_HASH) -> list[Hash]:
    """Siblings of leaf `index` in a tree whose `levels` are at hand, as lists or as arrays."""
    siblings: list[Hash] = []
    for height, level in enumerate(rows[:-1]):
        sibling = index ^ 1
        present = sibling < len(level)
        siblings.append(Hash(bytes(level[sibling])) if present else subtree(absent, height, node))
        index >>= 1
    return siblings


def climb(leaf: Hash, index: int, siblings: Sequence[Hash], node: Tag) -> Hash:
    """The root that `leaf` at `index` has, given its siblings."""
    for sibling in siblings:
        leaf = tagged(node, sibling, leaf) if index & 1 else tagged(node, leaf, sibling)
        index >>= 1
    return leaf


@lru_cache(maxsize=4096)
def subtree(absent: Hash, depth: int, node: Tag) -> Hash:
    """Root of a tree of `2^depth` absent leaves."""
    if depth == 0:
        return absent
    half = subtree(absent, depth - 1, node)
    return tagged(node, half, half)
