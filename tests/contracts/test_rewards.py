"""Rewards: tokens in, told to the ledger; tokens out, as confirmed states say and no more."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from contracts import build
from prover.commit.keccak import ZERO_HASH, Hash
from rollup.l1.rewards import account_proof, rules_words
from rollup.protocol.entries import sign_receipt
from rollup.protocol.ledger.actions import Action, ActionKind
from rollup.protocol.ledger.entries import placed
from rollup.protocol.ledger.header import Forest, Rules
from rollup.protocol.ledger.inbox import InboxEntry, InboxKind, close_epoch
from rollup.protocol.ledger.run import LedgerBatch, step
from rollup.protocol.ledger.store import State, account_at
from rollup.protocol.ledger.types import Account, Amount, Bps, Units
from rollup.protocol.types import AccountIndex, Address, Nonce
from tests.contracts.arena import raw_address
from tests.contracts.evm import ZERO, Contract, Event, Evm, compiled, reverts
from tests.contracts.ledger import CAPS
from tests.contracts.whole import EPOCH, GENESIS, RULES, UNIT, WINDOW, Whole, deploy

pytestmark = pytest.mark.usefixtures("toolchain")

ALL = 2**64 - 1
RICH = 10**6 * 10**18


@pytest.fixture
def whole() -> Whole:
    return deploy()


@pytest.fixture
def ann(whole: Whole) -> str:
    """Account 3, with tokens that the rewards may take."""
    return funded(whole, "ann")


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


# ------------------------------------------------------------------------------------ deposits


def test_a_deposit_is_taken_and_told(whole: Whole, ann: str) -> None:
    index, before = index_of(whole, ann), whole.token.balanceOf(ann)
    whole.rewards.deposit(index, 1_234, sender=ann)
    assert appended(whole) == InboxEntry(InboxKind.DEPOSIT, index, 1_234)
    event = only(whole, "TokensDeposited")
    assert event.arguments == {"account": index, "from": ann, "amount": 1_234}
    assert whole.token.balanceOf(whole.rewards.address) == 1_234 * UNIT
    assert whole.token.balanceOf(ann) == before - 1_234 * UNIT
    whole.rewards.deposit(1, 6, sender=ann)  # for somebody else
    assert appended(whole).a == 1
    assert whole.rewards.total() == 1_240


def test_only_known_accounts_are_paid_in_for(whole: Whole, ann: str) -> None:
    for index in (0, index_of(whole, ann) + 1, 2**24, ALL):
        with reverts("UnknownAccount"):
            whole.rewards.deposit(index, 1, sender=ann)


def test_a_payment_is_of_something_that_one_has(whole: Whole, ann: str) -> None:
    index = index_of(whole, ann)
    for name, *first in (("deposit", index), ("fund",)):
        with reverts("NothingToMove"):
            whole.rewards.send(str(name), *first, 0, sender=ann)
        whole.token.approve(whole.rewards, 5 * UNIT - 1, sender=ann)
        with reverts("ERC20InsufficientAllowance"):
            whole.rewards.send(str(name), *first, 5, sender=ann)
        whole.token.approve(whole.rewards, 2**256 - 1, sender=ann)
    poor = whole.chain.account("poor")
    whole.token.approve(whole.rewards, 2**256 - 1, sender=poor)
    with reverts("ERC20InsufficientBalance"):
        whole.rewards.deposit(index, 1, sender=poor)
    assert whole.rewards.total() == 0


def test_all_that_comes_in_fits_the_ledgers_numbers(whole: Whole, ann: str) -> None:
    index = index_of(whole, ann)
    whole.rewards.deposit(index, ALL - 10, sender=ann)
    with reverts("TooMuch"):
        whole.rewards.fund(11, sender=ann)
    with reverts("TooMuch"):
        whole.rewards.deposit(index, ALL, sender=ann)
    whole.rewards.fund(10, sender=ann)
    with reverts("TooMuch"):
        whole.rewards.fund(1, sender=ann)
    with reverts("TooMuch"):
        whole.rewards.deposit(index, 1, sender=ann)
    assert (whole.rewards.total(), whole.rewards.pool()) == (ALL, 10)


# -------------------------------------------------------------------------------------- epochs


def test_an_epoch_closes_with_its_pool_when_it_is_over(whole: Whole, ann: str) -> None:
    start = whole.rewards.closesAt()
    whole.rewards.fund(70, sender=ann)
    assert only(whole, "PoolFunded").arguments == {"epoch": 0, "from": ann, "amount": 70}
    assert [e.name for e in whole.chain.events if e.name == "InboxAppended"] == []
    whole.rewards.fund(7, sender=ann)
    whole.chain.warp(start - whole.arena.game.protocolTime() - 1)
    with reverts("EpochOpen", start):
        whole.rewards.closeEpoch()
    whole.chain.warp(1)
    whole.rewards.closeEpoch()
    assert appended(whole) == close_epoch(0, 77, RULES)
    event = only(whole, "EpochClosed")
    assert event.arguments == dict(zip("xy", rules_words(RULES), strict=True)) | {
        "epoch": 0, "pool": 77,
    }  # fmt: skip
    assert (whole.rewards.epoch(), whole.rewards.pool(), whole.rewards.total()) == (1, 0, 77)
    with reverts("EpochOpen", start + EPOCH):
        whole.rewards.closeEpoch()
    whole.chain.warp(EPOCH + 50)
    whole.rewards.closeEpoch()
    assert appended(whole) == close_epoch(1, 0, RULES)
    assert whole.rewards.closesAt() == start + EPOCH + 50 + EPOCH


def test_epochs_are_of_protocol_time(whole: Whole) -> None:
    guardian = whole.chain.account("guardian")
    whole.arena.game.pause(sender=guardian)
    whole.chain.warp(500)
    whole.arena.game.unpause(sender=guardian)
    left = whole.rewards.closesAt() - whole.arena.game.protocolTime()
    whole.chain.warp(left - 1)
    with reverts("EpochOpen"):
        whole.rewards.closeEpoch()
    whole.chain.warp(1)
    whole.rewards.closeEpoch()


def test_the_governor_sets_the_rules_of_what_comes(whole: Whole, ann: str) -> None:
    other = replace(RULES, usage_bps=Bps(3_000), max_steps=1)
    with reverts("NotGovernor"):
        whole.rewards.setRules(*rules_words(other), sender=ann)
    whole.rewards.setRules(*rules_words(other), sender=whole.governor)
    x, y = rules_words(other)
    assert only(whole, "RulesSet").arguments == {"x": x, "y": y}
    assert whole.rewards.rules() == (x, y)
    whole.chain.warp(EPOCH)
    whole.rewards.closeEpoch()
    assert appended(whole).rules == other


@pytest.mark.parametrize(
    "bent",
    [{"max_steps": CAPS[3] + 1}, {"max_work": CAPS[0] + 1}, {"max_work": 2**64 - 1}],
    ids=str,
)
def test_no_rules_let_settle_what_cannot_be_challenged(whole: Whole, bent: dict[str, Any]) -> None:
    with reverts("RulesOverCap"):
        words = rules_words(replace(RULES, **bent))
        whole.rewards.setRules(*words, sender=whole.governor)


def test_what_the_machine_cuts_need_not_be_below_the_caps() -> None:
    """Work above 2^44 settles under no rules."""
    whole = deploy(caps=(2**50, *CAPS[1:]))
    words = rules_words(replace(RULES, max_work=Units(2**64 - 1)))
    whole.rewards.setRules(*words, sender=whole.governor)


def test_no_more_epochs_are_closed_than_the_ledger_counts(whole: Whole, ann: str) -> None:
    chain = whole.chain
    assert isinstance(chain, Evm)
    books = chain.revm.storage(whole.rewards.address, 0)
    chain.revm.insert_account_storage(whole.rewards.address, 0, books + ((2**16 - 1) << 128))
    whole.chain.warp(EPOCH)
    whole.rewards.closeEpoch()
    assert whole.rewards.epoch() == 2**16
    whole.chain.warp(EPOCH)
    with reverts("EpochsSpent"):
        whole.rewards.closeEpoch()
    with reverts("EpochsSpent"):
        whole.rewards.fund(1, sender=ann)


# ------------------------------------------------------------------------------------- payouts


def test_a_claim_pays_the_accounts_own_address(whole: Whole, ann: str) -> None:
    whole.rewards.deposit(1, 1_000, sender=ann)
    bob = "0x" + "b0" * 20
    state = ledger_of((ann, 100), (bob, 250), (ann, 0))
    settle(whole, state)
    root = state.header.roots[Forest.ACCOUNTS]
    assert whole.rewards.accountsRoot() == root
    assert only(whole, "Adopted").arguments == {
        "batch": 1, "state": state.hash, "accountsRoot": root,
    }  # fmt: skip
    assert claim(whole, state, 2, sender=ann) == 250  # relayed
    event = only(whole, "Transfer")
    assert event.arguments == {"from": whole.rewards.address, "to": bob, "value": 250 * UNIT}
    assert whole.token.balanceOf(bob) == 250 * UNIT
    assert (whole.rewards.paid(1), whole.rewards.paid(2)) == (0, 250)
    with reverts("NothingToClaim"):
        claim(whole, state, 2)
    with reverts("NothingToClaim"):
        claim(whole, state, 3)
    assert whole.token.balanceOf(whole.rewards.address) == 750 * UNIT


def test_what_was_missed_is_not_lost_and_nothing_is_paid_twice(whole: Whole, ann: str) -> None:
    whole.rewards.deposit(1, 1_000, sender=ann)
    bob = "0x" + "b0" * 20
    states = [ledger_of((bob, payable)) for payable in (100, 250, 250, 251)]
    settle(whole, states[0])
    assert claim(whole, states[0], 1) == 100
    settle(whole, states[1])  # missed
    settle(whole, states[2])
    with reverts("WrongProof"):
        claim(whole, states[0], 1)
    assert claim(whole, states[2], 1) == 150
    settle(whole, states[3])
    assert claim(whole, states[3], 1) == 1
    settle(whole, states[0])  # no state of the machine's; even then nobody is paid again
    with reverts("NothingToClaim"):
        claim(whole, states[0], 1)
    assert whole.token.balanceOf(bob) == 251 * UNIT


def test_a_later_state_need_not_be_adopted(whole: Whole, ann: str) -> None:
    whole.rewards.deposit(1, 1_000, sender=ann)
    older, newer = ledger_of((ann, 100)), ledger_of((ann, 200))
    settle(whole, older)
    settle(whole, newer, adopt=False)
    assert claim(whole, older, 1) == 100
    header, proof = newer.header.pack(), proof_of(newer, 1)
    assert whole.rewards.adoptAndClaim(header, 1, proof, sender=ann) == 100
    with reverts("WrongProof"):
        claim(whole, older, 1)


def test_only_the_confirmed_state_is_adopted(whole: Whole, ann: str) -> None:
    state, next_state = ledger_of((ann, 100)), ledger_of((ann, 200))
    header = state.header.pack()
    for early in (header, next_state.header.pack(), b""):
        with reverts("WrongState", GENESIS):
            whole.rewards.adopt(early)
    settle(whole, state, adopt=False)
    bent = [header[:-1], header + b"\0", header[:-1] + b"\x01", b"\x0d" + header[1:]]
    for bad in (*bent, next_state.header.pack()):
        with reverts("WrongState", state.hash):
            whole.rewards.adopt(bad)
    whole.rewards.adopt(header)
    settle(whole, next_state)
    with reverts("WrongState", next_state.hash):
        whole.rewards.adopt(header)


def test_a_dropped_state_pays_nobody(whole: Whole, ann: str) -> None:
    """A false root that is disputed is never confirmed, and what is not confirmed pays nothing."""
    whole.rewards.deposit(1, 1_000, sender=ann)
    thief = whole.chain.account("thief")
    whole.stake(thief)
    batch = whole.batch()
    loot = ledger_of((thief, 1_000))
    false = whole.assert_state(batch, GENESIS, thief, root=loot.hash)
    game = whole.duel(false, "eve")
    game.open()
    whole.chain.warp(WINDOW)
    with reverts("WrongState"):
        whole.rewards.adopt(loot.header.pack())
    game.play()
    with reverts("SlotSlashed"):
        whole.confirm(false)
    with reverts("WrongState"):
        whole.rewards.adoptAndClaim(loot.header.pack(), 1, proof_of(loot, 1))


def test_a_proof_is_of_one_account_alone(whole: Whole, ann: str) -> None:
    whole.rewards.deposit(1, 1_000, sender=ann)
    owners = [f"0x{number:040x}" for number in range(1, 6)]
    state = ledger_of(*((owner, 10 + place) for place, owner in enumerate(owners)))
    before = account_proof(account_at(state, 2), state.path(Forest.ACCOUNTS, 2))
    with reverts("WrongProof"):
        whole.rewards.claim(2, before)  # nothing is adopted yet
    settle(whole, state)
    account, path = account_at(state, 2), state.path(Forest.ACCOUNTS, 2)
    assert len(path) == 3
    richer = replace(account, payable=Amount(999))
    thief = replace(account, address=Address(raw_address(ann)))
    wrong = [
        (2, account_proof(richer, path)),
        (2, account_proof(thief, path)),
        (3, account_proof(account, path)),
        (2 + 8, account_proof(account, path)),  # the same path from another index
        (2 + 2**63, account_proof(account, path)),
        (2, account_proof(account, path[::-1])),
        (2, account_proof(account, path[:-1])),
        (2, account_proof(account, [*path, ZERO_HASH])),
        (2, account_proof(account, [*path, *[ZERO_HASH] * 22])),
        (2, account_proof(account, path) + b"\0"),
        (2, account_proof(account, path)[:-1]),
        (2, account.pack()[:-1]),
        (2, account.pack()),
        (2, b""),
        (0, account_proof(account, state.path(Forest.ACCOUNTS, 0))),
        (0, bytes(32) + b"".join(state.path(Forest.ACCOUNTS, 0))),
    ]
    for index, proof in wrong:
        with reverts("WrongProof"):
            whole.rewards.claim(index, proof)
    assert claim(whole, state, 2) == 11


def test_the_first_account_alone(whole: Whole, ann: str) -> None:
    """Two places: one sibling, which is nobody's absent leaf."""
    whole.rewards.deposit(1, 5, sender=ann)
    state = ledger_of((ann, 5))
    settle(whole, state)
    assert state.path(Forest.ACCOUNTS, 1) == [ZERO_HASH]
    assert claim(whole, state, 1) == 5


