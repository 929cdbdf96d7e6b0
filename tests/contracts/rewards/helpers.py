"""What the tests of rewards share: people with tokens, made-up states, and claims by them."""

from rollup.l1.rewards import account_proof
from rollup.protocol.ledger.header import Forest
from rollup.protocol.ledger.inbox import InboxEntry
from rollup.protocol.ledger.store import State, account_at
from rollup.protocol.ledger.types import Account, Amount
from rollup.protocol.types import Address
from tests.contracts.arena import raw_address
from tests.contracts.evm import Event
from tests.contracts.whole import RULES, UNIT, Whole


def funded(whole: Whole, name: str, value: int = 2**64 * UNIT) -> str:
    owner = whole.chain.account(name)
    whole.stake(owner)
    whole.token.mint(owner, value)
    whole.token.approve(whole.rewards, 2**256 - 1, sender=owner)
    return owner


def index_of(whole: Whole, owner: str) -> int:
    return int(whole.arena.vault.accountOf(owner))


def appended(whole: Whole) -> InboxEntry:
    """What the last transaction told the inbox, which is what the inbox keeps."""
    (event,) = [event for event in whole.chain.events if event.name == "InboxAppended"]
    entry = InboxEntry(*(event[name] for name in ("kind", "a", "b", "c", "d", "x", "y", "z")))
    assert whole.ledger.rollup.inboxLeaf(event["index"]) == entry.leaf
    return entry


def only(whole: Whole, name: str) -> Event:
    (event,) = [event for event in whole.chain.events if event.name == name]
    return event


def ledger_of(*accounts: tuple[str, int]) -> State:
    """A state with these accounts, (address, payable) each, from index 1."""
    state = State(12, RULES)
    for address, payable in accounts:
        state.push(
            Forest.ACCOUNTS,
            Account(Address(raw_address(address)), payable=Amount(payable)).pack(),
        )
    return state


def settle(whole: Whole, state: State, *, adopt: bool = True) -> None:
    """Makes it the confirmed state, and what claims are made against."""
    whole.settled(state.hash)
    if adopt:
        whole.rewards.adopt(state.header.pack())


def proof_of(state: State, index: int) -> bytes:
    return account_proof(account_at(state, index), state.path(Forest.ACCOUNTS, index))


def claim(whole: Whole, state: State, index: int, sender: str | None = None) -> int:
    paid: int = whole.rewards.claim(
        index, proof_of(state, index), sender=sender or whole.ledger.challenger
    )
    return paid
