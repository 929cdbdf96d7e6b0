"""The vault and the register of programs as Python objects (see ``contracts``)."""

from collections.abc import Sequence
from dataclasses import dataclass

from prover.row import Depths
from rollup.l1.accounts import Signer
from rollup.l1.bound import Bound, Place, address_in
from rollup.l1.chain import At, BlockNumber, Mined
from rollup.protocol.claims import ProgramInfo
from rollup.protocol.types import (
    AccountIndex,
    Address,
    Hash,
    Seconds,
    SlotIndex,
    Wei,
    address_text,
)


@dataclass(frozen=True, slots=True)
class Slashed:
    """A claim that the slot backed was false."""

    account: AccountIndex
    slot: SlotIndex
    place: Place


class VaultContract(Bound):
    """Accounts, slots and credits."""

    artifact_name = "StakeVault"

    def bond(self) -> Wei:
        """Wei in one slot."""
        return Wei(self.read("BOND"))

    def account_of(self, owner: Address) -> AccountIndex:
        """The owner's index; 0 when it has none."""
        return AccountIndex(self.read("accountOf", address_text(owner)))

    def owner_of(self, account: AccountIndex) -> Address | None:
        """The account's address, if there is such an account."""
        owner = address_in(self.read("ownerOf", account))
        return owner if any(owner) else None

    def slots_of(self, account: AccountIndex) -> int:
        """How many slots the account ever had."""
        return int(self.read("slotsOf", account))

    def is_live(self, account: AccountIndex, slot: SlotIndex, posted: Seconds) -> bool:
        """Whether the slot backs claims posted then."""
        return bool(self.read("isLive", account, slot, posted))

    def is_slashed(self, account: AccountIndex, slot: SlotIndex) -> bool:
        """Whether the slot's bond went to a challenger."""
        return bool(self.read("isSlashed", account, slot))

    def unreported(self, block: At | None = None) -> int:
        """Slashed slots that the inbox was not told of yet: while there are any, no batch is
        confirmed.
        """
        return int(self.read("unreported", block=block))

    def is_reported(self, account: AccountIndex, slot: SlotIndex) -> bool:
        """Whether the inbox was told that the slot is slashed."""
        *_, reported = self.read("slotOf", account, slot)
        return bool(reported)

    def credit_of(self, owner: Address) -> Wei:
        """What the owner may collect."""
        return Wei(self.read("creditOf", address_text(owner)))

    def deposit(self, signer: Signer, count: int) -> tuple[AccountIndex, SlotIndex, Mined]:
        """Adds slots; returns the account and the first new slot. ``count`` 0 only opens it."""
        mined = self.send(signer, "deposit", count, value=Wei(count * self.bond()))
        account = self.account_of(signer.address)
        for name, values in self.decode(mined.logs):
            if name == "Deposited":
                return account, SlotIndex(values["first"]), mined
        return account, SlotIndex(self.slots_of(account)), mined

    def exit(self, signer: Signer, slot: SlotIndex) -> Mined:
        """Starts a slot on its way out."""
        return self.send(signer, "exit", slot)

    def withdraw(self, signer: Signer, slot: SlotIndex) -> Mined:
        """Turns an unbonded slot into credit."""
        return self.send(signer, "withdraw", slot)

    def report(self, signer: Signer, account: AccountIndex, slot: SlotIndex) -> Mined:
        """Tells the inbox that a slot was slashed; anybody may, once."""
        return self.send(signer, "report", account, slot)

    def slashes(self, first: BlockNumber, last: BlockNumber) -> list[Slashed]:
        """Slots slashed in L1 blocks first..last; a slot may come more than once."""
        return [
            Slashed(AccountIndex(values["account"]), SlotIndex(values["slot"]), place)
            for values, place in self.events("Slashed", first, last)
        ]

    def collect(self, signer: Signer) -> Mined:
        """Takes the signer's credit."""
        return self.send(signer, "collect")


class ProgramsContract(Bound):
    """The register of programs."""

    artifact_name = "Programs"

    def info(self, program: Hash) -> ProgramInfo | None:
        """What L1 knows of a program; None when it is not registered."""
        micro_steps, work, words, rows, depths = self.read("info", program)
        if micro_steps == 0:
            return None
        registered = Seconds(self.read("registeredAt", program))
        held = Depths(*depths.to_bytes(4))
        return ProgramInfo(micro_steps, work, words, rows, held, registered)

    def register(self, signer: Signer, rows: Sequence[bytes], depths: Depths) -> Mined:
        """Registers a program by its packed rows."""
        return self.send(signer, "register", b"".join(rows), int.from_bytes(bytes(depths)))
