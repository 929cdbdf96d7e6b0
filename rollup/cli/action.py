"""The actions of `plumbline receipt`: each signs one kind and hands it in (docs/receipts.md)."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rollup.cli import keys, options

if TYPE_CHECKING:
    from rollup.protocol.actions import ActionKind
    from rollup.protocol.entries import Entry
    from rollup.protocol.receipts import Receipt

_U64_MAX = 2**64 - 1

Record = Annotated[
    int,
    typer.Option(
        envvar="PLUMBLINE_RECORD",
        help="Number of the record, from 0 up.",
        min=0,
        max=_U64_MAX,
    ),
]


@dataclass(frozen=True, slots=True)
class _By:
    """Who acts, and through whom."""

    gateway: str
    patience: float
    l1: str
    deployment: Path
    keystore: Path | None
    password_file: Path | None
    unsafe_key: str | None
    unsafe_dev_account: int | None


def transfer(
    to: Annotated[
        int,
        typer.Option(
            envvar="PLUMBLINE_TO", help="Number of the account it goes to.", min=1, max=_U64_MAX
        ),
    ],
    amount: options.Amount,
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
    """Give balance to another account.

    Nothing moves when the balance is less at that time; the receipt is used up all the same.
    """
    from rollup.protocol.actions import ActionKind

    by = _By(
        gateway, patience, l1, deployment,
        keystore, password_file, unsafe_key, unsafe_dev_account,
    )  # fmt: skip
    _act(by, ActionKind.TRANSFER, [(to, 0, amount)], json)


def withdraw(
    amount: options.Amount,
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
    """Turn balance into what L1 pays out.

    L1 pays once a state with it is confirmed there, to the account's address.
    """
    from rollup.protocol.actions import ActionKind

    by = _By(
        gateway, patience, l1, deployment,
        keystore, password_file, unsafe_key, unsafe_dev_account,
    )  # fmt: skip
    _act(by, ActionKind.WITHDRAW, [(0, 0, amount)], json)


def settle(
    records: Annotated[
        list[int],
        typer.Argument(
            metavar="RECORD...",
            help="Numbers of own records, in the order of training.",
            min=0,
            max=_U64_MAX,
        ),
    ],
    job: Annotated[
        int,
        typer.Option(
            envvar="PLUMBLINE_JOB", help="Number of their job on L1.", min=0, max=_U64_MAX
        ),
    ],
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
    """Make claims final, so that they score.

    When their batch is confirmed, and while the bond behind them is live. Several are one bundle.
    """
    from rollup.protocol.actions import ActionKind

    by = _By(
        gateway, patience, l1, deployment,
        keystore, password_file, unsafe_key, unsafe_dev_account,
    )  # fmt: skip
    _act(by, ActionKind.SETTLE, [(record, job, 0) for record in records], json)


def evaluate(
    record: Record,
    evaluation: Annotated[
        int,
        typer.Option(
            envvar="PLUMBLINE_EVALUATION",
            help="Number of the record of its evaluation by the benchmark job.",
            min=0,
            max=_U64_MAX,
        ),
    ],
    metric: Annotated[
        int,
        typer.Option(
            envvar="PLUMBLINE_METRIC",
            help="What the evaluation says, in points.",
            min=0,
            max=2**32 - 1,
        ),
    ],
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
    """Score what own training reached in the benchmark.

    Both records must be final. Only what is better than everything before it scores.
    """
    from rollup.protocol.actions import ActionKind

    by = _By(
        gateway, patience, l1, deployment,
        keystore, password_file, unsafe_key, unsafe_dev_account,
    )  # fmt: skip
    _act(by, ActionKind.EVALUATE, [(record, evaluation, metric)], json)


def use(
    record: Record,
    amount: options.Amount,
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
    """Pay for a final inference.

    A part of the fee is burnt; the rest goes to the account that made the record.
    """
    from rollup.protocol.actions import ActionKind

    by = _By(
        gateway, patience, l1, deployment,
        keystore, password_file, unsafe_key, unsafe_dev_account,
    )  # fmt: skip
    _act(by, ActionKind.USE, [(record, 0, amount)], json)


def distribute(
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
    """Take the share of a closed epoch's pool.

    An account that holds score of a closed epoch scores nothing more until it did.
    """
    from rollup.protocol.actions import ActionKind

    by = _By(
        gateway, patience, l1, deployment,
        keystore, password_file, unsafe_key, unsafe_dev_account,
    )  # fmt: skip
    _act(by, ActionKind.DISTRIBUTE, [(0, 0, 0)], json)


def _act(
    by: _By, kind: "ActionKind", listed: Sequence[tuple[int, int, int]], json: Path | None
) -> None:
    """Signs an action for each (target, other, amount), several as one bundle, and submits it."""
    from rollup import session
    from rollup.client import GatewayClient
    from rollup.protocol.actions import Action
    from rollup.protocol.entries import sign_bundle, sign_receipt
    from rollup.protocol.types import Nonce

    client = GatewayClient(by.gateway, patience=by.patience)
    signer = keys.load_signer(by.keystore, by.password_file, by.unsafe_key, by.unsafe_dev_account)
    contracts = session.connect(by.l1, by.deployment)
    account = session.account(contracts, signer.address)
    first = client.next_nonce(account)
    actions = [
        Action(kind, account, Nonce(nonce), *numbers) for nonce, numbers in enumerate(listed, first)
    ]
    domain = contracts.deployment.domain
    entry: Entry
    if len(actions) == 1:
        entry = sign_receipt(actions[0], domain, signer.key)
    else:
        entry = sign_bundle(actions, domain, signer.key)
    client.submit([entry])
    accepted([entry], json)


def accepted(entries: "Sequence[Entry]", json: Path | None) -> None:
    """Says what a sequencer has taken: each receipt's kind and id; the report has the entries."""
    from rollup import files, report
    from rollup.protocol.documents import entry_to_json, text

    receipts = [receipt for entry in entries for receipt in entry.receipts]
    rows = [
        (str(place), _what(receipt), text(receipt.id)) for place, receipt in enumerate(receipts)
    ]
    header = ("n", "what", "receipt")
    report.CONSOLE.print(report.table("accepted, durably", rows, header, left=(0, 1, 2)))
    ids = [text(receipt.id) for receipt in receipts]
    files.write_json(
        json, {"receipts": ids, "entries": [entry_to_json(entry) for entry in entries]}
    )


