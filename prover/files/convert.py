"""From what files hold to what registers hold, exactly or not at all."""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from prover.commit.tensor import Words
from prover.errors import ContentError
from prover.float32 import CANONICAL_NAN

TAKEN: Final = {
    "float32": "float32", "float16": "float32", "bfloat16": "float32",
    "int32": "int32", "int64": "int32", "int16": "int32", "uint16": "int32", "int8": "int32",
    "uint8": "int32", "bool": "bool",
}  # fmt: skip
"""Of each dtype that is taken, the machine's dtype that holds all of it; of int64, its low half."""

MOST_AXES: Final = 64
"""Of NumPy's arrays."""

_TRUE: Final = np.uint32(0xFFFFFFFF)


def target(dtype: str, name: str) -> str:
    """The machine's dtype for a file's.

    Raises:
        ContentError: when there is none.
    """
    if dtype not in TAKEN:
        raise ContentError(
            f"{name} is {dtype}, which no register holds; convert it to one of {', '.join(TAKEN)}"
        )
    return TAKEN[dtype]


def to_array(array: NDArray[Any], dtype: str, name: str) -> NDArray[Any]:
    """An array's values as the machine's dtype, read-only; itself where they are of it already.

    `dtype` is the file's: bfloat16 comes as uint16.

    Raises:
        ContentError: when there is no such dtype, or an int64 does not fit.
    """
    wanted = target(dtype, name)
    if dtype in {"float16", "bfloat16"}:
        made = _widened(array.view(np.uint16), dtype).view(np.float32)
    elif dtype == "int64":
        bounds = np.iinfo(np.int32)
        if array.size and not bounds.min <= array.min() <= array.max() <= bounds.max:
            raise ContentError(
                f"{name} holds int64 values that int32 cannot; rescale or split them"
            )
        made = array.astype(np.int32)
    else:
        made = array.astype(np.dtype(wanted), copy=False)
    if made is not array or made.flags.writeable:
        made = made.view()
        made.flags.writeable = False
    return made


def to_words(array: NDArray[Any]) -> Words:
    """An array of a machine's dtype as register words, flat; a copy only of bools, and of what is
    not contiguous.
    """
    flat = np.ascontiguousarray(array, array.dtype.newbyteorder("=")).reshape(-1)
    return np.where(flat, _TRUE, np.uint32(0)) if flat.dtype == bool else flat.view(np.uint32)


def _widened(halves: NDArray[np.uint16], dtype: str) -> Words:
    """The float32 words of 16-bit floats. Converting is exact but for NaNs, which every processor
    treats its own way: here they become the machine's one NaN.
    """
    if dtype == "bfloat16":
        words = halves.astype(np.uint32) << np.uint32(16)
    else:
        words = halves.view(np.float16).astype(np.float32).view(np.uint32)
    words[(words & np.uint32(0x7FFFFFFF)) > np.uint32(0x7F800000)] = CANONICAL_NAN
    return words
