"""plumbline sequencer run: take receipts in, batch them, post the batches."""

import asyncio
import os
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rollup.cli import keys, options
from rollup.config import SequencerSettings, variable
from rollup.errors import ConfigError

if TYPE_CHECKING:
    from rollup.l1.accounts import Signer
    from rollup.l1.deploy import Contracts

app = typer.Typer(rich_markup_mode=None, help="Batch receipts and post them.")


def _setting(name: str, text: str) -> object:
    return typer.Option(envvar=variable(name), help=text, show_default=False)


@app.command()
def run(
    l1: options.L1 = options.DEFAULT_L1,
    deployment: options.DeploymentFile = options.DEFAULT_DEPLOYMENT,
    store: Annotated[str | None, _setting("store", "Database file; made if missing.")] = None,
    host: Annotated[str | None, _setting("host", "Address that the gateway listens on.")] = None,
    port: Annotated[str | None, _setting("port", "Its port; 0 takes a free one.")] = None,
    poll: Annotated[str | None, _setting("poll", "Between two looks at L1: 250ms, 10s.")] = None,
    workers: Annotated[
        str | None, _setting("workers", "Processes that recover signers; 0: none.")
    ] = None,
    pool_limit: Annotated[
        str | None, _setting("pool_limit", "Receipts that may wait for L1.")
    ] = None,
    ahead: Annotated[str | None, _setting("ahead", "Sealed batches that may wait for L1.")] = None,
    stale_after: Annotated[
        str | None, _setting("stale_after", "Wait after which /healthz fails.")
    ] = None,
    bump_after: Annotated[
        str | None, _setting("bump_after", "Wait after which fees are raised.")
    ] = None,
    body_limit: Annotated[str | None, _setting("body_limit", "Size of a request: 8MiB.")] = None,
    bond: Annotated[
        bool, typer.Option("--bond", envvar="PLUMBLINE_BOND", help="Deposit a bond if need be.")
    ] = False,
    asserter: Annotated[
        Path | None,
        typer.Option(
            envvar="PLUMBLINE_ASSERTER",
            help="Also keep true assertions of the ledger, by the key in this encrypted file.",
        ),
    ] = None,
    asserter_password_file: Annotated[
        Path | None,
        typer.Option(envvar="PLUMBLINE_ASSERTER_PASSWORD_FILE", help="File with its password."),
    ] = None,
    unsafe_asserter: Annotated[
        int | None,
        typer.Option(
            envvar="PLUMBLINE_UNSAFE_ASSERTER",
            help="Or by a development chain's account of this number.",
            min=0,
            max=2**32 - 1,
        ),
    ] = None,
    keystore: options.Keystore = None,
    password_file: options.PasswordFile = None,
    unsafe_key: options.UnsafeKey = None,
    unsafe_dev_account: options.UnsafeDevAccount = None,
    log_format: options.LogFormat = "text",
) -> None:
    """Run gateway, batcher and poster.

    Runs until interrupted. What was acknowledged is on disk, and is posted by the next run. Who
    asserts is another account than who posts, with a bond of its own.
    """
    from rollup import bookkeeping, report, session
    from rollup.protocol.types import Wei

    report.start_logging(log_format)
    given = {
        "store": store,
        "host": host,
        "port": port,
        "poll": poll,
        "workers": workers,
        "pool_limit": pool_limit,
        "ahead": ahead,
        "stale_after": stale_after,
        "bump_after": bump_after,
        "body_limit": body_limit,
    }
    settings = SequencerSettings.load(given, os.environ)
    signer = keys.load_signer(keystore, password_file, unsafe_key, unsafe_dev_account)
    contracts = session.connect(l1, deployment)
    if signer.address != contracts.deployment.sequencer:
        raise ConfigError(
            f"the deployment's sequencer is another account than {signer!r}: name its key"
        )
    session.funded(contracts, signer, Wei(1), "posting batches")
    _see_to_bond(contracts, signer, bond)
    keeping: AbstractContextManager[None] = nullcontext()
    if asserter is not None or unsafe_asserter is not None:
        second = keys.load_signer(asserter, asserter_password_file, None, unsafe_asserter)
        if second.address == signer.address:
            raise ConfigError("--asserter: the poster's account only posts; name another one")
        _see_to_asserter(contracts, second, bond)
        keeping = bookkeeping.kept(contracts, second, max(settings.poll, 1.0))
    with keeping:
        asyncio.run(_serve(contracts, signer, settings))


async def _serve(contracts: "Contracts", signer: "Signer", settings: SequencerSettings) -> None:
    from rollup.sequencer.l1_port import ContractRollup
    from rollup.sequencer.service import Sequencer, serve
    from rollup.store import SqliteStore

    domain, preset = contracts.deployment.domain, contracts.deployment.parameters
    store = await SqliteStore.open(settings.store, domain)
    try:
        l1 = ContractRollup(contracts, signer)
        sequencer = await Sequencer.over(store, l1, l1, domain, preset, settings)
        await serve(sequencer, settings.host, settings.port)
    finally:
        await store.close()


def _see_to_bond(contracts: "Contracts", signer: "Signer", deposit: bool) -> None:
    """That a live slot backs what the sequencer posts."""
    from rollup import session
    from rollup.protocol.types import Seconds

    account, slot = contracts.rollup.sequencer_slot()
    if contracts.vault.is_live(account, slot, Seconds(contracts.game.time())):
        return
    if not deposit:
        raise ConfigError("the sequencer has no live bond: run with --bond to deposit one")
    _, live = session.live_slots(contracts, signer.address)
    chosen = live[0] if live else contracts.vault.deposit(signer, 1)[1]
    contracts.rollup.choose_slot(signer, chosen)


def _see_to_asserter(contracts: "Contracts", signer: "Signer", deposit: bool) -> None:
    """That a live slot backs what is asserted."""
    from rollup import session

    if session.live_slots(contracts, signer.address)[1]:
        return
    if not deposit:
        raise ConfigError("who asserts has no live bond: run with --bond to deposit one")
    contracts.vault.deposit(signer, 1)
