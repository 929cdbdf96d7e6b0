"""plumbline worker run: do jobs, submit their receipts, defend their claims."""

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from prover import execute
from prover.backends import backend as backend_of
from prover.content import ContentStore
from rollup import jobs, parties, report, session
from rollup.cli import keys, options

app = typer.Typer(no_args_is_help=True, help="Compute, claim and defend.")


@app.command()
def run(
    job_file: Annotated[
        Path, typer.Option("--jobs", envvar="PLUMBLINE_JOBS", help="JSON list of jobs.")
    ],
    l1: options.L1 = options.DEFAULT_L1,
    deployment: options.DeploymentFile = options.DEFAULT_DEPLOYMENT,
    gateway: options.Gateway = options.DEFAULT_GATEWAY,
    content: options.Content = options.DEFAULT_CONTENT,
    backend: options.Backend = "numba",
    defend: Annotated[
        bool,
        typer.Option(envvar="PLUMBLINE_DEFEND", help="Stay and answer disputes until interrupted."),
    ] = True,
    poll: options.Poll = 1.0,
    keystore: options.Keystore = None,
    password_file: options.PasswordFile = None,
    unsafe_key: options.UnsafeKey = None,
    unsafe_dev_account: options.UnsafeDevAccount = None,
    log_format: options.LogFormat = "text",
    json: options.Json = None,
) -> None:
    """Run jobs, keep what they leave in the folder of content, and sign receipts for them."""
    report.start_logging(log_format)
    listed = jobs.read(job_file)
    signer = keys.load_signer(keystore, password_file, unsafe_key, unsafe_dev_account)
    contracts = session.connect(l1, deployment)
    follower = session.follower(contracts)
    traces = session.traces(follower, content, backend)
    done = parties.work(
        listed,
        contracts,
        signer,
        gateway,
        ContentStore(content),
        partial(execute.run, backend=backend_of(backend)),
    )
    report.write_json(json, done)
    if defend:
        session.repeat(parties.defence(contracts, signer, follower, traces), poll)
