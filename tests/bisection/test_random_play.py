"""Random play of whole games: an honest side, a liar, strangers, and time, in any order."""

import random

import pytest
from hypothesis import assume, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from bisection import rules
from bisection.alphabet import AlphabetMachine, AlphabetTrace
from bisection.errors import NotYourTurn
from bisection.game import (
    Close,
    Dissect,
    OpenStep,
    Proof,
    Rules,
    Side,
    Standing,
    Status,
    Timeout,
    answering_action,
)
from bisection.machine import Address
from tests.bisection.liars import LIARS
from tests.bisection.table import (
    CHALLENGER,
    PRE,
    WON,
    ModelTable,
    ceil_log,
    claim_of,
    honest_action,
    lie,
)

STRANGER = Address(b"\x99" * 20)
FINAL = {Status.CHALLENGER_WON, Status.DEFENDER_WON, Status.CLOSED}


class OneGame(RuleBasedStateMachine):
    """One game in which the honest side answers in time, and everybody else does what they like."""

    @initialize(
        length=st.integers(2, 300) | st.integers(2, (1 << 62) - 1),
        k=st.sampled_from([2, 3, 4, 16]),
        honest=st.sampled_from(Side),
        clock=st.integers(1, 1_000),
        grace=st.integers(0, 2_000),
        seed=st.integers(0, 1 << 32),
    )
    def begin(self, length: int, k: int, honest: Side, clock: int, grace: int, seed: int) -> None:
        """Whatever the claim, the parameters and who is honest: who is honest must not lose."""
        self.honest = honest
        self.truth = AlphabetTrace(PRE, length)
        self.rng = random.Random(seed)
        claim = claim_of(length, true=honest is Side.DEFENDER)
        self.table = ModelTable(claim, CHALLENGER, Rules(k, clock, grace))
        self.spent = {Side.CHALLENGER: 0, Side.DEFENDER: 0}
        if honest is Side.CHALLENGER:
            self.act_honestly()
        else:
            liar = LIARS[0](self.truth, self.rng)
            action = liar.act(self.table.view(Side.CHALLENGER))
            assert action is not None
            assert self.table.act(Side.CHALLENGER, action) is None

    def playing(self) -> bool:
        return self.table.state.status is Status.PLAYING

    def honest_turn(self) -> bool:
        return self.playing() and self.table.state.turn is self.honest

    def liar_turn(self) -> bool:
        return self.playing() and self.table.state.turn is not self.honest

    def act_honestly(self) -> None:
        action = honest_action(self.table.view(self.honest), self.truth)
        assert self.table.act(self.honest, action) is None

    @precondition(honest_turn)
    @rule(share=st.floats(0, 1))
    def answer_in_time(self, share: float) -> None:
        """Up to the last second of the clock, the solver's action is never refused."""
        self.table.advance(int(share * self.table.state.time_left(self.table.now)))
        self.act_honestly()

    @precondition(liar_turn)
    @rule(kind=st.sampled_from(LIARS))
    def lie(self, kind: type) -> None:
        """A liar may change its strategy from move to move."""
        liar = kind(self.truth, self.rng)
        self.table.advance(max(liar.delay(self.table.view(self.honest.other)), 0))
        action = liar.act(self.table.view(self.honest.other))
        if action is not None:
            self.table.act(self.honest.other, action)

    @precondition(liar_turn)
    @rule(part=st.integers(0, 15))
    def prove_falsely(self, part: int) -> None:
        """Every value that an honest side posts is true, so no step of it can be refuted."""
        view = self.table.view(self.honest.other)
        assume(part < view.last.dissection.parts)
        action = answering_action(
            view.state, view.last.prior, view.last.dissection, Proof(part, b"")
        )
        assert self.table.act(self.honest.other, action) in {
            "StepHolds",
            "WrongLength",
            "ClockExpired",
        }

    @precondition(playing)
    @rule(seconds=st.integers(0, 50))
    def wait(self, seconds: int) -> None:
        """Time runs for the player to move alone; the honest side does not let it run out."""
        left = self.table.state.time_left(self.table.now)
        self.table.advance(min(seconds, max(left, 0)) if self.honest_turn() else seconds)

    @precondition(playing)
    @rule()
    def time_out(self) -> None:
        """Anyone may, exactly once the clock of the player to move ran out."""
        state, late = self.table.state, self.table.state.time_left(self.table.now) < 0
        error = self.table.act(self.table.state.turn, Timeout())
        assert error == (None if late else "ClockRunning")
        if late:
            assert self.table.state.status is WON[state.turn.other]

    @precondition(playing)
    @rule(standing=st.sampled_from([Standing.REJECTED, Standing.VOID]))
    def others_end_the_claim(self, standing: Standing) -> None:
        """A game on a dead claim can be closed at any time, and a rejected one only closed."""
        kept = self.table.state
        self.table.standing = standing
        if standing is Standing.REJECTED:
            assert self.table.act(kept.turn, Timeout()) == "ClaimOver"
            if kept.turn is self.honest:
                action = honest_action(self.table.view(kept.turn), self.truth)
                assert self.table.act(kept.turn, action) == "ClaimOver"
        assert self.table.act(kept.turn, Close()) is None
        assert self.table.state.status is Status.CLOSED
        self.table.standing = Standing.LIVE
        self.table.state = kept  # look at the other future too

    @precondition(honest_turn)
    @rule()
    def move_out_of_turn(self) -> None:
        """Neither the opponent nor a stranger makes a player's move, not even its own words."""
        state = self.table.state
        action = honest_action(self.table.view(self.honest), self.truth)
        for mover in (state.player(self.honest.other), STRANGER):
            with pytest.raises(NotYourTurn):
                rules.apply(
                    state, action, now=self.table.now, mover=mover, machine=AlphabetMachine()
                )

    @precondition(honest_turn)
    @rule()
    def answer_another_history(self) -> None:
        """A move names what it answers: it is worth nothing after any other dissection."""
        view = self.table.view(self.honest)
        action = honest_action(view, self.truth)
        if isinstance(action, Dissect):
            prior = action.opening.__class__(
                lie(action.opening.prior),
                action.opening.part,
                action.opening.left,
                action.opening.right,
                action.opening.path,
            )
            moved = Dissect(prior, action.values)
            assert self.table.act(self.honest, moved) == "WrongOpening"

    @precondition(lambda self: not self.playing())
    @rule(seconds=st.integers(0, 5_000))
    def act_after_the_end(self, seconds: int) -> None:
        """What is decided stays decided."""
        over = self.table.state
        self.table.advance(seconds)
        for side in Side:
            for action in (Timeout(), Close()):
                assert self.table.act(side, action) == "NotOpen"
        assert self.table.act(Side.CHALLENGER, OpenStep(b"")) == "AlreadyOpened"
        assert self.table.state == over

    @invariant()
    def the_honest_side_never_loses(self) -> None:
        """One honest party is enough."""
        status = self.table.state.status
        assert status not in FINAL or status in (WON[self.honest], Status.CLOSED)

    @invariant()
    def clocks_are_bounded(self) -> None:
        """No clock is negative, or above what the parameters allow."""
        limits = self.table.rules
        assert all(0 <= c <= max(limits.clock, limits.grace) for c in self.table.state.clocks)

    @invariant()
    def the_game_is_short(self) -> None:
        """Dissections are bounded by the claim's length alone, and the sides take turns."""
        table = self.table
        assert len(table.posted) <= ceil_log(table.claim.length, table.rules.k)
        assert table.state.moves == (len(table.posted) + 1) // 2
        if self.playing():
            assert table.state.turn is Side(len(table.posted) % 2)

    @invariant()
    def the_head_says_what_was_posted(self) -> None:
        """The head commits to the last dissection on top of the one before."""
        if self.playing():
            last = self.table.posted[-1]
            assert last.dissection.head(last.prior) == self.table.state.head


OneGame.TestCase.settings = settings(max_examples=300, stateful_step_count=25)
TestOneGame = OneGame.TestCase
