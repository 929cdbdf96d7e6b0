"""Assertions, rewards, jobs and the token through their bindings, on the chains that we run."""

from dataclasses import replace

import pytest

from prover.commit import merkle
from prover.commit.keccak import ZERO_HASH, Hash, keccak
from prover.commit.tags import Tag
from prover.ops import Opcode
from prover.program import Program
from prover.row import Depths, Kind, Operand, Row, Segment, register_id
from rollup.l1.accounts import Signer
from rollup.l1.chain import BlockNumber
from rollup.l1.deploy import Contracts
from rollup.l1.devnet import Devnet
from rollup.l1.errors import Reverted
from rollup.l1.token import token_units
from rollup.protocol.assertions import Assertion, ledger_claim
from rollup.protocol.header import Header, genesis
from rollup.protocol.ledger.header import Forest
from rollup.protocol.ledger.inbox import InboxKind
from rollup.protocol.ledger.store import State, account_at
from rollup.protocol.ledger.types import Account, Amount, Bps
from rollup.protocol.presets import MINIMAL
from rollup.protocol.types import AccountIndex, SlotIndex, address_text
from tests.rollup.l1.conftest import CHALLENGER, DEPLOYER, SEQUENCER, WORKER

LIE = keccak(b"lie")
DEPTHS = Depths(2, 1, 0, 3)
X = register_id(Segment.PARAMS, 0)
PROGRAM = Program.of(
    [Row(Opcode.IADD, X, 1, (1, 1, 1, 1), 1, (Operand(Kind.REGISTER, X, 1),) * 2)], DEPTHS
)


def blocks(contracts: Contracts) -> tuple[BlockNumber, BlockNumber]:
    return contracts.deployment.block, contracts.client.head().number


def post(contracts: Contracts, signer: Signer) -> Header:
    """The first batch: what is in the inbox."""
    parent, count = genesis(contracts.deployment.domain), contracts.rollup.inbox_count()
    header, _ = contracts.rollup.post(signer, parent, [], 0, ZERO_HASH, ZERO_HASH, count)
    leaves = [contracts.rollup.inbox_leaf(index) for index in range(count)]
    assert header.inbox_root == merkle.root(leaves, Tag.ENTRY_NODE)
    return header


def truth(contracts: Contracts, header: Header, root: Hash, signer: Signer) -> Assertion:
    account = contracts.vault.account_of(signer.address)
    pre = contracts.assertions.genesis()
    return Assertion(header.number, header.hash, pre, root, account, SlotIndex(0), signer.address)


def test_an_assertion_is_made_disputed_and_confirmed(contracts: Contracts, clean: Devnet) -> None:
    assertions, signer = contracts.assertions, clean.accounts[SEQUENCER]
    header = post(contracts, signer)
    made = truth(contracts, header, LIE, signer)
    assert assertions.time_of(made.id) is None
    assertions.assert_state(signer, made)
    (event,) = assertions.made(*blocks(contracts))
    assert event.assertion == made
    assert event.time == assertions.time_of(made.id) == contracts.game.time()
    claim = ledger_claim(made, header, contracts.deployment.domain)
    theirs = assertions.claim_of(made, header)
    assert theirs[1:6] == (claim.id, claim.program, claim.pre, claim.post, claim.length)
    assert theirs[6] == address_text(signer.address).lower()

    challenger, bond = clean.accounts[CHALLENGER], contracts.game.challenge_bond()
    values = [keccak(bytes([step])) for step in range(min(claim.length, MINIMAL.k))]
    assertions.challenge(challenger, made, header, values, bond)
    (opened,) = assertions.challenges(*blocks(contracts))
    assert (opened.id, opened.challenger) == (made.id, challenger.address)
    with pytest.raises(Reverted, match="WrongLength"):
        assertions.challenge_step(clean.accounts[WORKER], made, header, b"", bond)
    clean.advance(MINIMAL.window + MINIMAL.clock)
    with pytest.raises(Reverted, match=r"Assertions\.confirm reverted: GamesOpen\(games=1\)"):
        assertions.confirm(challenger, made)
    contracts.game.timeout(challenger, claim.id, challenger.address)
    assert assertions.rejections(*blocks(contracts)) == [made.id]
    assert assertions.confirmations(*blocks(contracts)) == []
    assert assertions.confirmed() == (0, made.pre)


