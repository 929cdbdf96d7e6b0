"""Group commit: many concurrent submits share one transaction, and one fsync."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from rollup.errors import CodecError, PlumblineError, Refused, StoreUnavailable
from rollup.protocol import codec
from rollup.protocol.entries import Entry, SignedBundle, account_of, nonce_of
from rollup.protocol.types import AccountIndex, Hash
from rollup.store.port import Accepted, SubmitResult

MAX_GROUP = 4_096
"""Entries in one transaction, about; beyond it latency grows and nothing is gained."""

SQL_INTEGER_MAX = 2**63 - 1


@dataclass(slots=True)
class Group:
    """The rows of one transaction, and what memory becomes once it is committed."""

    entries: list[tuple[int, bytes, int, int, int, int, int, int, bytes]] = field(
        default_factory=list
    )
    bundled: list[tuple[bytes, int, int]] = field(default_factory=list)
    nonces: dict[AccountIndex, int] = field(default_factory=dict)
    ids: dict[Hash, int] = field(default_factory=dict)


@dataclass(slots=True)
class Request:
    """One caller's entries, waiting for their group."""

    entries: Sequence[Entry]
    now: int
    work: Sequence[int]
    done: asyncio.Future[list[SubmitResult]]


class Intake:
    """Decides in order, commits in groups, answers after the commit.

    It keeps each account's next nonce in memory; the map changes only after a commit, so that a
    commit that failed leaves no trace.
    """

    def __init__(
        self,
        nonces: dict[AccountIndex, int],
        sequence: int,
        receipts: int,
        commit: Callable[[Group], Awaitable[None]],
        find: Callable[[Hash], Awaitable[int | None]],
    ) -> None:
        self._nonces = nonces
        self._sequence = sequence
        self._receipts = receipts
        self._commit = commit
        self._find = find
        self._waiting: list[Request] = []
        self._wake = asyncio.Event()
        self._deciding = asyncio.Lock()
        self._task = asyncio.create_task(self._run(), name="store-intake")

    def next_nonce(self, account: AccountIndex) -> int:
        """Nonce of the account's next receipt, as of the last commit."""
        return self._nonces.get(account, 0)

    @asynccontextmanager
    async def paused(self) -> AsyncIterator[dict[AccountIndex, int]]:
        """Decides nothing inside. What is given are the next nonces as they are kept: whoever
        changes rows changes these once that is committed.
        """
        async with self._deciding:
            yield self._nonces

    async def submit(
        self, entries: Sequence[Entry], now: int, work: Sequence[int]
    ) -> list[SubmitResult]:
        """See `Store.submit`."""
        if self._task.done():
            raise StoreUnavailable("the store is closed")
        work = work or [0] * len(entries)
        request = Request(entries, now, work, asyncio.get_running_loop().create_future())
        self._waiting.append(request)
        self._wake.set()
        return await request.done

    async def close(self) -> None:
        """Stops; whoever still waits is told that nothing was accepted."""
        self._task.cancel()
        await asyncio.wait([self._task])
        self._fail(self._waiting, StoreUnavailable("the store is closed"))

    async def _run(self) -> None:
        while True:
            await self._wake.wait()
            taken, size = 0, 0
            while taken < len(self._waiting) and size < MAX_GROUP:
                size += len(self._waiting[taken].entries)
                taken += 1
            requests, self._waiting = self._waiting[:taken], self._waiting[taken:]
            if not self._waiting:
                self._wake.clear()
            try:
                async with self._deciding:
                    await self._serve(requests)
            except PlumblineError as error:
                self._fail(requests, error)
            except BaseException:
                self._fail(requests, StoreUnavailable("the store is closing"))
                raise

    async def _serve(self, requests: Sequence[Request]) -> None:
        group = Group()
        results = [
            [
                await self._decide(entry, request.now, work, group)
                for entry, work in zip(request.entries, request.work, strict=True)
            ]
            for request in requests
        ]
        if group.entries:
            await self._commit(group)
            self._sequence += len(group.entries)
            self._receipts += sum(row[3] for row in group.entries)
            self._nonces |= group.nonces
        for request, result in zip(requests, results, strict=True):
            if not request.done.done():  # its caller may have gone away
                request.done.set_result(result)

    async def _decide(self, entry: Entry, now: int, work: int, group: Group) -> SubmitResult:
        account, nonce, count = account_of(entry), nonce_of(entry), len(entry.receipts)
        expected = group.nonces.get(account, self._nonces.get(account, 0))
        if nonce > expected:
            return Refused(
                "nonce-gap", f"account {account} goes on with nonce {expected}, not {nonce}"
            )
        if nonce < expected:
            known = group.ids.get(entry.id) or await self._find(entry.id)
            if known is not None:
                return Accepted(known, known=True)
            return Refused(
                "nonce-used",
                f"account {account} used nonce {nonce} for another receipt; it goes on with "
                f"nonce {expected}",
            )
        if account > SQL_INTEGER_MAX or nonce + count > SQL_INTEGER_MAX:
            return Refused("unknown-account", f"there is no account {account}")
        try:
            data = codec.encode([entry])
        except CodecError as error:
            return Refused("bad-signature", str(error))

        sequence = self._sequence + len(group.entries) + 1
        start = self._receipts if not group.entries else sum(group.entries[-1][2:4])
        row = (sequence, entry.id, start, count, now, work, account, nonce, data)
        group.entries.append(row)
        if isinstance(entry, SignedBundle):
            group.bundled += [
                (receipt.id, sequence, place) for place, receipt in enumerate(entry.receipts)
            ]
        group.nonces[account] = nonce + count
        group.ids[entry.id] = sequence
        return Accepted(sequence, known=False)

    @staticmethod
    def _fail(requests: Sequence[Request], error: PlumblineError) -> None:
        for request in requests:
            if not request.done.done():
                request.done.set_exception(error)
