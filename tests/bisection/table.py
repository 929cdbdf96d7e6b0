"""The table at which games are played one call at a time, and the claims that they are about.

A player sees a `View` and names an action: nothing in here knows whether the table behind it is
the Python rules or a contract. `play` seats one honest side, which follows the solver, against a
liar.

    table  = ModelTable(claim, challenger, rules)
    result = play(table, Side.CHALLENGER, trace, RandomLiar(trace, random.Random(1)))
"""

from dataclasses import dataclass, field
from typing import Final, Protocol

from bisection import rules as game_rules
from bisection import solver
from bisection.alphabet import AlphabetMachine, AlphabetTrace
from bisection.dissection import Dissection
from bisection.errors import RuleBroken
from bisection.game import (
    Action,
    Dissect,
    GameState,
    Open,
    OpenStep,
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


class Liar(Protocol):
    """A strategy. It may be refused; it is not asked again in that turn."""

    def delay(self, view: View) -> int:
        """Seconds it lets pass before it acts."""
        ...

    def act(self, view: View) -> Action | None:
        """Its action; None to give up."""
        ...


@dataclass(frozen=True, slots=True)
class Result:
    """How a game went: its end, dissections posted, accepted proofs, and what the liar was told."""

    status: Status
    dissections: int
    proofs: int
    refused: tuple[str, ...]


def play(table: Table, honest: Side, trace: Trace, liar: Liar) -> Result:
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
