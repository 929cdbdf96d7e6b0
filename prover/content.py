"""A folder of content under the names that commit to it: programs by id, segments by root.

    programs/<id>.program     header (48 bytes), then the rows of 160 bytes
    programs/<id>.names.json  what each row computes; not committed
    programs/<id>.layout.json what its registers are called (prover/tracer/described.py); no more so
    segments/<root>.segment   its registers' words (prover/files/segment.py)
    segments/<root>.dataset   or the name of a dataset whose arrays its registers are
    datasets/<name>.json      manifests of datasets (prover/files/manifest.py)
    chunks/<root>.chunk       what they consist of (prover/files/chunks.py)

Writes appear whole or not at all (a temporary file, fsync, rename), so a crash leaves no half file
under a name. Reads recompute the commitment, so a file that was damaged or exchanged is never used.
Segments stay in their files: whoever cuts one short while it is in use ends the user's process.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from prover.commit.keccak import Hash
from prover.commit.tensor import Words
from prover.errors import ContentError, ContentMissing, ProgramError
from prover.files.appear import write_whole
from prover.files.chunks import ChunkFolder
from prover.files.dataset import CHUNKS, Dataset
from prover.files.manifest import Manifest
from prover.files.segment import read_segment, write_segment
from prover.program import Program
from prover.row import MAX_DEPTH, ROW_BYTES, Depths
from prover.state import segment_root

_HEADER_BYTES = 48


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
        self._chunks = ChunkFolder(folder / CHUNKS)

    def put_program(self, program: Program, layout: Mapping[str, Any] | None = None) -> Hash:
        """Keep a program, with what its registers are called; returns its id."""
        name = program.id
        path = self._program_path(name)
        if program.names:
            write_whole(_beside(path, "names"), json.dumps(program.names, indent=0).encode())
        if layout is not None:
            write_whole(_beside(path, "layout"), json.dumps(layout, indent=1).encode())
        write_whole(path, program.header.pack() + b"".join(program.packed))
        return name

    def layout(self, program_id: Hash) -> Any:
        """The JSON value beside a program that says what its registers are called; None without."""
        return read_layout(self._program_path(program_id))

    def has_program(self, program_id: Hash) -> bool:
        """Whether something is stored under a program id; it is checked when it is read."""
        return self._program_path(program_id).exists()

    def program(self, program_id: Hash) -> Program:
        """The program of an id, with the names of its rows where they are known.

        Raises:
            ContentMissing: when there is none.
            ContentError: when the stored bytes are not that program.
        """
        path = self._program_path(program_id)
        try:
            program = _unpacked(_read(path, "program", program_id), path)
        except ProgramError as error:
            raise _wrong("program", program_id, str(error)) from error
        if program.id != program_id:
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
        write_segment(self._segment_path(name), tensors, depth)
        return name

    def has_segment(self, root: Hash) -> bool:
        """Whether something is stored under a segment root; it is checked when it is read."""
        return self._segment_path(root).exists() or self._dataset_path(root).exists()

    def segment(self, root: Hash) -> list[Words]:
        """The tensors of a segment's first registers, read-only, as they lie in the file.

        Of a dataset no word is read here: each chunk is checked when it is first used.

        Raises:
            ContentMissing: when nothing is stored under the root, or a chunk is missing.
            ContentError: when the stored bytes are cut short, of another version, or not that
                segment.
        """
        path = self._segment_path(root)
        try:
            return read_segment(path, root)
        except FileNotFoundError:
            return self._dataset_of(path, root).words
        except ValueError as error:
            raise _wrong("segment", root, str(error)) from error

    def put_dataset(self, dataset: Dataset) -> Hash:
        """Keep a dataset, each chunk checked on the way; returns the root of its segment.

        Raises:
            ContentError: when one of its chunks is missing or damaged.
        """
        dataset.copy_to(self._chunks)
        path = self._manifest_path(dataset.name)
        path.parent.mkdir(exist_ok=True)
        write_whole(path, dataset.manifest.pack())
        write_whole(self._dataset_path(dataset.root), dataset.name.hex().encode())
        return dataset.root

    def dataset(self, name: Hash) -> Dataset:
        """The dataset of a name.

        Raises:
            ContentMissing: when there is none.
            ManifestError: when the stored bytes are not its manifest.
        """
        path = self._manifest_path(name)
        manifest = Manifest.unpack(_read(path, "dataset", name), str(path))
        if manifest.name != name:
            raise _wrong("dataset", name, f"it is dataset {manifest.name.hex()}")
        return Dataset(manifest, self._chunks)

    def _dataset_of(self, segment: Path, root: Hash) -> Dataset:
        try:
            name = bytes.fromhex(self._dataset_path(root).read_text("ascii"))
        except FileNotFoundError:
            raise _missing(segment, "segment", root) from None
        except ValueError as error:
            raise _wrong("segment", root, "it names no dataset") from error
        found = self.dataset(Hash(name))
        if found.root != root:
            raise _wrong("segment", root, f"dataset {name.hex()} has another root")
        return found

    def _program_path(self, program_id: Hash) -> Path:
        return self._programs / f"{program_id.hex()}.program"

    def _segment_path(self, root: Hash) -> Path:
        return self._segments / f"{root.hex()}.segment"

    def _dataset_path(self, root: Hash) -> Path:
        return self._segments / f"{root.hex()}.dataset"

    def _manifest_path(self, name: Hash) -> Path:
        return self.folder / "datasets" / f"{name.hex()}.json"


def read_program(path: Path) -> Program:
    """The program in a file anywhere, with the names of its rows where they lie beside it.

    Its id is for the caller to compare: no name commits to the file.

    Raises:
        ContentError: when the file cannot be read or is no program.
    """
    try:
        return _unpacked(path.read_bytes(), path)
    except OSError as error:
        raise ContentError(f"cannot read {path}: {error.strerror or error}") from error
    except ProgramError as error:
        raise ContentError(f"{path} is no program, or damaged: {error}; fetch it again") from error


def read_layout(path: Path) -> Any:
    """The JSON value beside a program's file that names its registers; None without."""
    return _note(path, "layout")


