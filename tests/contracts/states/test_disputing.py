"""Assertions in games: what a lost one does, and what an open one stops."""

from dataclasses import replace

import pytest

from prover.commit.keccak import keccak
from rollup.l1.assertions import assertion_tuple
from rollup.l1.openings import header_tuple
from rollup.protocol.assertions import LEDGER_KIND, ledger_claim
from tests.contracts.arena import REJECTED, Parameters, Run
from tests.contracts.evm import reverts
from tests.contracts.ledger import Posted, hexed
from tests.contracts.ledger import Run as Work
from tests.contracts.whole import GENESIS, WINDOW, Asserted, StateDuel, Whole, deploy

pytestmark = pytest.mark.usefixtures("toolchain")

LIE = keccak(b"lie")


def test_a_lost_game_drops_a_root_and_what_starts_from_it(
    whole: Whole, ann: str, bob: str, batch: Posted
) -> None:
    false = whole.assert_state(batch, GENESIS, ann, root=LIE)
    true = whole.assert_state(batch, GENESIS, bob)
    later = whole.batch()
    on_false = whole.assert_state(later, LIE, ann, slot=1)  # true of what starts from there
    on_true = whole.assert_state(later, true.fields.root, bob)
    game = whole.duel(false, "eve")
    game.open()
    (opened,) = [e for e in whole.chain.events if e.name == "AssertionChallenged"]
    assert opened.arguments == {"id": false.fields.id, "challenger": game.challenger}
    game.play()
    names = [event.name for event in whole.chain.events]
    assert "AssertionRejected" in names
    assert "Won" in names
    rules = whole.arena.rules
    assert whole.arena.credit(game.challenger) == rules.challenge_bond + rules.bond * 9 // 10
    assert whole.arena.vault.isSlashed(false.fields.account, 0)
    assert whole.arena.game.claimOf(false.fields.id)[0] == REJECTED
    whole.chain.warp(WINDOW)
    with reverts("SlotSlashed"):
        whole.confirm(false)
    with reverts("WrongNumber", 1):
        whole.confirm(on_false)
    whole.confirm(true)
    with reverts("WrongState", true.fields.root):
        whole.confirm(on_false)
    whole.confirm(on_true)
    assert whole.assertions.confirmedRoot() == on_true.fields.root


def test_a_liar_that_is_silent_is_timed_out(whole: Whole, ann: str, batch: Posted) -> None:
    false = whole.assert_state(batch, GENESIS, ann, root=LIE)
    game = whole.duel(false, "eve")
    game.open()
    whole.chain.warp(WINDOW)
    with reverts("GamesOpen", 1):
        whole.confirm(false)
    whole.chain.warp(whole.arena.rules.clock)
    game.timeout()
    with reverts("SlotSlashed"):
        whole.confirm(false)


def test_a_false_challenge_costs_time_and_its_bond(whole: Whole, ann: str, batch: Posted) -> None:
    true = whole.assert_state(batch, GENESIS, ann)
    length = true.length
    game = whole.duel(true, "eve")
    game.against = Run(GENESIS, length, wrong=0)
    game.open()
    whole.chain.warp(WINDOW)
    with reverts("GamesOpen", 1):
        whole.confirm(true)
    game.play()
    assert whole.chain.events[-1].name == "Lost"
    assert whole.arena.credit(ann) == whole.arena.rules.challenge_bond * 9 // 10
    whole.confirm(true)


def test_one_game_stops_all_that_its_slot_backs(
    whole: Whole, ann: str, bob: str, batch: Posted
) -> None:
    """So that nobody has to pay bonds for each of many false assertions on one bond."""
    roots = [keccak(bytes([number])) for number in range(5)]
    false = [whole.assert_state(batch, GENESIS, ann, root=root) for root in roots]
    true = whole.assert_state(batch, GENESIS, bob)
    elsewhere = whole.assert_state(batch, GENESIS, ann, slot=1)
    game = whole.duel(false[0], "eve")
    game.open()
    whole.chain.warp(WINDOW)
    for one in false:
        with reverts("GamesOpen", 1):
            whole.confirm(one)
    whole.chain.warp(whole.arena.rules.clock)
    game.timeout()
    for one in false:
        with reverts("SlotSlashed"):
            whole.confirm(one)
    whole.confirm(true)
    with reverts("WrongNumber", 2):
        whole.confirm(elsewhere)


