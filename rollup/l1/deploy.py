"""Deploys the contracts of a preset, verifies what stands, and keeps where in a file.

The contracts refer to each other by immutable addresses, so each is created at the address that
the deployer's nonces predict. What stands is then read back and compared with the preset.
"""

from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Final

from rollup.errors import ConfigError, DocumentError
from rollup.files import read_json, write_json
from rollup.l1.accounts import Signer, created_address
from rollup.l1.artifacts import load
from rollup.l1.bound import Bound
from rollup.l1.chain import BlockNumber
from rollup.l1.client import L1Client
from rollup.l1.contracts import ProgramsContract, RollupContract, VaultContract
from rollup.l1.errors import DeploymentError, UnknownContract
from rollup.l1.game import GameContract
from rollup.protocol.claims import TENSOR_KIND
from rollup.protocol.eip712 import Domain
from rollup.protocol.presets import PRESETS, Preset
from rollup.protocol.types import ZERO_ADDRESS, Address, address_text

FORMAT: Final = 1
_CONTRACTS: Final = {
    "programs": "Programs",
    "machine": "TensorMachine",
    "vault": "StakeVault",
    "rollup": "Rollup",
    "game": "DisputeGame",
}
"""Fields of a Deployment and what stands there, in the order of their creation."""


@dataclass(frozen=True, slots=True)
class Deployment:
    """Where a ledger's contracts stand. ``block`` is an L1 block before all of their events."""

    chain_id: int
    preset: str
    block: BlockNumber
    sequencer: Address
    guardian: Address
    programs: Address
    machine: Address
    vault: Address
    rollup: Address
    game: Address

    @property
    def domain(self) -> Domain:
        """What receipts of this ledger are signed for."""
        return Domain(self.chain_id, self.rollup)

    @property
    def parameters(self) -> Preset:
        """The preset by its name.

        Raises:
            ConfigError: when this version knows no such preset.
        """
        try:
            return PRESETS[self.preset]
        except KeyError:
            known = ", ".join(sorted(PRESETS))
            raise ConfigError(
                f"the deployment's preset {self.preset!r} is unknown; known are {known}"
            ) from None

    def save(self, path: Path) -> None:
        """Writes the deployment file, whole or not at all.

        Raises:
            ConfigError: when it cannot be written.
        """
        values: dict[str, Any] = {"format": FORMAT}
        for name, value in asdict(self).items():
            values[name] = address_text(Address(value)) if isinstance(value, bytes) else value
        write_json(path, values)


@dataclass(frozen=True, slots=True)
class Contracts:
    """The contracts of a deployment behind one client."""

    deployment: Deployment
    client: L1Client
    rollup: RollupContract
    vault: VaultContract
    game: GameContract
    programs: ProgramsContract


def read(path: Path) -> Deployment:
    """The deployment that a file describes.

    Raises:
        ConfigError: when the file cannot be read.
        DocumentError: when it is damaged, or none of ours.
    """
    advice = "deploy, or name the right file"
    raw = read_json(path, "deployment file")
    if not isinstance(raw, dict) or raw.get("format") != FORMAT:
        raise DocumentError(f"{path} is no deployment file of format {FORMAT}; {advice}")
    values: dict[str, Any] = {}
    for field in fields(Deployment):
        try:
            values[field.name] = _field(raw[field.name], field.type)
        except (KeyError, TypeError, ValueError) as error:
            kind = getattr(field.type, "__name__", field.type)
            raise DocumentError(
                f"{path} is damaged: {field.name} is missing or no {kind}; {advice}"
            ) from error
    return Deployment(**values)


def deploy(
    client: L1Client,
    signer: Signer,
    preset: Preset,
    *,
    sequencer: Address,
    guardian: Address = ZERO_ADDRESS,
) -> Deployment:
    """Creates the contracts of ``preset`` from ``signer``'s account and verifies them.

    Raises:
        DeploymentError: when another transaction of the account came in between, or what stands is
            not what was asked for.
        L1Error: as the client does.
    """
    client.check_chain()
    block = client.head().number
    nonce = client.nonce(signer.address, pending=True)
    at = {
        name: created_address(signer.address, nonce + place)
        for place, name in enumerate(_CONTRACTS)
    }
    deployment = Deployment(client.chain_id, preset.name, block, sequencer, guardian, **at)
    for name, values in _arguments(deployment, preset).items():
        artifact = load(_CONTRACTS[name])
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
    for name, artifact_name in _CONTRACTS.items():
        client.check_code(getattr(deployment, name), artifact_name)
    return Contracts(
        deployment,
        client,
        RollupContract(client, deployment.rollup),
        VaultContract(client, deployment.vault),
        GameContract(client, deployment.game),
        ProgramsContract(client, deployment.programs),
    )


