"""Stored content: round trips, and every kind of damage is refused in one line."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from prover.commit.keccak import Hash
from prover.content import ContentStore
from prover.errors import ContentError, ContentMissing
from prover.ops import Opcode
from prover.program import Program
from prover.row import Depths, Operand, Row, Segment, register_id
from prover.state import segment_root, zero_segment
from tests.prover.generators import Case, cases


@pytest.fixture
def store(tmp_path: Path) -> ContentStore:
    return ContentStore(tmp_path / "content")


def small_program(word: int = 7) -> Program:
    out = register_id(Segment.OUTPUTS, 0)
    row = Row(Opcode.MOVE, out, 3, (1, 1, 1, 3), 1, (Operand.immediate(word),))
    return Program.of([row, row], Depths(0, 0, 0, 0), ["first", "second"])


def only_file(folder: Path) -> Path:
    (path,) = (p for p in folder.iterdir() if p.suffix != ".json")
    return path


def test_program_comes_back_with_its_names(store: ContentStore) -> None:
    program = small_program()
    assert store.put_program(program) == program.id
    again = ContentStore(store.folder).program(program.id)
    assert again == program
    assert again.names == ("first", "second")


def test_names_are_not_needed_and_not_trusted(store: ContentStore) -> None:
    program = small_program()
    name = store.put_program(program)
    sidecar = store.folder / "programs" / f"{name.hex()}.names.json"
    for useless in (b"", b"{}", b'["one"]', b"\xff", b'["a", 7]', b'["a", "\\u001b"]'):
        sidecar.write_bytes(useless)
        assert store.program(name).names == ()
    sidecar.unlink()
    assert store.program(name) == program


@given(cases())
def test_any_program_comes_back(tmp_path_factory: pytest.TempPathFactory, case: Case) -> None:
    store = ContentStore(tmp_path_factory.mktemp("any"))
    assert store.program(store.put_program(case.program)) == case.program


@given(st.lists(st.binary(max_size=300), max_size=5), st.integers(3, 5))
def test_any_segment_comes_back(
    tmp_path_factory: pytest.TempPathFactory, data: list[bytes], depth: int
) -> None:
    store = ContentStore(tmp_path_factory.mktemp("any"))
    tensors = [np.frombuffer(d[: len(d) // 4 * 4], np.uint32) for d in data]
    root = store.put_segment(tensors, depth)
    assert root == segment_root(tensors, depth)
    again = store.segment(root)
    assert len(again) == len(tensors)
    for one, other in zip(again, tensors, strict=True):
        assert np.array_equal(one, other)
        assert not one.flags.writeable


def test_empty_segment(store: ContentStore) -> None:
    assert store.put_segment([], 4) == zero_segment(4)
    assert store.segment(zero_segment(4)) == []


def test_missing_is_told_apart(store: ContentStore) -> None:
    name = Hash(bytes(32))
    assert not store.has_program(name)
    assert not store.has_segment(name)
    with pytest.raises(ContentMissing, match="no program 00"):
        store.program(name)
    with pytest.raises(ContentMissing, match="no segment 00"):
        store.segment(name)


def test_too_many_tensors(store: ContentStore) -> None:
    with pytest.raises(ContentError, match="3 tensors do not fit a segment of depth 1"):
        store.put_segment([np.zeros(1, np.uint32)] * 3, 1)


def test_every_damage_to_a_segment_is_refused(store: ContentStore) -> None:
    tensors = [np.arange(5, dtype=np.uint32), np.arange(70, dtype=np.uint32)]
    root = store.put_segment(tensors, 1)
    path = only_file(store.folder / "segments")
    good = path.read_bytes()
    damaged = [good[:size] for size in range(0, len(good), 7)]
    damaged += [good + b"\0", good + bytes(4)]
    damaged += [good[:at] + bytes([good[at] ^ 1]) + good[at + 1 :] for at in range(len(good))]
    for data in damaged:
        path.write_bytes(data)
        with pytest.raises(ContentError, match="damaged") as caught:
            store.segment(root)
        assert not isinstance(caught.value, ContentMissing)
        assert "\n" not in str(caught.value)


def test_every_damage_to_a_program_is_refused(store: ContentStore) -> None:
    program = small_program()
    store.put_program(program)
    path = only_file(store.folder / "programs")
    good = path.read_bytes()
    damaged = [good[:size] for size in range(0, len(good), 7)]
    damaged += [good + b"\0", good + bytes(160), good[:-160]]
    damaged += [good[:at] + bytes([good[at] ^ 1]) + good[at + 1 :] for at in range(len(good))]
    for data in damaged:
        path.write_bytes(data)
        with pytest.raises(ContentError, match="damaged"):
            store.program(program.id)


def test_an_exchanged_file_is_refused(store: ContentStore) -> None:
    mine, other = small_program(1), small_program(2)
    store.put_program(mine)
    path = only_file(store.folder / "programs")
    data = path.read_bytes()
    (store.folder / "programs" / f"{other.id.hex()}.program").write_bytes(data)
    with pytest.raises(ContentError, match="another id"):
        store.program(other.id)


def test_failed_write_leaves_nothing(store: ContentStore, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int) -> None:
        raise OSError("disk full")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="disk full"):
        store.put_segment([np.zeros(1, np.uint32)], 0)
    assert list((store.folder / "segments").iterdir()) == []


def test_writing_twice_is_writing_once(store: ContentStore) -> None:
    tensors = [np.arange(3, dtype=np.uint32)]
    first = store.put_segment(tensors, 0)
    path = only_file(store.folder / "segments")
    changed = path.stat().st_mtime_ns
    assert store.put_segment(tensors, 0) == first
    assert path.stat().st_mtime_ns == changed


def test_writing_again_heals(store: ContentStore) -> None:
    tensors = [np.arange(3, dtype=np.uint32)]
    root = store.put_segment(tensors, 0)
    only_file(store.folder / "segments").write_bytes(b"broken")
    store.put_segment(tensors, 0)
    assert np.array_equal(store.segment(root)[0], tensors[0])