def wrongly(whole: Whole, made: Asserted, challenger: str) -> StateDuel:
    """Opens a game on a true assertion."""
    game = whole.duel(made, challenger)
    game.against = Run(made.fields.pre, made.length, wrong=0)
    game.open()
    return game


def test_games_on_what_came_later_keep_nobody_waiting_for_good(
    whole: Whole, ann: str, batch: Posted
) -> None:
    """One game after another on the slot, each on a later assertion, all of them lost."""
    rules = whole.arena.rules
    first = whole.assert_state(batch, GENESIS, ann)
    most = WINDOW + 3 * rules.clock + 2 * rules.grace
    until = whole.arena.game.protocolTime() + most
    pre, step, games = first.fields.root, most // 8, 0
    while whole.arena.game.protocolTime() + step < until:
        later = whole.assert_state(whole.batch(), pre, ann)
        pre, games = later.fields.root, games + 1
        wrongly(whole, later, f"eve {games}")
        whole.chain.warp(step)
        if step * games >= WINDOW:
            with reverts("GamesOpen", games):
                whole.confirm(first)
    whole.chain.warp(until - whole.arena.game.protocolTime() - 1)
    with reverts("GamesOpen", games):
        whole.confirm(first)
    whole.chain.warp(1)
    whole.confirm(first)


def test_a_game_on_itself_is_waited_for_to_its_end(whole: Whole, ann: str, batch: Posted) -> None:
    """However late: nobody has called the game's end."""
    rules = whole.arena.rules
    true = whole.assert_state(batch, GENESIS, ann)
    game = wrongly(whole, true, "eve")
    whole.chain.warp(WINDOW + 4 * rules.clock + 2 * rules.grace)
    with reverts("GamesOpen", 1):
        whole.confirm(true)
    game.timeout()
    with reverts("SlotSlashed"):
        whole.confirm(true)


def test_games_on_other_slots_stop_nothing(whole: Whole, ann: str, bob: str, batch: Posted) -> None:
    false = whole.assert_state(batch, GENESIS, ann, root=LIE)
    true = whole.assert_state(batch, GENESIS, bob)
    game = whole.duel(false, "eve")
    game.open()
    whole.chain.warp(WINDOW)
    whole.confirm(true)
    game.play()


def test_a_slashed_slot_voids_what_it_backs() -> None:
    whole = deploy(rules=Parameters(clock=200))  # so that a game ends within the window
    ann = whole.chain.account("ann")
    whole.stake(ann)
    batch = whole.batch()
    false = whole.assert_state(batch, GENESIS, ann, root=LIE)
    true = whole.assert_state(batch, GENESIS, ann)
    mistaken = whole.duel(true, "dan")
    mistaken.against = Run(GENESIS, true.length, wrong=0)
    mistaken.open()
    game = whole.duel(false, "eve")
    game.open()
    with reverts("StillDisputed"):
        mistaken.close()
    game.play()
    assert whole.assertions.isVoid(true.fields.id)
    mistaken.close()
    assert whole.arena.credit(mistaken.challenger) == whole.arena.rules.challenge_bond
    with reverts("SlotNotLive"):
        whole.duel(true, "fay").open()
    whole.chain.warp(WINDOW)
    with reverts("SlotSlashed"):
        whole.confirm(true)
    assert whole.arena.vault.pots() == 0


def test_a_false_receipt_voids_assertions_on_its_slot(whole: Whole, batch: Posted) -> None:
    """Both hosts slash through the one vault."""
    ledger = whole.ledger
    lie = Work().work(ledger.account, params_after=LIE)
    worker = ledger.worker_address
    posted = ledger.post_works(lie)
    made = whole.assert_state(batch, GENESIS, worker)
    ledger.challenge(posted.opening(0), Work().values(whole.arena.rules.k))
    whole.chain.warp(WINDOW)
    with reverts("GamesOpen", 1):
        whole.confirm(made)
    whole.chain.warp(whole.arena.rules.clock)
    ledger.game.timeout(lie.id, ledger.challenger)
    with reverts("SlotSlashed"):
        whole.confirm(made)


