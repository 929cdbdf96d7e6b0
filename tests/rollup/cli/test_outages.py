"""L1, a gateway or a process goes away in the middle: nothing is lost, nothing doubled."""

import json
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest

from rollup.client import GatewayClient
from rollup.demo.liar import FaultyExecute
from rollup.l1.game import ClaimStatus
from rollup.protocol.entries import Entry, sign_bundle, sign_receipt
from rollup.protocol.presets import MINIMAL
from rollup.protocol.receipts import Statement, StatementKind
from rollup.protocol.types import AccountIndex, BatchNumber, Nonce
from rollup.store.fsck import fsck
from tests.rollup.cli.arguments import COMMANDS, DEV, Arguments, jobs_file
from tests.rollup.cli.conftest import Plumbline
from tests.rollup.cli.running import Command, Flaky, eventually, free_port
from tests.rollup.entries import digest
from tests.rollup.test_disputes import FAULT
from tests.rollup.world import REFERENCE, SEQUENCER, STEPS, VALIDATOR, WORKER, World


def labels(world: World, first: int, count: int) -> list[Entry]:
    """Labels with nonces in a row: every third entry a bundle of two."""
    signer, domain = world.signer(WORKER), world.contracts.deployment.domain
    account = world.contracts.vault.account_of(signer.address)

    def label(nonce: int) -> Statement:
        return Statement(
            StatementKind.LABEL, AccountIndex(account), Nonce(nonce), digest("set"), digest(nonce)
        )

    entries: list[Entry] = []
    nonce = first
    while nonce < first + count:
        if len(entries) % 3 == 2 and nonce + 1 < first + count:
            entries.append(sign_bundle([label(nonce), label(nonce + 1)], domain, signer.key))
            nonce += 2
        else:
            entries.append(sign_receipt(label(nonce), domain, signer.key))
            nonce += 1
    return entries


def sequencer(world: World, l1: str, folder: Path, port: int, poll: str = "50ms") -> Command:
    arguments: Arguments = [
        "sequencer", "run", "--l1", l1, "--deployment", world.deployment, "--poll", poll,
        "--store", folder / "s.db", "--port", port, DEV, SEQUENCER,
    ]  # fmt: skip
    return Command(folder, *arguments)


def on_chain(world: World) -> Counter[bytes]:
    """Receipts in L1's batches, by id."""
    follower = world.follower()
    assert follower.missing == []
    batches = [follower.batch(header.number) for header in follower.headers]
    return Counter(bytes(r.id) for batch in batches if batch for r in batch.receipts)


def all_there(world: World, entries: Sequence[Entry]) -> bool:
    return sum(on_chain(world).values()) >= sum(len(entry.receipts) for entry in entries)


def once_each(world: World, entries: Sequence[Entry], store: Path) -> None:
    """Everything acknowledged is on L1 once, and nothing else is; the store says the same."""
    eventually(lambda: all_there(world, entries), "not all receipts reach L1")
    assert on_chain(world) == Counter(bytes(r.id) for entry in entries for r in entry.receipts)

    headers = {header.number: header for header in world.follower().headers}
    found = fsck(store, world.contracts.deployment.domain, lambda n: headers.get(BatchNumber(n)))
    assert found.problems == []
    assert found.receipts == sum(len(entry.receipts) for entry in entries)


def test_a_sequencer_is_killed_between_acknowledgement_and_post(
    world: World, tmp_path: Path
) -> None:
    """Killed at once after an answer, and then at any moments of batching and posting."""
    port, draw = free_port(), random.Random(11)
    client = GatewayClient(f"http://127.0.0.1:{port}", patience=120)
    entries = labels(world, 0, 30)
    with sequencer(world, world.chain.url, tmp_path, port, poll="30s") as first:
        assert client.submit(entries) == 30
        first.kill()
    assert on_chain(world) == Counter()
    for turn in range(2):
        with sequencer(world, world.chain.url, tmp_path, port) as again:
            more = labels(world, 30 + 10 * turn, 10)
            assert client.submit(more) == 10
            # Whoever was not answered sends again; what is known is no second receipt.
            assert client.submit(entries[-5:]) == sum(len(e.receipts) for e in entries[-5:])
            entries += more
            time.sleep(draw.uniform(0, 2.5))  # a batch is two seconds old when it is sealed
            again.kill()
    with sequencer(world, world.chain.url, tmp_path, port) as last:
        once_each(world, entries, tmp_path / "s.db")
        assert client.submit(entries) == 50
        said = last.end()
    assert said.code == 0
    assert "Traceback" not in said.err
    assert on_chain(world).total() == 50
    client.close()


