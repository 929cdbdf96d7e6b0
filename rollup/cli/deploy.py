"""plumbline deploy: the contracts of a preset on a chain."""

from pathlib import Path
from typing import Annotated

import typer

from rollup.cli import keys, options
from rollup.errors import ConfigError
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
    governor: Annotated[
        str | None,
        typer.Option(
            envvar="PLUMBLINE_GOVERNOR",
            help="Who opens jobs and sets reward rules; the deployer by default.",
        ),
    ] = None,
    token: Annotated[
        str | None,
        typer.Option(
            envvar="PLUMBLINE_TOKEN",
            help="The ERC-20 that rewards are paid in; minimal makes one that anybody mints.",
        ),
    ] = None,
    out: Annotated[
        Path, typer.Option(envvar="PLUMBLINE_DEPLOYMENT", help="File to write.")
    ] = options.DEFAULT_DEPLOYMENT,
    keystore: options.Keystore = None,
    password_file: options.PasswordFile = None,
    unsafe_key: options.UnsafeKey = None,
    unsafe_dev_account: options.UnsafeDevAccount = None,
) -> None:
    """Deploy and verify the contracts.

    Where they stand is written to a file that the other commands read.
    """
    from rollup import report, session
    from rollup.l1 import deploy as deployments
    from rollup.l1.deployment import CONTRACTS
    from rollup.protocol.presets import PRESETS

    signer = keys.load_signer(keystore, password_file, unsafe_key, unsafe_dev_account)
    if preset not in PRESETS:
        raise ConfigError(f"--preset is one of {', '.join(sorted(PRESETS))}, not {preset!r}")
    if preset == "mainnet" and token is None:
        raise ConfigError(
            "--preset mainnet is for what has value: name the ERC-20 of 18 decimals that rewards"
            " are paid in with --token"
        )
    if not out.parent.is_dir():
        raise ConfigError(f"--out {out}: there is no folder {out.parent}; make it first")
    poster = signer.address if sequencer is None else _address(sequencer, "--sequencer")
    pauser = ZERO_ADDRESS if guardian is None else _address(guardian, "--guardian")
    ruler = None if governor is None else _address(governor, "--governor")
    paid_in = None if token is None else _address(token, "--token")
    client = session.client(l1, poll=0.2)
    made = deployments.deploy(
        client,
        signer,
        PRESETS[preset],
        sequencer=poster,
        guardian=pauser,
        governor=ruler,
        token=paid_in,
    )
    made.save(out)
    names = (*CONTRACTS, "sequencer", "governor")
    rows = [(name, address_text(getattr(made, name))) for name in names]
    title = f"preset {preset} on chain {client.chain_id}, written to {out}"
    report.CONSOLE.print(report.table(title, rows))


def _address(text: str, flag: str) -> Address:
    try:
        raw = bytes.fromhex(text.removeprefix("0x"))
    except ValueError:
        raw = b""
    if len(raw) != 20:
        raise ConfigError(f"{flag} is an address of 20 bytes in hex, not {text!r}")
    return Address(raw)
