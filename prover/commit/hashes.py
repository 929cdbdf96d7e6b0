"""Many hashes at once: arrays of messages and of hashes, and trees over them.

What `merkle` says of lists of hashes holds here of arrays, bit for bit; this is what anything with
more than a handful of leaves uses.
"""

from collections.abc import Callable, Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from prover.commit.keccak import ZERO_HASH, Hash, tagged
from prover.commit.lanes import climber, hasher
from prover.commit.merkle import ceil_log2, subtree
from prover.commit.tags import Tag
from prover.native.threads import spread

Hashes = NDArray[np.uint8]
"""n x 32, contiguous: a hash a row."""

HASH_BYTES = 32
BLOCK_HEIGHT = 13
"""Leaves of a block are 2^this: what one thread takes at a time, and what its cache holds."""


def hash_all(tag: Tag, messages: NDArray[np.uint8], threads: int = 1) -> Hashes:
    """H(tag | row) of every row of an n x length array, length >= 1."""
    rows = np.ascontiguousarray(messages)
    hashes = np.empty((len(rows), HASH_BYTES), np.uint8)
    hash_rows(tag, rows, hashes, len(rows), rows.shape[1], threads)
    return hashes


def hash_rows(
    tag: Tag, source: NDArray[np.generic], out: Hashes, count: int, length: int, threads: int = 1
) -> None:
    """H(tag | message) of `count` messages of `length` >= 1 bytes at the start of `source` to the
    first rows of `out`. Both are contiguous and do not overlap.
    """
    if source.nbytes < count * length or out.nbytes < count * HASH_BYTES:
        raise IndexError(f"{count} messages of {length} bytes do not fit these arrays")
    _hash(tag, _address(source), _address(out), count, length, threads)


