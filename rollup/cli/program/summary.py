"""What a program is, for machines and for people: the same for every command that says it."""

from collections.abc import Mapping
from typing import Any

from rich.table import Table

from prover.plan.profile import op_counts, segment_words
from prover.program import Program
from prover.tracer.described import Layouts
from rollup import report
from rollup.cli.program.found import Found


def of(found: Found) -> dict[str, Any]:
    """The JSON keys that are explained in docs/programs.md."""
    program = found.program
    layout = None
    if found.layouts:
        layout = found.layouts.document()
        del layout["version"]
    return {
        "program": found.id,
        "table_root": "0x" + program.header.table_root.hex(),
        "rows": len(program.packed),
        "micro_steps": program.micro_steps,
        "work_units": program.work,
        "words": program.words,
        "layout": layout,
        "ops": [
            {
                "op": one.opcode.name.lower(),
                "rows": one.rows,
                "micro_steps": one.micro_steps,
                "work_units": one.work,
            }
            for one in op_counts(program)
        ],
        "memory_words": {
            segment.name.lower(): words for segment, words in segment_words(program).items()
        },
    }


def tables(found: Found, said: Mapping[str, Any]) -> list[Table]:
    """For people: sizes, arrays, ops."""
    sizes = {
        "program": said["program"],
        **{name: f"{said[name]:,}" for name in ("rows", "micro_steps", "work_units", "words")},
        **{f"words of {name}": f"{words:,}" for name, words in said["memory_words"].items()},
    }
    made = [report.facts("one training step", sizes)]
    if found.layouts:
        header = ("segment", "array", "shape", "dtype", "words")
        made.append(report.table("arrays", _arrays(found.layouts), header, left=(0, 1, 2, 3)))
    header = ("op", "rows", "micro-steps", "work units", "share")
    made.append(report.table("ops", _ops(found.program, said), header))
    return made


def _arrays(layouts: Layouts) -> list[tuple[str, ...]]:
    return [
        (name, one.name, _shape(one.shape), one.dtype.value, f"{one.length:,}")
        for name, layout in layouts
        for one in layout.fields
    ]


def _shape(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape)) or "scalar"


def _ops(program: Program, said: Mapping[str, Any]) -> list[tuple[str, ...]]:
    return [
        (
            one["op"],
            f"{one['rows']:,}",
            f"{one['micro_steps']:,}",
            f"{one['work_units']:,}",
            f"{100 * one['work_units'] / program.work:.1f} %",
        )
        for one in said["ops"]
    ]
