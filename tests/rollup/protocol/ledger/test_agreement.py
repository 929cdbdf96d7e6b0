"""The reference, the verifier on witnesses, and the fast path give one state, step by step."""

import random
from collections import Counter

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from bisection.machine import Machine
from prover.errors import PositionError
from rollup.protocol.actions import ActionKind
from rollup.protocol.ledger import kernel, layout, run, types, witness
from rollup.protocol.ledger.header import Forest
from rollup.protocol.ledger.machine import LedgerMachine, LedgerTrace
from rollup.protocol.ledger.run import LedgerBatch
from rollup.protocol.ledger.store import State
from rollup.protocol.ledger.trace import FastTrace
from rollup.protocol.ledger.types import Epoch, Status
from rollup.protocol.receipts import WorkKind
from tests.rollup.protocol.ledger.drawing import DOMAIN, Drawer, drawn_batch, founded, pair, signed

MACHINE: Machine = LedgerMachine()


def test_random_histories_reach_every_effect_alike() -> None:
    seen: Counter[str] = Counter()
    for seed in range(20):
        fast, drawer = pair(ring=6, seed=seed)
        for number in range(2, 30):
            entries, receipts, signers = drawer.batch(number, 3, 30)
            fast.apply(
                number, drawer.posted, entries, layout.receipts(receipts, signers), DOMAIN.separator
            )
            assert fast.hash == drawer.state.hash, (seed, number)
        header = drawer.state.header
        seen["ring turned"] += header.counts[Forest.RECORDS] > 64
        for index in range(header.epoch):
            seen["scored epoch"] += Epoch.unpack(drawer.state.read(Forest.EPOCHS, index)).score > 0
        for index in range(1, header.counts[Forest.ACCOUNTS]):
            account = drawer.account(index)
            seen["reputation"] += account.reputation > 0
            seen["payable"] += account.payable > 0
        for index in range(header.counts[Forest.JOBS]):
            seen["evaluated"] += drawer.job(index).best > 0
        first = max(0, header.counts[Forest.RECORDS] - 64)
        for seq in range(first, header.counts[Forest.RECORDS]):
            record = drawer.record(seq)
            seen[f"{WorkKind(record.kind).name} {Status(record.status).name}"] += 1
            seen["paid in part"] += record.kind == 2 and record.quantity > 0
    for what in (
        "ring turned", "scored epoch", "reputation", "payable", "paid in part",
        "evaluated", "COMPUTE PENDING", "COMPUTE FINAL", "INFERENCE FINAL",
    ):  # fmt: skip
        assert seen[what] > 0, what


@pytest.mark.parametrize("seed", range(3))
def test_the_verifier_agrees_on_every_step_of_signed_batches(seed: int) -> None:
    state = State(ring=4)
    founded(state)
    before = state.copy()
    drawer = Drawer(state, random.Random(seed))
    sizes = []
    for number in range(2, 10):
        batch = drawn_batch(drawer, number, 3, 9)
        for position in range(batch.run.length):
            pre = before.hash
            opened = witness.build(batch, before, position)
            assert MACHINE.step(batch.run.hash, position, pre, opened) == before.hash
            sizes.append(len(opened))
        assert before.hash == state.hash
    assert max(sizes) < 3_000


def test_the_compiled_constants_are_the_definitions() -> None:
    pairs = {
        types.BPS: kernel._BPS,
        types.MAX_WORK: kernel._MAX_WORK,
        types.REPUTATION_FULL: kernel._FULL,
        types.MAX_SLOTS: kernel._SLOTS,
    }
    assert all(wanted == int(found) for wanted, found in pairs.items())
    for found, wanted in (
        ((kernel._PENDING, kernel._FINAL), Status),
        ((kernel._COMPUTE, kernel._INFERENCE), WorkKind),
        (
            (
                kernel._TRANSFER, kernel._WITHDRAW, kernel._SETTLE,
                kernel._EVALUATE, kernel._USE, kernel._DISTRIBUTE,
            ),
            ActionKind,
        ),
    ):  # fmt: skip
        assert [int(one) for one in found] == list(wanted)


@pytest.mark.parametrize("ring", [1, 6])
def test_both_traces_know_the_same_run(ring: int) -> None:
    fast, drawer = pair(ring, seed=ring)
    for number in range(2, 6):
        pre = drawer.state.copy()
        entries, receipts, signers = drawer.batch(number, 3, 8)
        placed = [signed(*one) for one in zip(receipts, signers, strict=True)]
        batch = LedgerBatch.of(DOMAIN.separator, number, drawer.posted, entries, placed)
        slow, quick = LedgerTrace(batch, pre), FastTrace(batch, fast)
        everywhere = range(batch.run.length + 1)
        assert quick.states(everywhere) == slow.states(everywhere)
        assert quick.states([0, 4, 4, 11]) == slow.states([0, 4, 4, 11])
        for position in range(batch.run.length):
            assert quick.witness(position) == slow.witness(position)
        for wrong in ([3, 2], [-1], [batch.run.length + 1]):
            with pytest.raises(PositionError):
                quick.states(wrong)
        for position in (-1, batch.run.length):
            with pytest.raises(PositionError):
                quick.witness(position)
        fast.apply(
            number, drawer.posted, entries, layout.receipts(receipts, signers), DOMAIN.separator
        )


def test_a_copy_of_a_state_lives_its_own_life() -> None:
    state = State(ring=4)
    founded(state)
    kept, copy = state.hash, state.copy()
    drawer = Drawer(copy, random.Random(1))
    drawer.batch(2, 5, 20)
    assert (state.hash, copy.hash == kept) == (kept, False)


class Epochs(RuleBasedStateMachine):
    """Whole epochs, in an order of hypothesis's choice."""

    @initialize(ring=st.sampled_from([0, 3, 28]), seed=st.integers(0, 2**32))
    def found(self, ring: int, seed: int) -> None:
        self.fast, self.drawer = pair(ring, seed)
        self.number = 1
        self.stale = False

    @rule(entries=st.integers(0, 6), receipts=st.integers(0, 25))
    def batch(self, entries: int, receipts: int) -> None:
        self.number += 1
        said, made, signers = self.drawer.batch(self.number, entries, receipts)
        rows = layout.receipts(made, signers)
        self.fast.apply(self.number, self.drawer.posted, said, rows, DOMAIN.separator)
        self.stale = True

    @precondition(lambda self: self.stale)
    @rule()
    def compare(self) -> None:
        assert self.fast.hash == self.drawer.state.hash
        self.stale = False

    @invariant()
    def sums_are_bounded(self) -> None:
        if not hasattr(self, "drawer"):
            return
        header = self.drawer.state.header
        accounts = [self.drawer.account(i) for i in range(1, header.counts[Forest.ACCOUNTS])]
        assert sum(one.balance + one.payable for one in accounts) <= header.funds < 2**64
        assert sum(one.score for one in accounts if one.epoch == header.epoch) == header.score
        assert all(one.reputation <= 1_000 and one.epoch <= header.epoch for one in accounts)

    def teardown(self) -> None:
        if hasattr(self, "drawer"):
            assert self.fast.hash == self.drawer.state.hash


TestEpochs = Epochs.TestCase
TestEpochs.settings = settings(max_examples=40, stateful_step_count=12, deadline=None)


def test_a_run_has_no_other_steps() -> None:
    state = State()
    batch = LedgerBatch.of(DOMAIN.separator, 1, 1, founded(State()), [])
    for position in (-1, batch.run.length):
        with pytest.raises(IndexError):
            run.step(state, batch, position)
