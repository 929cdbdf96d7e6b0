"""A deployment file, a chain or an endpoint that is not what it should be: one clear line."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rollup.protocol.types import Address
from tests.rollup.cli.arguments import COMMANDS, on_l1
from tests.rollup.cli.conftest import Plumbline
from tests.rollup.cli.running import Flaky, free_port
from tests.rollup.world import World

ALL = pytest.mark.parametrize("command", COMMANDS)


def cut(data: bytes) -> bytes:
    return data[: len(data) * 2 // 3]


@ALL
@pytest.mark.parametrize(
    ("spoil", "code", "words"),
    [
        (None, 2, "cannot read the deployment file"),
        (cut, 3, "is damaged or cut short"),
        (lambda data: data.replace(b"vault", b"valut"), 3, "vault is missing"),
        (lambda data: data.replace(b"0x", b"0X", 1), 3, "is damaged"),
        (lambda _: b"\x89PNG\r\n\x1a\n", 3, "is no deployment file"),
    ],
    ids=["missing", "cut", "renamed", "no-hex", "picture"],
)
def test_a_deployment_file_that_is_not_whole(
    world: World,
    plumbline: Plumbline,
    tmp_path: Path,
    command: str,
    spoil: Callable[[bytes], bytes] | None,
    code: int,
    words: str,
) -> None:
    path = tmp_path / "deployment.json"
    if spoil is not None:
        path.write_bytes(spoil(world.deployment.read_bytes()))
    arguments = COMMANDS[command](world)
    said = plumbline(*arguments, "--l1", world.chain.url, "--deployment", path)
    assert said.code == code
    assert words in said.line
    assert str(path) in said.line
    assert [word for word in ("name the right file", "name another", "get it") if word in said.line]


@ALL
@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"chain_id": 1}, "serves chain 31337, not 1: check the endpoint or the deployment file"),
        ({"rollup": Address(b"\x77" * 20)}, "there is no contract at 0x7777"),
        ("swapped", "is not this version's"),
        ({"preset": "mainnet"}, "the preset mainnet and the deployment file say"),
    ],
    ids=["chain", "nowhere", "swapped", "preset"],
)
def test_a_deployment_that_is_not_there(
    world: World, plumbline: Plumbline, command: str, change: Any, words: str
) -> None:
    deployment = world.contracts.deployment
    if change == "swapped":
        change = {"vault": deployment.game, "game": deployment.vault}
    arguments = COMMANDS[command](world)
    said = plumbline(*arguments, *on_l1(world, **change))
    assert said.code == 6
    assert words in said.line
    assert "check the" in said.line or "is not this version's" in said.line


def test_a_preset_that_nobody_knows(world: World, plumbline: Plumbline) -> None:
    said = plumbline("status", *on_l1(world, preset="huge"))
    assert said.code == 2
    assert "known are mainnet, minimal" in said.line


@ALL
def test_an_l1_that_does_not_answer(world: World, plumbline: Plumbline, command: str) -> None:
    nobody = f"http://127.0.0.1:{free_port()}"
    said = plumbline(*COMMANDS[command](world), "--deployment", world.deployment, "--l1", nobody)
    assert said.code == 6
    assert f"no answer from the L1 endpoint {nobody}" in said.line


@pytest.mark.parametrize("url", ["127.0.0.1:8545", "http://", "ftp://127.0.0.1", "nonsense"])
def test_an_l1_that_is_no_address(world: World, plumbline: Plumbline, url: str) -> None:
    said = plumbline("status", "--deployment", world.deployment, "--l1", url)
    assert said.code == 6
    assert "endpoint" in said.line


def test_an_l1_that_is_something_else(world: World, plumbline: Plumbline, gateway: str) -> None:
    said = plumbline("status", "--deployment", world.deployment, "--l1", gateway)
    assert said.code == 6
    assert "does not speak JSON-RPC" in said.line


def test_an_l1_that_goes_away_in_the_middle(world: World, plumbline: Plumbline) -> None:
    """Wherever it does, a command that asks once ends with one line."""
    arguments = ["status", "--deployment", world.deployment]
    with Flaky(world.chain.url) as l1:
        assert plumbline(*arguments, "--l1", l1.url).code == 0
        calls = l1.calls
        for last in (1, calls // 2, calls - 1):
            l1.calls, l1.fail_after, l1.down = 0, last, False
            said = plumbline(*arguments, "--l1", l1.url)
            assert said.code == 6
            assert "no answer from the L1 endpoint" in said.line
