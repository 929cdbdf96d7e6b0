"""States of runs on disk, so that a dispute replays a fraction of a run.

    <run>/<position>.checkpoint   "PLCP", version u16, reserved u16, run (32 bytes), position u64,
                                  acc u32, registers u32, commitment (32 bytes);
                                  for each register its id u16 and length u32; then all words;
                                  everything little-endian

A checkpoint holds what a run writes: params, outputs, and inside a training step scratch and the
accumulator. Inputs never change and are not in it. It appears whole or not at all (a temporary file
and a rename). It is no more than a saving of time: one that cannot be written, or that a crash or
a disk damaged, costs its stretch of replay and nothing else. So nothing is synced, and every read
recomputes the commitment and believes no file that has another.
"""

import logging
import os
import struct
import tempfile
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from threading import Lock
from typing import BinaryIO, Final

import numpy as np

from prover.commit.keccak import Hash, keccak
from prover.commit.tensor import Words
from prover.errors import ProgramError
from prover.program import run_commitment
from prover.row import MAX_DEPTH, RegisterId, Segment, register_id, segment_of
from prover.state import State

MOST: Final = 1_024
"""Checkpoints of one run; the directory of a run stays one that is listed in a millisecond."""

_LOG: Final = logging.getLogger(__name__)
_HEAD: Final = struct.Struct("<4sHH32sQII32s")
_ENTRY: Final = struct.Struct("<HI")
_MAGIC: Final = b"PLCP"
_VERSION: Final = 1
_MOST_REGISTERS: Final = len(Segment) << MAX_DEPTH
_SUFFIX: Final = ".checkpoint"
_WRITTEN: Final = (Segment.PARAMS, Segment.OUTPUTS, Segment.SCRATCH)


def run_name(program_id: Hash, first_step: int, params: Hash, inputs: Hash) -> Hash:
    """The name of a run: its program, its first training step, the roots it starts from."""
    return keccak(run_commitment(program_id, first_step) + params + inputs)


def written(state: State) -> list[tuple[RegisterId, Words]]:
    """The registers that a run writes, as far as they hold words."""
    return [
        (register_id(segment, index), words)
        for segment in _WRITTEN
        for index, words in enumerate(state.segment(segment))
        if len(words)
    ]


class _Unusable(ValueError):
    """A file is not the checkpoint that its name says."""


@dataclass(frozen=True, slots=True)
class _File:
    path: Path
    run: str
    position: int
    size: int
    modified: float


class Checkpoints:
    """A folder of checkpoints, made when it is not there, within `budget` bytes.

    When the budget is reached, the run with the most checkpoints loses every second one; when no
    run has two, the oldest goes. Threads may share a store, and processes a folder: each sees what
    the others wrote when it next runs out of room, so a folder may be over the budgets for a while.
    """

    def __init__(self, folder: Path, budget: int) -> None:
        self.folder = folder
        self.budget = budget
        self.thinned = 0
        """How often checkpoints were removed: whoever keeps a list of them looks again."""
        self._lock = Lock()
        folder.mkdir(parents=True, exist_ok=True)
        for left in folder.glob("*/.*.tmp"):  # of a process that was killed while it wrote
            left.unlink(missing_ok=True)
        self._used = sum(file.size for file in self._files())

    def positions(self, run: Hash) -> list[int]:
        """The positions, ascending, that a run has checkpoints at; checked when they are read."""
        return sorted(file.position for file in _listed(self.folder / run.hex()))

    def save(self, run: Hash, position: int, state: State, commitment: Hash) -> bool:
        """Keep the state at a position of a run; `commitment` is what it must have when read.

        False when it was not kept, which is logged: there is no room for it, or the disk refuses.
        """
        registers = written(state)
        size = _HEAD.size + sum(_ENTRY.size + 4 * len(words) for _, words in registers)
        if not self._reserve(size):
            _event(logging.INFO, "checkpoint.no-room", position=position, bytes=size)
            return False
        head = _HEAD.pack(_MAGIC, _VERSION, 0, run, position, state.acc, len(registers), commitment)
        table = b"".join(_ENTRY.pack(register, len(words)) for register, words in registers)
        try:
            _write(self._path(run, position), head + table, (words for _, words in registers))
        except OSError as error:
            with self._lock:
                self._used -= size
            _event(logging.WARNING, "checkpoint.failed", position=position, reason=error)
            return False
        return True

    def load(self, run: Hash, position: int, start: State) -> State | None:
        """The state at a position of the run from `start`, whose inputs it shares.

        None when there is none that can be believed; a damaged or foreign file is logged and goes.
        """
        path = self._path(run, position)
        try:
            with path.open("rb") as file:
                return _read(file, run, position, start)
        except FileNotFoundError:
            return None
        except (OSError, _Unusable, ProgramError) as error:
            _event(logging.WARNING, "checkpoint.ignored", file=path, reason=error)
            self._unlink([path])
            return None

    def thin(self, run: Hash) -> None:
        """Drop every second checkpoint of a run, the first one first."""
        files = sorted(_listed(self.folder / run.hex()), key=lambda file: file.position)
        self._unlink([file.path for file in files[::2]])

    def remove(self, run: Hash) -> None:
        """Drop all checkpoints of a run: its claim is final."""
        folder = self.folder / run.hex()
        self._unlink([file.path for file in _listed(folder)])
        with suppress(OSError):
            folder.rmdir()

    def _path(self, run: Hash, position: int) -> Path:
        return self.folder / run.hex() / f"{position}{_SUFFIX}"

    def _files(self) -> list[_File]:
        with os.scandir(self.folder) as entries:
            folders = [Path(entry.path) for entry in entries if entry.is_dir()]
        return [file for folder in folders for file in _listed(folder)]

    def _reserve(self, size: int) -> bool:
        """Make room for so many bytes, and take it."""
        with self._lock:
            if self._used + size > self.budget:
                files = sorted(self._files(), key=lambda file: (file.run, file.position))
                self._used = sum(file.size for file in files)
                drop = _surplus(files, self._used + size - self.budget)
                self._drop(drop)
            if self._used + size > self.budget:
                return False
            self._used += size
            return True

    def _unlink(self, paths: Iterable[Path]) -> None:
        with self._lock:
            self._drop([file for path in paths for file in _stat(path)])

    def _drop(self, files: list[_File]) -> None:
        for file in files:
            with suppress(OSError):
                file.path.unlink()
                self._used -= file.size
        self.thinned += bool(files)


