"""Keys that cannot be had, accounts without ETH or bonds: one clear line with what to do."""

import json
from pathlib import Path

import pytest
from eth_account import Account

from tests.rollup.cli.arguments import COMMANDS, DEV, ONE, Arguments, on_l1
from tests.rollup.cli.conftest import Plumbline
from tests.rollup.world import SEQUENCER, STRANGER, VALIDATOR, WORKER, World

# ---- who signs


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        ([], "name one signer"),
        ([DEV, "1", "--unsafe-key", ONE], "name one signer"),
        (["--unsafe-key", "0x12"], "32 bytes in hex"),
        (["--unsafe-key", "zz" * 32], "32 bytes in hex"),
        (["--unsafe-key", "0" * 64], "32 bytes in hex"),
        ([DEV, "-1"], "greater than or equal to 0"),
        ([DEV, str(2**40)], "less than or equal to 4294967295"),
        (["--keystore", "k.json"], "--keystore needs --password-file"),
        (["--keystore", "none.json", "--password-file", "p.txt"], "cannot read"),
        (["--keystore", "k.json", "--password-file", "none.txt"], "cannot read none.txt"),
        (["--keystore", "k.json", "--password-file", "wrong.txt"], "password in wrong.txt"),
        (["--keystore", "cut.json", "--password-file", "p.txt"], "no keystore of version 3"),
        (["--keystore", "p.txt", "--password-file", "p.txt"], "no keystore of version 3"),
        (["--keystore", "list.json", "--password-file", "p.txt"], "no keystore of version 3"),
        (["--keystore", "empty.json", "--password-file", "p.txt"], "no keystore of version 3"),
        (["--keystore", "old.json", "--password-file", "p.txt"], "no keystore of version 3"),
    ],
    ids=str,
)
def test_a_signer_that_cannot_be_had(
    world: World,
    plumbline: Plumbline,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    keystore: str,
    flags: list[str],
    words: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    files = {
        "k.json": keystore,
        "p.txt": "secret\n",
        "wrong.txt": "guess",
        "cut.json": keystore[:-40],
        "list.json": "[1, 2]",
        "empty.json": "{}",
        "old.json": json.dumps(json.loads(keystore) | {"version": 9}),
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    said = plumbline("account", "show", *on_l1(world), *flags)
    assert said.code == 2
    assert words in said.line


@pytest.fixture(scope="module")
def keystore() -> str:
    """Account 1's key under the password `secret`."""
    from rollup.l1.accounts import dev_signer

    encrypted = Account.encrypt(dev_signer("plumbline", WORKER).key, "secret", iterations=2)
    return json.dumps(encrypted)


def test_a_keystore_signs(
    world: World, plumbline: Plumbline, tmp_path: Path, keystore: str
) -> None:
    (tmp_path / "k.json").write_text(keystore)
    (tmp_path / "p.txt").write_text("secret\r\n")
    flags = ["--keystore", tmp_path / "k.json", "--password-file", tmp_path / "p.txt"]
    out = tmp_path / "account.json"
    assert plumbline("account", "show", *on_l1(world), *flags, "--json", out).code == 0
    shown = json.loads(out.read_text())
    assert bytes.fromhex(shown["address"][2:]) == world.signer(WORKER).address
    assert (shown["slots"], shown["live"]) == (2, [0, 1])


# ---- money


def without_eth(world: World, place: int) -> None:
    world.chain.set_balance(world.signer(place).address, 0)


@pytest.mark.parametrize(
    ("command", "place"),
    [("worker run", WORKER), ("validator run", VALIDATOR), ("sequencer run", SEQUENCER)],
)
def test_an_account_without_eth(
    world: World, plumbline: Plumbline, command: str, place: int
) -> None:
    without_eth(world, place)
    said = plumbline(*COMMANDS[command](world), *on_l1(world))
    assert said.code == 6
    assert "has no ETH" in said.line
    assert "send it some" in said.line


@pytest.mark.parametrize("slots", [0, 1])
def test_an_account_is_not_opened_without_eth(
    world: World, plumbline: Plumbline, slots: int
) -> None:
    without_eth(world, STRANGER)
    said = plumbline("account", "open", "--slots", slots, *on_l1(world), DEV, STRANGER)
    assert said.code == 6
    assert "fund it" in said.line or "send it ETH" in said.line
    assert world.contracts.vault.account_of(world.signer(STRANGER).address) == 0


def test_deploying_without_eth(world: World, plumbline: Plumbline, tmp_path: Path) -> None:
    without_eth(world, STRANGER)
    out = tmp_path / "d.json"
    said = plumbline("deploy", "--l1", world.chain.url, "--out", out, DEV, STRANGER)
    assert said.code == 6
    assert "fund it" in said.line
    assert not out.exists()


def test_who_has_no_account_or_no_bond(world: World, plumbline: Plumbline, gateway: str) -> None:
    work: Arguments = [*COMMANDS["worker run"](world)[:-6], "--gateway", gateway, DEV, STRANGER]
    said = plumbline(*work, *on_l1(world), "--backend", "reference")
    assert said.code == 2
    assert "`plumbline account open` makes one" in said.line
    said = plumbline(
        "receipt", "submit", "--subject", ONE, "--statement", ONE, "--gateway", gateway,
        *on_l1(world), DEV, STRANGER,
    )  # fmt: skip
    assert said.code == 2
    assert "`plumbline account open` makes one" in said.line
    assert plumbline("account", "open", *on_l1(world), DEV, STRANGER).code == 0
    said = plumbline(*work, *on_l1(world), "--backend", "reference")
    assert said.code == 2
    assert "`plumbline account open --slots N` deposits some" in said.line


def test_a_sequencer_without_a_bond(world: World, plumbline: Plumbline) -> None:
    account, slot = world.contracts.rollup.sequencer_slot()
    world.contracts.vault.exit(world.signer(SEQUENCER), slot)
    world.chain.advance(1)
    said = plumbline(*COMMANDS["sequencer run"](world), *on_l1(world))
    assert said.code == 2
    assert "run with --bond" in said.line
    assert world.contracts.vault.slots_of(account) == 1


def test_a_sequencer_that_is_not_the_deployments(world: World, plumbline: Plumbline) -> None:
    command = [*COMMANDS["sequencer run"](world)[:-1], WORKER]
    said = plumbline(*command, *on_l1(world))
    assert said.code == 2
    assert "another account" in said.line


def test_slots_that_are_not_there(world: World, plumbline: Plumbline) -> None:
    said = plumbline("account", "exit", "7", *on_l1(world), DEV, WORKER)
    assert said.code == 6
    assert "UnknownSlot" in said.line
    said = plumbline("account", "exit", "0", "--withdraw", *on_l1(world), DEV, WORKER)
    assert said.code == 6
