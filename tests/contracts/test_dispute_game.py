"""Every rule of the game, and every ending's money, on the contract itself."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from prover.commit.keccak import Hash, keccak
from prover.commit.tags import Tag
from tests.contracts.arena import (
    DISPUTED,
    GWEI,
    PROGRAM,
    REJECTED,
    UNITS,
    UNKNOWN,
    Arena,
    Claim,
    Duel,
    Parameters,
    Run,
    deploy,
    game_parameters,
)
from tests.contracts.evm import ETHER, ZERO, Event, Revert, compiled, reverts

pytestmark = pytest.mark.usefixtures("toolchain")

PRE = keccak(b"pre")
LENGTH = 2_000_000
WRONG = 1_555_555
TRUE = Run(PRE, LENGTH)
FALSE = replace(TRUE, wrong=WRONG)
LATER = 10**6
"""More than any clock."""


@pytest.fixture
def arena() -> Arena:
    return deploy()


@pytest.fixture
def false_claim(arena: Arena) -> Duel:
    """An honest challenger against a false claim; not yet opened."""
    return duel(arena, defence=FALSE, against=TRUE)


@pytest.fixture
def true_claim(arena: Arena) -> Duel:
    """A lying challenger against a true claim; not yet opened."""
    return duel(arena, defence=TRUE, against=FALSE)


def duel(
    arena: Arena, *, defence: Run, against: Run, name: str = "claim", challenger: str = "challenger"
) -> Duel:
    """A claim on a slot of its own, and somebody who doubts it."""
    owner = arena.account("owner")
    _, slot = arena.stake(owner)
    claim = arena.claim(owner, defence, name, slot)
    return Duel(arena, claim, arena.account(challenger), against, defence)


def also(game: Duel, challenger: str, against: Run | None = None) -> Duel:
    """Another challenger of the same claim."""
    account = game.arena.account(challenger)
    return Duel(game.arena, game.claim, account, against or game.against, game.defence)


def only(events: list[Event], name: str) -> Event:
    """The one event of that name."""
    (event,) = [event for event in events if event.name == name]
    return event


def flip(word: bytes) -> bytes:
    return bytes([word[0] ^ 1]) + word[1:]


# ---------------------------------------------------------------------------------------- opening


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


# ----------------------------------------------------------------------------------------- moving


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


# ----------------------------------------------------------------------------------------- clocks


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


# ------------------------------------------------------------------------------------------ after


def ended(game: Duel) -> Iterator[Callable[[], None]]:
    """Everything that could be tried with a game."""
    yield game.move
    yield game.prove
    yield game.timeout
    yield game.close


def test_a_game_that_never_was_cannot_be_played(arena: Arena, false_claim: Duel) -> None:
    opened = also(false_claim, "another")
    opened.open()
    for action in ended(replace(opened, challenger=false_claim.challenger)):
        with reverts("NotOpen"):
            action()


@pytest.mark.parametrize("ending", ["won", "lost", "timed out", "closed"])
def test_what_is_over_is_over(arena: Arena, ending: str) -> None:
    true = ending == "lost"
    game = duel(arena, defence=TRUE if true else FALSE, against=FALSE if true else TRUE)
    game.open()
    if ending == "closed":
        winner = also(game, "winner")
        winner.open()
        winner.play()
        game.close()
    elif ending == "timed out":
        arena.evm.warp(LATER)
        game.timeout()
    else:
        game.play()
    for action in ended(game):
        with reverts("NotOpen"):
            action()
    assert arena.host.postedOf(game.claim.id)[4] == 0
    view = game.view()
    assert (view.head, view.open) == (bytes(32), False)
    assert view.moved_at != 0


def test_a_rejected_claims_other_games_can_only_be_closed(arena: Arena, false_claim: Duel) -> None:
    other = also(false_claim, "other")
    false_claim.open()
    other.open()
    false_claim.play()
    arena.evm.warp(LATER)
    for action in (other.move, other.prove, other.timeout):
        with reverts("ClaimOver"):
            action()
    other.close(sender=arena.account("passer-by"))
    assert not other.view().open


def test_a_disputed_claims_games_are_not_closed(arena: Arena, true_claim: Duel) -> None:
    true_claim.open()
    with reverts("StillDisputed"):
        true_claim.close()
    arena.evm.warp(LATER)
    with reverts("StillDisputed"):
        true_claim.close()


# ------------------------------------------------------------------------------------------ money


def settled(arena: Arena) -> None:
    """The books add up, and nothing is left in the pots."""
    assert arena.accounted() == arena.evm.balance(arena.vault)
    assert arena.vault.pots() == 0


def test_a_won_game_pays_the_bond_less_the_burnt_part(arena: Arena, false_claim: Duel) -> None:
    false_claim.open()
    assert arena.vault.pots() == 1 * ETHER
    false_claim.play()
    won = only(arena.evm.events, "Won")
    assert won["paid"] == arena.credit(false_claim.challenger) == 1 * ETHER + 9 * ETHER
    assert arena.burnt() == 1 * ETHER
    assert arena.vault.bonded() == 0
    assert arena.credit(false_claim.claim.defender) == 0
    settled(arena)
    before = arena.evm.balance(false_claim.challenger)
    arena.vault.collect(sender=false_claim.challenger)
    assert arena.evm.balance(false_claim.challenger) == before + 10 * ETHER


def test_a_lost_challenge_pays_the_defender_less_the_burnt_part(
    arena: Arena, true_claim: Duel
) -> None:
    true_claim.open()
    true_claim.play()
    lost = only(arena.evm.events, "Lost")
    assert lost["paid"] == arena.credit(true_claim.claim.defender) == ETHER * 9 // 10
    assert arena.burnt() == ETHER // 10
    assert arena.credit(true_claim.challenger) == 0
    assert arena.vault.bonded() == 10 * ETHER
    settled(arena)


def test_a_timeout_pays_as_a_proof_does(arena: Arena) -> None:
    game = duel(arena, defence=FALSE, against=TRUE, name="defender late")
    game.open()
    arena.evm.warp(LATER)
    game.timeout()
    assert arena.credit(game.challenger) == 10 * ETHER
    assert arena.burnt() == 1 * ETHER
    game = duel(arena, defence=TRUE, against=FALSE, name="challenger late", challenger="liar")
    game.open()
    game.move()
    arena.evm.warp(LATER)
    game.timeout()
    assert arena.credit(game.claim.defender) == ETHER * 9 // 10
    assert arena.burnt() == ETHER * 11 // 10
    settled(arena)


def test_odd_wei_are_neither_lost_nor_made() -> None:
    arena = deploy(Parameters(bond=1_000_003, challenge_bond=77_777, burn_bps=3333))
    game = duel(arena, defence=FALSE, against=TRUE)
    others = [also(game, f"other {i}") for i in range(6)]
    game.open()
    for other in others:
        other.open()
    game.play()
    for other in others:
        other.close()
    burnt = 1_000_003 * 3333 // 10_000
    assert arena.burnt() == burnt
    assert arena.credit(game.challenger) == 1_000_003 - burnt + 77_777
    assert all(arena.credit(other.challenger) == 77_777 for other in others)
    settled(arena)


def test_every_challenger_is_refunded_its_moves_out_of_the_slashed_bond(
    arena: Arena, false_claim: Duel
) -> None:
    one, two = also(false_claim, "one"), also(false_claim, "two")
    for game in (false_claim, one, two):
        game.open()
    two.move()
    two.move()  # two dissections by challenger two, one by challenger one
    false_claim.play_to_proof()
    false_claim.prove(gas_price=7 * GWEI)
    share = 3 * ETHER  # (10 - 1) / 3
    price = 60_000 * 7 * GWEI
    assert arena.game.claimOf(false_claim.claim.id)[5:] == (false_claim.challenger, price, share)
    assert arena.credit(false_claim.challenger) == 1 * ETHER + 9 * ETHER - 2 * share
    one.close(gas_price=99 * GWEI)  # the price is that of the rejection
    assert arena.credit(one.challenger) == 1 * ETHER + price
    assert arena.credit(false_claim.challenger) == 1 * ETHER + 9 * ETHER - share - price
    two.close()
    assert only(arena.evm.events, "Closed")["paid"] == 1 * ETHER + 2 * price
    assert arena.credit(two.challenger) == 1 * ETHER + 2 * price
    assert arena.credit(false_claim.challenger) == 10 * ETHER - 3 * price
    assert arena.burnt() == 1 * ETHER
    settled(arena)


@pytest.mark.parametrize(("paid", "counted"), [(3, 3), (100, 100), (101, 100), (10**6, 100)])
def test_refunds_are_capped_by_the_base_fee_cap(paid: int, counted: int) -> None:
    arena = deploy()
    game = duel(arena, defence=FALSE, against=TRUE)
    other = also(game, "other")
    game.open()
    other.open()
    game.play_to_proof()
    game.prove(gas_price=paid * GWEI)
    other.close()
    assert arena.credit(other.challenger) == 1 * ETHER + 60_000 * counted * GWEI
    settled(arena)


def test_refunds_are_capped_by_the_share() -> None:
    arena = deploy(Parameters(bond=1 * ETHER, gas_per_move=2**32 - 1, base_fee_cap=1000 * GWEI))
    game = duel(arena, defence=FALSE, against=TRUE)
    others = [also(game, f"other {i}") for i in range(2)]
    game.open()
    for other in others:
        other.open()
    game.play_to_proof()
    game.prove(gas_price=1000 * GWEI)
    for other in others:
        other.close()
        assert arena.credit(other.challenger) == 1 * ETHER + ETHER * 3 // 10
    assert arena.credit(game.challenger) == 1 * ETHER + ETHER * 3 // 10
    settled(arena)


def test_dozens_of_griefers_cost_the_winner_their_gas_at_the_most(arena: Arena) -> None:
    game = duel(arena, defence=FALSE, against=TRUE)
    griefers = [also(game, f"griefer {i}") for i in range(48)]
    for griefer in griefers[:24]:
        griefer.open()
    game.open()
    for griefer in griefers[24:]:
        griefer.open()
    game.play_to_proof()
    game.prove(gas_price=10 * GWEI)
    assert arena.game.claimOf(game.claim.id)[2] == 48
    for griefer in griefers:
        griefer.close(sender=game.challenger)
        assert arena.credit(griefer.challenger) == 1 * ETHER + 60_000 * 10 * GWEI
    assert arena.credit(game.challenger) == 10 * ETHER - 48 * 60_000 * 10 * GWEI
    assert arena.burnt() == 1 * ETHER
    assert arena.host.postedOf(game.claim.id)[4] == 0
    settled(arena)


def test_griefers_delay_a_true_claim_by_one_games_clocks_and_pay_for_it(arena: Arena) -> None:
    game = duel(arena, defence=TRUE, against=FALSE)
    griefers = [also(game, f"griefer {i}") for i in range(24)]
    for griefer in griefers:
        griefer.open()
        griefer.move()
    arena.evm.warp(arena.rules.clock + 1)
    for griefer in griefers:
        griefer.timeout()
    assert arena.game.claimOf(game.claim.id)[:3] == (DISPUTED, 0, 0)
    assert arena.credit(game.claim.defender) == 24 * ETHER * 9 // 10
    assert arena.burnt() == 24 * ETHER // 10
    settled(arena)


@pytest.mark.parametrize("claimed", [FALSE, TRUE], ids=["against a lie", "against the truth"])
def test_who_plays_against_himself_loses_the_burnt_part(arena: Arena, claimed: Run) -> None:
    owner = arena.account("owner")
    _, slot = arena.stake(owner)
    claim = arena.claim(owner, claimed, slot=slot)
    against = TRUE if claimed is FALSE else FALSE
    game = Duel(arena, claim, owner, against, claimed)
    game.open()
    game.play()
    burnt = 1 * ETHER if claimed is FALSE else ETHER // 10
    assert arena.burnt() == burnt
    assert arena.credit(owner) + arena.vault.bonded() == 11 * ETHER - burnt
    settled(arena)


# ------------------------------------------------------------------------------------------- void


@pytest.fixture
def voided(arena: Arena) -> Duel:
    """A game on a true claim whose slot was slashed meanwhile through another claim."""
    owner = arena.account("owner")
    arena.stake(owner)
    sound = arena.claim(owner, TRUE, "sound")
    rotten = arena.claim(owner, FALSE, "rotten")
    game = Duel(arena, sound, arena.account("challenger"), FALSE, TRUE)
    game.open()
    slasher = Duel(arena, rotten, arena.account("slasher"), TRUE, FALSE)
    slasher.open()
    slasher.play()
    assert arena.host.isVoid(sound.id)
    assert arena.credit(slasher.challenger) == 10 * ETHER
    return game


def test_a_void_claims_game_is_closed_and_the_bond_comes_back(arena: Arena, voided: Duel) -> None:
    voided.close(sender=arena.account("passer-by"), gas_price=GWEI)
    assert only(arena.evm.events, "Closed")["paid"] == 1 * ETHER
    assert arena.credit(voided.challenger) == 1 * ETHER
    assert arena.game.claimOf(voided.claim.id)[0] == DISPUTED
    assert arena.vault.slotOf(1, 0)[2] == 0
    settled(arena)


def test_a_late_challenger_of_a_void_claim_loses_nothing(arena: Arena, voided: Duel) -> None:
    voided.move()
    arena.evm.warp(LATER)
    voided.timeout()
    assert only(arena.evm.events, "Closed")["paid"] == 1 * ETHER
    assert arena.credit(voided.challenger) == 1 * ETHER
    assert arena.credit(voided.claim.defender) == 0
    settled(arena)


def test_a_game_won_on_a_void_claim_slashes_nothing_twice(arena: Arena, voided: Duel) -> None:
    burnt = arena.burnt()
    arena.evm.warp(LATER)
    voided.timeout(gas_price=GWEI)
    assert arena.game.claimOf(voided.claim.id)[0] == REJECTED
    assert only(arena.evm.events, "Slashed")["amount"] == 0
    assert arena.credit(voided.challenger) == 1 * ETHER
    assert arena.burnt() == burnt
    settled(arena)


def test_games_beside_one_won_on_a_void_claim_get_their_bonds_back(arena: Arena) -> None:
    owner = arena.account("owner")
    arena.stake(owner)
    claims = [arena.claim(owner, FALSE, name) for name in ("a", "b")]
    games = [
        Duel(arena, claim, arena.account(name), TRUE, FALSE)
        for claim in claims
        for name in ("one", "two")
    ]
    for game in games:
        game.open()
    games[0].play()
    games[2].play()
    for game in (games[1], games[3]):
        game.close(gas_price=GWEI)
    assert arena.credit(games[0].challenger) + arena.credit(games[1].challenger) == 13 * ETHER
    assert arena.burnt() == 1 * ETHER
    settled(arena)


def test_a_defender_still_proves_a_challenger_of_its_void_claim_wrong(arena: Arena) -> None:
    # What is proven is proven, whatever became of the slot: a liar does not get away by it.
    truth = Run(PRE, 16)
    owner = arena.account("owner")
    arena.stake(owner)
    sound = arena.claim(owner, truth, "sound")
    rotten = arena.claim(owner, FALSE, "rotten")
    liar = Duel(arena, sound, arena.account("liar"), replace(truth, wrong=5), truth)
    liar.open()
    slasher = Duel(arena, rotten, arena.account("slasher"), TRUE, FALSE)
    slasher.open()
    slasher.play()
    assert arena.host.isVoid(sound.id)
    liar.prove()
    assert arena.credit(liar.challenger) == 0
    assert arena.credit(owner) == ETHER * 9 // 10
    settled(arena)


def test_a_late_defender_of_a_void_claim_leaves_the_challenger_its_bond(arena: Arena) -> None:
    owner = arena.account("owner")
    arena.stake(owner)
    games = [
        Duel(arena, arena.claim(owner, FALSE, name), arena.account(name), TRUE, FALSE)
        for name in ("first", "second")
    ]
    for game in games:
        game.open()
    arena.evm.warp(LATER)
    for game in games:
        with reverts("ClockExpired"):
            game.move()
        game.timeout()
    assert arena.credit(games[0].challenger) == 10 * ETHER
    assert arena.credit(games[1].challenger) == 1 * ETHER
    assert arena.burnt() == 1 * ETHER
    settled(arena)


# ------------------------------------------------------------------------------------------ pause


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


# ------------------------------------------------------------------------------------- deployment


@pytest.mark.parametrize(
    "bad",
    [
        {"k": 1},
        {"k": 65},
        {"clock": 0},
        {"burn_bps": 10_001},
        {"challenge_bond": 0},
        {"challenge_bond": 2**96},
        {"gas_per_move": 2**32},
        {"base_fee_cap": 2**64},
    ],
    ids=str,
)
def test_parameters_without_sense_are_refused(bad: dict[str, int]) -> None:
    with reverts("BadParameter"):
        deploy(Parameters(**bad))


def test_a_deployment_names_vault_hosts_and_machines(arena: Arena) -> None:
    artifact = compiled(*UNITS)["DisputeGame"]
    kind = (arena.host.address, arena.machine.address)
    vault = arena.vault.address
    for at, kinds in (
        (ZERO, [kind]),
        (vault, []),
        (vault, [kind, (ZERO, kind[1])]),
        (vault, [(kind[0], ZERO)]),
    ):
        with reverts("BadParameter"):
            arena.evm.deploy(artifact, game_parameters(arena.rules, at, kinds, ZERO))


def test_what_was_fixed_can_be_read(arena: Arena) -> None:
    game, rules = arena.game, arena.rules
    assert (game.K(), game.CLOCK(), game.GRACE()) == (rules.k, rules.clock, rules.grace)
    assert (game.CHALLENGE_BOND(), game.BURN_BPS()) == (rules.challenge_bond, rules.burn_bps)
    assert (game.GAS_PER_MOVE(), game.BASE_FEE_CAP()) == (rules.gas_per_move, rules.base_fee_cap)
    assert (game.VAULT(), game.kinds(0)) == (
        arena.vault.address,
        (arena.host.address, arena.machine.address),
    )
    assert (game.GUARDIAN(), game.MAX_PAUSE()) == (arena.account("guardian"), rules.max_pause)


# ------------------------------------------------------------------------------- alphabet machine


def test_the_alphabet_machine_has_the_closed_form_that_it_states(arena: Arena) -> None:
    pre = 2**256 - 500  # over the edge
    state = pre.to_bytes(32, "big")
    for n in range(1, 80):
        state = arena.machine.step(PROGRAM, n - 1, state, b"")
        letters = n % 26
        closed = pre + 351 * (n // 26) + letters * (letters + 1) // 2
        assert int.from_bytes(state, "big") == closed % 2**256
    assert arena.machine.step(bytes(32), 2**64 - 1, PRE, b"") == arena.machine.step(
        PROGRAM, (2**64 - 1) % 26, PRE, b""
    )
    with reverts("WitnessNotEmpty"):
        arena.machine.step(PROGRAM, 0, PRE, b"\0")


# --------------------------------------------------------- defects of contracts that people copy


def test_defect_any_bytes_prove_fraud(arena: Arena) -> None:
    """No bytes reject a true claim: neither as a witness nor as a proof."""
    truth = Run(PRE, 16)
    game = duel(arena, defence=truth, against=replace(truth, wrong=9))
    game.open()
    for part in range(16):
        for witness in (b"", b"fraud", bytes(32)):
            with pytest.raises(Revert):
                game.prove(game.opening(part) | {"witness": witness}, sender=game.challenger)
    game.play()
    assert arena.game.claimOf(game.claim.id)[0] == DISPUTED
    assert not arena.vault.isSlashed(1, 0)


def test_defect_a_submission_can_be_overwritten_by_anybody(arena: Arena, false_claim: Duel) -> None:
    """Neither a claim's record nor a dissection is replaced by somebody else's."""
    false_claim.open()
    before = (false_claim.view(), arena.game.claimOf(false_claim.claim.id))
    stranger = arena.account("stranger")
    fields = false_claim.claim.fields
    values = [keccak(bytes([i])) for i in range(16)]
    for attempt in (
        lambda: arena.game.open(fields, false_claim.challenger, values, sender=stranger),
        lambda: arena.as_host("open", fields, false_claim.challenger, values),
        lambda: false_claim.move(sender=stranger),
        lambda: arena.host.post(fields, 0, sender=stranger),
    ):
        with pytest.raises(Revert):
            attempt()
    assert (false_claim.view(), arena.game.claimOf(false_claim.claim.id)) == before


def test_defect_a_payout_repeats(arena: Arena, false_claim: Duel) -> None:
    """Each game pays once, each slot once, each credit once."""
    other = also(false_claim, "other")
    false_claim.open()
    other.open()
    false_claim.play()
    other.close()
    paid = arena.vault.credits()
    for game in (false_claim, other):
        for action in ended(game):
            with reverts("NotOpen"):
                action()
    assert arena.vault.credits() == paid
    arena.vault.collect(sender=other.challenger)
    with reverts("NothingToCollect"):
        arena.vault.collect(sender=other.challenger)


def test_defect_an_unbonded_challenge_freezes_a_task(arena: Arena, true_claim: Duel) -> None:
    """No bond, no game; and an abandoned game is ended by anybody."""
    with reverts("WrongValue", 1 * ETHER):
        true_claim.open(value=0)
    with reverts("WrongValue", 1 * ETHER):
        true_claim.open(value=ETHER - 1)
    true_claim.open()
    true_claim.move()
    arena.evm.warp(arena.rules.clock + 1)
    true_claim.timeout(sender=arena.account("passer-by"))
    assert arena.host.postedOf(true_claim.claim.id)[4] == 0


def test_defect_a_target_is_never_compared(arena: Arena) -> None:
    """A proof that leads to the very value that is claimed is refused, whoever brings it."""
    truth = Run(Hash(bytes(32)), 1)
    game = duel(arena, defence=truth, against=truth)
    with reverts("StepHolds"):
        game.open()
    longer = Run(PRE, 2)
    played = duel(arena, defence=longer, against=replace(longer, wrong=1), name="two")
    played.open()
    with reverts("StepHolds"):
        played.prove(played.opening(0))
    played.prove(played.opening(1))
    assert arena.credit(played.claim.defender) == ETHER * 9 // 10
