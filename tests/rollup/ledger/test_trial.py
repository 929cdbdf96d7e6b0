"""What an account can have done now: planned by the rules themselves, so that it works out."""

import random

import pytest

from prover.commit.merkle import climb
from rollup.errors import Refused
from rollup.ledger.accounts import prove, show
from rollup.ledger.trial import Overlay, plan, records_of
from rollup.protocol.actions import Action, ActionKind
from rollup.protocol.ledger import layout
from rollup.protocol.ledger.header import Forest
from rollup.protocol.ledger.trees import NODE, leaf_of
from rollup.protocol.ledger.types import Account, Status
from rollup.protocol.types import AccountIndex
from tests.rollup.protocol.ledger.drawing import DOMAIN, Drawer, name, pair
from tests.rollup.protocol.ledger.scene import ANN, BENCH, BOB, CAT, SERVE, TRAIN, Scene


def done(scene: Scene, account: AccountIndex) -> list[tuple[int, int, int]]:
    """(kind, record, job) of what is planned."""
    return [
        (one.action.kind, one.action.target, one.action.other) for one in plan(scene.fast, account)
    ]


def test_a_chain_of_training_claims_is_settled_from_its_head_on() -> None:
    scene = Scene()
    first = scene.work(ANN, after=name("one"))
    scene.say(first)
    second = scene.work(ANN, after=name("two"), first_step=1, params=name("one"))
    scene.say(second)
    inference = scene.claim(ANN, SERVE, kind=2, inputs=name("own"))
    assert done(scene, ANN) == [], "nothing is confirmed yet"
    scene.confirm()
    settled = [(ActionKind.SETTLE, seq, job) for seq, job in ((0, TRAIN), (1, TRAIN))]
    assert done(scene, ANN) == [*settled, (ActionKind.SETTLE, inference, SERVE)]
    assert done(scene, BOB) == []
    for planned in plan(scene.fast, ANN):
        assert scene.did(planned.action)
    assert done(scene, ANN) == []
    assert scene.job(TRAIN).step == 2


def test_a_closed_epochs_share_comes_first() -> None:
    scene = Scene()
    scene.settled(ANN, after=name("one"))
    waiting = scene.claim(ANN)
    scene.confirm()
    scene.close(1_000)
    assert done(scene, ANN) == [
        (ActionKind.DISTRIBUTE, 0, 0),
        (ActionKind.SETTLE, waiting, TRAIN),
    ]


def test_what_the_rules_refuse_is_not_planned() -> None:
    scene = Scene()
    scene.claim(ANN, program=name("unknown"))
    scene.claim(ANN, BENCH)  # a training claim whose params the job's head has not
    scene.claim(BOB, after=name("late"), first_step=7)
    scene.claim(CAT, slot=0)
    scene.confirm()
    assert done(scene, ANN) == [(ActionKind.SETTLE, 1, BENCH)]
    assert done(scene, BOB) == []
    assert done(scene, CAT) == [(ActionKind.SETTLE, 3, TRAIN)]


def test_a_trial_leaves_the_state_and_what_had_no_effect_no_trace() -> None:
    scene = Scene()
    before = scene.fast.hash
    overlay = Overlay(scene.fast)
    kept = Account.unpack(overlay.read(Forest.ACCOUNTS, ANN))
    too_much = Action(ActionKind.TRANSFER, ANN, kept.nonce, BOB, 0, kept.balance + 1)
    assert not overlay.attempt(too_much)
    assert Account.unpack(overlay.read(Forest.ACCOUNTS, ANN)) == kept
    assert overlay.attempt(Action(ActionKind.TRANSFER, ANN, kept.nonce, BOB, 0, 5))
    assert Account.unpack(overlay.read(Forest.ACCOUNTS, BOB)).balance == kept.balance + 5
    assert scene.fast.hash == before


@pytest.mark.parametrize("seed", range(5))
def test_every_plan_works_out_on_a_random_ledger(seed: int) -> None:
    """Each planned action has its effect, and afterwards nothing is left to be planned."""
    fast, drawer = pair(ring=6, seed=seed)
    drawer = Drawer(drawer.state, random.Random(seed))
    tried = 0
    for number in range(2, 8):
        said, made, signers = drawer.batch(number, 3, 25)
        fast.apply(number, drawer.posted, said, layout.receipts(made, signers), DOMAIN.separator)
        for index in range(1, fast.header.counts[Forest.ACCOUNTS]):
            account = AccountIndex(index)
            overlay = Overlay(fast)
            planned = plan(fast, account)
            assert all(overlay.attempt(one.action) for one in planned)
            tried += len(planned)
            pending = [r for r in records_of(fast, account) if r.status == Status.PENDING]
            assert {one.record.seq for one in planned if one.record} <= {r.seq for r in pending}
    assert tried


def test_an_account_is_shown_and_proven() -> None:
    scene = Scene()
    scene.settled(ANN, after=name("one"))
    scene.claim(ANN)
    scene.confirm()
    shown = show(scene.fast, ANN)
    assert shown.live == [0]
    assert [one.status for one in shown.records] == [Status.FINAL, Status.PENDING]
    assert shown.jobs == {1: TRAIN}
    proof = prove(scene.fast, ANN)
    assert proof.header.hash == scene.state.hash
    root = proof.header.roots[Forest.ACCOUNTS]
    leaf = leaf_of(Forest.ACCOUNTS, proof.account.pack())
    assert climb(leaf, ANN, proof.path, NODE) == root
    for nobody in (0, 4, 2**63):
        with pytest.raises(Refused, match="no account"):
            show(scene.fast, AccountIndex(nobody))
