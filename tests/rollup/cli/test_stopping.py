"""Commands that serve end well when they are told to; whatever is interrupted leaves nothing."""

import json
import signal
import socket
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from tests.rollup.cli.arguments import COMMANDS, Arguments, on_l1
from tests.rollup.cli.running import Command, eventually
from tests.rollup.world import World

SIGNALS = pytest.mark.parametrize("name", [signal.SIGTERM, signal.SIGINT])


def height(url: str) -> int:
    """The number of the chain's newest block."""
    call = {"jsonrpc": "2.0", "id": 1, "method": "eth_blockNumber", "params": []}
    return int(httpx.post(url, json=call).json()["result"], 16)


@SIGNALS
def test_a_development_chain_ends_well(tmp_path: Path, name: signal.Signals) -> None:
    out = tmp_path / "devnet.json"
    flags = ["devnet", "--port", "0", "--block-time", "50ms", "--json", out]
    with Command(tmp_path, *flags) as chain:
        eventually(out.exists, "the chain starts")
        about = json.loads(out.read_text())
        assert about["chainId"] == 31_337
        eventually(lambda: height(about["url"]) > 3, "blocks come without transactions")
        said = chain.end(name)
    assert (said.code, said.err) == (0, "")


SERVING: list[tuple[str, Callable[[World], Arguments], str]] = [
    ("sequencer run", lambda _: [], "gateway.listening"),
    ("validator run", lambda _: ["--poll", "10s"], "batch.read"),
]


@SIGNALS
@pytest.mark.parametrize(("command", "more", "begun"), SERVING, ids=lambda v: str(v)[:13])
def test_who_serves_ends_well(
    world: World,
    tmp_path: Path,
    name: signal.Signals,
    command: str,
    more: Callable[[World], Arguments],
    begun: str,
) -> None:
    world.post(world.work(world.job()))
    arguments = [word for word in COMMANDS[command](world) if word != "--once"]
    if "--store" in arguments:
        arguments[arguments.index("--store") + 1] = tmp_path / "s.db"
    with Command(tmp_path, *arguments, *on_l1(world), *more(world)) as serving:
        serving.said(begun)
        said = serving.end(name)
    assert said.code == 0
    assert "Traceback" not in said.err
    assert "stopped" in said.err
    assert list(tmp_path.glob("*-wal")) == []  # the store was closed, not dropped


def test_a_worker_is_interrupted_at_work_and_ends_well_afterwards(
    world: World, tmp_path: Path, gateway: str
) -> None:
    def worker(gateway: str) -> Command:
        arguments = COMMANDS["worker run"](world)[:-2]  # with more patience
        return Command(tmp_path, *arguments, *on_l1(world), "--gateway", gateway)

    with socket.create_server(("127.0.0.1", 0)) as silent:
        with worker(f"http://127.0.0.1:{silent.getsockname()[1]}") as waiting:
            silent.settimeout(40)
            connection, _ = silent.accept()  # it waits for an answer now
            said = waiting.end()
        connection.close()
    assert said.code == 130
    assert said.line == "plumbline: interrupted; what was acknowledged or is on L1 stays"
    (tmp_path / "err.txt").unlink()
    with worker(gateway) as defending:
        defending.said("job.done")
        said = defending.end()
    assert said.code == 0
    assert "Traceback" not in said.err


def test_the_demo_takes_its_parties_along(tmp_path: Path) -> None:
    folder = tmp_path / "kept"
    with Command(tmp_path, "demo", "--folder", folder) as demo:
        eventually((folder / "devnet.json").exists, "the demo's chain starts")
        said = demo.end()
    assert said.code == 130
    assert said.line == "plumbline: interrupted; what was acknowledged or is on L1 stays"
    assert parties_of(folder) == []


def parties_of(folder: Path) -> list[str]:
    """Command lines of running processes that name a folder."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if str(folder) in line:
            found.append(line)
    return found
