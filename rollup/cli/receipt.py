"""plumbline receipt submit: sign a statement, or hand in entries that are signed already."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rollup.cli import keys, options
from rollup.errors import ConfigError

if TYPE_CHECKING:
    from rollup.protocol.entries import Entry

app = typer.Typer(rich_markup_mode=None, help="Receipts.")


@app.command()
def submit(
    file: Annotated[
        Path | None,
        typer.Argument(help='Signed entries: one JSON entry, or {"entries": [...]}.'),
    ] = None,
    kind: Annotated[
        str, typer.Option(envvar="PLUMBLINE_KIND", help="Of a statement made here: label, ...")
    ] = "label",
    subject: Annotated[
        str | None, typer.Option(envvar="PLUMBLINE_SUBJECT", help="32 bytes in hex.")
    ] = None,
    statement: Annotated[
        str | None, typer.Option(envvar="PLUMBLINE_STATEMENT", help="Its content: 32 bytes in hex.")
    ] = None,
    gateway: options.Gateway = options.DEFAULT_GATEWAY,
    patience: options.Patience = options.DEFAULT_PATIENCE,
    l1: options.L1 = options.DEFAULT_L1,
    deployment: options.DeploymentFile = options.DEFAULT_DEPLOYMENT,
    keystore: options.Keystore = None,
    password_file: options.PasswordFile = None,
    unsafe_key: options.UnsafeKey = None,
    unsafe_dev_account: options.UnsafeDevAccount = None,
    json: options.Json = None,
) -> None:
    """Submit signed entries, or sign and submit a statement."""
    from rollup import files, report, session
    from rollup.client import GatewayClient
    from rollup.protocol.documents import text
    from rollup.protocol.entries import sign_receipt
    from rollup.protocol.receipts import Statement, StatementKind

    client = GatewayClient(gateway, patience=patience)
    if file is not None:
        entries = _read(file)
    else:
        if subject is None or statement is None:
            raise ConfigError("name a FILE of signed entries, or --subject and --statement")
        kinds = {known.name.lower().replace("_", "-"): known for known in StatementKind}
        if kind not in kinds:
            raise ConfigError(f"--kind is one of {', '.join(kinds)}, not {kind!r}")
        content = [
            options.hash_of(said, flag)
            for said, flag in ((subject, "--subject"), (statement, "--statement"))
        ]
        signer = keys.load_signer(keystore, password_file, unsafe_key, unsafe_dev_account)
        contracts = session.connect(l1, deployment)
        account = session.account(contracts, signer.address)
        said = Statement(kinds[kind], account, client.next_nonce(account), *content)
        entries = [sign_receipt(said, contracts.deployment.domain, signer.key)]
    client.submit(entries)
    ids = [text(receipt.id) for entry in entries for receipt in entry.receipts]
    rows = [(str(place), name) for place, name in enumerate(ids)]
    report.CONSOLE.print(report.table("accepted, durably", rows, ("n", "receipt")))
    files.write_json(json, {"receipts": ids})


def _read(file: Path) -> "list[Entry]":
    from rollup.files import read_json
    from rollup.protocol.documents import entry_from_json

    document = read_json(file, "file of signed entries")
    if isinstance(document, dict) and isinstance(document.get("entries"), list):
        return [entry_from_json(item) for item in document["entries"]]
    return [entry_from_json(document)]
