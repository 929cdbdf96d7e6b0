"""Dissections and proofs: who may send them, and which ones a game takes."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from prover.commit.keccak import keccak
from prover.commit.tags import Tag
from tests.contracts.arena import DISPUTED, REJECTED, Arena, Duel, Parameters, Run, deploy
from tests.contracts.evm import ETHER, ZERO, reverts
from tests.contracts.game.duels import FALSE, LENGTH, PRE, TRUE, also, duel, flip, only

pytestmark = pytest.mark.usefixtures("toolchain")


def test_a_move_stores_the_part_and_passes_the_turn(arena: Arena, false_claim: Duel) -> None:
    false_claim.open()
    arena.evm.warp(300)
    start, length = false_claim.bounds()
    false_claim.move()
    view = false_claim.view()
    assert view.head == false_claim.head
    assert (view.start, view.length) == (start, length) == (1_500_000, 125_000)
    assert (view.challenger_clock, view.defender_clock) == (1000, 700)
    assert (view.moves, view.defender_to_move) == (1, False)
    arena.evm.warp(20)
    false_claim.move()
    view = false_claim.view()
    assert (view.challenger_clock, view.defender_clock) == (980, 700)
    assert (view.moves, view.defender_to_move) == (2, True)


def test_a_move_publishes_its_dissection(arena: Arena, false_claim: Duel) -> None:
    false_claim.open()
    answer = false_claim.answer()
    false_claim.move()
    event = only(arena.evm.events, "Moved")
    assert event["claimId"] == false_claim.claim.id
    assert event["challenger"] == false_claim.challenger
    assert event["head"] == false_claim.head
    assert (event["start"], event["length"]) == (answer.start, answer.length)
    assert event["values"] == tuple(answer.values[1:])


def test_a_player_that_is_a_contract_cannot_hide_its_dissection(arena: Arena) -> None:
    game = replace(duel(arena, defence=FALSE, against=TRUE), challenger=arena.puppet.address)
    values = TRUE.dissect(0, LENGTH, PRE, 16).values[1:]
    data = arena.host.calldata("challenge", game.claim.id, values)
    bond = arena.rules.challenge_bond
    arena.puppet.act(arena.host, data, sender=arena.account("puppeteer"), value=bond)
    assert only(arena.evm.events, "Opened")["values"] == tuple(values)
    assert only(arena.evm.events, "Opened")["challenger"] == arena.puppet.address


BENT: dict[str, tuple[Callable[[dict[str, Any]], Any], str]] = {
    "prior": (lambda a: flip(a["prior"]), "WrongOpening"),
    "part": (lambda a: a["part"] ^ 1, "WrongOpening"),
    "start": (lambda a: flip(a["start"]), "WrongOpening"),
    "end": (lambda a: flip(a["end"]), "WrongOpening"),
    "path": (lambda a: [flip(a["path"][0]), *a["path"][1:]], "WrongOpening"),
}


@pytest.mark.parametrize("argument", BENT)
def test_an_opening_that_does_not_give_the_head_is_refused(
    false_claim: Duel, argument: str
) -> None:
    bend, error = BENT[argument]
    false_claim.open()
    wrong = {argument: bend(false_claim.opening())}
    with reverts(error):
        false_claim.move(wrong)
    false_claim.play_to_proof()
    wrong = {argument: bend(false_claim.opening())}
    with reverts(error):
        false_claim.prove(wrong)


@pytest.mark.parametrize("part", [16, 17, 2**255, 2**256 - 1])
def test_a_part_beyond_the_dissection_is_refused(false_claim: Duel, part: int) -> None:
    false_claim.open()
    with reverts("WrongPart"):
        false_claim.move({"part": part})
    with reverts("WrongPart"):
        false_claim.prove({"part": part})


def test_a_part_that_is_only_padding_is_refused(arena: Arena) -> None:
    truth = Run(PRE, 5)
    game = duel(arena, defence=replace(truth, wrong=4), against=truth)
    game.open()
    with reverts("WrongPart"):
        game.prove({"part": 5})


def test_a_paths_length_is_given_by_the_dissection(false_claim: Duel) -> None:
    false_claim.open()
    path = false_claim.opening()["path"]
    for wrong in (path[:-1], [*path, bytes(32)], []):
        with reverts("WrongPathLength", 4):
            false_claim.move({"path": wrong})


def test_a_node_does_not_pass_for_a_leaf(false_claim: Duel) -> None:
    false_claim.open()
    honest = false_claim.opening(0)
    dissection = false_claim.last
    assert dissection is not None
    other = false_claim.opening(1)
    leaves = [keccak(bytes([Tag.DISSECTION_LEAF]) + o["start"] + o["end"]) for o in (honest, other)]
    # The pair of leaves 0 and 1 in place of the pair of values, with the path from one level up.
    forged = {"part": 0, "start": leaves[0], "end": leaves[1], "path": honest["path"][1:]}
    with reverts("WrongPathLength", 4):
        false_claim.move(forged)
    with reverts("WrongOpening"):
        false_claim.move(forged | {"path": honest["path"]})


def test_a_move_fits_no_other_challengers_game(false_claim: Duel) -> None:
    twin = also(false_claim, "copycat")
    false_claim.open()
    twin.open()
    assert false_claim.head != twin.head
    with reverts("WrongOpening"):
        twin.move(false_claim.opening() | {"challenger": twin.challenger})


def test_an_answer_to_an_older_dissection_is_refused(false_claim: Duel) -> None:
    false_claim.open()
    false_claim.move()
    stale = replace(false_claim)
    false_claim.move()
    false_claim.move()
    with reverts("WrongOpening"):
        stale.move()


def test_only_the_player_to_move_moves(arena: Arena, false_claim: Duel) -> None:
    false_claim.open()
    stranger = arena.account("stranger")
    for sender in (false_claim.challenger, stranger, ZERO):
        with reverts("NotYourTurn"):
            false_claim.move(sender=sender)
        with reverts("NotYourTurn"):
            false_claim.prove(sender=sender)
    false_claim.move()
    for sender in (false_claim.claim.defender, stranger):
        with reverts("NotYourTurn"):
            false_claim.move(sender=sender)


def test_a_claims_defender_need_not_be_its_owner(arena: Arena) -> None:
    owner, agent = arena.account("owner"), arena.account("agent")
    arena.stake(owner)
    claim = arena.claim(owner, TRUE, defender=agent)
    game = Duel(arena, claim, arena.account("challenger"), FALSE, TRUE)
    game.open()
    with reverts("NotYourTurn"):
        game.move(sender=owner)
    game.play()
    assert arena.credit(agent) == ETHER * 9 // 10
    assert arena.credit(owner) == 0


def test_an_answer_has_the_parts_values_and_another_end(false_claim: Duel) -> None:
    false_claim.open()
    values = list(false_claim.answer().values[1:])
    with reverts("WrongValueCount", 16):
        false_claim.move({"values": values[:-1]})
    with reverts("WrongValueCount", 16):
        false_claim.move({"values": [*values, values[-1]]})
    with reverts("WrongValueCount", 16):
        false_claim.move({"values": []})
    with reverts("SameEnd"):
        false_claim.move({"values": [*values[:-1], false_claim.opening()["end"]]})


def test_a_part_of_one_step_is_proven_and_a_longer_one_is_not(false_claim: Duel) -> None:
    false_claim.open()
    with reverts("WrongLength"):
        false_claim.prove()
    false_claim.play_to_proof()
    with reverts("WrongLength"):
        false_claim.move({"values": [keccak(b"x")]})


def test_a_step_that_holds_proves_nothing(arena: Arena) -> None:
    truth = Run(PRE, 16)
    game = duel(arena, defence=replace(truth, wrong=3), against=truth)
    game.open()
    for part in range(16):
        with reverts("StepHolds"):
            game.prove(game.opening(part))
    with reverts("WitnessNotEmpty"):
        game.prove({"witness": b"\1"})


@pytest.mark.parametrize("k", [2, 3, 5, 16, 17, 64])
def test_parts_are_cut_and_committed_as_the_reference_does(k: int) -> None:
    arena = deploy(Parameters(k=k))
    for length in sorted({*range(2, 12), k, k + 1, 2 * k - 1, 2 * k, 1000}):
        truth = Run(PRE, length)
        game = duel(
            arena,
            defence=replace(truth, wrong=length - 1),
            against=truth,
            name=f"{length}",
            challenger=f"{length}",
        )
        game.open()
        assert game.view().head == game.head
        while game.bounds()[1] > 1:
            start, parts = game.bounds()
            game.move()
            view = game.view()
            assert (view.head, view.start, view.length) == (game.head, start, parts)
        game.play()


@pytest.mark.parametrize("k", [2, 3, 4])
def test_honest_players_win_every_small_game(k: int) -> None:
    arena = deploy(Parameters(k=k))
    for length in range(1, 10):
        truth = Run(PRE, length)
        for wrong in range(length):
            lie = replace(truth, wrong=wrong)
            name = f"{length}.{wrong}"
            game = duel(arena, defence=lie, against=truth, name=name, challenger=name)
            game.open()
            if length > 1:
                game.play()
            assert arena.game.claimOf(game.claim.id)[0] == REJECTED
            if length == 1:
                continue
            game = duel(arena, defence=truth, against=lie, name=f"{name}'", challenger=name)
            game.open()
            game.play()
            assert arena.game.claimOf(game.claim.id)[0] == DISPUTED
            assert not game.view().open
