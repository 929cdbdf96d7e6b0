"""Random histories of batches, forced receipts, challenges and all the rest, against a model."""

import random
from collections import Counter
from dataclasses import dataclass, field

import pytest

from prover.commit import merkle
from prover.commit.keccak import ZERO_HASH, Hash
from prover.commit.tags import Tag
from rollup.protocol.entries import SignedReceipt
from rollup.protocol.header import Header
from rollup.protocol.ledger import inbox
from rollup.protocol.ledger.inbox import InboxEntry, InboxKind
from rollup.protocol.receipts import Work
from rollup.protocol.types import Address
from tests.contracts.arena import REJECTED, raw_address
from tests.contracts.evm import Revert, reverts
from tests.contracts.ledger import (
    CAPS,
    COUNTER,
    DEADLINE,
    INBOX_CAP,
    WINDOW,
    Ledger,
    Posted,
    Run,
    deploy,
)

pytestmark = pytest.mark.usefixtures("toolchain")
LIE = Hash(b"\x66" * 32)
RUN = Run(steps=4)
UNITS = RUN.steps * COUNTER.work
FORCED = 3
"""Claims that may be forced in one window."""
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
    reported: set[int] = field(default_factory=set)
    came: list[InboxEntry] = field(default_factory=list)
    """Every entry that ever came, in order."""
    forced: dict[int, SignedReceipt] = field(default_factory=dict)
    """Those of them that are receipts, by index."""
    spent: Counter[int] = field(default_factory=Counter)
    """Work units that were forced, by window."""
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
        upto = self._inbox_of_a_post()
        if upto is None:
            return
        if self.dice.random() < 0.2:
            works = []
        takes = upto > self.taken
        silent = self.ledger.posted and self.now >= self.ledger.parent.posted + DEADLINE
        if silent and takes and self._live(slot := self.dice.randrange(SLOTS)):
            self.ledger.post_overdue(self.ledger.worker_address, slot, upto)
            return
        entries = [self.ledger.sign(work) for work in works]
        if not entries and not takes:
            with reverts("EmptyBatch"):
                self.ledger.post(entries, inbox=upto)
            return
        self.ledger.post(entries, inbox=upto)
        self.works |= {work.id: work for work in works}

    @property
    def taken(self) -> int:
        return self.ledger.posted[-1].header.inbox if self.ledger.posted else 0

    def _inbox_of_a_post(self) -> int | None:
        """How far the next batch goes; None after a try that was refused, as it had to be."""
        seen = self.ledger.posted[-1].header.seen if self.ledger.posted else 0
        full = self.taken + INBOX_CAP
        least, most = min(seen, full), min(len(self.came), full)
        upto = self.dice.randint(max(least - 2, 0), most + 2)
        if least <= upto <= most:
            return upto
        bad = (self.ledger.parent_tuple, self.ledger.peaks, 0, ZERO_HASH, ZERO_HASH, upto)
        got = self._try(lambda: self.ledger.rollup.post(*bad, sender=self.ledger.sequencer))
        assert got == ("InboxSkipped" if upto < least else "InboxTooFar")
        return None

    def _live(self, slot: int) -> bool:
        exited = slot in self.exits and self.exits[slot] < self.now
        return slot not in self.slashed and not exited

    def force(self) -> None:
        """A receipt past the sequencer, new or one that was seen before."""
        if self.works and self.dice.random() < 0.3:
            work = self.dice.choice(list(self.works.values()))
        else:
            slot = self.dice.randrange(SLOTS)
            work = RUN.work(self.ledger.account, slot=slot, nonce=self.nonce, params_after=LIE)
            self.nonce += 1
        window = self.now // WINDOW
        if self.spent[window] + UNITS > FORCED * UNITS:
            with reverts("ForcedWorkSpent", (window + 1) * WINDOW):
                self.ledger.force(work)
            return
        entry = self.ledger.force(work)
        self.spent[window] += UNITS
        self.forced[len(self.came)] = entry
        self.came.append(inbox.force(work, entry.signature))
        self.works[work.id] = work

    def deposit(self) -> None:
        """More slots, which back nothing here, for an account that is there or a new one."""
        name = self.dice.choice(["worker", "newcomer", "late"])
        at = self.ledger.worker_address if name == "worker" else self.ledger.chain.account(name)
        vault, count = self.ledger.vault, self.dice.randint(0, 2)
        known, first = vault.accountOf(at), vault.slotsOf(vault.accountOf(at))
        account, _ = vault.deposit(count, sender=at, value=count * self.ledger.rules.bond)
        if not known:
            self.came.append(inbox.register(account, Address(raw_address(at))))
        if count:
            self.came.append(InboxEntry(InboxKind.SLOTS, account, first, count))

    def report(self) -> None:
        slot = self.dice.randrange(SLOTS)
        got = self._try(lambda: self.ledger.vault.report(self.ledger.account, slot))
        if slot not in self.slashed or slot in self.reported:
            assert got == "NothingToReport"
            return
        assert got is None
        self.reported.add(slot)
        self.came.append(InboxEntry(InboxKind.SLASH, self.ledger.account, slot))

    def challenge(self) -> None:
        if not self.ledger.posted:
            return
        posted: Posted = self.dice.choice(self.ledger.posted[-6:])
        header = posted.header
        claims = [posted.opening(place) for place in range(header.receipts)]
        receipts = [*posted.batch.receipts]
        for place, index in enumerate(range(header.inbox - header.taken, header.inbox)):
            if index in self.forced:
                claims.append(posted.forced(place, self.forced[index]))
                receipts.append(self.forced[index].receipt)
        if not claims:
            return
        chosen = self.dice.randrange(len(claims))
        work = receipts[chosen]
        assert isinstance(work, Work)
        name = self.dice.choice(CHALLENGERS)
        key = (work.id, name)
        values = RUN.values(16)
        if work.params_after != LIE:
            values = [*values[:-1], LIE]  # a griefer's
        got = self._try(
            lambda: self.ledger.challenge(
                claims[chosen], values, sender=self.ledger.chain.account(name)
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
            self.came.append(InboxEntry(InboxKind.EXIT, self.ledger.account, slot))

    def confirm(self) -> None:
        if len(self.ledger.posted) <= self.confirmed:
            return
        posted = self.ledger.posted[self.confirmed]
        got = self._try(lambda: self.ledger.confirm(posted))
        if self.now < posted.header.posted + WINDOW:
            assert got == "WindowOpen"
        elif posted.header.number in self.waits.values():
            assert got == "GamesOpen"
        elif self.slashed != self.reported:
            assert got == "SlashesUnreported"
        else:
            assert got is None
            self.confirmed += 1
            self.came.append(InboxEntry(InboxKind.CONFIRM, self.confirmed))

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
        self._check_inbox()
        held = Counter(int(self.works[claim].slot) for claim, _ in self.open)
        for slot in range(SLOTS):
            _, _, holds, slashed, _, reported = ledger.vault.slotOf(ledger.account, slot)
            assert (holds, slashed) == (held[slot], slot in self.slashed)
            assert reported == (slot in self.reported)
        assert ledger.vault.unreported() == len(self.slashed - self.reported)
        for claim in self.rejected:
            assert ledger.game.claimOf(claim)[0] == REJECTED
            assert ledger.rollup.isVoid(claim)
        heaps = ledger.vault.bonded() + ledger.vault.pots() + ledger.vault.credits()
        assert heaps == ledger.chain.balance(ledger.vault)
        if not self.open:
            assert ledger.vault.pots() == 0

    def _check_inbox(self) -> None:
        """Every entry in order and once; what one batch saw, the next took as far as it may."""
        ledger, leaves = self.ledger, [entry.leaf for entry in self.came]
        assert ledger.rollup.inboxCount() == len(leaves)
        assert list(ledger.leaves(0, len(leaves))) == leaves
        upto = seen = 0
        for posted in ledger.posted:
            header = posted.header
            assert list(posted.took) == leaves[upto : header.inbox]
            assert header.inbox_root == merkle.root(posted.took, Tag.ENTRY_NODE)
            assert header.taken == header.inbox - upto <= INBOX_CAP
            assert header.inbox >= min(seen, upto + INBOX_CAP)
            assert header.inbox <= header.seen <= len(leaves)
            assert header.receipts or header.taken
            upto, seen = header.inbox, header.seen


def begun(ledger: Ledger) -> list[InboxEntry]:
    """What the inbox holds from the deployment."""
    return [
        inbox.register(1, Address(raw_address(ledger.worker_address))),
        InboxEntry(InboxKind.SLOTS, 1, 0, SLOTS),
        inbox.register(2, Address(raw_address(ledger.sequencer))),
        InboxEntry(InboxKind.SLOTS, 2, 0, 1),
    ]


@pytest.mark.parametrize("seed", range(12))
def test_a_random_history_goes_as_the_model_says(seed: int) -> None:
    dice = random.Random(seed)
    ledger = deploy(caps=(UNITS, *CAPS[1:]), forced=FORCED * UNITS)
    model = Model(ledger, dice, came=begun(ledger))
    actions = {
        model.post: 4,
        model.force: 2,
        model.challenge: 6,
        model.end: 5,
        model.exit: 1,
        model.deposit: 1,
        model.report: 2,
        model.confirm: 3,
        model.wait: 2,
    }
    for _ in range(200):
        dice.choices(list(actions), list(actions.values()))[0]()
        model.check()
    for _ in range(200):  # and everything can be brought to an end
        if not model.open and model.confirmed == len(model.ledger.posted):
            break
        model.ledger.chain.warp(WINDOW)
        model.end()
        model.report()
        model.confirm()
        model.check()
    assert not model.open
    assert model.confirmed == len(model.ledger.posted)
    while model.taken < len(model.came):
        model.ledger.post([])
        model.check()
