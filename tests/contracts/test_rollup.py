"""The rollup contract: batches in order, one receipt opened, its claim handed to the real game."""

from dataclasses import replace
from typing import Any

import pytest

from bisection.dissection import Dissection, first_head
from bisection.machine import ClaimId
from prover.commit.keccak import ZERO_HASH, Hash, keccak
from prover.program import Program
from prover.row import Row
from rollup.l1.openings import header_tuple
from rollup.protocol.batch import Header, data_hashes, genesis_hash
from rollup.protocol.eip712 import ORDER, Signature
from rollup.protocol.entries import SignedReceipt
from rollup.protocol.receipts import Statement
from rollup.protocol.types import AccountIndex, Address, Nonce, Seconds, SlotIndex
from tests.contracts.arena import REJECTED, Parameters, raw_address
from tests.contracts.evm import ZERO, Revert, reverts
from tests.contracts.ledger import CAPS, COUNTER, WINDOW, Ledger, Posted, Run, deploy, hexed, signer

pytestmark = pytest.mark.usefixtures("toolchain")
LIE = Hash(b"\x66" * 32)
RUN = Run()
STEP = Run(steps=1)
DEFENDER = Address(b"\x0d" * 20)


@pytest.fixture
def ledger() -> Ledger:
    return deploy()


def lie(ledger: Ledger, run: Run = RUN, **changed: Any) -> Posted:
    """A batch of one false receipt."""
    return ledger.post_works(run.work(ledger.account, **({"params_after": LIE} | changed)))


def bent(opened: tuple[Any, ...], place: int, value: Any) -> tuple[Any, ...]:
    """The tuple with one part replaced."""
    return (*opened[:place], value, *opened[place + 1 :])


# ------------------------------------------------------------------------------------ batches


def test_the_chain_of_batches_starts_at_this_contract_on_this_chain(ledger: Ledger) -> None:
    assert ledger.rollup.head() == (0, genesis_hash(ledger.domain))
    assert ledger.rollup.confirmed() == 0
    assert ledger.rollup.caps() == CAPS
    assert ledger.rollup.domainSeparator() == ledger.domain.separator


def test_a_batch_is_stored_as_its_headers_hash_and_told_in_full(ledger: Ledger) -> None:
    posted = ledger.post_works(RUN.work(ledger.account))
    (event,) = ledger.chain.events
    header = posted.header
    assert event.name == "BatchPosted"
    assert event.arguments == {
        "number": 1,
        "headerHash": header.hash,
        "parent": genesis_hash(ledger.domain),
        "posted": ledger.game.protocolTime(),
        "receipts": 1,
        "batchRoot": posted.batch.root,
        "dataHash": header.data_hash,
    }
    assert ledger.rollup.batchHash(1) == header.hash
    assert ledger.rollup.head() == (1, header.hash)


def test_a_header_is_dated_in_protocol_time(ledger: Ledger) -> None:
    before = ledger.post_works(RUN.work(ledger.account)).header.posted
    guardian = ledger.chain.account("guardian")
    ledger.game.pause(sender=guardian)
    ledger.chain.warp(50)
    ledger.game.unpause(sender=guardian)
    ledger.chain.warp(7)
    assert ledger.post_works(RUN.work(ledger.account, nonce=1)).header.posted == before + 7


def test_only_the_sequencer_posts(ledger: Ledger) -> None:
    data = ledger.publish(b"data")
    with reverts("NotSequencer"):
        ledger.rollup.post(1, ledger.parent, 1, LIE, data, sender=ledger.challenger)
    with reverts("NotSequencer"):
        ledger.rollup.chooseSlot(0, sender=ledger.worker_address)


def test_a_submission_cannot_be_overwritten_by_anybody(ledger: Ledger) -> None:
    first = ledger.post_works(RUN.work(ledger.account))
    data = ledger.publish(b"other data")
    for number in (0, 1, 3):
        with reverts("WrongNumber", 2):
            ledger.rollup.post(number, first.header.parent, 1, LIE, data, sender=ledger.sequencer)
    assert ledger.rollup.batchHash(1) == first.header.hash


