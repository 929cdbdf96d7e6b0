"""What a dataset consists of: a JSON file whose hash names the dataset.

    {"arrays": [{"chunks": ["<64 hex digits>", ...], "dtype": "float32", "name": "images",
                 "shape": [60000, 28, 28]}, ...],
     "chunkLeaves": 4096, "format": "plumbline-dataset", "version": 1}

One line without spaces, keys in order, so that equal datasets have equal names. Arrays are in the
order of their registers: array i is register i of a segment of depth ceil(log2(arrays)), as in any
layout. An array's words (row-major; bools as masks) are cut every 64 * chunkLeaves words, whatever
its rows are. chunkLeaves is a power of two: that makes each chunk a whole subtree of the array's
tree, so that the chunks' names give the array's commitment, and these the segment's root, which is
what a claim names (prover/commit/committed.py). Cutting after so many rows would not.
"""

import json
from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import Any, Final

from prover.commit.committed import chunk_count, chunk_levels
from prover.commit.hashes import Hashes, hash_at, joined
from prover.commit.keccak import Hash, keccak
from prover.commit.merkle import ceil_log2
from prover.errors import ManifestError
from prover.files.chunks import HEIGHTS
from prover.files.convert import MOST_AXES
from prover.row import MAX_DEPTH
from prover.state import register_leaf, root_over

_FORMAT: Final = "plumbline-dataset"
_VERSION: Final = 1
_DTYPES: Final = ("float32", "int32", "bool")
_KEYS: Final = {"arrays", "chunkLeaves", "format", "version"}


@dataclass(frozen=True, slots=True)
class Entry:
    """An array of a dataset; `chunks` are its chunks' names."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    chunks: tuple[Hash, ...]

    @property
    def length(self) -> int:
        """Words."""
        return prod(self.shape)

    @property
    def roots(self) -> Hashes:
        """The chunks' names as an array, n x 32."""
        return joined(self.chunks)


@dataclass(frozen=True)
class Manifest:
    """A dataset's arrays, in the order of registers, in chunks of `2^height` leaves."""

    height: int
    arrays: tuple[Entry, ...]

    @cached_property
    def name(self) -> Hash:
        """The dataset's."""
        return keccak(self.pack())

    @cached_property
    def root(self) -> Hash:
        """Of the segment whose registers hold the arrays."""
        leaves = {}
        for place, one in enumerate(self.arrays):
            levels = chunk_levels(one.roots, one.length, self.height)
            leaves[place] = register_leaf(one.length, hash_at(levels[-1], 0))
        return root_over(leaves, ceil_log2(len(self.arrays)))

    def pack(self) -> bytes:
        """The manifest as it is hashed and stored."""
        arrays = [
            {
                "name": one.name,
                "dtype": one.dtype,
                "shape": list(one.shape),
                "chunks": [chunk.hex() for chunk in one.chunks],
            }
            for one in self.arrays
        ]
        said = {
            "format": _FORMAT,
            "version": _VERSION,
            "chunkLeaves": 1 << self.height,
            "arrays": arrays,
        }
        return json.dumps(said, sort_keys=True, separators=(",", ":")).encode()

    @classmethod
    def unpack(cls, data: bytes, source: str) -> "Manifest":
        """The manifest that bytes say; `source` is what errors call them.

        Raises:
            ManifestError: when they say none, or one of another version.
        """
        try:
            said = json.loads(data)
        except (ValueError, RecursionError) as error:
            raise _wrong(source, f"it holds no JSON ({error})") from error
        if not isinstance(said, dict) or said.get("format") != _FORMAT:
            raise _wrong(source, f'its "format" is not "{_FORMAT}"')
        if said.get("version") != _VERSION:
            raise ManifestError(
                f"{source} is a manifest of version {said.get('version')!r}, not {_VERSION}; "
                "use the program that wrote it, or write it anew"
            )
        leaves, arrays = said.get("chunkLeaves"), said.get("arrays")
        if set(said) != _KEYS or not isinstance(arrays, list):
            raise _wrong(source, f"it has not the keys {sorted(_KEYS)}")
        heights = {1 << height: height for height in HEIGHTS}
        if type(leaves) is not int or leaves not in heights:
            raise _wrong(source, f"chunkLeaves is one of {list(heights)}, not {leaves!r}")
        found = cls(heights[leaves], tuple(_entry(one, source, heights[leaves]) for one in arrays))
        names = {one.name for one in found.arrays}
        if not arrays or len(names) < len(arrays) or len(arrays) > 1 << MAX_DEPTH:
            raise _wrong(source, "it needs arrays, each under its own name")
        if found.pack() != data:
            raise _wrong(source, "it is not written as manifests are: one line, keys in order")
        return found


def _entry(said: Any, source: str, height: int) -> Entry:
    match said:
        case {"name": str(name), "dtype": str(dtype), "shape": list(shape), "chunks": list(chunks)}:
            pass
        case _:
            raise _wrong(source, "an array has no name, dtype, shape and chunks")
    if not name.isprintable():
        raise _wrong(source, f"{name!r} is no name that can be shown")
    if dtype not in _DTYPES:
        raise _wrong(source, f"{name} is {dtype}, not one of {', '.join(_DTYPES)}")
    sizes = len(shape) <= MOST_AXES and all(type(size) is int and size > 0 for size in shape)
    if not sizes or prod(shape) >= 1 << 32:
        raise _wrong(source, f"{name} has no shape of 1 to 2^32 - 1 words: {shape}")
    if len(chunks) != chunk_count(prod(shape), height):
        raise _wrong(source, f"{name} has {len(chunks)} chunks, which is not what its shape takes")
    return Entry(name, dtype, tuple(shape), tuple(_hash(one, name, source) for one in chunks))


def _hash(said: Any, name: str, source: str) -> Hash:
    try:
        found = bytes.fromhex(said)
    except (TypeError, ValueError):
        found = b""
    if len(found) != 32:
        raise _wrong(source, f"{name} has a chunk that is no 64 hex digits")
    return Hash(found)


def _wrong(source: str, why: str) -> ManifestError:
    return ManifestError(f"{source} is no manifest, or damaged: {why}; fetch it again")
