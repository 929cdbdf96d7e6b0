"""The state's trees: dense by place, growing at the end (docs/ledger.md, section 2).

A tree over n places has depth ceil_log2(n), as every tree of the protocol; when a place comes that
does not fit, the old root becomes the left child of the new one. Absent leaves are 32 zero bytes.
"""

from collections.abc import Sequence
from typing import Final

from prover.commit.keccak import ZERO_HASH, Hash, tagged
from prover.commit.merkle import ceil_log2, climb, subtree
from prover.commit.tags import Tag
from rollup.protocol.ledger.header import Forest, Header
from rollup.protocol.ledger.types import ACCOUNT_BYTES, EPOCH_BYTES, JOB_BYTES, RECORD_BYTES

NODE: Final = Tag.LEDGER_NODE
LEAF_TAGS: Final = (Tag.ACCOUNT, Tag.RECORD, Tag.JOB, Tag.EPOCH)
"""By `Forest`."""
LEAF_BYTES: Final = (ACCOUNT_BYTES, RECORD_BYTES, JOB_BYTES, EPOCH_BYTES)
"""By `Forest`."""


def leaf_of(forest: Forest, packed: bytes) -> Hash:
    """The leaf of a packed account, record, job or epoch."""
    return tagged(LEAF_TAGS[forest], packed)


def places(header: Header, forest: Forest) -> int:
    """How many places of the tree are taken."""
    count = header.counts[forest]
    return min(count, 1 << header.ring) if forest == Forest.RECORDS else count


def place_of(header: Header, forest: Forest, index: int) -> int:
    """The place of an index: itself, but for records, which take places in a ring."""
    return index % (1 << header.ring) if forest == Forest.RECORDS else index


def known(header: Header, forest: Forest, index: int) -> bool:
    """Whether there is such an account, record, job or epoch. Index 0 is nobody's account; a record
    whose place was taken again is no more.
    """
    if forest == Forest.ACCOUNTS and index == 0:
        return False
    if forest == Forest.RECORDS and index + (1 << header.ring) < header.counts[forest]:
        return False
    return index < header.counts[forest]


def pushed_root(
    root: Hash, taken: int, place: int, old: Hash, new: Hash, siblings: Sequence[Hash]
) -> Hash | None:
    """The root once `new` replaces `old` at `place`, one that is taken or the first that is not;
    None when `siblings` do not open `old` there.
    """
    if ceil_log2(place + 1) > ceil_log2(taken):
        root = tagged(NODE, root, subtree(ZERO_HASH, ceil_log2(taken), NODE))
    if climb(old, place, siblings, NODE) != root:
        return None
    return climb(new, place, siblings, NODE)


class Tree:
    """A tree that is kept, by a list a level."""

    def __init__(self, leaves: Sequence[Hash] = ()) -> None:
        self._levels: list[list[Hash]] = [[]]
        for place, leaf in enumerate(leaves):
            self.put(place, leaf)

    def copy(self) -> "Tree":
        """Another one, equal for now."""
        made = Tree()
        made._levels = [list(level) for level in self._levels]
        return made

    @property
    def root(self) -> Hash:
        """Of the places taken; the absent leaf when there are none."""
        depth = ceil_log2(len(self._levels[0]))
        return self._levels[depth][0] if self._levels[0] else ZERO_HASH

    def put(self, place: int, leaf: Hash) -> None:
        """Sets a place that is taken, or the first that is not."""
        node = leaf
        for height in range(ceil_log2(max(len(self._levels[0]), place + 1)) + 1):
            if height:
                place >>= 1
                below = self._levels[height - 1]
                left = below[2 * place]
                right = (
                    below[2 * place + 1]
                    if 2 * place + 1 < len(below)
                    else subtree(ZERO_HASH, height - 1, NODE)
                )
                node = tagged(NODE, left, right)
            if height == len(self._levels):
                self._levels.append([])
            level = self._levels[height]
            if place == len(level):
                level.append(node)
            else:
                level[place] = node

    def leaf(self, place: int) -> Hash:
        """What stands at a place: an absent leaf where it is not taken."""
        leaves = self._levels[0]
        return leaves[place] if place < len(leaves) else ZERO_HASH

    def path(self, place: int, depth: int) -> list[Hash]:
        """Siblings from the leaf up in a tree of this depth, at least the tree's own."""
        siblings = []
        for height in range(depth):
            sibling = (place >> height) ^ 1
            level = self._levels[height] if height < len(self._levels) else []
            present = sibling < len(level)
            siblings.append(level[sibling] if present else subtree(ZERO_HASH, height, NODE))
        return siblings
