"""Whatever is asserted and disputed, in whatever order: only true states are ever confirmed, and
all of them are in the end.

Liars assert what they like from whatever state they like, challenge truths, stop playing, exit and
confirm what they can. Against them stands one watcher, who for each slot disputes one assertion
that starts from a true state and ends in a false one, and one honest asserter.
"""

from __future__ import annotations

from contextlib import suppress

import hypothesis.strategies as st
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from prover.commit.keccak import Hash, keccak
from tests.contracts.arena import Parameters, Run
from tests.contracts.evm import Revert
from tests.contracts.ledger import Posted
from tests.contracts.whole import GENESIS, WINDOW, Asserted, StateDuel, Whole, deploy

LIARS = ("liam", "lena")
SLOTS = 3
LIE, OTHER = keccak(b"lie"), keccak(b"another lie")
_PLAIN = frozenset(
    {"ClockRunning", "ClockExpired", "ClaimOver", "NotOpen", "StillDisputed", "AlreadyOpened"}
    | {"SlotNotLive", "WindowClosed", "StepHolds", "WrongNumber", "WrongState", "WindowOpen"}
    | {"SlotSlashed", "GamesOpen", "AlreadyAsserted", "AlreadyExiting", "SlotSpent", "NotYourTurn"}
)
"""How the contracts may refuse here."""


Game = tuple[StateDuel, bool, bool]
"""A game, whether its challenger is honest, and whether its defender is."""


