"""Parties of the ledger put together over a deployment: who rebuilds, audits and keeps it."""

import logging
import math
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Final

from bisection.events import Events
from rollup import parties, session
from rollup.client import GatewayClient
from rollup.errors import LostConsistency
from rollup.follower import Follower
from rollup.l1.accounts import LocalSigner
from rollup.l1.deploy import Contracts
from rollup.ledger.books import Books
from rollup.ledger.keeper import Keeper, Kept
from rollup.ledger.trial import Planned
from rollup.protocol.actions import Action
from rollup.protocol.types import Nonce
from rollup.validator import Defender, Validator

EVENTS: Final = Events(logging.getLogger(__name__))


def books(contracts: Contracts, source: Follower | None = None) -> Books:
    """The deployment's ledger, as L1 has it now; over a follower that is there already, `source`,
    as its rounds will find it.
    """
    if source is not None:
        return Books(contracts, source)
    made = Books(contracts, parties.follower(contracts))
    made.poll()
    return made


def auditor(of: Books, signer: LocalSigner) -> Validator:
    """A challenger over all that is asserted of a ledger."""
    return Validator(of.claims, of.games(signer), of.claims.trace, signer.address)


def keeping(of: Books, signer: LocalSigner, *, asserts: bool = True) -> Callable[[], Kept]:
    """A round of keeping true assertions standing, and of defending the signer's own."""
    contracts = of.contracts
    keeper = of.keeper(
        signer, lambda: session.live_slots(contracts, signer.address), asserts=asserts
    )
    defender = Defender(of.claims, of.games(signer), of.claims.trace, signer.address)

    def look() -> Kept:
        defender.round()  # first: clocks run in games
        return _reporting(keeper)

    return look


def confirming(of: Books, signer: LocalSigner) -> Callable[[], Kept]:
    """A round of confirming the states that are due."""
    contracts = of.contracts
    keeper = of.keeper(signer, lambda: session.live_slots(contracts, signer.address), asserts=False)
    return lambda: _reporting(keeper)


def _reporting(keeper: Keeper) -> Kept:
    """A round of a keeper. That a false state was confirmed is an alarm, and ends nothing: games
    may be going on.
    """
    try:
        return keeper.round()
    except LostConsistency as error:
        EVENTS.critical("state.false", reason=str(error))
        return Kept()


@contextmanager
def kept(contracts: Contracts, signer: LocalSigner, poll: float) -> Iterator[None]:
    """Around what runs beside a keeper: it looks every `poll` seconds, in a thread of its own.

    The keeper's trouble is its own: what ends it is reported, and what it runs beside goes on.
    """
    stopped = threading.Event()
    look: list[Callable[[], Kept]] = []

    def act() -> bool:
        if not stopped.is_set():
            if not look:  # here, since L1 may not answer yet
                look.append(keeping(books(contracts), signer))
            look[0]()
        return stopped.is_set()

    def run() -> None:
        try:
            session.repeat(act, poll, patience=math.inf)
        except Exception:  # noqa: BLE001 - whatever it is, it is the keeper's alone
            EVENTS.exception("keeper.ended")

    thread = threading.Thread(target=run, name="keeper", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stopped.set()
        thread.join(10)


def submit(
    contracts: Contracts, signer: LocalSigner, client: GatewayClient, planned: Sequence[Planned]
) -> list[Action]:
    """Signs planned actions of the signer's account, in bundles, and hands them in; what was sent.

    Raises:
        Refused: when the sequencer does not admit them.
        GatewayUnavailable: when it cannot be reached.
    """
    if not planned:
        return []
    me = parties.identity(contracts, signer)
    nonce = client.next_nonce(planned[0].action.account)
    made = [replace(one.action, nonce=Nonce(nonce + place)) for place, one in enumerate(planned)]
    most = contracts.deployment.parameters.batch_receipts
    for start in range(0, len(made), most):
        client.submit([me.sign(made[start : start + most])])
    return made
