"""Assertions of the ledger's states as Python objects (see ``contracts``)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rollup.l1.accounts import Signer
from rollup.l1.bound import Bound, Place, address_in
from rollup.l1.chain import At, BlockNumber, Mined
from rollup.l1.openings import header_tuple
from rollup.protocol.assertions import Assertion, AssertionId
from rollup.protocol.header import Header
from rollup.protocol.types import (
    AccountIndex,
    Address,
    BatchNumber,
    Hash,
    Seconds,
    SlotIndex,
    Wei,
)

AssertionTuple = tuple[int, bytes, bytes, bytes, int, int, bytes]
"""The contract's struct ``Assertion``."""


@dataclass(frozen=True, slots=True)
class AssertionMade:
    """An assertion was made at protocol time ``time``."""

    assertion: Assertion
    time: Seconds
    place: Place


@dataclass(frozen=True, slots=True)
class AssertionChallenged:
    """A game was opened on an assertion."""

    id: AssertionId
    challenger: Address
    place: Place


class AssertionsContract(Bound):
    """What is asserted of the ledger, and what of it is confirmed."""

    artifact_name = "Assertions"

    def confirmed(self, block: At | None = None) -> tuple[BatchNumber, Hash]:
        """The newest confirmed state: its batch (0 for the genesis), and its root."""
        at = self.client.head().number if block is None else block
        number = BatchNumber(self.read("confirmedBatch", block=at))
        return number, Hash(self.read("confirmedRoot", block=at))

    def genesis(self) -> Hash:
        """The state before the first batch."""
        return Hash(self.read("GENESIS_ROOT"))

    def window(self) -> Seconds:
        """Seconds in which an assertion may be challenged."""
        return Seconds(self.read("WINDOW"))

    def time_of(self, assertion: AssertionId, block: At | None = None) -> Seconds | None:
        """Protocol time at which an assertion was made; None when nobody made it."""
        time, _, _ = self.read("assertionOf", assertion, block=block)
        return Seconds(time) if time else None

    def claim_of(
        self, assertion: Assertion, header: Header, block: At | None = None
    ) -> tuple[Any, ...]:
        """The claim of an assertion, as L1 derives it.

        Raises:
            Reverted: naming why no challenge could be opened on it.
        """
        shown = (assertion_tuple(assertion), header_tuple(header))
        claim: tuple[Any, ...] = self.read("claimOf", *shown, block=block)
        return claim

    def assert_state(self, signer: Signer, assertion: Assertion) -> Mined:
        """Asserts with a live slot of the signer's account."""
        return self.send(signer, "assertState", assertion_tuple(assertion))

    def challenge(
        self,
        signer: Signer,
        assertion: Assertion,
        header: Header,
        values: Sequence[Hash],
        bond: Wei,
    ) -> Mined:
        """Opens a game on an assertion about a batch of more than one step."""
        shown = (assertion_tuple(assertion), header_tuple(header))
        return self.send(signer, "challenge", *shown, list(values), value=bond)

    def challenge_step(
        self, signer: Signer, assertion: Assertion, header: Header, witness: bytes, bond: Wei
    ) -> Mined:
        """Proves an assertion about a batch of one step wrong."""
        shown = (assertion_tuple(assertion), header_tuple(header))
        return self.send(signer, "challengeStep", *shown, witness, value=bond)

    def confirm(self, signer: Signer, assertion: Assertion) -> Mined:
        """Makes an assertion's root the confirmed one."""
        return self.send(signer, "confirm", assertion_tuple(assertion))

    def made(self, first: BlockNumber, last: BlockNumber) -> list[AssertionMade]:
        """Assertions made in L1 blocks first..last."""
        return [
            AssertionMade(_assertion(values), Seconds(values["time"]), place)
            for values, place in self.events("Asserted", first, last)
        ]

    def challenges(self, first: BlockNumber, last: BlockNumber) -> list[AssertionChallenged]:
        """Games opened on assertions in L1 blocks first..last."""
        return [
            AssertionChallenged(_id(values), address_in(values["challenger"]), place)
            for values, place in self.events("AssertionChallenged", first, last)
        ]

    def rejections(self, first: BlockNumber, last: BlockNumber) -> list[AssertionId]:
        """Assertions that lost a game in L1 blocks first..last."""
        return [_id(values) for values, _ in self.events("AssertionRejected", first, last)]

    def confirmations(self, first: BlockNumber, last: BlockNumber) -> list[AssertionId]:
        """Assertions confirmed in L1 blocks first..last, in the order of their batches."""
        return [_id(values) for values, _ in self.events("AssertionConfirmed", first, last)]


def assertion_tuple(assertion: Assertion) -> AssertionTuple:
    """The contract's struct ``Assertion``."""
    return (
        assertion.batch,
        assertion.header,
        assertion.pre,
        assertion.root,
        assertion.account,
        assertion.slot,
        assertion.defender,
    )


def _assertion(values: dict[str, Any]) -> Assertion:
    return Assertion(
        BatchNumber(values["batch"]),
        Hash(values["header"]),
        Hash(values["pre"]),
        Hash(values["root"]),
        AccountIndex(values["account"]),
        SlotIndex(values["slot"]),
        address_in(values["defender"]),
    )


def _id(values: dict[str, Any]) -> AssertionId:
    return AssertionId(Hash(values["id"]))
