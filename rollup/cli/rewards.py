"""plumbline rewards: what an account has earned, have it settled, have it paid out."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rollup.cli import keys, options

if TYPE_CHECKING:
    from rollup.l1.accounts import LocalSigner
    from rollup.l1.chain import Mined
    from rollup.l1.deploy import Contracts
    from rollup.ledger.books import Books
    from rollup.protocol.types import AccountIndex

app = typer.Typer(rich_markup_mode=None, help="What an account earned: settle it, claim it.")

Account = Annotated[
    int | None,
    typer.Option(envvar="PLUMBLINE_ACCOUNT", help="Its index. Unless given: the signer's.", min=1),
]


@app.command()
def show(
    account: Annotated[
        int | None, typer.Option(envvar="PLUMBLINE_ACCOUNT", help="Its index.", min=1)
    ] = None,
    address: Annotated[
        str | None, typer.Option(envvar="PLUMBLINE_ADDRESS", help="Or its address.")
    ] = None,
    l1: options.L1 = options.DEFAULT_L1,
    deployment: options.DeploymentFile = options.DEFAULT_DEPLOYMENT,
    json: options.Json = None,
) -> None:
    """Show what an account has earned, and can claim now."""
    from rollup import session

    books = _books(l1, deployment)
    _show(books, session.account_named(books.contracts, account, address), json)


@app.command()
def settle(
    l1: options.L1 = options.DEFAULT_L1,
    deployment: options.DeploymentFile = options.DEFAULT_DEPLOYMENT,
    gateway: options.Gateway = options.DEFAULT_GATEWAY,
    patience: options.Patience = options.DEFAULT_PATIENCE,
    keystore: options.Keystore = None,
    password_file: options.PasswordFile = None,
    unsafe_key: options.UnsafeKey = None,
    unsafe_dev_account: options.UnsafeDevAccount = None,
    json: options.Json = None,
) -> None:
    """Have the signer's final claims credited.

    Signs and submits what settles its records and turns its score of closed epochs into a share.
    """
    from rollup import bookkeeping, files, report, session
    from rollup.client import GatewayClient
    from rollup.ledger.trial import plan
    from rollup.protocol.documents import text

    signer = keys.load_signer(keystore, password_file, unsafe_key, unsafe_dev_account)
    client = GatewayClient(gateway, patience=patience)
    books = _books(l1, deployment)
    index = session.account(books.contracts, signer.address)
    planned = plan(books.replay.state(books.replay.number), index)
    submitted = bookkeeping.submit(books.contracts, signer, client, planned)
    rows = [
        (
            "settle" if one.record else "distribute",
            str(one.action.target) if one.record else "",
            str(one.action.other) if one.record else "",
            text(made.id),
        )
        for one, made in zip(planned, submitted, strict=True)
    ]
    title = "submitted" if rows else "nothing can be settled now"
    report.CONSOLE.print(report.table(title, rows, ("action", "record", "job", "receipt"), (0, 3)))
    names = ("action", "record", "job", "receipt")
    files.write_json(json, {"actions": [dict(zip(names, row, strict=True)) for row in rows]})


@app.command()
def claim(
    account: Account = None,
    l1: options.L1 = options.DEFAULT_L1,
    deployment: options.DeploymentFile = options.DEFAULT_DEPLOYMENT,
    keystore: options.Keystore = None,
    password_file: options.PasswordFile = None,
    unsafe_key: options.UnsafeKey = None,
    unsafe_dev_account: options.UnsafeDevAccount = None,
    json: options.Json = None,
) -> None:
    """Have L1 pay out what an account has earned.

    The tokens go to the account's own address; the signer pays the gas, for itself or for another.
    """
    from rollup import session
    from rollup.ledger import payouts
    from rollup.protocol.types import AccountIndex, address_text

    signer = keys.load_signer(keystore, password_file, unsafe_key, unsafe_dev_account)
    books = _books(l1, deployment)
    index = (
        session.account(books.contracts, signer.address)
        if account is None
        else AccountIndex(account)
    )
    owed = payouts.owed(books, index)
    mined = payouts.claim(books, signer, owed)
    found = {
        "account": index,
        "address": address_text(owed.proof.account.address),
        "paid": owed.due,
        "after_batch": owed.batch,
    }
    _did("claimed", found, mined, json)


@app.command()
def deposit(
    amount: options.Amount,
    account: Account = None,
    l1: options.L1 = options.DEFAULT_L1,
    deployment: options.DeploymentFile = options.DEFAULT_DEPLOYMENT,
    keystore: options.Keystore = None,
    password_file: options.PasswordFile = None,
    unsafe_key: options.UnsafeKey = None,
    unsafe_dev_account: options.UnsafeDevAccount = None,
    json: options.Json = None,
) -> None:
    """Pay tokens in, as an account's balance.

    It counts with the batch that takes it from the inbox.
    """
    from rollup import session
    from rollup.protocol.ledger.types import Amount
    from rollup.protocol.types import AccountIndex

    signer = keys.load_signer(keystore, password_file, unsafe_key, unsafe_dev_account)
    contracts = session.connect(l1, deployment)
    index = session.account(contracts, signer.address) if account is None else AccountIndex(account)
    _allow(contracts, signer, amount)
    mined = contracts.rewards.deposit(signer, index, Amount(amount))
    _did("deposited", {"account": index, "amount": amount}, mined, json)


@app.command()
def mint(
    amount: options.Amount,
    l1: options.L1 = options.DEFAULT_L1,
    deployment: options.DeploymentFile = options.DEFAULT_DEPLOYMENT,
    keystore: options.Keystore = None,
    password_file: options.PasswordFile = None,
    unsafe_key: options.UnsafeKey = None,
    unsafe_dev_account: options.UnsafeDevAccount = None,
    json: options.Json = None,
) -> None:
    """Make development tokens for the signer.

    Only the token that `plumbline deploy` makes, where none is named, lets anybody do so.
    """
    from rollup import session
    from rollup.l1.token import token_units
    from rollup.protocol.ledger.types import Amount

    signer = keys.load_signer(keystore, password_file, unsafe_key, unsafe_dev_account)
    token = session.connect(l1, deployment).token
    mined = token.mint(signer, signer.address, token_units(Amount(amount)))
    _did("minted", {"amount": amount}, mined, json)


@app.command()
def fund(
    amount: options.Amount,
    l1: options.L1 = options.DEFAULT_L1,
    deployment: options.DeploymentFile = options.DEFAULT_DEPLOYMENT,
    keystore: options.Keystore = None,
    password_file: options.PasswordFile = None,
    unsafe_key: options.UnsafeKey = None,
    unsafe_dev_account: options.UnsafeDevAccount = None,
    json: options.Json = None,
) -> None:
    """Add tokens to the pool of the current epoch."""
    from rollup import session
    from rollup.protocol.ledger.types import Amount

    signer = keys.load_signer(keystore, password_file, unsafe_key, unsafe_dev_account)
    contracts = session.connect(l1, deployment)
    _allow(contracts, signer, amount)
    mined = contracts.rewards.fund(signer, Amount(amount))
    _did("funded", {"epoch": contracts.rewards.epoch(), "amount": amount}, mined, json)


@app.command("close-epoch")
def close_epoch(
    l1: options.L1 = options.DEFAULT_L1,
    deployment: options.DeploymentFile = options.DEFAULT_DEPLOYMENT,
    keystore: options.Keystore = None,
    password_file: options.PasswordFile = None,
    unsafe_key: options.UnsafeKey = None,
    unsafe_dev_account: options.UnsafeDevAccount = None,
    json: options.Json = None,
) -> None:
    """Close the current epoch, when it has lasted long enough."""
    from rollup import session

    signer = keys.load_signer(keystore, password_file, unsafe_key, unsafe_dev_account)
    rewards = session.connect(l1, deployment).rewards
    mined = rewards.close_epoch(signer)
    _did("closed", {"epoch": rewards.epoch() - 1}, mined, json)


def _show(books: "Books", index: "AccountIndex", json: Path | None) -> None:
    from rollup import files, report
    from rollup.errors import Refused
    from rollup.ledger import accounts, payouts, reporting

    rewards, replay = books.contracts.rewards, books.replay
    shown = accounts.show(replay.state(replay.number), index)
    confirmed, due = 0, 0
    try:
        owed = payouts.owed(books, index)
        confirmed, due = int(owed.proof.account.payable), owed.due
    except Refused:
        pass  # its registration is in no confirmed state yet
    found: dict[str, Any] = {
        "account": index,
        "balance": shown.account.balance,
        "score": shown.account.score,
        "score_epoch": shown.account.epoch,
        "epoch": rewards.epoch(),
        "epoch_closes_at": rewards.closes_at(),
        "pool": rewards.pool(),
        "payable": shown.account.payable,
        "payable_confirmed": confirmed,
        "paid": rewards.paid(index),
        "claimable": due,
        "can_settle": sorted(shown.jobs),
        "can_distribute": any(one.record is None for one in shown.planned),
    }
    report.CONSOLE.print(report.facts(f"rewards of account {index}", reporting.facts(found)))
    files.write_json(json, found)


def _did(what: str, said: dict[str, Any], mined: "Mined", json: Path | None) -> None:
    """Says what a transaction did."""
    from rollup import files, report
    from rollup.ledger import reporting

    found = said | {"gas": mined.gas_used, "transaction": "0x" + mined.hash.hex()}
    report.CONSOLE.print(report.facts(what, reporting.facts(found)))
    files.write_json(json, found)


def _allow(contracts: "Contracts", signer: "LocalSigner", amount: int) -> None:
    """Lets the rewards contract take so many billionths of the signer's tokens."""
    from rollup.l1.token import token_units
    from rollup.protocol.ledger.types import Amount

    wanted = token_units(Amount(amount))
    contracts.token.approve(signer, contracts.rewards.address, wanted)


def _books(l1: str, deployment: Path) -> "Books":
    from rollup import bookkeeping, session

    return bookkeeping.books(session.connect(l1, deployment))
