"""plumbline ledger: rebuild it from L1, show an account of it, keep true assertions standing."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from rollup.cli import keys, options
from rollup.errors import ConfigError, DataMismatch, FalseAssertion, LostConsistency

if TYPE_CHECKING:
    from rollup.ledger.books import Books
    from rollup.ledger.comparing import Comparison
    from rollup.protocol.types import BatchNumber

app = typer.Typer(rich_markup_mode=None, help="Accounts, scores and rewards, as L1 leads to them.")

SHOWN: Final = 50
"""Records in a table; `--json` has them all."""

Batch = Annotated[
    int | None,
    typer.Option(
        envvar="PLUMBLINE_BATCH", help="After this batch. Unless given: after the newest.", min=0
    ),
]


@app.command()
def replay(
    l1: options.L1 = options.DEFAULT_L1,
    deployment: options.DeploymentFile = options.DEFAULT_DEPLOYMENT,
    json: options.Json = None,
) -> None:
    """Rebuild every state, beside what was asserted of it.

    Ends with 10 when an assertion that stands is false, with 5 when the data of a batch cannot be
    had, with 70 when a false state was confirmed.
    """
    from rollup import files, report
    from rollup.ledger import reporting
    from rollup.ledger.comparing import compare

    books = _books(l1, deployment)
    found = compare(books.replay, books.view)
    rows = []
    for row in found.rows:
        root = reporting.text(row.root) or "unknown: its data cannot be had"
        rows.append((str(row.number), root, str(row.steps)))
        for one in row.compared:
            said = one.asserted
            who = f"account {said.assertion.account}, slot {said.assertion.slot}"
            rows.append(("", f"  {one.finding.value}, {said.stage.value}: {who}", ""))
    report.CONSOLE.print(report.table("ledger", rows, ("batch", "root", "steps"), left=(0, 1)))
    files.write_json(json, reporting.comparison(found))
    _judge(found)


def _judge(found: "Comparison") -> None:
    """Raises what the exit code is to say, and says where the first difference is."""
    from rollup.ledger.reporting import text

    number, root = found.confirmed
    if found.agrees is False:
        raise LostConsistency(f"L1 confirmed {text(root)} after batch {number}, which is false")
    standing = found.standing
    if standing is not None:
        said = standing.asserted.assertion
        true = next(row.root for row in found.rows if row.number == said.batch)
        raise FalseAssertion(
            f"batch {said.batch}: account {said.account} asserts {text(said.root)} (assertion"
            f" {text(said.id)}), the batch leads to {text(true)}; `plumbline validator run`"
            " disputes it"
        )
    if found.unknown:
        raise DataMismatch(
            f"the data of batch {found.unknown[0]} cannot be had, so {len(found.unknown)} states"
            " are unknown; try again, or another endpoint"
        )


@app.command()
def show(
    account: Annotated[
        int | None, typer.Option(envvar="PLUMBLINE_ACCOUNT", help="Its index.", min=1)
    ] = None,
    address: Annotated[
        str | None, typer.Option(envvar="PLUMBLINE_ADDRESS", help="Or its address.")
    ] = None,
    batch: Batch = None,
    l1: options.L1 = options.DEFAULT_L1,
    deployment: options.DeploymentFile = options.DEFAULT_DEPLOYMENT,
    json: options.Json = None,
) -> None:
    """Show an account: balance, score, records.

    Of each record, whether it can be settled now and with which job.
    """
    from rollup import files, report, session
    from rollup.ledger import accounts, reporting

    books = _books(l1, deployment)
    index = session.account_named(books.contracts, account, address)
    number = _number(books, batch)
    state = books.replay.state(number)
    found = reporting.account(accounts.show(state, index), state.header, number)
    records = found["records"]
    facts = {name: value for name, value in found.items() if name != "records"}
    report.CONSOLE.print(report.facts(f"account {index}", reporting.facts(facts)))
    if records:
        names = ("record", "kind", "status", "slot", "batch", "steps", "job", "settles_with_job")
        rows = [
            ["" if one[name] is None else str(one[name]) for name in names]
            for one in records[-SHOWN:]
        ]
        header = [name.replace("_", " ") for name in names]
        title = f"records: the last {len(rows)} of {len(records)}"
        report.CONSOLE.print(report.table(title, rows, header, left=(1, 2)))
    files.write_json(json, found)


@app.command()
def keep(
    l1: options.L1 = options.DEFAULT_L1,
    deployment: options.DeploymentFile = options.DEFAULT_DEPLOYMENT,
    asserts: Annotated[
        bool,
        typer.Option(
            "--assert/--no-assert",
            envvar="PLUMBLINE_ASSERT",
            help="Assert what nobody asserted; else only confirm.",
        ),
    ] = True,
    once: Annotated[
        bool, typer.Option("--once", envvar="PLUMBLINE_ONCE", help="One look, then stop.")
    ] = False,
    poll: options.Poll = 1.0,
    patience: options.Patience = options.DEFAULT_PATIENCE,
    keystore: options.Keystore = None,
    password_file: options.PasswordFile = None,
    unsafe_key: options.UnsafeKey = None,
    unsafe_dev_account: options.UnsafeDevAccount = None,
    log_format: options.LogFormat = "text",
    json: options.Json = None,
) -> None:
    """Assert every batch's state, defend it, confirm it.

    Backed by the signer's live slots. What is true and asserted by somebody else is left to stand.
    """
    from rollup import bookkeeping, files, parties, report, session
    from rollup.protocol.types import Wei

    report.start_logging(log_format)
    signer = keys.load_signer(keystore, password_file, unsafe_key, unsafe_dev_account)
    contracts = session.connect(l1, deployment)
    session.funded(contracts, signer, Wei(1), "asserting states")
    if asserts and not parties.identity(contracts, signer).slots:
        raise ConfigError(
            "the account has no live bond; `plumbline account open --slots N` deposits some"
        )
    books = bookkeeping.books(contracts)
    look = bookkeeping.keeping(books, signer, asserts=asserts)
    totals = {"asserted": 0, "confirmed": 0}

    def round_() -> bool:
        done = look()
        totals["asserted"] += len(done.asserted)
        totals["confirmed"] += len(done.confirmed)
        confirmed = max([books.view.confirmed[0], *done.confirmed])
        files.write_json(
            json, totals | {"replayed": books.replay.number, "confirmed_batch": confirmed}
        )
        return once

    with session.serving():
        session.repeat(round_, poll, patience)


def _books(l1: str, deployment: Path) -> "Books":
    from rollup import bookkeeping, session

    return bookkeeping.books(session.connect(l1, deployment))


def _number(books: "Books", wanted: int | None) -> "BatchNumber":
    """The batch that a flag names, or the newest one whose state is known.

    Raises:
        ConfigError: when there is no such batch.
        DataMismatch: when its state is unknown.
    """
    from rollup.protocol.types import BatchNumber

    if wanted is None:
        return books.replay.number
    if wanted > len(books.source.headers):
        raise ConfigError(f"--batch: L1 holds {len(books.source.headers)} batches, not {wanted}")
    if wanted > books.replay.number:
        raise DataMismatch(
            f"the data of a batch up to {wanted} cannot be had: its state is unknown"
        )
    return BatchNumber(wanted)
