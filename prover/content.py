"""A folder of content under the names that commit to it: programs by id, segments by root.

    programs/<id>.program     header (48 bytes), then the rows of 160 bytes
    programs/<id>.names.json  what each row computes, for people; not committed
    segments/<root>.segment   "PLSG", version u16, depth u16, count u32, a length u32 for each
                              register, then all words; everything little-endian

Writes appear whole or not at all (a temporary file, fsync, rename), so a crash leaves no half file
under a name. Reads recompute the commitment, so a file that was damaged or exchanged is never used.
"""

import json
import os
import struct
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from prover.commit.keccak import Hash
from prover.commit.tensor import Words
from prover.errors import ContentError, ContentMissing, ProgramError
from prover.program import Program
from prover.row import MAX_DEPTH, ROW_BYTES, Depths
from prover.state import segment_root

_HEADER_BYTES = 48
_SEGMENT_HEAD = struct.Struct("<4sHHI")
_MAGIC = b"PLSG"
_VERSION = 1


class ContentStore:
    """Programs and segments in a folder, made when it is not there.

    Safe for many processes: files are only ever added, and equal names hold equal bytes.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._programs = folder / "programs"
        self._segments = folder / "segments"
        self._programs.mkdir(parents=True, exist_ok=True)
        self._segments.mkdir(parents=True, exist_ok=True)

    def put_program(self, program: Program) -> Hash:
        """Keep a program; returns its id."""
        name = program.id
        if program.names:
            names = json.dumps(program.names, indent=0).encode()
            _write(self._names_path(name), names)
        _write(self._program_path(name), program.header.pack() + b"".join(program.packed))
        return name

    def has_program(self, program_id: Hash) -> bool:
        """Whether something is stored under a program id; it is checked when it is read."""
        return self._program_path(program_id).exists()

    def program(self, program_id: Hash) -> Program:
        """The program of an id, with the names of its rows where they are known.

        Raises:
            ContentMissing: when there is none.
            ContentError: when the stored bytes are not that program.
        """
        data = _read(self._program_path(program_id), "program", program_id)
        rows, rest = divmod(len(data) - _HEADER_BYTES, ROW_BYTES)
        if rows < 1 or rest:
            raise _wrong("program", program_id, f"{len(data)} bytes are not a header and rows")
        packed = [data[_HEADER_BYTES + ROW_BYTES * i :][:ROW_BYTES] for i in range(rows)]
        depths = Depths(*data[_HEADER_BYTES - 4 : _HEADER_BYTES])
        try:
            program = Program(tuple(packed), depths, self._names(program_id, rows))
        except ProgramError as error:
            raise _wrong("program", program_id, str(error)) from error
        if program.header.pack() != data[:_HEADER_BYTES] or program.id != program_id:
            raise _wrong("program", program_id, "its rows have another id")
        return program

    def put_segment(self, tensors: Sequence[Words], depth: int) -> Hash:
        """Keep the tensors of a segment's first registers; returns the segment's root.

        `depth` is that of the segment in the program's header (0..14).

        Raises:
            ContentError: when there are more tensors than the segment has registers.
        """
        if not 0 <= depth <= MAX_DEPTH or len(tensors) > 1 << depth:
            raise ContentError(f"{len(tensors)} tensors do not fit a segment of depth {depth}")
        name = segment_root(tensors, depth)
        head = _SEGMENT_HEAD.pack(_MAGIC, _VERSION, depth, len(tensors))
        lengths = struct.pack(f"<{len(tensors)}I", *(len(words) for words in tensors))
        parts = (words.astype("<u4", copy=False).tobytes() for words in tensors)
        _write(self._segment_path(name), b"".join([head, lengths, *parts]))
        return name

    def has_segment(self, root: Hash) -> bool:
        """Whether something is stored under a segment root; it is checked when it is read."""
        return self._segment_path(root).exists()

    def segment(self, root: Hash) -> list[Words]:
        """The tensors of a segment's first registers, writable and the caller's own.

        Raises:
            ContentMissing: when nothing is stored under the root.
            ContentError: when the stored bytes are cut short, of another version, or not that
                segment.
        """
        data = _read(self._segment_path(root), "segment", root)
        if len(data) < _SEGMENT_HEAD.size:
            raise _wrong("segment", root, "it is cut short")
        magic, version, depth, count = _SEGMENT_HEAD.unpack_from(data)
        if magic != _MAGIC or version != _VERSION:
            raise _wrong("segment", root, f"it is no segment file of version {_VERSION}")
        if depth > MAX_DEPTH or count > 1 << depth:
            raise _wrong("segment", root, f"{count} registers do not fit depth {depth}")
        at = _SEGMENT_HEAD.size + 4 * count
        if len(data) < at:
            raise _wrong("segment", root, "it is cut short")
        lengths = struct.unpack_from(f"<{count}I", data, _SEGMENT_HEAD.size)
        if len(data) != at + 4 * sum(lengths):
            raise _wrong("segment", root, f"{len(data)} bytes where its lengths say otherwise")
        words = np.frombuffer(data, "<u4", offset=at).astype(np.uint32)
        ends = np.cumsum(lengths, dtype=np.int64)
        tensors = [words[end - size : end].copy() for end, size in zip(ends, lengths, strict=True)]
        if segment_root(tensors, depth) != root:
            raise _wrong("segment", root, "its words have another root")
        return tensors

    def _names(self, program_id: Hash, rows: int) -> tuple[str, ...]:
        """The names beside a program; none when they are missing or do not fit its rows."""
        try:
            names = json.loads(self._names_path(program_id).read_bytes())
        except (FileNotFoundError, ValueError):
            return ()
        if not isinstance(names, list) or len(names) != rows:
            return ()
        return tuple(str(name) for name in names)

    def _program_path(self, program_id: Hash) -> Path:
        return self._programs / f"{program_id.hex()}.program"

    def _names_path(self, program_id: Hash) -> Path:
        return self._programs / f"{program_id.hex()}.names.json"

    def _segment_path(self, root: Hash) -> Path:
        return self._segments / f"{root.hex()}.segment"


def _wrong(what: str, name: Hash, why: str) -> ContentError:
    return ContentError(f"the file of {what} {name.hex()} is damaged: {why}; fetch it again")


def _read(path: Path, what: str, name: Hash) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise ContentMissing(f"no {what} {name.hex()} in {path.parent}; fetch it first") from None


def _write(path: Path, data: bytes) -> None:
    """Make a file appear under its name with all of its bytes, durably.

    What is there already is left alone, unless it was damaged.
    """
    if path.exists() and path.read_bytes() == data:
        return
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".tmp")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
