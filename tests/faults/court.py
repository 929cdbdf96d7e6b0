"""Tensor claims on the real contracts: a liar posts one, a challenger that recomputes disputes it.

Both play by the solver, each from its own replay, and every call is compared with the Python rules
and the Python machine (`tests.contracts.lockstep`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from bisection.dissection import cut
from bisection.errors import ConsistencyLost
from bisection.game import Action, OpenStep, Prove, Rules, Side, Status
from bisection.machine import Address, Claim, ClaimId, Trace
from prover.commit.keccak import Hash, keccak
from prover.machine import TensorMachine
from prover.program import run_commitment
from prover.trace import TensorTrace
from tests.bisection.table import Liar, Result, View, honest_action, play
from tests.contracts.arena import Arena, Parameters, deploy, raw_address
from tests.contracts.evm import Evm
from tests.contracts.lockstep import LockstepTable, fields, hexed

K: Final = 16


@dataclass(frozen=True, slots=True)
class Books:
    """Wei at one moment, to compare with a later one."""

    challenger: int
    owner: int
    burnt: int
    bonded: int
    pots: int

    def __sub__(self, before: Books) -> Books:
        pairs = [(getattr(self, f), getattr(before, f)) for f in self.__slots__]
        return Books(*(now - then for now, then in pairs))


@dataclass(frozen=True, slots=True)
class Tried:
    """A proof that was handed in: the step's position, its pre state, and the witness."""

    position: int
    pre: Hash
    witness: bytes


class TensorTable(LockstepTable):
    """A game that remembers the last proof handed in, taken or not."""

    def __init__(self, arena: Arena, claim: Claim, challenger: Address, rules: Rules) -> None:
        super().__init__(arena, claim, challenger, rules, TensorMachine())
        self.tried: Tried | None = None

    def act(self, side: Side, action: Action) -> str | None:
        """See `Table.act`."""
        match action:
            case OpenStep(witness):
                self.tried = Tried(0, self.model.claim.pre, witness)
            case Prove(opening, witness):
                ends = cut(self.state.start, self.state.length, self.rules.k)
                self.tried = Tried(ends[opening.part], opening.left, witness)
        return super().act(side, action)

    @property
    def rules(self) -> Rules:
        """Of the game."""
        return self.state.rules

    def step(self, tried: Tried) -> Hash:
        """What the machine on chain makes of a proof."""
        machine, program = self.arena.machine, self.model.claim.program
        return Hash(machine.step(program, tried.position, tried.pre, tried.witness))


class Believer:
    """Takes its replay for the truth, and plays by the solver until that has no answer."""

    def __init__(self, trace: Trace) -> None:
        self.trace = trace

    def delay(self, view: View) -> int:
        """See `Liar.delay`."""
        return 0

    def act(self, view: View) -> Action | None:
        """See `Liar.act`."""
        try:
            return honest_action(view, self.trace)
        except ConsistencyLost:
            return None


@dataclass(slots=True)
class Court:
    """One deployment for many games; every claim stands on a slot of its own."""

    arena: Arena
    rules: Rules
    claims: int = 0
    slots: dict[ClaimId, int] = field(default_factory=dict)

    @property
    def owner(self) -> Address:
        """Who posts claims and defends them."""
        return raw_address(self.arena.account("owner"))

    @property
    def challenger(self) -> Address:
        """Who disputes them."""
        return raw_address(self.arena.account("challenger"))

    def claim(self, run: TensorTrace, post: Hash | None = None) -> Claim:
        """Posts "this run ends where it ends", or elsewhere, backed by a new slot."""
        self.claims += 1
        (pre,) = run.states([0])
        if post is None:
            (post,) = run.states([run.length])
        claim = Claim(
            0,
            ClaimId(keccak(b"tensor claim %d" % self.claims)),
            run_commitment(run.program.id, run.first_step),
            pre,
            post,
            run.length,
            self.owner,
        )
        owner = hexed(self.owner)
        self.slots[claim.id] = self.arena.stake(owner)[1]
        self.arena.host.post(fields(claim), self.slots[claim.id], sender=owner)
        return claim

    def table(self, claim: Claim) -> TensorTable:
        """The challenger's game on the claim."""
        return TensorTable(self.arena, claim, self.challenger, self.rules)

    def play(
        self, claim: Claim, honest: Side, truth: Trace, liar: Liar
    ) -> tuple[TensorTable, Result]:
        """One whole game; the honest side follows the solver."""
        table = self.table(claim)
        return table, play(table, honest, truth, liar)

    def books(self) -> Books:
        """Who has what."""
        arena = self.arena
        return Books(
            arena.credit(hexed(self.challenger)),
            arena.credit(hexed(self.owner)),
            arena.burnt(),
            int(arena.vault.bonded()),
            int(arena.vault.pots()),
        )

    def slashed(self, claim: Claim) -> bool:
        """Whether the claim's slot is gone."""
        account = self.arena.vault.accountOf(hexed(self.owner))
        return bool(self.arena.vault.isSlashed(account, self.slots[claim.id]))


def convene() -> Court:
    """A court on a chain of its own."""
    parameters = Parameters(k=K)
    rules = Rules(parameters.k, parameters.clock, parameters.grace)
    return Court(deploy(parameters, Evm(), "TensorMachine"), rules)


def bonds_of_a_won_game(rules: Parameters) -> Books:
    """What changes when the only challenger of a false claim wins."""
    burnt = rules.bond * rules.burn_bps // 10_000
    # The claim's bond leaves the bonded heap; the challenger's own came from outside.
    return Books(rules.bond - burnt + rules.challenge_bond, 0, burnt, -rules.bond, 0)


def bonds_of_a_lost_game(rules: Parameters) -> Books:
    """What changes when a challenger of a true claim loses."""
    burnt = rules.challenge_bond * rules.burn_bps // 10_000
    return Books(0, rules.challenge_bond - burnt, burnt, 0, 0)


def dissections(length: int, position: int, k: int = K) -> int:
    """How many are posted until `position` is a part of its own, when both follow the solver.

    The challenger posts the first, so it is to prove when the number is even.
    """
    start, rounds = 0, 0
    while length > 1:
        rounds += 1
        ends = cut(start, length, k)
        part = next(i for i in range(len(ends) - 1) if ends[i + 1] > position)
        start, length = ends[part], ends[part + 1] - ends[part]
    return rounds


def convict(court: Court, truth: Trace, lie: TensorTrace, position: int) -> bool:
    """Plays a false claim to its end and checks everything that has to come of it.

    `position` is the injected fault's. Returns whether that very step was proven on chain; else it
    was the liar's to prove, which it cannot, and its clock ran out.
    """
    claim = court.claim(lie)
    before = court.books()
    table, result = court.play(claim, Side.CHALLENGER, truth, Believer(lie))
    assert result.status is Status.CHALLENGER_WON
    assert court.slashed(claim)
    assert court.books() - before == bonds_of_a_won_game(court.arena.rules)
    rounds = dissections(claim.length, position)
    assert result.dissections == rounds
    tried, (after,) = table.tried, truth.states([position + 1])
    assert tried is not None
    assert tried.position == position
    assert tried.pre == truth.states([position])[0]
    assert table.step(tried) == after  # whoever hands it in, the step leads to the truth
    proven = rounds % 2 == 0
    assert (result.proofs, result.refused) == ((1, ()) if proven else (0, ("StepHolds",)))
    return proven
