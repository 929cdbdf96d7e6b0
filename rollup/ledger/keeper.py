"""The keeper: sees to it that a true assertion stands of every batch, and confirms what is due.

It asserts only what it has replayed itself: where data is missing, it waits. A true assertion of
somebody else is as good as its own, as long as its slot is not slashed and nobody has challenged
it: two who are one could otherwise keep the state waiting, by a game that neither of them ends.
"""

import logging
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Protocol

from bisection.events import Events
from rollup.errors import LostConsistency
from rollup.ledger.comparing import Finding, finding
from rollup.ledger.ports import Asserted, AssertionView, Stage
from rollup.ledger.replay import Replay
from rollup.protocol.assertions import Assertion
from rollup.protocol.header import Header
from rollup.protocol.types import BatchNumber, Hash

LOG: Final = Events(logging.getLogger(__name__))

MOST: Final = 16
"""Transactions of either sort in one round: whoever defends beside it is not kept waiting."""


class AssertionPort(Protocol):
    """What the keeper does on L1; each call waits until it took effect."""

    def lasting(self) -> BatchNumber:
        """The newest batch that is too deep in L1 to be reorganised away."""
        ...

    def assert_state(self, header: Header, pre: Hash, root: Hash) -> Assertion | None:
        """Asserts that a batch leads from `pre` to `root`, with a live slot of the keeper's; None
        when there is none.
        """
        ...

    def defends(self, assertion: Assertion) -> bool:
        """Whether the keeper's account may move for an assertion."""
        ...

    def confirm(self, assertion: Assertion) -> bool:
        """Confirms the next state; False when L1 says that it is not due yet."""
        ...


@dataclass(slots=True)
class Kept:
    """What one round did."""

    asserted: list[BatchNumber] = field(default_factory=list)
    confirmed: list[BatchNumber] = field(default_factory=list)


class Keeper:
    """Keeps the chain of true assertions whole.

    Args:
        poll: takes up what L1 has, before each round.
        asserts: whether to assert; without, it only confirms.
    """

    def __init__(
        self,
        replay: Replay,
        view: AssertionView,
        port: AssertionPort,
        poll: Callable[[], object],
        *,
        asserts: bool = True,
        events: Events = LOG,
    ) -> None:
        self._replay = replay
        self._view = view
        self._port = port
        self._poll = poll
        self._asserts = asserts
        self._events = events

    def round(self) -> Kept:
        """Looks once: confirms what is due, and asserts what is not asserted yet.

        Raises:
            LostConsistency: when L1 confirmed a root that is not the true one. Nothing can be built
                on it: whoever is told should find out why nobody disputed it.
        """
        self._poll()
        done = Kept()
        confirmed, root = self._view.confirmed
        true = self._replay.root(confirmed)
        if true is None:
            return done
        if true != root:
            raise LostConsistency(
                f"L1 confirmed 0x{root.hex()} after batch {confirmed}, the replay gives"
                f" 0x{true.hex()}: a false assertion was not disputed in time"
            )
        standing = self._standing()
        self._confirm(BatchNumber(confirmed + 1), standing, done)
        if self._asserts:
            last = min(self._port.lasting(), self._replay.number)
            lacking = map(BatchNumber, range(confirmed + 1, last + 1))
            wanted = [n for n in lacking if not any(map(self._relied_on, standing.get(n, ())))]
            for number in wanted[:MOST]:
                if not self._assert(number):
                    break
                done.asserted.append(number)
        return done

    def _standing(self) -> dict[BatchNumber, list[Asserted]]:
        """The true assertions that can still be confirmed, by batch."""
        found = defaultdict(list)
        for one in self._view.assertions:
            if one.stage is Stage.PENDING and finding(self._replay, one) is Finding.TRUE:
                found[one.number].append(one)
        return found

    def _confirm(
        self, number: BatchNumber, standing: dict[BatchNumber, list[Asserted]], done: Kept
    ) -> None:
        """Confirms in order, as far as something is due; any true assertion of a batch will do."""
        while len(done.confirmed) < MOST:
            due = [one for one in standing.get(number, ()) if self._due(one)]
            one = next((one for one in due if self._port.confirm(one.assertion)), None)
            if one is None:
                break
            self._events.info("assertion.confirmed", batch=number, assertion=one.id)
            done.confirmed.append(number)
            number = BatchNumber(number + 1)

    def _assert(self, number: BatchNumber) -> bool:
        header, root = self._replay.header(number), self._replay.root(number)
        pre = self._replay.root(BatchNumber(number - 1))
        if header is None or pre is None or root is None:
            return False
        made = self._port.assert_state(header, pre, root)
        if made is None:
            self._events.warning("assertion.unbacked", batch=number)
            return False
        self._events.info("assertion.made", batch=number, assertion=made.id, root=root)
        return True

    def _relied_on(self, one: Asserted) -> bool:
        return not one.challenged or self._port.defends(one.assertion)

    def _due(self, one: Asserted) -> bool:
        return self._view.now >= one.time + self._view.window
