"""Tokens in: deposits, pools and epochs, as the ledger is told of them."""

from dataclasses import replace
from typing import Any

import pytest

from rollup.l1.rewards import rules_words
from rollup.protocol.ledger.inbox import InboxEntry, InboxKind, close_epoch
from rollup.protocol.ledger.types import Bps, Units
from tests.contracts.evm import Evm, reverts
from tests.contracts.ledger import CAPS
from tests.contracts.rewards.helpers import (
    appended,
    index_of,
    only,
)
from tests.contracts.whole import EPOCH, RULES, UNIT, Whole, deploy

pytestmark = pytest.mark.usefixtures("toolchain")

ALL = 2**64 - 1


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


# ---- epochs


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
