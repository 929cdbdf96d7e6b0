"""A contract at an address: calls and events by name, values as eth_abi has them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from prover.commit.keccak import Hash
from rollup.l1.accounts import Signer
from rollup.l1.artifacts import Artifact, load
from rollup.l1.chain import NO_WEI, At, BlockNumber, Log, Mined
from rollup.l1.client import L1Client
from rollup.protocol.types import Address, Wei, address_text


@dataclass(frozen=True, slots=True)
class Place:
    """Where an event stands on L1."""

    block: BlockNumber
    block_hash: Hash
    transaction: Hash
    index: int


class Bound:
    """A contract at an address, behind a client."""

    artifact_name = ""

    def __init__(self, client: L1Client, address: Address) -> None:
        self.client = client
        self.address = address
        self.artifact: Artifact = load(self.artifact_name)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({address_text(self.address)})"

    def read(self, name: str, *values: Any, block: At | None = None) -> Any:
        """What a view answers: the one value, or a tuple of them.

        Raises:
            Reverted: when the contract refuses.
        """
        function = self.artifact.functions[name]
        data = self.client.call(
            self.address, function.encode(*values), name=self._named(name), block=block
        )
        results = function.decode_outputs(data)
        return results[0] if len(results) == 1 else results

    def check(self, name: str, *values: Any, sender: Address, value: Wei = NO_WEI) -> None:
        """Tries a call without sending it.

        Raises:
            Reverted: when the contract would refuse it.
        """
        data = self.artifact.functions[name].encode(*values)
        self.client.call(self.address, data, name=self._named(name), sender=sender, value=value)

    def send(self, signer: Signer, name: str, *values: Any, value: Wei = NO_WEI) -> Mined:
        """Calls a function in a transaction; see ``L1Client.transact`` for the errors."""
        data = self.artifact.functions[name].encode(*values)
        return self.client.transact(signer, self.address, data, name=self._named(name), value=value)

    def events(
        self,
        name: str,
        first: BlockNumber,
        last: BlockNumber,
        topics: Sequence[bytes | Sequence[bytes] | None] = (),
    ) -> list[tuple[dict[str, Any], Place]]:
        """Events of one name in blocks first..last, oldest first: values by name, and places.

        ``topics`` are those after the event's own: 32 bytes each, None for any.
        """
        event = self.artifact.event(name)
        logs = self.client.logs(self.address, [event.key, *topics], first, last)
        return [(event.decode_log(list(log.topics), log.data), place_of(log)) for log in logs]

    def decode(self, logs: Sequence[Log]) -> list[tuple[str, dict[str, Any]]]:
        """(name, values) of those of the logs that are this contract's events."""
        return [
            (event.name, event.decode_log(list(log.topics), log.data))
            for log in logs
            if log.address == self.address
            and (event := self.artifact.events.get(log.topics[0])) is not None
        ]

    def _named(self, name: str) -> str:
        return f"{self.artifact.name}.{name}"


def place_of(log: Log) -> Place:
    """Where a log stands."""
    return Place(log.block, log.block_hash, log.transaction, log.index)


def address_in(text: str) -> Address:
    """An address as eth_abi gives it: "0x" and 40 hex digits."""
    return Address(bytes.fromhex(text[2:]))
