"""Signers of many signatures: 60 us each that no code can lower, so on as many cores as there are.

Threads gain nothing, the library holds the interpreter's lock; `workers` processes do.
"""

import asyncio
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context

from rollup.errors import Refused, SignatureError
from rollup.protocol.eip712 import Digest, Signature, recover
from rollup.protocol.types import Address

Job = tuple[Digest, Signature]
Found = Address | Refused
"""The signer, or the refusal that says what is wrong with the signature."""

_TOGETHER = 256
"""Signatures that one process takes at a time: 15 ms of work against 0.1 ms of handing over."""


def recover_all(jobs: Sequence[Job]) -> list[tuple[Address | None, str]]:
    """For each job (signer, "") or (None, what is wrong)."""
    found: list[tuple[Address | None, str]] = []
    for digest, signature in jobs:
        try:
            found.append((recover(digest, signature), ""))
        except SignatureError as error:
            found.append((None, str(error)))
    return found


class Recovery:
    """Recovers signers here, or in `workers` processes that callers share."""

    def __init__(self, workers: int = 0) -> None:
        # Spawned, not forked: this process has threads of its own (the store's).
        self._pool = (
            ProcessPoolExecutor(workers, mp_context=get_context("spawn")) if workers else None
        )
        self._waiting: list[tuple[Job, asyncio.Future[tuple[Address | None, str]]]] = []
        self._busy = 0
        self._workers = workers

    async def recover(self, jobs: Sequence[Job]) -> list[Found]:
        """The signers, in order."""
        if self._pool is None:
            return [_found(result) for result in recover_all(jobs)]
        loop = asyncio.get_running_loop()
        futures = [loop.create_future() for _ in jobs]
        self._waiting += zip(jobs, futures, strict=True)
        self._feed()
        return [_found(result) for result in await asyncio.gather(*futures)]

    def _feed(self) -> None:
        """Keeps every process busy with one piece of work and one piece waiting."""
        loop = asyncio.get_running_loop()
        while self._waiting and self._pool is not None and self._busy < 2 * self._workers:
            part, self._waiting = self._waiting[:_TOGETHER], self._waiting[_TOGETHER:]
            self._busy += 1
            work = loop.run_in_executor(self._pool, recover_all, [job for job, _ in part])
            work.add_done_callback(partial(self._done, [future for _, future in part]))

    def _done(
        self,
        futures: Sequence["asyncio.Future[tuple[Address | None, str]]"],
        work: "asyncio.Future[list[tuple[Address | None, str]]]",
    ) -> None:
        self._busy -= 1
        error = None if work.cancelled() else work.exception()
        for place, future in enumerate(futures):
            if future.done():
                continue
            if work.cancelled():
                future.cancel()
            elif error is not None:
                future.set_exception(error)
            else:
                future.set_result(work.result()[place])
        self._feed()

    def close(self) -> None:
        """Ends the processes."""
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)


def _found(result: tuple[Address | None, str]) -> Found:
    signer, problem = result
    return signer if signer is not None else Refused("bad-signature", problem)