def _surplus(files: list[_File], size: int) -> list[_File]:
    """Which of `files` (by run and position) go, so that `size` bytes become free, or all."""
    runs = [list(of_run) for _, of_run in groupby(files, key=lambda file: file.run)]
    gone: list[_File] = []
    while size > 0 and runs:
        fullest = max(runs, key=len)
        if len(fullest) == 1:
            fullest = min(runs, key=lambda of_run: of_run[0].modified)
            runs.remove(fullest)
            drop = fullest
        else:
            drop = fullest[::2]
            del fullest[::2]
        gone += drop
        size -= sum(file.size for file in drop)
    return gone


def _listed(folder: Path) -> list[_File]:
    """The checkpoints in the folder of a run; none when there is no such folder."""
    try:
        with os.scandir(folder) as entries:
            paths = [Path(entry.path) for entry in entries if entry.name.endswith(_SUFFIX)]
    except (FileNotFoundError, NotADirectoryError):
        return []
    return [file for path in paths for file in _stat(path)]


def _stat(path: Path) -> list[_File]:
    """What is there under a path: one file, or none that is a checkpoint's."""
    number = path.name.removesuffix(_SUFFIX)
    if not (number.isascii() and number.isdigit()):
        return []
    try:
        stat = path.stat()
    except OSError:  # gone meanwhile
        return []
    return [_File(path, path.parent.name, int(number), stat.st_size, stat.st_mtime)]


def _write(path: Path, head: bytes, tensors: Iterable[Words]) -> None:
    """Make a file appear under its name with all of its bytes; words are written from where they
    lie.
    """
    path.parent.mkdir(exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".tmp")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(head)
            for words in tensors:
                file.write(np.ascontiguousarray(words, "<u4").data)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def _read(file: BinaryIO, run: Hash, position: int, start: State) -> State:
    head = file.read(_HEAD.size)
    if len(head) < _HEAD.size:
        raise _Unusable("it is cut short")
    magic, version, _, of_run, at, acc, count, commitment = _HEAD.unpack(head)
    if magic != _MAGIC or version != _VERSION:
        raise _Unusable(f"it is no checkpoint of version {_VERSION}")
    if of_run != run or at != position:
        raise _Unusable(f"it is of run {of_run.hex()} at {at}")
    table = file.read(_ENTRY.size * min(count, _MOST_REGISTERS))
    if len(table) < _ENTRY.size * count:
        raise _Unusable("it is cut short")
    entries = [(RegisterId(register), length) for register, length in _ENTRY.iter_unpack(table)]
    size = len(head) + len(table) + 4 * sum(length for _, length in entries)
    if os.fstat(file.fileno()).st_size != size:
        raise _Unusable("its size is not what its registers say")
    state = start.copy()
    for segment in _WRITTEN:
        state.reset(segment)
    for register, length in entries:
        if segment_of(register) == Segment.INPUTS:
            raise _Unusable("it holds inputs")
        words = np.empty(length, "<u4")
        if file.readinto(words.data.cast("B")) != 4 * length:  # type: ignore[attr-defined]
            raise _Unusable("it is cut short")
        state.put(register, words.astype(np.uint32, copy=False))
    state.acc = acc
    if state.commitment() != commitment:
        raise _Unusable("its words have another commitment")
    return state


def _event(level: int, event: str, **fields: object) -> None:
    """A log event with its fields, as `rollup` writes them."""
    said = " ".join([event, *(f"{key}={value}" for key, value in fields.items())])
    _LOG.log(level, "%s", said, extra={"event": event, "fields": fields})