def _unpacked(data: bytes, path: Path) -> Program:
    """The program that bytes say.

    Raises:
        ProgramError: when they say none, or a header that is not their rows'.
    """
    rows, rest = divmod(len(data) - _HEADER_BYTES, ROW_BYTES)
    if rows < 1 or rest:
        raise ProgramError(f"{len(data)} bytes are not a header and rows")
    packed = [data[_HEADER_BYTES + ROW_BYTES * i :][:ROW_BYTES] for i in range(rows)]
    names = _note(path, "names")
    fits = isinstance(names, list) and len(names) == rows and all(map(_is_name, names))
    program = Program(
        tuple(packed),
        Depths(*data[_HEADER_BYTES - 4 : _HEADER_BYTES]),
        tuple(names) if fits else (),
    )
    if program.header.pack() != data[:_HEADER_BYTES]:
        raise ProgramError("its rows have another id")
    return program


def _is_name(said: object) -> bool:
    """Nobody commits to names: they must not do anything to who looks at them."""
    return isinstance(said, str) and said.isprintable()


def _beside(path: Path, what: str) -> Path:
    return path.with_name(f"{path.name.removesuffix('.program')}.{what}.json")


def _note(path: Path, what: str) -> Any:
    """A JSON value beside a program; None where there is none that can be read."""
    try:
        return json.loads(_beside(path, what).read_bytes())
    except (OSError, ValueError, RecursionError):
        return None


def _wrong(what: str, name: Hash, why: str) -> ContentError:
    return ContentError(f"the file of {what} {name.hex()} is damaged: {why}; fetch it again")


def _missing(path: Path, what: str, name: Hash) -> ContentMissing:
    return ContentMissing(f"no {what} {name.hex()} in {path.parent}; fetch it first")


def _read(path: Path, what: str, name: Hash) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise _missing(path, what, name) from None
