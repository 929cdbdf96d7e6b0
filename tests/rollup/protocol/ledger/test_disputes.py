"""Frauds about the ledger, played by the unchanged rules and solver against the reference."""

import random
from collections.abc import Callable
from dataclasses import dataclass, replace

import pytest

from bisection.errors import ConsistencyLost
from bisection.game import Action as GameAction
from bisection.game import Rules, Side
from bisection.machine import Claim, ClaimId, Trace
from prover.commit.keccak import keccak
from rollup.protocol.actions import Action, ActionKind
from rollup.protocol.eip712 import Signature
from rollup.protocol.ledger import layout
from rollup.protocol.ledger.effects import receipt_step
from rollup.protocol.ledger.entries import Placed, sign_many, sign_one
from rollup.protocol.ledger.header import Forest
from rollup.protocol.ledger.inbox import InboxEntry, InboxKind
from rollup.protocol.ledger.machine import LedgerMachine, LedgerTrace
from rollup.protocol.ledger.run import LedgerBatch
from rollup.protocol.ledger.store import State
from rollup.protocol.ledger.trace import FastTrace
from rollup.protocol.ledger.types import Account, Amount, Score
from rollup.protocol.receipts import Receipt
from rollup.protocol.types import Nonce
from tests.bisection.liars import LIARS
from tests.bisection.table import (
    CHALLENGER,
    DEFENDER,
    WON,
    ModelTable,
    View,
    ceil_log,
    honest_action,
    lie,
    play,
)
from tests.rollup.protocol.ledger.drawing import DOMAIN, KEYS, drawn_batch, name, pair
from tests.rollup.protocol.ledger.scene import ANN, BOB, CAT, TRAIN, Scene

RULES = Rules(k=4, clock=1_000, grace=100)
SETTLING, PAYING, FORGED, REUSED = 1, 2, 6, 7
"""Positions in the batch, after its one inbox entry."""


def batch() -> tuple[LedgerBatch, State]:
    """Ann's claim is settled, she pays Bob; among others there are a forgery and a used nonce."""
    scene = Scene()
    seq = scene.claim(ANN, after=name("after"))
    pre, nonce = scene.state, scene.account(ANN).nonce
    said: list[Receipt] = [
        Action(ActionKind.SETTLE, ANN, nonce, seq, TRAIN),
        Action(ActionKind.TRANSFER, ANN, Nonce(nonce + 1), BOB, 0, 5_000),
        Action(ActionKind.WITHDRAW, ANN, Nonce(nonce + 2), 0, 0, 7),
    ]
    bob: list[Receipt] = [
        Action(ActionKind.TRANSFER, BOB, Nonce(0), CAT, 0, 11),
        replace(scene.work(BOB), nonce=Nonce(1)),
    ]
    forged = Action(ActionKind.TRANSFER, CAT, Nonce(0), BOB, 0, 900)
    used = Action(ActionKind.TRANSFER, ANN, nonce, BOB, 0, 13)
    rest = Action(ActionKind.TRANSFER, CAT, Nonce(0), ANN, 0, 1)
    entries = [
        *sign_many(said, DOMAIN, KEYS[0]),
        *[sign_one(one, DOMAIN, KEYS[1]) for one in bob],
        Placed(forged, Signature(bytes(65))),
        sign_one(used, DOMAIN, KEYS[0]),
        sign_one(rest, DOMAIN, KEYS[2]),
    ]
    confirmed = InboxEntry(InboxKind.CONFIRM, scene.batch)
    made = LedgerBatch.of(DOMAIN.separator, 2, 20, [confirmed], entries)
    return made, pre


BATCH, PRE = batch()


def changed(state: State, index: int, **fields: int) -> None:
    """Adds to fields of an account."""
    account = Account.unpack(state.read(Forest.ACCOUNTS, index))
    more = {one: getattr(account, one) + by for one, by in fields.items()}
    state.write(Forest.ACCOUNTS, index, replace(account, **more).pack())


def again(state: State, position: int) -> None:
    """Applies a receipt's effect, whatever its nonce and signature."""
    receipt = BATCH.entries[position - 1].receipt
    account = Account.unpack(state.read(Forest.ACCOUNTS, receipt.account))
    fitting = replace(receipt, nonce=account.nonce)
    receipt_step(state, 2, 20, fitting, account.address)


Spoil = Callable[[State], None]


@dataclass(frozen=True)
class Fraud:
    """After the step at `position`, or instead of it, the asserter does something else."""

    name: str
    position: int
    spoil: Spoil
    instead: bool = False


def wrong_factor(state: State) -> None:
    changed(state, ANN, score=250)
    state.header = replace(state.header, score=Score(state.header.score + 250))


def wrong_account(state: State) -> None:
    changed(state, BOB, balance=-5_000)
    changed(state, CAT, balance=5_000)


def wrong_sum(state: State) -> None:
    state.header = replace(state.header, funds=Amount(state.header.funds + 1))


def nothing(state: State) -> None:
    return None


