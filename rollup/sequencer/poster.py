"""Brings sealed batches to L1, each once, through crashes, reorgs and lost transactions.

The poster remembers nothing. Each step reads one consistent view of L1 and the store, and does the
next thing that they call for. Three facts make that safe at every point where the process may die
or L1 may turn back:

* A transaction is signed with its nonce and written down before it is sent. While one that was
written down may still
  be mined (its nonce is not used at the view), the same bytes are sent again and nothing new is
  signed.
* `publish` extends a running data hash and `post` takes exactly one: how much of a batch is on L1
can be read off, and a
  post of anything else reverts.
* `post` names its parent: a batch enters once, after the one that it was made for.

A post takes every inbox entry that there is, as many as a batch may take. Parent and peaks are
those of the headers that the store has recorded.

When the sequencer has been silent for long, somebody else may post. Such a batch is taken up, and
what was sealed here comes after it. What neither store nor L1 can explain (receipts on L1 that this
account posted and this store never sealed, a lasting post that is gone) is LostConsistency, and
stops the process.
"""

import logging
from collections.abc import Sequence
from typing import Final

from bisection.events import Events
from rollup.protocol.eip712 import Domain
from rollup.protocol.header import data_hashes
from rollup.protocol.types import BatchNumber
from rollup.sequencer.ports import Call, Clock, Discard, Post, Publish, RollupPort, View
from rollup.sequencer.standing import Standing
from rollup.store import Intent, Store, StoredBatch

LOG: Final = Events(logging.getLogger(__name__))

_SLOWEST: Final = 600.0
"""Seconds between two attempts at a batch that L1 keeps refusing."""


class Poster:
    """One account's poster. Call `step` again and again; each call makes one move at the most."""

    def __init__(
        self,
        store: Store,
        l1: RollupPort,
        domain: Domain,
        clock: Clock,
        confirmations: int,
        inbox_cap: int,
        bump_after: float = 60.0,
    ) -> None:
        self._store = store
        self._l1 = l1
        self._standing = Standing(store, l1, domain, confirmations)
        self._clock = clock
        self._inbox_cap = inbox_cap
        self._bump_after = bump_after
        self._sent: tuple[int, float] = (-1, 0.0)
        """First waiting nonce, and since when it is the first."""
        self._tries: tuple[BatchNumber, int, float] = (BatchNumber(0), 0, 0.0)
        """Batch that was sent last, how often, and when it may be sent again."""

    async def step(self) -> bool:
        """One move; whether there is more to do than to wait for new batches.

        Raises:
            L1Unavailable, StoreUnavailable: nothing is lost; call again later.
            LostConsistency: stop.
        """
        view = await self._l1.view()
        unsettled = await self._store.unsettled()
        if not await self._standing.recognise(view, unsettled):
            return True
        waiting = await self._store.intents(view.nonce)
        if waiting:
            await self._push(view, waiting)
            return True
        batch = await self._store.batch(BatchNumber(view.head + 1))
        if batch is None:
            return False
        if self._may_send(batch):
            await self._send_batch(view, batch)
        return True

    # ---- what L1 lacks

    async def _push(self, view: View, waiting: Sequence[Intent]) -> None:
        """Sends again what may still be mined; for a higher fee when the first has waited long."""
        now = self._clock()
        if waiting[0].nonce != self._sent[0]:
            self._sent = (waiting[0].nonce, now)
        elif now - self._sent[1] >= self._bump_after:
            self._sent = (waiting[0].nonce, now)
            await self._store.intend(await self._urge(view, waiting))
            waiting = await self._store.intents(view.nonce)
        for intent in waiting:
            await self._l1.send(intent)

    async def _urge(self, view: View, waiting: Sequence[Intent]) -> list[Intent]:
        """The same transactions for higher fees, and something to fill nonces that are missing.

        A nonce can be missing when the account was used for something else that a reorg removed.
        `discard` fills it: whatever it breaks is published again.
        """
        intents: list[Intent] = []
        there = {intent.nonce for intent in waiting}
        for nonce in range(view.nonce, waiting[-1].nonce):
            if nonce not in there:
                intents += await self._l1.sign(waiting[0].number, [Discard()], nonce)
        for intent in waiting:
            raised = await self._l1.bump(intent)
            if raised is not None:
                intents.append(raised)
        LOG.info("fees.raised", nonce=view.nonce, transactions=len(intents))
        return intents

    def _may_send(self, batch: StoredBatch) -> bool:
        """Whether to send a batch now: ever more rarely when what was sent had no effect.

        A post that reverts (the sequencer's bond is gone, say) costs gas each time.
        """
        number, times, again = self._tries
        now = self._clock()
        if number != batch.number:
            times = 0
        elif now < again:
            return False
        self._tries = (batch.number, times + 1, now + min(2.0**times, _SLOWEST))
        return True

    async def _send_batch(self, view: View, batch: StoredBatch) -> None:
        """Signs, writes down and sends all that the batch still lacks on L1, in one go."""
        parent = await self._standing.parent(view)
        inbox = min(view.inbox, parent.inbox + self._inbox_cap)
        if batch.receipts == 0 and inbox <= parent.inbox:
            LOG.info("batch.withdrawn", batch=batch.number)  # a reorganisation took its entries
            await self._store.withdraw(batch.number)
            return
        chunks = await self._store.chunks(batch.number)
        hashes = data_hashes(chunks)
        calls: list[Call] = []
        if view.data_hash in hashes:
            done = hashes.index(view.data_hash)
        else:
            # Left over from transactions that a reorg undid in part.
            calls.append(Discard())
            done = 0
        calls += [Publish(chunk) for chunk in chunks[done:]]
        peaks = (await self._store.mountains(view.head)).peaks
        calls.append(Post(parent, peaks, batch.receipts, batch.root, batch.data_hash, inbox))
        intents = await self._l1.sign(batch.number, calls, view.nonce)
        await self._store.intend(intents)
        for intent in intents:
            await self._l1.send(intent)
        LOG.info("batch.sent", batch=batch.number, receipts=batch.receipts, calls=len(calls))
