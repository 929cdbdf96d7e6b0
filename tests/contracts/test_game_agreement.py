"""The contract and the Python rules, game after game: same heads, same refusals, same winners."""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import pytest

from bisection import errors
from bisection.alphabet import AlphabetTrace
from bisection.dissection import Opening, cut
from bisection.game import (
    Action,
    Close,
    Dissect,
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
)
from prover.commit.keccak import Hash
from tests.bisection.chain import Adversary, Validator, defender, run, scripted
from tests.bisection.liars import LIARS, BaseLiar, LateLies
from tests.bisection.table import PRE, WITNESS_ERROR, WON, View, ceil_log, honest_action, lie, play
from tests.contracts.arena import REJECTED
from tests.contracts.lockstep import Bench, LockstepChain, LockstepTable, arena_of

pytestmark = pytest.mark.usefixtures("toolchain")

RULES = Rules(k=16, clock=1_000, grace=100)


@pytest.fixture(scope="module")
def bench() -> Bench:
    """One deployment for all games of k = 16: every game is on a claim of its own."""
    return Bench(arena_of(RULES), RULES)


# ----------------------------------------------------------------------------- every scripted liar


@pytest.mark.parametrize("liar", LIARS)
@pytest.mark.parametrize("honest", Side)
def test_every_scripted_liar_loses_on_the_contract(
    bench: Bench, honest: Side, liar: type[BaseLiar]
) -> None:
    for length in (1, 2, 17, 32, 257, 5_000, (1 << 62) - 1):
        claim = bench.claim(length, true=honest is Side.DEFENDER)
        truth = AlphabetTrace(PRE, length)
        result = play(bench.table(claim), honest, truth, liar(truth, random.Random(length)))
        if result.status is Status.UNOPENED:
            assert (length, honest) == (1, Side.DEFENDER)
            continue
        assert result.status is WON[honest]
        assert result.dissections <= ceil_log(length, RULES.k)


@pytest.mark.parametrize("honest", Side)
def test_the_longest_game_of_a_huge_claim(bench: Bench, honest: Side) -> None:
    length = 1 << 40
    claim = bench.claim(length, true=honest is Side.DEFENDER)
    truth = AlphabetTrace(PRE, length)
    result = play(bench.table(claim), honest, truth, LateLies(truth, random.Random(0)))
    assert result.status is WON[honest]
    assert result.dissections == 10
    assert result.proofs == (honest is Side.CHALLENGER)  # ten moves: the challenger is to prove


# ------------------------------------------------------------------------------ watchers, agents


@pytest.mark.parametrize("liar", LIARS)
def test_watcher_and_agent_win_on_the_contract(bench: Bench, liar: type[BaseLiar]) -> None:
    """A validator among liars: false claims are rejected, and the true one is left alone."""
    chain, validator = LockstepChain(bench), bench.player(100)
    false = [chain.post(bench.claim(length, true=False)) for length in (1, 2, 257, 1 << 40)]
    true = chain.post(bench.claim(5_000, true=True))
    cheat = Adversary(chain, bench.owner, Side.DEFENDER, scripted(liar))
    run(chain, Validator(chain, validator), cheat)
    for claim in false:
        assert chain.statuses(claim) == {validator: Status.CHALLENGER_WON}
        assert bench.arena.game.claimOf(claim.id)[0] == REJECTED
    assert not chain.statuses(true)


def test_a_defender_meets_dozens_of_griefers_on_the_contract(bench: Bench) -> None:
    chain = LockstepChain(bench)
    claim = chain.post(bench.claim(1 << 40, true=True))
    kinds = [LIARS[n % len(LIARS)] for n in range(24)]
    griefers = [
        Adversary(chain, bench.player(200 + n), Side.CHALLENGER, scripted(kind, n))
        for n, kind in enumerate(kinds)
    ]
    assert [griefer.open(claim) for griefer in griefers] == [None] * 24
    run(chain, defender(chain, bench.owner), *griefers)
    assert set(chain.statuses(claim).values()) == {Status.DEFENDER_WON}
    assert len(chain.statuses(claim)) == 24


def test_the_others_close_after_one_has_won_on_the_contract(bench: Bench) -> None:
    chain = LockstepChain(bench)
    claim = chain.post(bench.claim(5_000, true=False))
    validators = [Validator(chain, bench.player(300 + n)) for n in range(4)]
    run(chain, *validators, Adversary(chain, bench.owner, Side.DEFENDER, scripted(LateLies)))
    ends = sorted(status.value for status in chain.statuses(claim).values())
    assert ends == ["challenger won", "closed", "closed", "closed"]