def _hash(tag: Tag, read: int, write: int, count: int, length: int, threads: int) -> None:
    run = hasher(length)
    if threads <= 1:
        run(tag, read, write, count)
        return
    size = 1 << BLOCK_HEIGHT

    def block(number: int) -> None:
        start = number * size
        rows = min(size, count - start)
        run(tag, read + start * length, write + start * HASH_BYTES, rows)

    share_out(block, -(-count // size), threads)


def climb(nodes: Hashes, count: int, levels: int, node: Tag, absent: Hash) -> None:
    """Replace the first `count` >= 1 rows by the nodes so many levels above them.

    `absent` is what is missing on the level of `nodes`, which have room for a row more.
    """
    if not 0 < count < len(nodes):
        raise IndexError(f"{count} nodes in an array of {len(nodes)}")
    if levels:
        absents = _absents(absent, levels, node)
        climber()(node, _address(nodes), count, levels, _address(absents))


def share_out(work: Callable[[int], None], count: int, threads: int) -> None:
    """Call `work` with each of 0 .. count - 1, on as many threads as are wanted and of use."""
    threads = min(threads, count)
    numbers = iter(range(count))

    def several(_thread: int, _of: int) -> None:
        for number in numbers:  # whoever is free takes the next
            work(number)

    if threads <= 1:
        several(0, 1)
    else:
        spread(several, threads)


def levels(
    leaves: Hashes,
    node: Tag,
    absent: Hash = ZERO_HASH,
    depth: int | None = None,
    threads: int = 1,
) -> list[Hashes]:
    """`merkle.levels` of an array. Those above the leaves share one piece of memory."""
    level = np.ascontiguousarray(leaves) if len(leaves) else row_of(absent).reshape(1, -1)
    counts = [len(level)]
    for _ in range(ceil_log2(len(leaves)) if depth is None else depth):
        counts.append(-(-counts[-1] // 2))
    rows, above = [level], np.empty((sum(counts[1:]), HASH_BYTES), np.uint8)
    read, write = _address(level), _address(above)
    for height, count in enumerate(counts[1:]):
        pairs, odd = divmod(counts[height], 2)
        _hash(node, read, write, pairs, 2 * HASH_BYTES, threads)
        if odd:
            sibling = subtree(absent, height, node)
            above[pairs] = row_of(tagged(node, level[-1].tobytes(), sibling))
        level, above = above[:count], above[count:]
        rows.append(level)
        read, write = write, write + count * HASH_BYTES
    return rows


def root(leaves: Hashes, node: Tag, absent: Hash = ZERO_HASH, threads: int = 1) -> Hash:
    """`merkle.root` of an array."""
    leaves = np.ascontiguousarray(leaves)
    if len(leaves) == 1:
        return hash_at(leaves, 0)

    def fill(start: int, stop: int) -> tuple[Hashes, int]:
        return _parents(leaves[start:stop], node, absent), 1

    return roots([Forest(fill, len(leaves), node, absent)], threads)[0]


def root_over(
    leaf: Tag,
    messages: NDArray[np.uint8],
    node: Tag,
    absent: Hash = ZERO_HASH,
    threads: int = 1,
) -> Hash:
    """Root of the tree whose leaves are H(leaf | row) of an n x length array, length >= 1. No
    array of all leaves is made.
    """
    rows = np.ascontiguousarray(messages)

    def fill(start: int, stop: int) -> tuple[Hashes, int]:
        hashes = np.empty((stop - start + 1, HASH_BYTES), np.uint8)
        hash_rows(leaf, rows[start:stop], hashes, stop - start, rows.shape[1])
        return hashes, 0

    return roots([Forest(fill, len(rows), node, absent)], threads)[0]


class Forest:
    """The tree over `count` leaves as blocks of 2^BLOCK_HEIGHT leaves, each for any thread to hash.

    `fill` gives the nodes over leaves start .. stop - 1, with room for a row more, and how many
    levels above the leaves they are.
    """

    def __init__(
        self, fill: Callable[[int, int], tuple[Hashes, int]], count: int, node: Tag, absent: Hash
    ) -> None:
        self._fill = fill
        self._count = count
        self._node = node
        self._absent = absent
        self._depth = ceil_log2(count)
        self._low = min(self._depth, BLOCK_HEIGHT)
        self.blocks = -(-count >> self._low)
        self._tops = np.empty((self.blocks + 1, HASH_BYTES), np.uint8)

    def block(self, number: int) -> None:
        """Hash block `number`."""
        start, stop = number << self._low, (number + 1) << self._low
        nodes, height = self._fill(start, min(stop, self._count))
        absent = subtree(self._absent, height, self._node)
        climb(nodes, len(nodes) - 1, self._low - height, self._node, absent)
        self._tops[number] = nodes[0]

    def root(self) -> Hash:
        """The root, when all blocks are hashed."""
        if self._count == 0:
            return self._absent
        absent = subtree(self._absent, self._low, self._node)
        climb(self._tops, self.blocks, self._depth - self._low, self._node, absent)
        return hash_at(self._tops, 0)


def roots(forests: Sequence[Forest], threads: int = 1) -> list[Hash]:
    """The roots of several trees, hashed side by side."""
    work = [(forest, number) for forest in forests for number in range(forest.blocks)]

    def block(number: int) -> None:
        forest, place = work[number]
        forest.block(place)

    share_out(block, len(work), threads)
    return [forest.root() for forest in forests]


def hash_at(level: Hashes, index: int) -> Hash:
    """A row as a hash."""
    return Hash(level[index].tobytes())


def row_of(hash_: Hash) -> NDArray[np.uint8]:
    """A hash as a row."""
    return np.frombuffer(hash_, np.uint8)


def joined(hashes: Sequence[Hash]) -> Hashes:
    """A list of hashes as an array."""
    return np.frombuffer(b"".join(hashes), np.uint8).reshape(-1, HASH_BYTES)


def _parents(level: Hashes, node: Tag, absent: Hash) -> Hashes:
    """The level above one of n >= 1 nodes, and room for a row more."""
    pairs, odd = divmod(len(level), 2)
    above = np.empty((pairs + odd + 1, HASH_BYTES), np.uint8)
    hash_rows(node, level, above, pairs, 2 * HASH_BYTES)
    if odd:
        above[pairs] = row_of(tagged(node, level[-1].tobytes(), absent))
    return above


def _address(array: NDArray[np.generic]) -> int:
    return int(array.__array_interface__["data"][0])


@lru_cache(maxsize=256)
def _absents(absent: Hash, levels: int, node: Tag) -> Hashes:
    return joined([subtree(absent, height, node) for height in range(levels)])