def test_a_batch_made_for_another_branch_is_refused(ledger: Ledger) -> None:
    data = ledger.publish(b"data")
    with reverts("WrongParent", ledger.parent):
        ledger.rollup.post(1, LIE, 1, LIE, data, sender=ledger.sequencer)


def test_a_header_without_its_data_on_chain_is_refused(ledger: Ledger) -> None:
    with reverts("WrongData", ZERO_HASH):
        ledger.rollup.post(1, ledger.parent, 1, LIE, ZERO_HASH, sender=ledger.sequencer)
    data = ledger.publish(b"one", b"two")
    with reverts("WrongData", data):
        ledger.rollup.post(
            1, ledger.parent, 1, LIE, data_hashes([b"two", b"one"])[-1], sender=ledger.sequencer
        )
    ledger.rollup.post(1, ledger.parent, 1, LIE, data, sender=ledger.sequencer)
    # The data is used up: a second batch cannot lean on it.
    with reverts("WrongData", ZERO_HASH):
        ledger.rollup.post(2, ledger.rollup.head()[1], 1, LIE, data, sender=ledger.sequencer)


def test_an_empty_batch_is_refused(ledger: Ledger) -> None:
    data = ledger.publish(b"data")
    with reverts("EmptyBatch"):
        ledger.rollup.post(1, ledger.parent, 0, ZERO_HASH, data, sender=ledger.sequencer)


def test_nobody_disturbs_anothers_data(ledger: Ledger) -> None:
    mine = ledger.publish(b"mine")
    ledger.publish(b"noise", sender=ledger.challenger)
    assert ledger.rollup.dataHashOf(ledger.sequencer) == mine
    assert ledger.rollup.dataHashOf(ledger.challenger) == data_hashes([b"noise"])[-1]
    ledger.rollup.post(1, ledger.parent, 1, LIE, mine, sender=ledger.sequencer)
    assert ledger.rollup.dataHashOf(ledger.challenger) != ZERO_HASH


def test_a_poster_can_start_its_data_again(ledger: Ledger) -> None:
    ledger.publish(b"left over")
    ledger.publish(b"noise", sender=ledger.challenger)
    ledger.rollup.discard(sender=ledger.sequencer)
    assert ledger.rollup.dataHashOf(ledger.sequencer) == ZERO_HASH
    assert ledger.rollup.dataHashOf(ledger.challenger) == data_hashes([b"noise"])[-1]
    assert ledger.publish(b"data") == ledger.rollup.dataHashOf(ledger.sequencer)


def test_a_chunk_has_a_bound_and_is_told(ledger: Ledger) -> None:
    largest = bytes(120_000)
    ledger.publish(largest)
    (event,) = ledger.chain.events
    assert event.arguments == {
        "poster": ledger.sequencer,
        "dataHash": data_hashes([largest])[-1],
        "chunkHash": keccak(largest),
    }
    with reverts("ChunkTooLarge", 120_001):
        ledger.publish(bytes(120_001))


def test_data_is_always_the_input_of_a_transaction(ledger: Ledger) -> None:
    call = ledger.rollup.calldata("publish", b"from storage")
    with reverts("NotDirect"):
        ledger.forwarder.forward(ledger.rollup.address, call, sender=ledger.sequencer)


