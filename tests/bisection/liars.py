"""Whoever plays against the truth, and the table at which games are played one call at a time.

A liar sees a `View` and names an action: nothing in here knows whether the table behind it is the
Python rules or a contract. `play` seats one honest side, which follows the solver, against a liar.

    table  = ModelTable(claim, challenger, rules)
    result = play(table, Side.CHALLENGER, trace, RandomLiar(trace, random.Random(1)))
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

from bisection import rules as game_rules
from bisection import solver
from bisection.alphabet import AlphabetMachine, AlphabetTrace
from bisection.dissection import Dissection, cut
from bisection.errors import ConsistencyLost, RuleBroken
from bisection.game import (
    Action,
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
    opening_action,
    unopened,
)
from bisection.machine import Address, Claim, ClaimId, Machine, Trace
from bisection.ports import Posted
from prover.commit.keccak import Hash, keccak
from prover.errors import WitnessError

DEFENDER: Final = Address(b"\xdd" * 20)
CHALLENGER: Final = Address(b"\xcc" * 20)
PRE: Final = keccak(b"where every alphabet begins")
WON: Final = {Side.CHALLENGER: Status.CHALLENGER_WON, Side.DEFENDER: Status.DEFENDER_WON}
WITNESS_ERROR: Final = "WitnessError"
"""What a table answers when the machine refuses a witness."""


def lie(value: Hash, salt: int = 1) -> Hash:
    """A value other than `value`; other salts (1 .. 2^32 - 1) give other ones."""
    return Hash(bytes(a ^ b for a, b in zip(value, salt.to_bytes(32, "little"), strict=True)))


def claim_of(
    length: int, *, true: bool, name: int = 0, defender: Address = DEFENDER, pre: Hash = PRE
) -> Claim:
    """A claim about the alphabet, kind 0."""
    post = AlphabetTrace(pre, length).state(length)
    identity = ClaimId(keccak(b"claim %d" % name))
    return Claim(0, identity, Hash(bytes(32)), pre, post if true else lie(post), length, defender)


def ceil_log(length: int, k: int) -> int:
    """The least n with k^n >= length: dissections that a claim can take at the most."""
    rounds, covered = 0, 1
    while covered < length:
        rounds, covered = rounds + 1, covered * k
    return rounds


# ------------------------------------------------------------------------------------------ tables


@dataclass(frozen=True, slots=True)
class View:
    """What a player sees: the game, all dissections so far (oldest first), its side, the time."""

    state: GameState
    posted: tuple[Posted, ...]
    side: Side
    now: int

    @property
    def last(self) -> Posted:
        """What is to be answered."""
        return self.posted[-1]


class Table(Protocol):
    """One game, taken call by call by whatever decides on the rules."""

    def view(self, side: Side) -> View:
        """The game as `side` sees it."""
        ...

    def act(self, side: Side, action: Action) -> str | None:
        """Does it, None; or refuses it, the error's name."""
        ...

    def advance(self, seconds: int) -> None:
        """Lets time pass."""
        ...


@dataclass(slots=True)
class ModelTable:
    """The Python rules. Set `standing` to say what other games have done to the claim."""

    claim: Claim
    challenger: Address
    rules: Rules
    now: int = 1_000
    standing: Standing = Standing.LIVE
    machine: Machine = field(default_factory=AlphabetMachine)
    state: GameState = field(init=False)
    posted: list[Posted] = field(init=False, default_factory=list)

    def __post_init__(self) -> None:
        self.state = unopened(self.claim, self.challenger, self.rules)

    def view(self, side: Side) -> View:
        return View(self.state, tuple(self.posted), side, self.now)

    def act(self, side: Side, action: Action) -> str | None:
        before = self.state
        try:
            self.state = game_rules.apply(
                before,
                action,
                now=self.now,
                mover=before.player(side),
                machine=self.machine,
                standing=self.standing,
            )
        except RuleBroken as error:
            return type(error).__name__
        except WitnessError:
            return WITNESS_ERROR
        dissection = posted_by(self.state, action)
        if dissection is not None:
            self.posted.append(Posted(before.head, dissection))
        return None

    def advance(self, seconds: int) -> None:
        self.now += seconds

    def look(self, now: int, standing: Standing) -> None:
        """Takes time and standing from elsewhere."""
        self.now, self.standing = now, standing


