"""Signers of many signatures: 60 us each that no code can lower, so on as many cores as there are.

Threads gain nothing, the library holds the interpreter's lock; `workers` processes do.
"""

import asyncio
import logging
from collections.abc import Sequence
from concurrent.futures import BrokenExecutor, ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from typing import Final

from bisection.events import Events
from rollup.errors import Refused, SignatureError
from rollup.protocol.eip712 import Digest, Signature, recover
from rollup.protocol.types import Address

Job = tuple[Digest, Signature]
Found = Address | Refused
"""The signer, or the refusal that says what is wrong with the signature."""

Recovered = tuple[Address | None, str]
"""The signer and "", or None and what is wrong: what crosses between processes."""

Waiting = tuple[Job, "asyncio.Future[Recovered]"]

LOG: Final = Events(logging.getLogger(__name__))

_TOGETHER: Final = 256
"""Signatures that one process takes at a time: 15 ms of work against 0.1 ms of handing over."""


def recover_all(jobs: Sequence[Job]) -> list[Recovered]:
    """For each job (signer, "") or (None, what is wrong)."""
    found: list[Recovered] = []
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
        self._waiting: list[Waiting] = []
        self._busy = 0
        self._workers = workers

    async def recover(self, jobs: Sequence[Job]) -> list[Found]:
        """The signers, in order."""
        if self._pool is None:
            return [_found(result) for result in recover_all(jobs)]
        loop = asyncio.get_running_loop()
        futures: list[asyncio.Future[Recovered]] = [loop.create_future() for _ in jobs]
        self._waiting += zip(jobs, futures, strict=True)
        self._feed()
        return [_found(result) for result in await asyncio.gather(*futures)]

    def _feed(self) -> None:
        """Keeps every process busy with one piece of work and one piece waiting."""
        loop = asyncio.get_running_loop()
        while self._waiting and self._pool is not None and self._busy < 2 * self._workers:
            part, self._waiting = self._waiting[:_TOGETHER], self._waiting[_TOGETHER:]
            self._busy += 1
            try:
                work = loop.run_in_executor(self._pool, recover_all, [job for job, _ in part])
            except BrokenExecutor:
                self._busy -= 1
                _settle(part, recover_all([job for job, _ in part]))
                continue
            work.add_done_callback(partial(self._done, part))

    def _done(self, part: Sequence[Waiting], work: "asyncio.Future[list[Recovered]]") -> None:
        self._busy -= 1
        if work.cancelled():
            for _, future in part:
                future.cancel()
        elif work.exception() is not None:
            # A process died. Slower, but right: recovered here.
            LOG.warning("recovery.failed", error=work.exception(), signatures=len(part))
            _settle(part, recover_all([job for job, _ in part]))
        else:
            _settle(part, work.result())
        self._feed()

    def close(self) -> None:
        """Ends the processes."""
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)


def _settle(part: Sequence[Waiting], results: Sequence[Recovered]) -> None:
    for (_, future), result in zip(part, results, strict=True):
        if not future.done():  # its caller may have gone away
            future.set_result(result)


def _found(result: Recovered) -> Found:
    signer, problem = result
    return signer if signer is not None else Refused("bad-signature", problem)
