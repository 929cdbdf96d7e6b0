"""Random histories of batches, challenges, exits and confirmations against a model in Python."""

import random
from collections import Counter
from dataclasses import dataclass, field

import pytest

from prover.commit.keccak import Hash
from rollup.protocol.header import Header
from rollup.protocol.receipts import Work
from tests.contracts.arena import REJECTED
from tests.contracts.evm import Revert
from tests.contracts.ledger import WINDOW, Ledger, Posted, Run, deploy

pytestmark = pytest.mark.usefixtures("toolchain")
LIE = Hash(b"\x66" * 32)
RUN = Run(steps=4)
SLOTS = 3
CHALLENGERS = ("ada", "bob", "cyd")


@dataclass
class Model:
    """What should be so, kept in plain tables."""

    ledger: Ledger
    dice: random.Random
    works: dict[bytes, Work] = field(default_factory=dict)
    open: dict[tuple[bytes, str], int] = field(default_factory=dict)
    """Open games, and the time at which each was opened."""
    waits: dict[bytes, int] = field(default_factory=dict)
    """The batch that a claim's open games keep waiting."""
    played: set[tuple[bytes, str]] = field(default_factory=set)
    rejected: set[bytes] = field(default_factory=set)
    slashed: set[int] = field(default_factory=set)
    exits: dict[int, int] = field(default_factory=dict)
    confirmed: int = 0
    nonce: int = 0

    @property
    def now(self) -> int:
        return int(self.ledger.game.protocolTime())

    # ---- actions; each says what must come of it and sees that it does

    def post(self) -> None:
        works: list[Work] = []
        for _ in range(self.dice.randint(1, 3)):
            if self.works and self.dice.random() < 0.3:
                works.append(self.dice.choice(list(self.works.values())))  # once more
                continue
            end = {"params_after": LIE} if self.dice.random() < 0.7 else {}
            slot = self.dice.randrange(SLOTS)
            works.append(RUN.work(self.ledger.account, slot=slot, nonce=self.nonce, **end))
            self.nonce += 1
        self.ledger.post_works(*works)
        self.works |= {work.id: work for work in works}

    def challenge(self) -> None:
        if not self.ledger.posted:
            return
        posted: Posted = self.dice.choice(self.ledger.posted[-6:])
        index = self.dice.randrange(len(posted.batch.receipts))
        work = posted.batch.receipts[index]
        assert isinstance(work, Work)
        name = self.dice.choice(CHALLENGERS)
        key = (work.id, name)
        values = RUN.values(16)
        if work.params_after != LIE:
            values = [*values[:-1], LIE]  # a griefer's
        got = self._try(
            lambda: self.ledger.challenge(
                posted.opening(index), values, sender=self.ledger.chain.account(name)
            )
        )
        assert got == self._challenge_outcome(posted.header, work, key)
        if got is None:
            earlier = self.waits.get(work.id)
            number = posted.header.number
            self.waits[work.id] = number if earlier is None else min(number, earlier)
            self.open[key] = self.now
            self.played.add(key)

    def _challenge_outcome(self, header: Header, work: Work, key: tuple[bytes, str]) -> str | None:
        if self.now >= header.posted + WINDOW:
            return "WindowClosed"
        exited = work.slot in self.exits and self.exits[work.slot] < header.posted
        if work.slot in self.slashed or exited:
            return "SlotNotLive"
        return "AlreadyOpened" if key in self.played else None

    def end(self) -> None:
        """The defender never moves: by the clock or by closing, games end."""
        if not self.open:
            return
        key = self.dice.choice(list(self.open))
        claim, name = key
        slot = self.works[claim].slot
        challenger = self.ledger.chain.account(name)
        if self.dice.random() < 0.5:
            got = self._try(lambda: self.ledger.game.timeout(claim, challenger))
            if claim in self.rejected:
                assert got == "ClaimOver"
            elif self.now - self.open[key] <= self.ledger.rules.clock:
                assert got == "ClockRunning"
            else:
                assert got is None
                self.rejected.add(claim)
                self.slashed.add(slot)
                self._closed(key)
        else:
            got = self._try(lambda: self.ledger.game.close(claim, challenger))
            if claim in self.rejected or slot in self.slashed:
                assert got is None
                self._closed(key)
            else:
                assert got == "StillDisputed"

    def _closed(self, key: tuple[bytes, str]) -> None:
        del self.open[key]
        if not any(claim == key[0] for claim, _ in self.open):
            del self.waits[key[0]]

    def exit(self) -> None:
        slot = self.dice.randrange(SLOTS)
        if self.dice.random() < 0.8:
            return
        got = self._try(lambda: self.ledger.vault.exit(slot, sender=self.ledger.worker_address))
        if slot in self.slashed:
            assert got == "SlotSpent"
        elif slot in self.exits:
            assert got == "AlreadyExiting"
        else:
            assert got is None
            self.exits[slot] = self.now

    def confirm(self) -> None:
        if len(self.ledger.posted) <= self.confirmed:
            return
        posted = self.ledger.posted[self.confirmed]
        got = self._try(lambda: self.ledger.confirm(posted))
        if self.now < posted.header.posted + WINDOW:
            assert got == "WindowOpen"
        elif posted.header.number in self.waits.values():
            assert got == "GamesOpen"
        else:
            assert got is None
            self.confirmed += 1

    def wait(self) -> None:
        self.ledger.chain.warp(self.dice.choice([1, 30, WINDOW // 2, WINDOW]))

    def _try(self, act: object) -> str | None:
        try:
            act()  # type: ignore[operator]
        except Revert as revert:
            return revert.name
        return None

    # ---- what always holds

    def check(self) -> None:
        ledger = self.ledger
        assert ledger.rollup.head()[0] == len(ledger.posted)
        assert ledger.rollup.confirmed() == self.confirmed
        waiting = Counter(self.waits[claim] for claim, _ in self.open)
        for posted in ledger.posted:
            number = posted.header.number
            assert ledger.rollup.batchHash(number) == posted.header.hash
            assert ledger.rollup.openGames(number) == waiting[number]
        held = Counter(int(self.works[claim].slot) for claim, _ in self.open)
        for slot in range(SLOTS):
            _, _, holds, slashed, _, _ = ledger.vault.slotOf(ledger.account, slot)
            assert (holds, slashed) == (held[slot], slot in self.slashed)
        for claim in self.rejected:
            assert ledger.game.claimOf(claim)[0] == REJECTED
            assert ledger.rollup.isVoid(claim)
        heaps = ledger.vault.bonded() + ledger.vault.pots() + ledger.vault.credits()
        assert heaps == ledger.chain.balance(ledger.vault)
        if not self.open:
            assert ledger.vault.pots() == 0


@pytest.mark.parametrize("seed", range(12))
def test_a_random_history_goes_as_the_model_says(seed: int) -> None:
    dice = random.Random(seed)
    model = Model(deploy(), dice)
    actions = [model.post, model.challenge, model.end, model.exit, model.confirm, model.wait]
    for _ in range(150):
        dice.choices(actions, [3, 6, 5, 1, 3, 2])[0]()
        model.check()
    for _ in range(200):  # and everything can be brought to an end
        if not model.open and model.confirmed == len(model.ledger.posted):
            break
        model.ledger.chain.warp(WINDOW)
        model.end()
        model.confirm()
        model.check()
    assert not model.open
    assert model.confirmed == len(model.ledger.posted)
