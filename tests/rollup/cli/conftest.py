"""Commands run in this process or in one of their own, and a sequencer to talk to."""

import asyncio
import logging
import os
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from pathlib import Path

import pytest

from rollup import cli
from rollup.config import PREFIX, SequencerSettings
from rollup.sequencer.l1_port import ContractRollup
from rollup.sequencer.service import Sequencer, serve
from rollup.store import SqliteStore
from tests.rollup.cli.running import Said, free_port
from tests.rollup.world import SEQUENCER, World

Plumbline = Callable[..., Said]


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No flag from the environment; signals as they were before."""
    for name in [name for name in os.environ if name.startswith(PREFIX)]:
        monkeypatch.delenv(name)
    handler = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, handler)


@pytest.fixture
def plumbline(capfd: pytest.CaptureFixture[str]) -> Plumbline:
    """Runs a command in this process."""

    def run(*arguments: object) -> Said:
        capfd.readouterr()
        code = cli.run([str(argument) for argument in arguments])
        return Said(code, *capfd.readouterr())

    return run


@pytest.fixture
def gateway(world: World, tmp_path: Path) -> Iterator[str]:
    """A sequencer of the world's deployment, in a thread of this process; its address."""
    logging.getLogger("rollup.sequencer").setLevel(logging.ERROR)  # not what a command says
    port, started = free_port(), threading.Event()
    ended: Future[None] = Future()
    stop: list[Callable[[], object]] = []

    async def run() -> None:
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        assert task is not None
        stop.append(lambda: loop.call_soon_threadsafe(task.cancel))
        deployment = world.contracts.deployment
        store = await SqliteStore.open(tmp_path / "sequencer.db", deployment.domain)
        l1 = ContractRollup(world.contracts, world.signer(SEQUENCER))
        settings = SequencerSettings(poll=0.05)
        try:
            sequencer = await Sequencer.over(
                store, l1, l1, deployment.domain, deployment.parameters, settings
            )
            started.set()
            await serve(sequencer, "127.0.0.1", port)
        finally:
            await store.close()

    def thread() -> None:
        try:
            asyncio.run(run())
        except asyncio.CancelledError:
            ended.set_result(None)
        except BaseException as error:  # noqa: BLE001 - told to the test
            ended.set_exception(error)

    running = threading.Thread(target=thread, name="sequencer")
    running.start()
    assert started.wait(20)
    yield f"http://127.0.0.1:{port}"
    stop[0]()
    running.join(20)
    logging.getLogger("rollup.sequencer").setLevel(logging.NOTSET)
    ended.result(0)