# ------------------------------------------------------------------------------ every small game


@dataclass
class Choices:
    """A path in a tree of choices; `advance` goes on to the next path."""

    path: list[list[int]] = field(default_factory=list)  # [chosen, of how many]
    depth: int = 0

    def choose(self, count: int) -> int:
        """A number below `count`: the path's, or 0 where it ends."""
        if self.depth == len(self.path):
            self.path.append([0, count])
        chosen, of = self.path[self.depth]
        assert of == count
        self.depth += 1
        return chosen

    def advance(self) -> bool:
        """Whether there is another path."""
        self.depth = 0
        while self.path:
            self.path[-1][0] += 1
            if self.path[-1][0] < self.path[-1][1]:
                return True
            self.path.pop()
        return False


@dataclass
class Chooser(BaseLiar):
    """Every strategy: gives up, or names any part, with right or wrong values."""

    choices: Choices = field(default_factory=Choices)

    def act(self, view: View) -> Action | None:
        if view.posted and self.choices.choose(2):
            return None
        return super().act(view)

    def part(self, view: View) -> int:
        return self.choices.choose(view.last.dissection.parts)

    def lies(self, count: int) -> list[bool]:
        return [bool(self.choices.choose(2)) for _ in range(count - 1)] + [True]


@pytest.mark.parametrize(("k", "longest"), [(2, 20), (3, 20), (4, 20)])
def test_every_small_game_ends_alike(k: int, longest: int) -> None:
    rules = Rules(k, clock=100, grace=10)
    bench = Bench(arena_of(rules), rules)
    games = 0
    for length in range(1, longest + 1):
        truth = AlphabetTrace(PRE, length)
        for honest in Side:
            choices = Choices()
            while True:
                claim = bench.claim(length, true=honest is Side.DEFENDER)
                liar = Chooser(truth, random.Random(0), choices)
                result = play(bench.table(claim), honest, truth, liar)
                assert result.status in (WON[honest], Status.UNOPENED)
                games += 1
                if not choices.advance():
                    break
    print(f"k={k}: {games} games on the contract")
    assert games > 400


# ------------------------------------------------------------------------------- random calls


class Crowd:
    """Calls of every kind, good and bent, by anybody, in games of several challengers."""

    def __init__(self, bench: Bench, rng: random.Random) -> None:
        self.rng = rng
        length = rng.choice([1, 2, 3, rng.randrange(2, 40), rng.randrange(2, 1 << 62)])
        true = rng.random() < 0.5
        self.truth = AlphabetTrace(PRE, length)
        self.claim = bench.claim(length, true=true)
        self.tables = [bench.table(self.claim, number) for number in range(3)]
        self.bench = bench
        self.told: list[str] = []

    def play(self, calls: int) -> None:
        for _ in range(calls):
            if all(table.state.status in WON.values() for table in self.tables):
                return
            table = self.rng.choice(self.tables)
            table.advance(self.rng.choice([0, 0, 0, 0, 1, 7, 200, 900]))
            action = self.action(table)
            side = self.rng.choice([table.state.turn, table.state.turn, *Side])
            if isinstance(action, Open | OpenStep):
                side = Side.CHALLENGER
                table.view(side)
                if table.model.standing is not Standing.LIVE:
                    continue  # that is the host's to refuse
            error = table.act(side, action)
            self.told.append(error or "accepted")

    def action(self, table: LockstepTable) -> Action:
        view = table.view(table.state.turn)
        kind = self.rng.randrange(12)
        if kind == 0:
            return Timeout()
        if kind == 1:
            return Close()
        if view.state.status is Status.UNOPENED or kind == 2:
            return self.opening(view)
        if view.state.status is not Status.PLAYING:
            last = table.model.posted
            if not last:
                return Timeout()
            return Prove(last[-1].dissection.opening(last[-1].prior, 0), b"")
        return self.bent(self.answer(view))

    def opening(self, view: View) -> Action:
        length, k = view.state.claim.length, view.state.rules.k
        if self.rng.random() < (0.9 if length == 1 else 0.1):
            return OpenStep(self.rng.choice([b"", b"", b"\0"]))
        return self.bent(Open(self.values(0, length, k)))

    def answer(self, view: View) -> Action:
        last, k = view.last, view.state.rules.k
        part = self.rng.randrange(last.dissection.parts)
        start, length = last.dissection.bounds(part)
        if (length == 1) is (self.rng.random() < 0.95):
            return answering_action(view.state, last.prior, last.dissection, Proof(part, b""))
        return Dissect(last.dissection.opening(last.prior, part), self.values(start, length, k))

    def values(self, start: int, length: int, k: int) -> tuple[Hash, ...]:
        truth = self.truth.states(cut(start, length, k)[1:])
        return tuple(lie(v) if self.rng.random() < 0.5 else v for v in truth)

    def bent(self, action: Action) -> Action:
        """The action, or three times in ten another one much like it."""
        if self.rng.random() < 0.7:
            return action
        if isinstance(action, Open | Dissect) and self.rng.random() < 0.4:
            values = self.rng.choice([action.values[1:], (*action.values, PRE), ()])
            return replace(action, values=values)
        if isinstance(action, Prove) and self.rng.random() < 0.3:
            return replace(action, witness=b"\x01")
        if isinstance(action, Dissect | Prove):
            opening = self.rng.choice(list(self.bent_openings(action)))
            return replace(action, opening=opening)
        return action

    def bent_openings(self, action: Dissect | Prove) -> Iterator[Opening]:
        opening = action.opening
        yield replace(opening, prior=lie(opening.prior))
        yield replace(opening, part=self.rng.choice([opening.part + 1, 1 << 255, 64]))
        yield replace(opening, left=lie(opening.left))
        yield replace(opening, right=lie(opening.right))
        yield replace(opening, path=opening.path[1:])
        yield replace(opening, path=(*opening.path, PRE))
        if opening.path:
            yield replace(opening, path=(lie(opening.path[0]), *opening.path[1:]))