def posted_by(after: GameState, action: Action) -> Dissection | None:
    """The dissection that an accepted action posted."""
    if isinstance(action, Open):
        return Dissection(after.start, after.length, (after.claim.pre, *action.values))
    if isinstance(action, Dissect):
        return Dissection(after.start, after.length, (action.opening.left, *action.values))
    return None


@dataclass(frozen=True, slots=True)
class Result:
    """How a game went: its end, dissections posted, accepted proofs, and what the liar was told."""

    status: Status
    dissections: int
    proofs: int
    refused: tuple[str, ...]


def play(table: Table, honest: Side, trace: Trace, liar: "Liar") -> Result:
    """Plays to the end. The honest side is refused nothing; a liar that gives up is timed out."""
    dissections, proofs = 0, 0
    refused: list[str] = []
    while True:
        view = table.view(honest)
        state = view.state
        if state.status not in (Status.UNOPENED, Status.PLAYING):
            return Result(state.status, dissections, proofs, tuple(refused))
        if state.turn is honest:
            action = honest_action(view, trace)
            error = table.act(honest, action)
            assert error is None, f"the honest side was refused: {error}"
        else:
            seen = table.view(honest.other)
            table.advance(liar.delay(seen))
            tried = liar.act(table.view(honest.other))
            error = None if tried is None else table.act(honest.other, tried)
            if tried is None or error is not None:
                refused += [error] if error is not None else []
                if state.status is Status.UNOPENED:  # no game came about
                    return Result(state.status, dissections, proofs, tuple(refused))
                left = state.time_left(table.view(honest).now)
                table.advance(max(left + 1, 0))
                error = table.act(honest, Timeout())
                assert error is None, f"the timeout was refused: {error}"
                continue
            action = tried
        dissections += isinstance(action, Open | Dissect)
        proofs += isinstance(action, OpenStep | Prove)


def honest_action(view: View, trace: Trace) -> Action:
    """What the solver does for the player to move."""
    state = view.state
    if state.status is Status.UNOPENED:
        return opening_action(solver.opening(state.claim, trace, state.rules.k))
    decision = solver.respond(view.last.dissection, trace, state.rules.k)
    return answering_action(state, view.last.prior, view.last.dissection, decision)


# ------------------------------------------------------------------------------------------- liars


@dataclass(frozen=True, slots=True)
class LyingTrace:
    """The true run up to state `fault - 1`, lies from state `fault` (>= 1) on."""

    truth: Trace
    fault: int
    salt: int = 1

    @property
    def length(self) -> int:
        return self.truth.length

    def states(self, positions: Sequence[int]) -> list[Hash]:
        states = self.truth.states(positions)
        return [
            lie(state, self.salt) if position >= self.fault else state
            for position, state in zip(positions, states, strict=True)
        ]

    def witness(self, position: int) -> bytes:
        return self.truth.witness(position)


class Liar(Protocol):
    """A strategy. It may be refused; it is not asked again in that turn."""

    def delay(self, view: View) -> int:
        """Seconds it lets pass before it acts."""
        ...

    def act(self, view: View) -> Action | None:
        """Its action; None to give up."""
        ...


@dataclass
class BaseLiar:
    """Chooses a part and which of its own values are wrong; subclasses say how."""

    truth: Trace
    rng: random.Random

    def delay(self, view: View) -> int:
        return 0

    def part(self, view: View) -> int:
        """The part of the opponent's last dissection to answer."""
        return self.rng.randrange(view.last.dissection.parts)

    def lies(self, count: int) -> list[bool]:
        """Which of v[1..count] are wrong; the last one is made to differ from the disputed one."""
        return [self.rng.random() < 0.5 for _ in range(count)]

    def act(self, view: View) -> Action | None:
        state, k = view.state, view.state.rules.k
        if state.status is Status.UNOPENED:
            if state.claim.length == 1:
                return OpenStep(self.truth.witness(0))
            return Open(self.values(0, state.claim.length, k, state.claim.post))
        dissection = view.last.dissection
        part = self.part(view)
        start, length = dissection.bounds(part)
        if length == 1:
            return self.answer(view, Proof(part, self.truth.witness(start)))
        values = self.values(start, length, k, dissection.values[part + 1])
        answer = Dissection(start, length, (dissection.values[part], *values))
        return self.answer(view, Move(part, answer))

    def answer(self, view: View, decision: Move | Proof) -> Action:
        """The decision as an action."""
        return answering_action(view.state, view.last.prior, view.last.dissection, decision)

    def values(self, start: int, length: int, k: int, disputed: Hash) -> tuple[Hash, ...]:
        """v[1..m]: true or wrong as `lies` says, and never ending in the `disputed` value."""
        positions = cut(start, length, k)[1:]
        truth = self.truth.states(positions)
        salt = self.rng.randrange(1, 1 << 32)
        values = [
            lie(value, salt) if wrong else value
            for value, wrong in zip(truth, self.lies(len(truth)), strict=True)
        ]
        if values[-1] == disputed:
            values[-1] = lie(truth[-1], salt) if truth[-1] == disputed else truth[-1]
        return tuple(values)


