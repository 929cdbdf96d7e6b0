"""What each kind does, and all that it refuses."""

from dataclasses import replace
from typing import Any

import pytest

from prover.commit.keccak import Hash
from rollup.protocol.actions import Action, ActionKind
from rollup.protocol.ledger import inbox_effects
from rollup.protocol.ledger.header import Forest, Rules
from rollup.protocol.ledger.inbox import InboxEntry, InboxKind, register
from rollup.protocol.ledger.types import MAX_WORK, Status, Units
from rollup.protocol.receipts import Statement, StatementKind
from rollup.protocol.types import U64_MAX, AccountIndex, Address, Nonce
from tests.rollup.protocol.ledger.drawing import OWNERS, name
from tests.rollup.protocol.ledger.scene import ANN, BENCH, BOB, CAT, RULES, SERVE, TRAIN, Scene

SETTLE, EVALUATE, USE = ActionKind.SETTLE, ActionKind.EVALUATE, ActionKind.USE
TRANSFER, WITHDRAW, DISTRIBUTE = ActionKind.TRANSFER, ActionKind.WITHDRAW, ActionKind.DISTRIBUTE


@pytest.fixture
def scene() -> Scene:
    return Scene()


# ------------------------------------------------------------------------- who may do anything


def test_what_no_owner_signed_changes_nothing(scene: Scene) -> None:
    before = scene.state.hash
    good = scene.action(TRANSFER, ANN, BOB, amount=5)
    scene.say(good, signed=False)
    scene.say(good, OWNERS[1])
    scene.say(good, Address(bytes(20)))
    for nonce in (1, 7, U64_MAX):
        scene.say(replace(good, nonce=Nonce(nonce)))
    for account in (0, 4, 2**24, U64_MAX):
        scene.say(replace(good, account=AccountIndex(account)), OWNERS[0])
    assert scene.state.hash == before


def test_a_nonce_is_used_once(scene: Scene) -> None:
    good = scene.action(TRANSFER, ANN, BOB, amount=5)
    assert scene.did(good)
    after = scene.state.hash
    scene.say(good)
    assert scene.state.hash == after


def test_the_last_nonce_is_never_used(scene: Scene) -> None:
    scene.put(ANN, replace(scene.account(ANN), nonce=Nonce(U64_MAX)))
    before = scene.state.hash
    scene.say(scene.action(TRANSFER, ANN, BOB, amount=5))
    assert scene.state.hash == before


def test_statements_and_unknown_kinds_use_their_nonce(scene: Scene) -> None:
    for kind in (*StatementKind, 1, 255):
        said = Statement(kind, ANN, scene.account(ANN).nonce, name("a"), name("b"))
        assert not scene.did(said)
    for kind in (0, 31, 38, 255):
        assert not scene.did(Action(kind, ANN, scene.account(ANN).nonce, BOB, 0, 5))
    assert scene.account(ANN).nonce == len(StatementKind) + 2 + 4


# -------------------------------------------------------------------------------------- balance


def test_a_transfer_moves_what_is_there(scene: Scene) -> None:
    assert scene.act(TRANSFER, ANN, BOB, amount=1_000_000)
    assert (scene.account(ANN).balance, scene.account(BOB).balance) == (0, 2_000_000)
    assert not scene.act(TRANSFER, ANN, BOB, amount=1)
    for nobody in (0, 4, U64_MAX):
        assert not scene.act(TRANSFER, BOB, nobody, amount=1)
    assert not scene.act(TRANSFER, BOB, BOB, amount=2_000_000)
    assert scene.account(BOB).balance == 2_000_000


def test_a_withdrawal_becomes_payable(scene: Scene) -> None:
    assert not scene.act(WITHDRAW, ANN, amount=1_000_001)
    assert scene.act(WITHDRAW, ANN, amount=999_999)
    assert (scene.account(ANN).balance, scene.account(ANN).payable) == (1, 999_999)


# --------------------------------------------------------------------------------------- claims


def test_a_claim_without_a_live_slot_makes_no_record(scene: Scene) -> None:
    for slot in (1, 63, 64, U64_MAX):
        assert not scene.did(scene.work(ANN, slot=slot))
    scene.inbox(InboxEntry(InboxKind.EXIT, ANN, 0))
    assert not scene.did(scene.work(ANN))
    assert not scene.did(scene.work(BOB, kind=3))
    assert scene.did(scene.work(BOB))


