"""A folder of chunks: parts of tensors in files that are named by their commitments.

    <root>.chunk   2^h leaves of 64 words, little-endian: a whole subtree, zeros where the tensor
                   has ended

The name is the tensor root of the words, which is the node over them in the tree of whatever tensor
they are a part of, and the same wherever they are; so a chunk that two datasets share is one file.
Padding to a whole subtree makes the bytes follow from the name: a tree does not tell words that are
zero from words that are absent.
"""

from pathlib import Path
from typing import Final

import numpy as np

from prover.commit.committed import CommittedWords, chunk_count
from prover.commit.hashes import Hashes, hash_at
from prover.commit.keccak import Hash
from prover.commit.tensor import LEAF_BYTES, LEAF_WORDS, Words, depth, tensor_root
from prover.errors import ContentMissing, WrongChunk
from prover.files.appear import appearing
from prover.files.mapping import Span, mapped

HEIGHTS: Final = range(8, 14)
"""Of chunks: 64 KiB, the largest page that there is, to 2 MiB, what a thread hashes at a time."""
HEIGHT: Final = 12
"""Unless another is asked for: 1 MiB."""


class ChunkFolder:
    """A folder of chunks, made when the first is put in. Safe for many processes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, name: Hash) -> Path:
        """The file of a chunk."""
        return self.folder / f"{name.hex()}.chunk"

    def put(self, words: Words) -> Hash:
        """Keep a chunk of at most `2^13` leaves; returns its name."""
        name = tensor_root(words)
        size = LEAF_BYTES << depth(len(words))
        data = np.ascontiguousarray(words, "<u4").tobytes().ljust(size, b"\0")
        path = self.path(name)
        if not (path.exists() and np.array_equal(mapped(path), np.frombuffer(data, np.uint8))):
            self.folder.mkdir(parents=True, exist_ok=True)
            with appearing(path) as temporary:
                temporary.write_bytes(data)
        return name

    def tensor(self, chunks: Hashes, length: int, height: int, name: str) -> Words:
        """A tensor of `length` words over its chunks, of `2^height` leaves each: mapped behind each
        other, not read. `name` is what errors call it.

        Raises:
            ContentMissing: when a chunk is not in the folder.
            WrongChunk: when one has another size than it should.
        """
        step = LEAF_BYTES << height
        span = Span(max(4 * length, LEAF_BYTES))
        for number in range(chunk_count(length, height)):
            chunk = hash_at(chunks, number)
            words = min(length - number * step // 4, step // 4)
            try:
                span.place(self.path(chunk), number * step, LEAF_BYTES << depth(words))
            except FileNotFoundError:
                raise ContentMissing(
                    f"chunk {number} of {name} is not in {self.folder}: {chunk.hex()}; fetch it"
                ) from None
            except ValueError as error:
                raise WrongChunk(
                    f"chunk {number} of {name}, {chunk.hex()}, is damaged: {error}; fetch it again"
                ) from error
        words_of = np.asarray(span)[: 4 * length].view("<u4").astype(np.uint32, copy=False)
        return CommittedWords(words_of, chunks, height, name=name).words


def words_a_chunk(height: int) -> int:
    """Of a full chunk."""
    return LEAF_WORDS << height
