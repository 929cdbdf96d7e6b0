"""Tokens in and out again by the ledger's own rules, and tokens that misbehave."""

from dataclasses import replace

import pytest

from contracts import build
from prover.commit.keccak import Hash
from rollup.l1.rewards import rules_words
from rollup.protocol.actions import Action, ActionKind
from rollup.protocol.entries import sign_receipt
from rollup.protocol.ledger.entries import placed
from rollup.protocol.ledger.header import Rules
from rollup.protocol.ledger.inbox import InboxEntry, InboxKind
from rollup.protocol.ledger.run import LedgerBatch, step
from rollup.protocol.ledger.store import State, account_at
from rollup.protocol.ledger.types import Amount
from rollup.protocol.types import AccountIndex, Nonce
from tests.contracts.evm import ZERO, Contract, compiled, reverts
from tests.contracts.ledger import CAPS
from tests.contracts.rewards.helpers import (
    claim,
    funded,
    ledger_of,
    proof_of,
    settle,
)
from tests.contracts.whole import EPOCH, GENESIS, RULES, UNIT, WINDOW, Whole

pytestmark = pytest.mark.usefixtures("toolchain")


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
    rollup, ledger = whole.ledger.rollup, whole.ledger
    found = whole.told_of(ledger.worker_address, ledger.sequencer, whole.chain.account("ann"))
    found.append(InboxEntry(InboxKind.DEPOSIT, whole.ledger.account, 500))
    assert rollup.inboxCount() == len(found)
    assert [rollup.inboxLeaf(place) for place in range(len(found))] == [one.leaf for one in found]
    return found


# ---- tokens of others

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
