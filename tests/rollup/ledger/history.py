"""An L1 in memory with a ledger's history: random batches with forced receipts, and assertions.

The reference runs every step meanwhile, so that each batch's true root is known without the replay.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from prover.commit.keccak import ZERO_HASH
from rollup.ledger.ports import Asserted, Stage
from rollup.ledger.replay import Replay
from rollup.protocol.assertions import Assertion
from rollup.protocol.batch import Batch
from rollup.protocol.entries import SignedReceipt
from rollup.protocol.header import Header, genesis
from rollup.protocol.ledger.fast import FastLedger
from rollup.protocol.ledger.inbox import InboxEntry, force
from rollup.protocol.ledger.inbox_effects import Posted, inbox_step
from rollup.protocol.ledger.store import State
from rollup.protocol.types import (
    AccountIndex,
    Address,
    BatchNumber,
    Hash,
    Seconds,
    SlotIndex,
)
from tests.bisection.table import lie
from tests.rollup.headers import following
from tests.rollup.protocol.ledger.drawing import DOMAIN, Drawer, founded, signed

RING: Final = 4
WINDOW: Final = Seconds(600)
DEFENDER: Final = Address(b"\xdd" * 20)


@dataclass(frozen=True, slots=True)
class Held:
    """A batch as L1 and its data give it, and the reference's state after it."""

    header: Header
    batch: Batch | None
    inbox: tuple[InboxEntry, ...]
    state: State


@dataclass
class History:
    """`BatchSource`: batches can be added, hidden, and taken back."""

    seed: int = 0
    hidden: set[int] = field(default_factory=set)
    held: list[Held] = field(default_factory=list)

    def __post_init__(self) -> None:
        state = State(RING)
        self.genesis = state.copy()
        self.drawer = Drawer(state, random.Random(self.seed))
        said = founded(state)
        self._hold(said, [])

    def extend(self, entries: int = 3, receipts: int = 12, forced: int = 2) -> Header:
        """A random batch; some of its inbox entries are forced receipts."""
        drawer = self.drawer
        number = len(self.held) + 1
        said = []
        for _ in range(forced):
            placed = signed(*drawer.receipt())
            said.append(force(placed.receipt, placed.signature))
            inbox_step(drawer.state, said[-1], Posted(DOMAIN.separator, number, drawer.posted + 10))
        more, made, signers = drawer.batch(number, entries, receipts)
        placed_ = [signed(*one) for one in zip(made, signers, strict=True)]
        return self._hold(said + more, [SignedReceipt(p.receipt, p.signature) for p in placed_])

    def undo(self, batches: int) -> None:
        """A reorganisation takes the last batches away; what comes then is another history."""
        del self.held[-batches:]
        state = self.held[-1].state if self.held else self.genesis
        rng = random.Random(self.seed + 1 + len(self.held))
        self.drawer = Drawer(state.copy(), rng)
        self.drawer.posted = 1_000 + self.held[-1].header.posted

    def _hold(self, inbox: Sequence[InboxEntry], entries: Sequence[SignedReceipt]) -> Header:
        batch = Batch.of(entries) if entries else None
        header = following(
            [genesis(DOMAIN), *self.headers],
            receipts=len(entries),
            root=batch.root if batch else ZERO_HASH,
            data_hash=Hash(b"\7" * 32) if batch else ZERO_HASH,
            posted=self.drawer.posted,
            taken=inbox,
        )
        self.held.append(Held(header, batch, tuple(inbox), self.drawer.state.copy()))
        return header

    def root(self, number: int) -> Hash:
        """The reference's root after a batch."""
        return self.held[number - 1].state.hash if number else self.genesis.hash

    def replay(self) -> Replay:
        made = Replay(self, DOMAIN, FastLedger(RING))
        made.update()
        return made

    # ---- BatchSource

    @property
    def headers(self) -> list[Header]:
        return [one.header for one in self.held]

    def poll(self) -> int:
        return 0

    def batch(self, number: BatchNumber) -> Batch | None:
        return None if number in self.hidden else self.held[number - 1].batch

    def inbox(self, number: BatchNumber) -> Sequence[InboxEntry] | None:
        return None if number in self.hidden else self.held[number - 1].inbox


@dataclass
class Claimed:
    """`AssertionView` and `AssertionPort`: an L1 that takes whatever is asserted."""

    history: History
    time: int = 0
    held: list[Asserted] = field(default_factory=list)
    top: tuple[BatchNumber, Hash] = field(init=False)
    open_games: set[Hash] = field(default_factory=set)
    depth: int = 0
    own: set[Hash] = field(default_factory=set)
    """What was asserted through the port."""

    def __post_init__(self) -> None:
        self.top = (BatchNumber(0), self.history.root(0))

    def says(
        self, number: int, root: Hash | None = None, pre: Hash | None = None, slot: int = 0
    ) -> Asserted:
        """Somebody asserts; by default the truth."""
        header, history = self.history.headers[number - 1], self.history
        made = Assertion(
            BatchNumber(number),
            header.hash,
            history.root(number - 1) if pre is None else pre,
            history.root(number) if root is None else root,
            AccountIndex(1),
            SlotIndex(slot),
            DEFENDER,
        )
        self.held.append(Asserted(made, Seconds(self.time), Stage.PENDING))
        return self.held[-1]

    def lies(self, number: int, slot: int = 0) -> Asserted:
        """Somebody asserts a false root after the true state before."""
        return self.says(number, lie(self.history.root(number)), slot=slot)

    def mark(self, one: Asserted, stage: Stage) -> None:
        """What became of an assertion."""
        self._becomes(replace(one, stage=stage))

    def disputes(self, one: Asserted) -> None:
        """Somebody opens a game that does not end."""
        self.open_games.add(one.id)
        self._becomes(replace(one, challenged=True))

    def _becomes(self, one: Asserted) -> None:
        at = next(place for place, held in enumerate(self.held) if held.id == one.id)
        self.held[at] = one

    # ---- AssertionView

    def poll(self) -> None:
        pass

    @property
    def assertions(self) -> list[Asserted]:
        return list(self.held)

    @property
    def confirmed(self) -> tuple[BatchNumber, Hash]:
        return self.top

    @property
    def now(self) -> Seconds:
        return Seconds(self.time)

    @property
    def window(self) -> Seconds:
        return WINDOW

    # ---- AssertionPort

    def lasting(self) -> BatchNumber:
        return BatchNumber(max(len(self.history.held) - self.depth, 0))

    def assert_state(self, header: Header, pre: Hash, root: Hash) -> Assertion:
        made = self.says(header.number, root, pre, slot=len(self.held)).assertion
        self.own.add(made.id)
        return made

    def defends(self, assertion: Assertion) -> bool:
        return assertion.id in self.own

    def confirm(self, assertion: Assertion) -> bool:
        if assertion.id in self.open_games:
            return False
        assert (assertion.batch, assertion.pre) == (self.top[0] + 1, self.top[1])
        self.top = (assertion.batch, assertion.root)
        self.mark(next(one for one in self.held if one.id == assertion.id), Stage.CONFIRMED)
        return True