def test_random_calls_are_answered_alike() -> None:
    told: dict[str, int] = {}
    for k in (2, 3, 16):
        rules = Rules(k, clock=1_000, grace=1_500)
        bench = Bench(arena_of(rules), rules)
        for seed in range(60):
            crowd = Crowd(bench, random.Random(f"{k}/{seed}"))
            crowd.play(40)
            for answer in crowd.told:
                told[answer] = told.get(answer, 0) + 1
    print(told)
    everything = {rule.__name__ for rule in errors.RuleBroken.__subclasses__()}
    assert set(told) == everything | {WITNESS_ERROR, "accepted"}


def test_games_on_a_void_claim_end_alike(bench: Bench) -> None:
    """The slot behind the claim is slashed through another claim, in the middle of its games."""
    for turn in Side:
        claim = bench.claim(5_000, true=False)
        other = bench.claim(1, true=False, beside=claim)
        truth = AlphabetTrace(PRE, 5_000)
        closed, late, played = (bench.table(claim, number) for number in range(3))
        for table in (closed, late, played):
            assert table.act(Side.CHALLENGER, honest_action(table.view(turn), truth)) is None
            if turn is Side.CHALLENGER:
                liar = LateLies(truth, random.Random(1))
                action = liar.act(table.view(Side.DEFENDER))
                assert action is not None
                assert table.act(Side.DEFENDER, action) is None
        assert bench.table(other).act(Side.CHALLENGER, OpenStep(b"")) is None
        assert closed.act(Side.DEFENDER, Close()) is None
        if turn is Side.CHALLENGER:
            action = honest_action(played.view(turn), truth)
            assert played.act(turn, action) is None
        late.advance(RULES.clock + 1)
        assert late.act(Side.DEFENDER, Timeout()) is None
        ended = Status.CLOSED if turn is Side.CHALLENGER else Status.CHALLENGER_WON
        assert late.state.status is ended


def test_a_move_by_a_stranger_is_refused_alike(bench: Bench) -> None:
    claim = bench.claim(5_000, true=False)
    truth = AlphabetTrace(PRE, 5_000)
    mine, theirs = bench.table(claim, 0), bench.table(claim, 1)
    for table in (mine, theirs):
        opened = table.act(Side.CHALLENGER, honest_action(table.view(Side.CHALLENGER), truth))
        assert opened is None
    liar = LateLies(truth, random.Random(1))
    action = liar.act(mine.view(Side.DEFENDER))
    assert action is not None
    assert theirs.act(Side.DEFENDER, action) == "WrongOpening"  # it names the other game's head
    stranger = bench.player(7)
    assert mine.act_as(stranger, Side.CHALLENGER, action) == "NotYourTurn"
