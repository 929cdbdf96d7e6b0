"""Clocks, the grace for a proof, timeouts, and pauses, which stop them all."""

from dataclasses import replace

import pytest

from tests.contracts.arena import REJECTED, Arena, Duel, Parameters, Run, deploy
from tests.contracts.evm import ZERO, reverts
from tests.contracts.game.duels import LATER, PRE, also, duel

pytestmark = pytest.mark.usefixtures("toolchain")


@pytest.mark.parametrize("turns", [0, 1])
def test_a_clock_runs_out_after_its_last_second(
    arena: Arena, false_claim: Duel, turns: int
) -> None:
    twin = also(false_claim, "twin")
    for game in (false_claim, twin):
        game.open()
        for _ in range(turns):
            game.move()
    arena.evm.warp(1000)
    with reverts("ClockRunning"):
        false_claim.timeout()
    twin.move()
    assert 0 in (twin.view().challenger_clock, twin.view().defender_clock)
    arena.evm.warp(1)
    with reverts("ClockExpired"):
        false_claim.move()
    with reverts("ClockExpired"):
        false_claim.prove()
    false_claim.timeout(sender=arena.account("anybody"))
    assert not false_claim.view().open


def test_a_spent_clock_leaves_moves_within_the_same_second(arena: Arena, false_claim: Duel) -> None:
    twin = also(false_claim, "twin")
    for game in (false_claim, twin):
        game.open()
    arena.evm.warp(1000)
    for game in (false_claim, twin):
        game.move()
        game.move()
        assert game.view().defender_clock == 0
    twin.move()
    arena.evm.warp(1)
    with reverts("ClockExpired"):
        false_claim.move()


def test_grace_is_given_when_the_answer_may_be_a_proof(arena: Arena) -> None:
    # 512 steps: dissections of 512, 32 and then 2 steps.
    truth = Run(PRE, 512)
    game = duel(arena, defence=replace(truth, wrong=100), against=truth)
    game.open()
    arena.evm.warp(990)
    game.move()
    assert (game.view().length, game.view().defender_clock) == (32, 10)
    arena.evm.warp(995)
    game.move()
    # A part of 2 steps was dissected: the defender, with 10 seconds left, may now have to prove.
    assert (game.view().length, game.view().defender_clock) == (2, 100)
    assert game.view().challenger_clock == 5


def test_no_grace_is_given_before(arena: Arena) -> None:
    truth = Run(PRE, 32 * 16)
    game = duel(arena, defence=replace(truth, wrong=100), against=truth)
    game.open()
    arena.evm.warp(990)
    game.move()
    assert game.view().length == 32
    assert game.view().challenger_clock == 1000
    arena.evm.warp(990)
    shorter = duel(arena, defence=replace(Run(PRE, 31), wrong=30), against=Run(PRE, 31), name="31")
    shorter.open()
    assert shorter.view().defender_clock == 1000  # raised to at least the grace, never lowered


def test_grace_is_given_at_the_opening_too() -> None:
    arena = deploy(Parameters(clock=50))
    for length, clock in ((31, 100), (32, 50)):
        truth = Run(PRE, length)
        game = duel(arena, defence=replace(truth, wrong=3), against=truth, name=f"{length}")
        game.open()
        assert (game.view().defender_clock, game.view().challenger_clock) == (clock, 50)


def test_clocks_saturate_however_late_the_timeout(arena: Arena, false_claim: Duel) -> None:
    false_claim.open()
    arena.evm.warp(2**39)
    false_claim.timeout()
    assert arena.game.claimOf(false_claim.claim.id)[0] == REJECTED


