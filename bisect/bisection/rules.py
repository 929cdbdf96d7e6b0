"""The rules of the game as values: `apply` is what the contract does, without storage and money.

One challenger disputes one claim. Nothing is decided later than by the call that brings it, and a
call that breaks a rule changes nothing. The whole state machine:

    when            action    by          then             provided that
    --------------  --------  ----------  ---------------  -------------------------------------
    unopened L > 1  Open      challenger  defender's turn  v[m] != post; claim not rejected
    unopened L = 1  OpenStep  challenger  challenger won   step(pre) != post; claim not rejected
    X's turn        Dissect   X           other's turn     in time; opens a part of > 1 steps;
                                                           v[m] != its right value
    X's turn        Prove     X           X won            in time; opens a part of 1 step;
                                                           step(its left) != its right value
    X's turn        Timeout   anyone      other won        X's clock ran out
    X's turn        Close     anyone      closed           the claim is rejected or void
"""

from dataclasses import replace
from typing import assert_never

from bisection import errors
from bisection.dissection import Dissection, Opening, cut, parts
from bisection.game import (
    Action,
    Close,
    Dissect,
    GameState,
    Open,
    OpenStep,
    Prove,
    Side,
    Standing,
    Status,
    Timeout,
)
from bisection.machine import Address, Claim, Machine
from prover.commit import merkle
from prover.commit.keccak import Hash


def apply(
    state: GameState,
    action: Action,
    *,
    now: int,
    mover: Address,
    machine: Machine,
    standing: Standing = Standing.LIVE,
) -> GameState:
    """The game after `action` by `mover` at protocol time `now`, the claim being `standing`.

    Raises:
        RuleBroken: one of its subclasses.
        WitnessError: when a proof's witness does not open its commitments.
    """
    if isinstance(action, Open | OpenStep):
        return _open(state, action, now, mover, machine, standing)
    if state.status is not Status.PLAYING:
        raise errors.NotOpen(f"the game is {state.status.value}")
    match action:
        case Dissect() | Prove():
            return _answer(state, action, now, mover, machine, standing)
        case Timeout():
            return _timeout(state, now, standing)
        case Close():
            if standing is Standing.LIVE:
                raise errors.StillDisputed("the claim still counts: play on")
            return replace(state, status=Status.CLOSED)
        case _:
            assert_never(action)


def _open(
    state: GameState,
    action: Open | OpenStep,
    now: int,
    mover: Address,
    machine: Machine,
    standing: Standing,
) -> GameState:
    claim = state.claim
    if mover != state.challenger:
        raise errors.NotYourTurn("a game is opened by its challenger")
    if standing is Standing.REJECTED:
        raise errors.ClaimOver("the claim is rejected already")
    if state.status is not Status.UNOPENED:
        raise errors.AlreadyOpened("one game a challenger and claim")
    if isinstance(action, OpenStep):
        if claim.length != 1:
            raise errors.WrongLength(f"the claim has {claim.length} steps: open with a dissection")
        _disprove(claim, machine, 0, claim.pre, claim.post, action.witness)
        return _won(state, Side.CHALLENGER)
    if claim.length == 1:
        raise errors.WrongLength("the claim is one step: open with its proof")
    clock = state.rules.clock
    state = replace(state, status=Status.PLAYING, clocks=(clock, clock), moved_at=now)
    return _dissect(state, 0, claim.length, (claim.pre, *action.values), claim.post, now)


def _answer(
    state: GameState,
    action: Dissect | Prove,
    now: int,
    mover: Address,
    machine: Machine,
    standing: Standing,
) -> GameState:
    if standing is Standing.REJECTED:
        raise errors.ClaimOver("the claim is rejected already: close the game")
    if mover != state.player(state.turn):
        raise errors.NotYourTurn(f"it is the {state.turn.name.lower()}'s turn")
    if state.time_left(now) < 0:
        raise errors.ClockExpired("the clock has run out: the opponent wins by timeout")
    opened = action.opening
    start, length = _opened(state, opened)
    if isinstance(action, Prove):
        if length != 1:
            raise errors.WrongLength(f"the part has {length} steps: dissect it")
        _disprove(state.claim, machine, start, opened.left, opened.right, action.witness)
        return _won(state, state.turn)
    if length == 1:
        raise errors.WrongLength("the part is one step: prove it")
    return _dissect(state, start, length, (opened.left, *action.values), opened.right, now)


def _opened(state: GameState, opened: Opening) -> tuple[int, int]:
    """(start, length) of the part, once it is shown to be of the last dissection."""
    m = parts(state.length, state.rules.k)
    if not 0 <= opened.part < m:
        raise errors.WrongPart(f"part {opened.part} is not in 0 .. {m - 1}")
    if len(opened.path) != merkle.ceil_log2(m):
        raise errors.WrongPathLength(f"a path has {merkle.ceil_log2(m)} siblings here")
    if opened.head(state.start, state.length) != state.head:
        raise errors.WrongOpening("the opening is not of the last dissection: read it again")
    first, last = cut(state.start, state.length, m)[opened.part : opened.part + 2]
    return first, last - first


def _dissect(
    state: GameState, start: int, length: int, values: tuple[Hash, ...], disputed: Hash, now: int
) -> GameState:
    """Posts the mover's dissection, whose end is not the `disputed` value."""
    k = state.rules.k
    if len(values) != parts(length, k) + 1:
        raise errors.WrongValueCount(f"{length} steps need {parts(length, k)} values")
    if values[-1] == disputed:
        raise errors.SameEnd("a dissection ends in another value than the one it disputes")
    mover, other = state.turn, state.turn.other
    clocks = list(state.clocks)
    clocks[mover] = state.time_left(now)
    if length < 2 * k:  # a part may be one step, so the answer may be a proof
        clocks[other] = max(clocks[other], state.rules.grace)
    return replace(
        state,
        head=Dissection(start, length, values).head(state.head),
        start=start,
        length=length,
        turn=other,
        clocks=(clocks[0], clocks[1]),
        moved_at=now,
        moves=state.moves + (mover is Side.CHALLENGER),
    )


def _disprove(
    claim: Claim, machine: Machine, position: int, left: Hash, right: Hash, witness: bytes
) -> None:
    if machine.step(claim.program, position, left, witness) == right:
        raise errors.StepHolds(f"step {position} leads to the value that it should refute")


def _timeout(state: GameState, now: int, standing: Standing) -> GameState:
    if standing is Standing.REJECTED:
        raise errors.ClaimOver("the claim is rejected already: close the game")
    if state.time_left(now) >= 0:
        raise errors.ClockRunning(f"the player to move has {state.time_left(now)} s left")
    if standing is Standing.VOID and state.turn is Side.CHALLENGER:
        return replace(state, status=Status.CLOSED)  # nobody loses a bond over a void claim so
    return _won(state, state.turn.other)


def _won(state: GameState, winner: Side) -> GameState:
    won = Status.CHALLENGER_WON if winner is Side.CHALLENGER else Status.DEFENDER_WON
    return replace(state, status=won)