def test_l1_goes_away_from_a_sequencer(world: World, tmp_path: Path) -> None:
    port = free_port()
    client = GatewayClient(f"http://127.0.0.1:{port}", patience=120)
    entries = labels(world, 0, 9)
    with Flaky(world.chain.url) as l1:
        with sequencer(world, l1.url, tmp_path, port) as running:
            client.submit(entries)
            eventually(lambda: all_there(world, entries), "the first receipts reach L1")
            l1.down = True
            more = labels(world, 9, 9)
            client.submit(more)  # what was known of accounts is enough to acknowledge
            entries += more
            running.said("step.failed")
            assert all_there(world, entries) is False
            # Told to stop meanwhile, it stops.
            said = running.end(signal.SIGINT)
            assert said.code == 0
            assert "Traceback" not in said.err
        with sequencer(world, l1.url, tmp_path / "again", port) as early:
            said = early.wait()
            assert said.code == 6
            assert "no answer from the L1 endpoint" in said.line
        l1.down = False
        with sequencer(world, l1.url, tmp_path, port):
            entries += labels(world, 18, 3)
            client.submit(entries[-3:])
            l1.fail_after = l1.calls + 8  # in the middle of batching and posting
            eventually(lambda: l1.down, "the endpoint is used")
            time.sleep(0.5)
            l1.fail_after, l1.down = None, False
            once_each(world, entries, tmp_path / "s.db")
    client.close()


def test_l1_goes_away_from_a_validator(world: World, tmp_path: Path) -> None:
    world.post(world.work(world.job(claims=3), run=FaultyExecute(REFERENCE, STEPS, FAULT)))
    (false,) = [at for at in world.follower().claims_of(world.signer(WORKER).address)
                if at.work.first_step == STEPS]  # fmt: skip
    out = tmp_path / "validator.json"
    with Flaky(world.chain.url) as l1:
        arguments: Arguments = [
            "validator", "run", "--l1", l1.url, "--deployment", world.deployment, "--settle",
            "--content", world.folder / "content", "--backend", "reference", "--poll", "100ms",
            "--json", out, DEV, VALIDATOR, "--log-format", "json",
        ]  # fmt: skip
        with Command(tmp_path, *arguments) as running:
            running.said("game.open")
            l1.down = True
            running.said("l1.away")
            world.chain.advance(MINIMAL.clock + 1)  # the liar never answers
            l1.down = False
            running.said("game.timeout")
            world.chain.advance(MINIMAL.window)
            running.said("batch.confirmed")
            said = running.end()
        assert said.code == 0
        assert "Traceback" not in said.err
        assert all(json.loads(line)["event"] for line in said.err.splitlines())
        l1.down = True
        with Command(tmp_path / "late", *arguments) as late:
            said = late.wait()
        assert said.code == 6
        assert said.line
    assert world.contracts.game.status_of(false.claim.id) is ClaimStatus.REJECTED
    assert world.contracts.rollup.confirmed() == 1


def test_an_l1_that_stays_away_ends_a_validator(
    world: World, plumbline: Plumbline, tmp_path: Path
) -> None:
    arguments = COMMANDS["validator run"](world)
    arguments.remove("--once")
    with Flaky(world.chain.url) as l1:
        l1.fail_after = 120  # past the start
        said = plumbline(
            *arguments, "--l1", l1.url, "--deployment", world.deployment, "--poll", "50ms",
            "--patience", "1s",
        )  # fmt: skip
        assert l1.calls > 120
    assert said.code == 6
    assert "no answer from the L1 endpoint" in said.line
    assert "l1.away" in said.err


def working(world: World, gateway: str, out: Path) -> Arguments:
    path = jobs_file(world, world.job(claims=4), world.job(claims=3, bundle=2))
    return [
        "worker", "run", "--no-defend", "--jobs", path, "--content", world.folder / "content",
        "--l1", world.chain.url, "--deployment", world.deployment, "--backend", "reference",
        "--gateway", gateway, DEV, WORKER, "--json", out,
    ]  # fmt: skip


def test_a_gateway_goes_away_from_a_worker_and_comes_back(
    world: World, plumbline: Plumbline, tmp_path: Path, gateway: str
) -> None:
    out = tmp_path / "worker.json"
    with Flaky(gateway) as between:
        between.fail_after = 3  # the nonce, and two claims

        def back() -> None:
            eventually(lambda: between.down, "the worker submits")
            time.sleep(1)
            between.fail_after, between.down = None, False

        mender = threading.Thread(target=back)
        mender.start()
        said = plumbline(*working(world, between.url, out), "--patience", "20s")
        mender.join()
    assert said.code == 0
    report = json.loads(out.read_text())
    assert len(report["receipts"]) == len(set(report["receipts"])) == 7
    account = AccountIndex(report["account"])
    assert GatewayClient(gateway).next_nonce(account) == 7


@pytest.mark.parametrize("answered", [0, 1, 3, 6])
def test_a_gateway_that_stays_away_ends_a_worker(
    world: World, plumbline: Plumbline, tmp_path: Path, gateway: str, answered: int
) -> None:
    out = tmp_path / "worker.json"
    with Flaky(gateway) as between:
        between.fail_after = answered
        said = plumbline(*working(world, between.url, out), "--patience", "300ms")
    assert said.code == 9
    assert "is the sequencer running?" in said.line
    assert not out.exists()
    account = world.contracts.vault.account_of(world.signer(WORKER).address)
    held = GatewayClient(gateway).next_nonce(account)
    assert held == {0: 0, 1: 0, 3: 2, 6: 6}[answered]  # the fifth is a bundle of two
    # Whoever runs it again goes on with the next nonce: no gap, and nothing is refused.
    assert plumbline(*working(world, gateway, out)).code == 0
    assert GatewayClient(gateway).next_nonce(account) == held + 7
