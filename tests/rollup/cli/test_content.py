"""`plumbline content add`: files become segments under the roots that claims name."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from prover.backends import backend
from prover.content import ContentStore
from prover.execute import run
from prover.files.dataset import write_dataset
from prover.files.weights import write_weights
from prover.row import Segment
from prover.tracer import Layout, Traced, namespace_of, trace
from prover.tracer.described import layouts_of
from prover.tracer.fields import like
from rollup import jobs
from rollup.protocol.types import Hash
from tests.rollup.cli.conftest import Plumbline

PARAMS = {"w": np.arange(12, dtype=np.float32).reshape(4, 3), "b": np.ones(3, np.float32)}
INPUTS = {"x": np.arange(40, dtype=np.float32).reshape(10, 4), "at": np.arange(10, dtype=np.int32)}


def linear() -> Traced:
    def step(params: Any, inputs: Any, number: Any) -> tuple[Any, Any]:
        xp = namespace_of(params["w"])
        row = xp.matmul(inputs["x"][number % 10], params["w"]) + params["b"]
        return {}, {"row": row, "at": inputs["at"][number % 10] + 0}

    return trace(step, PARAMS, INPUTS)


@pytest.fixture
def given(tmp_path: Path) -> tuple[Path, Path]:
    write_weights(tmp_path / "model.safetensors", PARAMS)
    write_dataset(tmp_path / "data", INPUTS)
    return tmp_path / "model.safetensors", tmp_path / "data"


def test_models_and_datasets_become_segments(
    plumbline: Plumbline, given: tuple[Path, Path], tmp_path: Path
) -> None:
    report, folder = tmp_path / "added.json", tmp_path / "content"
    said = plumbline("content", "add", *given, "--content", folder, "--json", report)
    assert said.code == 0
    weights, dataset = json.loads(report.read_text())["segments"]
    assert (weights["kind"], weights["arrays"], weights["words"]) == ("weights", 2, 15)
    assert (dataset["kind"], dataset["arrays"], dataset["words"]) == ("dataset", 2, 50)
    assert weights["root"] == "0x" + Layout(Segment.PARAMS, tuple(like(PARAMS))).root(PARAMS).hex()
    assert dataset["root"] == "0x" + Layout(Segment.INPUTS, tuple(like(INPUTS))).root(INPUTS).hex()
    assert weights["dataset"] is None
    store, made = ContentStore(folder), linear()
    for one in (weights, dataset):
        assert one["root"] in said.out
        assert store.has_segment(Hash(bytes.fromhex(one["root"][2:])))
    assert store.dataset(Hash(bytes.fromhex(dataset["dataset"][2:]))).root.hex() in said.out
    params, inputs = (store.segment(Hash(bytes.fromhex(o["root"][2:]))) for o in (weights, dataset))
    result = run(made.program, 7, 1, params, inputs, backend("numba"))
    plain = INPUTS["x"][7] @ PARAMS["w"] + PARAMS["b"]
    assert np.array_equal(made.outputs.arrays(result.outputs)["row"], plain)
    job = {
        "kind": "compute", "program": "0x" + made.program.id.hex(), "params": weights["root"],
        "inputs": [dataset["root"]], "firstStep": 0, "claimSteps": 1, "claims": 1, "bundle": 1,
    }  # fmt: skip
    (tmp_path / "jobs.json").write_text(json.dumps([job]))
    assert "0x" + jobs.read(tmp_path / "jobs.json")[0].inputs[0].hex() == dataset["root"]


def test_a_programs_layout_gives_the_order(
    plumbline: Plumbline, given: tuple[Path, Path], tmp_path: Path
) -> None:
    report, folder = tmp_path / "added.json", tmp_path / "content"
    made = linear()
    name = ContentStore(folder).put_program(made.program, layouts_of(made).document())
    write_weights(given[0], {"b": PARAMS["b"], "w": PARAMS["w"]})
    words = [
        "content",
        "add",
        "--content",
        folder,
        "--json",
        report,
        "--program",
        f"0x{name.hex()}",
    ]
    assert plumbline(*words, *given).code == 0
    roots = [one["root"] for one in json.loads(report.read_text())["segments"]]
    assert roots == [f"0x{made.params.root(PARAMS).hex()}", f"0x{made.inputs.root(INPUTS).hex()}"]

    write_weights(given[0], {"w": PARAMS["w"]})
    said = plumbline(*words, given[0])
    assert (said.code, "lacks b" in said.line) == (3, True)
    write_dataset(given[1], {"at": INPUTS["at"], "x": INPUTS["x"]})
    said = plumbline(*words, given[1] / "manifest.json")
    assert said.code == 3
    assert "has at (int32 [10]) where the program's inputs have x (float32 [10, 4])" in said.line
    write_dataset(given[1], {"x": INPUTS["x"]})
    said = plumbline(*words, given[1])
    assert (said.code, "has 1 arrays, the program 2 inputs" in said.line) == (3, True)


def test_a_program_without_names_cannot_order(
    plumbline: Plumbline, given: tuple[Path, Path], tmp_path: Path
) -> None:
    name = ContentStore(tmp_path).put_program(linear().program)
    said = plumbline(
        "content", "add", given[0], "--content", tmp_path, "--program", "0x" + name.hex()
    )
    assert (said.code, "is not known; build it anew" in said.line) == (2, True)


def test_what_is_broken_is_one_line_and_leaves_nothing(
    plumbline: Plumbline, given: tuple[Path, Path], tmp_path: Path
) -> None:
    model, data = given
    folder = tmp_path / "content"
    (chunk, *_) = (data / "chunks").iterdir()
    model.write_bytes(model.read_bytes()[:-1])
    chunk.write_bytes(bytes(len(chunk.read_bytes())))
    write_weights(tmp_path / "none.safetensors", {})
    for path, words in (
        (model, "is no safetensors file, or damaged"),
        (data, "is damaged: its hash is"),
        (tmp_path / "none.safetensors", "holds no arrays"),
        (tmp_path / "nowhere.safetensors", "cannot read"),
        (tmp_path / "nowhere.json", "cannot read"),
    ):
        said = plumbline("content", "add", path, "--content", folder)
        assert said.code == 3
        assert words in said.line
    assert list((folder / "segments").iterdir()) == []
