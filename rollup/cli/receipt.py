"""plumbline receipt submit: sign a statement, or hand in entries that are signed already."""

import json as jsonlib
from pathlib import Path
from typing import Annotated

import typer

from prover.commit.keccak import Hash
from rollup import report, session
from rollup.cli import keys, options
from rollup.client import GatewayClient
from rollup.errors import ConfigError, DocumentError
from rollup.protocol.documents import entry_from_json, octets
from rollup.protocol.entries import Entry, sign_receipt
from rollup.protocol.receipts import Statement, StatementKind

app = typer.Typer(no_args_is_help=True, help="Receipts.")


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
    l1: options.L1 = options.DEFAULT_L1,
    deployment: options.DeploymentFile = options.DEFAULT_DEPLOYMENT,
    keystore: options.Keystore = None,
    password_file: options.PasswordFile = None,
    unsafe_key: options.UnsafeKey = None,
    unsafe_dev_account: options.UnsafeDevAccount = None,
) -> None:
    """Submit entries from a file, or sign and submit one statement."""
    client = GatewayClient(gateway)
    if file is not None:
        entries = _read(file)
    else:
        if subject is None or statement is None:
            raise ConfigError("name a FILE of signed entries, or --subject and --statement")
        kinds = {known.name.lower().replace("_", "-"): known for known in StatementKind}
        if kind not in kinds:
            raise ConfigError(f"--kind is one of {', '.join(kinds)}, not {kind!r}")
        signer = keys.load_signer(keystore, password_file, unsafe_key, unsafe_dev_account)
        contracts = session.connect(l1, deployment)
        account = contracts.vault.account_of(signer.address)
        if not account:
            raise ConfigError("the signer has no account; `plumbline account open` makes one")
        said = Statement(
            kinds[kind],
            account,
            client.next_nonce(account),
            Hash(octets(subject, 32, "--subject")),
            Hash(octets(statement, 32, "--statement")),
        )
        entries = [sign_receipt(said, contracts.deployment.domain, signer.key)]
    client.submit(entries)
    ids = [
        (str(n), "0x" + r.id.hex()) for n, r in enumerate(r for e in entries for r in e.receipts)
    ]
    report.CONSOLE.print(report.table("accepted, durably", ids, ("n", "receipt")))


def _read(file: Path) -> list[Entry]:
    try:
        document = jsonlib.loads(file.read_text("utf-8"))
    except OSError as error:
        raise ConfigError(f"cannot read {file}: {error.strerror or error}") from error
    except ValueError as error:
        raise DocumentError(f"{file} is no JSON document: {error}") from error
    if isinstance(document, dict) and isinstance(document.get("entries"), list):
        return [entry_from_json(item) for item in document["entries"]]
    return [entry_from_json(document)]
