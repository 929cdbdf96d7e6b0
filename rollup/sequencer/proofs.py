"""Where a receipt is, and its portable proof."""

import asyncio
from collections import OrderedDict
from typing import Any, Final

from rollup.errors import LostConsistency, Refused
from rollup.protocol import codec, proving
from rollup.protocol.batch import Batch
from rollup.protocol.documents import Json, text
from rollup.protocol.eip712 import Domain
from rollup.protocol.proof import Reference
from rollup.protocol.proving import Anchor
from rollup.protocol.types import Hash, ReceiptId
from rollup.store import Store, StoredBatch

_KEPT: Final = 4
"""Batches whose trees are kept: proofs are mostly asked for soon."""


class Proofs:
    """Answers from the store alone."""

    def __init__(self, store: Store, domain: Domain) -> None:
        self._store = store
        self._domain = domain
        self._batches: OrderedDict[Hash, Batch] = OrderedDict()
        """By their roots: a batch may get another number while no block holds it."""

    async def whereabouts(self, receipt: ReceiptId) -> dict[str, Any]:
        """{state, batch, index}; state is pooled, batched, posted or final.

        Raises:
            Refused: unknown-receipt.
        """
        found = await self._store.locate(receipt)
        if found is None:
            raise _unknown(receipt)
        if found.batch is None:
            return {"state": "pooled", "batch": None, "index": None}
        batch = await self._store.batch(found.batch)
        if batch is None or batch.posted is None:
            state = "batched"
        else:
            state = "final" if batch.final else "posted"
        return {"state": state, "batch": found.batch, "index": found.index}

    async def proof(self, receipt: ReceiptId) -> Json:
        """The receipt's proof, in the history of the newest batch whose post is deep in L1; of its
        own, when that is not deep yet.

        Raises:
            Refused: unknown-receipt, or not-posted.
            LostConsistency: when the stored data is not the stored batch's.
        """
        found = await self._store.locate(receipt)
        if found is None:
            raise _unknown(receipt)
        stored = None if found.batch is None else await self._store.batch(found.batch)
        if stored is None or stored.posted is None or not stored.ours:
            raise Refused("not-posted", f"receipt {text(receipt)} is on no L1 block yet; ask later")
        batch = await self._batch(stored)
        last = await self._store.last_final() or stored
        at = last.posted if last.posted and last.number > stored.number else stored.posted
        hashes = await self._store.header_hashes(at.header.number)
        reference = Reference(at.header, at.block, at.transaction)
        anchor = Anchor(self._domain, reference, hashes)
        return proving.make(batch, stored.posted.header, found.index, anchor)

    async def _batch(self, stored: StoredBatch) -> Batch:
        batch = self._batches.get(stored.root)
        if batch is None:
            data = b"".join(await self._store.chunks(stored.number))
            batch = await asyncio.to_thread(lambda: Batch.of(codec.decode(data)))
            if batch.root != stored.root:
                raise LostConsistency(f"the stored data of batch {stored.number} is not its own")
            self._batches[stored.root] = batch
            while len(self._batches) > _KEPT:
                self._batches.popitem(last=False)
        self._batches.move_to_end(stored.root)
        return batch


def _unknown(receipt: ReceiptId) -> Refused:
    return Refused("unknown-receipt", f"no receipt {text(receipt)} was accepted here")
