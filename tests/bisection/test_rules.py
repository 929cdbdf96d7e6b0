"""Every rule of the game has a test that breaks it, and one that stays just within it."""

import random
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from bisection import errors, solver
from bisection.alphabet import AlphabetMachine, AlphabetTrace
from bisection.dissection import Dissection
from bisection.errors import RuleBroken
from bisection.game import (
    Action,
    Close,
    Dissect,
    GameState,
    Move,
    Open,
    OpenStep,
    Proof,
    Prove,
    Rules,
    Side,
    Standing,
    Status,
    Timeout,
    answering_action,
    unopened,
)
from bisection.machine import Address, Claim
from bisection.rules import apply
from prover.commit.keccak import Hash
from prover.errors import WitnessError
from tests.bisection.liars import AlwaysFirst
from tests.bisection.table import (
    CHALLENGER,
    DEFENDER,
    PRE,
    ModelTable,
    claim_of,
    honest_action,
    lie,
)

RULES = Rules(k=4, clock=1_000, grace=300)
STRANGER = Address(b"\x99" * 20)
LENGTH = 100
TRUTH = AlphabetTrace(PRE, LENGTH)
FALSE = claim_of(LENGTH, true=False)


def do(
    state: GameState,
    action: Action,
    mover: Address = CHALLENGER,
    now: int = 0,
    standing: Standing = Standing.LIVE,
) -> GameState:
    return apply(state, action, now=now, mover=mover, machine=AlphabetMachine(), standing=standing)


def refused(name: type[Exception], state: GameState, action: Action, **more: object) -> None:
    with pytest.raises(name) as caught:
        do(state, action, **more)  # type: ignore[arg-type]
    assert str(caught.value)
    if issubclass(name, RuleBroken):
        assert type(caught.value) is name


