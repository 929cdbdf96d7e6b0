"""Assertions on L1: `AssertionView` from events, and the keeper's transactions."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from bisection.events import Events
from prover.commit.keccak import Hash
from rollup.l1.accounts import Signer
from rollup.l1.assertions import AssertionMade
from rollup.l1.chain import BlockNumber
from rollup.l1.deploy import Contracts
from rollup.l1.errors import Reverted
from rollup.ledger.ports import Asserted, Stage
from rollup.protocol.assertions import Assertion, AssertionId
from rollup.protocol.header import Header
from rollup.protocol.types import AccountIndex, BatchNumber, Seconds, SlotIndex

LOG: Final = Events(logging.getLogger(__name__))
Slots = Callable[[], tuple[AccountIndex, tuple[SlotIndex, ...]]]
"""The signer's account and the slots that are live now."""

_NOT_YET: Final = frozenset(
    {"WindowOpen", "GamesOpen", "WrongNumber", "WrongState", "SlotSlashed", "UnknownBatch"}
)
"""Refusals that time, a game, or somebody else's confirmation explains."""


@dataclass(slots=True)
class _Said:
    """What a stretch of L1's blocks says of assertions."""

    made: list[AssertionMade] = field(default_factory=list)
    challenged: set[AssertionId] = field(default_factory=set)
    rejected: set[AssertionId] = field(default_factory=set)
    confirmed: set[AssertionId] = field(default_factory=set)
    slashed: set[tuple[AccountIndex, SlotIndex]] = field(default_factory=set)

    def add(self, more: "_Said") -> None:
        """Takes up what comes after it."""
        self.made += more.made
        self.challenged |= more.challenged
        self.rejected |= more.rejected
        self.confirmed |= more.confirmed
        self.slashed |= more.slashed


class ContractAssertions:
    """`AssertionView` over the deployed contracts.

    Events of blocks too deep to be reorganised away are read once; the others at each look.

    Args:
        depth: blocks behind the head that are taken to last.
    """

    def __init__(self, contracts: Contracts, *, depth: int = 64) -> None:
        self._contracts = contracts
        self._depth = depth
        self._settled = contracts.deployment.block
        self._old = _Said()
        self._assertions: list[Asserted] = []
        self._confirmed = contracts.assertions.confirmed()
        self._window = contracts.assertions.window()
        self._now = Seconds(0)

    def poll(self) -> None:
        """See `AssertionView.poll`."""
        head = self._contracts.client.head().number
        self._now = Seconds(self._contracts.game.time(head))
        self._confirmed = self._contracts.assertions.confirmed(head)
        lasting = BlockNumber(max(self._settled, head - self._depth))
        if lasting > self._settled:
            self._old.add(self._read(self._settled, BlockNumber(lasting - 1)))
            self._settled = lasting
        said = _Said()
        said.add(self._old)
        said.add(self._read(self._settled, head))
        self._assertions = [
            Asserted(
                one.assertion,
                one.time,
                _stage(one.assertion, said),
                one.assertion.id in said.challenged,
            )
            for one in said.made
        ]

    @property
    def assertions(self) -> list[Asserted]:
        """See `AssertionView.assertions`."""
        return self._assertions

    @property
    def confirmed(self) -> tuple[BatchNumber, Hash]:
        """See `AssertionView.confirmed`."""
        return self._confirmed

    @property
    def now(self) -> Seconds:
        """See `AssertionView.now`."""
        return self._now

    @property
    def window(self) -> Seconds:
        """See `AssertionView.window`."""
        return self._window

    def _read(self, first: BlockNumber, last: BlockNumber) -> _Said:
        assertions, vault = self._contracts.assertions, self._contracts.vault
        return _Said(
            assertions.made(first, last),
            {challenge.id for challenge in assertions.challenges(first, last)},
            set(assertions.rejections(first, last)),
            set(assertions.confirmations(first, last)),
            {(slash.account, slash.slot) for slash in vault.slashes(first, last)},
        )


class ContractKeeping:
    """`AssertionPort` for the account of a signer, which also moves for what it asserts.

    Args:
        depth: blocks behind the head that are taken to last.
    """

    def __init__(self, contracts: Contracts, signer: Signer, slots: Slots, *, depth: int) -> None:
        self._contracts = contracts
        self._signer = signer
        self._slots = slots
        self._depth = depth

    def lasting(self) -> BatchNumber:
        """See `AssertionPort.lasting`."""
        rollup, head = self._contracts.rollup, self._contracts.client.head().number
        first = BlockNumber(max(self._contracts.deployment.block, head - self._depth + 1))
        fresh = [posted.header.number for posted in rollup.batches(first, head)]
        newest, _ = rollup.head()
        return BatchNumber(min([newest, *(number - 1 for number in fresh)]))

    def assert_state(self, header: Header, pre: Hash, root: Hash) -> Assertion | None:
        """See `AssertionPort.assert_state`. Slots back batches in turn."""
        account, live = self._slots()
        if not live:
            return None
        slot = live[header.number % len(live)]
        made = Assertion(header.number, header.hash, pre, root, account, slot, self._signer.address)
        self._contracts.assertions.assert_state(self._signer, made)
        return made

    def defends(self, assertion: Assertion) -> bool:
        """See `AssertionPort.defends`."""
        return assertion.defender == self._signer.address

    def confirm(self, assertion: Assertion) -> bool:
        """See `AssertionPort.confirm`."""
        try:
            self._contracts.assertions.confirm(self._signer, assertion)
        except Reverted as refusal:
            if refusal.name in _NOT_YET:
                return False
            raise
        return True


def _stage(assertion: Assertion, said: _Said) -> Stage:
    if assertion.id in said.confirmed:
        return Stage.CONFIRMED
    if assertion.id in said.rejected:
        return Stage.REJECTED
    slashed = (assertion.account, assertion.slot) in said.slashed
    return Stage.VOID if slashed else Stage.PENDING
