"""Settlement: makes batches final once nothing can be said against them, and stands in for a
sequencer that is silent. Anyone may do it; the latter takes a live slot.
"""

import logging
from typing import Final

from bisection.events import Events
from bisection.ports import GameKey
from rollup.follower import Follower
from rollup.l1.accounts import Signer
from rollup.l1.chain import BlockNumber
from rollup.l1.deploy import Contracts
from rollup.l1.errors import Reverted
from rollup.l1.view import ContractView
from rollup.protocol.header import genesis
from rollup.protocol.history import Mountains
from rollup.protocol.ledger.inbox import InboxKind, urgent
from rollup.protocol.types import AccountIndex, BatchNumber, Seconds, SlotIndex

EVENTS: Final = Events(logging.getLogger(__name__))

_NOT_YET: Final = frozenset({"WindowOpen", "GamesOpen", "WrongNumber", "SlashesUnreported"})
"""Refusals that time, somebody else's confirmation, or the next round explains."""
_TOLD: Final = frozenset({"NothingToReport"})
"""What L1 says of a slash that somebody else reported first."""


_PLAYED: Final = frozenset({"NotOpen", "ClaimOver", "ClockRunning", "StillDisputed"})
"""Refusals to end a game that is going on, or that somebody else ended."""

_NOT_NEEDED: Final = frozenset(
    {"NotOverdue", "WrongParent", "PosterUnbonded", "EmptyBatch", "InboxTooFar", "InboxSkipped"}
    | {"WrongData"}
)
"""Refusals of a batch of inbox entries that somebody else's batch, or a slot's end, explains; or
data that the signer has published: it is a sequencer's, whose own post is under way."""


class Settlement:
    """Tells the inbox of slashed slots, and confirms the batches that a follower knows, in order,
    each as soon as L1 lets it. A batch that games keep waiting waits no longer than their clocks:
    two who are one would leave a game between them open for ever. When inbox entries wait and no
    batch has come for the deadline, it posts them, if the signer has a live slot.
    """

    def __init__(self, contracts: Contracts, signer: Signer, follower: Follower) -> None:
        self._contracts = contracts
        self._signer = signer
        self._follower = follower
        self._games: dict[GameKey, BlockNumber] = {}
        """Games that may be open, and where they were opened."""
        self._read = contracts.deployment.block
        self._view = ContractView(contracts)

    def round(self) -> list[BatchNumber]:
        """Confirms what is due; the numbers of the batches that became final by it."""
        self._report()
        self._stand_in()
        rollup = self._contracts.rollup
        headers = {header.number: header for header in self._follower.headers}
        number = BatchNumber(rollup.confirmed() + 1)
        made: list[BatchNumber] = []
        while number in headers:
            try:
                mined = rollup.confirm(self._signer, headers[number])
            except Reverted as refusal:
                if refusal.name == "GamesOpen" and self._end_games():
                    continue
                if refusal.name in _NOT_YET:
                    break
                raise
            EVENTS.info("batch.confirmed", batch=number, transaction=mined.hash)
            made.append(number)
            number = BatchNumber(number + 1)
        return made

    def _end_games(self) -> int:
        """Ends games whose clock ran out or whose claim counts for nothing any more; how many."""
        game, head = self._contracts.game, self._contracts.client.head().number
        self._games |= dict(game.openings(self._read, head))
        depth = self._contracts.deployment.parameters.confirmations
        self._read = BlockNumber(max(self._read, head - depth))
        ended = 0
        for key, block in list(self._games.items()):
            if game.is_open(key.claim, key.challenger):
                ended += self._end(key)
            elif block < self._read:
                del self._games[key]
        return ended

    def _end(self, key: GameKey) -> bool:
        game = self._contracts.game
        for end in (game.timeout, game.close_game):
            try:
                end(self._signer, key.claim, key.challenger)
            except Reverted as refusal:
                if refusal.name not in _PLAYED:
                    raise
            else:
                EVENTS.info("game.ended", claim=key.claim, challenger=key.challenger)
                return True
        return False

    def _report(self) -> None:
        """Reports what was slashed: from the newest block back, until L1 counts no more."""
        vault, client = self._contracts.vault, self._contracts.client
        left = vault.unreported()
        if not left:
            return
        seen: set[tuple[AccountIndex, SlotIndex]] = set()
        for start, end in reversed(
            client.spans(self._contracts.deployment.block, client.head().number)
        ):
            for slashed in reversed(vault.slashes(start, end)):
                at = (slashed.account, slashed.slot)
                if at in seen:
                    continue
                seen.add(at)
                if vault.is_reported(*at):
                    continue
                try:
                    vault.report(self._signer, *at)
                except Reverted as refusal:
                    if refusal.name not in _TOLD:
                        raise
                else:
                    EVENTS.info("slash.reported", account=at[0], slot=at[1])
                left = vault.unreported()
                if not left:
                    return

    def _stand_in(self) -> None:
        """Posts what the inbox holds, when that is overdue."""
        rollup, headers = self._contracts.rollup, self._follower.headers
        preset, now = self._contracts.deployment.parameters, Seconds(self._contracts.game.time())
        if not headers or now < headers[-1].posted + preset.inbox_deadline:
            return
        last = headers[-1]
        inbox = min(rollup.inbox_count(), last.inbox + preset.inbox_cap)
        slot = self._live_slot(now) if inbox > last.inbox else None
        if slot is None or not self._urgent(last.inbox, inbox):
            return
        before = [genesis(self._contracts.deployment.domain), *headers[:-1]]
        peaks = Mountains.of([header.hash for header in before]).peaks
        try:
            posted, _ = rollup.post_overdue(self._signer, slot, last, peaks, inbox)
        except Reverted as refusal:
            if refusal.name not in _NOT_NEEDED:
                raise
        else:
            EVENTS.warning("sequencer.silent", batch=posted.number, inbox=posted.taken)

    def _urgent(self, first: int, end: int) -> bool:
        """Whether these inbox entries are worth a batch; so is what L1 does not tell."""
        entries = self._view.waiting(first, end)
        return len(entries) < end - first or urgent(entries, self._settles)

    def _settles(self, number: BatchNumber) -> bool:
        taken = self._follower.inbox(number)
        if taken is None or self._follower.headers[number - 1].receipts:
            return True
        return any(entry.kind == InboxKind.FORCED for entry in taken)

    def _live_slot(self, now: Seconds) -> SlotIndex | None:
        vault = self._contracts.vault
        account = vault.account_of(self._signer.address)
        slots = map(SlotIndex, range(vault.slots_of(account)))
        return next((slot for slot in slots if vault.is_live(account, slot, now)), None)
