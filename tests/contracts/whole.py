"""Every contract of a ledger on one chain, with the alphabet for its machine.

The state that a batch leads to is then a sum in closed form, so that games on batches of any length
can be played; the ledger's own machine has its own tests.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Final

from bisection.dissection import first_head
from bisection.machine import ClaimId
from prover.commit.keccak import Hash, keccak
from rollup.l1.accounts import LocalSigner
from rollup.l1.assertions import assertion_tuple
from rollup.l1.openings import header_tuple
from rollup.l1.rewards import rules_words
from rollup.protocol.assertions import LEDGER_KIND, Assertion, run_of
from rollup.protocol.eip712 import Domain
from rollup.protocol.ledger.header import Rules
from rollup.protocol.ledger.inbox import InboxEntry, InboxKind
from rollup.protocol.ledger.types import Units
from rollup.protocol.types import AccountIndex, Address, BatchNumber, SlotIndex
from tests.contracts.arena import Arena, Claim, Duel, Parameters, Run, game_parameters, raw_address
from tests.contracts.evm import Chain, Contract, Evm, compiled
from tests.contracts.ledger import (
    CAPS,
    COUNTER,
    DEPTHS,
    Ledger,
    Posted,
    hexed,
    rollup_parameters,
    signer,
)

UNITS: Final = (
    "src/Rollup.sol",
    "src/DisputeGame.sol",
    "src/StakeVault.sol",
    "src/Programs.sol",
    "src/TensorMachine.sol",
    "src/AlphabetMachine.sol",
    "src/Assertions.sol",
    "src/Rewards.sol",
    "src/Jobs.sol",
    "src/DevToken.sol",
    "test/Forwarder.sol",
)
WINDOW: Final = 600
EPOCH: Final = 1_000
GENESIS: Final = keccak(b"genesis")
GOVERNOR: Final = "governor"
RULES: Final = Rules(max_steps=CAPS[3], max_work=Units(CAPS[0]))
UNIT: Final = 10**9
_ORDER: Final = ("vault", "rollup", "assertions", "rewards", "jobs", "game")


@dataclass(frozen=True, slots=True)
class Asserted:
    """An assertion on L1 with the header of its batch."""

    fields: Assertion
    posted: Posted
    owner: str

    @property
    def shown(self) -> tuple[Any, ...]:
        """As the contract takes it."""
        return assertion_tuple(self.fields)

    @property
    def header(self) -> tuple[Any, ...]:
        """As the contract takes it."""
        return header_tuple(self.posted.header)

    @property
    def length(self) -> int:
        """Steps of its batch."""
        return self.posted.header.taken + self.posted.header.receipts


class StateDuel(Duel):
    """A game on an assertion, between parties that tell of a run of the alphabet."""

    def __init__(
        self, arena: Arena, asserted: Asserted, domain: Domain, challenger: str, defence: Run
    ) -> None:
        claim = Claim(
            Hash(asserted.fields.id),
            asserted.fields.pre,
            asserted.fields.root,
            asserted.length,
            hexed(asserted.fields.defender),
            LEDGER_KIND,
            run_of(asserted.posted.header, domain).hash,
        )
        against = replace(defence, wrong=None)
        super().__init__(arena, claim, arena.account(challenger), against, defence)
        self.asserted = asserted

    def open(self, **call: Any) -> None:
        """See `Duel.open`."""
        host, rules = self.arena.host, self.arena.rules
        call = {"sender": self.challenger, "value": rules.challenge_bond} | call
        shown = (self.asserted.shown, self.asserted.header)
        if self.claim.length == 1:
            host.challengeStep(*shown, b"", **call)
            return
        opening = self.against.dissect(0, self.claim.length, self.claim.pre, rules.k)
        host.challenge(*shown, list(opening.values[1:]), **call)
        self._posted(opening, first_head(ClaimId(self.claim.id), raw_address(self.challenger)))
        self.defenders_turn = True


@dataclass(slots=True)
class Whole:
    """One deployment; `ledger` has its batches, `arena` its games on assertions."""

    ledger: Ledger
    arena: Arena
    assertions: Contract
    rewards: Contract
    jobs: Contract
    token: Contract
    governor: str
    """Opens jobs and sets rules."""

    @property
    def chain(self) -> Chain:
        return self.ledger.chain

    def true_root(self, pre: Hash, posted: Posted) -> Hash:
        """Where the batch leads from `pre`."""
        length = posted.header.taken + posted.header.receipts
        return Run(pre, length).state(length)

    def stake(self, owner: str, slots: int = 1) -> tuple[int, int]:
        """Deposits; returns (account, first slot)."""
        return self.arena.stake(owner, slots)

    def batch(self) -> Posted:
        """Posts a batch that takes what is in the inbox: at least an account that opens now."""
        self.stake(self.chain.account(f"owner {len(self.ledger.posted)}"))
        return self.ledger.post([])

    def catch_up(self) -> None:
        """Posts batches until they have taken everything that is in the inbox."""
        while self.ledger.parent.inbox < self.ledger.rollup.inboxCount():
            self.ledger.post([])

    def told_of(self, *owners: str) -> list[InboxEntry]:
        """What the inbox was told of the accounts of people who deposited once, in that order."""
        entries: list[InboxEntry] = []
        for owner in owners:
            index = self.arena.vault.accountOf(owner)
            address, slots = Hash(bytes(12) + raw_address(owner)), self.arena.vault.slotsOf(index)
            entries.append(InboxEntry(InboxKind.REGISTER, index, x=address))
            entries.append(InboxEntry(InboxKind.SLOTS, index, 0, slots))
        return entries

    def draft(
        self, posted: Posted, pre: Hash, owner: str, slot: int = 0, **changed: Any
    ) -> Assertion:
        """The truth about a batch, if `pre` is; `changed` bends it."""
        return replace(
            Assertion(
                BatchNumber(posted.header.number),
                posted.header.hash,
                pre,
                self.true_root(pre, posted),
                AccountIndex(self.arena.vault.accountOf(owner)),
                SlotIndex(slot),
                Address(raw_address(owner)),
            ),
            **changed,
        )

    def assert_state(
        self, posted: Posted, pre: Hash, owner: str, slot: int = 0, **changed: Any
    ) -> Asserted:
        """Asserts the draft."""
        made = Asserted(self.draft(posted, pre, owner, slot, **changed), posted, owner)
        assert self.assertions.assertState(made.shown, sender=owner) == made.fields.id
        return made

    def duel(self, asserted: Asserted, challenger: str, defence: Run | None = None) -> StateDuel:
        """A game of somebody who knows the truth; the defender lies from a step on if it has to."""
        length = asserted.length
        if defence is None:
            true = Run(asserted.fields.pre, length).state(length)
            said = (int.from_bytes(root, "big") for root in (asserted.fields.root, true))
            offset = int.__sub__(*said)
            wrong = length // 2 if offset else None
            defence = Run(asserted.fields.pre, length, wrong, offset)
        return StateDuel(self.arena, asserted, self.ledger.domain, challenger, defence)

    def confirm(self, asserted: Asserted) -> None:
        """Anybody confirms."""
        self.assertions.confirm(asserted.shown, sender=self.ledger.challenger)

    def settled(self, root: Hash) -> None:
        """Makes `root` the confirmed one: the next batch is said to lead there."""
        owner = self.chain.account("asserter")
        _, slot = self.stake(owner)
        posted, pre = self.ledger.post([]), Hash(self.assertions.confirmedRoot())
        made = self.assert_state(posted, pre, owner, slot, root=root)
        self.chain.warp(WINDOW)
        self.confirm(made)


def deploy(
    chain: Chain | None = None,
    rules: Parameters | None = None,
    *,
    genesis: Hash = GENESIS,
    caps: tuple[int, int, int, int] = CAPS,
    window: int = WINDOW,
    machine: str = "AlphabetMachine",
) -> Whole:
    """Deploys everything, registers the counter, bonds a worker and the sequencer."""
    evm, rules = chain or Evm(), rules or Parameters()
    contracts = compiled(*dict.fromkeys((*UNITS, f"src/{machine}.sol")), shipped=evm.shipped)
    deployer, sequencer = evm.account("deployer"), evm.account("sequencer")
    governor = evm.account(GOVERNOR)
    programs_clock = evm.next_address(deployer, 4 + _ORDER.index("game"))

    def create(name: str, *arguments: Any) -> Contract:
        return evm.deploy(contracts[name], *arguments, sender=deployer)

    programs = create("Programs", programs_clock)
    tensor, ledger_machine, token = create("TensorMachine"), create(machine), create("DevToken")
    at = {name: evm.next_address(deployer, ahead) for ahead, name in enumerate(_ORDER)}
    hosts = [at["rollup"], at["assertions"]]
    vault = create("StakeVault", rules.bond, rules.unbonding, at["game"], at["rollup"], hosts)
    parameters = rollup_parameters(sequencer, at["vault"], at["game"], programs.address, caps)
    writers = [at["vault"], at["rewards"], at["jobs"]]
    rollup = create("Rollup", (*parameters[:-1], writers))
    assertions = create("Assertions", (at["rollup"], window, LEDGER_KIND, genesis))
    words = rules_words(replace(RULES, max_steps=caps[3], max_work=Units(min(caps[0], 2**44))))
    rewards = create("Rewards", (token, at["assertions"], governor, EPOCH, *words))
    jobs = create("Jobs", at["rollup"], governor)
    kinds = [(at["rollup"], tensor.address), (at["assertions"], ledger_machine.address)]
    guardian = evm.account("guardian")
    game = create("DisputeGame", game_parameters(rules, at["vault"], kinds, guardian))
    made = (vault, rollup, assertions, rewards, jobs, game)
    assert [contract.address for contract in made] == list(at.values())
    assert game.address == programs_clock
    forwarder = create("Forwarder")

    worker: LocalSigner = signer(evm, "worker")
    account, _ = vault.deposit(3, sender=hexed(worker.address), value=3 * rules.bond)
    _, slot = vault.deposit(1, sender=sequencer, value=rules.bond)
    rollup.chooseSlot(slot, sender=sequencer)
    programs.register(b"".join(COUNTER.packed), int.from_bytes(bytes(DEPTHS)), sender=deployer)
    evm.warp(1)
    challenger = evm.account("challenger")
    domain = Domain(31_337, Address(raw_address(rollup.address)))
    ledger = Ledger(
        evm, rules, vault, rollup, game, programs, tensor, forwarder, sequencer, challenger,
        worker, account, domain,
    )  # fmt: skip
    arena = Arena(evm, rules, vault, game, assertions, assertions, ledger_machine)
    return Whole(ledger, arena, assertions, rewards, jobs, token, governor)
