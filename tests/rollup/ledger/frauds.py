"""What a lying asserter may do at a place of a batch, and its consistent story from there on."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from bisection.machine import Claim
from rollup.protocol.actions import Action
from rollup.protocol.ledger.effects import receipt_step
from rollup.protocol.ledger.header import Forest
from rollup.protocol.ledger.machine import LedgerTrace
from rollup.protocol.ledger.run import LedgerBatch
from rollup.protocol.ledger.store import State
from rollup.protocol.ledger.types import Account, Amount, Score

Spoil = Callable[[State, LedgerBatch, int], None]


@dataclass(frozen=True)
class Fraud:
    """After a step that plays `role` in its batch, or instead of it, the asserter does another."""

    name: str
    role: str
    spoil: Spoil
    instead: bool = False


def changed(state: State, index: int, **fields: int) -> None:
    """Adds to fields of an account."""
    account = Account.unpack(state.read(Forest.ACCOUNTS, index))
    more = {one: getattr(account, one) + by for one, by in fields.items()}
    state.write(Forest.ACCOUNTS, index, replace(account, **more).pack())


def again(state: State, batch: LedgerBatch, position: int) -> None:
    """Applies a receipt's effect, whatever its nonce and signature."""
    receipt = batch.entries[position - batch.run.inbox].receipt
    account = Account.unpack(state.read(Forest.ACCOUNTS, receipt.account))
    fitting = replace(receipt, nonce=account.nonce)
    receipt_step(state, batch.run.batch, batch.run.posted, fitting, account.address)


def wrong_sum(state: State, batch: LedgerBatch, position: int) -> None:
    state.header = replace(state.header, funds=Amount(state.header.funds + 1))


def wrong_factor(state: State, batch: LedgerBatch, position: int) -> None:
    """A quarter more credit than the rule gives, in the account and in the epoch's sum."""
    receipt = batch.entries[position - batch.run.inbox].receipt
    changed(state, receipt.account, score=250)
    state.header = replace(state.header, score=Score(state.header.score + 250))


def wrong_account(state: State, batch: LedgerBatch, position: int) -> None:
    """What was paid goes to the account after the one that it was for."""
    paid = batch.entries[position - batch.run.inbox].receipt
    assert isinstance(paid, Action)
    changed(state, paid.target, balance=-paid.amount)
    changed(state, paid.target + 1, balance=paid.amount)


def nothing(state: State, batch: LedgerBatch, position: int) -> None:
    return None


PAY, CLAIM, SETTLE, FORGED, USED = "pay", "claim", "settle", "forged", "used"
INBOX, FORCED = "inbox", "forced"
FRAUDS = (
    Fraud("wrong sum", PAY, wrong_sum),
    Fraud("wrong factor", SETTLE, wrong_factor),
    Fraud("double-counted receipt", PAY, again),
    Fraud("double-counted claim", CLAIM, again),
    Fraud("reused nonce", USED, again, instead=True),
    Fraud("credited bad signature", FORGED, again, instead=True),
    Fraud("wrong account touched", PAY, wrong_account),
    Fraud("skipped receipt", PAY, nothing, instead=True),
    Fraud("skipped inbox entry", INBOX, nothing, instead=True),
    Fraud("skipped forced receipt", FORCED, nothing, instead=True),
)


class FalseTrace(LedgerTrace):
    """The run as the asserter of a fraud tells it."""

    def __init__(self, fraud: Fraud, batch: LedgerBatch, pre: State, position: int) -> None:
        super().__init__(batch, pre)
        self.fraud = fraud
        self.batch = batch
        self.position = position

    def advance(self, state: State, position: int) -> None:
        here = position == self.position
        if not (here and self.fraud.instead):
            super().advance(state, position)
        if here:
            self.fraud.spoil(state, self.batch, position)

    def __call__(self, claim: Claim) -> "FalseTrace":
        """A `TraceFactory` of one who believes in it, whatever the claim."""
        return self
