"""plumbline program: programs built, shown, checked, hashed, and put on L1 for good.

What the commands write with `--json` is described in docs/programs.md.
"""

import typer

from rollup.cli.program.build import build
from rollup.cli.program.check import check
from rollup.cli.program.hashing import hash_
from rollup.cli.program.register import register
from rollup.cli.program.show import show

app = typer.Typer(rich_markup_mode=None, help="Programs that claims are about.")
for name, command in (
    ("build", build),
    ("show", show),
    ("check", check),
    ("hash", hash_),
    ("register", register),
):
    app.command(name)(command)
