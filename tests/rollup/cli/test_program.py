"""`plumbline program show`: what a program is and how it is executed."""

import json
from dataclasses import replace
from pathlib import Path

from prover.content import ContentStore
from prover.plan import plan
from prover.program import Program
from rollup.demo import model
from tests.rollup.cli.conftest import Plumbline
from tests.rollup.world import DEPTHS, GROWTH


def kept(folder: Path, program: Program) -> list[str]:
    name = ContentStore(folder).put_program(program)
    return ["program", "show", "0x" + name.hex(), "--content", str(folder)]


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
