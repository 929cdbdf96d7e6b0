"""plumbline program check: what makes a program useless, or dearer than it need be."""

from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from rollup.cli import options
from rollup.cli.program import arguments
from rollup.errors import ConfigError, InvalidInput

if TYPE_CHECKING:
    from prover.program import Program
    from rollup.protocol.presets import Preset

_SHOWN: Final = 60
"""Findings that are printed; the file has all."""


def check(
    program: arguments.Program,
    content: options.Content = options.DEFAULT_CONTENT,
    preset: Annotated[
        str,
        typer.Option(envvar="PLUMBLINE_PRESET", help="Whose bounds count: minimal or mainnet."),
    ] = "mainnet",
    json: options.Json = None,
) -> None:
    """Look for what makes a program useless or costly.

    Every row is decoded and followed; nothing is executed. A finding is *wrong* (rows that do
    nothing, or not what they seem to; no claim would count), *costly* (time or gas for nothing),
    or a note (sound, and worth a look). Ends with exit code 3 unless there are notes at most.
    """
    from prover.execute import row_name
    from prover.plan.check import Bounds, Rank
    from prover.plan.check import check as findings
    from rollup import files, report
    from rollup.cli.program.found import find
    from rollup.protocol.presets import PRESETS

    if preset not in PRESETS:
        raise ConfigError(f"--preset is one of {', '.join(sorted(PRESETS))}, not {preset!r}")
    found = find(program, content)
    used = PRESETS[preset]
    bounds = Bounds(preset, used.max_claim_rows, used.max_claim_words, used.max_claim_work)
    listed = findings(found.program, bounds, found.names)
    counts = {rank.value: sum(one.rank == rank for one in listed) for rank in Rank}
    steps = {name: _steps(found.program, one) for name, one in sorted(PRESETS.items())}
    said: dict[str, Any] = {
        "program": found.id,
        "preset": preset,
        "counts": counts,
        "findings": [
            {
                "rank": one.rank.value,
                "kind": one.kind,
                "row": one.row,
                "computes": None if one.row is None else row_name(found.program, one.row),
                "text": one.text,
            }
            for one in listed
        ],
        "steps_a_claim": steps,
    }
    files.write_json(json, said)
    sizes = {"program": found.id, "rows": f"{len(found.program.packed):,}"}
    sizes |= {f"steps a claim, {name}": f"{most:,}" for name, most in steps.items()}
    report.CONSOLE.print(report.facts("checked", sizes))
    if listed:
        lines = [
            (
                one["rank"],
                one["kind"],
                "" if one["row"] is None else str(one["row"]),
                one["computes"] or "",
                one["text"],
            )
            for one in said["findings"][:_SHOWN]
        ]
        header = ("rank", "kind", "row", "computes", "what")
        report.CONSOLE.print()
        report.CONSOLE.print(report.table("findings", lines, header, left=(0, 1, 3, 4)))
    if len(listed) > _SHOWN:
        report.CONSOLE.print(f"and {len(listed) - _SHOWN} more; --json FILE has them all")
    if counts[Rank.WRONG.value] or counts[Rank.COSTLY.value]:
        raise InvalidInput(
            f"program {found.id}: {counts[Rank.WRONG.value]} wrong, "
            f"{counts[Rank.COSTLY.value]} costly; see the list"
        )


def _steps(program: "Program", preset: "Preset") -> int:
    """Training steps that one claim may have; 0 when no claim about the program counts."""
    if len(program.packed) > preset.max_claim_rows or program.words > preset.max_claim_words:
        return 0
    return min(preset.max_claim_steps, preset.max_claim_work // program.work)
