"""Disputes about the digits net's training: one micro-step known in full, and stories around it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any, cast

import numpy as np

from bisection.dissection import Dissection, cut, first_head
from bisection.machine import ClaimId
from prover import witness
from prover.backends import backend
from prover.commit.keccak import Hash, keccak
from prover.commit.tensor import Words
from prover.program import Program, run_commitment
from prover.reference import Place, position_of
from prover.row import Segment
from prover.state import State
from prover.trace import TensorTrace
from rollup.demo import model
from rollup.l1.openings import Opening
from tests.contracts.arena import Arena, Claim, Duel, Run, raw_address


@cache
def training() -> Program:
    """The demo's training program."""
    return model.training(model.load()).program


@cache
def tensors() -> tuple[list[Words], list[Words]]:
    """Params and inputs of the program's lengths; floats of either sign, no generator behind."""

    def floats(count: int, salt: int) -> Words:
        mixed = (np.arange(1, count + 1, dtype=np.uint64) * 2_654_435_761 + salt) % (1 << 24)
        words: Words = (mixed / (1 << 23) - 1).astype(np.float32).view(np.uint32)
        return words

    data = model.load()
    params = [floats(w.size, i) for i, w in enumerate(model.initial().values())]
    shown = list(model.training_inputs(data).values())
    images = floats(shown[0].size, 9)
    labels = (np.arange(shown[1].size) % model.CLASSES).astype(np.uint32)
    return params, [images, labels, np.eye(model.CLASSES, dtype=np.float32).view(np.uint32).ravel()]


@cache
def segment_of(which: Segment) -> Hash:
    """The root of params or inputs at the start."""
    return State.start(training().depths, *tensors()).root(which)


@cache
def _run() -> TensorTrace:
    start = State.start(training().depths, *tensors())
    return TensorTrace(training(), 0, 1, start, backend("numba"))


@dataclass(frozen=True, slots=True)
class Step:
    """A micro-step of the first training step, as the game wants it."""

    position: int
    pre: Hash
    post: Hash
    witness: bytes

    @classmethod
    def of(cls, row: int, element: int = -1, fold_index: int = -1) -> Step:
        """The one at a place; negative numbers count from the end."""
        program = training()
        found = program.rows[row]
        assert found is not None
        where = Place(0, row % len(program.rows), element % found.elements, fold_index % found.fold)
        position = position_of(program, 0, where)
        pre = _run().states([position])[0]
        content = _run().witness(position)
        run = run_commitment(program.id, 0)
        return cls(position, pre, witness.step(run, position, pre, content), content)


@dataclass(frozen=True, slots=True)
class Told:
    """What a party says about a run: two parties agree until `step`, whose end one of them lies
    about.
    """

    claim: Claim
    step: Step
    true: bool

    def state(self, position: int) -> Hash:
        """See `Run.state`."""
        if position == 0:
            return self.claim.pre
        if position <= self.step.position:
            return self.step.pre if position == self.step.position else self._named(b"", position)
        if not self.true:
            known = self.claim.post if position == self.claim.length else None
            return known or self._named(b"false", position)
        known = self.step.post if position == self.step.position + 1 else None
        return known or self._named(b"true", position)

    def _named(self, tale: bytes, position: int) -> Hash:
        return keccak(tale + position.to_bytes(8, "big"))

    def dissect(self, start: int, length: int, first: Hash, k: int) -> Dissection:
        """See `Run.dissect`."""
        positions = cut(start, length, k)
        return Dissection(start, length, (first, *(self.state(p) for p in positions[1:])))


class Dispute(Duel):
    """A game on a receipt of a batch, between parties that tell of a run."""

    def __init__(
        self, arena: Arena, claim: Claim, opened: Opening, step: Step, challenger: str
    ) -> None:
        true, false = (cast("Run", Told(claim, step, tells)) for tells in (True, False))
        super().__init__(arena, claim, arena.account(challenger), true, false)
        self.opened, self.step = opened, step

    def open(self, **call: Any) -> None:
        """See `Duel.open`."""
        rules = self.arena.rules
        posted = self.against.dissect(0, self.claim.length, self.claim.pre, rules.k)
        call = {"sender": self.challenger, "value": rules.challenge_bond} | call
        self.arena.host.challenge(self.opened, list(posted.values[1:]), **call)
        self._posted(posted, first_head(ClaimId(self.claim.id), raw_address(self.challenger)))
        self.defenders_turn = True
