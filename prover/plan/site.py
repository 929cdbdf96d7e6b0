"""Where a row reads and writes, as a function of its element's number.

Elements of a row are numbered row-major, and it writes them side by side. So what matters of a
read is how its address moves with the element's number: a *site* says it as strides by *volume*: a
piece (v, s) moves the address by s for each v elements, up to the next piece's volume. Rows with
other dimensions but the same elements become comparable by that.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from prover.row import Operand, Row

Pieces = tuple[tuple[int, int], ...]
"""(volume, stride), volumes ascending from 1, each dividing the next."""


@dataclass(frozen=True, slots=True)
class Site:
    """An address for each of `count` elements (and fold indices), in words.

    `turn` is (modulus, stride) of the term (step mod modulus) * stride; (1, 0) is none.
    """

    count: int
    pieces: Pieces
    offset: int = 0
    turn: tuple[int, int] = (1, 0)
    fold: int = 1
    fold_stride: int = 0

    def stride(self, volume: int) -> int:
        """How far the address moves in `volume` elements, from an element that it divides."""
        lower, stride = max(piece for piece in self.pieces if piece[0] <= volume)
        return stride * (volume // lower)

    @property
    def dense(self) -> bool:
        """Whether the address moves as the element's number does."""
        return self.count == 1 or self.pieces == ((1, 1),)

    def spread_over(self, inner: int) -> bool:
        """Whether the `inner` elements of a run share an address, those of the runs in a row."""
        above = ((1, 0), (inner, 1)) if self.count > inner else ((1, 0),)
        return self.pieces == above

    def same_place(self, other: "Site") -> bool:
        """Whether both say one address for each element."""
        alike = self.pieces == other.pieces or self.count == 1
        return alike and (self.offset, self.turn) == (other.offset, other.turn)

    @property
    def span(self) -> tuple[int, int]:
        """The lowest and the highest address."""
        volumes = [volume for volume, _ in self.pieces] + [self.count]
        moves = [
            (stride, upper // volume)
            for (volume, stride), upper in zip(self.pieces, volumes[1:], strict=True)
        ]
        moves += [(self.fold_stride, self.fold), (self.turn[1], self.turn[0])]
        ends = [stride * (size - 1) for stride, size in moves]
        low, high = sum(min(end, 0) for end in ends), sum(max(end, 0) for end in ends)
        return self.offset + low, self.offset + high

    def inside(self, length: int) -> bool:
        """Whether every address lies in a register of `length` words."""
        low, high = self.span
        return low >= 0 and high < length


def read_site(row: Row, operand: Operand) -> Site:
    """Where a row reads a register operand. A map sees its last fold index alone."""
    pieces: list[tuple[int, int]] = []
    volume = 1
    for size, stride in zip(reversed(row.dims), reversed(operand.strides), strict=True):
        if size > 1:
            last = pieces[-1] if pieces else None
            if last is None or stride != last[1] * (volume // last[0]):
                pieces.append((volume, stride))
            volume *= size
    turn = (operand.step_modulus, operand.step_stride) if operand.step_modulus > 1 else (1, 0)
    turn = turn if turn[1] else (1, 0)
    return Site(
        volume, tuple(pieces) or ((1, 0),), operand.offset, turn, row.fold, operand.fold_stride
    )


def write_site(row: Row) -> Site:
    """Where a row writes."""
    turn = (row.out_modulus, row.out_stride) if row.out_modulus > 1 else (1, 0)
    return Site(row.elements, ((1, 1),), row.out_offset, turn if turn[1] else (1, 0))


def common(sites: Iterable[Site], also: Sequence[int] = ()) -> list[int] | None:
    """The volumes at which one of the sites changes its stride, from 1 to the count, and those of
    `also`; None when they do not nest.
    """
    volumes = {1, *also}
    for site in sites:
        volumes |= {volume for volume, _ in site.pieces} | {site.count}
    found = sorted(volumes)
    nested = all(b % a == 0 for a, b in pairwise(found))
    return found if nested else None
