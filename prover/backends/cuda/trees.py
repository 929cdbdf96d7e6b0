"""Commitments to tensors that lie in a device's memory: of each no more than its root leaves it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from prover.backends.cuda import keccak
from prover.backends.cuda.device import Call, Device, Piece
from prover.backends.cuda.kernels import Kernel
from prover.commit.hashes import HASH_BYTES
from prover.commit.keccak import Hash
from prover.commit.permutation import ROUND_CONSTANTS
from prover.commit.tensor import depth, leaf_count, zero_root

_MOST: Final = 8
"""Levels that a block climbs: it has 2^this nodes."""
_FEW: Final = 5
"""Levels below the last few, in which most threads of a block have nothing to do."""
_HASH_WORDS: Final = HASH_BYTES // 4
_DEEPEST: Final = 26
"""Levels of a tree over 2^32 words."""
_MODULO: Final = (1 << 64) - 1


@dataclass(frozen=True, slots=True)
class _Tree:
    """A row of `keccak`'s table, apart from the number of its first block."""

    source: int
    words: int
    count: int
    out: int
    height: int = 0
    level: int = 0


def heights(levels: int) -> list[int]:
    """How many of a tree's levels each launch climbs: as few launches as can be, and the narrow
    tops of blocks among the last, which have few of them.
    """
    found: list[int] = []
    left = max(1, -(-levels // _MOST))
    for later in range(left - 1, -1, -1):
        height = max(levels - _MOST * later, min(_FEW, levels)) if later else levels
        found.append(height)
        levels -= height
    return found


class Commitments:
    """The roots of tensors in a device's memory, all of them at once.

    Nothing may write the tensors between `start` and `roots`.
    """

    def __init__(self, device: Device, tensors: Sequence[Piece]) -> None:
        """Each tensor begins at a multiple of 16 bytes, as what a device gives does."""
        device.load([keccak.leaves(), keccak.nodes()])
        self._device = device
        self._tensors = tuple(tensors)
        places = _Places()
        roots = places.take(len(tensors))
        passes = self._passes(places, roots)
        self._made = device.take(places.taken)
        self._fixed = _put(device, _fixed())
        constants = self._fixed.address
        absents = constants + 8 * len(ROUND_CONSTANTS)
        self._tables: list[Piece] = []
        calls = []
        for number, trees in enumerate(passes):
            kernel = keccak.nodes() if number else keccak.leaves()
            call, table = _over(device, kernel, trees, keccak.NODES, lambda tree: tree.count)
            self._tables.append(table)
            more = (constants, absents, self._made.address)
            calls.append(call._replace(arguments=(*call.arguments, *more)))
        self._run: Callable[[int], None] = device.record(calls)
        self._started = False

    def start(self) -> None:
        """Begin to hash, and do not wait."""
        self._run(1)
        self._started = True

    def roots(self) -> list[Hash]:
        """The tensors' roots, as of the last `start`, or of now where there was none."""
        if not self._started:
            self.start()
        made = np.empty(_HASH_WORDS * len(self._tensors), np.uint32)
        if len(made):
            self._device.get(replace(self._made, count=len(made)), made)
        rows = made.astype("<u4", copy=False).reshape(-1, _HASH_WORDS)
        return [Hash(row.tobytes()) for row in rows]

    def _passes(self, places: "_Places", roots: int) -> list[list[_Tree]]:
        """What each launch does, of every tree that reaches so high."""
        passes: list[list[_Tree]] = []
        for number, tensor in enumerate(self._tensors):
            source, count, level = tensor.address, leaf_count(tensor.count), 0
            parts = heights(depth(tensor.count))
            for at, height in enumerate(parts):
                above = -(-count >> height)
                last = at == len(parts) - 1
                out = roots + _HASH_WORDS * number if last else places.take(above)
                if at == len(passes):
                    passes.append([])
                passes[at].append(_Tree(source, tensor.count, count, out, height, level))
                source, count, level = out, above, level + height
        return passes


def copies(device: Device, tensors: Sequence[Piece]) -> list[Piece]:
    """Copies of tensors in a device's memory; waits until they are there."""
    made = [device.take(one.count) for one in tensors]
    copy(device, list(zip(tensors, made, strict=True)))
    return made


def copy(device: Device, pairs: Sequence[tuple[Piece, Piece]]) -> None:
    """Copy the first's words over the second's, of each pair; waits until they are there."""
    pairs = [(source, out) for source, out in pairs if source.count]
    if not pairs:
        return
    device.load([keccak.copy()])
    base = pairs[0][1].address
    trees = [
        _Tree(source.address, source.count, 0, (out.address - base) // 4 & _MODULO)
        for source, out in pairs
    ]
    call, table = _over(device, keccak.copy(), trees, keccak.COPIED, lambda tree: tree.words)
    device.record([call._replace(arguments=(*call.arguments, base))])(1)
    # The table's memory must not be given to others before it was read.
    device.get(replace(table, count=1), np.empty(1, np.uint32))


class _Places:
    """Places of nodes in memory, in words."""

    def __init__(self) -> None:
        self.taken = 0

    def take(self, count: int) -> int:
        """Room for so many hashes."""
        start, self.taken = self.taken, self.taken + _HASH_WORDS * count
        return start


def _over(
    device: Device, kernel: Kernel, trees: Sequence[_Tree], size: int, count: Callable[[_Tree], int]
) -> tuple[Call, Piece]:
    """The launch of a kernel over trees, blocks of `size`, and the table it reads."""
    rows, blocks = [], 0
    for tree in trees:
        rows.append(
            (tree.source, tree.words, tree.count, blocks, tree.out, tree.height, tree.level)
        )
        blocks += -(-count(tree) // size)
    table = _put(device, np.array(rows, np.uint64))
    return Call(kernel.name, blocks, keccak.THREADS, (table.address, len(rows))), table


def _fixed() -> np.ndarray[tuple[int, ...], np.dtype[np.uint64]]:
    """What is the same for all: the constants of the rounds, and roots of zeros by height."""
    zeros = b"".join(zero_root(height) for height in range(_DEEPEST))
    return np.concatenate([np.array(ROUND_CONSTANTS, np.uint64), np.frombuffer(zeros, "<u8")])


def _put(device: Device, given: np.ndarray[tuple[int, ...], np.dtype[np.uint64]]) -> Piece:
    words = np.ascontiguousarray(given).reshape(-1).view(np.uint32)
    piece = device.take(len(words))
    device.put(piece, words)
    return piece