def truth(start: int, end: int, m: int) -> tuple[Hash, ...]:
    """True v[1..m] between two positions."""
    return tuple(TRUTH.states([start + i * (end - start) // m for i in range(1, m + 1)]))


NEW = unopened(FALSE, CHALLENGER, RULES)
OPENED = do(NEW, Open(truth(0, LENGTH, 4)))
FIRST = Dissection(0, LENGTH, (PRE, *truth(0, LENGTH, 4)))


def lying_move(part: int = 1) -> Dissect:
    """The defender's well-formed answer to the opening."""
    start, length = FIRST.bounds(part)
    values = (*truth(start, start + length, 4)[:3], lie(FIRST.values[part + 1]))
    answer = Dissection(start, length, (FIRST.values[part], *values))
    action = answering_action(OPENED, NEW.head, FIRST, Move(part, answer))
    assert isinstance(action, Dissect)
    return action


def until_a_proof(prover: Side) -> tuple[ModelTable, Prove]:
    """A game in which `prover`, who plays the truth, is to prove the last of four steps."""
    length = 16 if prover is Side.CHALLENGER else 4
    truth = AlphabetTrace(PRE, length)
    table = ModelTable(claim_of(length, true=prover is Side.DEFENDER), CHALLENGER, RULES)
    liar = AlwaysFirst(truth, random.Random(0))
    while True:
        view = table.view(table.state.turn)
        mine = table.state.turn is prover
        action = honest_action(view, truth) if mine else liar.act(view)
        if isinstance(action, Prove):
            assert mine
            return table, action
        assert action is not None
        assert table.act(table.state.turn, action) is None


# -------------------------------------------------------------------------------------- opening


def test_an_opening_game() -> None:
    assert (OPENED.status, OPENED.turn) == (Status.PLAYING, Side.DEFENDER)
    assert (OPENED.start, OPENED.length, OPENED.moves) == (0, LENGTH, 1)
    assert OPENED.clocks == (1_000, 1_000)
    assert OPENED.head == FIRST.head(NEW.head)


def test_only_its_challenger_opens_a_game() -> None:
    refused(errors.NotYourTurn, NEW, Open(truth(0, LENGTH, 4)), mover=STRANGER)
    refused(errors.NotYourTurn, NEW, Open(truth(0, LENGTH, 4)), mover=DEFENDER)


def test_a_challenger_has_one_game_on_a_claim() -> None:
    refused(errors.AlreadyOpened, OPENED, Open(truth(0, LENGTH, 4)))
    refused(errors.AlreadyOpened, OPENED, OpenStep(b""))
    closed = do(OPENED, Close(), standing=Standing.VOID)
    refused(errors.AlreadyOpened, closed, Open(truth(0, LENGTH, 4)))


def test_a_rejected_claim_is_not_challenged_again() -> None:
    for action in (Open(truth(0, LENGTH, 4)), OpenStep(b"")):
        refused(errors.ClaimOver, NEW, action, standing=Standing.REJECTED)


def test_an_opening_has_min_k_length_values() -> None:
    for count in (0, 1, 3, 5):
        refused(errors.WrongValueCount, NEW, Open((lie(PRE),) * count))
    short = unopened(claim_of(3, true=False), CHALLENGER, RULES)
    refused(errors.WrongValueCount, short, Open((lie(PRE),) * 4))
    assert do(short, Open((PRE, PRE, PRE))).length == 3


def test_an_opening_disputes_the_end() -> None:
    refused(errors.SameEnd, NEW, Open((*truth(0, LENGTH, 4)[:3], FALSE.post)))


def test_a_claim_of_one_step_is_opened_by_its_proof() -> None:
    one = unopened(claim_of(1, true=False), CHALLENGER, RULES)
    refused(errors.WrongLength, one, Open((lie(PRE),)))
    refused(errors.WrongLength, NEW, OpenStep(b""))
    won = do(one, OpenStep(b""))
    assert won.status is Status.CHALLENGER_WON
    right = unopened(claim_of(1, true=True), CHALLENGER, RULES)
    refused(errors.StepHolds, right, OpenStep(b""))
    refused(WitnessError, one, OpenStep(b"\0"))


# -------------------------------------------------------------------------------------- answering


def test_a_move_passes_the_turn() -> None:
    state = do(OPENED, lying_move(), DEFENDER, now=7)
    assert (state.turn, state.start, state.length) == (Side.CHALLENGER, 25, 25)
    assert (state.moves, state.moved_at, state.clocks) == (1, 7, (1_000, 993))
    assert state.head != OPENED.head


def test_only_the_player_to_move_moves() -> None:
    for mover in (CHALLENGER, STRANGER):
        refused(errors.NotYourTurn, OPENED, lying_move(), mover=mover)
    state = do(OPENED, lying_move(), DEFENDER)
    refused(errors.NotYourTurn, state, lying_move(), mover=DEFENDER)


def test_nobody_moves_before_the_opening_or_after_the_end() -> None:
    over = do(OPENED, Timeout(), now=1_001)
    for state in (NEW, over):
        for action in (lying_move(), Prove(lying_move().opening, b""), Timeout(), Close()):
            refused(errors.NotOpen, state, action, mover=DEFENDER, now=5_000)


def test_a_move_on_a_rejected_claim_comes_too_late() -> None:
    for action in (lying_move(), Prove(lying_move().opening, b""), Timeout()):
        refused(
            errors.ClaimOver,
            OPENED,
            action,
            mover=DEFENDER,
            now=9_999,
            standing=Standing.REJECTED,
        )


def test_a_part_is_one_of_the_last_dissection() -> None:
    move = lying_move()
    for part in (-1, 4, 5, 1 << 255):
        wrong = replace(move, opening=replace(move.opening, part=part))
        refused(errors.WrongPart, OPENED, wrong, mover=DEFENDER)


def test_a_path_is_as_long_as_the_tree_is_deep() -> None:
    move = lying_move()
    path = move.opening.path
    for wrong in ((), path[:1], (*path, path[0])):
        longer = replace(move, opening=replace(move.opening, path=wrong))
        refused(errors.WrongPathLength, OPENED, longer, mover=DEFENDER)


def other_openings(action: Dissect) -> Iterator[Dissect]:
    opening = action.opening
    yield replace(action, opening=replace(opening, prior=lie(opening.prior)))
    yield replace(action, opening=replace(opening, prior=OPENED.head))
    yield replace(action, opening=replace(opening, part=opening.part ^ 1))
    yield replace(action, opening=replace(opening, left=lie(opening.left)))
    yield replace(action, opening=replace(opening, right=lie(opening.right)))
    yield replace(action, opening=replace(opening, path=opening.path[::-1]))


def test_an_opening_gives_the_head() -> None:
    for wrong in other_openings(lying_move()):
        refused(errors.WrongOpening, OPENED, wrong, mover=DEFENDER)


def test_a_move_of_another_game_does_not_fit() -> None:
    """Copied by another challenger, or after a reorg that changed the history."""
    theirs = replace(NEW, challenger=STRANGER)
    opened = do(theirs, Open(truth(0, LENGTH, 4)), STRANGER)
    assert opened.head == OPENED.head  # the state still has our first head: build theirs rightly
    theirs = unopened(FALSE, STRANGER, RULES)
    opened = do(theirs, Open(truth(0, LENGTH, 4)), STRANGER)
    assert opened.head != OPENED.head
    refused(errors.WrongOpening, opened, lying_move(), mover=DEFENDER)
    again = do(NEW, Open((*truth(0, LENGTH, 4)[:3], PRE)))
    refused(errors.WrongOpening, again, lying_move(), mover=DEFENDER)


def test_a_dissection_has_min_k_length_values_and_disputes_the_end() -> None:
    move = lying_move()
    for values in ((), move.values[:3], (*move.values, PRE)):
        wrong = replace(move, values=values)
        refused(errors.WrongValueCount, OPENED, wrong, mover=DEFENDER)
    same = replace(move, values=(*move.values[:3], move.opening.right))
    refused(errors.SameEnd, OPENED, same, mover=DEFENDER)


def test_a_part_of_one_step_is_proven_and_no_other() -> None:
    table, proof = until_a_proof(Side.CHALLENGER)
    refused(errors.WrongLength, table.state, Dissect(proof.opening, (PRE,)))
    refused(errors.WrongLength, OPENED, Prove(lying_move().opening, b""), mover=DEFENDER)


@pytest.mark.parametrize("side", Side)
def test_a_proof_wins(side: Side) -> None:
    table, proof = until_a_proof(side)
    mover = table.state.player(side)
    refused(WitnessError, table.state, replace(proof, witness=b"\0"), mover=mover)
    assert do(table.state, proof, mover).status.value == f"{side.name.lower()} won"
    refused(errors.NotOpen, do(table.state, proof, mover), proof, mover=mover)


@pytest.mark.parametrize("side", Side)
def test_a_proof_of_a_true_step_is_none(side: Side) -> None:
    table, proof = until_a_proof(side)
    assert proof.opening.part == 3
    last = table.posted[-1]
    for part in range(3):
        action = answering_action(table.state, last.prior, last.dissection, Proof(part, b""))
        refused(errors.StepHolds, table.state, action, mover=table.state.player(side))


# -------------------------------------------------------------------------------------- clocks


def test_a_clock_lasts_to_its_last_second() -> None:
    assert do(OPENED, lying_move(), DEFENDER, now=1_000).clocks == (1_000, 0)
    refused(errors.ClockExpired, OPENED, lying_move(), mover=DEFENDER, now=1_001)
    refused(errors.ClockRunning, OPENED, Timeout(), mover=STRANGER, now=1_000)
    assert do(OPENED, Timeout(), STRANGER, now=1_001).status is Status.CHALLENGER_WON


def test_the_defender_wins_when_the_challenger_is_late() -> None:
    state = do(OPENED, lying_move(), DEFENDER, now=400)
    late = 400 + 1_000 + 1
    refused(errors.ClockRunning, state, Timeout(), now=late - 1)
    assert do(state, Timeout(), CHALLENGER, now=late).status is Status.DEFENDER_WON


def test_a_move_costs_its_maker_the_time_since_the_last() -> None:
    state = do(OPENED, lying_move(), DEFENDER, now=400)
    last = Dissection(25, 25, (FIRST.values[1], *lying_move().values))
    answer = solver.respond(last, TRUTH, RULES.k)
    state = do(state, answering_action(state, OPENED.head, last, answer), now=650)
    assert state.clocks == (750, 600)


def test_a_clock_is_raised_to_the_grace_when_a_proof_may_be_due() -> None:
    """25 steps are no reason (parts of 6 and 7), 7 are: one of its four parts is one step."""
    state = do(OPENED, lying_move(), DEFENDER, now=990)
    assert state.clocks == (1_000, 10)
    last = Dissection(25, 25, (FIRST.values[1], *lying_move().values))
    answer = solver.respond(last, TRUTH, RULES.k)
    state = do(state, answering_action(state, OPENED.head, last, answer), now=1_000)
    assert (state.length, state.clocks) == (7, (990, 300))
    exact = unopened(claim_of(8, true=False), CHALLENGER, replace(RULES, grace=2_000))
    assert do(exact, Open((PRE,) * 4)).clocks == (1_000, 1_000)
    below = unopened(claim_of(7, true=False), CHALLENGER, replace(RULES, grace=2_000))
    assert do(below, Open((PRE,) * 4)).clocks == (1_000, 2_000)


def test_time_that_runs_backwards_is_no_time() -> None:
    opened = do(NEW, Open(truth(0, LENGTH, 4)), now=500)
    state = do(opened, lying_move(), DEFENDER, now=100)
    assert state.clocks == (1_000, 1_000)
    refused(errors.ClockRunning, opened, Timeout(), now=0)


# -------------------------------------------------------------------------------------- ends


@pytest.mark.parametrize("standing", [Standing.REJECTED, Standing.VOID])
def test_a_game_on_a_claim_that_is_over_is_closed(standing: Standing) -> None:
    assert do(OPENED, Close(), STRANGER, standing=standing).status is Status.CLOSED
    late = do(OPENED, Close(), STRANGER, now=9_999, standing=standing)
    assert late.status is Status.CLOSED


def test_a_game_on_a_live_claim_is_played() -> None:
    refused(errors.StillDisputed, OPENED, Close())


def test_no_challenger_loses_on_time_over_a_void_claim() -> None:
    state = do(OPENED, lying_move(), DEFENDER)
    over = do(state, Timeout(), STRANGER, now=1_001, standing=Standing.VOID)
    assert over.status is Status.CLOSED
    over = do(OPENED, Timeout(), STRANGER, now=1_001, standing=Standing.VOID)
    assert over.status is Status.CHALLENGER_WON


def test_every_rule_is_broken_above() -> None:
    broken = re.findall(r"refused\(\s*errors\.(\w+)", Path(__file__).read_text(encoding="utf-8"))
    assert {rule.__name__ for rule in RuleBroken.__subclasses__()} == set(broken)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("kind", -1),
        ("kind", 256),
        ("id", b"\0" * 31),
        ("program", b"\0" * 33),
        ("pre", b""),
        ("post", b"\0" * 31),
        ("length", 0),
        ("length", 1 << 62),
        ("defender", b"\0" * 32),
    ],
)
def test_fields_that_no_claim_has(field: str, value: object) -> None:
    with pytest.raises(errors.ClaimError, match=field):
        replace(FALSE, **{field: value})  # type: ignore[arg-type]
    assert isinstance(FALSE, Claim)