def test_the_largest_clocks_and_lengths_fit_their_words() -> None:
    arena = deploy(Parameters(k=2, clock=2**32 - 1, grace=2**32 - 1))
    length = 2**62 - 1
    truth = Run(PRE, length)
    game = duel(arena, defence=replace(truth, wrong=length - 1), against=truth)
    game.open()
    dissections = 1
    while game.bounds()[1] > 1:
        game.move()
        dissections += 1
        view = game.view()
        assert (view.challenger_clock, view.defender_clock) == (2**32 - 1, 2**32 - 1)
        assert view.head == game.head
    assert dissections == 62
    assert game.view().moves == 31
    game.play()
    assert arena.game.claimOf(game.claim.id)[0] == REJECTED


@pytest.mark.parametrize("when", ["opened", "challenger to move"])
def test_anybody_may_claim_a_timeout(arena: Arena, true_claim: Duel, when: str) -> None:
    true_claim.open()
    if when != "opened":
        true_claim.move()
    arena.evm.warp(LATER)
    true_claim.timeout(sender=arena.account("passer-by"))
    rejected = arena.game.claimOf(true_claim.claim.id)[0] == REJECTED
    assert rejected == (when == "opened")
    assert arena.credit(arena.account("passer-by")) == 0


# ------------------------------------------------------------------------------------------- pause


def test_a_pause_stops_both_clocks(arena: Arena, false_claim: Duel) -> None:
    guardian = arena.account("guardian")
    false_claim.open()
    arena.evm.warp(400)
    arena.game.pause(sender=guardian)
    assert arena.game.paused()
    time = arena.game.protocolTime()
    arena.evm.warp(500)
    assert arena.game.protocolTime() == time
    arena.game.unpause(sender=guardian)
    assert not arena.game.paused()
    arena.evm.warp(400)
    false_claim.move()
    assert false_claim.view().defender_clock == 200
    arena.game.pause(sender=guardian)
    arena.evm.warp(50)
    false_claim.move()  # playing on is possible, and costs no time
    assert false_claim.view().challenger_clock == 1000
    assert arena.game.pauseLeft() == 50


def test_a_pause_ends_by_itself_when_the_allowance_is_used_up(arena: Arena) -> None:
    guardian = arena.account("guardian")
    start = arena.game.protocolTime()
    arena.game.pause(sender=guardian)
    arena.evm.warp(600)
    assert arena.game.protocolTime() == start
    assert not arena.game.paused()
    arena.evm.warp(100)
    assert arena.game.protocolTime() == start + 100
    assert arena.game.pauseLeft() == 0
    with reverts("PauseSpent"):
        arena.game.pause(sender=guardian)
    with reverts("NotPaused"):
        arena.game.unpause(sender=guardian)
    arena.evm.warp(10**9)
    assert arena.game.protocolTime() == start + 100 + 10**9


def test_pauses_add_up_to_the_allowance_and_no_further(arena: Arena) -> None:
    guardian = arena.account("guardian")
    start = arena.game.protocolTime()
    for _ in range(5):
        arena.game.pause(sender=guardian)
        arena.evm.warp(110)
        arena.game.unpause(sender=guardian)
    assert arena.game.pauseLeft() == 50
    assert arena.game.protocolTime() == start
    arena.game.pause(sender=guardian)
    arena.evm.warp(51)
    assert arena.game.protocolTime() == start + 1
    with reverts("PauseSpent"):
        arena.game.pause(sender=guardian)


def test_only_the_guardian_pauses(arena: Arena) -> None:
    guardian = arena.account("guardian")
    for sender in (arena.account("stranger"), ZERO):
        with reverts("NotGuardian"):
            arena.game.pause(sender=sender)
    with reverts("NotPaused"):
        arena.game.unpause(sender=guardian)
    arena.game.pause(sender=guardian)
    with reverts("AlreadyPaused"):
        arena.game.pause(sender=guardian)
    with reverts("NotGuardian"):
        arena.game.unpause(sender=arena.account("stranger"))


def test_a_game_without_guardian_or_allowance_is_never_paused() -> None:
    arena = deploy(Parameters(max_pause=0))
    with reverts("PauseSpent"):
        arena.game.pause(sender=arena.account("guardian"))
