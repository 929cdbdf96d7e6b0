"""What the tests of the rollup contract share: runs, a batch of one lie, and bent openings."""

from typing import Any

from prover.commit.keccak import Hash
from rollup.protocol.types import Address
from tests.contracts.ledger import Ledger, Posted, Run

LIE = Hash(b"\x66" * 32)
RUN = Run()
STEP = Run(steps=1)
DEFENDER = Address(b"\x0d" * 20)


def lie(ledger: Ledger, run: Run = RUN, **changed: Any) -> Posted:
    """A batch of one false receipt."""
    return ledger.post_works(run.work(ledger.account, **({"params_after": LIE} | changed)))


def bent(opened: tuple[Any, ...], place: int, value: Any) -> tuple[Any, ...]:
    """The tuple with one part replaced."""
    return (*opened[:place], value, *opened[place + 1 :])