def test_a_settled_claim_is_score_reputation_and_the_new_head(scene: Scene) -> None:
    seq = scene.settled(ANN, after=name("one"), steps=3)
    ann, job = scene.account(ANN), scene.job(TRAIN)
    assert (ann.score, ann.reputation, scene.state.header.score) == (3_000, 1, 3_000)
    assert (job.step, job.params) == (3, name("one"))
    assert (scene.record(seq).status, scene.record(seq).quantity) == (Status.FINAL, 3_000)
    assert not scene.act(SETTLE, ANN, seq, TRAIN), "it counts once"


def test_a_claim_waits_for_its_batch_to_be_confirmed(scene: Scene) -> None:
    seq = scene.claim(ANN)
    assert not scene.act(SETTLE, ANN, seq, TRAIN)
    scene.confirm()
    assert not scene.act(SETTLE, BOB, seq, TRAIN), "another's"
    for target, job in ((seq + 1, TRAIN), (U64_MAX, TRAIN), (seq, BENCH), (seq, 3), (seq, U64_MAX)):
        assert not scene.act(SETTLE, ANN, target, job)
    assert scene.act(SETTLE, ANN, seq, TRAIN)


@pytest.mark.parametrize(
    "wrong",
    [
        {"program": name("another")},
        {"params": name("another")},
        {"inputs": name("another")},
        {"first_step": 1},
        {"steps": 0},
        {"steps": 2**24 + 1},
    ],
)
def test_what_is_not_the_jobs_next_step_never_settles(scene: Scene, wrong: dict[str, Any]) -> None:
    seq = scene.claim(ANN, **wrong)
    scene.confirm()
    assert not scene.act(SETTLE, ANN, seq, TRAIN)


def test_work_above_the_cap_and_late_programs_never_settle(scene: Scene) -> None:
    head, inputs = name("head"), name("inputs")
    scene.inbox(InboxEntry(InboxKind.JOB, 3, MAX_WORK, 0, 5, name("p"), inputs, head))
    scene.inbox(InboxEntry(InboxKind.JOB, 4, 1, 0, 10, name("p"), inputs, head))
    scene.inbox(InboxEntry(InboxKind.JOB, 5, 1, U64_MAX - 1, 5, name("q"), inputs, head))
    over = scene.claim(ANN, 3, steps=2)
    fits = scene.claim(ANN, 3)
    past = scene.claim(ANN, 5, steps=2)
    scene.confirm()
    assert not scene.act(SETTLE, ANN, over, 3)
    assert not scene.act(SETTLE, ANN, fits, 4), "registered when the batch was posted, not before"
    assert not scene.act(SETTLE, ANN, past, 5)
    assert scene.act(SETTLE, ANN, fits, 3)


def test_a_slash_voids_the_claim_and_all_that_builds_on_it(scene: Scene) -> None:
    first = scene.claim(ANN, after=name("false"))
    child = scene.claim(BOB, params=name("false"), first_step=1, after=name("child"))
    scene.inbox(InboxEntry(InboxKind.SLASH, ANN, 0))
    scene.confirm()
    assert not scene.act(SETTLE, ANN, first, TRAIN)
    assert not scene.act(SETTLE, BOB, child, TRAIN)
    scene.inbox(InboxEntry(InboxKind.SLOTS, ANN, 1, 1))
    assert not scene.act(SETTLE, ANN, first, TRAIN), "another slot does not back it"
    honest = scene.claim(CAT, after=name("true"))
    scene.confirm()
    assert scene.act(SETTLE, CAT, honest, TRAIN)
    assert not scene.act(SETTLE, BOB, child, TRAIN)


def test_one_of_two_claims_of_a_step_counts(scene: Scene) -> None:
    first = scene.claim(ANN, after=name("same"))
    copied = scene.claim(BOB, after=name("same"))
    scene.confirm()
    assert scene.act(SETTLE, ANN, first, TRAIN)
    assert not scene.act(SETTLE, BOB, copied, TRAIN)


def test_a_slash_takes_three_quarters_of_reputation(scene: Scene) -> None:
    scene.put(ANN, replace(scene.account(ANN), reputation=999))
    scene.inbox(InboxEntry(InboxKind.SLASH, ANN, U64_MAX))
    assert (scene.account(ANN).reputation, scene.account(ANN).live) == (249, 1)


def test_a_records_place_is_taken_again() -> None:
    scene = Scene(ring=1)
    seqs = [scene.claim(ANN, after=name(number)) for number in range(3)]
    scene.confirm()
    assert not scene.act(SETTLE, ANN, seqs[0], TRAIN)
    assert scene.act(SETTLE, ANN, seqs[2], TRAIN)


# --------------------------------------------------------------------------- evaluation and use


