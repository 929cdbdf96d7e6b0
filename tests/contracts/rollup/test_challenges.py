"""An opened receipt's claim, handed to the real game under a bond."""

import pytest

from bisection.dissection import Dissection, first_head
from bisection.machine import ClaimId
from rollup.protocol.types import SlotIndex
from tests.contracts.arena import REJECTED, Parameters, raw_address
from tests.contracts.evm import ZERO, reverts
from tests.contracts.ledger import WINDOW, Ledger, deploy, hexed
from tests.contracts.rollup.lies import DEFENDER, LIE, RUN, STEP, lie

pytestmark = pytest.mark.usefixtures("toolchain")


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
    ledger.vault.report(ledger.account, 0)
    ledger.confirm(posted)
