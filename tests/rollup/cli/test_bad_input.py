"""Bad input: one clear line with what to do, the right exit code, nothing half done."""

import json
import random
import shutil
import socket
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from eth_account import Account

from prover.commit.keccak import Hash
from rollup import jobs
from rollup.protocol.documents import entry_to_json
from rollup.protocol.types import Address, address_text
from tests.rollup.cli.conftest import Plumbline
from tests.rollup.cli.running import Flaky, free_port
from tests.rollup.world import SEQUENCER, STRANGER, VALIDATOR, WORKER, World

DEV = "--unsafe-dev-account"
ONE = "0x" + "11" * 32
Arguments = list[object]


def on_l1(world: World, **changed: object) -> Arguments:
    """Where L1 and the deployment are; `changed` bends the deployment file."""
    path = world.deployment
    if changed:
        path = world.folder / "bent.json"
        replace(world.contracts.deployment, **changed).save(path)  # type: ignore[arg-type]
    return ["--l1", world.chain.url, "--deployment", path]


def jobs_file(world: World, *listed: jobs.Job) -> Path:
    path = world.folder / "jobs.json"
    jobs.write(path, listed or [world.job()])
    return path


COMMANDS: dict[str, Callable[[World], Arguments]] = {
    "status": lambda _: ["status"],
    "account show": lambda _: ["account", "show", DEV, WORKER],
    "account open": lambda _: ["account", "open", DEV, WORKER],
    "proof get": lambda _: ["proof", "get", ONE],
    "receipt submit": lambda _: [
        "receipt", "submit", "--subject", ONE, "--statement", ONE, DEV, WORKER, "--patience", "1s"
    ],
    "worker run": lambda world: [
        "worker", "run", "--jobs", jobs_file(world), "--content", world.folder / "content",
        DEV, WORKER, "--backend", "reference", "--patience", "1s",
    ],
    "validator run": lambda world: [
        "validator", "run", "--once", "--content", world.folder / "content", DEV, VALIDATOR,
        "--backend", "reference",
    ],
    "sequencer run": lambda world: [
        "sequencer", "run", "--store", world.folder / "s.db", "--port", "0", DEV, SEQUENCER
    ],
}  # fmt: skip
ALL = pytest.mark.parametrize("command", COMMANDS)


# ---- the deployment file, and the chain


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


# ---- documents


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9, 0.99])
def test_jobs_that_are_cut_short(world: World, plumbline: Plumbline, share: float) -> None:
    command = COMMANDS["worker run"](world)
    path = world.folder / "jobs.json"
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    said = plumbline(*command, *on_l1(world))
    assert said.code == 3
    assert "is no file of jobs: it is damaged or cut short" in said.line
    path.unlink()
    said = plumbline(*command, *on_l1(world))
    assert said.code == 2
    assert "cannot read the file of jobs" in said.line


def test_a_proof_that_is_damaged_anywhere(
    world: World, plumbline: Plumbline, tmp_path: Path
) -> None:
    (entry,) = world.work(world.job(claims=2, bundle=2))
    world.post([entry])
    path = tmp_path / "proof.json"
    receipt = "0x" + entry.receipts[1].id.hex()
    assert plumbline("proof", "get", receipt, *on_l1(world), "--out", path).code == 0
    whole = path.read_bytes()
    verified = plumbline("proof", "verify", path)
    assert verified.code == 0
    assert receipt in verified.out
    signer = address_text(world.signer(WORKER).address)
    assert signer in verified.out
    draw = random.Random(7)
    for length in draw.sample(range(len(whole.rstrip())), 25):
        path.write_bytes(whole[:length])
        said = plumbline("proof", "verify", path)
        assert said.code == 3
        assert "cut short" in said.line
    for _ in range(150):
        place, bit = draw.randrange(len(whole)), draw.randrange(8)
        flipped = bytearray(whole)
        flipped[place] ^= 1 << bit
        path.write_bytes(flipped)
        said = plumbline("proof", "verify", path)
        if said.code == 0:
            # Another way to write the same (a digit's case, a blank); or a proof for another
            # rollup, under which the signature is somebody else's.
            same = json.loads(flipped.lower()) == json.loads(whole.lower())
            assert same is (signer in said.out)
        else:
            assert said.code == 3
            assert said.line
    other = plumbline("proof", "verify", path, "--header-hash", ONE)
    assert other.code == 3


def test_a_proof_of_nothing(world: World, plumbline: Plumbline) -> None:
    said = plumbline("proof", "get", ONE, *on_l1(world))
    assert said.code == 4
    assert "try again later" in said.line
    for wrong in ("0x12", "zz", "0x" + "zz" * 32):
        said = plumbline("proof", "get", wrong, *on_l1(world))
        assert said.code == 2
        assert "0x and 64 hex digits" in said.line


def test_a_proof_whose_data_is_not_to_be_had(world: World, plumbline: Plumbline) -> None:
    """The root is on L1 and its data is another batch's: the command says so."""
    first, second = world.work(world.job(claims=2))
    header = world.post([first])
    rollup, sequencer = world.contracts.rollup, world.signer(SEQUENCER)
    rollup.publish(sequencer, b"no batch")
    rollup.post(
        sequencer,
        type(header.number)(2),
        header.hash,
        1,
        header.root,
        rollup.data_hash_of(sequencer.address),
    )
    said = plumbline("proof", "get", "0x" + second.receipts[0].id.hex(), *on_l1(world))
    assert said.code == 4
    assert "the data of batch 2 could not be had" in said.line


