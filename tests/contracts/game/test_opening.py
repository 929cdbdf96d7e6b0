"""Who opens a game, on which claims, and what an opening must hold."""

from dataclasses import replace
from typing import Any

import pytest

from prover.commit.keccak import keccak
from tests.contracts.arena import (
    DISPUTED,
    PROGRAM,
    REJECTED,
    UNKNOWN,
    Arena,
    Claim,
    Duel,
    Run,
    deploy,
)
from tests.contracts.evm import ETHER, ZERO, reverts
from tests.contracts.game.duels import FALSE, LATER, LENGTH, PRE, TRUE, also, duel, only

pytestmark = pytest.mark.usefixtures("toolchain")


def test_opening_stores_the_head_and_a_packed_turn(arena: Arena, false_claim: Duel) -> None:
    false_claim.open()
    view = false_claim.view()
    assert view.head == false_claim.head
    assert (view.start, view.length) == (0, LENGTH)
    assert (view.challenger_clock, view.defender_clock) == (1000, 1000)
    assert view.moved_at == arena.game.protocolTime()
    assert (view.moves, view.defender_to_move, view.open) == (1, True, True)
    status, kind, games, defender, program, *rest = arena.game.claimOf(false_claim.claim.id)
    assert (status, kind, games) == (DISPUTED, 0, 1)
    assert (defender, program) == (false_claim.claim.defender, PROGRAM)
    assert rest == [ZERO, 0, 0]


def test_before_it_is_opened_a_game_is_blank(arena: Arena, false_claim: Duel) -> None:
    view = false_claim.view()
    assert (view.head, view.moved_at, view.open) == (bytes(32), 0, False)
    assert arena.game.claimOf(false_claim.claim.id)[0] == UNKNOWN


def test_opening_publishes_the_whole_dissection(arena: Arena, false_claim: Duel) -> None:
    false_claim.open()
    event = only(arena.evm.events, "Opened")
    assert event["claimId"] == false_claim.claim.id
    assert event["challenger"] == false_claim.challenger
    assert (event["head"], event["length"]) == (false_claim.head, LENGTH)
    assert event["values"] == tuple(TRUE.dissect(0, LENGTH, PRE, 16).values[1:])


def test_only_the_host_of_the_kind_opens(arena: Arena, false_claim: Duel) -> None:
    values = TRUE.dissect(0, LENGTH, PRE, 16).values[1:]
    fields = false_claim.claim.fields
    with reverts("WrongHost"):
        arena.game.open(fields, false_claim.challenger, values, sender=false_claim.challenger)
    with reverts("WrongHost"):
        arena.game.openStep(fields, false_claim.challenger, b"", sender=false_claim.challenger)
    for kind in (0, 2, 255):  # another's, none, none
        with reverts("WrongHost"):
            arena.as_host("open", (kind, *fields[1:]), false_claim.challenger, values)


@pytest.mark.parametrize("length", [0, 2**62, 2**64 - 1])
def test_a_claims_length_is_bounded(arena: Arena, length: int) -> None:
    claim = Claim(keccak(b"id"), PRE, keccak(b"post"), length, ZERO, kind=1)
    with reverts("BadLength"):
        arena.as_host("open", claim.fields, ZERO, [keccak(b"x")] * 16)
    with reverts("BadLength"):
        arena.as_host("openStep", claim.fields, ZERO, b"")