class States(RuleBasedStateMachine):
    """Everybody at once."""

    def __init__(self) -> None:
        super().__init__()
        self.whole: Whole = deploy(rules=Parameters(k=2))
        self.true: list[Hash] = [GENESIS]
        self.batches: list[Posted] = []
        self.made: list[Asserted] = []
        self.games: list[Game] = []
        self.live: list[Game] = []
        """Those that may still be played."""
        self.confirmed: list[Hash] = [GENESIS]

    @initialize()
    def stake(self) -> None:
        for name in LIARS:
            self.whole.stake(self.whole.chain.account(name), SLOTS)
        self.honest = self.whole.chain.account("honest")
        self.post()

    # ---- what happens

    @rule()
    def post(self) -> None:
        posted = self.whole.batch()
        self.true.append(self.whole.true_root(self.true[-1], posted))
        self.batches.append(posted)

    @rule(
        data=st.data(),
        liar=st.sampled_from(LIARS),
        slot=st.integers(0, SLOTS - 1),
        roots=st.lists(st.sampled_from([LIE, GENESIS, OTHER, None]), min_size=1, max_size=3),
    )
    def claim(self, data: st.DataObject, liar: str, slot: int, roots: list[Hash | None]) -> None:
        """A liar asserts, some things at once, the truth too if that serves it (None)."""
        posted = self.batches[data.draw(st.integers(-2, -1)) % len(self.batches)]
        starts = [self.true[posted.header.number - 1], *(one.fields.root for one in self.made[-3:])]
        pre = data.draw(st.sampled_from(starts))
        owner = self.whole.chain.account(liar)
        for root in roots:
            with tolerated():
                change = {} if root is None else {"root": root}
                self.made.append(self.whole.assert_state(posted, pre, owner, slot, **change))
        self.watch()

    @rule()
    def tell(self) -> None:
        """The honest one asserts what is next; on a slot of its own, for nobody to stop it with."""
        number = len(self.confirmed)
        if number < len(self.true):
            _, slot = self.whole.stake(self.honest)
            posted, pre = self.batches[number - 1], self.true[number - 1]
            self.made.append(self.whole.assert_state(posted, pre, self.honest, slot))

    @precondition(lambda self: self.made)
    @rule(data=st.data(), name=st.sampled_from(("gus", "gil")), wrong=st.integers(0, 7))
    def disturb(self, data: st.DataObject, name: str, wrong: int) -> None:
        """A challenge with values that are false themselves."""
        one = data.draw(st.sampled_from(self.made))
        game = self.whole.duel(one, name)
        game.against = Run(one.fields.pre, one.length, wrong % one.length, offset=7)
        with tolerated():
            self.opened(game, honest=False)
        self.watch()

    @precondition(lambda self: self.live)
    @rule(data=st.data())
    def move(self, data: st.DataObject) -> None:
        """Some player to move does."""
        game, _, _ = data.draw(st.sampled_from(self.live))
        with tolerated():
            game.advance()
        self.watch()

    @precondition(lambda self: self.live)
    @rule(data=st.data(), close=st.booleans())
    def end(self, data: st.DataObject, close: bool) -> None:
        """Anybody ends a game that should be over."""
        game, _, _ = data.draw(st.sampled_from(self.live))
        with tolerated():
            (game.close if close else game.timeout)()

    @rule(seconds=st.sampled_from([1, WINDOW // 4, WINDOW, 1_001]))
    def wait(self, seconds: int) -> None:
        """Time passes, and the liars are the first to use it."""
        self.whole.chain.warp(seconds)
        for one in self.made:
            if self.is_dangerous(one):
                self.try_confirm(one)
        self.watch()

    @precondition(lambda self: self.made)
    @rule(data=st.data())
    def confirm(self, data: st.DataObject) -> None:
        self.try_confirm(data.draw(st.sampled_from(self.made)))

    @rule(liar=st.sampled_from(LIARS))
    def leave(self, liar: str) -> None:
        """With the last of its slots; claims that it backs go on."""
        owner = self.whole.chain.account(liar)
        with tolerated():
            self.whole.arena.vault.exit(SLOTS - 1, sender=owner)

    # ---- what the honest do

    def watch(self) -> None:
        """The watcher opens what it has to; both honest parties answer where it is their turn."""
        for one in self.made:
            if self.is_dangerous(one) and not self.is_stopped(one):
                game = self.whole.duel(one, "watcher")
                with tolerated():
                    self.opened(game, honest=True)
        for game, challenger, defender in self.playing():
            if defender if game.defenders_turn else challenger:
                with tolerated(but="StepHolds"):
                    game.advance()
            elif challenger or defender:
                with tolerated():
                    game.timeout()

    def opened(self, game: StateDuel, *, honest: bool) -> None:
        """Somebody opens a game; one on a single step is over at once."""
        game.open()
        if game.claim.length > 1:
            self.games.append((game, honest, game.asserted.owner == self.honest))
            self.live.append(self.games[-1])

    def playing(self) -> list[Game]:
        """Games that are not over."""
        self.live = [one for one in self.live if one[0].view().open]
        return self.live

    def is_dangerous(self, one: Asserted) -> bool:
        """Whether it is false and could be confirmed if nobody disputed it."""
        number = one.fields.batch
        return one.fields.pre == self.true[number - 1] and one.fields.root != self.true[number]

    def is_stopped(self, one: Asserted) -> bool:
        """Whether the watcher disputes, or has disputed, something that the same slot backs."""
        backing = (one.fields.account, one.fields.slot)
        return any(
            honest and (game.asserted.fields.account, game.asserted.fields.slot) == backing
            for game, honest, _ in self.games
        )

    def try_confirm(self, one: Asserted) -> None:
        with tolerated():
            self.whole.confirm(one)
            assert one.fields.batch == len(self.confirmed)
            assert one.fields.pre == self.confirmed[-1]
            self.confirmed.append(one.fields.root)

    # ---- what holds

    @invariant()
    def only_truth_is_confirmed(self) -> None:
        assert self.confirmed == self.true[: len(self.confirmed)]
        assert self.whole.assertions.confirmedBatch() == len(self.confirmed) - 1
        assert self.whole.assertions.confirmedRoot() == self.confirmed[-1]

    @invariant()
    def the_books_add_up(self) -> None:
        assert self.whole.arena.accounted() == self.whole.chain.balance(self.whole.arena.vault)

    def teardown(self) -> None:
        """Left alone, the honest bring every game to its end and every batch to its state."""
        while len(self.confirmed) < len(self.true):
            self.tell()
            for _ in range(3):
                self.settle()
                for one in self.made:
                    if one.fields.batch == len(self.confirmed):
                        self.try_confirm(one)
            self.only_truth_is_confirmed()
        while self.playing():
            self.settle()
        assert self.whole.arena.vault.pots() == 0
        # Whoever the watcher disputed lost that bond, in its game or in another one.
        disputed = [game.claim.id for game, honest, _ in self.games if honest]
        assert all(self.whole.assertions.isVoid(claim) for claim in disputed)

    def settle(self) -> None:
        """More time than any clock has."""
        self.whole.chain.warp(1_101)
        self.watch()
        for game, _, _ in self.playing():
            for end in (game.timeout, game.close):
                with tolerated():
                    end()


class tolerated(suppress):  # noqa: N801 - a context manager, used like a function
    """Lets the contracts' plain refusals pass, `but` one of them."""

    def __init__(self, but: str = "") -> None:
        super().__init__(Revert)
        self._but = but

    def __exit__(self, kind: object, error: object, trace: object) -> bool:
        if not isinstance(error, Revert):
            return False
        return error.name in _PLAIN and error.name != self._but


TestStates = States.TestCase
TestStates.settings = settings(max_examples=60, stateful_step_count=40)
