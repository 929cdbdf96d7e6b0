"""plumbline account: the vault's account of a signer, its bonds and what it may collect."""

from typing import Annotated

import typer

from rollup import report, session
from rollup.cli import keys, options
from rollup.l1.deploy import Contracts
from rollup.protocol.types import Address, Seconds, SlotIndex, address_text

app = typer.Typer(no_args_is_help=True, help="Accounts, bonds and credits in the vault.")


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
) -> None:
    """Open the signer's account, if it has none, and deposit bonds."""
    signer = keys.load_signer(keystore, password_file, unsafe_key, unsafe_dev_account)
    contracts = session.connect(l1, deployment)
    contracts.vault.deposit(signer, slots)
    _show(contracts, signer.address)


@app.command()
def show(
    l1: options.L1 = options.DEFAULT_L1,
    deployment: options.DeploymentFile = options.DEFAULT_DEPLOYMENT,
    keystore: options.Keystore = None,
    password_file: options.PasswordFile = None,
    unsafe_key: options.UnsafeKey = None,
    unsafe_dev_account: options.UnsafeDevAccount = None,
) -> None:
    """Show the signer's account."""
    signer = keys.load_signer(keystore, password_file, unsafe_key, unsafe_dev_account)
    _show(session.connect(l1, deployment), signer.address)


@app.command("exit")
def exit_slot(
    slot: Annotated[int, typer.Argument(help="Number of the slot.", min=0)],
    withdraw: Annotated[
        bool, typer.Option("--withdraw", help="Take out a slot whose unbonding is over.")
    ] = False,
    l1: options.L1 = options.DEFAULT_L1,
    deployment: options.DeploymentFile = options.DEFAULT_DEPLOYMENT,
    keystore: options.Keystore = None,
    password_file: options.PasswordFile = None,
    unsafe_key: options.UnsafeKey = None,
    unsafe_dev_account: options.UnsafeDevAccount = None,
) -> None:
    """Start a bond on its way out; with --withdraw, turn it into credit at the end."""
    signer = keys.load_signer(keystore, password_file, unsafe_key, unsafe_dev_account)
    contracts = session.connect(l1, deployment)
    if withdraw:
        contracts.vault.withdraw(signer, SlotIndex(slot))
    else:
        contracts.vault.exit(signer, SlotIndex(slot))
    _show(contracts, signer.address)


@app.command()
def collect(
    l1: options.L1 = options.DEFAULT_L1,
    deployment: options.DeploymentFile = options.DEFAULT_DEPLOYMENT,
    keystore: options.Keystore = None,
    password_file: options.PasswordFile = None,
    unsafe_key: options.UnsafeKey = None,
    unsafe_dev_account: options.UnsafeDevAccount = None,
) -> None:
    """Take out the signer's credit: won bonds, returned bonds, refunds."""
    signer = keys.load_signer(keystore, password_file, unsafe_key, unsafe_dev_account)
    contracts = session.connect(l1, deployment)
    contracts.vault.collect(signer)
    _show(contracts, signer.address)


def _show(contracts: Contracts, owner: Address) -> None:
    vault = contracts.vault
    account = vault.account_of(owner)
    slots, now = vault.slots_of(account), Seconds(contracts.game.time())
    live = [n for n in range(slots) if vault.is_live(account, SlotIndex(n), now)]
    rows = [
        ("account", str(account) if account else "none; `plumbline account open` makes one"),
        ("slots", f"{slots}, live: {', '.join(map(str, live)) or 'none'}"),
        ("credit", f"{vault.credit_of(owner)} wei"),
        ("balance", f"{contracts.client.balance(owner)} wei"),
    ]
    report.CONSOLE.print(report.table(address_text(owner), rows))
