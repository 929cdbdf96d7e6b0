"""Files that are cut or bent, numbers that are none: one clear line, and nothing half done."""

import json
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from prover.commit.keccak import Hash
from rollup.protocol.documents import entry_to_json
from rollup.protocol.eip712 import Signature
from rollup.protocol.entries import SignedReceipt, sign_receipt
from rollup.protocol.ledger.packing import forced_bytes
from rollup.protocol.presets import MINIMAL
from rollup.protocol.types import address_text
from tests.rollup.cli.arguments import COMMANDS, DEV, ONE, Arguments, jobs_file, on_l1
from tests.rollup.cli.conftest import Plumbline
from tests.rollup.headers import newest
from tests.rollup.world import GROWTH, SEQUENCER, STRANGER, WORKER, World

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


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"program": Hash(b"\1" * 32)}, "not registered on L1; `plumbline program register` does"),
        ({"claim_steps": 1 << 20}, "job 1: a claim has at most 65536 training steps, not 1048576"),
    ],
)
def test_jobs_that_would_claim_nothing_are_not_begun(
    world: World, plumbline: Plumbline, gateway: str, changed: dict[str, object], words: str
) -> None:
    path = jobs_file(world, world.job(), world.job(**changed))
    before = listing(world.folder / "content")
    command: Arguments = ["worker", "run", "--no-defend", "--jobs", path, "--gateway", gateway]
    content: Arguments = ["--content", world.folder / "content", "--backend", "reference"]
    said = plumbline(*command, *content, *on_l1(world), DEV, WORKER)
    assert said.code == 3
    assert words in said.line
    assert listing(world.folder / "content") == before


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
            # Another way to write the same (a digit's case, a blank); or another place to look the
            # header up; or a proof for another rollup, under which somebody else has signed.
            assert essence(flipped) == essence(whole) or signer not in said.out
        else:
            assert said.code == 3
            assert said.line
    other = plumbline("proof", "verify", path, "--header-hash", ONE)
    assert other.code == 3


def essence(document: bytes | bytearray) -> Any:
    """What a proof shows, without where its header is to be looked up."""
    read = json.loads(document.lower())
    return {**read, "l1": {**read["l1"], "block": 0, "transaction": ""}}


def test_a_receipt_that_was_forced_and_a_later_batch(
    world: World, plumbline: Plumbline, tmp_path: Path
) -> None:
    first, second = world.work(world.job(claims=2))
    assert isinstance(first, SignedReceipt)
    forced = forced_bytes(first.receipt, first.signature)
    world.contracts.rollup.force(world.signer(STRANGER), forced)
    taken = world.post([])
    world.post([second])
    path, claim = tmp_path / "forced.json", "0x" + first.receipt.id.hex()
    get = ["proof", "get", claim, *on_l1(world), "--out", path]
    verify = ["proof", "verify", path, "--ask-l1", *on_l1(world)]
    assert plumbline(*get).code == 0
    said = plumbline(*verify)
    assert said.code == 0
    assert f"inbox entry {taken.taken - 1} of {taken.taken} that batch 1 took" in said.out
    assert "not confirmed yet" in said.out
    assert "in the history" not in said.out
    assert plumbline(*get, "--at", 2).code == 0
    assert "in the history of batch 2" in plumbline(*verify).out
    for at in (3, 0):
        assert plumbline(*get, "--at", at).code == 2
    world.chain.advance(MINIMAL.window)
    for header in world.follower().headers:
        world.contracts.rollup.confirm(world.signer(STRANGER), header)
    assert plumbline(*get).code == 0
    said = plumbline(*verify)
    assert "in the history of batch 2" in said.out
    assert ", confirmed, and account" in said.out


def test_a_void_copy_does_not_stand_before_the_receipt(
    world: World, plumbline: Plumbline, tmp_path: Path
) -> None:
    (entry,) = world.work(world.job())
    assert isinstance(entry, SignedReceipt)
    copies = [
        SignedReceipt(entry.receipt, Signature(bytes(65))),
        sign_receipt(entry.receipt, world.contracts.deployment.domain, world.signer(STRANGER).key),
    ]
    for copy in copies:
        forced = forced_bytes(copy.receipt, copy.signature)
        world.contracts.rollup.force(world.signer(STRANGER), forced)
    world.post([])
    path, claim = tmp_path / "proof.json", "0x" + entry.receipt.id.hex()
    get = ["proof", "get", claim, *on_l1(world), "--out", path]
    verify = ["proof", "verify", path, "--ask-l1", *on_l1(world)]
    assert plumbline(*get).code == 0
    assert plumbline(*verify).code == 3  # there is no other
    world.post([copies[1], entry])
    assert plumbline(*get).code == 0
    said = plumbline(*verify)
    assert (said.code, said.err) == (0, ""), said.err
    assert "number 1 of 2 in batch 2" in said.out, said.out
    # Forced under its own signature in the same batch as a void copy: the ledger takes that one.
    (again,) = world.work(world.job(), nonce=1)
    assert isinstance(again, SignedReceipt)
    void = SignedReceipt(again.receipt, Signature(bytes(65)))
    for copy in (void, again):
        forced = forced_bytes(copy.receipt, copy.signature)
        world.contracts.rollup.force(world.signer(STRANGER), forced)
    world.post([])
    get[2] = "0x" + again.receipt.id.hex()
    assert plumbline(*get).code == 0
    said = plumbline(*verify)
    assert (said.code, said.err) == (0, ""), said.err
    assert "inbox entry 1 of 2" in said.out, said.out


def test_a_proof_that_l1_does_not_bear_out(
    world: World, plumbline: Plumbline, tmp_path: Path
) -> None:
    (entry,) = world.work(world.job())
    kept = world.chain.snapshot()
    world.post([entry])
    path, claim = tmp_path / "proof.json", "0x" + entry.receipts[0].id.hex()
    assert plumbline("proof", "get", claim, *on_l1(world), "--out", path).code == 0
    world.chain.revert(kept)
    said = plumbline("proof", "verify", path, "--ask-l1", *on_l1(world))
    assert said.code == 3
    assert "L1 holds batch 1 with header hash 0x0000" in said.line
    document = json.loads(path.read_text())
    document["l1"]["rollup"] = "0x" + "11" * 20
    path.write_text(json.dumps(document))
    said = plumbline("proof", "verify", path, "--ask-l1", *on_l1(world))
    assert said.code == 3
    assert "the deployment file names" in said.line


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
        *newest(world.contracts),
        1,
        header.root,
        rollup.data_hash_of(sequencer.address),
        rollup.inbox_count(),
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


def test_segments_of_another_program_are_not_worked_on(
    world: World, plumbline: Plumbline, gateway: str
) -> None:
    short = world.content.put_segment([np.ones(2, np.uint32)], GROWTH.depths.inputs)
    path = jobs_file(world, world.job(inputs=(short,)))
    said = plumbline(
        "worker", "run", "--no-defend", "--jobs", path, "--content", world.folder / "content",
        "--backend", "reference", "--gateway", gateway, *on_l1(world), DEV, WORKER,
    )  # fmt: skip
    assert said.code == 2
    assert "are not this program's: register 0 has 2 words, not 4" in said.line


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
