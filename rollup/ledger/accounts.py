"""One account of the ledger: what it has, and what shows that to L1."""

from dataclasses import dataclass

from prover.commit.keccak import Hash
from rollup.errors import Refused
from rollup.ledger.trial import Planned, plan, records_of
from rollup.protocol.ledger.fast import FastLedger
from rollup.protocol.ledger.header import Forest, Header
from rollup.protocol.ledger.store import account_at
from rollup.protocol.ledger.trees import known
from rollup.protocol.ledger.types import Account, Record
from rollup.protocol.types import AccountIndex


@dataclass(frozen=True, slots=True)
class Shown:
    """An account in a state, with its records and what can be done about them."""

    index: AccountIndex
    account: Account
    records: list[Record]
    planned: list[Planned]
    """What its owner could have settled and distributed now; see `plan`."""

    @property
    def live(self) -> list[int]:
        """Its live slots among those that count."""
        return [slot for slot in range(64) if self.account.live >> slot & 1]

    @property
    def jobs(self) -> dict[int, int]:
        """Records that can be settled now, by their number, and the job of each."""
        return {p.record.seq: p.action.other for p in self.planned if p.record is not None}


@dataclass(frozen=True, slots=True)
class AccountProof:
    """Shows an account to whoever knows the state."""

    index: AccountIndex
    account: Account
    header: Header
    path: tuple[Hash, ...]
    """Siblings from the account's leaf up, in the tree whose root the header holds."""


def show(state: FastLedger, index: AccountIndex) -> Shown:
    """An account of a state.

    Raises:
        Refused: when the state has no such account.
    """
    account = account_of(state, index)
    return Shown(index, account, records_of(state, index), plan(state, index))


def account_of(state: FastLedger, index: AccountIndex) -> Account:
    """An account of a state.

    Raises:
        Refused: when the state has no such account.
    """
    if not index or not known(state.header, Forest.ACCOUNTS, index):
        raise Refused(
            "unknown-account",
            f"the ledger has no account {index} yet: it comes with the batch that takes its"
            " registration from the inbox",
        )
    return account_at(state, index)


def prove(state: FastLedger, index: AccountIndex) -> AccountProof:
    """Shows an account of a state.

    Raises:
        Refused: when the state has no such account.
    """
    account = account_of(state, index)
    path = tuple(state.path(Forest.ACCOUNTS, index))  # also brings the header up to date
    return AccountProof(index, account, state.header, path)
