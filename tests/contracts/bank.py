"""A vault with puppets for the host and the game, and a sink for its inbox."""

from dataclasses import dataclass
from typing import Any

from prover.commit.keccak import Hash, keccak
from tests.contracts.evm import ETHER, Contract, Evm, compiled

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


def deploy() -> Bank:
    """A vault on a chain of its own, at protocol time 100."""
    evm = Evm()
    contracts = compiled(*UNITS)
    host, game = evm.deploy(contracts["Puppet"]), evm.deploy(contracts["Puppet"])
    vault_at = evm.next_address(evm.account("deployer"), 1)
    sink = evm.deploy(contracts["InboxSink"], [vault_at])
    vault = evm.deploy(contracts["StakeVault"], BOND, UNBONDING, game, sink, [host])
    assert vault.address == vault_at
    game.setTime(100)
    return Bank(evm, vault, host, game, sink)
