"""plumbline job open: what training or inference the ledger scores."""

from typing import Annotated

import typer

from rollup.cli import keys, options

app = typer.Typer(rich_markup_mode=None, help="Jobs that claims are settled as.")


@app.command("open")
def open_job(
    program: Annotated[str, typer.Argument(help="The registered program's id.")],
    params: Annotated[
        str,
        typer.Option(envvar="PLUMBLINE_PARAMS", help="Root of what it starts from, 0x..."),
    ],
    inputs: Annotated[
        str | None,
        typer.Option(
            envvar="PLUMBLINE_INPUTS",
            help="Root of its data. Unless given: any, and then no training is scored.",
        ),
    ] = None,
    first_step: Annotated[
        int,
        typer.Option(
            envvar="PLUMBLINE_FIRST_STEP", help="Step it starts at.", min=0, max=2**64 - 1
        ),
    ] = 0,
    l1: options.L1 = options.DEFAULT_L1,
    deployment: options.DeploymentFile = options.DEFAULT_DEPLOYMENT,
    keystore: options.Keystore = None,
    password_file: options.PasswordFile = None,
    unsafe_key: options.UnsafeKey = None,
    unsafe_dev_account: options.UnsafeDevAccount = None,
    json: options.Json = None,
) -> None:
    """Open a job, as the deployment's governor.

    Claims of it count in batches that are posted after its program was registered.
    """
    from prover.commit.keccak import ZERO_HASH
    from rollup import files, report, session

    named = options.hash_of(program, "PROGRAM")
    start = options.hash_of(params, "--params")
    data = ZERO_HASH if inputs is None else options.hash_of(inputs, "--inputs")
    signer = keys.load_signer(keystore, password_file, unsafe_key, unsafe_dev_account)
    contracts = session.connect(l1, deployment)
    job, mined = contracts.jobs.open(signer, named, first_step, data, start)
    found = {"job": job, "program": "0x" + named.hex(), "gas": mined.gas_used}
    report.CONSOLE.print(report.facts("job opened", found))
    files.write_json(json, found)
