"""plumbline receipt: sign statements and actions, hand them in, or entries that are signed
already. What moves the ledger's balances and scores is in `action`.
"""

import json as jsonlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rollup.cli import action, keys, options
from rollup.errors import ConfigError

if TYPE_CHECKING:
    from rollup.protocol.entries import Entry
    from rollup.protocol.receipts import Receipt

app = typer.Typer(rich_markup_mode=None, help="Receipts: statements, and what moves the ledger.")
for command in (
    action.transfer,
    action.withdraw,
    action.settle,
    action.evaluate,
    action.use,
    action.distribute,
):
    app.command()(command)


@app.command()
def submit(
    file: Annotated[
        Path | None,
        typer.Argument(
            help='Signed entries: one JSON entry, or {"entries": [...]}; - is standard input.'
        ),
    ] = None,
    kind: Annotated[
        str,
        typer.Option(
            envvar="PLUMBLINE_KIND",
            help="Of a statement made here: dataset, label, model, usage, operational-signal, "
            "federated-update.",
        ),
    ] = "label",
    subject: Annotated[
        str | None, typer.Option(envvar="PLUMBLINE_SUBJECT", help="32 bytes in hex.")
    ] = None,
    statement: Annotated[
        str | None,
        typer.Option(
            envvar="PLUMBLINE_STATEMENT",
            help="Its content: 32 bytes in hex; `plumbline fields commit` makes one of fields.",
        ),
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
    from rollup import session
    from rollup.client import GatewayClient
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
    action.accepted(entries, json)


@app.command()
def sign(
    file: Annotated[
        Path,
        typer.Argument(
            help='Receipts as JSON, with their nonces: one, or {"receipts": [...]} for a bundle; - '
            "is standard input."
        ),
    ],
    out: Annotated[
        Path | None,
        typer.Option(envvar="PLUMBLINE_ENTRY", help="File to write; stdout if none."),
    ] = None,
    deployment: options.DeploymentFile = options.DEFAULT_DEPLOYMENT,
    keystore: options.Keystore = None,
    password_file: options.PasswordFile = None,
    unsafe_key: options.UnsafeKey = None,
    unsafe_dev_account: options.UnsafeDevAccount = None,
) -> None:
    """Sign receipts for `submit`, offline.

    Signed for the deployment's chain and rollup. A receipt is an object with the fields of its
    EIP-712 type and `type`: Work, Statement or Action.
    """
    from rollup import files
    from rollup.l1 import deployment as deployments
    from rollup.protocol.documents import entry_to_json
    from rollup.protocol.entries import sign_bundle, sign_receipt

    signer = keys.load_signer(keystore, password_file, unsafe_key, unsafe_dev_account)
    domain = deployments.read(deployment).domain
    receipts, bundled = _unsigned(file)
    signed: Entry
    if bundled:
        signed = sign_bundle(receipts, domain, signer.key)
    else:
        signed = sign_receipt(receipts[0], domain, signer.key)
    document = entry_to_json(signed)
    if out is None:
        typer.echo(jsonlib.dumps(document, indent=2))
    files.write_json(out, document)


@app.command()
def force(
    file: Annotated[
        Path,
        typer.Argument(
            help='Signed receipts as `sign` writes them: one, or {"entries": [...]}; - is standard '
            "input. Each is signed by itself."
        ),
    ],
    l1: options.L1 = options.DEFAULT_L1,
    deployment: options.DeploymentFile = options.DEFAULT_DEPLOYMENT,
    keystore: options.Keystore = None,
    password_file: options.PasswordFile = None,
    unsafe_key: options.UnsafeKey = None,
    unsafe_dev_account: options.UnsafeDevAccount = None,
    json: options.Json = None,
) -> None:
    """Give signed receipts to L1, past the sequencer.

    The batch after the next one takes them at the latest; the key here pays, whoever signed them.
    Until they are taken, submit no others of the account: their nonces are not the next ones then.
    """
    from rollup import files, report, session
    from rollup.protocol.documents import text
    from rollup.protocol.entries import SignedReceipt
    from rollup.protocol.ledger.packing import forced_bytes

    forced: list[bytes] = []
    ids: list[str] = []
    for entry in _read(file):
        if not isinstance(entry, SignedReceipt):
            raise ConfigError("L1 takes receipts signed by themselves: sign this bundle's singly")
        forced.append(forced_bytes(entry.receipt, entry.signature))
        ids.append(text(entry.receipt.id))
    signer = keys.load_signer(keystore, password_file, unsafe_key, unsafe_dev_account)
    rollup = session.connect(l1, deployment).rollup
    made = [rollup.force(signer, receipt) for receipt in forced]
    found = [
        {"receipt": name, "inbox": index, "gas": mined.gas_used}
        for name, (index, mined) in zip(ids, made, strict=True)
    ]
    rows = [tuple(str(value) for value in line.values()) for line in found]
    report.CONSOLE.print(report.table("forced", rows, ("receipt", "inbox entry", "gas"), left=(0,)))
    files.write_json(json, {"forced": found})


def _unsigned(file: Path) -> "tuple[Sequence[Receipt], bool]":
    """The receipts in a file, and whether they are to be a bundle."""
    from rollup.files import read_json
    from rollup.protocol.documents import receipt_from_json

    document = read_json(file, "file of receipts")
    if isinstance(document, dict) and isinstance(document.get("receipts"), list):
        return [receipt_from_json(item) for item in document["receipts"]], True
    return [receipt_from_json(document)], False


def _read(file: Path) -> "list[Entry]":
    from rollup.files import read_json
    from rollup.protocol.documents import entry_from_json

    document = read_json(file, "file of signed entries")
    if isinstance(document, dict) and isinstance(document.get("entries"), list):
        return [entry_from_json(item) for item in document["entries"]]
    return [entry_from_json(document)]
