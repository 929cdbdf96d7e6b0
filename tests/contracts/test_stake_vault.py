"""The vault's own rules, with puppets for the host and the game."""

import pytest

from contracts import build
from prover.commit.keccak import keccak
from tests.contracts.bank import BOND, RECEIPT, UNBONDING, UNITS, Bank, deploy
from tests.contracts.evm import ZERO, compiled, reverts

pytestmark = pytest.mark.usefixtures("toolchain")


@pytest.fixture
def bank() -> Bank:
    return deploy()


@pytest.fixture
def owner(bank: Bank) -> str:
    return bank.evm.account("owner")


# -------------------------------------------------------------------------------------- deposits


def test_an_account_gets_one_index_and_numbers_its_slots(bank: Bank, owner: str) -> None:
    other = bank.evm.account("other")
    assert bank.stake(owner, 2) == (1, 0)
    assert bank.stake(other) == (2, 0)
    assert bank.stake(owner, 3) == (1, 2)
    assert bank.vault.accountOf(owner) == 1
    assert bank.vault.accountOf(bank.evm.account("nobody")) == 0
    assert (bank.vault.ownerOf(1), bank.vault.ownerOf(2)) == (owner, other)
    assert (bank.vault.ownerOf(0), bank.vault.ownerOf(3)) == (ZERO, ZERO)
    assert (bank.vault.slotsOf(1), bank.vault.slotsOf(2), bank.vault.accounts()) == (5, 1, 2)
    assert bank.vault.slotOf(1, 4) == (100, 0, 0, False, False, False)
    assert bank.vault.slotOf(1, 5) == (0, 0, 0, False, False, False)
    assert bank.books() == (6 * BOND, 0, 0)


def test_the_events_of_a_deposit(bank: Bank, owner: str) -> None:
    bank.stake(owner, 2)
    opened, registered, deposited, slots = bank.evm.events
    assert {registered.name, slots.name} == {"InboxAppended"}
    assert (opened.name, opened["account"], opened["owner"]) == ("AccountOpened", 1, owner)
    assert deposited.arguments == {"account": 1, "first": 0, "count": 2}


@pytest.mark.parametrize("value", [0, BOND, 2 * BOND - 1, 2 * BOND + 1, 3 * BOND])
def test_a_deposit_is_exactly_its_slots(bank: Bank, owner: str, value: int) -> None:
    with reverts("WrongValue", 2 * BOND):
        bank.vault.deposit(2, sender=owner, value=value)


def test_an_account_may_be_opened_without_a_slot(bank: Bank, owner: str) -> None:
    assert bank.vault.deposit(0, sender=owner) == (1, 0)
    assert bank.vault.deposit(0, sender=owner) == (1, 0)
    with reverts("WrongValue", 0):
        bank.vault.deposit(0, sender=owner, value=1)
    assert bank.stake(owner) == (1, 0)


def test_ether_comes_in_by_the_doors_only(bank: Bank, owner: str) -> None:
    with reverts("Unknown", b""):
        bank.evm.transact(bank.vault, b"", sender=owner, value=1)
    with reverts("NotHost"):
        bank.vault.fund(sender=owner, value=1)


# ---------------------------------------------------------------------------------- exit and live


def test_a_slot_backs_what_is_posted_between_its_deposit_and_its_exit(
    bank: Bank, owner: str
) -> None:
    bank.stake(owner)
    assert bank.live(0, 99, 100, 101, 2**64 - 1) == [False, False, True, True, True]
    bank.game.setTime(200)
    bank.vault.exit(0, sender=owner)
    assert bank.vault.slotOf(1, 0) == (100, 200, 0, False, False, False)
    assert bank.live(99, 100, 199, 200, 201) == [False, True, True, True, False]
    assert not bank.vault.isLive(1, 1, 150)
    assert not bank.vault.isLive(2, 0, 150)
    assert not bank.vault.isLive(0, 0, 0)


def test_a_slot_comes_back_after_unbonding(bank: Bank, owner: str) -> None:
    bank.stake(owner, 2)
    with reverts("NotExiting"):
        bank.vault.withdraw(0, sender=owner)
    bank.vault.exit(0, sender=owner)
    with reverts("AlreadyExiting"):
        bank.vault.exit(0, sender=owner)
    bank.game.setTime(100 + UNBONDING - 1)
    with reverts("StillUnbonding", 100 + UNBONDING):
        bank.vault.withdraw(0, sender=owner)
    bank.game.setTime(100 + UNBONDING)
    bank.vault.withdraw(0, sender=owner)
    assert bank.books() == (BOND, 0, BOND)
    assert bank.vault.creditOf(owner) == BOND
    assert not bank.vault.isLive(1, 0, 100)
    for call in (bank.vault.withdraw, bank.vault.exit):
        with reverts("SlotSpent"):
            call(0, sender=owner)
    before = bank.evm.balance(owner)
    assert bank.vault.collect(sender=owner) == BOND
    assert bank.evm.balance(owner) == before + BOND
    assert bank.stake(owner) == (1, 2)  # the number is not used again


