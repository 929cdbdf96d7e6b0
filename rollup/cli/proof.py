"""plumbline proof get and verify: one file that shows where a receipt stands, checked offline."""

import json as jsonlib
from pathlib import Path
from typing import Annotated

import typer

from rollup.cli import options
from rollup.errors import Refused
from rollup.protocol.types import Hash

app = typer.Typer(rich_markup_mode=None, help="Portable proofs of receipts.")

ReceiptArgument = Annotated[str, typer.Argument(help="The receipt's id, 0x and 64 hex digits.")]


@app.command()
def get(
    receipt: ReceiptArgument,
    l1: options.L1 = options.DEFAULT_L1,
    deployment: options.DeploymentFile = options.DEFAULT_DEPLOYMENT,
    out: Annotated[
        Path | None, typer.Option(envvar="PLUMBLINE_PROOF", help="File to write; stdout if none.")
    ] = None,
) -> None:
    """Rebuild the receipt's batch from L1 and write its proof."""
    from rollup import files, parties, session
    from rollup.protocol import proof

    wanted = options.hash_of(receipt, "a receipt's id")
    contracts = session.connect(l1, deployment)
    follower = parties.follower(contracts)
    follower.poll()
    for header in follower.headers:
        batch = follower.batch(header.number)
        ids: list[Hash] = [] if batch is None else [found.id for found in batch.receipts]
        if batch is not None and wanted in ids:
            document = proof.make(batch, header, ids.index(wanted), contracts.deployment.domain)
            if out is None:
                typer.echo(jsonlib.dumps(document, indent=2))
            files.write_json(out, document)
            return
    unread = ", ".join(map(str, follower.missing))
    hint = (
        f"but the data of batch {unread} could not be had; try again, or another endpoint"
        if unread
        else "it may still wait in the sequencer's pool; try again later"
    )
    raise Refused("unknown-receipt", f"no batch on L1 holds {receipt}: {hint}")


@app.command()
def verify(
    file: Annotated[Path, typer.Argument(help="A proof document.")],
    header_hash: Annotated[
        str | None,
        typer.Option(
            envvar="PLUMBLINE_HEADER_HASH", help="The batch's header hash as you know it from L1."
        ),
    ] = None,
) -> None:
    """Recompute a proof, offline."""
    from rollup import files
    from rollup.protocol import proof

    expected = None if header_hash is None else options.hash_of(header_hash, "--header-hash")
    for line in proof.verify(files.read_json(file, "proof"), expected).lines:
        typer.echo(line)
