"""Deploys the contracts of a preset, and verifies what stands.

The contracts refer to each other by immutable addresses, so each is created at the address that
the deployer's nonces predict. What stands is then read back and compared with the preset.
"""

from dataclasses import dataclass

from rollup.l1.accounts import Signer, created_address
from rollup.l1.artifacts import load
from rollup.l1.assertions import AssertionsContract
from rollup.l1.client import L1Client
from rollup.l1.contracts import RollupContract
from rollup.l1.deployment import CONTRACTS, Deployment
from rollup.l1.errors import DeploymentError, UnknownContract
from rollup.l1.game import GameContract
from rollup.l1.jobs import JobsContract
from rollup.l1.rewards import RewardsContract
from rollup.l1.token import TokenContract
from rollup.l1.vault import ProgramsContract, VaultContract
from rollup.l1.wiring import arguments, facts
from rollup.protocol.presets import Preset
from rollup.protocol.types import ZERO_ADDRESS, Address, address_text


@dataclass(frozen=True, slots=True)
class Contracts:
    """The contracts of a deployment behind one client."""

    deployment: Deployment
    client: L1Client
    rollup: RollupContract
    vault: VaultContract
    game: GameContract
    programs: ProgramsContract
    assertions: AssertionsContract
    rewards: RewardsContract
    jobs: JobsContract
    token: TokenContract


def deploy(
    client: L1Client,
    signer: Signer,
    preset: Preset,
    *,
    sequencer: Address,
    guardian: Address = ZERO_ADDRESS,
    governor: Address | None = None,
    token: Address | None = None,
) -> Deployment:
    """Creates the contracts of ``preset`` from ``signer``'s account and verifies them.

    Args:
        governor: who opens jobs and sets the rules of rewards; the signer if nobody is named.
        token: an ERC-20 of 18 decimals that rewards are paid in; without one, a development token
            is made that anybody mints and that is worth nothing.

    Raises:
        DeploymentError: when another transaction of the account came in between, or what stands is
            not what was asked for.
        L1Error: as the client does.
    """
    client.check_chain()
    block = client.head().number
    nonce = client.nonce(signer.address, pending=True)
    created = [name for name in CONTRACTS if name != "token" or token is None]
    at = {
        name: created_address(signer.address, nonce + place) for place, name in enumerate(created)
    }
    if token is not None:
        client.check_code(token, "the token")
        at["token"] = token
    deployment = Deployment(
        client.chain_id, preset.name, block, sequencer, guardian, governor or signer.address, **at
    )
    values_of = arguments(deployment, preset)
    for name in created:
        values, artifact = values_of[name], load(CONTRACTS[name])
        mined = client.transact(
            signer, None, artifact.creation(*values), name=f"create {artifact.name}"
        )
        if mined.created != at[name]:
            raise DeploymentError(
                f"{artifact.name} went to another address than planned: another transaction of"
                f" {address_text(signer.address)} came in between; deploy again"
            )
    verify(client, deployment, preset)
    return deployment


def connect(client: L1Client, deployment: Deployment) -> Contracts:
    """The contracts of a deployment, after a look that they are there.

    Raises:
        WrongChain: when the endpoint serves another chain than the deployment's.
        UnknownContract: when one of the addresses holds no code.
    """
    client.check_chain()
    for name, artifact_name in CONTRACTS.items():
        client.check_code(getattr(deployment, name), artifact_name)
    return Contracts(
        deployment,
        client,
        RollupContract(client, deployment.rollup),
        VaultContract(client, deployment.vault),
        GameContract(client, deployment.game),
        ProgramsContract(client, deployment.programs),
        AssertionsContract(client, deployment.assertions),
        RewardsContract(client, deployment.rewards),
        JobsContract(client, deployment.jobs),
        TokenContract(client, deployment.token),
    )


def verify(client: L1Client, deployment: Deployment, preset: Preset) -> Contracts:
    """The contracts, shown to be our code, wired to each other, with the preset's numbers.

    Raises:
        UnknownContract: when code is missing or another.
        DeploymentError: naming the first value that differs.
    """
    contracts = connect(client, deployment)
    for name, artifact_name in CONTRACTS.items():
        if name == "token":
            continue  # it may be anybody's; the rewards' own code made sure of what it needs
        address = getattr(deployment, name)
        code, runtime = client.code(address), load(artifact_name).runtime
        # Immutables are zeros in the artifact; everything else must be equal.
        same = len(code) == len(runtime) and all(
            ours in (0, theirs) for ours, theirs in zip(runtime, code, strict=True)
        )
        if not same:
            raise UnknownContract(
                f"the code at {address_text(address)} is not this version's {artifact_name}"
            )
    for name, getter, values, expected in facts(deployment, preset):
        found = getattr(contracts, name).read(getter, *values)
        if found != expected:
            raise DeploymentError(
                f"{CONTRACTS[name]}.{getter} is {found}, the preset {preset.name} and the"
                f" deployment file say {expected}: check the deployment file"
            )
    return contracts
