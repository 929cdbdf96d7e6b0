"""Models in several files, by their index."""

import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from prover.errors import WeightsError
from prover.files.shards import read_model

ARRAYS = {name: np.full((2, 3), number, np.float32) for number, name in enumerate("bca")}


@pytest.fixture
def index(tmp_path: Path) -> Path:
    table = {}
    for number, (name, array) in enumerate(ARRAYS.items()):
        file = f"model-{number}.safetensors"
        save_file({name: array}, tmp_path / file)
        table[name] = file
    path = tmp_path / "model.safetensors.index.json"
    path.write_text(json.dumps({"metadata": {}, "weight_map": table}))
    return path


def test_an_index_is_all_of_its_files(index: Path) -> None:
    read = read_model(index)
    assert list(read) == ["a", "b", "c"]
    assert all(np.array_equal(read[name], array) for name, array in ARRAYS.items())
    assert list(read_model(index, {"c": "x"})) == ["x"]
    assert list(read_model(index.parent / "model-0.safetensors")) == ["b"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "holds no JSON"),
        ("[]", "no weight_map"),
        ('{"weight_map": {}}', "no weight_map"),
        ('{"weight_map": {"a": "../model-0.safetensors"}}', "no weight_map of files beside it"),
        ('{"weight_map": {"a": ".."}}', "no weight_map of files beside it"),
        ('{"weight_map": {"a": "x\\u0000y"}}', "no weight_map of files beside it"),
        ('{"weight_map": {"a": "\\ud800"}}', "no weight_map of files beside it"),
        ('{"weight_map": {"a": 3}}', "no weight_map of files beside it"),
        ('{"weight_map": {"a": "model-0.safetensors"}}', "differ in a; fetch them together"),
        ('{"weight_map": {"a": "model-7.safetensors"}}', "cannot read"),
    ],
)
def test_an_index_that_is_damaged_is_one_line(index: Path, text: str, said: str) -> None:
    index.write_text(text)
    with pytest.raises(WeightsError, match=said) as caught:
        read_model(index)
    assert str(index.parent) in str(caught.value)
    assert "\n" not in str(caught.value)
    index.unlink()
    with pytest.raises(WeightsError, match="cannot read"):
        read_model(index)