def test_one_moves_only_ones_own_slots(bank: Bank, owner: str) -> None:
    bank.stake(owner)
    stranger = bank.evm.account("stranger")
    for call in (bank.vault.exit, bank.vault.withdraw):
        with reverts("UnknownSlot"):
            call(0, sender=stranger)
        with reverts("UnknownSlot"):
            call(1, sender=owner)


def test_a_held_slot_stays(bank: Bank, owner: str) -> None:
    bank.stake(owner)
    bank.by_host("hold", 1, 0)
    bank.by_host("hold", 1, 0)
    bank.vault.exit(0, sender=owner)
    bank.game.setTime(10**6)
    for _ in range(2):
        with reverts("SlotHeld"):
            bank.vault.withdraw(0, sender=owner)
        bank.by_host("release", 1, 0)
    with reverts("NotHeld"):
        bank.by_host("release", 1, 0)
    bank.vault.withdraw(0, sender=owner)
    assert bank.books() == (0, 0, BOND)


# -------------------------------------------------------------------------------------- slashing


def test_a_slot_is_slashed_once(bank: Bank, owner: str) -> None:
    bank.stake(owner, 2)
    bank.by_host("slash", 1, 0, RECEIPT)
    assert bank.evm.events[0]["amount"] == BOND
    assert bank.vault.isSlashed(1, 0)
    assert not bank.vault.isLive(1, 0, 100)
    assert bank.vault.isLive(1, 1, 100)
    assert bank.books() == (BOND, BOND, 0)
    other = keccak(b"another receipt of the slot")
    bank.by_host("slash", 1, 0, other)
    assert bank.evm.events[0]["amount"] == 0
    assert bank.books() == (BOND, BOND, 0)


def test_a_slashed_slot_does_not_come_back(bank: Bank, owner: str) -> None:
    bank.stake(owner, 2)
    bank.vault.exit(0, sender=owner)
    for slot in (0, 1):
        bank.by_host("slash", 1, slot, keccak(bytes([slot])))
    bank.game.setTime(10**6)
    with reverts("SlotSpent"):
        bank.vault.withdraw(0, sender=owner)
    with reverts("SlotSpent"):
        bank.vault.exit(1, sender=owner)
    assert bank.books() == (0, 2 * BOND, 0)


def test_slashing_what_was_withdrawn_takes_nothing(bank: Bank, owner: str) -> None:
    bank.stake(owner)
    bank.vault.exit(0, sender=owner)
    bank.game.setTime(10**6)
    bank.vault.withdraw(0, sender=owner)
    bank.by_host("slash", 1, 0, RECEIPT)
    assert not bank.vault.isSlashed(1, 0)
    assert bank.books() == (0, 0, BOND)


def test_a_host_names_slots_that_exist(bank: Bank) -> None:
    for call in (("hold", 1, 0), ("release", 1, 0), ("slash", 1, 0, RECEIPT)):
        with reverts("UnknownSlot"):
            bank.by_host(*call)


def test_only_hosts_and_the_game_have_their_powers(bank: Bank, owner: str) -> None:
    bank.stake(owner)
    for call in (("hold", 1, 0), ("release", 1, 0), ("slash", 1, 0, RECEIPT), ("fund",)):
        with reverts("NotHost"):
            bank.vault.send(*call, sender=owner)
        with reverts("NotHost"):
            bank.by_game(*call)
    for function, arguments in (("credit", (owner, 1)), ("burn", (1,))):
        with reverts("NotGame"):
            bank.vault.send(function, *arguments, sender=owner)
        with reverts("NotGame"):
            bank.by_host(function, *arguments)
    assert bank.vault.isHost(bank.host.address)
    assert not bank.vault.isHost(bank.game.address)


# ------------------------------------------------------------------------------ pots and credits


