"""Which rows are matrix products, and what products a range of their elements is.

A row of DOT or IDOT is one when of its last two dimensions (neighbours that move alike count as
one) one moves only x and the other only y. Which of the two does not matter: both ops take their
factors in either order.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import prod
from typing import NamedTuple

import numpy as np

from prover.backends.matmul import FIELDS, Description

_WORD_BYTES = 4
Sizes = tuple[int, ...]


class Box(NamedTuple):
    """Elements that follow each other and fill a box of the iteration space."""

    first: Sizes
    """Digits of its first element."""
    sizes: Sizes


def boxes(sizes: Sizes, start: int, stop: int) -> Iterator[Box]:
    """The elements [start, stop) of an iteration space, the last dimension fastest, in order."""
    if len(sizes) == 1:
        yield Box((start,), (stop - start,))
        return
    inner = prod(sizes[1:])
    while start < stop:
        index, rest = divmod(start, inner)
        whole = 0 if rest else (stop - start) // inner
        if whole:
            yield Box((index, *[0] * (len(sizes) - 1)), (whole, *sizes[1:]))
            start += whole * inner
            continue
        end = min(inner, rest + stop - start)
        for first, some in boxes(sizes[1:], rest, end):
            yield Box((index, *first), (1, *some))
        start += end - rest


@dataclass(frozen=True, slots=True)
class Product:
    """A row as a batch of matrix products, out[B0, B1, M, N]."""

    sizes: Sizes
    """B0, B1, M, N."""
    k: int
    left: Sizes
    """Words between neighbours along B0, B1, M and k of the factor that moves along M."""
    right: Sizes
    """Words between neighbours along B0, B1, k and N of the other."""
    turned: bool
    """Whether the left factor is the row's y."""

    def descriptions(
        self, x: int, y: int, out: int, start: int, stop: int
    ) -> Iterator[Description]:
        """For `matmul_share`: the elements [start, stop).

        x, y and out are the addresses, in bytes, that element 0 reads at k = 0 and is written to.
        """
        left, right = (y, x) if self.turned else (x, y)
        about = np.empty(FIELDS, np.int64)
        for (b0, b1, i, j), sizes in boxes(self.sizes, start, stop):
            a = b0 * self.left[0] + b1 * self.left[1] + i * self.left[2]
            b = b0 * self.right[0] + b1 * self.right[1] + j * self.right[3]
            about[:3] = left + _WORD_BYTES * a, right + _WORD_BYTES * b, out + _WORD_BYTES * start
            about[3:] = (*sizes, self.k, *self.left, *self.right)
            yield about
            start += prod(sizes)


def product(dims: Sequence[int], fold: int, x: Sequence[int], y: Sequence[int]) -> Product | None:
    """The product that a row of DOT or IDOT is, if any.

    `dims` are its four dimensions, collapsed; x and y the operands' strides along each of them and
    along the fold.
    """
    turned = y[3] == 0
    left, right = (y, x) if turned else (x, y)
    if left[3] or not right[3]:
        return None
    if not right[2]:
        batch, m, left_m = [0, 1], dims[2], left[2]
    elif dims[0] == 1:
        batch, m, left_m = [1, 2], 1, 0
    else:
        return None
    p, q = batch
    return Product(
        (dims[p], dims[q], m, dims[3]),
        fold,
        (left[p], left[q], left_m, left[4]),
        (right[p], right[q], right[4], right[3]),
        turned,
    )