def test_the_sequencer_posts_under_a_live_bond_only(ledger: Ledger) -> None:
    with reverts("SequencerUnbonded"):
        ledger.rollup.chooseSlot(1, sender=ledger.sequencer)
    account, slot = ledger.rollup.sequencerSlot()
    assert (account, slot) == (ledger.vault.accountOf(ledger.sequencer), 0)
    ledger.vault.exit(0, sender=ledger.sequencer)
    ledger.chain.warp(1)
    data = ledger.publish(b"data")
    with reverts("SequencerUnbonded"):
        ledger.rollup.post(1, ledger.parent, 1, LIE, data, sender=ledger.sequencer)
    _, fresh = ledger.vault.deposit(1, sender=ledger.sequencer, value=ledger.rules.bond)
    ledger.rollup.chooseSlot(fresh, sender=ledger.sequencer)
    assert [event.name for event in ledger.chain.events] == ["SequencerSlotChosen"]
    ledger.rollup.post(1, ledger.parent, 1, LIE, data, sender=ledger.sequencer)


# ----------------------------------------------------------------------------------- openings


def test_the_claim_is_the_one_that_python_derives(ledger: Ledger) -> None:
    works = [
        Run(start, by, steps, first).work(ledger.account, nonce=nonce)
        for nonce, (start, by, steps, first) in enumerate(
            [(5, 3, 4, 0), (0, 0, 1, 0), (2**32 - 1, 2, 100, 0), (1, 1, 2, 2**64 - 3)]
        )
    ]
    posted = ledger.post_works(*works)
    for index, work in enumerate(works):
        assert ledger.rollup.claimOf(posted.opening(index)) == ledger.claim(work)
        assert ledger.rollup.receiptId(posted.opening(index)[3]) == work.id


def test_a_bundled_receipt_opens_through_its_bundle(ledger: Ledger) -> None:
    single = RUN.work(ledger.account)
    works = [Run(start=n).work(ledger.account, nonce=1 + n) for n in range(5)]
    posted = ledger.post([ledger.sign(single), ledger.sign_bundle(works)])
    for index, work in enumerate([single, *works]):
        assert ledger.rollup.claimOf(posted.opening(index)) == ledger.claim(work)
    # The same signature does not cover a receipt at another place, or one on its own.
    opened = posted.opening(3)
    count, nonce, place, path = opened[4]
    for other, error in (
        ((0, 0, 0, []), "WrongSigner"),
        ((count, nonce, place + 1, path), "WrongNonce"),
        ((count, nonce + 1, place - 1, path), "WrongSigner"),
        ((count + 1, nonce, place, path), "WrongSigner"),
        ((count, nonce, place, path[:-1]), "WrongPathLength"),
        ((place, nonce, place, path[:1]), "IndexOutOfRange"),
        ((count, nonce, place, [*path[:-1], LIE]), "WrongSigner"),
    ):
        with reverts(error):
            ledger.rollup.claimOf(bent(opened, 4, other))


def test_a_statement_between_works_is_stepped_over(ledger: Ledger) -> None:
    statement = Statement(16, AccountIndex(ledger.account), Nonce(0), LIE, LIE)
    work = RUN.work(ledger.account, nonce=1)
    posted = ledger.post([ledger.sign_bundle([statement, work])])  # type: ignore[list-item]
    assert ledger.rollup.claimOf(posted.opening(1)) == ledger.claim(work)


def test_every_header_field_counts(ledger: Ledger) -> None:
    posted = lie(ledger)
    opened = posted.opening(0)
    for place in range(1, 6):
        header: tuple[Any, ...] = opened[0]
        value = LIE if isinstance(header[place], bytes) else header[place] + 1
        with reverts("UnknownBatch", 1):
            ledger.rollup.claimOf(bent(opened, 0, bent(header, place, value)))
    for number in (0, 2):
        with reverts("UnknownBatch", number):
            ledger.rollup.claimOf(bent(opened, 0, bent(opened[0], 0, number)))


def test_every_field_of_a_receipt_counts(ledger: Ledger) -> None:
    opened = lie(ledger).opening(0)
    fields: tuple[Any, ...] = opened[3]
    for place, value in enumerate(fields):
        other = value + 1 if isinstance(value, int) else b"\x77" * len(value)
        with reverts("WrongPath"):
            ledger.rollup.claimOf(bent(opened, 3, bent(fields, place, other)))


