"""Datasets: named arrays as chunks and a manifest, used without being loaded.

<folder>/manifest.json         see prover/files/manifest.py
<folder>/chunks/<root>.chunk   see prover/files/chunks.py
"""

from collections.abc import Iterator, Mapping
from functools import cached_property
from math import prod
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from prover.commit.keccak import Hash
from prover.commit.tensor import Words
from prover.errors import ContentError, ManifestError
from prover.files.appear import write_whole
from prover.files.chunks import HEIGHT, HEIGHTS, ChunkFolder, words_a_chunk
from prover.files.convert import target, to_array, to_words
from prover.files.manifest import Entry, Manifest
from prover.files.stored import StoredArray

MANIFEST: Final = "manifest.json"
CHUNKS: Final = "chunks"


class Dataset:
    """The arrays of a manifest over a folder of its chunks: mapped when they are first asked for,
    each chunk hashed before it is first used, and only then.
    """

    def __init__(self, manifest: Manifest, chunks: ChunkFolder) -> None:
        self.manifest = manifest
        self.chunks = chunks

    @property
    def name(self) -> Hash:
        """The manifest's hash."""
        return self.manifest.name

    @property
    def root(self) -> Hash:
        """Of the segment that the arrays are; no word is read for it."""
        return self.manifest.root

    @cached_property
    def words(self) -> list[Words]:
        """The segment's registers, read-only.

        Raises:
            ContentMissing: when a chunk is missing.
            WrongChunk: when one is cut short; where words are used, when they are not the chunk's.
        """
        height = self.manifest.height
        return [
            self.chunks.tensor(one.roots, one.length, height, one.name)
            for one in self.manifest.arrays
        ]

    @cached_property
    def arrays(self) -> dict[str, StoredArray]:
        """The arrays by name, for tracing, for layouts, and for a look at some rows."""
        return {
            one.name: StoredArray(words, one.shape, one.dtype)
            for one, words in zip(self.manifest.arrays, self.words, strict=True)
        }

    def copy_to(self, chunks: ChunkFolder) -> None:
        """Put every chunk into another folder, each checked on the way; one is in memory at a time.

        Raises:
            ContentError: when a chunk is missing or damaged.
        """
        size = words_a_chunk(self.manifest.height)
        for words in self.words:
            for start in range(0, len(words), size):
                chunks.put(words[start : start + size])


def write_dataset(
    folder: Path, arrays: Mapping[str, NDArray[Any]], *, height: int = HEIGHT
) -> Dataset:
    """Write arrays as a dataset, in the order that they have; returns it as it was written.

    Arrays are float32, int32, bool, or what becomes one of these exactly (as with weights), and are
    read a chunk at a time: a contiguous `np.memmap` may be larger than memory. The manifest appears
    last; before, there is no dataset, but chunks.

    Raises:
        ContentError: when an array is empty, of another dtype or has a name that cannot be shown,
            or an int64 does not fit an int32.
        ManifestError: when `height` is none of a chunk.
    """
    if height not in HEIGHTS:
        raise ManifestError(f"chunks are 2^{HEIGHTS[0]} to 2^{HEIGHTS[-1]} leaves, not 2^{height}")
    store = ChunkFolder(folder / CHUNKS)
    entries = []
    for name, array in arrays.items():
        if not name.isprintable():
            raise ContentError(f"{name!r} is no name that can be shown; give another")
        if not array.size or array.size >= 1 << 32:
            raise ContentError(f"{name} has {array.size} elements; a register holds 1 to 2^32 - 1")
        dtype = target(array.dtype.name, name)
        chunks = tuple(store.put(part) for part in _parts(array, name, words_a_chunk(height)))
        entries.append(Entry(name, dtype, tuple(array.shape), chunks))
    manifest = Manifest(height, tuple(entries))
    folder.mkdir(parents=True, exist_ok=True)
    write_whole(folder / MANIFEST, manifest.pack())
    return read_dataset(folder)


def read_dataset(path: Path, name: Hash | None = None) -> Dataset:
    """The dataset in a folder, or that of a manifest file with its chunks beside it.

    Raises:
        ManifestError: when there is no manifest, it is damaged, of another version, or not the one
            of `name`.
    """
    file = path / MANIFEST if path.is_dir() else path
    try:
        manifest = Manifest.unpack(file.read_bytes(), str(file))
    except OSError as error:
        raise ManifestError(f"cannot read {file}: {error.strerror or error}") from error
    if name is not None and manifest.name != name:
        raise ManifestError(f"{file} is dataset {manifest.name.hex()}, not {name.hex()}")
    return Dataset(manifest, ChunkFolder(file.parent / CHUNKS))


def _parts(array: NDArray[Any], name: str, size: int) -> Iterator[Words]:
    """An array's register words, `size` at a time."""
    flat = array.reshape(-1)
    for start in range(0, prod(array.shape), size):
        native = array.dtype.newbyteorder("=")
        part = np.require(flat[start : start + size], native, ["C", "ALIGNED"])
        yield to_words(to_array(part, array.dtype.name, name))
