"""Whatever anybody does in whatever order: no wei is made or lost, only losers pay, games can end.

Owners post true and false claims; challengers dispute them, honestly or not; all move, prove, let
clocks run out, bend arguments, exit, withdraw and collect; the guardian pauses. After every action
the books must add up; at the end a passer-by ends every game and everybody draws what is theirs.
"""

import random
from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from prover.commit.keccak import Hash, keccak
from tests.contracts.arena import REJECTED, Arena, Duel, Parameters, Run, deploy
from tests.contracts.evm import ETHER, NOBODY, ZERO, Event, Revert

pytestmark = pytest.mark.usefixtures("toolchain")

OWNERS = ("ann", "bob", "cyd")
CHALLENGERS = ("dan", "eve", "fay", "ann")  # ann plays against herself, too
GUARDIAN = "guardian"
PRE = keccak(b"pre")
WEALTH = 1_000_000 * ETHER
GWEI = 10**9
SEEDS, STEPS = 24, 100
PRICES = [0, 1, 50 * GWEI, 500 * GWEI]

LENGTHS = [1, 2, 3, 5, 15, 16, 17, 40, 1000, 2**40, 2**62 - 1]


class Play:
    """Everybody plays at once, as the seed says."""

    def __init__(self, seed: int, rules: Parameters | None = None) -> None:
        self.dice = random.Random(seed)
        self.arena: Arena = deploy(rules or self.draw_rules())
        people = {*OWNERS, *CHALLENGERS, GUARDIAN}
        self.people = {name: self.arena.account(name) for name in sorted(people)}
        self.everything = sum(self.wei(at) for at in self.holders())
        self.slots: list[tuple[str, int]] = []
        self.games: list[Duel] = []
        self.slot_of: dict[Hash, tuple[str, int]] = {}
        self.lost: Counter[str] = Counter()
        """Wei that each address lost by the rules."""
        self.gone: set[tuple[str, int]] = set()
        """Slots that were slashed or withdrawn."""
        self.seen: Counter[str] = Counter()
        """What happened how often."""

    def draw_rules(self) -> Parameters:
        draw = self.dice.choice
        return Parameters(
            k=draw([2, 3, 16]),
            burn_bps=draw([0, 1, 3333, 10_000]),
            bond=draw([10 * ETHER, 1_000_003, 1]),
            challenge_bond=draw([1 * ETHER, 77_777, 1]),
        )

    def play(self, steps: int) -> None:
        """Some actions, with all checks now and then; then the end."""
        actions = {
            self.stake: 2,
            self.post: 4,
            self.open: 8,
            self.advance: 16,
            self.bend: 4,
            self.timeout: 4,
            self.close: 4,
            self.wait: 2,
            self.pause: 1,
            self.leave: 1,
            self.withdraw: 1,
            self.collect: 1,
        }
        self.stake()
        for action in self.dice.choices(list(actions), list(actions.values()), k=steps):
            action()
            if self.dice.random() < 0.3:
                self.check()
        self.end()

    # ---- what is done

    def stake(self) -> None:
        owner, count = self.people[self.dice.choice(OWNERS)], self.dice.randint(1, 2)
        account, first = self.arena.stake(owner, count)
        assert account == self.arena.vault.accountOf(owner)
        self.slots += [(owner, first + i) for i in range(count)]

    def post(self) -> None:
        """A claim, true or false, and up to four who will doubt it, rightly or not."""
        owner, slot = self.dice.choice(self.slots)
        length = self.dice.choice(LENGTHS)
        defence = Run(PRE, length, self.maybe_lie(length))
        try:
            claim = self.arena.claim(owner, defence, f"claim {len(self.slot_of)}", slot)
        except Revert as error:
            if error.name != "NotLive":
                raise
            return
        self.slot_of[claim.id] = (owner, slot)
        for challenger in self.dice.sample(CHALLENGERS, self.dice.randint(1, 4)):
            against = Run(PRE, length, self.maybe_lie(length), offset=2)
            account = self.people[challenger]
            self.games.append(Duel(self.arena, claim, account, against, defence))
            if self.dice.random() < 0.7:
                self.tried(self.games[-1].open)

    def maybe_lie(self, length: int) -> int | None:
        return self.dice.choice([None, self.dice.randrange(length)])

    def open(self) -> None:
        game = self.pick()
        if game is None:
            return
        was_open = game.last is not None
        if self.tried(game.open):
            assert not was_open
            if game.claim.length == 1:
                assert game.defence.wrong is not None
                assert self.rejected(game)

    def advance(self) -> None:
        """A game goes on by the players' own lights, for a while."""
        game = self.pick(opened=True)
        for _ in range(self.dice.randint(1, 20)):
            if game is None or game.last is None or not game.view().open:
                return
            one = game.bounds()[1] == 1
            opponent = game.against if game.defenders_turn else game.defence
            price = self.dice.choice(PRICES)
            prove = partial(game.prove, gas_price=price)
            if not self.tried(prove if one else game.move):
                return
            if one:
                assert opponent.wrong is not None, "who only said the truth lost by a proof"
                assert not game.view().open
                return

    def bend(self) -> None:
        """No call with a wrong argument changes anything."""
        game = self.pick(opened=True)
        if game is None:
            return
        honest = game.opening()
        bent: dict[str, Any] = {
            "prior": keccak(honest["prior"]),
            "part": honest["part"] + 1,
            "start": keccak(honest["start"]),
            "end": keccak(honest["end"]),
            "path": [keccak(node) for node in honest["path"]] or [PRE],
        }
        name = self.dice.choice([*bent, "values", "sender"])
        bend = {name: bent[name]} if name in bent else {}
        sender = self.people[GUARDIAN] if name == "sender" else game.player
        values = {"values": list(game.answer().values[1:-1])} if name == "values" else {}
        assert not self.tried(lambda: game.move(bend | values, sender=sender))
        if not values:
            assert not self.tried(lambda: game.prove(bend, sender=sender))

    def timeout(self) -> None:
        game = self.pick(opened=True)
        if game is None:
            return
        self.arena.evm.warp(self.dice.choice([0, 0, 1001, 1101]))
        price = self.dice.choice(PRICES)
        self.tried(lambda: game.timeout(gas_price=price))

    def close(self) -> None:
        game = self.pick(opened=True)
        if game is None:
            return
        dead = self.rejected(game) or self.arena.host.isVoid(game.claim.id)
        was_open = game.view().open
        assert self.tried(game.close) == (dead and was_open)

    def wait(self) -> None:
        self.arena.evm.warp(self.dice.choice([1, 50, 400, 1001]))

    def pause(self) -> None:
        call = self.arena.game.unpause if self.arena.game.paused() else self.arena.game.pause
        self.tried(lambda: call(sender=self.people[GUARDIAN]))

    def leave(self) -> None:
        owner, slot = self.dice.choice(self.slots)
        self.tried(lambda: self.arena.vault.exit(slot, sender=owner))

    def withdraw(self) -> None:
        owner, slot = self.dice.choice(self.slots)
        self.arena.evm.warp(self.dice.choice([0, 5001]))
        if self.tried(lambda: self.arena.vault.withdraw(slot, sender=owner)):
            assert (owner, slot) not in self.gone
            self.gone.add((owner, slot))

    def collect(self) -> None:
        to = self.dice.choice([*self.people.values(), ZERO])
        credit = self.arena.credit(to)
        assert self.tried(lambda: self.arena.vault.collectFor(to)) == (credit > 0)
        assert self.arena.credit(to) == 0

    def end(self) -> None:
        """A passer-by ends every game, and everybody draws what is theirs."""
        for game in self.playing():
            if self.rejected(game) or self.arena.host.isVoid(game.claim.id):
                assert self.tried(game.close)
                continue
            rules = self.arena.rules
            self.arena.evm.warp(rules.clock + rules.grace + rules.max_pause + 1)
            assert self.tried(game.timeout)
        self.check()
        assert self.arena.vault.pots() == 0
        for owner in {*self.people.values(), ZERO}:
            if self.arena.credit(owner):
                self.arena.vault.collectFor(owner)
        self.check()
        assert self.wei(self.arena.vault.address) == self.arena.vault.bonded()

    # ---- what must hold

    def check(self) -> None:
        self.no_wei_is_made_or_lost()
        self.the_books_say_whose_it_is()
        self.open_games_are_counted()
        self.nobody_pays_but_who_lost()

    def no_wei_is_made_or_lost(self) -> None:
        assert sum(self.wei(at) for at in self.holders()) == self.everything
        assert self.arena.accounted() == self.wei(self.arena.vault.address)

    def the_books_say_whose_it_is(self) -> None:
        vault, rules = self.arena.vault, self.arena.rules
        live = len(set(self.slots) - self.gone)
        assert vault.bonded() == live * rules.bond
        owners = {*self.people.values(), ZERO}
        assert vault.credits() == sum(self.arena.credit(owner) for owner in owners)
        bonds = len(self.playing()) * rules.challenge_bond
        views = {claim: self.arena.game.claimOf(claim) for claim in self.slot_of}
        shares = sum(view[7] * view[2] for view in views.values() if view[0] == REJECTED)
        assert vault.pots() == bonds + shares

    def open_games_are_counted(self) -> None:
        games = Counter(game.claim.id for game in self.playing())
        holds: Counter[tuple[str, int]] = Counter()
        for claim, backing in self.slot_of.items():
            assert self.arena.game.claimOf(claim)[2] == games[claim]
            assert self.arena.host.postedOf(claim)[4] == games[claim]
            holds[backing] += games[claim]
        for owner, slot in self.slots:
            account = self.arena.vault.accountOf(owner)
            assert self.arena.vault.slotOf(account, slot)[2] == holds[owner, slot]

    def nobody_pays_but_who_lost(self) -> None:
        """What each has, in hand, in credit, in slots and in open games, is at least what it had
        less what it lost by the rules."""
        rules = self.arena.rules
        bonds = Counter(game.challenger for game in self.playing())
        slots = Counter(owner for owner, _ in set(self.slots) - self.gone)
        for owner in self.people.values():
            wealth = self.wei(owner) + self.arena.credit(owner)
            wealth += slots[owner] * rules.bond + bonds[owner] * rules.challenge_bond
            assert wealth >= WEALTH - self.lost[owner]

    # ---- helpers

    def tried(self, call: Callable[[], object]) -> bool:
        """Whether the call went through; if so its losses are noted, if not nothing changed."""
        before = self.digest()
        try:
            call()
        except Revert as error:
            if error.name in {"Panic", "Halt", "Unknown", "PotsTooSmall", "NotHeld"}:
                raise
            self.unchanged_since(before)
            return False
        for event in self.arena.evm.events:
            self.note(event)
            if event.name == "Slashed" and event["amount"]:
                owner = self.arena.vault.ownerOf(event["account"])
                self.lost[owner] += event["amount"]
                assert (owner, event["slot"]) not in self.gone
                self.gone.add((owner, event["slot"]))
            if event.name == "Lost":
                self.lost[event["challenger"]] += self.arena.rules.challenge_bond
        return True

    def note(self, event: Event) -> None:
        rules = self.arena.rules
        self.seen[event.name] += 1
        if event.name == "Slashed" and event["amount"] == 0:
            self.seen["won on a void claim"] += 1
        if event.name == "Closed":
            refund = event["paid"] - rules.challenge_bond
            share = self.arena.game.claimOf(event["claimId"])[7]
            ending = "refunded" if 0 < refund < share else "refunded in full" if refund else "bare"
            self.seen[f"Closed, {ending}"] += 1

    def unchanged_since(self, before: tuple[Any, ...]) -> None:
        assert self.digest() == before

    def digest(self) -> tuple[Any, ...]:
        vault = self.arena.vault
        books = (vault.bonded(), vault.pots(), vault.credits())
        return (*books, *(game.view() for game in self.games))

    def pick(self, opened: bool = False) -> Duel | None:
        """Some game, mostly one that is not over; with `opened`, one that was played."""
        games = [game for game in self.games if game.last is not None] if opened else self.games
        going = [game for game in games if not opened or game.view().open]
        if going and self.dice.random() < 0.9:
            games = going
        return self.dice.choice(games) if games else None

    def playing(self) -> list[Duel]:
        """Games that are open."""
        return [game for game in self.games if game.last is not None and game.view().open]

    def rejected(self, game: Duel) -> bool:
        return bool(self.arena.game.claimOf(game.claim.id)[0] == REJECTED)

    def holders(self) -> list[str]:
        arena = self.arena
        contracts = [arena.vault, arena.game, arena.host, arena.machine, arena.puppet]
        return [*self.people.values(), ZERO, NOBODY, *(contract.address for contract in contracts)]

    def wei(self, address: str) -> int:
        return self.arena.evm.balance(address)


def test_the_books_hold_whatever_happens() -> None:
    seen: Counter[str] = Counter()
    for seed in range(SEEDS):
        play = Play(seed)
        play.play(STEPS)
        seen += play.seen
    # Every ending, or this test has shown less than it says.
    endings = ["Won", "Lost", "Closed, refunded", "Closed, refunded in full", "Closed, bare"]
    rare = ["won on a void claim", "Withdrawn", "Collected", "Paused", "Opened", "Moved"]
    assert all(seen[name] for name in [*endings, *rare]), seen


def test_the_checks_see_one_wei_that_is_lost() -> None:
    play = Play(0)
    play.check()
    play.arena.evm.account("dan", balance=WEALTH - 1)
    with pytest.raises(AssertionError):
        play.no_wei_is_made_or_lost()
    with pytest.raises(AssertionError):
        play.nobody_pays_but_who_lost()