def test_a_receipt_is_at_its_place_and_nowhere_else(ledger: Ledger) -> None:
    works = [Run(start=n).work(ledger.account, nonce=n) for n in range(5)]
    posted = ledger.post_works(*works)
    opened = posted.opening(2)
    for place, value, error in (
        (1, 3, "WrongPath"),
        (1, 5, "IndexOutOfRange"),
        (1, 2 + 8, "IndexOutOfRange"),
        (2, opened[2][:-1], "WrongPathLength"),
        (2, [*opened[2], LIE], "WrongPathLength"),
        (2, [LIE, *opened[2][1:]], "WrongPath"),
    ):
        with reverts(error):
            ledger.rollup.claimOf(bent(opened, place, value))


def test_only_the_accounts_owner_can_have_signed(ledger: Ledger) -> None:
    mallory = signer(ledger.chain, "mallory")
    work = RUN.work(ledger.account, params_after=LIE)
    framed = ledger.post([ledger.sign(work, mallory.key)])
    with reverts("WrongSigner", hexed(mallory.address)):
        ledger.challenge(framed.opening(0), RUN.values(16))
    nobodys = replace(work, account=AccountIndex(99))
    posted = ledger.post([ledger.sign(nobodys)])
    with reverts("WrongSigner"):
        ledger.challenge(posted.opening(0), RUN.values(16))


def test_one_form_of_signature_alone(ledger: Ledger) -> None:
    work = RUN.work(ledger.account, params_after=LIE)
    signature = ledger.sign(work).signature
    high = (ORDER - int.from_bytes(signature[32:64])).to_bytes(32)
    for other in (
        signature[:64] + bytes([signature[64] - 27]),
        signature[:32] + high + bytes([55 - signature[64]]),
        bytes(64) + b"\x1b",
    ):
        posted = ledger.post([SignedReceipt(work, Signature(other))], b"of no matter here")
        with reverts("BadSignature"):
            ledger.rollup.claimOf(posted.opening(0))


def test_a_receipt_stands_in_a_batch_under_one_signature(ledger: Ledger) -> None:
    """A sequencer that published a broken one cannot show the good one later, nor can anybody."""
    work = RUN.work(ledger.account, params_after=LIE)
    good = ledger.sign(work).signature
    broken = Signature(bytes([good[0] ^ 1]) + good[1:])
    opened = ledger.post([SignedReceipt(work, broken)], b"of no matter here").opening(0)
    for shown in (good, good[:64], b"", bytes(65)):
        with reverts("WrongPath"):
            ledger.rollup.claimOf(bent(opened, 5, shown))
    with pytest.raises(Revert) as refused:
        ledger.rollup.claimOf(opened)
    assert refused.value.name in {"WrongSigner", "BadSignature"}


def test_a_signature_for_another_rollup_or_chain_says_nothing_here(ledger: Ledger) -> None:
    work = RUN.work(ledger.account, params_after=LIE)
    for domain in (
        replace(ledger.domain, chain_id=1),
        replace(ledger.domain, rollup=Address(b"\x01" * 20)),
    ):
        foreign = replace(ledger, domain=domain).sign(work)
        ledger.posted = []
        fresh = deploy()
        posted = fresh.post([foreign])
        with reverts("WrongSigner"):
            fresh.challenge(posted.opening(0), RUN.values(16))


def test_void_claims_are_named_and_need_no_challenge(ledger: Ledger) -> None:
    bad = {"params_after": LIE}
    cases: list[tuple[dict[str, Any], str]] = [
        ({"kind": 0}, "UnknownKind"),
        ({"kind": 3}, "UnknownKind"),
        ({"kind": 16}, "UnknownKind"),
        ({"program": LIE}, "UnknownProgram"),
        ({"steps": 0}, "OverCap"),
        ({"steps": CAPS[3] + 1}, "OverCap"),
        ({"steps": 2**32 - 1}, "OverCap"),
        ({"first_step": 2**64 - 2}, "OverCap"),
        ({"slot": SlotIndex(3)}, "SlotNotLive"),
    ]
    works = [
        RUN.work(ledger.account, nonce=n, **(bad | change)) for n, (change, _) in enumerate(cases)
    ]
    posted = ledger.post_works(*works)
    for index, (_, error) in enumerate(cases):
        with reverts(error):
            ledger.challenge(posted.opening(index), RUN.values(16))


