"""Datasets: chunks under the names of subtrees, a manifest whose hash is the dataset's name."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from prover.backends import backend
from prover.commit.committed import CommittedWords
from prover.commit.keccak import Hash, keccak
from prover.commit.tensor import LEAF_WORDS, Words, tensor_root
from prover.content import ContentStore
from prover.errors import ContentError, ContentMissing, ManifestError, WrongChunk
from prover.execute import run
from prover.files.dataset import Dataset, read_dataset, write_dataset
from prover.row import Segment
from prover.tracer import Layout, Traced, namespace_of, trace
from prover.tracer.fields import like

CHUNK = LEAF_WORDS << 8
"""Words of the smallest chunk."""
ROWS, WIDTH = 40, 1000
ARRAYS: dict[str, NDArray[Any]] = {
    "images": np.arange(ROWS * WIDTH, dtype=np.float32).reshape(ROWS, WIDTH) / 64,
    "labels": np.arange(ROWS, dtype=np.int32),
    "known": np.arange(3 * CHUNK) % 3 == 0,
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_dataset(tmp_path, ARRAYS, height=8)
    return tmp_path


def chunk_files(folder: Path) -> list[Path]:
    return sorted((folder / "chunks").iterdir())


def of(words: Words) -> CommittedWords:
    committed: object = words
    assert isinstance(committed, CommittedWords)
    return committed


def verified(dataset: Dataset) -> list[int]:
    return [of(words).verified for words in dataset.words]


def mini_batches() -> Traced:
    """Of the row whose turn it is: the sum of squares, and which it is."""

    def step(params: Any, inputs: Any, number: Any) -> tuple[Any, Any]:
        at = number % ROWS
        image = inputs["images"][at]
        return {}, {
            "sum": namespace_of(image).sum(image * image),
            "label": inputs["labels"][at] + 0,
        }

    return trace(step, {}, ARRAYS)


def test_a_dataset_comes_back_under_the_root_of_its_layout(folder: Path) -> None:
    dataset = read_dataset(folder)
    layout = Layout(Segment.INPUTS, tuple(like(dataset.arrays)))
    assert layout == Layout(Segment.INPUTS, tuple(like(ARRAYS)))
    assert dataset.root == layout.root(ARRAYS) == layout.root(dataset.arrays)
    assert verified(dataset) == [0, 0, 0]  # all of that from the manifest
    for name, array in ARRAYS.items():
        stored = dataset.arrays[name]
        assert np.array_equal(np.asarray(stored), array)
        assert (stored.shape, stored.dtype, len(stored)) == (array.shape, array.dtype, len(array))
    assert verified(dataset) == [3, 1, 3]
    assert dataset.name == keccak((folder / "manifest.json").read_bytes())
    assert read_dataset(folder / "manifest.json", dataset.name).root == dataset.root


@settings(deadline=None, max_examples=15)
@given(st.data())
def test_any_dataset_has_its_layouts_root(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    arrays: dict[str, NDArray[Any]] = {}
    height = data.draw(st.sampled_from([8, 9]))
    for number in range(data.draw(st.integers(1, 3))):
        size = data.draw(st.sampled_from([1, 64, 65, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK + 77]))
        kind = data.draw(st.sampled_from(["<f4", "<i4", "?", "<i8", "<f2", ">f4"]))
        made = (np.arange(size) * data.draw(st.integers(0, 3)) % 777).astype(kind)
        arrays[f"x{number}"] = made.reshape(data.draw(st.sampled_from([(-1,), (1, -1), (-1, 1)])))
    folder = tmp_path_factory.mktemp("any")
    dataset = write_dataset(folder, arrays, height=height)
    plain = {name: array.astype(dataset.arrays[name].dtype) for name, array in arrays.items()}
    layout = Layout(Segment.INPUTS, tuple(like(plain)))
    assert dataset.root == layout.root(plain)
    for name, array in plain.items():
        assert np.array_equal(np.asarray(dataset.arrays[name]), array)
    for path in chunk_files(folder):
        words = np.frombuffer(path.read_bytes(), np.uint32)
        assert path.name == f"{tensor_root(words).hex()}.chunk"
        assert len(words) % LEAF_WORDS == 0


@settings(
    deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.data())
def test_rows_are_read_where_they_lie(folder: Path, data: st.DataObject) -> None:
    array, stored = ARRAYS["images"], read_dataset(folder).arrays["images"]
    low, high = (data.draw(st.integers(-ROWS - 2, ROWS + 2)) for _ in range(2))
    step = data.draw(st.sampled_from([None, 1, 2, -1, -3]))
    assert np.array_equal(stored[low:high:step], array[low:high:step])
    assert np.array_equal(stored[[3, 5], 2:4], array[[3, 5], 2:4])
    if -ROWS <= low < ROWS:
        assert np.array_equal(stored[low], array[low])
    else:
        with pytest.raises(IndexError):
            stored[low]


def test_equal_chunks_are_one_file_and_equal_datasets_have_one_name(tmp_path: Path) -> None:
    zeros = np.zeros(4 * CHUNK, np.float32)
    one = write_dataset(tmp_path / "one", {"a": zeros, "b": zeros[:CHUNK]}, height=8)
    assert len(chunk_files(tmp_path / "one")) == 1
    two = write_dataset(tmp_path / "two", {"a": zeros, "b": zeros[:CHUNK]}, height=8)
    assert one.name == two.name
    other = write_dataset(tmp_path / "three", {"b": zeros, "a": zeros[:CHUNK]}, height=8)
    assert (other.root, other.name != one.name) == (one.root, True)  # names are not in the root


def test_a_wrong_chunk_is_named_with_both_hashes(folder: Path) -> None:
    dataset = read_dataset(folder)
    bad = dataset.manifest.arrays[0].chunks[1]
    path = dataset.chunks.path(bad)
    data = bytearray(path.read_bytes())
    data[5] ^= 1
    path.write_bytes(data)
    found = tensor_root(np.frombuffer(bytes(data), np.uint32)).hex()
    again = read_dataset(folder)
    assert again.root == dataset.root
    assert np.array_equal(again.arrays["images"][3], ARRAYS["images"][3])
    with pytest.raises(WrongChunk) as caught:
        again.arrays["images"][20]
    assert str(caught.value) == (
        f"chunk 1 of images is damaged: its hash is {found}, not {bad.hex()}; fetch it again"
    )


def test_a_chunk_that_is_cut_short_or_missing_is_named(folder: Path) -> None:
    dataset = read_dataset(folder)
    chunk = dataset.manifest.arrays[2].chunks[2]
    path = dataset.chunks.path(chunk)
    good = path.read_bytes()
    for data in (b"", good[:-1], good + b"\0"):
        path.write_bytes(data)
        with pytest.raises(WrongChunk, match=f"chunk 2 of known, {chunk.hex()}, is damaged: it"):
            _ = read_dataset(folder).words
    path.unlink()
    with pytest.raises(ContentMissing, match=f"chunk 2 of known .*{chunk.hex()}; fetch it"):
        _ = read_dataset(folder).words


@pytest.mark.parametrize("name", ["numba", "reference"])
def test_a_step_reads_the_chunks_of_its_rows_alone(folder: Path, name: str) -> None:
    made, used = mini_batches(), backend(name)
    dataset = read_dataset(folder)
    words = made.inputs.words(dataset.arrays)
    assert words == dataset.words
    for step, chunks in ((3, [1, 1, 0]), (38, [2, 1, 0]), (39, [2, 1, 0])):
        result = run(made.program, step, 1, [], words, used)
        plain = run(made.program, step, 1, [], made.inputs.words(ARRAYS), used)
        assert result.outputs_root == plain.outputs_root
        assert made.outputs.arrays(result.outputs)["label"] == step
        assert verified(dataset) == chunks


def test_a_wrong_chunk_stops_a_run_that_reads_it_and_no_other(folder: Path) -> None:
    made, used = mini_batches(), backend("numba")
    chunk = read_dataset(folder).manifest.arrays[0].chunks[2]
    path = folder / "chunks" / f"{chunk.hex()}.chunk"
    path.write_bytes(bytes(len(path.read_bytes())))
    words = made.inputs.words(read_dataset(folder).arrays)
    run(made.program, 0, 20, [], words, used)
    with pytest.raises(WrongChunk, match="chunk 2 of images"):
        run(made.program, 30, 20, [], words, used)


def test_content_gives_a_datasets_segment(folder: Path, tmp_path: Path) -> None:
    dataset = read_dataset(folder)
    store = ContentStore(tmp_path / "content")
    assert not store.has_segment(dataset.root)
    assert store.put_dataset(dataset) == dataset.root == store.put_dataset(dataset)
    assert store.has_segment(dataset.root)
    words = store.segment(dataset.root)
    assert [of(one).verified for one in words] == [0, 0, 0]
    made = mini_batches()
    result = run(made.program, 7, 2, [], words, backend("numba"))
    plain = run(made.program, 7, 2, [], made.inputs.words(ARRAYS), backend("numba"))
    assert result.outputs_root == plain.outputs_root
    assert store.dataset(dataset.name).manifest == dataset.manifest
    with pytest.raises(ContentMissing, match="no dataset 00"):
        store.dataset(Hash(bytes(32)))
    with pytest.raises(ContentMissing, match="no segment 00"):
        store.segment(Hash(bytes(32)))


def test_contents_links_and_manifests_are_checked(folder: Path, tmp_path: Path) -> None:
    store = ContentStore(tmp_path / "content")
    root = store.put_dataset(read_dataset(folder))
    other = store.put_dataset(write_dataset(tmp_path / "other", {"x": np.ones(5, np.int32)}))
    link, foreign = (store.folder / "segments" / f"{one.hex()}.dataset" for one in (root, other))
    good = link.read_bytes()
    link.write_bytes(foreign.read_bytes())
    with pytest.raises(ContentError, match="has another root; fetch it again"):
        store.segment(root)
    link.write_bytes(b"nonsense")
    with pytest.raises(ContentError, match="it names no dataset"):
        store.segment(root)
    link.write_bytes(good)
    manifests = [store.folder / "datasets" / f"{p.read_text()}.json" for p in (link, foreign)]
    manifests[0].write_bytes(manifests[1].read_bytes())
    with pytest.raises(ContentError, match="it is dataset"):
        store.segment(root)


def test_a_damaged_chunk_is_not_taken_into_content(folder: Path, tmp_path: Path) -> None:
    chunk = read_dataset(folder).manifest.arrays[0].chunks[1]
    path = folder / "chunks" / f"{chunk.hex()}.chunk"
    path.write_bytes(bytes(len(path.read_bytes())))
    store = ContentStore(tmp_path / "content")
    with pytest.raises(WrongChunk, match="chunk 1 of images"):
        store.put_dataset(read_dataset(folder))
    assert list((store.folder / "segments").iterdir()) == []


Change = Callable[[dict[str, Any]], object]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda m: m.update(version=2), "is a manifest of version 2, not 1; use the program"),
        (lambda m: m.update(format="x"), '"format" is not "plumbline-dataset"'),
        (lambda m: m.update(more=1), "it has not the keys"),
        (lambda m: m.update(chunkLeaves=300), "chunkLeaves is one of"),
        (lambda m: m.update(chunkLeaves=True), "chunkLeaves is one of"),
        (lambda m: m.update(arrays=[]), "it needs arrays"),
        (lambda m: m.update(arrays=[1]), "an array has no name"),
        (lambda m: m["arrays"].append(m["arrays"][0]), "each under its own name"),
        (lambda m: m["arrays"][0].update(dtype="float64"), "images is float64, not one of"),
        (lambda m: m["arrays"][0].update(shape=[0]), "images has no shape of 1 to"),
        (lambda m: m["arrays"][0].update(shape=[1 << 40]), "images has no shape of 1 to"),
        (lambda m: m["arrays"][0].update(shape=["1"]), "images has no shape of 1 to"),
        (lambda m: m["arrays"][0].update(shape=[1] * 65), "images has no shape of 1 to"),
        (lambda m: m["arrays"][0].update(name="\x1b[2J"), "'\\x1b[2J' is no name that can be"),
        (lambda m: m["arrays"][0]["chunks"].pop(), "images has 2 chunks, which is not"),
        (lambda m: m["arrays"][0]["chunks"].__setitem__(0, "zz"), "no 64 hex digits"),
        (lambda m: m["arrays"][0]["chunks"].__setitem__(0, 7), "no 64 hex digits"),
        (lambda m: m["arrays"][0].update(note="x"), "not written as manifests are"),
    ],
)
def test_a_wrong_manifest_is_one_line(folder: Path, change: Change, said: str) -> None:
    path = folder / "manifest.json"
    document = json.loads(path.read_bytes())
    change(document)
    path.write_text(json.dumps(document, sort_keys=True, separators=(",", ":")))
    with pytest.raises(ManifestError) as caught:
        read_dataset(folder)
    assert said in str(caught.value)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_manifests_that_are_cut_short_or_another_are_refused(folder: Path) -> None:
    path = folder / "manifest.json"
    good = path.read_bytes()
    for data in (*(good[:size] for size in range(0, len(good), 37)), good + b"\n", b"\xff", b"[]"):
        path.write_bytes(data)
        with pytest.raises(ManifestError, match="no manifest, or damaged"):
            read_dataset(folder)
    path.write_bytes(good)
    with pytest.raises(ManifestError, match=r"is dataset .*, not 00"):
        read_dataset(folder, Hash(bytes(32)))
    path.unlink()
    with pytest.raises(ManifestError, match="cannot read"):
        read_dataset(folder)


@pytest.mark.parametrize(
    ("array", "said"),
    [
        (np.zeros(3), "x is float64, which no register holds"),
        (np.zeros((0, 3), np.float32), "x has 0 elements"),
        (np.array([1 << 40]), "x holds int64 values that int32 cannot"),
    ],
)
def test_what_cannot_be_written_leaves_no_manifest(
    tmp_path: Path, array: NDArray[Any], said: str
) -> None:
    with pytest.raises(ContentError, match=said):
        write_dataset(tmp_path, {"good": np.ones(3, np.float32), "x": array})
    assert not (tmp_path / "manifest.json").exists()
    with pytest.raises(ContentError, match="no name that can be shown"):
        write_dataset(tmp_path, {"good": np.ones(3, np.float32), "a\nb": np.ones(3, np.float32)})
    assert not (tmp_path / "manifest.json").exists()
    with pytest.raises(ManifestError, match="not 2\\^14"):
        write_dataset(tmp_path, ARRAYS, height=14)


def test_a_failed_write_leaves_no_half_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(descriptor: int) -> None:
        raise OSError("disk full")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="disk full"):
        write_dataset(tmp_path, ARRAYS)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
