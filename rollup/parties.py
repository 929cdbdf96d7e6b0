"""Parties put together over a deployed ledger: what commands and the demo both run."""

import logging
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any, Final

from bisection.events import Events
from bisection.machine import TraceFactory
from prover.backends import Backend, DeviceError, UnknownBackendError
from prover.backends import backend as backend_of
from prover.checkpoints import Checkpoints
from prover.content import ContentStore
from prover.native.threads import available
from prover.record import Keeping
from rollup import session
from rollup.client import GatewayClient
from rollup.errors import ConfigError, VoidClaim
from rollup.follower import Follower
from rollup.jobs import Job
from rollup.l1.accounts import LocalSigner
from rollup.l1.deploy import Contracts
from rollup.l1.game_port import ContractGames
from rollup.l1.view import ContractView
from rollup.protocol.claims import check_steps
from rollup.protocol.documents import text
from rollup.protocol.types import Address
from rollup.traces import ContentTraces
from rollup.validator import Defender, Upkeep
from rollup.worker import Execute, Identity, Worker

EVENTS: Final = Events(logging.getLogger(__name__))


def backend(name: str, threads: int | None = None) -> Backend:
    """The backend that a flag names, on so many threads; None for all processors there are.

    Raises:
        ConfigError: when there is none of that name, or it lacks what it runs on.
    """
    try:
        return backend_of(name, threads=threads or available())
    except (UnknownBackendError, DeviceError) as error:
        raise ConfigError(f"--backend: {error}") from error


def follower(contracts: Contracts) -> Follower:
    """A follower of the deployment's batches."""
    deployment = contracts.deployment
    return Follower(ContractView(contracts), deployment.domain, deployment.parameters)


def keeping(
    contracts: Contracts, content: Path, owner: Address, every: int | None, budget: int | None
) -> Keeping:
    """Where a party keeps checkpoints: under its folder of content, in a folder of its own.

    `every` as for a `prover.record.Recorder`; `budget` in bytes, None for the preset's.
    """
    if budget is None:
        budget = contracts.deployment.parameters.checkpoint_budget
    return Keeping(Checkpoints(content / "checkpoints" / owner.hex(), budget), every)


def traces(
    at: Follower,
    content: Path,
    chosen: Backend,
    kept: Keeping | None = None,
    progress: Callable[[str, int, int], None] | None = None,
) -> ContentTraces:
    """Traces of a follower's claims from a folder of content."""
    return ContentTraces(at, ContentStore(content), chosen, keeping=kept, progress=progress)


def identity(contracts: Contracts, signer: LocalSigner) -> Identity:
    """The signer's account with its live slots, as L1 has them now.

    Raises:
        ConfigError: when it has no account.
    """
    session.account(contracts, signer.address)
    account, live = session.live_slots(contracts, signer.address)
    return Identity(signer.key, contracts.deployment.domain, account, live)


def check_jobs(contracts: Contracts, jobs: Sequence[Job]) -> None:
    """That claims as the jobs make them will count, before anything is computed.

    Raises:
        VoidClaim: when those of a job would not; see `check_steps`.
    """
    preset = contracts.deployment.parameters
    for number, job in enumerate(jobs):
        known = contracts.programs.info(job.program)
        last = job.first_step + (job.claims - 1) * job.claim_steps
        try:
            check_steps(job.program, last, job.claim_steps, known, preset)
        except VoidClaim as error:
            instead = (
                "`plumbline program register` does that"
                if known is None
                else ("take fewer claimSteps, and more claims, if one step is within the bounds")
            )
            raise VoidClaim(error.code, f"job {number}: {error}; {instead}") from error


def work(
    jobs: Sequence[Job],
    me: Identity,
    client: GatewayClient,
    content: ContentStore,
    execute: Execute,
) -> dict[str, Any]:
    """Runs jobs and submits their receipts as they are made; a report of what was done.

    Raises:
        Refused: when the sequencer does not admit a receipt.
        GatewayUnavailable: when it cannot be reached.
        ConfigError, ContentError, NotFiniteError: see `Worker`. What was submitted before stays.
    """
    worker = Worker(content, execute, me, client.next_nonce(me.account))
    receipts: list[str] = []
    for number, job in enumerate(jobs):
        for entry in worker.run(job):
            client.submit([entry])
            receipts += [text(receipt.id) for receipt in entry.receipts]
        EVENTS.info("job.done", job=number, kind=job.kind.name.lower(), receipts=job.receipts)
    params = None if worker.params is None else text(worker.params)
    return {"account": me.account, "receipts": receipts, "params": params}


def defence(
    contracts: Contracts,
    signer: LocalSigner,
    follower: Follower,
    traces: TraceFactory,
    kept: Keeping | None = None,
    shown: AbstractContextManager[object] | None = None,
) -> Callable[[], bool]:
    """A round of defending the signer's claims; never done by itself. `shown` is around each."""
    games = ContractGames(contracts, signer, follower.opening)
    upkeep = Upkeep(follower, kept.store) if kept else None
    defender = Defender(follower, games, traces, signer.address, upkeep)

    def look() -> bool:
        with shown or nullcontext():
            defender.round()
        return False

    return look