def evaluated(scene: Scene, metric: int = 70, job: int = BENCH) -> tuple[int, int]:
    trained = scene.settled(ANN, after=name("model"))
    evaluation = scene.settled(
        BOB, job, scene.metric(metric), kind=2, params=name("model"), inputs=name("inputs", BENCH)
    )
    return trained, evaluation


def test_an_evaluation_counts_once(scene: Scene) -> None:
    trained, evaluation = evaluated(scene)
    for wrong in ((trained, evaluation, 71), (evaluation, trained, 70), (9, evaluation, 70)):
        assert not scene.act(EVALUATE, ANN, wrong[0], wrong[1], wrong[2])
    assert not scene.act(EVALUATE, ANN, trained, evaluation, 70 + 2**32)
    assert not scene.act(EVALUATE, BOB, trained, evaluation, 70)
    assert scene.act(EVALUATE, ANN, trained, evaluation, 70)
    assert (scene.account(ANN).score, scene.job(TRAIN).best) == (1_000 + 70, 70)
    assert not scene.act(EVALUATE, ANN, trained, evaluation, 70)


def test_only_what_is_better_than_before_is_performance(scene: Scene) -> None:
    evaluation = 0
    for metric, score in ((70, 70), (60, 70), (70, 70), (75, 75)):
        model = name("model", metric, evaluation)
        trained = scene.settled(CAT, after=model)
        evaluation = scene.settled(BOB, BENCH, scene.metric(metric), kind=2, params=model)
        scene.act(EVALUATE, CAT, trained, evaluation, metric)
        assert scene.account(CAT).score == score + 1_000 * scene.job(TRAIN).step


@pytest.mark.parametrize("other", [{"first_step": 1}, {"steps": 2}])
def test_an_evaluation_is_of_the_benchmarks_first_step_alone(
    scene: Scene, other: dict[str, Any]
) -> None:
    trained = scene.settled(ANN, after=name("model"))
    evaluation = scene.settled(BOB, BENCH, scene.metric(70), kind=2, params=name("model"), **other)
    assert not scene.act(EVALUATE, ANN, trained, evaluation, 70)


def test_only_the_benchmark_evaluates(scene: Scene) -> None:
    trained, evaluation = evaluated(scene, job=SERVE)
    assert not scene.act(EVALUATE, ANN, trained, evaluation, 70)


def test_a_fee_is_burnt_in_part_and_scores_what_it_burnt(scene: Scene) -> None:
    seq = scene.settled(BOB, BENCH, kind=2)
    assert not scene.act(USE, ANN, seq, amount=1_000_001)
    assert not scene.act(USE, ANN, seq + 1, amount=1)
    assert scene.act(USE, ANN, seq, amount=4_001)
    assert (scene.account(ANN).balance, scene.account(BOB).balance) == (995_999, 1_003_600)
    assert (scene.account(BOB).score, scene.record(seq).quantity) == (401, 599)
    assert scene.act(USE, ANN, seq, amount=90_000)
    assert (scene.account(BOB).score, scene.record(seq).quantity) == (1_000, 0)


def test_what_others_cannot_recompute_moves_a_fee_and_no_score(scene: Scene) -> None:
    private = scene.settled(BOB, SERVE, kind=2, inputs=name("private"))
    unknown = scene.settled(BOB, BENCH, kind=2, params=name("nobody's"))
    for seq in (private, unknown):
        before = scene.account(BOB).balance
        assert scene.act(USE, ANN, seq, amount=1_000)
        assert (scene.account(BOB).score, scene.account(BOB).balance) == (0, before + 900)


def test_a_training_claim_needs_registered_inputs(scene: Scene) -> None:
    seq = scene.claim(ANN, SERVE)
    scene.confirm()
    assert not scene.act(SETTLE, ANN, seq, SERVE)


def test_one_may_pay_oneself_and_lose_what_is_burnt(scene: Scene) -> None:
    seq = scene.settled(BOB, BENCH, kind=2)
    assert scene.act(USE, BOB, seq, amount=1_000)
    assert scene.account(BOB).balance == 999_900


# --------------------------------------------------------------------------------------- epochs


def test_a_closed_epoch_is_shared_by_score(scene: Scene) -> None:
    scene.settled(ANN, after=name("one"), steps=2)
    scene.settled(BOB, after=name("two"))
    assert not scene.act(DISTRIBUTE, ANN), "the epoch is still open"
    scene.close(1_000)
    assert scene.act(DISTRIBUTE, ANN)
    assert scene.act(DISTRIBUTE, BOB)
    assert (scene.account(ANN).payable, scene.account(BOB).payable) == (666, 333)
    assert not scene.act(DISTRIBUTE, ANN)
    assert not scene.act(DISTRIBUTE, CAT)


