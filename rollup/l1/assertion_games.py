"""Games on assertions about the ledger (`bisection.ports.GamePort`), hosted by `Assertions`."""

from collections.abc import Callable
from typing import Final

from bisection.machine import ClaimId
from prover.commit.keccak import Hash
from rollup.l1.accounts import Signer
from rollup.l1.chain import Mined
from rollup.l1.deploy import Contracts
from rollup.l1.errors import Reverted
from rollup.l1.game_port import Games
from rollup.protocol.assertions import LEDGER_KIND, Assertion
from rollup.protocol.header import Header

Shown = tuple[Assertion, Header]
"""What shows an assertion to L1: itself, and the header of its batch."""

# What L1 says of an assertion that counts for nothing.
_VOID: Final = frozenset({"SlotNotLive", "SlotSlashed", "UnknownAssertion", "UnknownBatch"})


class AssertionGames(Games):
    """Games on L1 about what a batch leads to.

    Args:
        shown: finds an assertion and its batch's header. It raises ``DataUnavailable`` when either
            cannot be had.
    """

    kind = LEDGER_KIND

    def __init__(
        self,
        contracts: Contracts,
        signer: Signer,
        shown: Callable[[ClaimId], Shown],
        *,
        depth: int = 64,
    ) -> None:
        super().__init__(contracts, signer, depth=depth)
        self._shown = shown

    def is_void(self, claim: ClaimId, *, disputed: bool) -> bool:
        """See ``Games.is_void``."""
        assertions = self._contracts.assertions
        if disputed:
            return bool(assertions.read("isVoid", claim))
        try:
            assertions.claim_of(*self._shown(claim))
        except Reverted as refusal:
            return refusal.name in _VOID
        return False

    def challenge(self, claim: ClaimId, values: tuple[Hash, ...]) -> Mined:
        """See ``Games.challenge``."""
        shown = self._shown(claim)
        return self._contracts.assertions.challenge(self._signer, *shown, values, self._bond)

    def challenge_step(self, claim: ClaimId, witness: bytes) -> Mined:
        """See ``Games.challenge_step``."""
        shown = self._shown(claim)
        return self._contracts.assertions.challenge_step(self._signer, *shown, witness, self._bond)
