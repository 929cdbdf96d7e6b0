"""Settlement: makes batches final once nothing can be said against them. Anyone may do it."""

import logging
from typing import Final

from bisection.events import Events
from rollup.follower import Follower
from rollup.l1.accounts import Signer
from rollup.l1.deploy import Contracts
from rollup.l1.errors import Reverted
from rollup.protocol.types import BatchNumber

EVENTS: Final = Events(logging.getLogger(__name__))

_NOT_YET: Final = frozenset({"WindowOpen", "GamesOpen", "WrongNumber"})
"""Refusals that time, or somebody else's confirmation, explains."""


class Settlement:
    """Confirms the batches that a follower knows, in order, each as soon as L1 lets it."""

    def __init__(self, contracts: Contracts, signer: Signer, follower: Follower) -> None:
        self._contracts = contracts
        self._signer = signer
        self._follower = follower

    def round(self) -> list[BatchNumber]:
        """Confirms what is due; the numbers of the batches that became final by it."""
        rollup = self._contracts.rollup
        headers = {header.number: header for header in self._follower.headers}
        number = BatchNumber(rollup.confirmed() + 1)
        made: list[BatchNumber] = []
        while number in headers:
            try:
                mined = rollup.confirm(self._signer, headers[number])
            except Reverted as refusal:
                if refusal.name in _NOT_YET:
                    break
                raise
            EVENTS.info("batch.confirmed", batch=number, transaction=mined.hash)
            made.append(number)
            number = BatchNumber(number + 1)
        return made