@pytest.mark.parametrize(
    "caps",
    [
        (4 * COUNTER.work - 1, 500, 4, 100),
        (1_000, COUNTER.words - 1, 4, 100),
        (1_000, 500, 4, 3),
    ],
    ids=["work", "words", "steps"],
)
def test_each_cap_binds(caps: tuple[int, int, int, int]) -> None:
    tight = deploy(caps=caps)
    with reverts("OverCap"):
        tight.challenge(lie(tight).opening(0), RUN.values(16))
    exact = deploy(caps=(4 * COUNTER.work, COUNTER.words, 1, 4))
    exact.challenge(lie(exact).opening(0), RUN.values(16))


def register(ledger: Ledger, *rows: Row) -> Program:
    program = Program.of(rows, COUNTER.depths)
    depths = int.from_bytes(bytes(program.depths))
    ledger.programs.register(b"".join(program.packed), depths, sender=ledger.challenger)
    return program


def test_the_cap_on_rows_binds() -> None:
    for most, error in ((2, None), (1, "OverCap")):
        ledger = deploy(caps=(1_000, 500, most, 100))
        row = COUNTER.rows[0]
        assert row is not None
        program = register(ledger, row, row)
        posted = ledger.post_works(RUN.work(ledger.account, program=program.id))
        if error is None:
            assert ledger.rollup.claimOf(posted.opening(0))[5] == 2 * RUN.steps
        else:
            with reverts(error):
                ledger.rollup.claimOf(posted.opening(0))


def test_a_claim_has_fewer_than_2_to_the_62_steps() -> None:
    ledger = deploy(caps=(2**64 - 1, 2**64 - 1, 4, 2**32 - 1))
    row = COUNTER.rows[0]
    assert row is not None
    program = register(ledger, replace(row, dims=(2**27, 2**20, 1, 1)))
    assert program.micro_steps == 2**47
    works = [
        RUN.work(ledger.account, program=program.id, steps=steps) for steps in (2**15 - 1, 2**15)
    ]
    posted = ledger.post_works(*works)
    assert ledger.rollup.claimOf(posted.opening(0))[5] == 2**62 - 2**47
    with reverts("OverCap"):
        ledger.rollup.claimOf(posted.opening(1))


# ---------------------------------------------------------------------------------- challenges


def test_a_challenge_opens_the_game_and_holds_the_bond(ledger: Ledger) -> None:
    posted = lie(ledger)
    work = posted.batch.receipts[0]
    before = ledger.vault.pots()
    ledger.challenge(posted.opening(0), RUN.values(16))
    challenged, opened = ledger.chain.events
    assert (challenged.name, opened.name) == ("ClaimChallenged", "Opened")
    assert challenged.arguments == {
        "claimId": work.id,
        "challenger": ledger.challenger,
        "number": 1,
        "index": 0,
    }
    assert opened["values"] == tuple(RUN.values(16))
    assert ledger.vault.pots() - before == ledger.rules.challenge_bond
    assert ledger.vault.slotOf(ledger.account, 0)[2] == 1
    assert ledger.rollup.openGames(1) == 1
    assert ledger.rollup.isVoid(work.id) is False


def test_an_unbonded_challenge_freezes_nothing(ledger: Ledger) -> None:
    posted = lie(ledger)
    bond = ledger.rules.challenge_bond
    for value in (0, bond - 1, bond + 1):
        with reverts("WrongBond", bond):
            ledger.challenge(posted.opening(0), RUN.values(16), value=value)
    assert ledger.rollup.openGames(1) == 0
    assert ledger.vault.pots() == 0


