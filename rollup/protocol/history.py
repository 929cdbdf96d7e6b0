"""History: one hash over all batches so far, that only ever grows (docs/protocol.md, section 8).

A mountain range over the header hashes 0 .. size - 1: a perfect tree for each bit that is set in
size, with as many leaves as the bit says, the highest first. One leaf more joins mountains of equal
height, so peaks and size are all it takes to go on. Each header commits to all headers before it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from prover.commit import merkle
from prover.commit.keccak import tagged
from prover.commit.tags import Tag
from rollup.errors import ReceiptError
from rollup.protocol.types import Hash


@dataclass(frozen=True, slots=True)
class Mountains:
    """The range over so many leaves.

    Raises:
        ReceiptError: when there is not one peak for each bit of the size.
    """

    size: int = 0
    peaks: tuple[Hash, ...] = ()
    """Highest first."""

    def __post_init__(self) -> None:
        if self.size < 0 or len(self.peaks) != self.size.bit_count():
            raise ReceiptError(f"{len(self.peaks)} peaks are no mountains of {self.size} leaves")

    @classmethod
    def of(cls, leaves: Sequence[Hash]) -> "Mountains":
        """The range over these leaves."""
        peaks = [_root(leaves[start:stop]) for start, stop in spans(len(leaves))]
        return cls(len(leaves), tuple(peaks))

    def append(self, leaf: Hash) -> "Mountains":
        """With one leaf more."""
        peaks, size = list(self.peaks), self.size
        while size & 1:
            leaf = tagged(Tag.HISTORY_NODE, peaks.pop(), leaf)
            size >>= 1
        return Mountains(self.size + 1, (*peaks, leaf))

    @property
    def hash(self) -> Hash:
        """H(HISTORY | peaks)."""
        return tagged(Tag.HISTORY, *self.peaks)


def spans(size: int) -> list[tuple[int, int]]:
    """(first leaf, first leaf of the next) of each mountain, in order."""
    found, start = [], 0
    for height in reversed(range(size.bit_length())):
        if size >> height & 1:
            found.append((start, start + (1 << height)))
            start += 1 << height
    return found


@dataclass(frozen=True, slots=True)
class Inclusion:
    """Shows a leaf in a history: its siblings inside its mountain, from it up, and all peaks."""

    siblings: tuple[Hash, ...]
    peaks: tuple[Hash, ...]


def prove(leaves: Sequence[Hash], index: int) -> Inclusion:
    """That leaf `index` is in the history of these leaves.

    Raises:
        IndexError: when there is no such leaf.
    """
    start, stop = _span(len(leaves), index)
    siblings = merkle.path_in(_levels(leaves[start:stop]), index - start, Tag.HISTORY_NODE)
    return Inclusion(tuple(siblings), Mountains.of(leaves).peaks)


def includes(history: Hash, size: int, index: int, leaf: Hash, proof: Inclusion) -> bool:
    """Whether `leaf` is number `index` of the `size` leaves that `history` commits to."""
    if not 0 <= index < size or len(proof.peaks) != size.bit_count():
        return False
    mountains = spans(size)
    which = next(i for i, (_, stop) in enumerate(mountains) if index < stop)
    start, stop = mountains[which]
    return (
        len(proof.siblings) == merkle.ceil_log2(stop - start)
        and proof.peaks[which]
        == merkle.climb(leaf, index - start, proof.siblings, Tag.HISTORY_NODE)
        and Mountains(size, proof.peaks).hash == history
    )


@dataclass(frozen=True, slots=True)
class Extension:
    """Shows that a history goes on from an older one."""

    old: tuple[Hash, ...]
    """All peaks of the older one."""
    siblings: tuple[Hash, ...]
    """What joins the last of them to one mountain of the newer one, from below, where it is new."""
    new: tuple[Hash, ...]
    """The newer one's peaks to the right of all that is old."""


def prove_extension(leaves: Sequence[Hash], old: int) -> Extension:
    """That the history of these leaves goes on from that of the first `old` of them.

    Raises:
        IndexError: when there are fewer.
    """
    if not 0 <= old <= len(leaves):
        raise IndexError(f"no history of {old} among {len(leaves)} leaves")
    siblings = []
    first, join = _joined(old, len(leaves))
    for height, index in join:
        if not index & 1:
            start = first + ((index + 1) << height)
            siblings.append(_root(leaves[start : start + (1 << height)]))
    new = [_root(leaves[start:stop]) for start, stop in spans(len(leaves)) if start >= old]
    return Extension(Mountains.of(leaves[:old]).peaks, tuple(siblings), tuple(new))


def extends(new: Hash, size: int, old: Hash, old_size: int, proof: Extension) -> bool:
    """Whether history `new` of `size` leaves begins with the `old_size` ones of `old`."""
    if not 0 <= old_size <= size or len(proof.old) != old_size.bit_count():
        return False
    _, join = _joined(old_size, size)
    if len(proof.siblings) != sum(1 for _, index in join if not index & 1):
        return False
    peaks, siblings = list(proof.old), iter(proof.siblings)
    for _, index in join:
        last = peaks.pop()
        if index & 1:
            peaks.append(tagged(Tag.HISTORY_NODE, peaks.pop(), last))
        else:
            peaks.append(tagged(Tag.HISTORY_NODE, last, next(siblings)))
    peaks += proof.new
    return (
        len(peaks) == size.bit_count()
        and Mountains(old_size, proof.old).hash == old
        and Mountains(size, tuple(peaks)).hash == new
    )


def _joined(old: int, size: int) -> tuple[int, list[tuple[int, int]]]:
    """The climb of the last old peak to the mountain that has swallowed it: that one's first leaf,
    and (height, index at that height) of each node below it; none when no mountain has.
    """
    for start, stop in spans(size):
        if start < old < stop:
            inside, top = old - start, (stop - start).bit_length() - 1
            lowest = (inside & -inside).bit_length() - 1
            return start, [(height, (inside - 1) >> height) for height in range(lowest, top)]
    return 0, []


def _span(size: int, index: int) -> tuple[int, int]:
    for start, stop in spans(size):
        if 0 <= index < stop:
            return start, stop
    raise IndexError(f"no leaf {index} in a history of {size}")


_FEW = 32
"""Leaves up to which hashing one after the other is as fast."""


def _levels(leaves: Sequence[Hash]) -> Sequence[Any]:
    if len(leaves) <= _FEW:
        return merkle.levels(leaves, Tag.HISTORY_NODE)
    from prover.commit import hashes  # numpy is a fifth of a second, which a short history spares

    return hashes.levels(hashes.joined(leaves), Tag.HISTORY_NODE)


def _root(leaves: Sequence[Hash]) -> Hash:
    return Hash(bytes(_levels(leaves)[-1][0]))
