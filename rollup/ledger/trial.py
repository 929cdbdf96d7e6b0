"""What an account could have the ledger do now, found by trying it on top of a state.

The rules are those of `effects` and nobody else's: an action is tried, and counts when it does more
than use its nonce.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from rollup.protocol.actions import Action, ActionKind
from rollup.protocol.ledger.effects import receipt_step
from rollup.protocol.ledger.fast import FastLedger
from rollup.protocol.ledger.header import Forest, Header
from rollup.protocol.ledger.store import Store, account_at
from rollup.protocol.ledger.types import Account, Job, Record, Status
from rollup.protocol.types import AccountIndex, Nonce

MOST: Final = 4_096
"""Actions planned at once: as many as a bundle holds."""


class Overlay:
    """A `Store` over a state that stays as it is: what is written is kept here."""

    def __init__(self, below: Store) -> None:
        self.header: Header = below.header
        self._below = below
        self._written: dict[tuple[Forest, int], bytes] = {}

    def read(self, forest: Forest, index: int) -> bytes:
        """See `Store.read`."""
        known = self._written.get((forest, index))
        return self._below.read(forest, index) if known is None else known

    def write(self, forest: Forest, index: int, packed: bytes) -> None:
        """See `Store.write`; roots stay as they were."""
        self._written[forest, index] = packed

    def push(self, forest: Forest, packed: bytes) -> None:
        """See `Store.push`: no action makes a leaf."""
        raise TypeError("no action adds a leaf to the ledger")

    def attempt(self, action: Action) -> bool:
        """Applies an action of its account's owner, if it does more than use a nonce; whether it
        does.
        """
        account = account_at(self, action.account)
        nonce = account.nonce
        trial = Overlay(self)
        receipt_step(trial, 0, 0, replace(action, nonce=nonce), account.address)
        used = replace(account, nonce=Nonce(nonce + 1)).pack()
        nothing = {(Forest.ACCOUNTS, action.account): used}
        if trial.header == self.header and trial._written in ({}, nothing):
            return False
        self.header = trial.header
        self._written |= trial._written
        return True


@dataclass(frozen=True, slots=True)
class Planned:
    """An action that would have its effect, and the record that it is about."""

    action: Action
    record: Record | None = None


def records_of(state: FastLedger, account: AccountIndex) -> list[Record]:
    """The records of an account that the ring still holds, oldest first."""
    made, ring = state.header.counts[Forest.RECORDS], 1 << state.header.ring
    rows = state.rows(Forest.RECORDS)[: min(made, ring)]
    found = np.sort(rows["seq"][rows["account"] == account])
    return [Record.unpack(state.read(Forest.RECORDS, int(seq))) for seq in found]


def jobs(state: FastLedger) -> list[Job]:
    """All jobs, by their index."""
    count = state.header.counts[Forest.JOBS]
    return [Job.unpack(state.read(Forest.JOBS, index)) for index in range(count)]


def plan(state: FastLedger, account: AccountIndex) -> list[Planned]:
    """What the account can have settled and distributed now, in an order in which all of it holds:
    each settled training claim moves its job's head to where the next one starts.
    """
    overlay = Overlay(state)
    done = [Planned(one) for one in _distributed(overlay, account)]
    listed = jobs(state)
    waiting = [one for one in records_of(state, account) if one.status == Status.PENDING]
    moved = True
    while moved and len(done) < MOST:
        left: list[Record] = []
        for record in waiting:
            action = _settled(overlay, account, record, listed)
            if action is None or len(done) == MOST:
                left.append(record)
            else:
                done.append(Planned(action, record))
        moved, waiting = len(left) < len(waiting), left
    return done


def _distributed(overlay: Overlay, account: AccountIndex) -> Iterator[Action]:
    held: Account = account_at(overlay, account)
    action = Action(ActionKind.DISTRIBUTE, account, held.nonce)
    if held.score and overlay.attempt(action):
        yield action


def _settled(
    overlay: Overlay, account: AccountIndex, record: Record, listed: list[Job]
) -> Action | None:
    """The action that settles a record now; of several jobs the first that takes it."""
    if record.batch > overlay.header.confirmed:
        return None
    for index, job in enumerate(listed):
        if job.program != record.program:
            continue
        nonce = account_at(overlay, account).nonce
        action = Action(ActionKind.SETTLE, account, nonce, record.seq, index)
        if overlay.attempt(action):
            return action
    return None
