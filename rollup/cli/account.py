"""plumbline account: the vault's account of a signer, its bonds and what it may collect."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rollup.cli import keys, options
from rollup.protocol.types import Address, SlotIndex, address_text

if TYPE_CHECKING:
    from rollup.l1.deploy import Contracts

app = typer.Typer(rich_markup_mode=None, help="Accounts, bonds and credits in the vault.")


@app.command("open")
def open_account(
    slots: Annotated[
        int, typer.Option(envvar="PLUMBLINE_SLOTS", min=0, help="Bonds to deposit.")
    ] = 0,
    l1: options.L1 = options.DEFAULT_L1,
    deployment: options.DeploymentFile = options.DEFAULT_DEPLOYMENT,
    keystore: options.Keystore = None,
    password_file: options.PasswordFile = None,
    unsafe_key: options.UnsafeKey = None,
    unsafe_dev_account: options.UnsafeDevAccount = None,
    json: options.Json = None,
) -> None:
    """Open the signer's account, and deposit bonds."""
    from rollup import session

    signer = keys.load_signer(keystore, password_file, unsafe_key, unsafe_dev_account)
    contracts = session.connect(l1, deployment)
    contracts.vault.deposit(signer, slots)
    _show(contracts, signer.address, json)


@app.command()
def show(
    l1: options.L1 = options.DEFAULT_L1,
    deployment: options.DeploymentFile = options.DEFAULT_DEPLOYMENT,
    keystore: options.Keystore = None,
    password_file: options.PasswordFile = None,
    unsafe_key: options.UnsafeKey = None,
    unsafe_dev_account: options.UnsafeDevAccount = None,
    json: options.Json = None,
) -> None:
    """Show the signer's account."""
    from rollup import session

    signer = keys.load_signer(keystore, password_file, unsafe_key, unsafe_dev_account)
    _show(session.connect(l1, deployment), signer.address, json)


@app.command("exit")
def exit_slot(
    slot: Annotated[int, typer.Argument(help="Number of the slot.", min=0, max=2**64 - 1)],
    withdraw: Annotated[
        bool,
        typer.Option(
            "--withdraw",
            envvar="PLUMBLINE_WITHDRAW",
            help="Take out a slot whose unbonding is over.",
        ),
    ] = False,
    l1: options.L1 = options.DEFAULT_L1,
    deployment: options.DeploymentFile = options.DEFAULT_DEPLOYMENT,
    keystore: options.Keystore = None,
    password_file: options.PasswordFile = None,
    unsafe_key: options.UnsafeKey = None,
    unsafe_dev_account: options.UnsafeDevAccount = None,
    json: options.Json = None,
) -> None:
    """Start a bond on its way out, or take it out at the end.

    With --withdraw a bond whose unbonding is over becomes credit.
    """
    from rollup import session

    signer = keys.load_signer(keystore, password_file, unsafe_key, unsafe_dev_account)
    contracts = session.connect(l1, deployment)
    if withdraw:
        contracts.vault.withdraw(signer, SlotIndex(slot))
    else:
        contracts.vault.exit(signer, SlotIndex(slot))
    _show(contracts, signer.address, json)


@app.command()
def collect(
    l1: options.L1 = options.DEFAULT_L1,
    deployment: options.DeploymentFile = options.DEFAULT_DEPLOYMENT,
    keystore: options.Keystore = None,
    password_file: options.PasswordFile = None,
    unsafe_key: options.UnsafeKey = None,
    unsafe_dev_account: options.UnsafeDevAccount = None,
    json: options.Json = None,
) -> None:
    """Take out the signer's credit.

    Won bonds, returned bonds, refunds.
    """
    from rollup import session

    signer = keys.load_signer(keystore, password_file, unsafe_key, unsafe_dev_account)
    contracts = session.connect(l1, deployment)
    contracts.vault.collect(signer)
    _show(contracts, signer.address, json)


def _show(contracts: "Contracts", owner: Address, json: Path | None) -> None:
    from rollup import files, report, session

    vault = contracts.vault
    account, live = session.live_slots(contracts, owner)
    found = {
        "address": address_text(owner),
        "account": account,
        "slots": vault.slots_of(account),
        "live": list(live),
        "credit_wei": vault.credit_of(owner),
        "balance_wei": contracts.client.balance(owner),
    }
    rows = [
        ("account", str(account) if account else "none; `plumbline account open` makes one"),
        ("slots", f"{found['slots']}, live: {', '.join(map(str, live)) or 'none'}"),
        ("credit", f"{found['credit_wei']} wei"),
        ("balance", f"{found['balance_wei']} wei"),
    ]
    report.CONSOLE.print(report.table(address_text(owner), rows))
    files.write_json(json, found)
