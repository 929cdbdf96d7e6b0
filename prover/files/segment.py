"""The file of a segment: "PLSG", version u16, depth u16, count u32, a length u32 for each register,
then all words; everything little-endian.
"""

import struct
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from prover.commit.committed import CommittedWords
from prover.commit.keccak import Hash
from prover.commit.tensor import Words, tensor_roots
from prover.files.appear import appearing
from prover.files.mapping import mapped
from prover.row import MAX_DEPTH
from prover.state import segment_root

_HEAD = struct.Struct("<4sHHI")
_MAGIC = b"PLSG"
_VERSION = 1


def write_segment(path: Path, tensors: Sequence[Words], depth: int) -> None:
    """Make the file of a segment's first registers appear, from where their words lie.

    What is there already is left alone, unless it is another file's or damaged.
    """
    if path.exists() and _holds(path, tensors, depth):
        return
    with appearing(path) as temporary, temporary.open("wb") as file:
        for part in _parts(tensors, depth):
            file.write(part)


def read_segment(path: Path, root: Hash, threads: int = 1) -> list[Words]:
    """The tensors of the segment of a root, read-only, as they lie in the file: its words are read
    once, to be hashed, and take no memory of their own.

    Raises:
        OSError: when the file cannot be opened.
        ValueError: when it is cut short, of another version, or of another root; the message goes
            on from "it is damaged".
    """
    data = mapped(path)
    if len(data) < _HEAD.size:
        raise ValueError("it is cut short")
    magic, version, depth, count = _HEAD.unpack(data[: _HEAD.size].tobytes())
    if magic != _MAGIC or version != _VERSION:
        raise ValueError(f"it is no segment file of version {_VERSION}")
    if depth > MAX_DEPTH or count > 1 << depth:
        raise ValueError(f"{count} registers do not fit depth {depth}")
    at = _HEAD.size + 4 * count
    if len(data) < at:
        raise ValueError("it is cut short")
    lengths = struct.unpack(f"<{count}I", data[_HEAD.size : at].tobytes())
    if len(data) != at + 4 * sum(lengths):
        raise ValueError(f"{len(data)} bytes where its lengths say otherwise")
    words = data[at:].view("<u4").astype(np.uint32, copy=False)
    ends = np.cumsum(lengths, dtype=np.int64)
    plain = [words[end - size : end] for end, size in zip(ends, lengths, strict=True)]
    roots = tensor_roots(plain, threads)
    tensors = [CommittedWords.of(*one).words for one in zip(plain, roots, strict=True)]
    if segment_root(tensors, depth) != root:
        raise ValueError("its words have another root")
    return tensors


def _parts(tensors: Sequence[Words], depth: int) -> Iterator[memoryview]:
    head = _HEAD.pack(_MAGIC, _VERSION, depth, len(tensors))
    yield memoryview(head + struct.pack(f"<{len(tensors)}I", *(len(words) for words in tensors)))
    for words in tensors:
        yield np.ascontiguousarray(words, "<u4").view(np.uint8).data


def _holds(path: Path, tensors: Sequence[Words], depth: int) -> bool:
    """Whether a file holds these bytes and no others."""
    data, at = mapped(path), 0
    for part in _parts(tensors, depth):
        mine = np.frombuffer(part, np.uint8)
        if not np.array_equal(data[at : at + len(mine)], mine):
            return False
        at += len(mine)
    return at == len(data)
