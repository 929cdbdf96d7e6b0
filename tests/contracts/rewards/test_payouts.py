"""Tokens out: as confirmed states say, to whom they say, once."""

from dataclasses import replace

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from prover.commit.keccak import ZERO_HASH
from rollup.l1.rewards import account_proof
from rollup.protocol.ledger.header import Forest
from rollup.protocol.ledger.store import account_at
from rollup.protocol.ledger.types import Amount
from rollup.protocol.types import Address
from tests.contracts.arena import raw_address
from tests.contracts.evm import reverts
from tests.contracts.rewards.helpers import (
    claim,
    funded,
    ledger_of,
    only,
    proof_of,
    settle,
)
from tests.contracts.whole import GENESIS, UNIT, WINDOW, Whole, deploy

pytestmark = pytest.mark.usefixtures("toolchain")


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
