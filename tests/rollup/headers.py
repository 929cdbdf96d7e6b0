"""Headers as L1 makes them: one after the other, in memory and on a chain."""

from collections.abc import Sequence

from prover.commit import merkle
from prover.commit.keccak import ZERO_HASH
from prover.commit.tags import Tag
from rollup.l1.deploy import Contracts
from rollup.protocol.header import Header, genesis
from rollup.protocol.history import Mountains
from rollup.protocol.ledger.inbox import InboxEntry
from rollup.protocol.types import BatchNumber, Hash, Seconds


def following(
    headers: Sequence[Header],
    receipts: int = 0,
    root: Hash = ZERO_HASH,
    data_hash: Hash = ZERO_HASH,
    posted: int = 1_234,
    taken: Sequence[InboxEntry] = (),
    seen: int | None = None,
) -> Header:
    """The header after these, which begin with genesis; `seen` is all that was taken, or more."""
    last = headers[-1]
    inbox = last.inbox + len(taken)
    return Header(
        BatchNumber(last.number + 1),
        last.hash,
        Mountains.of([header.hash for header in headers]).hash,
        Seconds(posted),
        receipts,
        root,
        data_hash,
        inbox,
        inbox if seen is None else seen,
        len(taken),
        merkle.root([entry.leaf for entry in taken], Tag.ENTRY_NODE),
    )


def newest(contracts: Contracts) -> tuple[Header, tuple[Hash, ...]]:
    """The newest header on L1, and the peaks behind its history: what a post goes on from."""
    last = contracts.client.head().number
    posted = contracts.rollup.batches(contracts.deployment.block, last)
    headers = [genesis(contracts.deployment.domain), *(one.header for one in posted)]
    return headers[-1], Mountains.of([header.hash for header in headers[:-1]]).peaks
