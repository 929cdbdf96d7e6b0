"""A receipt of a batch as L1 wants it shown: the arguments of ``Rollup.challenge`` and its kin."""

from collections.abc import Sequence

from prover.commit import merkle
from prover.commit.tags import Tag
from rollup.errors import Refused
from rollup.protocol import bundle as bundles
from rollup.protocol.batch import Batch
from rollup.protocol.eip712 import Signature
from rollup.protocol.entries import SignedBundle
from rollup.protocol.header import Header
from rollup.protocol.receipts import Work
from rollup.protocol.types import Hash

HeaderTuple = tuple[int, bytes, bytes, int, int, bytes, bytes, int, int, int, bytes]
WorkTuple = tuple[int, int, int, int, bytes, bytes, int, int, bytes, bytes, bytes, bytes]
PlaceTuple = tuple[int, int, int, list[bytes]]
Opening = tuple[HeaderTuple, bool, int, list[bytes], WorkTuple, PlaceTuple, bytes]
"""The contract's struct ``Opening``, its structs as tuples in the order of their fields."""


def header_tuple(header: Header) -> HeaderTuple:
    """The contract's struct ``Header``."""
    return (
        header.number,
        header.parent,
        header.history,
        header.posted,
        header.receipts,
        header.root,
        header.data_hash,
        header.inbox,
        header.seen,
        header.taken,
        header.inbox_root,
    )


def work_tuple(work: Work) -> WorkTuple:
    """The contract's struct ``Work``."""
    return (
        work.kind,
        work.account,
        work.nonce,
        work.slot,
        work.defender,
        work.program,
        work.first_step,
        work.steps,
        work.params,
        work.inputs,
        work.params_after,
        work.outputs,
    )


def opening(header: Header, batch: Batch, index: int) -> Opening:
    """Receipt ``index`` of ``batch``, which is the batch of ``header``.

    Raises:
        IndexError: when the batch has no such receipt.
        Refused: when it is no Work: only Work claims something that L1 can judge.
    """
    entry, place = batch.place(index)
    receipt = entry.receipts[place]
    if not isinstance(receipt, Work):
        raise Refused("no-claim", f"receipt {index} of batch {header.number} claims no computation")
    stands: PlaceTuple = (0, 0, 0, [])
    if isinstance(entry, SignedBundle):
        siblings = [bytes(node) for node in bundles.path(entry.receipts, place)]
        stands = (entry.bundle.count, entry.bundle.nonce, place, siblings)
    path = [bytes(node) for node in batch.path(index)]
    return header_tuple(header), False, index, path, work_tuple(receipt), stands, entry.signature


def forced_opening(
    header: Header, index: int, leaves: Sequence[Hash], work: Work, signature: Signature
) -> Opening:
    """Entry ``index`` of those that the batch took, which is ``work`` with its signature.

    ``leaves`` are all the inbox leaves that the batch took, in order.
    """
    path = [bytes(node) for node in merkle.path(leaves, index, Tag.ENTRY_NODE)]
    stands: PlaceTuple = (0, 0, 0, [])
    return header_tuple(header), True, index, path, work_tuple(work), stands, signature
