"""Where tokens enter the ledger and leave it, as Python objects (see ``contracts``)."""

from collections.abc import Sequence

from prover.commit.keccak import Hash
from rollup.l1.accounts import Signer
from rollup.l1.bound import Bound
from rollup.l1.chain import At, Mined
from rollup.protocol.ledger.header import Header, Rules
from rollup.protocol.ledger.types import Account, Amount, EpochNumber
from rollup.protocol.types import AccountIndex, Seconds


class RewardsContract(Bound):
    """Deposits, pools, epochs and payouts; amounts in billionths of the token."""

    artifact_name = "Rewards"

    def paid(self, account: AccountIndex, block: At | None = None) -> Amount:
        """What an account was sent in all."""
        return Amount(self.read("paid", account, block=block))

    def adopted(self, block: At | None = None) -> Hash:
        """Root of the accounts that claims are made against; zeros before any."""
        return Hash(self.read("accountsRoot", block=block))

    def total(self, block: At | None = None) -> Amount:
        """All that ever came in."""
        return Amount(self.read("total", block=block))

    def pool(self, block: At | None = None) -> Amount:
        """In the current epoch's pool."""
        return Amount(self.read("pool", block=block))

    def epoch(self, block: At | None = None) -> EpochNumber:
        """The current one."""
        return EpochNumber(self.read("epoch", block=block))

    def closes_at(self) -> Seconds:
        """Protocol time from which the current epoch may be closed."""
        return Seconds(self.read("closesAt"))

    def rules(self) -> Rules:
        """Those that the next closing sets."""
        return Rules.unpack(b"".join(self.read("rules")))

    def deposit(self, signer: Signer, account: AccountIndex, amount: Amount) -> Mined:
        """Pays in for an account what the signer lets this contract take."""
        return self.send(signer, "deposit", account, amount)

    def fund(self, signer: Signer, amount: Amount) -> Mined:
        """Pays into the current epoch's pool."""
        return self.send(signer, "fund", amount)

    def set_rules(self, signer: Signer, rules: Rules) -> Mined:
        """Governor: rules of the epochs that begin after the next closing."""
        return self.send(signer, "setRules", *rules_words(rules))

    def close_epoch(self, signer: Signer) -> Mined:
        """Closes the current epoch."""
        return self.send(signer, "closeEpoch")

    def adopt(self, signer: Signer, header: Header) -> Mined:
        """Takes the accounts of the confirmed state as what claims are made against."""
        return self.send(signer, "adopt", header.pack())

    def claim(
        self, signer: Signer, index: AccountIndex, account: Account, path: Sequence[Hash]
    ) -> Mined:
        """Sends an account, as the adopted state has it, what it was not sent yet."""
        return self.send(signer, "claim", index, account_proof(account, path))

    def adopt_and_claim(
        self,
        signer: Signer,
        header: Header,
        index: AccountIndex,
        account: Account,
        path: Sequence[Hash],
    ) -> Mined:
        """``adopt`` and ``claim`` at once."""
        proof = account_proof(account, path)
        return self.send(signer, "adoptAndClaim", header.pack(), index, proof)


def account_proof(account: Account, path: Sequence[Hash]) -> bytes:
    """An account as L1 wants it shown: its 76 bytes, and the siblings from its leaf up."""
    return account.pack() + b"".join(path)


def rules_words(rules: Rules) -> tuple[bytes, bytes]:
    """Rules as L1 keeps them."""
    packed = rules.pack()
    return packed[:32], packed[32:]
