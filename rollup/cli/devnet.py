"""plumbline devnet: a development chain on loopback."""

import threading
from typing import Annotated

import typer

from rollup.cli.options import Json, seconds
from rollup.errors import ConfigError
from rollup.protocol.types import address_text


def devnet(
    port: Annotated[
        int,
        typer.Option(
            envvar="PLUMBLINE_DEVNET_PORT",
            help="Port on 127.0.0.1; 0 takes any.",
            min=0,
            max=65_535,
        ),
    ] = 8545,
    engine: Annotated[
        str, typer.Option(envvar="PLUMBLINE_DEVNET_ENGINE", help="embedded or anvil.")
    ] = "embedded",
    seed: Annotated[
        str, typer.Option(envvar="PLUMBLINE_DEVNET_SEED", help="What the accounts come from.")
    ] = "plumbline",
    block_time: Annotated[
        float,
        typer.Option(
            envvar="PLUMBLINE_DEVNET_BLOCK_TIME",
            help="A block at least this often, beside one a transaction, so that what is waiting "
            "for confirmations gets them.",
            parser=seconds,
            metavar="DURATION",
        ),
    ] = 2.0,
    json: Json = None,
) -> None:
    """Run a development chain until interrupted.

    Its accounts are funded, their keys public, and it forgets everything.
    """
    from rollup import files, report, session
    from rollup.l1 import devnet as chains

    if engine not in ("embedded", "anvil"):
        raise ConfigError(f"--engine is embedded or anvil, not {engine!r}")
    chosen: chains.Engine = "anvil" if engine == "anvil" else "embedded"
    with chains.start(chosen, seed=seed, port=port, block_time=block_time) as chain:
        addresses = [address_text(account.address) for account in chain.accounts]
        rows = [(str(place), address) for place, address in enumerate(addresses)]
        title = f"{engine} chain {chain.chain_id} at {chain.url}"
        report.CONSOLE.print(report.table(title, rows, ("n", "account")))
        said = {"url": chain.url, "chainId": chain.chain_id, "accounts": addresses}
        files.write_json(json, said)
        with session.serving():
            threading.Event().wait()
