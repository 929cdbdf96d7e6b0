"""Safetensors: what lies in a file is what registers hold, without a copy; damage is one line."""

import json
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from prover.errors import ContentError, WeightsError
from prover.files import weights as weights_module
from prover.files.weights import read_weights, write_registers, write_weights
from prover.row import Segment
from prover.state import segment_root
from prover.tracer import DType, Field, Layout
from prover.tracer.fields import like

LAYOUT = Layout(
    Segment.PARAMS,
    (
        Field("w", (3, 5)),
        Field("count", (), DType.I32),
        Field("mask", (7,), DType.MASK),
        Field("b", (5,)),
    ),
)
ARRAYS: dict[str, NDArray[Any]] = {
    "w": np.arange(15, dtype=np.float32).reshape(3, 5) / 7,
    "count": np.array(-3, np.int32),
    "mask": np.array([1, 0, 1, 1, 0, 0, 1], bool),
    "b": np.full(5, np.nan, np.float32),
}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "model.safetensors"
    write_weights(path, ARRAYS)
    return path


def raw_file(path: Path, entries: dict[str, tuple[str, list[int], bytes]], pad: int = 0) -> Path:
    header, data = {}, b""
    for name, (dtype, shape, part) in entries.items():
        offsets = [len(data), len(data) + len(part)]
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": offsets}
        data += part
    text = json.dumps(header).encode() + b" " * pad
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)
    return path


def test_what_is_written_comes_back_in_its_order(file: Path) -> None:
    read = read_weights(file)
    assert list(read) == list(ARRAYS)
    for name, array in ARRAYS.items():
        assert read[name].dtype == array.dtype
        assert read[name].shape == read.shape(name) == array.shape
        assert read[name].tobytes() == array.tobytes()
    assert read.layout(Segment.PARAMS) == LAYOUT == Layout(Segment.PARAMS, tuple(like(read)))
    assert LAYOUT.root(read) == LAYOUT.root(ARRAYS)
    assert {name: array.tobytes() for name, array in load_file(file).items()} == {
        name: array.tobytes() for name, array in ARRAYS.items()
    }


