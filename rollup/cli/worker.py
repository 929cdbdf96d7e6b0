"""plumbline worker run: do jobs, submit their receipts, defend their claims."""

from pathlib import Path
from typing import Annotated

import typer

from rollup.cli import keys, options

app = typer.Typer(rich_markup_mode=None, help="Compute, claim and defend.")


@app.command()
def run(
    job_file: Annotated[
        Path | None,
        typer.Option(
            "--jobs",
            envvar="PLUMBLINE_JOBS",
            help="JSON list of jobs (docs/programs.md). Unless given: defend earlier claims.",
        ),
    ] = None,
    l1: options.L1 = options.DEFAULT_L1,
    deployment: options.DeploymentFile = options.DEFAULT_DEPLOYMENT,
    gateway: options.Gateway = options.DEFAULT_GATEWAY,
    content: options.Content = options.DEFAULT_CONTENT,
    backend: options.Backend = "numba",
    threads: options.Threads = None,
    checkpoint_every: options.CheckpointEvery = None,
    checkpoint_budget: options.CheckpointBudget = None,
    defend: Annotated[
        bool,
        typer.Option(envvar="PLUMBLINE_DEFEND", help="Stay and answer disputes until interrupted."),
    ] = True,
    poll: options.Poll = 1.0,
    patience: options.Patience = options.DEFAULT_PATIENCE,
    keystore: options.Keystore = None,
    password_file: options.PasswordFile = None,
    unsafe_key: options.UnsafeKey = None,
    unsafe_dev_account: options.UnsafeDevAccount = None,
    log_format: options.LogFormat = "text",
    json: options.Json = None,
) -> None:
    """Run jobs, sign receipts, and defend them.

    What the jobs leave is kept in the folder of content. Runs until interrupted, if it defends.
    Started again without --jobs it goes on defending, and claims nothing.
    """
    from prover.content import ContentStore
    from rollup import files, jobs, parties, report, session
    from rollup.client import GatewayClient
    from rollup.errors import ConfigError
    from rollup.protocol.types import Wei
    from rollup.worker import Executor

    report.start_logging(log_format)
    if job_file is None and not defend:
        raise ConfigError("there is nothing to do; name --jobs, or leave out --no-defend")
    listed = jobs.read(job_file) if job_file else []
    signer = keys.load_signer(keystore, password_file, unsafe_key, unsafe_dev_account)
    chosen = parties.backend(backend, threads)
    client = GatewayClient(gateway, patience=patience)
    contracts = session.connect(l1, deployment)
    if defend:
        session.funded(contracts, signer, Wei(1), "defending claims")
    me = parties.identity(contracts, signer)
    parties.check_jobs(contracts, listed)
    kept = parties.keeping(contracts, content, signer.address, checkpoint_every, checkpoint_budget)
    shown = report.Meter()
    if listed:
        with shown:
            execute = Executor(chosen, kept, shown)
            done = parties.work(listed, me, client, ContentStore(content), execute)
        files.write_json(json, done)
    if defend:
        with session.serving():
            follower = parties.follower(contracts)
            traces = parties.traces(follower, content, chosen, kept, shown)
            look = parties.defence(contracts, signer, follower, traces, kept, shown)
            session.repeat(look, poll, patience)
