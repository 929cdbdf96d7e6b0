"""Every game on small trees: whatever a liar does, who plays the truth wins.

What matters of a liar's value is whether it is right, for the honest side only compares values with
its own, and all that a liar can name in an honest dissection is right. So right or wrong for each
value, any part, and giving up at any time, is every strategy there is.

`count_*` count the same games by arithmetic; a walk that skips one fails.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import pairwise, product

import pytest

from bisection import solver
from bisection.alphabet import AlphabetMachine, AlphabetTrace
from bisection.dissection import Dissection, cut
from bisection.errors import RuleBroken, StepHolds, TraceMismatch
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
    Status,
    Timeout,
    answering_action,
    unopened,
)
from bisection.rules import apply
from prover.commit.keccak import Hash
from tests.bisection.liars import LyingTrace
from tests.bisection.table import (
    CHALLENGER,
    PRE,
    WON,
    ModelTable,
    View,
    ceil_log,
    claim_of,
    honest_action,
    lie,
    posted_by,
)

MACHINE = AlphabetMachine()


@dataclass
class Walk:
    """Plays every game of an honest side on one claim, and counts the ends."""

    rules: Rules
    length: int
    honest: Side
    sparse: bool = False  # after the first lie all values are right, or all are wrong
    games: int = 0
    deepest: int = 0

    def run(self) -> "Walk":
        self.trace = AlphabetTrace(PRE, self.length)
        claim = claim_of(self.length, true=self.honest is Side.DEFENDER)
        state = unopened(claim, CHALLENGER, self.rules)
        if self.honest is Side.CHALLENGER:
            self._honest_opens(state)
        elif self.length == 1:
            with pytest.raises(StepHolds):
                self._apply(state, OpenStep(b""))
            self.games += 1
        else:
            for values in self._lies(0, self.length):
                self._honest(*self._post(state, Open(values)), 1)
        return self

    def _honest_opens(self, state: GameState) -> None:
        decision = solver.opening(state.claim, self.trace, self.rules.k)
        if isinstance(decision, Proof):
            self._over(self._apply(state, OpenStep(decision.witness)), 0)
        else:
            self._liar(*self._post(state, Open(decision.values[1:])), 1)

    def _honest(self, state: GameState, prior: Hash, last: Dissection, depth: int) -> None:
        """Our turn: there is one answer."""
        decision = solver.respond(last, self.trace, self.rules.k)
        action = answering_action(state, prior, last, decision)
        if isinstance(action, Prove):
            self._over(self._apply(state, action), depth)
        else:
            self._liar(*self._post(state, action), depth + 1)

    def _liar(self, state: GameState, prior: Hash, last: Dissection, depth: int) -> None:
        """Its turn: it gives up, or names any part and answers in any way."""
        late = state.moved_at + self.rules.clock + 1
        self._over(self._apply(state, Timeout(), now=late), depth)
        for part in range(last.parts):
            start, length = last.bounds(part)
            if length == 1:
                with pytest.raises(StepHolds):
                    self._apply(state, answering_action(state, prior, last, Proof(part, b"")))
                self.games += 1  # it has tried that, and gives up
                continue
            for values in self._lies(start, length):
                answer = Dissection(start, length, (last.values[part], *values))
                action = answering_action(state, prior, last, Move(part, answer))
                self._honest(*self._post(state, action), depth + 1)

    def _post(self, state: GameState, action: Action) -> tuple[GameState, Hash, Dissection]:
        after = self._apply(state, action)
        dissection = posted_by(after, action)
        assert dissection is not None
        return after, state.head, dissection

    def _apply(self, state: GameState, action: Action, now: int = 0) -> GameState:
        mover = state.player(state.turn)
        return apply(state, action, now=now, mover=mover, machine=MACHINE)

    def _over(self, state: GameState, depth: int) -> None:
        assert state.status is WON[self.honest]
        self.games += 1
        self.deepest = max(self.deepest, depth)

    def _lies(self, start: int, length: int) -> Iterator[tuple[Hash, ...]]:
        """Every choice of right and wrong values; the last has to be wrong."""
        truth = self.trace.states(cut(start, length, self.rules.k)[1:])
        for wrong in masks(len(truth), self.sparse):
            yield tuple(lie(v) if w else v for v, w in zip(truth, wrong, strict=True))


def masks(count: int, sparse: bool) -> list[tuple[bool, ...]]:
    """Which of `count` values are wrong: any, but the last."""
    if not sparse:
        return [(*inner, True) for inner in product((False, True), repeat=count - 1)]
    found = {
        (*[False] * first, True, *[rest] * (count - first - 2), *[True] * (count - first > 1))
        for first in range(count)
        for rest in (False, True)
    }
    return sorted(found)


@cache
def count_liar(length: int, k: int, sparse: bool) -> int:
    """Games from an honest dissection of `length` steps on."""
    sizes = [b - a for a, b in pairwise(cut(0, length, k))]
    return 1 + sum(1 if size == 1 else count_honest(size, k, sparse) for size in sizes)


@cache
def count_honest(length: int, k: int, sparse: bool) -> int:
    """Games from all a liar's dissections of `length` steps on: its first lie names the part."""
    sizes = [b - a for a, b in pairwise(cut(0, length, k))]
    total = 0
    for first, size in enumerate(sizes):
        inner = len(sizes) - first - 2  # values after the first lie and before the last
        ways = 1 if inner < 1 else 2 if sparse else 1 << inner
        total += ways * (1 if size == 1 else count_liar(size, k, sparse))
    return total


