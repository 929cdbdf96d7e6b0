"""Blocks, logs and mined transactions, as JSON-RPC tells them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, NewType

from prover.commit.keccak import Hash
from rollup.protocol.types import Address, Gas, Wei

FORK: Final = "prague"
"""Rules of development chains."""
GAS_LIMIT: Final = 36_000_000
"""Of a development chain's blocks."""

BlockNumber = NewType("BlockNumber", int)
"""Number of an L1 block."""

At = BlockNumber | Hash
"""The state after which block: by number, or by hash, which a reorganisation cannot change."""

NO_WEI: Final = Wei(0)


@dataclass(frozen=True, slots=True)
class Block:
    """A block's place and time (seconds since the epoch), and its base fee (wei a gas)."""

    number: BlockNumber
    hash: Hash
    parent: Hash
    timestamp: int
    base_fee: Wei


@dataclass(frozen=True, slots=True)
class Log:
    """One log as it came."""

    address: Address
    topics: tuple[bytes, ...]
    data: bytes
    block: BlockNumber
    block_hash: Hash
    transaction: Hash
    index: int


@dataclass(frozen=True, slots=True)
class Mined:
    """A transaction in a block: gas used, wei paid a gas, the contract it created, its logs."""

    hash: Hash
    block: BlockNumber
    block_hash: Hash
    gas_used: Gas
    price: Wei
    created: Address | None
    logs: tuple[Log, ...]
    succeeded: bool


def to_hex(value: bytes) -> str:
    """Bytes as JSON-RPC writes them."""
    return "0x" + value.hex()


def from_hex(text: str) -> bytes:
    """The bytes of 0x-prefixed hex."""
    return bytes.fromhex(text[2:])


def tag_of(at: At | None) -> Any:
    """A block as a parameter of calls; the newest when None."""
    if at is None:
        return "latest"
    return {"blockHash": to_hex(at)} if isinstance(at, bytes) else hex(at)


def topic_filter(topic: bytes | Sequence[bytes] | None) -> Any:
    """One place of a log filter: anything, one topic, or any of several."""
    if topic is None or isinstance(topic, bytes):
        return None if topic is None else to_hex(topic)
    return [to_hex(choice) for choice in topic]


def parse_block(raw: dict[str, Any]) -> Block:
    """A block's fields."""
    return Block(
        BlockNumber(int(raw["number"], 16)),
        Hash(from_hex(raw["hash"])),
        Hash(from_hex(raw["parentHash"])),
        int(raw["timestamp"], 16),
        Wei(int(raw["baseFeePerGas"], 16)),
    )


def parse_log(raw: dict[str, Any]) -> Log:
    """A log's fields."""
    return Log(
        Address(from_hex(raw["address"])),
        tuple(from_hex(topic) for topic in raw["topics"]),
        from_hex(raw["data"]),
        BlockNumber(int(raw["blockNumber"], 16)),
        Hash(from_hex(raw["blockHash"])),
        Hash(from_hex(raw["transactionHash"])),
        int(raw["logIndex"], 16),
    )


def parse_mined(raw: dict[str, Any]) -> Mined:
    """A receipt's fields."""
    created = raw.get("contractAddress")
    return Mined(
        Hash(from_hex(raw["transactionHash"])),
        BlockNumber(int(raw["blockNumber"], 16)),
        Hash(from_hex(raw["blockHash"])),
        Gas(int(raw["gasUsed"], 16)),
        Wei(int(raw["effectiveGasPrice"], 16)),
        Address(from_hex(created)) if created else None,
        tuple(parse_log(log) for log in raw["logs"]),
        int(raw["status"], 16) == 1,
    )
