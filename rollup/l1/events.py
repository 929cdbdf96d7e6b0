"""What the rollup tells of batches and claims, as frozen dataclasses."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from prover.commit.keccak import ZERO_HASH, Hash, tagged
from prover.commit.tags import Tag
from rollup.l1.bound import Place
from rollup.protocol.header import Header
from rollup.protocol.types import Address, BatchNumber, Seconds


@dataclass(frozen=True, slots=True)
class BatchPosted:
    """A batch is on L1."""

    header: Header
    place: Place


@dataclass(frozen=True, slots=True)
class ChunkPublished:
    """A chunk is the input of ``place.transaction``; ``data_hash`` is the poster's with it."""

    poster: Address
    data_hash: Hash
    chunk_hash: Hash
    place: Place


@dataclass(frozen=True, slots=True)
class BatchConfirmed:
    """A batch is final."""

    number: BatchNumber
    header_hash: Hash
    place: Place


@dataclass(frozen=True, slots=True)
class ClaimChallenged:
    """A game was opened on the claim of the receipt at ``index`` of batch ``number``."""

    claim: Hash
    challenger: Address
    number: BatchNumber
    index: int
    place: Place


def posted_header(values: dict[str, Any]) -> Header:
    """The header that a BatchPosted event tells."""
    return Header(
        BatchNumber(values["number"]),
        Hash(values["parent"]),
        Hash(values["history"]),
        Seconds(values["posted"]),
        values["receipts"],
        Hash(values["batchRoot"]),
        Hash(values["dataHash"]),
        values["inbox"],
        values["seen"],
        values["taken"],
        Hash(values["inboxRoot"]),
    )


def chunks_behind(
    published: Sequence[ChunkPublished], data_hash: Hash
) -> list[ChunkPublished] | None:
    """Those of one poster's chunks, given in order, that ``data_hash`` is the running hash of.

    A chunk either goes on from the one before or, after a post or a discard, starts again. None
    when the chunks do not lead to the hash.
    """
    chain: list[ChunkPublished] = []
    for chunk in published:
        running = chain[-1].data_hash if chain else ZERO_HASH
        if chunk.data_hash != tagged(Tag.CHUNK, running, chunk.chunk_hash):
            chain = []
        chain.append(chunk)
        if chunk.data_hash == data_hash:
            return chain
    return None
