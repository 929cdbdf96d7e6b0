"""plumbline validator run: recompute every claim, dispute what is wrong, play to the end."""

from typing import Annotated

import typer

from rollup.cli import keys, options

app = typer.Typer(rich_markup_mode=None, help="Watch claims and challenge false ones.")


@app.command()
def run(
    l1: options.L1 = options.DEFAULT_L1,
    deployment: options.DeploymentFile = options.DEFAULT_DEPLOYMENT,
    content: options.Content = options.DEFAULT_CONTENT,
    backend: options.Backend = "numba",
    threads: options.Threads = None,
    checkpoint_every: options.CheckpointEvery = None,
    checkpoint_budget: options.CheckpointBudget = None,
    poll: options.Poll = 1.0,
    patience: options.Patience = options.DEFAULT_PATIENCE,
    once: Annotated[
        bool, typer.Option("--once", envvar="PLUMBLINE_ONCE", help="One look, then stop.")
    ] = False,
    settle: Annotated[
        bool,
        typer.Option(
            envvar="PLUMBLINE_SETTLE", help="Also confirm batches and states that are due."
        ),
    ] = False,
    keystore: options.Keystore = None,
    password_file: options.PasswordFile = None,
    unsafe_key: options.UnsafeKey = None,
    unsafe_dev_account: options.UnsafeDevAccount = None,
    log_format: options.LogFormat = "text",
    json: options.Json = None,
) -> None:
    """Recompute every claim, and dispute what is wrong.

    Claims of receipts, and assertions about the ledger. Runs until interrupted; everything it needs
    is on L1 and in the folder of content.
    """
    from rollup import bookkeeping, files, parties, report, session
    from rollup.l1.game_port import ContractGames
    from rollup.settlement import Settlement
    from rollup.validator import Upkeep, Validator

    report.start_logging(log_format)
    signer = keys.load_signer(keystore, password_file, unsafe_key, unsafe_dev_account)
    chosen = parties.backend(backend, threads)
    contracts = session.connect(l1, deployment)
    session.funded(contracts, signer, contracts.game.challenge_bond(), "challenges")
    follower = parties.follower(contracts)
    kept = parties.keeping(contracts, content, signer.address, checkpoint_every, checkpoint_budget)
    shown = report.Meter()
    validator = Validator(
        follower,
        ContractGames(contracts, signer, follower.opening),
        parties.traces(follower, content, chosen, kept, shown),
        signer.address,
        Upkeep(follower, kept.store),
    )
    books = bookkeeping.books(contracts, follower)
    auditor = bookkeeping.auditor(books, signer)
    settlement = Settlement(contracts, signer, follower)
    confirm = bookkeeping.confirming(books, signer)

    def look() -> bool:
        with shown:
            played = validator.round() + auditor.round()
        if settle:
            settlement.round()
            confirm()
        found = {
            "batches": len(follower.headers),
            "claims": validator.counts(),
            "assertions": auditor.counts(),
        }
        files.write_json(json, found)
        return once and not played and not validator.behind and not auditor.behind

    with session.serving():
        session.repeat(look, poll, patience)
