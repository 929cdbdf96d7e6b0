"""A deployed game, vault and alphabet host, and duels played on them move by move."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from bisection.alphabet import AlphabetTrace
from bisection.dissection import Dissection, cut, first_head
from bisection.machine import Address, ClaimId
from prover.commit.keccak import ZERO_HASH, Hash, keccak
from tests.contracts.evm import ETHER, ZERO, Chain, Contract, Evm, Revert, compiled

UNITS: Final = (
    "src/DisputeGame.sol",
    "src/StakeVault.sol",
    "src/AlphabetMachine.sol",
    "test/AlphabetHost.sol",
    "test/Puppet.sol",
    "test/InboxSink.sol",
)
UNKNOWN, DISPUTED, REJECTED = range(3)
GWEI: Final = 10**9
PROGRAM: Final = keccak(b"no program")
GUARDIAN: Final = "guardian"


@dataclass(frozen=True, slots=True)
class Parameters:
    """What a deployment fixes; the tests' own figures."""

    k: int = 16
    clock: int = 1000
    grace: int = 100
    bond: int = 10 * ETHER
    unbonding: int = 5000
    challenge_bond: int = 1 * ETHER
    burn_bps: int = 1000
    gas_per_move: int = 60_000
    base_fee_cap: int = 100 * GWEI
    max_pause: int = 600


@dataclass(frozen=True, slots=True)
class Run:
    """What a party says about the run: true, or false from step `wrong` on (by `offset`)."""

    pre: Hash
    length: int
    wrong: int | None = None
    offset: int = 1

    def state(self, position: int) -> Hash:
        """The state after `position` steps, as this party has it."""
        true = int.from_bytes(AlphabetTrace(self.pre, self.length).state(position), "big")
        if self.wrong is not None and position > self.wrong:
            true += self.offset
        return Hash((true % 2**256).to_bytes(32, "big"))

    def dissect(self, start: int, length: int, first: Hash, k: int) -> Dissection:
        """This party's dissection, from an agreed first value."""
        positions = cut(start, length, k)
        return Dissection(start, length, (first, *(self.state(p) for p in positions[1:])))


@dataclass(frozen=True, slots=True)
class Claim:
    """A posted claim of kind 0."""

    id: Hash
    pre: Hash
    post: Hash
    length: int
    defender: str
    kind: int = 0
    program: Hash = PROGRAM

    @property
    def fields(self) -> tuple[Any, ...]:
        """As the contracts take it."""
        return (
            self.kind,
            self.id,
            self.program,
            self.pre,
            self.post,
            self.length,
            self.defender,
        )


@dataclass(frozen=True, slots=True)
class Arena:
    """One deployment."""

    evm: Chain
    rules: Parameters
    vault: Contract
    game: Contract
    host: Contract
    """Host of kind 0."""
    puppet: Contract
    """Host of kind 1."""
    machine: Contract

    def as_host(self, function: str, *arguments: Any) -> None:
        """The puppet calls the game."""
        self.puppet.act(self.game, self.game.calldata(function, *arguments))

    def account(self, name: str) -> str:
        """An address with plenty of ether."""
        return self.evm.account(name)

    def stake(self, owner: str, slots: int = 1) -> tuple[int, int]:
        """Deposits; returns (account, first slot)."""
        account, first = self.vault.deposit(slots, sender=owner, value=slots * self.rules.bond)
        return account, first

    def claim(
        self, owner: str, run: Run, name: str = "claim", slot: int = 0, defender: str | None = None
    ) -> Claim:
        """Posts what `run` says as a claim of `owner`."""
        claim = Claim(
            Hash(keccak(name.encode())),
            run.pre,
            run.state(run.length),
            run.length,
            defender or owner,
        )
        self.host.post(claim.fields, slot, sender=owner)
        return claim

    def accounted(self) -> int:
        """Wei in the vault's three heaps."""
        return int(self.vault.bonded() + self.vault.pots() + self.vault.credits())

    def credit(self, owner: str) -> int:
        """What the owner may collect."""
        return int(self.vault.creditOf(owner))

    def burnt(self) -> int:
        """What is credited to nobody."""
        return self.credit(ZERO)


def raw_address(address: str) -> Address:
    """The 20 bytes of a hex address."""
    return Address(bytes.fromhex(address[2:]))


def deploy(
    rules: Parameters | None = None, evm: Chain | None = None, machine: str = "AlphabetMachine"
) -> Arena:
    """Deploys the ring of vault, host and game, and the machine, on a chain of its own."""
    rules, evm = rules or Parameters(), evm or Evm()
    # In this order, and each once: what is compiled already is not compiled again.
    units = dict.fromkeys((*UNITS, f"src/{machine}.sol"))
    contracts = compiled(*units, shipped=evm.shipped)
    deployer = evm.account("deployer")
    step = evm.deploy(contracts[machine], sender=deployer)
    puppet = evm.deploy(contracts["Puppet"], sender=deployer)
    vault_at, host_at, game_at = (evm.next_address(deployer, i) for i in range(1, 4))
    sink = evm.deploy(contracts["InboxSink"], [vault_at], sender=deployer)
    hosts = [host_at, puppet.address]
    vault = evm.deploy(
        contracts["StakeVault"],
        rules.bond,
        rules.unbonding,
        game_at,
        sink,
        hosts,
        sender=deployer,
    )
    kinds = [(at, step.address) for at in hosts]
    host = evm.deploy(contracts["AlphabetHost"], game_at, vault_at, sender=deployer)
    game = evm.deploy(
        contracts["DisputeGame"],
        game_parameters(rules, vault_at, kinds, evm.account(GUARDIAN)),
        sender=deployer,
    )
    return Arena(evm, rules, vault, game, host, puppet, step)


