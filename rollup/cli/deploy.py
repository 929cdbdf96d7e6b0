"""plumbline deploy: the contracts of a preset on a chain."""

from pathlib import Path
from typing import Annotated

import typer

from rollup import report
from rollup.cli import keys, options
from rollup.errors import ConfigError
from rollup.l1 import deploy as deployments
from rollup.l1.client import L1Client
from rollup.l1.transport import Transport
from rollup.protocol.presets import PRESETS
from rollup.protocol.types import ZERO_ADDRESS, Address, address_text


def deploy(
    l1: options.L1 = options.DEFAULT_L1,
    preset: Annotated[
        str, typer.Option(envvar="PLUMBLINE_PRESET", help="Parameters: minimal or mainnet.")
    ] = "minimal",
    sequencer: Annotated[
        str | None,
        typer.Option(envvar="PLUMBLINE_SEQUENCER", help="Who posts; the deployer by default."),
    ] = None,
    guardian: Annotated[
        str | None,
        typer.Option(envvar="PLUMBLINE_GUARDIAN", help="Who may pause; nobody by default."),
    ] = None,
    out: Annotated[
        Path, typer.Option(envvar="PLUMBLINE_DEPLOYMENT", help="File to write.")
    ] = options.DEFAULT_DEPLOYMENT,
    keystore: options.Keystore = None,
    password_file: options.PasswordFile = None,
    unsafe_key: options.UnsafeKey = None,
    unsafe_dev_account: options.UnsafeDevAccount = None,
) -> None:
    """Deploy the contracts, verify them, and write down where they are."""
    signer = keys.load_signer(keystore, password_file, unsafe_key, unsafe_dev_account)
    if preset not in PRESETS:
        raise ConfigError(f"--preset is one of {', '.join(sorted(PRESETS))}, not {preset!r}")
    transport = Transport(l1)
    chain_id = int(transport.request("eth_chainId"), 16)
    client = L1Client(l1, chain_id, transport=transport, poll=0.2)
    made = deployments.deploy(
        client,
        signer,
        PRESETS[preset],
        sequencer=signer.address if sequencer is None else address(sequencer, "--sequencer"),
        guardian=ZERO_ADDRESS if guardian is None else address(guardian, "--guardian"),
    )
    made.save(out)
    names = ("rollup", "game", "vault", "programs", "machine", "sequencer")
    rows = [(name, address_text(getattr(made, name))) for name in names]
    title = f"preset {preset} on chain {chain_id}, written to {out}"
    report.CONSOLE.print(report.table(title, rows))


def address(text: str, flag: str) -> Address:
    """An address given on the command line.

    Raises:
        ConfigError: when it is none.
    """
    try:
        raw = bytes.fromhex(text.removeprefix("0x"))
    except ValueError:
        raw = b""
    if len(raw) != 20:
        raise ConfigError(f"{flag} is an address of 20 bytes in hex, not {text!r}")
    return Address(raw)