@settings(deadline=None, max_examples=20)
@given(st.data())
def test_any_arrays_come_back(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    arrays: dict[str, NDArray[Any]] = {}
    for name in data.draw(st.lists(st.text(min_size=1, max_size=4), unique=True, max_size=4)):
        shape = tuple(data.draw(st.lists(st.integers(1, 4), max_size=3)))
        dtype = np.dtype(data.draw(st.sampled_from(["float32", "int32", "bool"])))
        size = int(np.prod(shape, dtype=int))
        words = data.draw(st.binary(min_size=4 * size, max_size=4 * size))
        made = np.frombuffer(words, np.uint32)
        arrays[name] = (made.view(dtype) if dtype.kind != "b" else made % 2 == 0).reshape(shape)
    arrays.pop("__metadata__", None)
    path = tmp_path_factory.mktemp("any") / "any.safetensors"
    write_weights(path, arrays)
    read = read_weights(path)
    assert list(read) == list(arrays)
    assert all(read[name].tobytes() == array.tobytes() for name, array in arrays.items())


def test_registers_are_the_files_own_bytes(file: Path) -> None:
    read = read_weights(file)
    words = read.words(LAYOUT)
    for name, mine in zip(("w", "count", "b"), (words[0], words[1], words[3]), strict=True):
        assert np.shares_memory(mine, read[name])
        assert not mine.flags.writeable
    assert segment_root(words, LAYOUT.depth) == LAYOUT.root(ARRAYS)


def test_arrays_that_can_be_written_are_copied() -> None:
    own = {name: array.copy() for name, array in ARRAYS.items()}
    assert not any(
        np.shares_memory(words, own[field.name])
        for words, field in zip(LAYOUT.words(own), LAYOUT.fields, strict=True)
    )
    swapped = {name: array.astype(array.dtype.newbyteorder(">")) for name, array in own.items()}
    assert LAYOUT.root(swapped) == LAYOUT.root(own)


def test_params_after_training_are_written_under_their_names(tmp_path: Path) -> None:
    path = tmp_path / "after.safetensors"
    write_registers(path, LAYOUT, LAYOUT.words(ARRAYS), {"format": "pt"})
    assert LAYOUT.root(read_weights(path)) == LAYOUT.root(ARRAYS)
    with pytest.raises(WeightsError, match=r"registers of \[15\] words are not"):
        write_registers(path, LAYOUT, LAYOUT.words(ARRAYS)[:1])


def test_every_half_becomes_its_float(tmp_path: Path) -> None:
    halves = np.arange(1 << 16, dtype=np.uint16)
    entries = {
        "half": ("F16", [1 << 16], halves.tobytes()),
        "brain": ("BF16", [256, 256], halves.tobytes()),
    }
    read = read_weights(raw_file(tmp_path / "x.safetensors", entries))
    assert read.dtype("half") == read.dtype("brain") == "float32"
    for said, exact in (
        (read["half"], [_half(int(word)) for word in halves]),
        (read["brain"].reshape(-1), (halves.astype(np.uint32) << 16).view(np.float32)),
    ):
        expected = np.array(exact, np.float32)
        nan = np.isnan(expected)
        assert np.array_equal(said.view(np.uint32)[~nan], expected.view(np.uint32)[~nan])
        assert (said.view(np.uint32)[nan] == 0x7FC00000).all()


def _half(word: int) -> float:
    sign, exponent, fraction = 1.0 - (word >> 15) * 2, word >> 10 & 31, word & 1023
    if exponent == 31:
        return float("nan") if fraction else sign * float("inf")
    return sign * (fraction + 1024 * (exponent > 0)) * 2.0 ** (max(exponent, 1) - 25)


def test_integers_become_int32_where_they_fit(tmp_path: Path) -> None:
    for kind, dtype in (("I64", "<i8"), ("I16", "<i2"), ("I8", "i1"), ("U8", "u1"), ("U16", "<u2")):
        info = np.iinfo(np.dtype(dtype))
        values = [max(info.min, -(2**31)), 0, min(info.max, 2**31 - 1)]
        data = np.array(values, dtype).tobytes()
        read = read_weights(raw_file(tmp_path / "x.safetensors", {"x": (kind, [3], data)}))
        assert (read["x"].dtype, read["x"].tolist()) == (np.dtype(np.int32), values)
    data = np.array([0, 2**31], "<i8").tobytes()
    read = read_weights(raw_file(tmp_path / "x.safetensors", {"x": ("I64", [2], data)}))
    with pytest.raises(WeightsError, match="x holds int64 values that int32 cannot") as caught:
        read["x"]
    assert "x.safetensors" in str(caught.value)


def test_what_no_register_holds_is_refused_by_name(tmp_path: Path) -> None:
    entries = {"x": ("F64", [1], bytes(8)), "y": ("F8_E4M3", [4], bytes(4))}
    read = read_weights(raw_file(tmp_path / "x.safetensors", entries))
    for name, said in (("x", "x is F64"), ("y", "y is F8_E4M3")):
        with pytest.raises(WeightsError, match=said):
            read[name]
        with pytest.raises(WeightsError, match=said):
            read.dtype(name)
    with pytest.raises(WeightsError, match="w is float64, not float32, int32 or bool"):
        write_weights(tmp_path / "y.safetensors", {"w": np.zeros(3)})
    assert not (tmp_path / "y.safetensors").exists()


def test_more_axes_than_numpy_has_are_one_line(tmp_path: Path) -> None:
    file = raw_file(tmp_path / "x.safetensors", {"x": ("F32", [1] * 65, bytes(4))})
    with pytest.raises(WeightsError, match=r"x of .* has more than 64 axes"):
        read_weights(file)


@pytest.mark.parametrize("pad", range(4))
def test_data_that_is_not_aligned_is_read_all_the_same(tmp_path: Path, pad: int) -> None:
    data = np.arange(5, dtype=np.float32)
    entries = {"mask": ("BOOL", [1], b"\1"), "x": ("F32", [5], data.tobytes())}
    read = read_weights(raw_file(tmp_path / "x.safetensors", entries, pad))
    assert read["x"].flags.aligned
    assert np.array_equal(read["x"], data)


def test_names_are_mapped_by_a_table_or_a_function(file: Path) -> None:
    table = read_weights(file, names={"b": "bias", "w": "weight"})
    assert list(table) == ["weight", "bias"]  # the order is the registers'
    assert np.array_equal(table["weight"], ARRAYS["w"])
    called = read_weights(file, names=lambda name: None if name == "mask" else f"net.{name}")
    assert list(called) == ["net.w", "net.count", "net.b"]
    with pytest.raises(WeightsError, match="lacks v; it holds b, w, count, mask"):
        read_weights(file, names={"v": "w"})
    with pytest.raises(WeightsError, match=r"two arrays of .* would be called x"):
        read_weights(file, names=lambda name: "x")


def test_files_are_joined(tmp_path: Path) -> None:
    one, two = tmp_path / "one.safetensors", tmp_path / "two.safetensors"
    save_file({"b": ARRAYS["b"], "a": ARRAYS["w"]}, one)
    save_file({"c": ARRAYS["mask"]}, two)
    assert list(read_weights(one, two)) == ["a", "b", "c"]
    with pytest.raises(WeightsError, match="holds a, b once more"):
        read_weights(one, one)


Change = Callable[[dict[str, Any]], object]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda a: a.pop("w"), "lacks w; map its names"),
        (lambda a: a.update(v=a["w"]), "also holds v; map its names"),
        (lambda a: a.update(w=a["w"].T), r"w of .* is float32 \(5, 3\), not float32 \(3, 5\)"),
        (lambda a: a.update(b=a["b"].astype(np.int32)), r"is int32 \(5,\), not float32 \(5,\)"),
        (lambda a: a.update({f"x{n}": a["w"] for n in range(9)}), "x0, x1, x2, x3 and 5 more"),
    ],
)
@pytest.mark.filterwarnings("ignore:invalid value")
def test_arrays_that_are_not_the_layouts_are_one_line(
    tmp_path: Path, change: Change, said: str
) -> None:
    arrays = dict(ARRAYS)
    change(arrays)
    path = tmp_path / "other.safetensors"
    write_weights(path, arrays)
    with pytest.raises(WeightsError, match=said) as caught:
        read_weights(path).words(LAYOUT)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_every_truncation_is_one_line(file: Path) -> None:
    good = file.read_bytes()
    for size in (*range(60), *range(60, len(good), 17), len(good) - 1):
        file.write_bytes(good[:size])
        with pytest.raises(WeightsError, match="no safetensors file, or damaged") as caught:
            read_weights(file)
        assert isinstance(caught.value, ContentError)
        assert "\n" not in str(caught.value)
    for missing in (file.parent / "nowhere", file.parent):
        with pytest.raises(WeightsError, match="cannot read"):
            read_weights(missing)


def test_a_damaged_header_is_an_error_and_nothing_else(file: Path) -> None:
    good = file.read_bytes()
    for at in range(min(len(good), 400)):
        file.write_bytes(good[:at] + bytes([good[at] ^ 0x11]) + good[at + 1 :])
        try:
            read = read_weights(file)
            for name in read:
                read[name]
        except WeightsError:
            continue


def test_a_failed_write_leaves_what_was_there(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = file.read_bytes()

    def broken(*_: object) -> None:
        raise SafetensorError("disk full")

    monkeypatch.setattr(weights_module, "save_file", broken)
    with pytest.raises(SafetensorError):
        write_weights(file, {"w": np.zeros(3, np.float32)})
    assert file.read_bytes() == before
    assert [path.name for path in file.parent.iterdir()] == [file.name]