def verify(client: L1Client, deployment: Deployment, preset: Preset) -> Contracts:
    """The contracts, shown to be our code, wired to each other, with the preset's numbers.

    Raises:
        UnknownContract: when code is missing or another.
        DeploymentError: naming the first value that differs.
    """
    contracts = connect(client, deployment)
    for name, artifact_name in _CONTRACTS.items():
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
    for contract, getter, arguments, expected in _wiring(contracts, preset):
        found = contract.read(getter, *arguments)
        if found != expected:
            raise DeploymentError(
                f"{contract.artifact.name}.{getter} is {found}, the preset {preset.name} and the"
                f" deployment file say {expected}: check the deployment file"
            )
    return contracts


def _arguments(deployment: Deployment, preset: Preset) -> dict[str, tuple[Any, ...]]:
    """Constructor arguments by field, in the order of creation."""
    at = {name: address_text(getattr(deployment, name)) for name in _CONTRACTS}
    game = (
        preset.k,
        preset.clock,
        preset.grace,
        preset.challenge_bond,
        preset.burn_bps,
        preset.gas_a_move,
        preset.base_fee_cap,
        at["vault"],
        address_text(deployment.guardian),
        preset.max_pause,
        [(at["rollup"], at["machine"])],
    )
    rollup = (
        address_text(deployment.sequencer),
        preset.window,
        TENSOR_KIND,
        at["vault"],
        at["game"],
        at["programs"],
        _caps(preset),
    )
    return {
        "programs": (at["game"],),
        "machine": (),
        "vault": (preset.bond, preset.unbonding, at["game"], [at["rollup"]]),
        "rollup": (rollup,),
        "game": (game,),
    }


def _wiring(contracts: Contracts, preset: Preset) -> list[tuple[Bound, str, tuple[Any, ...], Any]]:
    """(contract, getter, its arguments, what it must answer)."""
    deployment = contracts.deployment
    at = {name: address_text(getattr(deployment, name)).lower() for name in _CONTRACTS}
    rollup, vault, game = contracts.rollup, contracts.vault, contracts.game
    return [
        (rollup, "SEQUENCER", (), address_text(deployment.sequencer).lower()),
        (rollup, "WINDOW", (), preset.window),
        (rollup, "KIND", (), TENSOR_KIND),
        (rollup, "VAULT", (), at["vault"]),
        (rollup, "GAME", (), at["game"]),
        (rollup, "PROGRAMS", (), at["programs"]),
        (rollup, "caps", (), _caps(preset)),
        (vault, "BOND", (), preset.bond),
        (vault, "UNBONDING", (), preset.unbonding),
        (vault, "GAME", (), at["game"]),
        (vault, "isHost", (at["rollup"],), True),
        (game, "K", (), preset.k),
        (game, "CLOCK", (), preset.clock),
        (game, "GRACE", (), preset.grace),
        (game, "CHALLENGE_BOND", (), preset.challenge_bond),
        (game, "BURN_BPS", (), preset.burn_bps),
        (game, "GAS_PER_MOVE", (), preset.gas_a_move),
        (game, "BASE_FEE_CAP", (), preset.base_fee_cap),
        (game, "VAULT", (), at["vault"]),
        (game, "GUARDIAN", (), address_text(deployment.guardian).lower()),
        (game, "MAX_PAUSE", (), preset.max_pause),
        (game, "kinds", (TENSOR_KIND,), (at["rollup"], at["machine"])),
    ]


def _caps(preset: Preset) -> tuple[int, int, int, int]:
    return (
        preset.max_claim_work,
        preset.max_claim_words,
        preset.max_claim_rows,
        preset.max_claim_steps,
    )


def _field(value: Any, kind: Any) -> Any:
    if kind is Address:
        if not isinstance(value, str):
            raise TypeError(value)
        address = bytes.fromhex(value.removeprefix("0x"))
        if len(address) != 20:
            raise ValueError(value)
        return Address(address)
    if kind is str:
        if not isinstance(value, str):
            raise TypeError(value)
        return value
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise TypeError(value)
    return value
