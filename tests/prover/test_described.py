"""What lies beside a program for people: kept, read back, and never trusted."""

import copy
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from prover.content import ContentStore, read_layout, read_program
from prover.errors import ContentError
from prover.row import Segment, register_id
from prover.tracer import Traced, trace
from prover.tracer.described import described, layouts_of


def small() -> Traced:
    params = {"w": np.zeros((3, 2), np.float32), "x": np.zeros((), np.float32)}
    inputs = {"x": np.zeros((4, 3), np.float32), "keep": np.zeros((4, 1), np.bool_)}

    def step(p: Any, i: Any, number: Any) -> tuple[Any, Any]:
        made = i["x"] @ p["w"] * p["x"]
        xp = made.__array_namespace__()
        return {}, {"y": xp.where(i["keep"], made, np.float32(0))}

    return trace(step, params, inputs)


TRACED = small()
SAID = layouts_of(TRACED).document()


def test_a_layout_comes_back_through_the_folder(tmp_path: Path) -> None:
    store = ContentStore(tmp_path)
    name = store.put_program(TRACED.program, SAID)
    found = described(store.layout(name), store.program(name))
    assert found == layouts_of(TRACED)
    assert [one.shape for one in found.inputs.fields] == [(4, 3), (4, 1)]
    assert {path.suffix for path in (tmp_path / "programs").iterdir()} == {".program", ".json"}


def test_a_file_can_be_read_anywhere_with_what_lies_beside_it(tmp_path: Path) -> None:
    store = ContentStore(tmp_path / "content")
    name = store.put_program(TRACED.program, SAID).hex()
    for end in ("program", "names.json", "layout.json"):
        (store.folder / "programs" / f"{name}.{end}").rename(tmp_path / f"mine.{end}")
    path = tmp_path / "mine.program"
    program = read_program(path)
    assert program == TRACED.program
    assert program.names == TRACED.program.names
    assert described(read_layout(path), program) == layouts_of(TRACED)
    (tmp_path / "mine.layout.json").write_text("{")
    assert read_layout(path) is None


def test_a_file_that_is_no_program_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "some.program"
    with pytest.raises(ContentError, match="cannot read"):
        read_program(path)
    good = ContentStore(tmp_path)
    data = (
        tmp_path / "programs" / f"{good.put_program(TRACED.program).hex()}.program"
    ).read_bytes()
    for bad in (b"", b"words", data[:-1], data[:-160], bytes([data[0] ^ 1]) + data[1:]):
        path.write_bytes(bad)
        with pytest.raises(ContentError, match="no program, or damaged"):
            read_program(path)


def test_arrays_of_one_name_are_told_apart() -> None:
    names = layouts_of(TRACED).names
    assert names[register_id(Segment.PARAMS, 0)] == "w"
    assert names[register_id(Segment.PARAMS, 1)] == "params.x"
    assert names[register_id(Segment.INPUTS, 0)] == "inputs.x"
    assert names[register_id(Segment.OUTPUTS, 0)] == "y"


def bent(*path: str | int, to: object) -> Any:
    said: Any = copy.deepcopy(SAID)
    inner = said
    for step in path[:-1]:
        inner = inner[step]
    inner[path[-1]] = to
    return said


@pytest.mark.parametrize(
    "said",
    [
        None,
        [],
        {},
        {"version": 1},
        bent("version", to=2),
        bent("params", to=None),
        bent("params", to=SAID["params"][:1]),
        bent("inputs", to=SAID["params"]),
        bent("params", 0, to="w"),
        bent("params", 0, "name", to=7),
        bent("params", 0, "name", to="x"),
        bent("params", 0, "name", to="\x1b[2J"),
        bent("params", 0, "name", to="\ud800"),
        bent("params", 0, "shape", to=[6, *[1] * 64]),
        bent("params", 0, "dtype", to="float64"),
        bent("params", 0, "shape", to=[3, 3]),
        bent("params", 0, "shape", to=[3, 2.0]),
        bent("params", 0, "shape", to=[3, -2]),
        bent("params", 0, "shape", to=[True, 6]),
        bent("params", 0, "shape", to="32"),
        bent("outputs", to=SAID["outputs"] * 2),
    ],
    ids=lambda said: json.dumps(said)[-60:],
)
def test_what_is_not_this_programs_counts_as_nothing(said: Any) -> None:
    assert described(said, TRACED.program) is None


def test_another_shape_of_as_many_words_is_for_people_to_see() -> None:
    found = described(bent("params", 0, "shape", to=[6]), TRACED.program)
    assert found is not None
    assert found.params.fields[0].shape == (6,)
