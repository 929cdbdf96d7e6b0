"""How blocks of threads share a product: tiles of its results, and which tile suits which sizes."""

from dataclasses import dataclass
from typing import Final

from prover.backends.cuda.prelude import LANES


@dataclass(frozen=True, slots=True)
class Tile:
    """A block's part of the results: warps x lanes x a thread's own, along m and along n."""

    warps: tuple[int, int]
    lanes: tuple[int, int]
    own: tuple[int, int]
    depth: int
    """Fold indices that are in shared memory at a time."""
    together: int = 1
    """Blocks that a multiprocessor is to hold: bounds a thread's registers."""

    @property
    def threads(self) -> int:
        """Of a block."""
        return self.warps[0] * self.warps[1] * LANES

    @property
    def sizes(self) -> tuple[int, int]:
        """Rows and columns of results."""
        m, n = (w * t * o for w, t, o in zip(self.warps, self.lanes, self.own, strict=True))
        return m, n

    def blocks(self, m: int, n: int) -> int:
        """How many it takes."""
        return -(-m // self.sizes[0]) * -(-n // self.sizes[1])


LARGE: Final = Tile((4, 2), (4, 8), (8, 8), 8, 2)
"""128 x 128: two words of shared memory are read for eight fma."""
MIDDLE: Final = Tile((4, 2), (4, 8), (4, 4), 16, 2)
"""64 x 64."""
SMALL: Final = Tile((2, 1), (4, 8), (4, 4), 16)
"""32 x 32."""
TINY: Final = Tile((1, 1), (8, 4), (2, 4), 16)
"""16 x 16."""
TALL: Final = Tile((4, 1), (8, 4), (4, 2), 16)
"""128 x 8."""
WIDE: Final = Tile((1, 4), (4, 8), (2, 4), 16)
"""8 x 128."""
TILES: Final = (LARGE, MIDDLE, SMALL, TINY, TALL, WIDE)

_ENOUGH: Final = 132
"""Blocks that keep a large device busy: about a block each of its multiprocessors."""
_NARROW: Final = 8


def choose(stack: int, m: int, n: int, *, large: bool = True) -> Tile:
    """The largest tile of which there are enough; a narrow one for narrow results. `large` says
    whether registers suffice for the largest: they do for floats and indices of 32 bits.
    """
    if n <= _NARROW < m:
        return TALL
    if m <= _NARROW < n:
        return WIDE
    for tile in (LARGE, MIDDLE, SMALL) if large else (MIDDLE, SMALL):
        if stack * tile.blocks(m, n) >= _ENOUGH and min(m, n) >= min(tile.sizes):
            return tile
    return TINY if max(m, n) <= TINY.sizes[0] or stack * SMALL.blocks(m, n) < _ENOUGH else SMALL
