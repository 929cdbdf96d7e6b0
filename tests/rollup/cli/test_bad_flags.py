"""Gateways, flags, places and ports that cannot be used: one clear line with what to do."""

import json
import socket
from pathlib import Path

import pytest

from tests.rollup.cli.arguments import COMMANDS, DEV, on_l1
from tests.rollup.cli.conftest import Plumbline
from tests.rollup.cli.running import Flaky, free_port
from tests.rollup.world import World

# ---- a gateway that is not there


@pytest.mark.parametrize("command", ["worker run", "receipt submit", "receipt transfer"])
def test_a_gateway_that_does_not_answer(world: World, plumbline: Plumbline, command: str) -> None:
    nobody = f"http://127.0.0.1:{free_port()}"
    said = plumbline(*COMMANDS[command](world), *on_l1(world), "--gateway", nobody)
    assert said.code == 9
    assert f"the gateway at {nobody} takes nothing" in said.line
    assert "is the sequencer running?" in said.line


@pytest.mark.parametrize("command", ["worker run", "receipt submit", "receipt transfer"])
def test_a_gateway_that_is_something_else(world: World, plumbline: Plumbline, command: str) -> None:
    with Flaky(world.chain.url) as other:
        said = plumbline(*COMMANDS[command](world), *on_l1(world), "--gateway", other.url)
    assert said.code == 9
    assert "check --gateway" in said.line
    said = plumbline(*COMMANDS[command](world), *on_l1(world), "--gateway", "localhost:8600")
    assert said.code == 2
    assert "--gateway is an address like http" in said.line


def test_status_tells_of_a_gateway_and_fails_for_none(
    world: World, plumbline: Plumbline, tmp_path: Path, gateway: str
) -> None:
    out = tmp_path / "status.json"
    for asked, told in (
        (gateway, "well"),
        (f"http://127.0.0.1:{free_port()}", "no answer (ConnectError)"),
        ("http://a:b", "no answer (InvalidURL)"),
    ):
        said = plumbline("status", *on_l1(world), "--gateway", asked, "--json", out)
        assert (said.code, said.err) == (0, "")
        assert json.loads(out.read_text())["gateway"] == told


# ---- flags, places and files


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["dance"], "No such command 'dance'"),
        (["worker"], "Missing command"),
        (["worker", "run", "--no-defend"], "there is nothing to do; name --jobs"),
        (["program", "show"], "Missing argument 'PROGRAM'"),
        (["status", "--colour"], "No such option: --colour"),
        (["status", "--l1"], "requires an argument"),
        (["status", "extra"], "unexpected extra argument"),
        (["proof", "verify"], "Missing argument 'file'"),
        (["devnet", "--port", "many"], "valid int"),
        (["devnet", "--port", "70000"], "less than or equal to 65535"),
        (["devnet", "--engine", "steam"], "--engine is embedded or anvil"),
        (["demo", "--receipts", "3"], "greater than or equal to 64"),
        (["demo", "--seed", "-1"], "greater than or equal to 0"),
        (["demo", "--backend", "abacus"], "no backend 'abacus'; there are numba, reference"),
        (["validator", "run", "--poll", "soon"], "'soon' is no duration; write 250ms"),
        (["validator", "run", "--log-format", "xml"], "--log-format is text or json"),
        (["sequencer", "run", "--pool-limit", "all"], "--pool-limit: 'all' is no whole number"),
        (["sequencer", "run", "--port", "99999"], "--port is 99999; it lies between"),
        (["sequencer", "run", "--poll", "1"], "--poll: '1' is no duration"),
        (["deploy", "--preset", "huge", DEV, "0"], "--preset is one of mainnet, minimal"),
        (["deploy", "--preset", "mainnet", DEV, "0"], "with --token"),
        (["deploy", "--token", "0x12", DEV, "0"], "--token is an address of 20 bytes"),
        (["deploy", "--governor", "me", DEV, "0"], "--governor is an address of 20 bytes"),
        (["deploy", "--guardian", "0x12", DEV, "0"], "--guardian is an address of 20 bytes"),
        (["deploy", "--sequencer", "me", DEV, "0"], "--sequencer is an address of 20 bytes"),
        (["deploy", "--out", "/nowhere/d.json", DEV, "0"], "there is no folder /nowhere"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_flags_that_are_wrong(plumbline: Plumbline, arguments: list[str], words: str) -> None:
    said = plumbline(*arguments)
    assert said.code == 2
    assert words in said.line
    assert said.out == ""


def test_a_backend_that_is_none(world: World, plumbline: Plumbline) -> None:
    for command in ("worker run", "validator run"):
        said = plumbline(*COMMANDS[command](world), *on_l1(world), "--backend", "abacus")
        assert said.code == 2
        assert "there are numba, reference" in said.line


def test_places_that_cannot_be_used(world: World, plumbline: Plumbline, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("not a folder")
    said = plumbline(*COMMANDS["validator run"](world), *on_l1(world), "--content", file)
    assert said.code == 1
    assert "file" in said.line
    assert "check the file" in said.line
    said = plumbline("status", *on_l1(world), "--json", file / "status.json")
    assert said.code == 2
    assert "cannot write" in said.line
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept/notes.txt").write_text("mine")
    said = plumbline("demo", "--folder", tmp_path / "kept")
    assert said.code == 2
    assert "is not empty: name another, or empty it" in said.line
    said = plumbline("demo", "--folder", file)
    assert said.code == 1
    assert "file" in said.line


def test_a_port_that_is_taken(world: World, plumbline: Plumbline) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        command = COMMANDS["sequencer run"](world)
        said = plumbline(*command, *on_l1(world), "--port", port)
        assert said.code == 2
        assert f"cannot listen on 127.0.0.1:{port}" in said.line
        assert "choose another --host or --port" in said.line
        said = plumbline(*command, *on_l1(world), "--host", "203.0.113.9")
        assert said.code == 2
        said = plumbline("devnet", "--port", port)
        assert said.code == 6
        assert f"cannot listen on 127.0.0.1:{port}" in said.line


@pytest.mark.parametrize(
    ("data", "code", "words"),
    [
        (b"this is no database, whatever its name says" * 40, 70, "restore it from a copy"),
        (None, 7, "another process"),
    ],
)
def test_a_store_that_cannot_be_used(
    world: World,
    plumbline: Plumbline,
    tmp_path: Path,
    gateway: str,
    data: bytes | None,
    code: int,
    words: str,
) -> None:
    store = tmp_path / "sequencer.db"  # which the running gateway holds
    if data is not None:
        store = tmp_path / "s.db"
        store.write_bytes(data)
    said = plumbline(*COMMANDS["sequencer run"](world), *on_l1(world), "--store", store)
    assert said.code == code
    assert words in said.line
    assert str(store) in said.line