@settings(max_examples=20, deadline=None)
@given(data=st.data())
def test_what_is_paid_is_what_is_payable(data: st.DataObject) -> None:
    """However states follow and whoever claims when: an account was sent the most it was given."""
    whole = deploy()
    ann = funded(whole, "ann")
    whole.rewards.deposit(1, 10**6, sender=ann)
    owners = [f"0x{number:040x}" for number in range(1, data.draw(st.integers(1, 5)) + 1)]
    payable = [0] * len(owners)
    paid = [0] * len(owners)
    for _ in range(data.draw(st.integers(1, 6))):
        payable = [value + data.draw(st.integers(0, 1_000)) for value in payable]
        state = ledger_of(*zip(owners, payable, strict=True))
        settle(whole, state)
        for place in data.draw(st.lists(st.integers(0, len(owners) - 1), max_size=6)):
            if payable[place] > paid[place]:
                assert claim(whole, state, place + 1) == payable[place] - paid[place]
                paid[place] = payable[place]
            else:
                with reverts("NothingToClaim"):
                    claim(whole, state, place + 1)
        for place, owner in enumerate(owners):
            assert whole.token.balanceOf(owner) == paid[place] * UNIT
            assert whole.rewards.paid(place + 1) == paid[place]
        assert whole.token.balanceOf(whole.rewards.address) == (10**6 - sum(paid)) * UNIT