def game_parameters(
    rules: Parameters, vault: str, kinds: Sequence[tuple[str, str]], guardian: str
) -> tuple[Any, ...]:
    """The constructor's struct."""
    return (
        rules.k,
        rules.clock,
        rules.grace,
        rules.challenge_bond,
        rules.burn_bps,
        rules.gas_per_move,
        rules.base_fee_cap,
        vault,
        guardian,
        rules.max_pause,
        kinds,
    )


@dataclass(frozen=True, slots=True)
class GameView:
    """The contract's view of a game."""

    head: bytes
    start: int
    length: int
    challenger_clock: int
    defender_clock: int
    moved_at: int
    moves: int
    defender_to_move: bool
    open: bool


@dataclass(slots=True)
class Duel:
    """One game, played by two runs; every call can be bent by overriding its arguments."""

    arena: Arena
    claim: Claim
    challenger: str
    against: Run
    """What the challenger says."""
    defence: Run
    """What the defender says."""
    last: Dissection | None = None
    prior: Hash = ZERO_HASH
    head: Hash = ZERO_HASH
    defenders_turn: bool = True

    @property
    def key(self) -> tuple[Hash, str]:
        """What names the game on chain."""
        return self.claim.id, self.challenger

    @property
    def player(self) -> str:
        """Whose turn it is."""
        return self.claim.defender if self.defenders_turn else self.challenger

    @property
    def run(self) -> Run:
        """What the player to move says."""
        return self.defence if self.defenders_turn else self.against

    def open(self, **call: Any) -> None:
        """The challenger opens, by dissection or proof."""
        arena = self.arena
        call = {"sender": self.challenger, "value": arena.rules.challenge_bond} | call
        if self.claim.length == 1:
            arena.host.challengeStep(self.claim.id, b"", **call)
            return
        opening = self.against.dissect(0, self.claim.length, self.claim.pre, arena.rules.k)
        arena.host.challenge(self.claim.id, opening.values[1:], **call)
        self._posted(opening, first_head(ClaimId(self.claim.id), raw_address(self.challenger)))
        self.defenders_turn = True

    def part(self) -> int:
        """The first part of the last dissection whose end the player to move disputes."""
        last = self._last()
        ends = last.positions()[1:]
        wrong = [i for i, p in enumerate(ends) if self.run.state(p) != last.values[i + 1]]
        return wrong[0] if wrong else 0

    def opening(self, part: int | None = None) -> dict[str, Any]:
        """The arguments that open a part (by default the disputed one) of the last dissection."""
        opening = self._last().opening(self.prior, self.part() if part is None else part)
        return {
            "claimId": self.claim.id,
            "challenger": self.challenger,
            "prior": opening.prior,
            "part": opening.part,
            "start": opening.left,
            "end": opening.right,
            "path": list(opening.path),
        }

    def bounds(self, part: int | None = None) -> tuple[int, int]:
        """First step and length of a part (by default the disputed one)."""
        return self._last().bounds(self.part() if part is None else part)

    def answer(self, part: int | None = None) -> Dissection:
        """The dissection that the player to move would post."""
        start, length = self.bounds(part)
        first = self.opening(part)["start"]
        return self.run.dissect(start, length, first, self.arena.rules.k)

    def move(self, bend: dict[str, Any] | None = None, **call: Any) -> None:
        """The player to move answers the disputed part; `bend` replaces arguments."""
        answer = self.answer()
        arguments = self.opening() | {"values": list(answer.values[1:])} | (bend or {})
        self.arena.game.move(*arguments.values(), **({"sender": self.player} | call))
        self._posted(answer, self.head)
        self.defenders_turn = not self.defenders_turn

    def prove(self, bend: dict[str, Any] | None = None, **call: Any) -> None:
        """The player to move proves the disputed part of one step; `bend` replaces arguments."""
        arguments = self.opening() | {"witness": b""} | (bend or {})
        self.arena.game.prove(*arguments.values(), **({"sender": self.player} | call))

    def advance(self) -> bool:
        """Moves or proves, as it is due; returns whether the game goes on."""
        if self.bounds()[1] == 1:
            self.prove()
            return False
        self.move()
        return True

    def play(self) -> bool:
        """Plays on until somebody has won; False when a liar got stuck and timed out."""
        try:
            while self.advance():
                pass
        except Revert as stuck:
            if stuck.name != "StepHolds":
                raise
            self.arena.evm.warp(self.arena.rules.clock + self.arena.rules.grace + 1)
            self.timeout()
            return False
        return True

    def play_to_proof(self) -> None:
        """Plays on until the next call is a proof."""
        while self.bounds()[1] > 1:
            self.move()

    def timeout(self, **call: Any) -> None:
        """Anybody claims that the player to move ran out of time."""
        self.arena.game.timeout(*self.key, **call)

    def close(self, **call: Any) -> None:
        """Anybody closes the game."""
        self.arena.game.close(*self.key, **call)

    def view(self) -> GameView:
        """The game as the contract has it."""
        return GameView(*self.arena.game.game(*self.key))

    def _last(self) -> Dissection:
        if self.last is None:
            raise RuntimeError("the game is not open")
        return self.last

    def _posted(self, dissection: Dissection, prior: Hash) -> None:
        self.prior, self.last = prior, dissection
        self.head = dissection.head(prior)
