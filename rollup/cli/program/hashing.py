"""plumbline program hash: the id of a program, computed again."""

from typing import Annotated

import typer

from rollup.cli import options
from rollup.cli.program import arguments
from rollup.errors import InvalidInput


def hash_(
    program: arguments.Program,
    content: options.Content = options.DEFAULT_CONTENT,
    expect: Annotated[
        str | None,
        typer.Option(
            "--expect",
            envvar="PLUMBLINE_EXPECT",
            metavar="ID",
            help="The id that it should have; another one ends with exit code 3.",
        ),
    ] = None,
    json: options.Json = None,
) -> None:
    """Compute a program's id again, from bytes or source.

    From an id or a file it is computed from the rows, from a source by tracing again: so anybody
    can see that a source gives an id.
    """
    from rollup import files, report
    from rollup.cli.program.found import find

    wanted = None if expect is None else options.hash_of(expect, "--expect")
    found = find(program, content)
    header = found.program.header
    said = {
        "program": found.id,
        "table_root": "0x" + header.table_root.hex(),
        "rows": header.rows,
        "micro_steps": header.micro_steps,
        "depths": list(header.depths),
        "header": "0x" + header.pack().hex(),
    }
    files.write_json(json, said)
    report.CONSOLE.print(report.facts("computed again", said))
    if wanted is not None and wanted != found.program.id:
        raise InvalidInput(f"{program} has the id {found.id}, not {expect}")