def count(length: int, k: int, honest: Side, sparse: bool) -> int:
    if length == 1:
        return 1
    return (count_liar if honest is Side.CHALLENGER else count_honest)(length, k, sparse)


LENGTHS = {
    2: (*range(1, 129), 255, 256, 257),
    3: (*range(1, 100), 243, 244),
    4: (*range(1, 90), 256, 257),
}
"""Claims walked for each k."""
SPARSE_LENGTHS = (1, 2, 15, 16, 17, 31, 32, 33, 48, 255, 256, 257, 300, 1000)


@pytest.mark.parametrize("honest", Side)
@pytest.mark.parametrize("k", LENGTHS)
def test_every_game(k: int, honest: Side) -> None:
    games = 0
    for length in LENGTHS[k]:
        walk = Walk(Rules(k, clock=100, grace=10), length, honest).run()
        assert walk.games == count(length, k, honest, False)
        assert walk.deepest <= ceil_log(length, k)
        games += walk.games
    print(f"k={k}, honest {honest.name.lower()}: {games} games")
    assert games > 10_000


@pytest.mark.parametrize("honest", Side)
def test_games_of_sixteen_parts(honest: Side) -> None:
    games = 0
    for length in SPARSE_LENGTHS:
        walk = Walk(Rules(16, clock=100, grace=10), length, honest, sparse=True).run()
        assert walk.games == count(length, 16, honest, True)
        assert walk.deepest <= ceil_log(length, 16)
        games += walk.games
    walk = Walk(Rules(16, clock=100, grace=10), 13, honest).run()
    assert walk.games == count(13, 16, honest, False)
    games += walk.games
    print(f"k=16, honest {honest.name.lower()}: {games} games")
    assert games > 4_000


@pytest.mark.parametrize("k", [2, 3, 4, 16])
def test_every_place_of_one_fault(k: int) -> None:
    """A liar that believes in a run with one fault loses, and what is proven is that very step."""
    games = 0
    for length in range(1, 51):
        truth = AlphabetTrace(PRE, length)
        for fault in range(1, length + 1):
            liar = LyingTrace(truth, fault)
            for honest in Side:
                proven = _fault_proven(length, k, honest, truth, liar)
                assert proven in (None, fault - 1)  # None: it was the liar's to prove
                games += 1
    assert games == 50 * 51


def _fault_proven(
    length: int, k: int, honest: Side, truth: AlphabetTrace, liar: LyingTrace
) -> int | None:
    claim = claim_of(length, true=honest is Side.DEFENDER)
    table = ModelTable(claim, CHALLENGER, Rules(k, clock=100, grace=10))
    while True:
        view = table.view(honest)
        turn = view.state.turn
        action = honest_action(view, truth if turn is honest else liar)
        error = table.act(turn, action)
        if error is not None:
            assert (turn, error) == (honest.other, "StepHolds")
            return None
        if isinstance(action, OpenStep):
            return 0
        if isinstance(action, Prove):
            assert table.state.status is WON[honest]
            return view.last.dissection.bounds(action.opening.part)[0]


def test_between_any_two_players_a_proof_is_what_the_machine_says() -> None:
    """Both may lie: a proof is accepted exactly when the step differs, and nothing else fails."""
    games = 0
    for k, longest in ((2, 33), (3, 20)):
        for length in range(2, longest + 1):
            for true in (False, True):
                claim = claim_of(length, true=true)
                table = ModelTable(claim, CHALLENGER, Rules(k, clock=100, grace=10))
                games += _any_play(table, AlphabetTrace(PRE, length))
    print(f"both sides lying: {games} games")
    assert games > 10_000


def _any_play(table: ModelTable, trace: AlphabetTrace) -> int:
    view = table.view(table.state.turn)
    games = 0
    for action in _any_actions(view, trace):
        after = ModelTable(table.claim, table.challenger, table.rules)
        after.state, after.posted = table.state, list(table.posted)
        error = after.act(view.state.turn, action)
        if isinstance(action, Prove):
            position = view.last.dissection.bounds(action.opening.part)[0]
            step = MACHINE.step(table.claim.program, position, action.opening.left, b"")
            assert error == ("StepHolds" if step == action.opening.right else None)
            games += 1
        elif error is None:
            games += _any_play(after, trace)
        else:
            assert error == "SameEnd"
    return games


def _any_actions(view: View, trace: AlphabetTrace) -> Iterator[Open | Dissect | Prove]:
    k = view.state.rules.k
    if view.state.status is Status.UNOPENED:
        truth = trace.states(cut(0, view.state.claim.length, k)[1:])
        yield from (Open(values) for values in product(*((v, lie(v)) for v in truth)))
        return
    last = view.last
    for part in range(last.dissection.parts):
        start, length = last.dissection.bounds(part)
        if length == 1:
            proof = answering_action(view.state, last.prior, last.dissection, Proof(part, b""))
            assert isinstance(proof, Prove)
            yield proof
            continue
        truth = trace.states(cut(start, length, k)[1:])
        opening = last.dissection.opening(last.prior, part)
        for values in product(*((v, lie(v)) for v in truth)):
            yield Dissect(opening, values)


def test_the_walk_refuses_a_dishonest_win() -> None:
    """The walk's own check: with a claim that is true, a challenger that says so cannot win."""
    walk = Walk(Rules(2, clock=100, grace=10), 4, Side.CHALLENGER)
    walk.trace = AlphabetTrace(lie(PRE), 4)
    with pytest.raises((AssertionError, RuleBroken, TraceMismatch)):
        walk._honest_opens(unopened(claim_of(4, true=True), CHALLENGER, walk.rules))
