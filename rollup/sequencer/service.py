"""The sequencer as one process: gateway, batcher and poster over one store."""

import asyncio
import logging
import signal
import socket
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

import uvicorn
from starlette.applications import Starlette

from bisection.events import Events
from rollup.config import SequencerSettings
from rollup.errors import ConfigError, L1Error, LostConsistency, StoreUnavailable
from rollup.protocol.eip712 import Domain
from rollup.protocol.presets import Preset
from rollup.sequencer.admission import Admission
from rollup.sequencer.batcher import Batcher
from rollup.sequencer.gateway import Gateway
from rollup.sequencer.meter import WorkMeter
from rollup.sequencer.pool import Pool
from rollup.sequencer.ports import Clock, RegistryPort, RollupPort
from rollup.sequencer.poster import Poster
from rollup.sequencer.proofs import Proofs
from rollup.sequencer.recovery import Recovery
from rollup.sequencer.registry import CachedRegistry
from rollup.store import Store

LOG: Final = Events(logging.getLogger(__name__))


class Sequencer:
    """Everything wired. Make it with `Sequencer.over`; serve `app`, and await `run` beside it."""

    def __init__(
        self,
        store: Store,
        pool: Pool,
        batcher: Batcher,
        poster: Poster,
        recovery: Recovery,
        clock: Clock,
        settings: SequencerSettings,
    ) -> None:
        self._store = store
        self._pool = pool
        self._batcher = batcher
        self._poster = poster
        self._recovery = recovery
        self._clock = clock
        self._settings = settings
        self._lost: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting_since: float | None = None
        self._unposted = 0
        self.app: Starlette

    @classmethod
    async def over(
        cls,
        store: Store,
        l1: RollupPort,
        registry: RegistryPort,
        domain: Domain,
        preset: Preset,
        settings: SequencerSettings,
        clock: Clock = time.time,
    ) -> "Sequencer":
        """A sequencer over an open store and an L1; takes up what the store holds from before."""
        meter = WorkMeter(preset.admitted_window_work, preset.window)
        pool = Pool(store, clock, settings.pool_limit, meter)
        await pool.load()
        batcher = Batcher(store, pool, l1, preset, clock, settings.ahead)
        poster = Poster(
            store, l1, domain, clock, preset.confirmations, preset.inbox_cap, settings.bump_after
        )
        recovery = Recovery(settings.workers)
        sequencer = cls(store, pool, batcher, poster, recovery, clock, settings)
        admission = Admission(domain, preset, CachedRegistry(registry, clock), recovery)
        sequencer.app = Gateway(
            admission,
            pool,
            store,
            Proofs(store, domain),
            sequencer.health,
            sequencer.lose,
            settings.body_limit,
        ).app
        return sequencer

    async def run(self) -> None:
        """Batches and posts until cancelled.

        Raises:
            LostConsistency: when store or L1 contradict each other; the process should end with its
                exit code.
        """
        loops = [
            asyncio.create_task(self._forever(self._batch), name="batcher"),
            asyncio.create_task(self._forever(self._post), name="poster"),
        ]
        try:
            done, _ = await asyncio.wait([*loops, self._lost], return_when=asyncio.FIRST_COMPLETED)
            for ended in done:
                ended.result()
        finally:
            for task in loops:
                task.cancel()
            await asyncio.gather(*loops, return_exceptions=True)
            self._recovery.close()

    def lose(self, error: LostConsistency) -> None:
        """Ends `run` with `error`."""
        if not self._lost.done():
            self._lost.set_exception(error)

    def health(self) -> tuple[str, dict[str, Any]]:
        """What /healthz says."""
        waited = 0.0 if self._waiting_since is None else self._clock() - self._waiting_since
        figures = {
            "pooledReceipts": self._pool.receipts,
            "unpostedBatches": self._unposted,
            "oldestWaitSeconds": round(waited, 1),
        }
        if self._lost.done():
            return "store and L1 contradict each other", figures
        if waited > self._settings.stale_after:
            return "receipts wait for L1 for too long", figures
        return "ok", figures

    async def _batch(self) -> bool:
        return await self._batcher.step() is not None

    async def _post(self) -> bool:
        await self._poster.step()
        unposted = [b for b in await self._store.unsettled() if b.posted is None]
        self._unposted = len(unposted)
        oldest = [float(batch.sealed) for batch in unposted[:1]]
        oldest += [float(pooled.accepted) for pooled in self._pool.ready()[:1]]
        self._waiting_since = min(oldest, default=None)
        return False

    async def _forever(self, step: Callable[[], Awaitable[bool]]) -> None:
        """Steps at once while there is work, else every `poll` seconds;

        slower while L1 or the store fail.
        """
        failures = 0
        while True:
            try:
                more = await step()
                failures = 0
            except (L1Error, StoreUnavailable) as error:
                failures += 1
                more = False
                LOG.warning("step.failed", code=error.code, error=error)
            if not more:
                await asyncio.sleep(self._settings.poll * min(2**failures, 64))


class _Server(uvicorn.Server):
    """Uvicorn, with signals left to whoever runs the loop."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def serve(sequencer: Sequencer, host: str, port: int) -> None:
    """Runs the sequencer and its gateway until SIGINT or SIGTERM, or until it is cancelled.

    Raises:
        ConfigError: when the address cannot be listened on.
        LostConsistency: see `Sequencer.run`.
    """
    with _listen(host, port) as listener:
        config = uvicorn.Config(
            sequencer.app,
            log_config=None,
            access_log=False,
            lifespan="off",
            timeout_graceful_shutdown=5,
        )
        server = _Server(config)
        running = asyncio.create_task(sequencer.run(), name="sequencer")
        listening = asyncio.create_task(server.serve([listener]), name="gateway")
        stopped = asyncio.Event()
        if threading.current_thread() is threading.main_thread():
            for name in (signal.SIGINT, signal.SIGTERM):
                asyncio.get_running_loop().add_signal_handler(name, stopped.set)
        stopping = asyncio.create_task(stopped.wait(), name="stop")
        LOG.info("gateway.listening", host=host, port=listener.getsockname()[1])
        try:
            parts = (running, listening, stopping)
            await asyncio.wait(parts, return_when=asyncio.FIRST_COMPLETED)
        finally:
            server.should_exit = True
            stopping.cancel()
            running.cancel()
            ended = await asyncio.gather(running, listening, return_exceptions=True)
        for error in ended:
            if isinstance(error, Exception):
                raise error
        LOG.info("gateway.stopped")


def _listen(host: str, port: int) -> socket.socket:
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host, port), family=family)
    except (OSError, UnicodeError) as error:
        raise ConfigError(
            f"cannot listen on {host}:{port}: {error}; choose another --host or --port"
        ) from error