def test_the_longest_claim_is_played_in_sixteen_dissections(arena: Arena) -> None:
    length = 2**62 - 1
    truth = Run(PRE, length)
    game = duel(arena, defence=replace(truth, wrong=length // 3), against=truth)
    game.open()
    dissections = 1
    while game.bounds()[1] > 1:
        game.move()
        dissections += 1
    assert dissections == 16
    game.play()
    assert arena.game.claimOf(game.claim.id)[0] == REJECTED


@pytest.mark.parametrize(("length", "parts"), [(LENGTH, 16), (17, 16), (16, 16), (5, 5), (2, 2)])
@pytest.mark.parametrize("more", [-1, 1])
def test_a_dissection_has_exactly_min_k_length_values(length: int, parts: int, more: int) -> None:
    arena = deploy()
    truth = Run(PRE, length)
    game = duel(arena, defence=replace(truth, wrong=0), against=truth)
    values = [keccak(bytes([i])) for i in range(parts + more)]
    with reverts("WrongValueCount", parts):
        arena.host.challenge(
            game.claim.id, values, sender=game.challenger, value=arena.rules.challenge_bond
        )


def test_an_opening_must_end_elsewhere_than_the_claim(arena: Arena, true_claim: Duel) -> None:
    with reverts("SameEnd"):
        replace(true_claim, against=TRUE).open()


def test_a_claim_of_one_step_is_proven_at_once_and_a_longer_one_is_not(arena: Arena) -> None:
    one = Run(PRE, 1)
    game = duel(arena, defence=replace(one, wrong=0), against=one)
    bond = {"sender": game.challenger, "value": arena.rules.challenge_bond}
    with reverts("WrongLength"):
        arena.host.challenge(game.claim.id, [keccak(b"x")], **bond)
    longer = duel(arena, defence=FALSE, against=TRUE, name="longer")
    with reverts("WrongLength"):
        arena.host.challengeStep(longer.claim.id, b"", **bond)
    game.open()
    assert arena.game.claimOf(game.claim.id)[0] == REJECTED
    assert arena.host.postedOf(game.claim.id)[4] == 0
    assert arena.credit(game.challenger) == 1 * ETHER + 9 * ETHER
    assert arena.burnt() == 1 * ETHER


def test_a_rejected_claim_of_one_step_is_not_proven_again(arena: Arena) -> None:
    one = Run(PRE, 1)
    claim = Claim(keccak(b"id"), PRE, replace(one, wrong=0).state(1), 1, ZERO, kind=1)
    arena.puppet.act(arena.vault, arena.vault.calldata("fund"), value=2 * ETHER)
    arena.as_host("openStep", claim.fields, arena.account("first"), b"")
    assert arena.puppet.closed(claim.id) == 1
    with reverts("ClaimOver"):
        arena.as_host("openStep", claim.fields, arena.account("second"), b"")


def test_a_true_claim_of_one_step_cannot_be_disproven(arena: Arena) -> None:
    one = Run(PRE, 1)
    game = duel(arena, defence=one, against=one)
    with reverts("StepHolds"):
        game.open()
    with reverts("WitnessNotEmpty"):
        arena.host.challengeStep(
            game.claim.id, b"\0", sender=game.challenger, value=arena.rules.challenge_bond
        )


def test_one_game_a_challenger_and_claim(arena: Arena, true_claim: Duel) -> None:
    true_claim.open()
    with reverts("AlreadyOpened"):
        replace(true_claim).open()
    also(true_claim, "another").open()
    assert arena.game.claimOf(true_claim.claim.id)[2] == 2


def test_a_game_that_is_over_is_not_opened_again(arena: Arena, true_claim: Duel) -> None:
    true_claim.open()
    true_claim.play()
    assert not true_claim.view().open
    with reverts("AlreadyOpened"):
        replace(true_claim).open()


def test_a_rejected_claim_is_not_challenged_again(arena: Arena) -> None:
    truth = Run(PRE, 16)
    claim = Claim(keccak(b"id"), PRE, replace(truth, wrong=3).state(16), 16, ZERO, kind=1)
    arena.puppet.act(arena.vault, arena.vault.calldata("fund"), value=ETHER)
    challenger = arena.account("challenger")
    values = truth.dissect(0, 16, PRE, 16).values[1:]
    arena.as_host("open", claim.fields, challenger, values)
    arena.evm.warp(LATER)
    arena.game.timeout(claim.id, challenger)
    with reverts("ClaimOver"):
        arena.as_host("open", claim.fields, arena.account("late"), values)


@pytest.mark.parametrize(
    "change", [{"defender": ZERO}, {"program": bytes(32)}], ids=["defender", "program"]
)
def test_a_claim_keeps_its_content(arena: Arena, false_claim: Duel, change: dict[str, Any]) -> None:
    false_claim.open()
    changed = replace(false_claim.claim, **change)
    values = TRUE.dissect(0, LENGTH, PRE, 16).values[1:]
    with reverts("ClaimChanged"):
        arena.host.challengeAs(
            changed.fields,
            values,
            sender=arena.account("another"),
            value=arena.rules.challenge_bond,
        )


def test_a_claim_keeps_its_kind(arena: Arena, false_claim: Duel) -> None:
    false_claim.open()
    values = TRUE.dissect(0, LENGTH, PRE, 16).values[1:]
    with reverts("ClaimChanged"):
        arena.as_host("open", replace(false_claim.claim, kind=1).fields, ZERO, values)
