"""plumbline status: where a deployment stands."""

from typing import Annotated

import typer

from rollup.cli import options
from rollup.protocol.types import Seconds, address_text


def status(
    l1: options.L1 = options.DEFAULT_L1,
    deployment: options.DeploymentFile = options.DEFAULT_DEPLOYMENT,
    gateway: Annotated[
        str | None,
        typer.Option(envvar="PLUMBLINE_GATEWAY", help="Also ask this sequencer.", metavar="URL"),
    ] = None,
    json: options.Json = None,
) -> None:
    """Show where a deployment stands.

    Batches, the ledger's states, open games and bonds, and whether the sequencer is well.
    """
    from rollup import files, report, session

    contracts = session.connect(l1, deployment)
    head, head_hash = contracts.rollup.head()
    confirmed = contracts.rollup.confirmed()
    account, slot = contracts.rollup.sequencer_slot()
    waiting = range(confirmed + 1, head + 1)
    games = sum(int(contracts.rollup.read("openGames", number)) for number in waiting)
    found = {
        "chain": contracts.deployment.chain_id,
        "preset": contracts.deployment.preset,
        "rollup": address_text(contracts.deployment.rollup),
        "protocol_time": contracts.game.time(),
        "batches": head,
        "head": "0x" + head_hash.hex(),
        "confirmed": confirmed,
        "states_confirmed": contracts.assertions.confirmed()[0],
        "open_games": games,
        "epoch": contracts.rewards.epoch(),
        "sequencer": address_text(contracts.deployment.sequencer),
        "sequencer_bonded": contracts.vault.is_live(account, slot, Seconds(contracts.game.time())),
        "bonded_wei": int(contracts.vault.read("bonded")),
        "gateway": "not asked" if gateway is None else _health(gateway),
    }
    rows = [(name.replace("_", " "), str(value)) for name, value in found.items()]
    report.CONSOLE.print(report.table("status", rows))
    files.write_json(json, found)


def _health(gateway: str) -> str:
    import httpx

    try:
        answer = httpx.get(f"{gateway.rstrip('/')}/healthz", timeout=5)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        return f"no answer ({type(error).__name__})"
    return "well" if answer.is_success else f"unwell ({answer.status_code})"
