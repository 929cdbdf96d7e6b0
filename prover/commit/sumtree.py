"""The Merkle sum tree over a program's rows (docs/protocol.md, section 5).

A node is (hash, sum). The hash of a parent binds the sums of both its children, so the path to a
leaf proves how much lies to its left: a micro-step belongs to exactly one row.
"""

from collections.abc import Sequence
from typing import NamedTuple

from prover.commit.keccak import ZERO_HASH, Hash, tagged
from prover.commit.merkle import ceil_log2
from prover.commit.tags import Tag


class SumNode(NamedTuple):
    """A hash and the number of micro-steps (u64) below it."""

    hash: Hash
    sum: int


ABSENT = SumNode(ZERO_HASH, 0)


def join(left: SumNode, right: SumNode) -> SumNode:
    """Parent of two nodes."""
    preimage = left.hash + left.sum.to_bytes(8, "big") + right.hash + right.sum.to_bytes(8, "big")
    return SumNode(tagged(Tag.SUM_NODE, preimage), left.sum + right.sum)


def levels(leaves: Sequence[SumNode]) -> list[list[SumNode]]:
    """All levels of the tree padded with absent leaves, leaves first."""
    level = list(leaves) + [ABSENT] * ((1 << ceil_log2(len(leaves))) - len(leaves))
    rows = [level]
    while len(level) > 1:
        level = [join(level[i], level[i + 1]) for i in range(0, len(level), 2)]
        rows.append(level)
    return rows


def path(rows: Sequence[Sequence[SumNode]], index: int) -> list[SumNode]:
    """Siblings of leaf `index`, from the leaf up."""
    return [level[(index >> height) ^ 1] for height, level in enumerate(rows[:-1])]


def climb(leaf: SumNode, index: int, siblings: Sequence[SumNode]) -> tuple[SumNode, int]:
    """The root above a leaf, and the sum of everything to the leaf's left."""
    before = 0
    for sibling in siblings:
        if index & 1:
            before += sibling.sum
            leaf = join(sibling, leaf)
        else:
            leaf = join(leaf, sibling)
        index >>= 1
    return leaf, before