FRAUDS = (
    Fraud("wrong sum", PAYING, wrong_sum),
    Fraud("wrong balance", PAYING, lambda state: changed(state, BOB, balance=1)),
    Fraud("wrong factor", SETTLING, wrong_factor),
    Fraud("double-counted receipt", PAYING, lambda state: again(state, PAYING)),
    Fraud("reused nonce", REUSED, lambda state: again(state, REUSED), instead=True),
    Fraud("credited bad signature", FORGED, lambda state: again(state, FORGED), instead=True),
    Fraud("wrong account touched", PAYING, wrong_account),
    Fraud("skipped receipt", PAYING, nothing, instead=True),
    Fraud("skipped inbox entry", 0, nothing, instead=True),
)


class FalseTrace(LedgerTrace):
    """The run as the asserter of a fraud tells it."""

    def __init__(self, fraud: Fraud) -> None:
        super().__init__(BATCH, PRE)
        self.fraud = fraud

    def advance(self, state: State, position: int) -> None:
        here = position == self.fraud.position
        if not (here and self.fraud.instead):
            super().advance(state, position)
        if here:
            self.fraud.spoil(state)


@dataclass
class Believer:
    """Follows the solver on its own run."""

    trace: Trace

    def delay(self, view: View) -> int:
        return 0

    def act(self, view: View) -> GameAction | None:
        try:
            return honest_action(view, self.trace)
        except ConsistencyLost:
            return None


def claim_of(trace: Trace, of: LedgerBatch = BATCH) -> Claim:
    pre, post = trace.states([0, trace.length])
    identity = ClaimId(keccak(pre + post))
    return Claim(1, identity, of.run.hash, pre, post, trace.length, DEFENDER)


@pytest.mark.parametrize("fraud", FRAUDS, ids=lambda fraud: fraud.name)
@pytest.mark.parametrize("k", [2, 4, 16])
def test_a_fraud_is_proven_at_its_step(fraud: Fraud, k: int) -> None:
    truth, false = LedgerTrace(BATCH, PRE), FalseTrace(fraud)
    table = ModelTable(
        claim_of(false), CHALLENGER, Rules(k=k, clock=1_000, grace=100), machine=LedgerMachine()
    )
    states = truth.states(range(truth.length + 1)), false.states(range(truth.length + 1))
    first = next(i for i, pair in enumerate(zip(*states, strict=True)) if pair[0] != pair[1])
    assert first == fraud.position + 1
    result = play(table, Side.CHALLENGER, truth, Believer(false))
    assert result.status is WON[Side.CHALLENGER]
    assert result.dissections <= ceil_log(truth.length, k)


@pytest.mark.parametrize("fraud", FRAUDS, ids=lambda fraud: fraud.name)
def test_an_honest_batch_is_never_rejected(fraud: Fraud) -> None:
    truth = LedgerTrace(BATCH, PRE)
    table = ModelTable(claim_of(truth), CHALLENGER, RULES, machine=LedgerMachine())
    result = play(table, Side.DEFENDER, truth, Believer(FalseTrace(fraud)))
    assert result.status is WON[Side.DEFENDER]


@pytest.mark.parametrize("honest", Side)
@pytest.mark.parametrize("number", range(len(LIARS)))
def test_the_truth_wins_against_every_liar(honest: Side, number: int) -> None:
    truth = LedgerTrace(BATCH, PRE)
    claim = claim_of(truth)
    if honest is Side.CHALLENGER:
        claim = replace(claim, post=lie(claim.post))
    table = ModelTable(claim, CHALLENGER, RULES, machine=LedgerMachine())
    result = play(table, honest, truth, LIARS[number](truth, random.Random(number)))
    assert result.status.name == "UNOPENED" or result.status is WON[honest]


class SpoiltTrace(LedgerTrace):
    """A run in which one step leaves one account, or a sum, wrong."""

    fault = 0

    def advance(self, state: State, position: int) -> None:
        super().advance(state, position)
        if position != self.fault:
            return
        if position % 3:
            changed(state, 1 + position % 5, reputation=1)
        else:
            wrong_sum(state)


@pytest.mark.parametrize("seed", range(6))
def test_a_fault_anywhere_in_a_random_batch_is_proven_by_the_fast_path(seed: int) -> None:
    fast, drawer = pair(ring=4, seed=seed)
    for number in range(2, 5):
        said, made, signers = drawer.batch(number, 2, 20)
        fast.apply(number, drawer.posted, said, layout.receipts(made, signers), DOMAIN.separator)
    pre = drawer.state.copy()
    drawn = drawn_batch(drawer, 5, 4, 40)
    truth = FastTrace(drawn, fast)
    for fault in drawer.rng.sample(range(drawn.run.length), 6):
        false = SpoiltTrace(drawn, pre)
        false.fault = fault
        claim = claim_of(false, drawn)
        if claim.post == truth.states([truth.length])[0]:
            continue  # a later step wrote over it: the claim is true
        table = ModelTable(claim, CHALLENGER, RULES, machine=LedgerMachine())
        result = play(table, Side.CHALLENGER, truth, Believer(false))
        assert result.status is WON[Side.CHALLENGER]
        assert result.dissections <= ceil_log(truth.length, RULES.k)
