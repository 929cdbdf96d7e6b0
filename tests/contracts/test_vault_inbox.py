"""What the ledger's inbox hears from the vault, and what works without it."""

import pytest

from contracts import build
from rollup.protocol.ledger import inbox
from rollup.protocol.ledger.inbox import InboxEntry, InboxKind
from rollup.protocol.types import Address
from tests.contracts.arena import raw_address
from tests.contracts.bank import BOND, RECEIPT, Bank, deploy
from tests.contracts.evm import reverts

pytestmark = pytest.mark.usefixtures("toolchain")


@pytest.fixture
def bank() -> Bank:
    return deploy()


@pytest.fixture
def owner(bank: Bank) -> str:
    return bank.evm.account("owner")


def test_the_inbox_hears_of_accounts_slots_and_exits_as_they_happen(bank: Bank, owner: str) -> None:
    other = bank.evm.account("other")
    bank.stake(owner, 2)
    bank.stake(other, 0)
    bank.stake(other, 0)
    bank.stake(owner, 3)
    bank.vault.exit(4, sender=owner)
    assert bank.told == tuple(
        entry.leaf
        for entry in (
            inbox.register(1, Address(raw_address(owner))),
            InboxEntry(InboxKind.SLOTS, 1, 0, 2),
            inbox.register(2, Address(raw_address(other))),
            InboxEntry(InboxKind.SLOTS, 1, 2, 3),
            InboxEntry(InboxKind.EXIT, 1, 4),
        )
    )


def test_a_slash_is_told_once_by_whoever_reports_it(bank: Bank, owner: str) -> None:
    bank.stake(owner, 3)
    before = bank.told
    for slot in (2, 0):
        bank.by_host("slash", 1, slot, RECEIPT)
    assert (bank.told, bank.vault.unreported()) == (before, 2)
    stranger = bank.evm.account("stranger")
    for left, slot in ((1, 0), (0, 2)):
        bank.vault.report(1, slot, sender=stranger)
        reported, told = bank.evm.events
        assert (reported.name, reported["slot"]) == ("Reported", slot)
        assert (told["kind"], told["a"], told["b"]) == (InboxKind.SLASH, 1, slot)
        assert bank.vault.unreported() == left
        assert bank.vault.slotOf(1, slot)[3:] == (True, False, True)
        with reverts("NothingToReport"):
            bank.vault.report(1, slot, sender=stranger)
    slashes = tuple(InboxEntry(InboxKind.SLASH, 1, slot).leaf for slot in (0, 2))
    assert bank.told == before + slashes
    bank.by_host("slash", 1, 0, RECEIPT)  # once more: it moved nothing, there is nothing to tell
    assert bank.vault.unreported() == 0
    assert bank.books() == (BOND, 2 * BOND, 0)


def test_only_slashed_slots_are_reported(bank: Bank, owner: str) -> None:
    bank.stake(owner, 2)
    bank.vault.exit(1, sender=owner)
    bank.game.setTime(10**6)
    bank.vault.withdraw(1, sender=owner)
    bank.by_host("slash", 1, 1, RECEIPT)  # withdrawn: takes nothing
    for account, slot in ((1, 0), (1, 1), (1, 2), (2, 0), (0, 0)):
        with reverts("NothingToReport"):
            bank.vault.report(account, slot, sender=owner)
    assert bank.vault.unreported() == 0


DEAF = """pragma solidity ^0.8.28;
contract Deaf { fallback() external { revert(); } }
"""


def test_what_hosts_and_the_game_call_works_without_an_inbox(bank: Bank, owner: str) -> None:
    """Where the inbox fails, owners cannot come or go, but no game stands still for it."""
    deaf = bank.evm.deploy(build.compile_sources({"test/Deaf.sol": DEAF}, via_ir=False)["Deaf"])
    bank.stake(owner, 2)
    code = bank.evm.revm.get_code(deaf.address)
    bank.evm.revm.insert_account_info(
        bank.inbox.address, type(bank.evm.revm.basic(deaf.address))(code=code)
    )
    for call in (("hold", 1, 0), ("slash", 1, 0, RECEIPT), ("release", 1, 0)):
        bank.by_host(*call)
    bank.by_host("fund", value=5)
    bank.by_game("credit", owner, 5)
    bank.by_game("burn", BOND)
    assert bank.vault.unreported() == 1
    with reverts("Unknown", b""):
        bank.vault.report(1, 0, sender=owner)
    with reverts("Unknown", b""):
        bank.vault.exit(1, sender=owner)
    assert bank.vault.unreported() == 1
