"""What a command works with: a chain, a deployment's contracts, the folder of content."""

import time
from collections.abc import Callable
from pathlib import Path

from prover.backends import UnknownBackendError, backend
from prover.content import ContentStore
from rollup.errors import ConfigError, L1Unavailable
from rollup.follower import Follower
from rollup.l1 import deploy
from rollup.l1.client import L1Client
from rollup.l1.deploy import Contracts
from rollup.l1.view import ContractView
from rollup.traces import ContentTraces


def connect(
    l1: str, deployment_file: Path, *, confirmations: int = 1, poll: float = 0.5
) -> Contracts:
    """The contracts that a deployment file names, on the chain at `l1`, after a look at both.

    Raises:
        DeploymentError, WrongChain, UnknownContract, L1Unavailable: as their names say.
    """
    deployment = deploy.read(deployment_file)
    client = L1Client(l1, deployment.chain_id, confirmations=confirmations, poll=poll)
    return deploy.connect(client, deployment)


def follower(contracts: Contracts) -> Follower:
    """A follower of the deployment's batches."""
    deployment = contracts.deployment
    return Follower(ContractView(contracts), deployment.domain, deployment.parameters)


def traces(at: Follower, content: Path, backend_name: str) -> ContentTraces:
    """Traces from a folder of content.

    Raises:
        ConfigError: when there is no such backend.
    """
    try:
        chosen = backend(backend_name)
    except UnknownBackendError as error:
        raise ConfigError(f"--backend: {error}") from error
    return ContentTraces(at, ContentStore(content), chosen)


def repeat(act: Callable[[], bool], poll: float, patience: float = 60.0) -> None:
    """Calls `act` every `poll` seconds until it says that it is done.

    An L1 that does not answer is waited for, up to `patience` seconds without one good round.

    Raises:
        L1Unavailable: when L1 stayed away for longer.
    """
    good = time.monotonic()
    while True:
        try:
            if act():
                return
            good = time.monotonic()
        except L1Unavailable:
            if time.monotonic() - good > patience:
                raise
        time.sleep(poll)
