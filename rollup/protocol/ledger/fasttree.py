"""The state's trees kept in arrays, updated level by level: what `trees.Tree` says, many leaves at
once.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from prover.commit.hashes import HASH_BYTES, Hashes, hash_all, hash_at, levels, row_of
from prover.commit.keccak import ZERO_HASH, Hash
from prover.commit.merkle import ceil_log2, subtree
from rollup.protocol.ledger.trees import NODE

_FIRST_DEPTH: Final = 4


class FastTree:
    """A tree over places 0 .. 2^depth - 1, absent ones included; it grows by doubling."""

    def __init__(self) -> None:
        self._rows = [_absent(height, _FIRST_DEPTH) for height in range(_FIRST_DEPTH + 1)]

    @classmethod
    def over(cls, leaves: Hashes) -> "FastTree":
        """The tree over n >= 1 leaves, at once."""
        made = cls()
        made.grow(len(leaves))
        rows = levels(leaves, NODE, ZERO_HASH, len(made._rows) - 1)
        for mine, row in zip(made._rows, rows, strict=True):
            mine[: len(row)] = row
        return made

    def grow(self, places: int) -> None:
        """Makes room for so many places."""
        while len(self._rows[0]) < places:
            depth = len(self._rows)
            self._rows = [
                np.concatenate([row, _absent(height, depth - 1)])
                for height, row in enumerate(self._rows)
            ]
            self._rows.append(hash_all(NODE, self._rows[-1].reshape(1, 2 * HASH_BYTES)))

    def root(self, places: int) -> Hash:
        """Root of the tree over the first so many places."""
        return hash_at(self._rows[ceil_log2(places)], 0)

    def leaf(self, place: int) -> Hash:
        """What stands at a place."""
        return hash_at(self._rows[0], place)

    def path(self, place: int, depth: int) -> list[Hash]:
        """Siblings from the leaf up in a tree of this depth, for which there is room."""
        return [hash_at(self._rows[height], place >> height ^ 1) for height in range(depth)]

    def copy(self) -> "FastTree":
        """Another one, equal for now."""
        made = FastTree()
        made._rows = [row.copy() for row in self._rows]
        return made

    def put(self, places: NDArray[np.int64], leaves: Hashes) -> None:
        """Sets these places, which ascend and are inside, and hashes what lies above them."""
        self._rows[0][places] = leaves
        for height in range(len(self._rows) - 1):
            places = distinct(places >> 1)
            pairs = np.take(self._rows[height].view("<u8").reshape(-1, 8), places, axis=0)
            self._rows[height + 1][places] = hash_all(NODE, pairs.view(np.uint8))


def distinct(ascending: NDArray[np.int64]) -> NDArray[np.int64]:
    """The values of an array in ascending order, each once."""
    first = np.empty(len(ascending), bool)
    first[:1] = True
    np.not_equal(ascending[1:], ascending[:-1], out=first[1:])
    return ascending[first]


def _absent(height: int, depth: int) -> Hashes:
    """A level of a tree of this depth in which nothing is."""
    row = np.empty((1 << (depth - height), HASH_BYTES), np.uint8)
    row[:] = row_of(subtree(ZERO_HASH, height, NODE))
    return row