class RandomLiar(BaseLiar):
    """Any part, any values."""


class AlwaysFirst(BaseLiar):
    """Always the first part, and right up to its last value."""

    def part(self, view: View) -> int:
        return 0

    def lies(self, count: int) -> list[bool]:
        return [False] * (count - 1) + [True]


class AlwaysLast(BaseLiar):
    """Always the last part, and nothing but lies."""

    def part(self, view: View) -> int:
        return view.last.dissection.parts - 1

    def lies(self, count: int) -> list[bool]:
        return [True] * count


class LateLies(BaseLiar):
    """Always the last part, and right up to its last value: the longest games."""

    def part(self, view: View) -> int:
        return view.last.dissection.parts - 1

    def lies(self, count: int) -> list[bool]:
        return [False] * (count - 1) + [True]


class Poisoner(BaseLiar):
    """Lies at once and at the end, with truth between: a later part starts in a lie.

    Who answers the last wrong value instead of the first agrees to that start, and may then have
    only right values before it.
    """

    def lies(self, count: int) -> list[bool]:
        return [True, *[False] * (count - 2), True][:count]


class ConsistentLiar(BaseLiar):
    """Believes in a run with one fault (drawn when None), and follows the solver on it."""

    fault: int | None = None

    def act(self, view: View) -> Action | None:
        if self.fault is None:
            self.fault = self.rng.randrange(1, self.truth.length + 1)
        try:
            return honest_action(view, LyingTrace(self.truth, self.fault))
        except ConsistencyLost:  # the opponent says what its run says: there is no move for it
            return None


class Copycat(BaseLiar):
    """Sends the honest party's own values and openings back; opens at random."""

    def act(self, view: View) -> Action | None:
        if view.state.status is Status.UNOPENED:
            return super().act(view)
        last = view.last.dissection
        if len(view.posted) == 1:  # its maker's answer to this very dissection is all there is
            part = last.parts - 1
            start, length = last.bounds(part)
            if length == 1:
                return self.answer(view, Proof(part, self.truth.witness(start)))
            again = Dissection(start, length, (last.values[part], *last.values[1:]))
            return self.answer(view, Move(part, again))
        answered = view.posted[-2]
        for part in range(answered.dissection.parts):
            if answered.dissection.bounds(part) == (last.start, last.length):
                opening = answered.dissection.opening(answered.prior, part)
                return Dissect(opening, last.values[1:])
        return None


class FalseProver(BaseLiar):
    """Claims a proof whatever the part's length; opens at random."""

    def act(self, view: View) -> Action | None:
        if view.state.status is Status.UNOPENED:
            return super().act(view)
        return self.answer(view, Proof(self.part(view), b""))


class Silent(BaseLiar):
    """Opens, and never moves again."""

    def act(self, view: View) -> Action | None:
        return super().act(view) if view.state.status is Status.UNOPENED else None


class Staller(RandomLiar):
    """Moves in the last second of its clock."""

    def delay(self, view: View) -> int:
        return max(view.state.time_left(view.now), 0) if view.posted else 0


class Late(RandomLiar):
    """Moves a second after its clock ran out."""

    def delay(self, view: View) -> int:
        return view.state.time_left(view.now) + 1 if view.posted else 0


LIARS: Final[tuple[type[BaseLiar], ...]] = (
    RandomLiar,
    AlwaysFirst,
    AlwaysLast,
    LateLies,
    Poisoner,
    ConsistentLiar,
    Copycat,
    FalseProver,
    Silent,
    Staller,
    Late,
)
"""Every scripted liar; each plays either side of a game: `LIARS[i](truth, rng)`."""
