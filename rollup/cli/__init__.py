"""The command line: one module a command, errors as one line, exit codes that mean something.

0 is success, and the end of a command that serves until it is told to stop by SIGINT or SIGTERM.
130 is an interrupt at work. 2 is a flag, variable or file to correct; the others are
`rollup.errors`' own. Commands import what they need when they run, so that asking for help is fast.
"""

import sys
from collections.abc import Sequence

import typer

from rollup import process
from rollup.cli import (
    account,
    content,
    fields,
    job,
    ledger,
    program,
    proof,
    receipt,
    rewards,
    sequencer,
    validator,
    worker,
)
from rollup.cli.demo import demo
from rollup.cli.deploy import deploy
from rollup.cli.devnet import devnet
from rollup.cli.status import status
from rollup.errors import ConfigError

app = typer.Typer(
    add_completion=False,
    rich_markup_mode=None,  # plain help: a third of the time, and it can be searched
    help="A ledger for AI contributions, with fraud proofs that end in one scalar operation.",
)
for command in (demo, devnet, deploy, status):
    app.command()(command)
for name, group in (
    ("sequencer", sequencer.app),
    ("validator", validator.app),
    ("worker", worker.app),
    ("program", program.app),
    ("content", content.app),
    ("receipt", receipt.app),
    ("fields", fields.app),
    ("proof", proof.app),
    ("account", account.app),
    ("job", job.app),
    ("ledger", ledger.app),
    ("rewards", rewards.app),
):
    app.add_typer(group, name=name)


def main() -> None:
    """Runs the command that the process was started with."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """Runs one command; its exit code. Whatever goes wrong is one line on standard error."""
    return process.ended(lambda: _invoke(list(arguments) or ["--help"]))


def _invoke(arguments: list[str]) -> int:
    command = typer.main.get_command(app)
    try:
        # Not `command()`: that would have errors and interrupts its own way.
        with command.make_context("plumbline", arguments) as context:
            command.invoke(context)
    except typer.Exit as done:
        return done.exit_code
    except typer.TyperException as error:
        used = getattr(error, "ctx", None)
        path = "plumbline" if used is None else used.command_path
        said = error.format_message().rstrip(".")
        raise ConfigError(f"{said}; see `{path} --help`") from error
    return 0
