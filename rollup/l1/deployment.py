"""Where the contracts of a ledger stand, and the file that says so."""

from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Final

from rollup.errors import ConfigError, DocumentError
from rollup.files import read_json, write_json
from rollup.l1.chain import BlockNumber
from rollup.protocol.eip712 import Domain
from rollup.protocol.presets import PRESETS, Preset
from rollup.protocol.types import Address, address_text

FORMAT: Final = 2
CONTRACTS: Final = {
    "programs": "Programs",
    "machine": "TensorMachine",
    "ledger_machine": "LedgerMachine",
    "token": "DevToken",
    "vault": "StakeVault",
    "rollup": "Rollup",
    "assertions": "Assertions",
    "rewards": "Rewards",
    "jobs": "Jobs",
    "game": "DisputeGame",
}
"""Fields of a Deployment and what stands there, in the order of their creation. The token may be
another's, which is then not created.
"""


@dataclass(frozen=True, slots=True)
class Deployment:
    """Where a ledger's contracts stand. ``block`` is an L1 block before all of their events."""

    chain_id: int
    preset: str
    block: BlockNumber
    sequencer: Address
    guardian: Address
    governor: Address
    """Who opens jobs and sets the rules of rewards."""
    programs: Address
    machine: Address
    ledger_machine: Address
    token: Address
    vault: Address
    rollup: Address
    assertions: Address
    rewards: Address
    jobs: Address
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
