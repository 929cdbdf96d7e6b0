"""The poster on a real chain: each sealed batch enters once, whatever happens in between."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from prover.commit.keccak import ZERO_HASH, Hash
from rollup.errors import L1Unavailable, LostConsistency
from rollup.l1.chain import BlockNumber
from rollup.l1.deploy import Contracts
from rollup.l1.devnet import Devnet
from rollup.l1.errors import InsufficientFunds
from rollup.l1.events import chunks_behind
from rollup.l1.view import ContractView
from rollup.protocol.actions import Action
from rollup.protocol.batch import check_data
from rollup.protocol.eip712 import Signature
from rollup.protocol.entries import sign_receipt
from rollup.protocol.header import data_hashes, genesis
from rollup.protocol.ledger.packing import forced_bytes
from rollup.protocol.presets import MINIMAL
from rollup.protocol.receipts import Statement
from rollup.protocol.types import (
    AccountIndex,
    BatchNumber,
    Nonce,
    SlotIndex,
)
from rollup.sequencer import batcher
from rollup.sequencer.l1_port import ContractRollup, parse
from rollup.sequencer.ports import Post, Publish
from rollup.sequencer.poster import Poster
from rollup.store import SqliteStore
from tests.rollup.headers import newest
from tests.rollup.l1.conftest import SEQUENCER, WORKER

DEPTH = 40
NO_SIGNATURE = Signature(bytes(65))


@dataclass
class Desk:
    """A store, a poster over it, and a hand on its clock."""

    chain: Devnet
    contracts: Contracts
    store: SqliteStore
    port: ContractRollup
    poster: Poster
    now: float = 0.0
    sealed: int = 0

    async def seal(self, receipts: int = 5, chunk_bytes: int = 200) -> None:
        """Accepts receipts and seals them as the next batch."""
        domain = self.contracts.deployment.domain
        key = self.chain.accounts[WORKER].key
        first = await self.store.next_nonce(AccountIndex(1))
        entries = [
            sign_receipt(
                Statement(16, AccountIndex(1), Nonce(first + n), Hash(bytes(32)), Hash(bytes(32))),
                domain,
                key,
            )
            for n in range(receipts)
        ]
        await self.store.submit(entries, 0)
        self.sealed += 1
        batch = batcher.make(await self.store.pooled(), chunk_bytes)
        await self.store.seal(batch, 0)

    async def settle(self, steps: int = 12) -> None:
        """Steps, with a block and ten seconds after each, until there is nothing to do."""
        for _ in range(steps):
            self.now += 10
            busy = await self.poster.step()
            self.chain.mine()
            if not busy and (await self.port.view()).head == self.sealed:
                return
        raise AssertionError("the poster does not come to an end")

    async def whole(self) -> None:
        """Each sealed batch is on L1 once, with data that gives its root."""
        view = ContractView(self.contracts)
        for number in range(1, self.sealed + 1):
            stored = await self.store.batch(BatchNumber(number))
            header = view.header(BatchNumber(number))
            assert stored is not None
            assert header is not None
            assert (header.root, header.data_hash) == (stored.root, stored.data_hash)
            assert check_data(header, view.chunks(header)).root == stored.root
        assert self.contracts.rollup.head()[0] == self.sealed


Play = Callable[[Desk], Awaitable[None]]


@asynccontextmanager
async def opened(chain: Devnet, contracts: Contracts, folder: Path) -> AsyncIterator[Desk]:
    store = await SqliteStore.open(folder / "store.db", contracts.deployment.domain)
    port = ContractRollup(contracts, chain.accounts[SEQUENCER])
    desk = Desk(chain, contracts, store, port, poster=None)  # type: ignore[arg-type]
    desk.poster = Poster(
        store,
        port,
        contracts.deployment.domain,
        lambda: desk.now,
        DEPTH,
        MINIMAL.inbox_cap,
        bump_after=60,
    )
    try:
        yield desk
    finally:
        await store.close()


@pytest.fixture
def play(clean: Devnet, contracts: Contracts, tmp_path: Path) -> Callable[[Play], None]:
    """Runs a scene at a desk of its own."""

    def run(scene: Play) -> None:
        async def whole() -> None:
            async with opened(clean, contracts, tmp_path) as desk:
                await scene(desk)

        asyncio.run(whole())

    return run


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