def test_the_game_gives_away_the_pots_and_no_more(bank: Bank, owner: str) -> None:
    bank.stake(owner)
    bank.by_host("fund", value=10)
    assert bank.books() == (BOND, 10, 0)
    with reverts("PotsTooSmall"):
        bank.by_game("credit", owner, 11)
    with reverts("PotsTooSmall"):
        bank.by_game("credit", owner, 2**128 + 1)
    bank.by_game("credit", owner, 6)
    bank.by_game("burn", 3)
    assert bank.books() == (BOND, 1, 9)
    with reverts("PotsTooSmall"):
        bank.by_game("burn", 2)
    assert (bank.vault.creditOf(owner), bank.vault.creditOf(ZERO)) == (6, 3)


def test_a_credit_is_collected_once(bank: Bank, owner: str) -> None:
    bank.pay(owner, 5)
    bank.pay(owner, 7)
    before = bank.evm.balance(owner)
    assert bank.vault.collect(sender=owner) == 12
    assert bank.evm.events[0].arguments == {"to": owner, "amount": 12}
    assert bank.evm.balance(owner) == before + 12
    with reverts("NothingToCollect"):
        bank.vault.collect(sender=owner)
    assert bank.books() == (0, 0, 0)


def test_anybody_may_send_a_credit_to_its_owner(bank: Bank, owner: str) -> None:
    bank.pay(owner, 5)
    before = bank.evm.balance(owner)
    bank.vault.collectFor(owner, sender=bank.evm.account("stranger"))
    assert bank.evm.balance(owner) == before + 5


def test_burnt_wei_goes_to_the_zero_address(bank: Bank, owner: str) -> None:
    bank.by_host("fund", value=5)
    bank.by_game("burn", 5)
    before = bank.evm.balance(ZERO)
    bank.vault.collectFor(ZERO, sender=owner)
    assert bank.evm.balance(ZERO) == before + 5
    assert bank.books() == (0, 0, 0)


THIEF = """pragma solidity ^0.8.28;
interface Vault { function collect() external returns (uint256); }
contract Thief {
    uint256 public entered;
    bool public failed;
    function steal(Vault vault) external { vault.collect(); }
    receive() external payable {
        ++entered;
        try Vault(msg.sender).collect() { entered += 100; } catch { failed = true; }
    }
}
contract Refuser { }
"""


def test_a_receiver_that_calls_back_gets_its_credit_once(bank: Bank, owner: str) -> None:
    thief = bank.evm.deploy(build.compile_sources({"test/Thief.sol": THIEF}, via_ir=False)["Thief"])
    bank.pay(thief.address, 5)
    bank.pay(owner, 100)
    thief.steal(bank.vault)
    assert (thief.entered(), thief.failed()) == (1, True)
    assert bank.evm.balance(thief) == 5
    assert bank.books() == (0, 0, 100)


def test_a_receiver_that_refuses_keeps_its_credit_and_holds_up_nobody(
    bank: Bank, owner: str
) -> None:
    refuser = bank.evm.deploy(
        build.compile_sources({"test/Thief.sol": THIEF}, via_ir=False)["Refuser"]
    )
    bank.pay(refuser.address, 5)
    bank.pay(owner, 7)
    with reverts("TransferFailed"):
        bank.vault.collectFor(refuser.address)
    assert bank.vault.creditOf(refuser.address) == 5
    assert bank.vault.collect(sender=owner) == 7
    assert bank.books() == (0, 0, 5)


def test_forced_ether_is_nobodys(bank: Bank, owner: str) -> None:
    bank.evm.revm.set_balance(bank.vault.address, 10)
    bank.by_host("fund", value=5)
    with reverts("PotsTooSmall"):
        bank.by_game("credit", owner, 6)
    assert bank.evm.balance(bank.vault) == 15


@pytest.mark.parametrize("bond", [0, 2**96])
def test_a_vault_without_sense_is_not_deployed(bank: Bank, bond: int) -> None:
    artifact = compiled(*UNITS)["StakeVault"]
    for parameters in (
        (bond, UNBONDING, bank.game, bank.inbox),
        (BOND, UNBONDING, ZERO, bank.inbox),
        (BOND, UNBONDING, bank.game, ZERO),
    ):
        with reverts("BadParameter"):
            bank.evm.deploy(artifact, *parameters, [bank.host])


def test_what_was_fixed_can_be_read(bank: Bank) -> None:
    assert (bank.vault.BOND(), bank.vault.UNBONDING()) == (BOND, UNBONDING)
    assert (bank.vault.GAME(), bank.vault.INBOX()) == (bank.game.address, bank.inbox.address)
