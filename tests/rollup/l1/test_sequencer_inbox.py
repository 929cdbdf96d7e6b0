"""What the sequencer takes of the inbox on a real chain, and what it reads of it."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from rollup.l1.chain import BlockNumber
from rollup.l1.deploy import Contracts
from rollup.l1.devnet import Devnet
from rollup.l1.view import ContractView
from rollup.protocol.actions import Action
from rollup.protocol.entries import sign_receipt
from rollup.protocol.ledger.packing import forced_bytes
from rollup.protocol.types import (
    AccountIndex,
    BatchNumber,
    Nonce,
)
from rollup.sequencer import batcher
from tests.rollup.l1.conftest import SEQUENCER, WORKER
from tests.rollup.l1.desk import NO_SIGNATURE, Desk, Play, player


@pytest.fixture
def play(clean: Devnet, contracts: Contracts, tmp_path: Path) -> Callable[[Play], None]:
    """Runs a scene at a desk of its own."""
    return player(clean, contracts, tmp_path)


def test_the_inbox_is_taken_with_the_batches_and_alone(play: Callable[[Play], None]) -> None:
    async def scene(desk: Desk) -> None:
        rollup, worker = desk.contracts.rollup, desk.chain.accounts[WORKER]
        await desk.seal()
        await desk.settle()
        forced = forced_bytes(Action(32, AccountIndex(1), Nonce(0), 1, 0, 5), NO_SIGNATURE)
        for _ in range(3):
            rollup.force(worker, forced)
        await desk.store.seal(batcher.entries_alone(5), 0)
        desk.sealed += 1
        await desk.settle()
        await desk.whole()
        view = ContractView(desk.contracts)
        one, two = (view.header(BatchNumber(number)) for number in (1, 2))
        assert one is not None
        assert two is not None
        assert one.inbox == one.taken == one.seen > 0
        assert (two.receipts, two.taken, two.inbox) == (0, 3, rollup.inbox_count())
        assert (await desk.store.mountains(BatchNumber(2))).hash == two.history

    play(scene)


def test_forced_receipts_count_when_the_owner_signed_them(play: Callable[[Play], None]) -> None:
    async def scene(desk: Desk) -> None:
        rollup, worker = desk.contracts.rollup, desk.chain.accounts[WORKER]
        domain, other = desk.contracts.deployment.domain, desk.chain.accounts[SEQUENCER]
        account, _, _ = desk.contracts.vault.deposit(worker, 1)
        one, two = (Action(32, account, Nonce(nonce), 1, 0, 5) for nonce in range(2))
        rollup.force(other, forced_bytes(one, NO_SIGNATURE))
        nobodys = replace(two, account=AccountIndex(account + 100))
        for said, signer in ((one, other), (one, worker), (nobodys, worker), (two, worker)):
            signature = sign_receipt(said, domain, signer.key).signature
            rollup.force(other, forced_bytes(said, signature))
        await desk.store.seal(batcher.entries_alone(0), 0)
        desk.sealed = 1
        await desk.settle()
        posted = await desk.port.posted(BatchNumber(1))
        assert posted is not None
        assert posted.forced == (one, two)
        assert await desk.store.next_nonce(account) == 2

    play(scene)


def test_what_waits_in_the_inbox_is_read_once(play: Callable[[Play], None]) -> None:
    async def scene(desk: Desk) -> None:
        rollup, worker = desk.contracts.rollup, desk.chain.accounts[WORKER]
        scans: list[int] = []
        scan = desk.port._read._scan_inbox

        def counted(first: BlockNumber) -> None:
            scans.append(first)
            scan(first)

        desk.port._read._scan_inbox = counted  # type: ignore[method-assign]
        end = rollup.inbox_count()
        kept = desk.chain.snapshot()
        for account in (1, 2):
            said = Action(32, AccountIndex(account), Nonce(0), 1, 0, 5)
            forced = forced_bytes(said, NO_SIGNATURE)
            rollup.force(worker, forced)
            for _ in range(3):
                (entry,) = await desk.port.inbox(end, end + 1)
                assert entry.leaf == rollup.inbox_leaf(end)
                assert entry.forced == forced
            desk.chain.revert(kept)
            kept = desk.chain.snapshot()
        assert len(scans) == 2  # once each: a reorganisation put another one there
        assert await desk.port.inbox(end, end) == []
        assert len(await desk.port.inbox(0, end)) == end

    play(scene)