def _what(receipt: "Receipt") -> str:
    """What a receipt says or does, in short."""
    from rollup.config import tokens_text
    from rollup.protocol.actions import Action, ActionKind

    if not isinstance(receipt, Action):
        return _name(receipt)
    paid = f"{tokens_text(receipt.amount)} tokens ({receipt.amount:,} billionths)"
    match receipt.kind:
        case ActionKind.TRANSFER:
            return f"transfer {paid} to account {receipt.target}"
        case ActionKind.WITHDRAW:
            return f"withdraw {paid}"
        case ActionKind.SETTLE:
            return f"settle record {receipt.target} of job {receipt.other}"
        case ActionKind.EVALUATE:
            return f"evaluate record {receipt.target} by record {receipt.other}: {receipt.amount}"
        case ActionKind.USE:
            return f"use record {receipt.target} for {paid}"
    return _name(receipt)


def _name(receipt: "Receipt") -> str:
    """Of its kind; the number of one that this program does not know."""
    from rollup.protocol.actions import ActionKind
    from rollup.protocol.receipts import StatementKind, WorkKind

    kinds: list[type[IntEnum]] = [WorkKind, StatementKind, ActionKind]
    names = {kind.value: kind.name for known in kinds for kind in known}
    return names.get(receipt.kind, str(receipt.kind)).lower().replace("_", " ")
