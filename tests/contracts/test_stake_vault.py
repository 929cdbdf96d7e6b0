"""The vault's own rules, with puppets for the host and the game."""

from dataclasses import dataclass
from typing import Any

import pytest

from contracts import build
from prover.commit.keccak import Hash, keccak
from rollup.protocol.ledger import inbox
from rollup.protocol.ledger.inbox import InboxEntry, InboxKind
from rollup.protocol.types import Address
from tests.contracts.arena import raw_address
from tests.contracts.evm import ETHER, ZERO, Contract, Evm, compiled, reverts

pytestmark = pytest.mark.usefixtures("toolchain")

BOND = 3 * ETHER
UNBONDING = 1000
RECEIPT = keccak(b"receipt")
UNITS = ("src/StakeVault.sol", "test/Puppet.sol", "test/InboxSink.sol")


@dataclass(frozen=True, slots=True)
class Bank:
    """A vault and who it listens to."""

    evm: Evm
    vault: Contract
    host: Contract
    game: Contract
    inbox: Contract

    @property
    def told(self) -> tuple[Hash, ...]:
        """Leaves of what the vault appended."""
        return tuple(Hash(self.inbox.inboxLeaf(n)) for n in range(self.inbox.inboxCount()))

    def by_host(self, function: str, *arguments: Any, value: int = 0) -> None:
        data = self.vault.calldata(function, *arguments)
        self.host.act(self.vault, data, sender=self.evm.account("puppeteer"), value=value)

    def by_game(self, function: str, *arguments: Any) -> None:
        self.game.act(self.vault, self.vault.calldata(function, *arguments))

    def stake(self, owner: str, slots: int = 1) -> tuple[int, int]:
        return tuple(self.vault.deposit(slots, sender=owner, value=slots * BOND))

    def pay(self, owner: str, amount: int) -> None:
        """Gives somebody a credit."""
        self.by_host("fund", value=amount)
        self.by_game("credit", owner, amount)

    def live(self, *times: int) -> list[bool]:
        """Whether the first account's first slot backs claims posted at these times."""
        return [self.vault.isLive(1, 0, time) for time in times]

    def books(self) -> tuple[int, int, int]:
        """The three heaps, which add up to the balance."""
        heaps = (self.vault.bonded(), self.vault.pots(), self.vault.credits())
        assert sum(heaps) == self.evm.balance(self.vault)
        return heaps


@pytest.fixture
def bank() -> Bank:
    evm = Evm()
    contracts = compiled(*UNITS)
    host, game = evm.deploy(contracts["Puppet"]), evm.deploy(contracts["Puppet"])
    vault_at = evm.next_address(evm.account("deployer"), 1)
    sink = evm.deploy(contracts["InboxSink"], [vault_at])
    vault = evm.deploy(contracts["StakeVault"], BOND, UNBONDING, game, sink, [host])
    assert vault.address == vault_at
    game.setTime(100)
    return Bank(evm, vault, host, game, sink)


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


# ------------------------------------------------------------------------------- the ledger's inbox


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