def test_score_of_a_closed_epoch_is_not_lost(scene: Scene) -> None:
    scene.settled(ANN, after=name("one"))
    seq = scene.claim(ANN, after=name("two"))
    scene.confirm()
    scene.close(500)
    scene.close(700)
    assert not scene.act(SETTLE, ANN, seq, TRAIN), "first what the old score is"
    assert scene.act(DISTRIBUTE, ANN)
    assert scene.account(ANN).payable == 500
    assert scene.act(SETTLE, ANN, seq, TRAIN)
    assert (scene.account(ANN).score, scene.account(ANN).epoch) == (1_000, 2)


def test_a_provider_with_old_score_gets_the_fee_alone(scene: Scene) -> None:
    scene.settled(BOB, after=name("one"))
    seq = scene.settled(BOB, BENCH, kind=2, params=name("head", 0))
    scene.close(0)
    assert scene.act(USE, ANN, seq, amount=1_000)
    assert (scene.account(BOB).balance, scene.record(seq).quantity) == (1_000_900, 1_000)


def test_an_epoch_has_room_for_no_more_score_than_u64(scene: Scene) -> None:
    scene.put_score(U64_MAX - 999)
    seq = scene.claim(ANN)
    scene.confirm()
    assert not scene.act(SETTLE, ANN, seq, TRAIN)
    scene.put_score(U64_MAX - 1_000)
    assert scene.act(SETTLE, ANN, seq, TRAIN)


# ---------------------------------------------------------------------------------------- inbox


def test_entries_that_do_not_fit_only_count(scene: Scene) -> None:
    rules = RULES.pack()
    hostile = [
        register(3, OWNERS[4]),
        register(5, OWNERS[4]),
        InboxEntry(InboxKind.DEPOSIT, 0, 5),
        InboxEntry(InboxKind.DEPOSIT, 4, 5),
        InboxEntry(InboxKind.DEPOSIT, ANN, U64_MAX - 2_999_999),
        InboxEntry(InboxKind.SLOTS, ANN, 64, 1),
        InboxEntry(InboxKind.SLOTS, 4, 0, 1),
        InboxEntry(InboxKind.EXIT, ANN, 64),
        InboxEntry(InboxKind.EXIT, U64_MAX, 0),
        InboxEntry(InboxKind.SLASH, 0, 0),
        InboxEntry(InboxKind.JOB, 2, 1),
        InboxEntry(InboxKind.JOB, 4, 1),
        InboxEntry(InboxKind.CONFIRM, 0),
        InboxEntry(InboxKind.EPOCH, 1, 5, x=Hash(rules[:32]), y=Hash(rules[32:])),
        InboxEntry(0, 1, 2, 3, 4),
        InboxEntry(255, 1, 2, 3, 4),
    ]
    before = scene.state.header
    for entry in hostile:
        scene.inbox(entry)
    assert scene.state.header == replace(before, inbox=before.inbox + len(hostile))


def test_slots_beyond_the_last_that_counts_are_cut(scene: Scene) -> None:
    scene.inbox(InboxEntry(InboxKind.SLOTS, ANN, 62, U64_MAX))
    assert scene.account(ANN).live == 1 | 3 << 62
    assert scene.account(ANN).slots == 3


def test_a_pool_that_does_not_fit_is_none(scene: Scene) -> None:
    scene.close(U64_MAX)
    assert (scene.epoch(0).pool, scene.state.header.epoch) == (0, 1)


def test_rules_are_kept_inside_their_bounds(scene: Scene) -> None:
    wild = Rules(stake_full=0, cover=Units(U64_MAX), max_work=Units(U64_MAX), units_a_price=2**40)
    scene.close(0, wild)
    rules = scene.state.header.rules
    assert (rules.stake_full, rules.cover, rules.max_work) == (1, MAX_WORK, MAX_WORK)
    assert rules == rules.clamped() == wild.clamped()


def test_counts_stay_inside_what_can_be_proven(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inbox_effects, "MAX_ACCOUNTS", 4)
    monkeypatch.setattr(inbox_effects, "MAX_JOBS", 3)
    monkeypatch.setattr(inbox_effects, "MAX_EPOCHS", 0)
    before = scene.state.header.counts
    scene.inbox(register(4, OWNERS[3]))
    scene.inbox(InboxEntry(InboxKind.JOB, 3, 1))
    scene.close(5)
    assert scene.state.header.counts == before
    assert scene.state.header.counts[Forest.ACCOUNTS] == 4
