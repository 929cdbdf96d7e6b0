"""What is asserted of the ledger on L1: the state that a batch leads to (docs/ledger.md).

An assertion stands for itself. Confirmed states are a chain: an assertion is confirmed when it is
of the next batch and starts from the state that was confirmed before.
"""

import struct
from dataclasses import dataclass, field
from typing import Final, NewType

from bisection.machine import Claim, ClaimId
from prover.commit.keccak import Hash, tagged
from prover.commit.tags import Tag
from rollup.errors import ReceiptError
from rollup.protocol.eip712 import Domain
from rollup.protocol.header import Header
from rollup.protocol.ledger.run import Run
from rollup.protocol.types import AccountIndex, Address, BatchNumber, SlotIndex

AssertionId = NewType("AssertionId", Hash)
"""H(ASSERTION | 140 bytes); names the assertion's claim in the game, too."""

LEDGER_KIND: Final = 1
"""Number of the ledger machine in the game's list of kinds."""
_ASSERTION: Final = struct.Struct(">Q32s32s32sQQ20s")


@dataclass(frozen=True, slots=True)
class Assertion:
    """ "Batch `batch` takes the ledger from state `pre` to state `root`."

    Raises:
        ReceiptError: when a field is outside its type.
    """

    batch: BatchNumber
    """u64, from 1."""
    header: Hash
    """The batch's header hash."""
    pre: Hash
    root: Hash
    account: AccountIndex
    """Who asserts."""
    slot: SlotIndex
    """The bond behind it."""
    defender: Address
    """Who may move for it in a game."""
    id: AssertionId = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        hashes = (self.header, self.pre, self.root)
        if any(len(value) != 32 for value in hashes) or len(self.defender) != 20:
            raise ReceiptError("Assertion takes hashes of 32 bytes and an address of 20")
        try:
            packed = _ASSERTION.pack(self.batch, *hashes, self.account, self.slot, self.defender)
        except struct.error as error:
            raise ReceiptError(f"a field of Assertion is outside its range: {error}") from None
        object.__setattr__(self, "id", AssertionId(tagged(Tag.ASSERTION, packed)))


def run_of(header: Header, domain: Domain) -> Run:
    """What a batch runs: the program behind claims about it."""
    return Run(
        domain.separator, header.number, header.posted, header.taken, header.inbox_root,
        header.receipts, header.root,
    )  # fmt: skip


def ledger_claim(assertion: Assertion, header: Header, domain: Domain) -> Claim:
    """The claim that an assertion on the batch of `header` makes, as L1 derives it.

    Raises:
        ReceiptError: when the header is not that of the assertion.
    """
    if header.hash != assertion.header:
        raise ReceiptError(f"the header of batch {header.number} is not the assertion's")
    run = run_of(header, domain)
    return Claim(
        kind=LEDGER_KIND,
        id=ClaimId(assertion.id),
        program=run.hash,
        pre=assertion.pre,
        post=assertion.root,
        length=run.length,
        defender=assertion.defender,
    )