def test_a_target_is_always_compared(ledger: Ledger) -> None:
    """A dissection that ends where the claim does disputes nothing and is refused."""
    posted = lie(ledger)
    claimed = ledger.claim(posted.batch.receipts[0])[4]  # type: ignore[arg-type]
    with reverts("SameEnd"):
        ledger.challenge(posted.opening(0), [*RUN.values(16)[:-1], claimed])
    assert ledger.rollup.openGames(1) == 0


def test_any_bytes_do_not_prove_fraud(ledger: Ledger) -> None:
    true = ledger.post_works(STEP.work(ledger.account))
    proof = STEP.witness(0)
    with reverts("StepHolds"):
        ledger.challenge_step(true.opening(0), proof)
    for forged in (b"", b"fraud", proof[:-1], proof + b"\0", bytes(len(proof))):
        with pytest.raises(Exception, match=r"Witness|Bad|Wrong|Halt|Short|Unread|Open"):
            ledger.challenge_step(true.opening(0), forged)
    assert ledger.vault.isSlashed(ledger.account, 0) is False


def test_a_false_step_is_proven_at_once_and_slashed_once(ledger: Ledger) -> None:
    posted = lie(ledger, STEP)
    work = posted.batch.receipts[0]
    ledger.challenge_step(posted.opening(0), STEP.witness(0))
    assert ledger.vault.isSlashed(ledger.account, 0)
    assert ledger.game.claimOf(work.id)[0] == REJECTED
    assert ledger.rollup.isVoid(work.id)
    assert ledger.rollup.openGames(1) == 0
    burnt = ledger.rules.bond * ledger.rules.burn_bps // 10_000
    won = ledger.rules.bond - burnt + ledger.rules.challenge_bond
    assert ledger.vault.creditOf(ledger.challenger) == won
    assert ledger.vault.creditOf(ZERO) == burnt
    with reverts("SlotNotLive"):  # a payout does not repeat
        ledger.challenge_step(posted.opening(0), STEP.witness(0))


def test_a_slashed_slot_voids_what_else_it_backs(ledger: Ledger) -> None:
    honest = RUN.work(ledger.account, nonce=1)
    other_slot = RUN.work(ledger.account, nonce=2, slot=SlotIndex(1))
    posted = ledger.post_works(STEP.work(ledger.account, params_after=LIE), honest, other_slot)
    ledger.challenge_step(posted.opening(0), STEP.witness(0))
    with reverts("SlotNotLive"):
        ledger.rollup.claimOf(posted.opening(1))
    assert ledger.rollup.claimOf(posted.opening(2)) == ledger.claim(other_slot)


def test_the_machine_of_a_claim_of_many_steps_is_not_asked_at_once(ledger: Ledger) -> None:
    with reverts("WrongLength"):
        ledger.challenge_step(lie(ledger).opening(0), STEP.witness(0))
    with reverts("WrongLength"):
        ledger.challenge(lie(ledger, STEP, nonce=1).opening(0), [STEP.commitment(1)])


def test_a_claim_is_challenged_inside_its_window_only(ledger: Ledger) -> None:
    posted = lie(ledger)
    ledger.chain.warp(WINDOW - 1)
    ledger.rollup.claimOf(posted.opening(0))
    ledger.chain.warp(1)
    with reverts("WindowClosed", posted.header.posted + WINDOW):
        ledger.challenge(posted.opening(0), RUN.values(16))


def test_a_slot_that_left_before_the_batch_backs_nothing_in_it(ledger: Ledger) -> None:
    ledger.vault.exit(0, sender=ledger.worker_address)
    ledger.chain.warp(1)
    with reverts("SlotNotLive"):
        ledger.challenge(lie(ledger).opening(0), RUN.values(16))


