"""plumbline proof get and verify: one file that shows where a receipt stands, checked offline."""

import json as jsonlib
from pathlib import Path
from typing import Annotated

import typer

from rollup.cli import options
from rollup.protocol.types import BatchNumber

app = typer.Typer(rich_markup_mode=None, help="Portable proofs of receipts.")

ReceiptArgument = Annotated[str, typer.Argument(help="The receipt's id, 0x and 64 hex digits.")]


@app.command()
def get(
    receipt: ReceiptArgument,
    l1: options.L1 = options.DEFAULT_L1,
    deployment: options.DeploymentFile = options.DEFAULT_DEPLOYMENT,
    at: Annotated[
        int | None,
        typer.Option(
            envvar="PLUMBLINE_AT",
            help="Batch in whose history to show it; by default the newest confirmed one.",
            min=1,
            max=2**64 - 1,
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(envvar="PLUMBLINE_PROOF", help="File to write; stdout if none.")
    ] = None,
) -> None:
    """Rebuild the receipt's batch from L1 and write its proof.

    The file stands for itself: the receipt, who signed it, its place in a batch, that batch's place
    in the history of a later one, and where on L1 that one's header is.
    """
    from rollup import files, parties, portable, session

    wanted = options.hash_of(receipt, "a receipt's id")
    contracts = session.connect(l1, deployment)
    follower = parties.follower(contracts)
    follower.poll()
    batch = None if at is None else BatchNumber(at)
    document = portable.find(contracts, follower, wanted, batch)
    if out is None:
        typer.echo(jsonlib.dumps(document, indent=2))
    files.write_json(out, document)


@app.command()
def verify(
    file: Annotated[Path, typer.Argument(help="A proof document.")],
    header_hash: Annotated[
        str | None,
        typer.Option(
            envvar="PLUMBLINE_HEADER_HASH",
            help="The header hash that the proof leaves to L1, as you know it from there.",
        ),
    ] = None,
    ask_l1: Annotated[
        bool,
        typer.Option(
            "--ask-l1", envvar="PLUMBLINE_ASK_L1", help="Compare what is left to L1 with it."
        ),
    ] = False,
    l1: options.L1 = options.DEFAULT_L1,
    deployment: options.DeploymentFile = options.DEFAULT_DEPLOYMENT,
) -> None:
    """Recompute a proof, offline.

    Says in one line what was checked, and what is left to trust; with --ask-l1, what L1 says of it.
    """
    from rollup import files
    from rollup.protocol import proof

    expected = None if header_hash is None else options.hash_of(header_hash, "--header-hash")
    verified = proof.verify(files.read_json(file, "proof"), expected)
    line = verified.line
    if ask_l1:
        from rollup import portable, session

        line = f"{verified.shown}; {portable.compare(verified, session.connect(l1, deployment))}"
    typer.echo(line)
