"""Claims about registered programs on the embedded chain: receipts of a batch, opened, disputed.

The contracts are the shipped ones. A liar posts a batch of claims, each with a fault of its own and
on a bond of its own; a challenger that recomputes opens each on L1 and plays by the solver. The
liar plays by the solver too, from the run it believes in. Every call is compared with the Python
rules and the Python machine (`tests.contracts.lockstep`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from bisection.game import Action, Open, OpenStep, Rules, Side, Status
from bisection.machine import Address, Claim, ClaimId
from prover.execute import result
from prover.machine import tensor_claim
from prover.program import Program
from prover.row import Segment
from prover.trace import TensorTrace
from rollup.demo.fault import FaultyTrace
from rollup.l1.openings import Opening, opening
from rollup.protocol.entries import sign_receipt
from rollup.protocol.receipts import Work, WorkKind
from rollup.protocol.types import AccountIndex, Nonce, SlotIndex
from rollup.protocol.types import Address as Owner
from tests.bisection.table import play
from tests.contracts.arena import Arena, raw_address
from tests.contracts.evm import Revert
from tests.contracts.lockstep import hexed
from tests.contracts.metered import MeteredEvm
from tests.faults.court import Believer, TensorTable, dissections
from tests.gas.stage import Stage, deployed

KIND: Final = 0
"""The rollup's kind of claims."""


class OpenedTable(TensorTable):
    """A game on a receipt that lies in a batch: to dispute it is to open it."""

    def __init__(
        self, arena: Arena, claim: Claim, challenger: Address, rules: Rules, opened: Opening
    ) -> None:
        super().__init__(arena, claim, challenger, rules)
        self.opened = opened
        self._told = False

    def advance(self, seconds: int) -> None:
        """See `Table.advance`."""
        super().advance(seconds)
        self._told = False

    def _tell(self) -> None:
        """Asked again only when the clock has moved: nobody else plays on this claim."""
        if not self._told:
            super()._tell()
            self._told = True

    def _call(self, sender: Address, action: Action) -> str | None:
        call: dict[str, Any] = {
            "sender": hexed(sender), "value": self.arena.rules.challenge_bond
        }  # fmt: skip
        rollup = self.arena.host
        try:
            match action:
                case Open(values):
                    rollup.challenge(self.opened, list(values), **call)
                case OpenStep(witness):
                    rollup.challengeStep(self.opened, witness, **call)
                case _:
                    return super()._call(sender, action)
        except Revert as error:
            return error.name
        return None


@dataclass(frozen=True, slots=True)
class Posted:
    """A claim on L1, the run it says, and where it lies."""

    claim: Claim
    lie: FaultyTrace
    opened: Opening
    slot: int


@dataclass(slots=True)
class Court:
    """One deployment for the games of many programs."""

    stage: Stage
    nonce: int = 0
    slots: int = 1

    def post(self, program: Program, lies: Sequence[FaultyTrace]) -> list[Posted]:
        """Registers the program and posts a batch of a claim for each run."""
        stage = self.stage
        stage.register(program)
        bond = stage.arena.rules.bond
        stage.arena.vault.deposit(len(lies), sender=stage.owner, value=len(lies) * bond)
        works = [self._work(program, lie) for lie in lies]
        entries = [sign_receipt(work, stage.domain, stage.worker.key) for work in works]
        stage.post(entries, "batch")
        assert stage.batch is not None
        made = []
        for index, (work, lie) in enumerate(zip(works, lies, strict=True)):
            opened = opening(stage.headers[-1], stage.batch, index)
            made.append(Posted(self._claim(program, work), lie, opened, work.slot))
        return made

    def convict(self, posted: Posted, truth: TensorTrace) -> bool:
        """Plays a false claim to its end. Returns whether the very step of the fault was proven on
        L1 by the challenger; else it was the liar's to prove, which L1 refused.
        """
        arena, lie = self.stage.arena, posted.lie
        challenger = raw_address(arena.account("challenger"))
        rules = Rules(arena.rules.k, arena.rules.clock, arena.rules.grace)
        credit = arena.credit(hexed(challenger))
        table = OpenedTable(arena, posted.claim, challenger, rules, posted.opened)
        played = play(table, Side.CHALLENGER, truth, Believer(lie))
        assert played.status is Status.CHALLENGER_WON
        assert arena.vault.isSlashed(self.stage.account, posted.slot)
        assert arena.credit(hexed(challenger)) > credit + arena.rules.challenge_bond
        position = lie.fault.position
        rounds = dissections(posted.claim.length, position)
        assert played.dissections == rounds
        assert table.tried is not None
        assert table.tried.position == position
        # Whoever hands it in, the step on chain leads to the truth.
        assert table.step(table.tried) == truth.states([position + 1])[0]
        proven = rounds % 2 == 0
        told = (played.proofs, played.refused)
        assert told == ((1, ()) if proven else (0, ("StepHolds",)))
        return proven

    def _work(self, program: Program, lie: FaultyTrace) -> Work:
        stage, start = self.stage, lie.state(0)
        made = result(program, lie.state(lie.length))
        self.nonce, self.slots = self.nonce + 1, self.slots + 1
        return Work(
            WorkKind.COMPUTE,
            AccountIndex(stage.account),
            Nonce(self.nonce - 1),
            SlotIndex(self.slots - 1),
            Owner(stage.worker.address),
            program.id,
            lie.first_step,
            lie.length // program.micro_steps,
            start.root(Segment.PARAMS),
            start.root(Segment.INPUTS),
            made.params_root,
            made.outputs_root,
        )

    def _claim(self, program: Program, work: Work) -> Claim:
        made = tensor_claim(
            program.id,
            program.micro_steps,
            program.depths,
            first_step=work.first_step,
            steps=work.steps,
            params=work.params,
            inputs=work.inputs,
            params_after=work.params_after,
            outputs=work.outputs,
        )
        owner = Address(self.stage.worker.address)
        return Claim(KIND, ClaimId(work.id), made.program, made.pre, made.post, made.length, owner)


def convene() -> Court:
    """A court on an embedded chain of its own."""
    return Court(deployed(MeteredEvm()))
