"""A ledger on the embedded chain that has come to a batch in which everything happens.

Batch 1 has Ann's training claims, batch 2 the word that they are final and what was paid in; the
states after both are confirmed. Batch 3 is posted, with an inbox part, and nothing is asserted of
it yet: payments, settlements, forgeries and used nonces in random order.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from prover.commit.keccak import Hash, keccak
from rollup import bookkeeping, session
from rollup.l1.token import token_units
from rollup.ledger.books import Books
from rollup.protocol.actions import Action, ActionKind
from rollup.protocol.assertions import Assertion
from rollup.protocol.entries import Entry, SignedReceipt, sign_bundle, sign_receipt
from rollup.protocol.ledger import run
from rollup.protocol.ledger.packing import forced_bytes
from rollup.protocol.ledger.run import LedgerBatch
from rollup.protocol.ledger.store import State
from rollup.protocol.ledger.types import Amount
from rollup.protocol.presets import MINIMAL
from rollup.protocol.receipts import Receipt, Statement, StatementKind
from rollup.protocol.types import AccountIndex, BatchNumber, Nonce, SlotIndex
from rollup.settlement import Settlement
from tests.rollup.ledger.frauds import CLAIM, FORCED, FORGED, INBOX, PAY, SETTLE, USED
from tests.rollup.world import GROWTH, SECOND, SEQUENCER, STRANGER, VALIDATOR, WORKER, World

ANN, BOB, KEEPER, AUDITOR = WORKER, SECOND, VALIDATOR, STRANGER
"""Places in `Devnet.accounts`: two contributors, who keeps assertions, who disputes them."""
CLAIMS: Final = 3
PAID_IN: Final = Amount(1_000_000)
NUMBER: Final = BatchNumber(3)
WITHDRAWN: Final = 4_321


@dataclass
class Story:
    """One deployment with its books; what each position of batch 3 is for."""

    world: World
    places: defaultdict[str, list[int]] = field(default_factory=lambda: defaultdict(list))

    def account(self, who: int) -> AccountIndex:
        return self.world.contracts.vault.account_of(self.world.signer(who).address)

    def books(self) -> Books:
        return bookkeeping.books(self.world.contracts)

    def keep(self) -> tuple[list[BatchNumber], list[BatchNumber]]:
        """A round of a keeper that begins now: what it asserted, and what it confirmed."""
        self.world.chain.mine(MINIMAL.confirmations)  # until when a batch is taken to last
        done = bookkeeping.keeping(self.books(), self.world.signer(KEEPER))()
        return done.asserted, done.confirmed

    def truth(self) -> tuple[LedgerBatch, State, Hash]:
        """Batch 3, and by the reference the state before it and the root after it."""
        books = self.books()
        state = State(MINIMAL.ring, MINIMAL.ledger_rules)
        for number in map(BatchNumber, range(1, NUMBER)):
            self._run(state, books.replay.batch(number))
        batch, after = books.replay.batch(NUMBER), state.copy()
        self._run(after, batch)
        return batch, state, after.hash

    @staticmethod
    def _run(state: State, batch: LedgerBatch) -> None:
        for position in range(batch.run.length):
            run.step(state, batch, position)

    def say(self, who: int, root: Hash, pre: Hash, slot: int = 0) -> Assertion:
        """Somebody asserts something of batch 3."""
        books, signer = self.books(), self.world.signer(who)
        header = books.replay.header(NUMBER)
        assert header is not None
        made = Assertion(
            NUMBER, header.hash, pre, root, self.account(who), SlotIndex(slot), signer.address
        )
        self.world.contracts.assertions.assert_state(signer, made)
        return made

    def slashed(self, who: int, slot: int = 0) -> bool:
        return self.world.contracts.vault.is_slashed(self.account(who), SlotIndex(slot))


def tell(world: World, seed: int = 0) -> Story:
    """The story up to batch 3."""
    story, contracts = Story(world), world.contracts
    contracts.vault.deposit(world.signer(KEEPER), 2)
    (job,) = (world.job(claims=CLAIMS),)
    assert job.params is not None
    governor = world.signer(SEQUENCER)
    contracts.jobs.open(governor, GROWTH.id, 0, job.inputs[0], job.params)
    world.post(world.work(job))
    settle_batches(world)
    for who in (ANN, BOB):
        signer, rewards = world.signer(who), contracts.rewards
        contracts.token.mint(signer, signer.address, token_units(PAID_IN))
        contracts.token.approve(signer, rewards.address, token_units(PAID_IN))
        rewards.deposit(signer, story.account(who), PAID_IN)
    world.post([_said(story, BOB, 0)])
    assert story.keep() == ([1, 2], [])
    world.chain.advance(MINIMAL.window)
    assert story.keep() == ([], [1, 2])

    forced = Action(ActionKind.TRANSFER, story.account(BOB), Nonce(1), story.account(ANN), 0, 77)
    signer = world.signer(BOB)
    signed = sign_receipt(forced, contracts.deployment.domain, signer.key)
    contracts.rollup.force(signer, forced_bytes(forced, signed.signature))
    contracts.token.mint(signer, signer.address, token_units(Amount(5)))
    contracts.token.approve(signer, contracts.rewards.address, token_units(Amount(5)))
    contracts.rewards.deposit(signer, story.account(ANN), Amount(5))
    header = world.post(_drawn(story, random.Random(seed), taken=2))
    assert header.taken == 2, "a forced receipt and a deposit"
    story.places[FORCED].append(0)
    story.places[INBOX].append(1)
    return story


def settle_batches(world: World) -> None:
    """Confirms every batch whose claims may no longer be disputed, and so tells the inbox."""
    world.chain.advance(MINIMAL.window)
    Settlement(world.contracts, world.signer(AUDITOR), world.follower()).round()


def _said(story: Story, who: int, nonce: int) -> SignedReceipt:
    signer, content = story.world.signer(who), keccak(b"said %d" % nonce)
    said = Statement(StatementKind.LABEL, story.account(who), Nonce(nonce), content, content)
    return sign_receipt(said, story.world.contracts.deployment.domain, signer.key)


def _drawn(story: Story, rng: random.Random, taken: int) -> Sequence[Entry]:
    """Entries in random order; where each kind of receipt stands is noted."""
    world, domain = story.world, story.world.contracts.deployment.domain
    ann, bob = story.account(ANN), story.account(BOB)
    key = world.signer(ANN).key
    # 38 steps with the inbox's: a part of the first dissection has two or more, so that it is the
    # challenger who proves the last one.
    plan = [PAY] * 12 + [SETTLE] * 2 + [FORGED] * 5 + [USED] * 5 + [CLAIM] * 2
    plan += ["bundle"] * 3 + ["withdraw"]
    rng.shuffle(plan)
    entries: list[Entry] = []
    nonce, settled, position = CLAIMS, 0, taken

    def act(kind: ActionKind, at: int, *fields: int) -> Action:
        return Action(kind, ann, Nonce(at), *fields)

    for role in plan:
        if role == PAY:
            paid = act(ActionKind.TRANSFER, nonce, bob, 0, rng.randrange(1, 1_000))
            entries.append(sign_receipt(paid, domain, key))
            nonce += 1
        elif role == SETTLE:
            entries.append(sign_receipt(act(ActionKind.SETTLE, nonce, settled), domain, key))
            nonce, settled = nonce + 1, settled + 1
        elif role == CLAIM:
            entries += world.work(world.job(), who=ANN, nonce=nonce)
            nonce += 1
        elif role == "withdraw":
            withdrawn = act(ActionKind.WITHDRAW, nonce, 0, 0, WITHDRAWN)
            entries.append(sign_receipt(withdrawn, domain, key))
            nonce += 1
        elif role == USED:
            used = act(ActionKind.TRANSFER, rng.randrange(nonce), bob, 0, 13)
            entries.append(sign_receipt(used, domain, key))
        elif role == FORGED:  # Bob pays Ann, she says
            forged = Action(ActionKind.TRANSFER, bob, Nonce(2), ann, 0, 900)
            entries.append(sign_receipt(forged, domain, key))
        else:
            paid_ = [act(ActionKind.TRANSFER, nonce + i, bob, 0, 1 + i) for i in range(3)]
            said: list[Receipt] = [replace(one) for one in paid_]
            entries.append(sign_bundle(said, domain, key))
            story.places[PAY] += [position, position + 1]
            nonce, position = nonce + 3, position + 2
        story.places[PAY if role == "bundle" else role].append(position)
        position += 1
    return entries


def live(story: Story, who: int) -> tuple[SlotIndex, ...]:
    return session.live_slots(story.world.contracts, story.world.signer(who).address)[1]
