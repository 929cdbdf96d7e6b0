"""`plumbline program show` and `check`: what a program is, how it is executed, what is odd."""

import json
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from prover.content import ContentStore
from prover.plan import plan
from prover.program import Program
from prover.tracer.described import layouts_of
from rollup.demo import model
from rollup.protocol.presets import MINIMAL
from tests.rollup.cli.conftest import Plumbline
from tests.rollup.world import DEPTHS, GROWTH


def kept(folder: Path, program: Program, command: str = "show") -> list[str]:
    name = ContentStore(folder).put_program(program)
    return ["program", command, "0x" + name.hex(), "--content", str(folder)]


def test_stages_and_memory_are_shown(plumbline: Plumbline, tmp_path: Path) -> None:
    program = model.training(model.load()).program
    report = tmp_path / "shown.json"
    shown = plumbline(*kept(tmp_path, program), "--json", report)
    assert shown.code == 0
    said = json.loads(report.read_text())
    assert said["micro_steps"] == program.micro_steps
    made = plan(program)
    assert len(said["stages"]) == len(made.stages) < len(program.packed)
    assert {stage["kind"] for stage in said["stages"]} >= {"nest", "matmul"}
    assert said["arena_words"] == made.arena
    assert all(life["first"] <= life["last"] < len(made.stages) for life in said["lives"])
    for stage in said["stages"]:
        assert stage["computes"] in shown.out


def test_without_fusion_every_row_is_a_stage_of_its_own(
    plumbline: Plumbline, tmp_path: Path
) -> None:
    program = model.training(model.load()).program
    report = tmp_path / "shown.json"
    assert plumbline(*kept(tmp_path, program), "--no-fuse", "--json", report).code == 0
    stages = json.loads(report.read_text())["stages"]
    assert sum(int(stage["rows"]) for stage in stages) == len(program.packed)


def test_rows_without_a_plan_are_called_so(plumbline: Plumbline, tmp_path: Path) -> None:
    row = GROWTH.rows[0]
    assert row is not None
    backwards = replace(row.operands[0], offset=3, strides=(0, 0, 0, -1))
    program = Program.of([replace(row, operands=(backwards, row.operands[1]))], DEPTHS)
    report = tmp_path / "shown.json"
    shown = plumbline(*kept(tmp_path, program), "--json", report)
    assert shown.code == 0
    assert "one by one: row 0 reads words of its own results" in shown.out
    assert json.loads(report.read_text())["stages"] is None


def test_an_unknown_program_is_one_line(plumbline: Plumbline, tmp_path: Path) -> None:
    said = plumbline("program", "show", "0x" + "11" * 32, "--content", tmp_path)
    assert said.code == 3
    assert "11" * 32 in said.line


def test_arrays_and_ops_are_shown_where_they_are_known(
    plumbline: Plumbline, tmp_path: Path
) -> None:
    traced = model.training(model.load())
    report = tmp_path / "shown.json"
    shown = plumbline(*kept(tmp_path, traced.program), "--json", report)
    assert json.loads(report.read_text())["layout"] is None
    assert "segment" not in shown.out
    ContentStore(tmp_path).put_program(traced.program, layouts_of(traced).document())
    shown = plumbline(*kept(tmp_path, traced.program), "--json", report)
    said = json.loads(report.read_text())
    assert said["layout"]["params"][0] == {"name": "w1", "shape": [64, 64], "dtype": "float32"}
    assert said["memory_words"]["params"] == 64 * 64 + 64 + 64 * 10 + 10
    assert sum(op["rows"] for op in said["ops"]) == said["rows"]
    assert said["ops"][0]["op"] == "dot"
    assert said["no_plan"] is None
    for word in ("w1", "64x64", "one_hot", "loss"):
        assert word in shown.out
    assert {"images", "w1"} <= {one for stage in said["stages"] for one in stage["reads"].split()}


@pytest.mark.parametrize("fuse", ["--fuse", "--no-fuse"])
def test_the_picture_has_a_box_for_every_stage(
    plumbline: Plumbline, tmp_path: Path, fuse: str
) -> None:
    traced = model.inference()
    report, svg = tmp_path / "shown.json", tmp_path / "shown.svg"
    shown = plumbline(*kept(tmp_path, traced.program), fuse, "--svg", svg, "--json", report)
    assert shown.code == 0
    boxes = [one for one in ET.parse(svg).iter() if one.get("class") == "box"]  # noqa: S314
    assert len(boxes) == len(json.loads(report.read_text())["stages"])


