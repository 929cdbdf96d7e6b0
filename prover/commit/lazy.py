"""Words that look like an array before they are one: what knows its commitment need not be read."""

from abc import abstractmethod
from collections.abc import Iterator
from functools import cached_property
from typing import Any, Final, cast

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin
from numpy.typing import NDArray

from prover.commit.keccak import Hash
from prover.commit.tensor import Committed, Words, tensor_path

_READ_ONLY: Final = np.zeros(0, np.uint32)
_READ_ONLY.flags.writeable = False


class LazyWords(Committed, NDArrayOperatorsMixin):
    """Read-only words of one dimension that look like their array.

    `len` and `dtype` read nothing, an index or a slice reads what it touches, and whatever else
    NumPy does with an array (`np.asarray`, arithmetic, methods) reads all of them.
    """

    ndim = 1

    @abstractmethod
    def raw(self, start: int = 0, stop: int | None = None) -> Words:
        """All words as they lie, those from `start` up to `stop` fit for use."""

    @abstractmethod
    def __len__(self) -> int: ...

    def path(self, index: int) -> list[Hash]:
        """Siblings of leaf `index`, from the leaf up."""
        return tensor_path(self.raw(), index)

    @property
    def words(self) -> Words:
        """This, typed as what it looks like."""
        return cast("Words", self)

    @cached_property
    def dtype(self) -> np.dtype[np.uint32]:
        """Of the words."""
        return _READ_ONLY.dtype

    @property
    def flags(self) -> Any:
        """As an array's: never writable."""
        return _READ_ONLY.flags

    @property
    def shape(self) -> tuple[int]:
        """How many words, as an array says it."""
        return (len(self),)

    def __getitem__(self, key: Any) -> Any:
        if isinstance(key, slice):
            places = range(*key.indices(len(self)))
            low, high = sorted((places[0], places[-1])) if places else (0, -1)
            return self.raw(low, high + 1)[key]
        if isinstance(key, int | np.integer):
            place = int(key) + (len(self) if key < 0 else 0)
            return self.raw(place, place + 1)[key]
        return self.raw()[key]

    def __iter__(self) -> Iterator[Any]:
        return iter(self.raw())

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        return np.array(self.raw(), dtype, copy=copy)

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
        plain = (one.raw() if isinstance(one, LazyWords) else one for one in inputs)
        return getattr(ufunc, method)(*plain, **options)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self.raw(), name)


def raw(words: Words, start: int = 0, stop: int | None = None) -> Words:
    """A tensor as an array, with the words from `start` up to `stop` fit for use; the array itself
    when it is one.
    """
    lazy: object = words
    return lazy.raw(start, stop) if isinstance(lazy, LazyWords) else words