def test_what_was_deposited_comes_back_out(whole: Whole, ann: str) -> None:
    """L1's own inbox entries, the machine's steps, L1's payout."""
    ledger, index = whole.ledger, whole.ledger.account
    whole.rewards.deposit(index, 500, sender=ann)
    whole.catch_up()
    action = Action(ActionKind.WITHDRAW, AccountIndex(index), Nonce(0), amount=Amount(120))
    ledger.post([sign_receipt(action, ledger.domain, ledger.worker.key)])
    state, start = State(12, RULES), 0
    entries = inbox_of(whole)
    for posted in ledger.posted:
        header = posted.header
        entered = entries[start : header.inbox]
        start = header.inbox
        run = LedgerBatch.of(
            ledger.domain.separator, header.number, header.posted, entered,
            [one for entry in posted.batch.entries for one in placed(entry)],
        )  # fmt: skip
        assert run.run.inbox_root == header.inbox_root
        assert run.run.receipts_root == header.root
        for position in range(run.run.length):
            step(state, run, position)
    held = account_at(state, index)
    assert (held.balance, held.payable) == (380, 120)
    # In between, all other states are taken as given.
    owner, pre = ann, GENESIS
    for posted in ledger.posted:
        last = posted is ledger.posted[-1]
        root = state.hash if last else Hash(bytes([posted.header.number]) * 32)
        made = whole.assert_state(posted, pre, owner, root=root)
        whole.chain.warp(WINDOW)
        whole.confirm(made)
        pre = root
    whole.rewards.adopt(state.header.pack())
    assert claim(whole, state, index) == 120
    assert whole.token.balanceOf(ledger.worker_address) == 120 * UNIT


