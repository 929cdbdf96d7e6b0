"""plumbline program show: what a program is and how it is executed, also as a picture."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rollup.cli import options
from rollup.cli.program import arguments

if TYPE_CHECKING:
    from prover.plan import Plan
    from rollup.cli.program.found import Found


def show(
    program: arguments.Program,
    content: options.Content = options.DEFAULT_CONTENT,
    fuse: Annotated[
        bool, typer.Option(envvar="PLUMBLINE_FUSE", help="Join rows into loops where that is safe.")
    ] = True,
    svg: Annotated[
        Path | None,
        typer.Option(
            "--svg",
            envvar="PLUMBLINE_SVG",
            help="Also draw the stages, and the memory between them, to this file.",
        ),
    ] = None,
    json: options.Json = None,
) -> None:
    """Show a program's size and how a training step runs.

    Registers are p0, i0, o0 (params, inputs, outputs) where their names are not known; @128 is
    a place in memory between stages.
    """
    from prover.plan import NoPlan, plan
    from rollup import files, report
    from rollup.cli.program import summary
    from rollup.cli.program.found import find

    found = find(program, content)
    said = summary.of(found)
    try:
        made, reason = plan(found.program, fuse=fuse), None
    except NoPlan as error:
        made, reason = None, str(error)
    said |= {"no_plan": reason, "stages": None, "arena_words": None, "lives": None}
    tables = summary.tables(found, said)
    if made:
        tables += _planned(found, made, said)
    if svg is not None:
        files.write_text(svg, _picture(found, made))
    files.write_json(json, said)
    for place, table in enumerate(tables):
        if place:
            report.CONSOLE.print()
        report.CONSOLE.print(table)
    if reason is not None:
        report.CONSOLE.print(f"\nIts rows are executed one by one: {reason}.")


def _planned(found: "Found", made: "Plan", said: dict[str, Any]) -> list[Any]:
    from prover.plan.show import HEADER, buffer_name, lives, stages
    from rollup import report

    lines = stages(found.program, made, found.names)
    spans = [(buffer_name(one), one.length, *span) for one, *span in lives(made)]
    said["stages"] = [dict(zip(HEADER, line, strict=True)) for line in lines]
    said["arena_words"] = made.arena
    said["lives"] = [
        dict(zip(("place", "words", "first", "last"), span, strict=True)) for span in spans
    ]
    header = ("place", "words", "first stage", "last stage")
    texts = [tuple(map(str, span)) for span in spans]
    return [
        report.table("stages", lines, HEADER, left=(1, 2, 5, 6, 7)),
        report.table(f"memory of {made.arena:,} words between stages", texts, header),
    ]


def _picture(found: "Found", made: "Plan | None") -> str:
    from prover.plan.drawing import draw
    from prover.plan.graph import graph_of_plan, graph_of_rows

    program = found.program
    size = f"{len(program.packed):,} rows, {program.micro_steps:,} micro-steps a training step"
    if made is None:
        return draw(graph_of_rows(program, found.names), f"{found.id}: {size}, row by row")
    graph = graph_of_plan(program, made, found.names)
    return draw(graph, f"{found.id}: {size}, {len(made.stages):,} stages")
