"""The poster on a real chain: each sealed batch enters once, whatever happens in between."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from prover.commit.keccak import ZERO_HASH, Hash
from rollup.errors import L1Unavailable, LostConsistency
from rollup.l1.deploy import Contracts
from rollup.l1.devnet import Devnet
from rollup.l1.errors import InsufficientFunds
from rollup.l1.events import chunks_behind
from rollup.protocol.header import data_hashes, genesis
from rollup.protocol.types import (
    BatchNumber,
    SlotIndex,
)
from rollup.sequencer.l1_port import parse
from rollup.sequencer.ports import Post, Publish
from tests.rollup.headers import newest
from tests.rollup.l1.conftest import SEQUENCER, WORKER
from tests.rollup.l1.desk import DEPTH, Desk, Play, opened, player


@pytest.fixture
def play(clean: Devnet, contracts: Contracts, tmp_path: Path) -> Callable[[Play], None]:
    """Runs a scene at a desk of its own."""
    return player(clean, contracts, tmp_path)


def test_sealed_batches_reach_l1_in_order(play: Callable[[Play], None]) -> None:
    async def scene(desk: Desk) -> None:
        await desk.seal(receipts=20, chunk_bytes=150)  # several chunks
        await desk.seal(receipts=1)
        await desk.settle()
        await desk.whole()
        desk.chain.mine(DEPTH)
        await desk.poster.step()
        assert await desk.store.unsettled() == []

    play(scene)


def test_a_reorganisation_that_takes_a_batch_back_is_made_good(
    play: Callable[[Play], None],
) -> None:
    async def scene(desk: Desk) -> None:
        await desk.seal()
        await desk.settle()
        kept = desk.chain.snapshot()
        await desk.seal(receipts=9)
        await desk.seal(receipts=2)
        await desk.settle()
        desk.chain.revert(kept)
        assert desk.contracts.rollup.head()[0] == 1
        await desk.settle()
        await desk.whole()

    play(scene)


def test_data_that_a_reorganisation_left_over_is_discarded(play: Callable[[Play], None]) -> None:
    async def scene(desk: Desk) -> None:
        sequencer = desk.chain.accounts[SEQUENCER]
        desk.contracts.rollup.publish(sequencer, b"left over")
        await desk.seal()
        await desk.settle()
        await desk.whole()
        head = desk.contracts.client.head().number
        block = desk.contracts.deployment.block
        published = desk.contracts.rollup.chunks(sequencer.address, block, head)
        assert len(published) > 1
        stored = await desk.store.batch(BatchNumber(1))
        assert stored is not None
        behind = chunks_behind(published, stored.data_hash)
        assert behind == published[1:]
        assert chunks_behind(published, ZERO_HASH) is None

    play(scene)


def test_transactions_that_l1_lost_are_sent_again(play: Callable[[Play], None]) -> None:
    async def scene(desk: Desk) -> None:
        await desk.seal(receipts=12, chunk_bytes=150)
        desk.chain.automine(False)
        await desk.poster.step()
        view = await desk.port.view()
        for intent in await desk.store.intents(view.nonce):
            desk.chain.rpc("anvil_dropTransaction", "0x" + intent.hash.hex())
        desk.chain.mine()
        assert desk.contracts.rollup.head()[0] == 0
        await desk.settle()
        await desk.whole()

    play(scene)


def test_a_batch_that_waits_long_pays_more(play: Callable[[Play], None]) -> None:
    async def scene(desk: Desk) -> None:
        await desk.seal()
        desk.chain.automine(False)
        await desk.poster.step()
        nonce = (await desk.port.view()).nonce
        first = await desk.store.intents(nonce)
        await desk.poster.step()
        desk.now += 100
        await desk.poster.step()
        raised = await desk.store.intents(nonce)
        assert len(raised) == len(first)
        for old, new in zip(first, raised, strict=True):
            before, after = parse(old.raw), parse(new.raw)  # type: ignore[arg-type]
            assert after.max_fee >= before.max_fee * 11 // 10
            assert after.tip >= before.tip * 11 // 10
            assert (after.nonce, after.data, after.gas) == (before.nonce, before.data, before.gas)
        await desk.settle()
        await desk.whole()

    play(scene)


def test_a_process_that_died_before_sending_goes_on(
    clean: Devnet, contracts: Contracts, tmp_path: Path
) -> None:
    async def first() -> None:
        async with opened(clean, contracts, tmp_path) as desk:
            await desk.seal()
            view = await desk.port.view()
            stored = await desk.store.batch(BatchNumber(1))
            assert stored is not None
            chunks = await desk.store.chunks(BatchNumber(1))
            calls = [Publish(chunk) for chunk in chunks]
            parent, hashes = genesis(desk.contracts.deployment.domain), stored.data_hash
            post = Post(parent, (), stored.receipts, stored.root, hashes, view.inbox)
            intents = await desk.port.sign(stored.number, [*calls, post], view.nonce)
            await desk.store.intend(intents)
            await desk.port.send(intents[0])  # and dies

    async def second() -> None:
        async with opened(clean, contracts, tmp_path) as desk:
            desk.sealed = 1
            await desk.settle()
            await desk.whole()

    asyncio.run(first())
    asyncio.run(second())


def test_an_unbonded_sequencer_waits_and_burns_no_gas(play: Callable[[Play], None]) -> None:
    async def scene(desk: Desk) -> None:
        sequencer = desk.chain.accounts[SEQUENCER]
        desk.contracts.vault.exit(sequencer, SlotIndex(0))
        desk.chain.advance(5)
        await desk.seal()
        await desk.poster.step()  # the chunks and a post, which reverts
        desk.chain.mine()
        nonce = (await desk.port.view()).nonce
        for _ in range(3):
            desk.now += 3_600
            with pytest.raises(L1Unavailable, match="SequencerUnbonded"):
                await desk.poster.step()
        assert (await desk.port.view()).nonce == nonce
        _, slot, _ = desk.contracts.vault.deposit(sequencer, 1)
        desk.contracts.rollup.choose_slot(sequencer, slot)
        desk.now += 3_600
        await desk.settle()
        await desk.whole()

    play(scene)


def test_a_sequencer_without_ether_says_so(play: Callable[[Play], None]) -> None:
    async def scene(desk: Desk) -> None:
        sequencer = desk.chain.accounts[SEQUENCER]
        wealth = desk.contracts.client.balance(sequencer.address)
        await desk.seal()
        desk.chain.set_balance(sequencer.address, 1)
        with pytest.raises(InsufficientFunds, match="the account cannot pay: send it ETH"):
            await desk.poster.step()
        desk.chain.set_balance(sequencer.address, wealth)
        await desk.settle()
        await desk.whole()

    play(scene)


def test_another_poster_with_the_same_account_is_lost_consistency(
    play: Callable[[Play], None],
) -> None:
    async def scene(desk: Desk) -> None:
        sequencer, rollup = desk.chain.accounts[SEQUENCER], desk.contracts.rollup
        rollup.publish(sequencer, b"theirs")
        data_hash = data_hashes([b"theirs"])[-1]
        parent = genesis(desk.contracts.deployment.domain)
        rollup.post(sequencer, parent, (), 1, Hash(bytes(32)), data_hash, rollup.inbox_count())
        await desk.seal()
        with pytest.raises(LostConsistency, match="another sequencer posts"):
            await desk.poster.step()

    play(scene)


def test_what_somebody_else_posts_is_taken_up(play: Callable[[Play], None]) -> None:
    async def scene(desk: Desk) -> None:
        rollup, worker = desk.contracts.rollup, desk.chain.accounts[WORKER]
        await desk.seal()
        await desk.settle()
        _, slot, _ = desk.contracts.vault.deposit(worker, 1)
        desk.chain.advance(rollup.deadline())
        theirs, _ = rollup.post_overdue(worker, slot, *newest(desk.contracts), rollup.inbox_count())
        await desk.seal()
        desk.sealed += 1  # theirs
        await desk.settle()
        await desk.whole()
        held = await desk.store.unsettled()
        assert [batch.ours for batch in held] == [True, False, True]
        assert held[1].posted is not None
        assert held[1].posted.header == theirs

    play(scene)


def test_what_its_own_account_posts_as_overdue_is_taken_up(play: Callable[[Play], None]) -> None:
    """A settlement that signs with the sequencer's key stood in for it while it was away."""

    async def scene(desk: Desk) -> None:
        rollup, sequencer = desk.contracts.rollup, desk.chain.accounts[SEQUENCER]
        await desk.seal()
        await desk.settle()
        desk.contracts.vault.deposit(desk.chain.accounts[WORKER], 1)
        desk.chain.advance(rollup.deadline())
        _, slot = rollup.sequencer_slot()
        what = (*newest(desk.contracts), rollup.inbox_count())
        late, _ = rollup.post_overdue(sequencer, slot, *what)
        await desk.seal()
        desk.sealed += 1  # that one
        await desk.settle()
        await desk.whole()
        held = await desk.store.unsettled()
        assert [batch.ours for batch in held] == [True, False, True]
        assert held[1].posted is not None
        assert held[1].posted.header == late

    play(scene)


def test_the_view_is_of_one_block(play: Callable[[Play], None]) -> None:
    async def scene(desk: Desk) -> None:
        before = await desk.port.view()
        assert before.head == 0
        assert before.head_hash == desk.contracts.rollup.head()[1]
        assert before.data_hash == ZERO_HASH
        assert await desk.port.posted(BatchNumber(1)) is None
        await desk.seal()
        await desk.settle()
        after = await desk.port.view()
        posted = await desk.port.posted(BatchNumber(1))
        assert posted is not None
        assert posted.header.hash == after.head_hash
        assert before.block < posted.block <= after.block
        assert after.nonce > before.nonce

    play(scene)