def inbox_of(whole: Whole) -> list[InboxEntry]:
    """What L1 told the ledger, rebuilt and checked leaf by leaf."""
    rollup, vault = whole.ledger.rollup, whole.arena.vault
    found: list[InboxEntry] = []
    for owner in (whole.ledger.worker_address, whole.ledger.sequencer, whole.chain.account("ann")):
        index = vault.accountOf(owner)
        address = Hash(bytes(12) + raw_address(owner))
        found.append(InboxEntry(InboxKind.REGISTER, index, x=address))
        found.append(InboxEntry(InboxKind.SLOTS, index, 0, vault.slotsOf(index)))
    found.append(InboxEntry(InboxKind.DEPOSIT, whole.ledger.account, 500))
    assert rollup.inboxCount() == len(found)
    assert [rollup.inboxLeaf(place) for place in range(len(found))] == [one.leaf for one in found]
    return found


# ---------------------------------------------------------------------------- tokens of others

TOKENS = """pragma solidity ^0.8.28;
import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
interface IRewards {
    function claim(uint64 account, bytes calldata proof) external returns (uint256);
}
contract Taxed is ERC20("t", "t") {
    function mint(address to, uint256 value) external { _mint(to, value); }
    function _update(address from, address to, uint256 value) internal override {
        super._update(from, to, from == address(0) ? value : value - 1);
    }
}
contract Silent is ERC20("s", "s") {
    function mint(address to, uint256 value) external { _mint(to, value); }
    function transferFrom(address, address, uint256) public pure override returns (bool) {
        return false;
    }
}
contract Coarse is ERC20("c", "c") {
    function decimals() public pure override returns (uint8) { return 6; }
}
contract Greedy is ERC20("g", "g") {
    bytes proof;
    uint256 public failed;
    function mint(address to, uint256 value) external { _mint(to, value); }
    function arm(bytes calldata p) external { proof = p; }
    function _update(address from, address to, uint256 value) internal override {
        super._update(from, to, value);
        if (proof.length != 0) {
            try IRewards(from).claim(1, proof) {} catch { ++failed; }
        }
    }
}
"""


