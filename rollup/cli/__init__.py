"""The command line: one module a command, errors as one line, exit codes that mean something.

0 is success, 2 a flag or file to correct, 130 an interrupt; others are `rollup.errors`' own.
"""

import sys

import typer

from bisection.errors import BisectionError
from prover.errors import ProverError
from rollup import report
from rollup.cli import account, proof, receipt, sequencer, validator, worker
from rollup.cli.demo import demo
from rollup.cli.deploy import deploy
from rollup.cli.devnet import devnet
from rollup.cli.status import status
from rollup.errors import PlumblineError

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="A ledger for AI contributions, with fraud proofs that end in one scalar operation.",
)
for command in (demo, devnet, deploy, status):
    app.command()(command)
for name, group in (
    ("sequencer", sequencer.app),
    ("validator", validator.app),
    ("worker", worker.app),
    ("receipt", receipt.app),
    ("proof", proof.app),
    ("account", account.app),
):
    app.add_typer(group, name=name)


def main() -> None:
    """Runs one command; every error that has a name becomes one line and its exit code."""
    try:
        app()
    except PlumblineError as error:
        _fail(str(error), error.exit_code)
    except (BisectionError, ProverError) as error:
        _fail(str(error), 1)
    except KeyboardInterrupt:
        _fail("interrupted", 130)


def _fail(line: str, code: int) -> None:
    report.ERRORS.print(f"plumbline: {' '.join(line.split())}", style="red", soft_wrap=True)
    sys.exit(code)