def test_a_slot_that_leaves_after_the_batch_still_answers_for_it(ledger: Ledger) -> None:
    posted = lie(ledger)
    ledger.chain.warp(1)
    ledger.vault.exit(0, sender=ledger.worker_address)
    ledger.challenge(posted.opening(0), RUN.values(16))
    ledger.chain.warp(ledger.rules.unbonding)
    with reverts("SlotHeld"):
        ledger.vault.withdraw(0, sender=ledger.worker_address)


def test_only_the_game_reports(ledger: Ledger) -> None:
    posted = lie(ledger)
    work = posted.batch.receipts[0]
    ledger.challenge(posted.opening(0), RUN.values(16))
    for caller in (ledger.challenger, ledger.sequencer, ledger.worker_address):
        with reverts("NotGame"):
            ledger.rollup.claimRejected(work.id, sender=caller)
        with reverts("NotGame"):
            ledger.rollup.gameClosed(work.id, sender=caller)


# -------------------------------------------------------------------------------- confirmation


def test_a_batch_is_confirmed_in_order_after_its_window(ledger: Ledger) -> None:
    first, second = (ledger.post_works(RUN.work(ledger.account, nonce=n)) for n in range(2))
    with reverts("WrongNumber", 1):
        ledger.confirm(second)
    with reverts("WindowOpen", first.header.posted + WINDOW):
        ledger.confirm(first)
    ledger.chain.warp(WINDOW)
    ledger.confirm(first)
    (event,) = ledger.chain.events
    assert event.arguments == {"number": 1, "headerHash": first.header.hash}
    with reverts("WrongNumber", 2):
        ledger.confirm(first)
    ledger.confirm(second)
    assert ledger.rollup.confirmed() == 2


def test_what_is_not_there_is_never_final(ledger: Ledger) -> None:
    """In the contracts people copy a deleted task finalises; here only a posted header does."""
    header = lie(ledger).header
    ledger.chain.warp(WINDOW)
    forged = replace(header, posted=Seconds(header.posted - 1))
    with reverts("UnknownBatch", 1):
        ledger.rollup.confirm(header_tuple(forged))
    ledger.rollup.confirm(header_tuple(header))
    missing = Header(2, ZERO_HASH, 0, 0, ZERO_HASH, ZERO_HASH)  # type: ignore[arg-type]
    with reverts("UnknownBatch", 2):
        ledger.rollup.confirm(header_tuple(missing))


def test_an_open_game_delays_its_batch_and_later_ones_alone(ledger: Ledger) -> None:
    fine = ledger.post_works(RUN.work(ledger.account, nonce=9))
    disputed = lie(ledger)
    later = ledger.post_works(RUN.work(ledger.account, nonce=10))
    ledger.challenge(disputed.opening(0), RUN.values(16))
    ledger.chain.warp(WINDOW)
    ledger.confirm(fine)
    with reverts("GamesOpen", 1):
        ledger.confirm(disputed)
    with reverts("WrongNumber", 2):
        ledger.confirm(later)
    ledger.chain.warp(ledger.rules.clock)
    ledger.game.timeout(disputed.batch.receipts[0].id, ledger.challenger)
    assert ledger.vault.isSlashed(ledger.account, 0)
    ledger.confirm(disputed)
    ledger.confirm(later)


def test_griefers_delay_by_one_games_clocks_whatever_their_number(ledger: Ledger) -> None:
    posted = ledger.post_works(RUN.work(ledger.account))
    griefers = [ledger.chain.account(f"griefer {n}") for n in range(5)]
    wrong = [*RUN.values(16)[:-1], LIE]
    for griefer in griefers:
        ledger.challenge(posted.opening(0), wrong, sender=griefer)
    assert ledger.rollup.openGames(1) == 5
    ledger.chain.warp(max(WINDOW, ledger.rules.clock + 1))
    receipt = posted.batch.receipts[0]
    for griefer in griefers:  # the defender did not move: each takes what is left of one bond
        if not ledger.vault.isSlashed(ledger.account, 0):
            ledger.game.timeout(receipt.id, griefer)
        else:
            ledger.game.close(receipt.id, griefer)
    ledger.confirm(posted)
    assert ledger.vault.slotOf(ledger.account, 0)[2] == 0
    assert ledger.vault.pots() == 0