def test_a_batch_of_one_step_is_proven_at_once(whole: Whole, ann: str, batch: Posted) -> None:
    whole.catch_up()
    whole.arena.vault.deposit(0, sender=whole.chain.account("only an account"))
    one, pre = whole.ledger.post([]), LIE
    true = whole.assert_state(one, pre, ann)
    assert true.length == 1
    with reverts("StepHolds"):
        whole.duel(true, "eve").open()
    values = [bytes(LIE)]
    with reverts("WrongLength"):
        bond = whole.arena.rules.challenge_bond
        whole.assertions.challenge(true.shown, true.header, values, sender=ann, value=bond)
    false = whole.assert_state(one, pre, ann, slot=1, root=GENESIS)
    whole.duel(false, "eve").open()
    assert whole.arena.game.claimOf(false.fields.id)[0] == REJECTED
    assert not whole.arena.vault.isSlashed(true.fields.account, 0)
    assert whole.arena.vault.isSlashed(true.fields.account, 1)


def test_what_a_challenge_needs(whole: Whole, ann: str, batch: Posted) -> None:
    made = whole.assert_state(batch, GENESIS, ann)
    eve, bond = whole.chain.account("eve"), whole.arena.rules.challenge_bond
    values = [LIE] * made.length
    call = whole.assertions.challenge
    for wrong in (0, bond - 1, bond + 1):
        with reverts("WrongBond", bond):
            call(made.shown, made.header, values, sender=eve, value=wrong)
    with reverts("UnknownAssertion"):
        bent = assertion_tuple(replace(made.fields, root=LIE))
        call(bent, made.header, values, sender=eve, value=bond)
    other = header_tuple(replace(batch.header, taken=batch.header.taken + 1))
    with reverts("UnknownBatch", 1):
        call(made.shown, other, values, sender=eve, value=bond)
    with reverts("WrongValueCount"):
        call(made.shown, made.header, values[:-1], sender=eve, value=bond)
    whole.chain.warp(WINDOW - 1)
    call(made.shown, made.header, values, sender=eve, value=bond)
    with reverts("AlreadyOpened"):
        call(made.shown, made.header, values, sender=eve, value=bond)
    whole.chain.warp(1)
    with reverts("WindowClosed"):
        call(made.shown, made.header, values, sender=whole.chain.account("fay"), value=bond)


def test_a_bond_stays_while_it_can_be_lost(whole: Whole, ann: str, batch: Posted) -> None:
    false = whole.assert_state(batch, GENESIS, ann, root=LIE)
    whole.arena.vault.exit(0, sender=ann)
    whole.chain.warp(WINDOW - 1)
    game = whole.duel(false, "eve")
    game.open()
    whole.chain.warp(whole.arena.rules.unbonding)
    with reverts("SlotHeld"):
        whole.arena.vault.withdraw(0, sender=ann)
    game.timeout()
    assert whole.arena.vault.isSlashed(false.fields.account, 0)


def test_what_was_confirmed_needs_no_bond_any_more(whole: Whole, ann: str, batch: Posted) -> None:
    true = whole.assert_state(batch, GENESIS, ann)
    whole.arena.vault.exit(0, sender=ann)
    whole.chain.warp(whole.arena.rules.unbonding)
    whole.arena.vault.withdraw(0, sender=ann)
    whole.confirm(true)


def test_the_claim_is_that_of_python(whole: Whole, ann: str, batch: Posted) -> None:
    ledger = whole.ledger
    works = [Work().work(ledger.account, nonce=nonce) for nonce in range(3)]
    whole.catch_up()
    whole.stake(whole.chain.account("cyd"), 2)
    mixed = ledger.post([ledger.sign(works[0]), ledger.sign_bundle(works[1:])])
    assert (mixed.header.receipts, mixed.header.taken) == (3, 2)
    for posted in (batch, mixed):
        made = whole.assert_state(posted, LIE, ann)
        claim = ledger_claim(made.fields, posted.header, ledger.domain)
        theirs = whole.assertions.claimOf(made.shown, made.header)
        assert theirs == (
            LEDGER_KIND,
            claim.id,
            claim.program,
            claim.pre,
            claim.post,
            claim.length,
            hexed(claim.defender),
        )


def test_only_the_game_ends_games(whole: Whole, ann: str, batch: Posted) -> None:
    made = whole.assert_state(batch, GENESIS, ann)
    for call in (whole.assertions.claimRejected, whole.assertions.gameClosed):
        with reverts("NotGame"):
            call(made.fields.id, sender=ann)