def test_entries_that_are_damaged(
    world: World, plumbline: Plumbline, tmp_path: Path, gateway: str
) -> None:
    entries = world.work(world.job(claims=2))
    path = tmp_path / "entries.json"
    document = {"entries": [entry_to_json(entry) for entry in entries]}
    whole = json.dumps(document).encode()
    submit = ["receipt", "submit", path, "--gateway", gateway]
    draw = random.Random(3)
    for length in draw.sample(range(len(whole)), 10):
        path.write_bytes(whole[:length])
        said = plumbline(*submit)
        assert said.code == 3
        assert "cut short" in said.line
    for _ in range(60):
        place, bit = draw.randrange(len(whole)), draw.randrange(8)
        flipped = bytearray(whole)
        flipped[place] ^= 1 << bit
        if flipped.lower() == whole.lower():
            continue
        path.write_bytes(flipped)
        said = plumbline(*submit)
        if said.code == 0:  # a blank became another
            assert json.loads(flipped) == document
            continue
        assert said.code in (3, 4)
        assert said.line
    path.write_bytes(whole)
    assert plumbline(*submit).code == 0
    assert plumbline(*submit).code == 0  # known by now
    assert plumbline("receipt", "submit", tmp_path / "none.json").code == 2


def test_statements_that_are_not_whole(plumbline: Plumbline) -> None:
    for flags, words in (
        ([], "name a FILE of signed entries, or --subject and --statement"),
        (["--subject", ONE], "name a FILE"),
        (["--subject", "0x12", "--statement", ONE], "--subject is 0x and 64 hex digits"),
        (["--subject", ONE, "--statement", "moon"], "--statement is 0x and 64"),
        (["--kind", "poem", "--subject", ONE, "--statement", ONE], "--kind is one of dataset"),
    ):
        said = plumbline("receipt", "submit", *flags)
        assert said.code == 2
        assert words in said.line


# ---- content, and numbers that are none


def listing(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def cut_a_file(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def flip_a_bit(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 4
    path.write_bytes(data)


def remove(path: Path) -> None:
    path.unlink()


@pytest.mark.parametrize("spoil", [cut_a_file, flip_a_bit, remove])
@pytest.mark.parametrize("what", ["program", "params", "inputs"])
def test_content_that_is_damaged(
    world: World,
    plumbline: Plumbline,
    tmp_path: Path,
    gateway: str,
    what: str,
    spoil: Callable[[Path], None],
) -> None:
    job = world.job()
    content = tmp_path / "content"
    shutil.copytree(world.folder / "content", content)
    roots: dict[str, Hash | None] = {"params": job.params, "inputs": job.inputs[0]}
    root = roots.get(what)
    program = f"programs/{job.program.hex()}.program"
    spoil(content / (program if root is None else f"segments/{root.hex()}.segment"))
    before = listing(content)
    command: Arguments = [
        "worker", "run", "--no-defend", "--jobs", jobs_file(world, job), "--content", content,
        "--backend", "reference", "--gateway", gateway, *on_l1(world), DEV, WORKER,
    ]  # fmt: skip
    said = plumbline(*command)
    assert said.code == 3
    assert "fetch it" in said.line
    assert listing(content) == before
    assert submitted(world, gateway) == 0


def submitted(world: World, gateway: str) -> int:
    """How many receipts of the worker the sequencer holds."""
    from rollup.client import GatewayClient

    account = world.contracts.vault.account_of(world.signer(WORKER).address)
    return GatewayClient(gateway).next_nonce(account)


@pytest.mark.parametrize(
    ("params", "inputs", "words"),
    [
        (1.0, float("nan"), "nan in element 0"),
        (float("inf"), 1.0, "inf in element 0"),
        (3e38, 10.0, "inf in element 0"),
    ],
)
def test_a_nan_ends_the_work_and_nothing_is_claimed_of_it(
    world: World,
    plumbline: Plumbline,
    tmp_path: Path,
    gateway: str,
    params: float,
    inputs: float,
    words: str,
) -> None:
    good = world.job(claims=2)
    bad = world.job(params=world.put(params), inputs=(world.put(inputs),))
    path, out = jobs_file(world, good, bad, good), tmp_path / "worker.json"
    before = listing(world.folder / "content")
    said = plumbline(
        "worker", "run", "--no-defend", "--jobs", path, "--content", world.folder / "content",
        "--backend", "reference", "--gateway", gateway, *on_l1(world), DEV, WORKER, "--json", out,
    )  # fmt: skip
    assert said.code == 3
    assert words in said.line
    assert "lower the learning rate or check the inputs" in said.line
    assert submitted(world, gateway) == 2  # of the good job before
    assert not out.exists()
    left = listing(world.folder / "content")
    assert {name: left[name] for name in before} == before
    assert not [name for name in left if name.endswith((".tmp", ".new"))]
    for data in left.values():  # nothing that is not finite was kept beyond what was given
        words_of = np.frombuffer(data[-16:], "<f4") if len(data) >= 16 else np.zeros(1)
        assert np.isfinite(words_of).all() or data in before.values()


# ---- a gateway that is not there


@pytest.mark.parametrize("command", ["worker run", "receipt submit"])
def test_a_gateway_that_does_not_answer(world: World, plumbline: Plumbline, command: str) -> None:
    nobody = f"http://127.0.0.1:{free_port()}"
    said = plumbline(*COMMANDS[command](world), *on_l1(world), "--gateway", nobody)
    assert said.code == 9
    assert f"the gateway at {nobody} takes nothing" in said.line
    assert "is the sequencer running?" in said.line


@pytest.mark.parametrize("command", ["worker run", "receipt submit"])
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
        (["worker", "run"], "Missing option '--jobs'"),
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
