"""What L1 owes an account by the confirmed state, and the proof that fetches it."""

from dataclasses import dataclass

from rollup.errors import DataMismatch, LostConsistency, Refused
from rollup.l1.accounts import Signer
from rollup.l1.chain import Mined
from rollup.ledger.accounts import AccountProof, prove
from rollup.ledger.books import Books
from rollup.protocol.ledger.header import Forest
from rollup.protocol.types import AccountIndex, BatchNumber


@dataclass(frozen=True, slots=True)
class Owed:
    """An account in the confirmed state, and what it was paid of it, in billionths."""

    batch: BatchNumber
    """After which the state is confirmed."""
    proof: AccountProof
    paid: int

    @property
    def due(self) -> int:
        """What a claim pays now."""
        return max(self.proof.account.payable - self.paid, 0)


def owed(books: Books, index: AccountIndex) -> Owed:
    """What an account may claim now.

    Raises:
        Refused: when the confirmed state does not know it.
        DataMismatch: when that state cannot be rebuilt.
        LostConsistency: when it is false.
    """
    number, root = books.view.confirmed
    if number > books.replay.number:
        raise DataMismatch(
            f"the confirmed state after batch {number} cannot be rebuilt: the data of batch"
            f" {books.replay.number + 1} cannot be had; try again, or another endpoint"
        )
    state = books.replay.state(number)
    if state.hash != root:
        raise LostConsistency(f"L1 confirmed 0x{root.hex()} after batch {number}, which is false")
    return Owed(number, prove(state, index), books.contracts.rewards.paid(index))


def claim(books: Books, signer: Signer, found: Owed) -> Mined:
    """Has L1 pay an account what it is owed, to its own address, whoever signs.

    Raises:
        Refused: when it is owed nothing.
    """
    proof, rewards = found.proof, books.contracts.rewards
    if not found.due:
        raise Refused(
            "nothing-to-claim",
            f"account {proof.index} was paid all that the state after batch {found.batch} gives it;"
            " what was earned since can be claimed when its batch's state is confirmed",
        )
    shown = (proof.index, proof.account, proof.path)
    if rewards.adopted() == proof.header.roots[Forest.ACCOUNTS]:
        return rewards.claim(signer, *shown)
    return rewards.adopt_and_claim(signer, proof.header, *shown)