def token(whole: Whole, name: str) -> Contract:
    made = build.compile_sources({"test/Tokens.sol": TOKENS}, via_ir=False)
    return whole.chain.deploy(made[name])


def paying(whole: Whole, token: Contract) -> Whole:
    """The same deployment with rewards in another token, which the inbox does not know."""
    artifact = compiled("src/Rewards.sol")["Rewards"]
    fixed = (token, whole.assertions, whole.governor, EPOCH, *rules_words(RULES))
    rewards = whole.chain.deploy(artifact, fixed)
    return replace(whole, rewards=rewards, token=token)


@pytest.mark.parametrize(
    ("name", "error"), [("Taxed", "ShortTransfer"), ("Silent", "SafeERC20FailedOperation")]
)
def test_a_token_that_moves_less_is_refused(whole: Whole, name: str, error: str) -> None:
    other = paying(whole, token(whole, name))
    owner = funded(other, "ann")
    with reverts(error):
        other.rewards.fund(5, sender=owner)
    assert other.rewards.pool() == 0


def test_a_token_that_calls_back_pays_once(whole: Whole) -> None:
    other = paying(whole, token(whole, "Greedy"))
    owner = funded(other, "ann")
    other.rewards.fund(1_000, sender=owner)
    state = ledger_of((owner, 40))
    settle(other, state)
    before = other.token.balanceOf(owner)
    other.token.arm(proof_of(state, 1))
    assert claim(other, state, 1) == 40
    assert other.token.failed() == 1
    assert other.token.balanceOf(owner) == before + 40 * UNIT


def test_a_deployment_without_sense_is_refused(whole: Whole) -> None:
    artifact = compiled("src/Rewards.sol")["Rewards"]
    words = rules_words(RULES)
    good = (whole.token, whole.assertions, whole.governor, EPOCH, *words)
    whole.chain.deploy(artifact, good)
    for place, bad in ((0, token(whole, "Coarse")), (1, ZERO), (2, ZERO), (3, 0)):
        with reverts("BadParameter"):
            whole.chain.deploy(artifact, (*good[:place], bad, *good[place + 1 :]))
    over = rules_words(replace(RULES, max_steps=CAPS[3] + 1))
    with reverts("RulesOverCap"):
        whole.chain.deploy(artifact, (*good[:4], *over))


def test_what_was_fixed_can_be_read(whole: Whole) -> None:
    read = whole.rewards
    assert (read.TOKEN(), read.ASSERTIONS()) == (whole.token.address, whole.assertions.address)
    assert (read.GOVERNOR(), read.EPOCH(), read.UNIT()) == (whole.governor, EPOCH, UNIT)
    places = (whole.ledger.rollup.address, whole.arena.vault.address, whole.arena.game.address)
    assert (read.ROLLUP(), read.VAULT(), read.GAME()) == places
    assert Rules.unpack(b"".join(read.rules())) == RULES