def test_rows_without_a_plan_are_drawn_one_by_one(plumbline: Plumbline, tmp_path: Path) -> None:
    row = GROWTH.rows[0]
    assert row is not None
    backwards = replace(row.operands[0], offset=3, strides=(0, 0, 0, -1))
    program = Program.of([replace(row, operands=(backwards, row.operands[1]))], DEPTHS)
    svg = tmp_path / "shown.svg"
    assert plumbline(*kept(tmp_path, program), "--svg", svg).code == 0
    assert "row by row" in svg.read_text()


def test_a_picture_that_cannot_be_written_is_one_line(plumbline: Plumbline, tmp_path: Path) -> None:
    svg, report = tmp_path / "nowhere" / "shown.svg", tmp_path / "shown.json"
    said = plumbline(*kept(tmp_path, GROWTH), "--svg", svg, "--json", report)
    assert said.code == 2
    assert "cannot write" in said.line
    assert not report.exists()


def test_a_good_program_passes(plumbline: Plumbline, tmp_path: Path) -> None:
    program = model.training(model.load()).program
    report = tmp_path / "checked.json"
    said = plumbline(*kept(tmp_path, program, "check"), "--json", report)
    assert (said.code, said.err) == (0, "")
    found = json.loads(report.read_text())
    assert found["counts"] == {"wrong": 0, "costly": 0, "note": 0}
    assert found["findings"] == []
    assert found["steps_a_claim"]["minimal"] == MINIMAL.max_claim_work // program.work
    assert found["preset"] == "mainnet"


def test_what_is_wrong_is_listed_and_ends_with_a_code(plumbline: Plumbline, tmp_path: Path) -> None:
    row = GROWTH.rows[0]
    assert row is not None
    beyond = replace(row.operands[1], offset=100)
    program = Program(
        (bytes(160), row.pack(), replace(row, operands=(row.operands[0], beyond)).pack()),
        DEPTHS,
        ("first", "second", "third"),
    )
    report = tmp_path / "checked.json"
    said = plumbline(*kept(tmp_path, program, "check"), "--json", report)
    assert said.code == 3
    assert "2 wrong, 0 costly" in said.line
    findings = json.loads(report.read_text())["findings"]
    assert [(one["rank"], one["kind"], one["row"], one["computes"]) for one in findings] == [
        ("wrong", "undecodable", 0, "first"),
        ("wrong", "reads-nothing", 2, "third"),
    ]
    for one in findings:
        assert one["text"] in said.out


def test_notes_alone_are_no_failure(plumbline: Plumbline, tmp_path: Path) -> None:
    row = GROWTH.rows[0]
    assert row is not None
    padded = replace(row.operands[1], offset=-1)
    program = Program.of([replace(row, operands=(row.operands[0], padded))], DEPTHS)
    said = plumbline(*kept(tmp_path, program, "check"))
    assert said.code == 0
    assert "reads-outside" in said.out


def test_a_presets_bounds_count(plumbline: Plumbline, tmp_path: Path) -> None:
    row = GROWTH.rows[0]
    assert row is not None
    many = Program.of([row] * (MINIMAL.max_claim_rows + 1), DEPTHS)
    report = tmp_path / "checked.json"
    said = plumbline(*kept(tmp_path, many, "check"), "--preset", "minimal", "--json", report)
    assert said.code == 3
    assert "preset minimal takes at most 4,096" in said.out
    steps = json.loads(report.read_text())["steps_a_claim"]
    assert steps["minimal"] == 0 < steps["mainnet"]
    said = plumbline(*kept(tmp_path, many, "check"), "--preset", "small")
    assert said.code == 2
    assert "--preset is one of mainnet, minimal" in said.line


def test_long_lists_are_cut_where_people_read(plumbline: Plumbline, tmp_path: Path) -> None:
    program = Program((*[bytes(160)] * 100, GROWTH.packed[0]), DEPTHS)
    report = tmp_path / "checked.json"
    said = plumbline(*kept(tmp_path, program, "check"), "--json", report)
    assert "and 40 more" in said.out
    assert len(json.loads(report.read_text())["findings"]) == 100


def test_names_from_elsewhere_do_nothing_to_the_terminal(
    plumbline: Plumbline, tmp_path: Path
) -> None:
    """An error names what stands in a file, and a file may hold anything."""
    said = plumbline("program", "show", "\x1b[2J:gone", "--content", tmp_path)
    assert said.code == 2
    assert "\\x1b[2J" in said.line
    assert "\x1b" not in said.line
