"""Named arrays and the registers that hold them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from prover.commit.keccak import Hash
from prover.commit.merkle import ceil_log2
from prover.commit.tensor import Words
from prover.files.convert import to_words
from prover.files.stored import StoredArray
from prover.row import RegisterId, Segment, register_id
from prover.state import segment_root
from prover.tracer.symbols import DType, Shape, TraceError

Arrays = Mapping[str, Any]
"""Arrays by name, traced or plain."""


@dataclass(frozen=True, slots=True)
class Field:
    """One named array of a segment."""

    name: str
    shape: Shape
    dtype: DType = DType.F32

    @property
    def length(self) -> int:
        """Words of its register."""
        return prod(self.shape)


@dataclass(frozen=True)
class Layout:
    """The arrays of a segment, in the order of their registers."""

    segment: Segment
    fields: tuple[Field, ...]

    @cached_property
    def depth(self) -> int:
        """Depth of the segment's tree."""
        return ceil_log2(len(self.fields))

    def words(self, arrays: Arrays) -> list[Words]:
        """The registers of plain arrays: float32 and int32 as they are, bool as masks.

        Arrays that cannot be written, such as those of files (`prover.files`), are shared; nobody
        may then write their memory by another name. Others are copied.

        Raises:
            TraceError: when a name, shape or dtype is not the layout's.
        """
        if set(arrays) != {one.name for one in self.fields}:
            raise TraceError(
                f"{self.segment.name.lower()} are {[one.name for one in self.fields]}, "
                f"not {sorted(arrays)}"
            )
        return [_to_words(one, arrays[one.name]) for one in self.fields]

    def arrays(self, words: Sequence[Words]) -> dict[str, NDArray[Any]]:
        """The arrays of registers, copied; a register of another length counts as zeros."""
        found: dict[str, NDArray[Any]] = {}
        for place, one in enumerate(self.fields):
            held = words[place] if place < len(words) else np.zeros(0, np.uint32)
            if len(held) != one.length:
                held = np.zeros(one.length, np.uint32)
            typed = held != 0 if one.dtype == DType.MASK else held.view(one.dtype.value).copy()
            found[one.name] = typed.reshape(one.shape)
        return found

    def root(self, arrays: Arrays) -> Hash:
        """The segment's root when it holds these arrays."""
        return segment_root(self.words(arrays), self.depth)

    def register(self, name: str) -> RegisterId:
        """The register of an array."""
        return register_id(self.segment, [one.name for one in self.fields].index(name))


def _to_words(field: Field, given: Any) -> Words:
    array = given if isinstance(given, StoredArray) else np.asarray(given)
    if array.shape != field.shape:
        raise TraceError(f"{field.name} has shape {field.shape}, not {array.shape}")
    if array.dtype.name != field.dtype.value:
        raise TraceError(f"{field.name} is {field.dtype.value}, not {array.dtype}; convert it")
    if isinstance(array, StoredArray):
        return array.words
    words = to_words(array)
    return words.copy() if words.flags.writeable and np.may_share_memory(words, array) else words


def like(arrays: Arrays) -> list[Field]:
    """Fields of the shapes and dtypes of arrays (or of anything that has both).

    Raises:
        TraceError: when an array is none, empty, or of a dtype that words do not hold.
    """
    fields = []
    for name, array in arrays.items():
        if not (hasattr(array, "shape") and hasattr(array, "dtype")):
            raise TraceError(f"{name} is no array, but {type(array).__name__}; make it NumPy's")
        if 0 in array.shape:
            raise TraceError(f"{name} is empty, of shape {array.shape}")
        try:
            dtype = DType.of(array.dtype)
        except TraceError as error:
            raise TraceError(f"{name}: {error.why}") from None
        fields.append(Field(name, tuple(array.shape), dtype))
    return fields