def test_tokens_go_in_and_out(contracts: Contracts, clean: Devnet) -> None:
    rewards, token = contracts.rewards, contracts.token
    payer, asserter = clean.accounts[WORKER], clean.accounts[SEQUENCER]
    token.mint(payer, payer.address, token_units(Amount(1_000)))
    token.approve(payer, rewards.address, token_units(Amount(700)))
    assert token.allowance(payer.address, rewards.address) == 700 * 10**9
    index = contracts.vault.account_of(asserter.address)
    rewards.deposit(payer, index, Amount(500))
    rewards.fund(payer, Amount(200))
    assert token.balance(payer.address) == token_units(Amount(300))
    assert (rewards.total(), rewards.pool(), rewards.epoch()) == (700, 200, 0)
    paid_in = contracts.rollup.inbox_entries(*blocks(contracts))[-1].entry
    assert (paid_in.kind, paid_in.a, paid_in.b) == (InboxKind.DEPOSIT, index, 500)

    governor = clean.accounts[DEPLOYER]
    with pytest.raises(Reverted, match="NotGovernor"):
        rewards.set_rules(payer, MINIMAL.ledger_rules)
    other = replace(MINIMAL.ledger_rules, burn_bps=Bps(1))
    rewards.set_rules(governor, other)
    assert rewards.rules() == other
    clean.advance(rewards.closes_at() - contracts.game.time())
    rewards.close_epoch(payer)
    assert (rewards.pool(), rewards.epoch()) == (0, 1)
    last = contracts.rollup.inbox_entries(*blocks(contracts))[-1].entry
    assert (last.a, last.b, last.rules) == (0, 200, other)

    state = State(MINIMAL.ring, MINIMAL.ledger_rules)
    for payable in (60, 0):
        account = Account(asserter.address, payable=Amount(payable))
        state.push(Forest.ACCOUNTS, account.pack())
    header = post(contracts, asserter)
    made = truth(contracts, header, state.hash, asserter)
    contracts.assertions.assert_state(asserter, made)
    clean.advance(contracts.assertions.window())
    contracts.assertions.confirm(payer, made)
    assert contracts.assertions.confirmations(*blocks(contracts)) == [made.id]
    assert contracts.assertions.confirmed() == (1, state.hash)

    first, path = AccountIndex(1), state.path(Forest.ACCOUNTS, 1)
    assert rewards.adopted() == ZERO_HASH
    rewards.adopt(payer, state.header)
    assert rewards.adopted() == state.header.roots[Forest.ACCOUNTS]
    rewards.claim(payer, first, account_at(state, 1), path)
    assert rewards.paid(first) == 60
    assert token.balance(asserter.address) == token_units(Amount(60))
    with pytest.raises(Reverted, match=r"Rewards\.adoptAndClaim reverted: NothingToClaim"):
        rewards.adopt_and_claim(payer, state.header, first, account_at(state, 1), path)


def test_a_job_is_opened(contracts: Contracts, clean: Devnet) -> None:
    governor, jobs = clean.accounts[DEPLOYER], contracts.jobs
    contracts.programs.register(governor, PROGRAM.packed, DEPTHS)
    with pytest.raises(Reverted, match="NotGovernor"):
        jobs.open(clean.accounts[WORKER], PROGRAM.id, 0, LIE, LIE)
    job, _ = jobs.open(governor, PROGRAM.id, 3, LIE, ZERO_HASH)
    (opened,) = jobs.opened(*blocks(contracts))
    assert (opened.job, opened.program, opened.first_step) == (job, PROGRAM.id, 3)
    assert (opened.inputs, opened.params, opened.work) == (LIE, ZERO_HASH, PROGRAM.work)
    known = contracts.programs.info(PROGRAM.id)
    assert known is not None
    assert opened.registered == known.registered
    assert jobs.count() == job + 1