def test_a_receipt_in_two_batches_is_one_claim(ledger: Ledger) -> None:
    first, second = lie(ledger), lie(ledger)
    other, third, fourth = (ledger.chain.account(name) for name in ("other", "third", "fourth"))
    counts: list[list[int]] = []
    for batch, sender in (
        (second, ledger.challenger),
        (second, fourth),
        (first, other),
        (second, third),
    ):
        ledger.challenge(batch.opening(0), RUN.values(16), sender=sender)
        counts.append([ledger.rollup.openGames(n) for n in (1, 2)])
    assert counts == [[0, 1], [0, 2], [3, 0], [4, 0]]
    with reverts("AlreadyOpened"):
        ledger.challenge(first.opening(0), RUN.values(16))
    ledger.chain.warp(max(WINDOW, ledger.rules.clock + 1))
    receipt = first.batch.receipts[0]
    ledger.game.timeout(receipt.id, ledger.challenger)
    ledger.game.close(receipt.id, other)
    with reverts("GamesOpen", 2):
        ledger.confirm(first)
    ledger.game.close(receipt.id, third)
    ledger.game.close(receipt.id, fourth)
    ledger.confirm(first)
    ledger.confirm(second)
    assert ledger.vault.bonded() == 3 * ledger.rules.bond  # one slot of four is gone, once


def test_a_dispute_over_the_tensor_machine_ends_in_one_operation() -> None:
    """The whole way on chain: batch, opened receipt, two dissections, step proof, slash."""
    ledger = deploy(rules=Parameters(k=2))
    posted = ledger.post_works(RUN.work(ledger.account, params_after=LIE, defender=DEFENDER))
    claim = posted.batch.receipts[0].id
    false = ledger.claim(posted.batch.receipts[0])[4]  # type: ignore[arg-type]
    true = [RUN.commitment(position) for position in range(5)]
    first = Dissection(0, 4, (true[0], true[2], true[4]))
    prior = first_head(ClaimId(claim), raw_address(ledger.challenger))
    ledger.challenge(posted.opening(0), first.values[1:])

    # The defender agrees on the first half and stands by its lie at the end of the second.
    answer = Dissection(2, 2, (true[2], true[3], false))
    opened = first.opening(prior, 1)
    where = (opened.prior, opened.part, opened.left, opened.right, list(opened.path))
    game = (claim, ledger.challenger)
    ledger.game.move(*game, *where, list(answer.values[1:]), sender=hexed(DEFENDER))

    opened = answer.opening(first.head(prior), 1)
    where = (opened.prior, opened.part, opened.left, opened.right, list(opened.path))
    ledger.game.prove(*game, *where, RUN.witness(3), sender=ledger.challenger)
    assert ledger.rollup.isVoid(claim)
    assert ledger.rollup.openGames(1) == 0
    ledger.chain.warp(WINDOW)
    ledger.confirm(posted)


def test_bad_parameters_are_refused() -> None:
    from tests.contracts.evm import Evm, compiled

    evm = Evm()
    artifact = compiled("src/Rollup.sol")["Rollup"]
    there = "0x" + "11" * 20
    good: tuple[Any, ...] = (there, 1, 0, there, there, there, (1, 1, 1, 1))
    evm.deploy(artifact, good)
    for place, value in ((0, ZERO), (1, 0), (3, ZERO), (4, ZERO), (5, ZERO)):
        with reverts("BadParameter"):
            evm.deploy(artifact, bent(good, place, value))
    for place in range(4):
        with reverts("BadParameter"):
            evm.deploy(artifact, bent(good, 6, bent((1, 1, 1, 1), place, 0)))
