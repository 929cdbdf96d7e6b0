"""Arrays whose words lie in files, read where they are used."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from prover.commit.tensor import Words


class StoredArray:
    """An array over words that are hashed before they are first used.

    An index or a slice of the first axis gives a plain, read-only array and reads its chunks alone;
    `np.asarray` reads all. It stands wherever a shape and a dtype are enough (tracing), and gives a
    layout its words as they lie. bools are masks in their words.
    """

    def __init__(self, words: Words, shape: tuple[int, ...], dtype: str) -> None:
        self.words = words
        self.shape = shape
        self.dtype = np.dtype(dtype)
        self.ndim = len(shape)

    @property
    def size(self) -> int:
        """Elements."""
        return len(self.words)

    def __len__(self) -> int:
        if not self.shape:
            raise TypeError("an array without axes has no length")
        return self.shape[0]

    def __getitem__(self, key: Any) -> NDArray[Any]:
        if not self.shape or not isinstance(key, int | np.integer | slice):
            picked: NDArray[Any] = np.asarray(self)[key]
            return picked
        row = self.size // self.shape[0]
        if isinstance(key, slice):
            places = range(*key.indices(self.shape[0]))
            if not places:
                return self._typed(self.words[:0], (0, *self.shape[1:]))
            low, high = min(places[0], places[-1]), max(places[0], places[-1])
            part = self._typed(self.words[low * row : (high + 1) * row], (-1, *self.shape[1:]))
            return part[:: places.step] if len(places) > 1 else part
        place = range(self.shape[0])[key]
        return self._typed(self.words[place * row : (place + 1) * row], self.shape[1:])

    def __iter__(self) -> Iterator[NDArray[Any]]:
        return (self[place] for place in range(len(self)))

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        return np.array(self._typed(np.asarray(self.words), self.shape), dtype, copy=copy)

    def _typed(self, words: Words, shape: tuple[int, ...]) -> NDArray[Any]:
        flat: NDArray[Any] = words != 0 if self.dtype == bool else words.view(self.dtype)
        return flat.reshape(shape)
