"""plumbline devnet: a development chain on loopback."""

import signal
import threading
from typing import Annotated

import typer

from rollup import report
from rollup.cli.options import Json
from rollup.errors import ConfigError
from rollup.l1 import devnet as chains
from rollup.protocol.types import address_text


def devnet(
    port: Annotated[
        int, typer.Option(envvar="PLUMBLINE_DEVNET_PORT", help="Port on 127.0.0.1; 0 takes any.")
    ] = 8545,
    engine: Annotated[
        str, typer.Option(envvar="PLUMBLINE_DEVNET_ENGINE", help="embedded or anvil.")
    ] = "embedded",
    seed: Annotated[
        str, typer.Option(envvar="PLUMBLINE_DEVNET_SEED", help="What the accounts come from.")
    ] = chains.DEFAULT_SEED,
    json: Json = None,
) -> None:
    """Run a development chain with funded accounts until interrupted. It forgets everything."""
    if engine not in ("embedded", "anvil"):
        raise ConfigError(f"--engine is embedded or anvil, not {engine!r}")
    stop = threading.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, lambda *_: stop.set())
    with chains.start("anvil" if engine == "anvil" else "embedded", seed=seed, port=port) as chain:
        addresses = [address_text(account.address) for account in chain.accounts]
        rows = [(str(place), address) for place, address in enumerate(addresses)]
        report.CONSOLE.print(
            report.table(f"{engine} chain {chain.chain_id} at {chain.url}", rows, ("n", "account"))
        )
        report.write_json(
            json, {"url": chain.url, "chainId": chain.chain_id, "accounts": addresses}
        )
        stop.wait()
