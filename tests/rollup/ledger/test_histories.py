"""Random histories on a chain: what is rebuilt from L1 alone is the reference's, root by root.

Receipts of every sort, forced ones, slots that come, go and are slashed over false assertions,
epochs that close, and reorganisations. One set of books lives through all of it.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from prover.commit.keccak import Hash, keccak
from rollup import bookkeeping, session
from rollup.l1.token import token_units
from rollup.ledger.books import Books
from rollup.ledger.comparing import Finding, compare
from rollup.ledger.ports import Stage
from rollup.ledger.trial import plan
from rollup.protocol.actions import Action, ActionKind
from rollup.protocol.assertions import Assertion, AssertionId, run_of
from rollup.protocol.entries import Entry, sign_bundle, sign_receipt
from rollup.protocol.header import Header
from rollup.protocol.ledger import run
from rollup.protocol.ledger.entries import placed
from rollup.protocol.ledger.inbox import InboxKind
from rollup.protocol.ledger.packing import forced_bytes
from rollup.protocol.ledger.run import LedgerBatch
from rollup.protocol.ledger.store import State, account_at
from rollup.protocol.ledger.types import Amount
from rollup.protocol.presets import MINIMAL
from rollup.protocol.receipts import Receipt, Statement, StatementKind
from rollup.protocol.types import AccountIndex, BatchNumber, Nonce
from tests.bisection.table import lie
from tests.rollup.ledger.story import ANN, AUDITOR, BOB, KEEPER, settle_batches
from tests.rollup.world import GROWTH, SEQUENCER, World

FIRST = ("work", "deposit", "time", "receipts", "settle", "epoch", "receipts", "settle")
"""So that something is earned in every history."""
LAST = ("reorganise", "receipts", "reorganise", "force", "receipts", "lie", "time", "receipts")
STEPS = 8
DEEP = 50
"""Blocks that a reorganisation takes back at the most: deeper ones are taken never to come."""


@dataclass
class Wanderer:
    """Does what comes to mind; remembers what it posted, and what it lied about."""

    world: World
    rng: random.Random
    posted: dict[Hash, list[Entry]] = field(default_factory=dict)
    lies: set[AssertionId] = field(default_factory=set)
    kept: tuple[str, int] | None = None
    did: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        contracts = self.world.contracts
        self.books = Books(contracts, self.world.follower())
        for who in (KEEPER, BOB):
            contracts.vault.deposit(self.world.signer(who), 2)
        job = self.world.job()
        assert job.params is not None
        contracts.jobs.open(self.world.signer(SEQUENCER), GROWTH.id, 0, job.inputs[0], job.params)
        self.post([])

    # ---- what may happen

    def receipts(self) -> None:
        """A batch of what two accounts say, in bundles and alone, some of it wrong."""
        entries: list[Entry] = []
        domain = self.world.contracts.deployment.domain
        for who in self.rng.sample([ANN, BOB], self.rng.randrange(1, 3)):
            index, key = self.account(who), self.world.signer(who).key
            nonce = self.nonce(index)
            said = self.drawn(index, nonce)
            half = self.rng.randrange(len(said) + 1)
            entries += [sign_receipt(one, domain, key) for one in said[:half]]
            if said[half:]:
                entries.append(sign_bundle(said[half:], domain, key))
        if self.rng.random() < 0.5:
            forged = Action(ActionKind.TRANSFER, self.account(ANN), self.nonce(2), 1, 0, 5)
            entries.insert(0, sign_receipt(forged, domain, self.world.signer(BOB).key))
        self.post(entries)

    def work(self) -> None:
        """Claims that go on from where the job is."""
        index = self.account(ANN)
        self.post(self.world.work(self.world.job(claims=2), nonce=self.nonce(index)))

    def settle(self) -> None:
        """Everything that can be settled and distributed is."""
        domain = self.world.contracts.deployment.domain
        self.books.poll()
        state = self.books.replay.state(self.books.replay.number)
        entries: list[Entry] = []
        for who in (ANN, BOB):
            said: list[Receipt] = [one.action for one in plan(state, self.account(who))]
            renumbered: list[Receipt] = []
            for place, one in enumerate(said):
                assert isinstance(one, Action)
                nonce = Nonce(self.nonce(one.account) + place)
                renumbered.append(
                    Action(one.kind, one.account, nonce, one.target, one.other, one.amount)
                )
            if renumbered:
                entries.append(sign_bundle(renumbered, domain, self.world.signer(who).key))
        self.post(entries)

    def force(self) -> None:
        """A transfer past the sequencer; now and then one that its account did not sign."""
        signer = self.world.signer(self.rng.choice([ANN, BOB]))
        index = self.account(ANN)
        action = Action(ActionKind.TRANSFER, index, self.nonce(index), 1, 0, 1)
        signed = sign_receipt(action, self.world.contracts.deployment.domain, signer.key)
        self.world.contracts.rollup.force(signer, forced_bytes(action, signed.signature))

    def deposit(self) -> None:
        """Tokens for an account, and for the epoch's pool."""
        who, contracts = self.rng.choice([ANN, BOB]), self.world.contracts
        signer, amount = self.world.signer(who), Amount(self.rng.randrange(1, 10**6))
        contracts.token.mint(signer, signer.address, token_units(Amount(2 * amount)))
        contracts.token.approve(signer, contracts.rewards.address, token_units(Amount(2 * amount)))
        contracts.rewards.deposit(signer, self.account(who), amount)
        contracts.rewards.fund(signer, amount)

    def slots(self) -> None:
        """A slot more, or one on its way out."""
        who, vault = BOB, self.world.contracts.vault
        _, live = session.live_slots(self.world.contracts, self.world.signer(who).address)
        if len(live) > 1 and self.rng.random() < 0.5:
            vault.exit(self.world.signer(who), self.rng.choice(live))
        else:
            vault.deposit(self.world.signer(who), 1)

    def lie(self) -> None:
        """A false assertion, which is brought down; its slot is slashed and its root dropped."""
        contracts, signer = self.world.contracts, self.world.signer(BOB)
        account, slot, _ = contracts.vault.deposit(signer, 1)
        self.books.poll()
        number, pre = self.books.view.confirmed
        header = self.books.replay.header(BatchNumber(number + 1))
        true = self.books.replay.root(BatchNumber(number + 1))
        if header is None or true is None:
            return
        made = Assertion(header.number, header.hash, pre, lie(true), account, slot, signer.address)
        contracts.assertions.assert_state(signer, made)
        self.lies.add(made.id)
        auditor = bookkeeping.auditor(self.books, self.world.signer(AUDITOR))
        auditor.round()
        self.world.chain.advance(MINIMAL.clock + 1)
        auditor.round()
        assert contracts.vault.is_slashed(account, slot)

    def time(self) -> None:
        """Windows close: batches and states are confirmed, slashes reported."""
        keep = bookkeeping.keeping(self.books, self.world.signer(KEEPER))
        self.world.chain.mine(MINIMAL.confirmations)
        keep()
        settle_batches(self.world)
        keep()

    def epoch(self) -> None:
        """An epoch closes."""
        self.world.chain.advance(MINIMAL.epoch)
        self.world.contracts.rewards.close_epoch(self.world.signer(AUDITOR))

    def reorganise(self) -> None:
        """What happened since the last look back never happened."""
        head = self.world.contracts.client.head().number
        if self.kept is not None and head - self.kept[1] < DEEP:
            self.world.chain.revert(self.kept[0])
            self.did.add("reorganised")
            self.kept = None
        else:
            self.kept = (self.world.chain.snapshot(), head)

    # ---- how

    def wander(self, steps: int) -> None:
        ways: dict[Callable[[], None], int] = {
            self.receipts: 5, self.work: 3, self.settle: 3, self.force: 4, self.deposit: 2,
            self.slots: 2, self.lie: 1, self.time: 3, self.epoch: 1, self.reorganise: 3,
        }  # fmt: skip
        drawn = self.rng.choices([*ways], [*ways.values()], k=steps)
        first, last = ([getattr(self, name) for name in names] for names in (FIRST, LAST))
        for way in [*first, *drawn, *last]:
            self.did.add(way.__name__)
            way()
            if self.rng.random() < 0.5:
                self.books.poll()

    def account(self, who: int) -> AccountIndex:
        return self.world.contracts.vault.account_of(self.world.signer(who).address)

    def nonce(self, index: int) -> Nonce:
        """What the ledger expects next of an account, as far as batches are posted."""
        self.books.poll()
        return account_at(self.books.replay.state(self.books.replay.number), index).nonce

    def post(self, entries: list[Entry]) -> None:
        rollup = self.world.contracts.rollup
        if entries or rollup.inbox_count() > self._last().inbox:
            self.posted[self.world.post(entries).hash] = entries

    def drawn(self, index: AccountIndex, nonce: int) -> list[Receipt]:
        rng, said = self.rng, []
        for place in range(rng.randrange(1, 8)):
            at = Nonce(nonce + place)
            content = keccak(b"%d" % rng.randrange(99))
            made: Receipt = Action(
                rng.choice([ActionKind.TRANSFER, ActionKind.WITHDRAW, 99]),
                index, at, rng.randrange(1, 6), 0, rng.randrange(2_000),
            )  # fmt: skip
            if rng.random() < 0.3:
                made = Statement(StatementKind.LABEL, index, at, content, content)
            said.append(made)
        return said

    def headers(self) -> list[Header]:
        contracts = self.world.contracts
        last = contracts.client.head().number
        return [one.header for one in contracts.rollup.batches(contracts.deployment.block, last)]

    def _last(self) -> Header:
        from rollup.protocol.header import genesis

        return ([genesis(self.world.contracts.deployment.domain), *self.headers()])[-1]

    def reference(self) -> list[Hash]:
        """Roots after each batch, step by step, from what was posted and L1's inbox events."""
        contracts = self.world.contracts
        domain, last = contracts.deployment.domain, contracts.client.head().number
        came = contracts.rollup.inbox_entries(contracts.deployment.block, last)
        self.did |= {InboxKind(one.entry.kind).name for one in came}
        state, roots = State(MINIMAL.ring, MINIMAL.ledger_rules), []
        for header in self.headers():
            inbox = [one.entry for one in came[header.inbox - header.taken : header.inbox]]
            entries = [one for entry in self.posted[header.hash] for one in placed(entry)]
            batch = LedgerBatch.of(domain.separator, header.number, header.posted, inbox, entries)
            assert batch.run == run_of(header, domain)
            for position in range(batch.run.length):
                run.step(state, batch, position)
            roots.append(state.hash)
        return roots


@pytest.mark.parametrize("seed", range(2))
def test_a_random_history_is_rebuilt_root_by_root(world: World, seed: int) -> None:
    wanderer = Wanderer(world, random.Random(seed))
    wanderer.wander(STEPS)
    roots = wanderer.reference()
    assert {"FORCED", "SLASH", "CONFIRM", "EPOCH", "DEPOSIT", "reorganised"} <= wanderer.did
    late = bookkeeping.books(world.contracts)
    wanderer.books.poll()
    for books in (wanderer.books, late):
        assert books.replay.number == len(roots)
        found = [books.replay.root(BatchNumber(n + 1)) for n in range(len(roots))]
        assert found == roots
        compared = [one for row in compare(books.replay, books.view).rows for one in row.compared]
        false = {one.asserted.id for one in compared if one.finding is Finding.FALSE}
        assert false == {one.asserted.id for one in compared} & wanderer.lies
        assert {one.asserted.stage for one in compared if one.asserted.id in false} == {
            Stage.REJECTED
        }
        assert {one.finding for one in compared} == {Finding.FALSE, Finding.TRUE}
