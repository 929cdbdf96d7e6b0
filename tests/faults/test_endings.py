"""Games about tensor claims of every length and parity, and liars on either side of them."""

import random
from collections import Counter
from dataclasses import replace
from typing import Final

import pytest

from bisection import solver
from bisection.game import Action, Move, OpenStep, Proof, Side, Status, Timeout, answering_action
from bisection.machine import Trace
from prover import reference
from prover.backends import Backend, backend
from prover.ops import Opcode
from rollup.demo.fault import ScalarFault
from tests.bisection.liars import LIARS, BaseLiar
from tests.bisection.table import View, honest_action
from tests.contracts.arena import REJECTED
from tests.contracts.evm import Revert
from tests.contracts.lockstep import hexed
from tests.faults.cases import (
    carried,
    reaching,
    settings,
    side_by_side,
)
from tests.faults.court import (
    Court,
    bonds_of_a_lost_game,
    convene,
    convict,
    dissections,
)
from tests.prover.forgery import spoilt
from tests.prover.generators import Seeded

pytestmark = pytest.mark.usefixtures("toolchain")


@pytest.fixture(scope="module")
def court() -> Court:
    return convene()


@pytest.fixture(scope="module")
def numba() -> Backend:
    return backend("numba")


# ------------------------------------------------------------------------- games of every length


LENGTHS: Final = {
    1: carried(Opcode.MUL, 1, 1, 6),
    2: carried(Opcode.MUL, 63, 1, 2),
    3: carried(Opcode.FMA, 65, 1, 20),
    4: carried(Opcode.DOT, 64, 64, 4),
    5: carried(Opcode.SUM, 65, 130, 30),
    6: carried(Opcode.DOT, 128, 512, 64),
}
"""A run for each number of dissections."""


@pytest.mark.parametrize("rounds", LENGTHS)
def test_a_fault_is_found_in_any_number_of_dissections(
    court: Court, numba: Backend, rounds: int
) -> None:
    """An even number leaves the proof to the challenger, an odd one to the liar, which has none."""
    setting = LENGTHS[rounds]
    row = setting.program.rows[0]
    assert row is not None
    rng = random.Random(rounds)
    for step in {0, setting.steps - 1}:
        element = rng.randrange(row.elements)
        where = reference.Place(setting.first_step + step, 0, element, row.fold // 2)
        position = reference.position_of(setting.program, setting.first_step, where)
        assert dissections(setting.length, position) == rounds
        fault, _ = reaching(setting, position, numba, rng)
        assert fault is not None
        proven = convict(court, setting.honest(numba), setting.faulty(fault, numba), position)
        assert proven is (rounds % 2 == 0)


def test_a_liar_whose_turn_it_is_to_prove_finds_no_proof(court: Court, numba: Backend) -> None:
    """The part in doubt is the step of the fault; no witness makes the chain see it otherwise."""
    setting = LENGTHS[1]
    fault = ScalarFault(4, 30)
    truth, lie = setting.honest(numba), setting.faulty(fault, numba)
    claim = court.claim(lie)
    table = court.table(claim)
    assert table.act(Side.CHALLENGER, honest_action(table.view(Side.CHALLENGER), truth)) is None
    view = table.view(Side.DEFENDER)
    part = solver.first_wrong(view.last.dissection, lie)
    assert view.last.dissection.bounds(part) == (fault.position, 1)

    source, true = Seeded(7), truth.witness(fault.position)
    witnesses = [true, b"", true[:-1], true + b"\0"]
    witnesses += [trace.witness(p) for trace in (truth, lie) for p in range(setting.length)]
    witnesses += [spoilt(source, true) for _ in range(60)]
    told: Counter[str] = Counter()
    for content in witnesses:
        proof = answering_action(
            view.state, view.last.prior, view.last.dissection, Proof(part, content)
        )
        answered = table.act(Side.DEFENDER, proof)
        assert answered is not None, "the chain took a proof against the truth"
        told[answered] += 1
    assert set(told) == {"StepHolds", "WitnessError"}
    assert told["StepHolds"] >= 2  # the true witness, and whoever has the same
    for other in range(view.last.dissection.parts):
        if other != part:  # the values after the fault are lies to it, those before it are not
            proof = answering_action(
                view.state,
                view.last.prior,
                view.last.dissection,
                Proof(other, lie.witness(other)),
            )
            assert table.act(Side.DEFENDER, proof) is not None
    table.advance(court.rules.clock + court.rules.grace + 1)
    assert table.act(Side.CHALLENGER, Timeout()) is None
    assert table.state.status is Status.CHALLENGER_WON


# ---------------------------------------------------------------------------- liars on either side


def with_witness(liar: type[BaseLiar]) -> type[BaseLiar]:
    """The liar, handing in a true witness with each of its proofs rather than none."""

    def answer(self: BaseLiar, view: View, decision: Move | Proof) -> Action:
        if isinstance(decision, Proof):
            start, _ = view.last.dissection.bounds(decision.part)
            decision = replace(decision, witness=self.truth.witness(start))
        return liar.answer(self, view, decision)

    return type(liar.__name__, (liar,), {"answer": answer})


@pytest.mark.parametrize("liar", LIARS, ids=lambda liar: liar.__name__)
def test_no_scripted_liar_takes_an_honest_bond(
    court: Court, numba: Backend, liar: type[BaseLiar]
) -> None:
    """Against a true claim of a tensor program, and in defence of a false one."""
    for setting in (carried(Opcode.FMA, 13, 1, 7), carried(Opcode.DOT, 16, 16, 3)):
        truth: Trace = setting.honest(numba)
        for seed, equipped in enumerate((liar, with_witness(liar))):
            claim, before = court.claim(setting.honest(numba)), court.books()
            _, result = court.play(
                claim, Side.DEFENDER, truth, equipped(truth, random.Random(seed))
            )
            assert result.status is Status.DEFENDER_WON
            assert not court.slashed(claim)
            assert court.books() - before == bonds_of_a_lost_game(court.arena.rules)

            fault = ScalarFault(setting.length // 3, 31)
            claim = court.claim(setting.faulty(fault, numba))
            _, result = court.play(
                claim, Side.CHALLENGER, truth, equipped(truth, random.Random(seed))
            )
            assert result.status is Status.CHALLENGER_WON
            assert court.arena.game.claimOf(claim.id)[0] == REJECTED


def test_a_true_claim_of_one_step_cannot_even_be_opened(court: Court, numba: Backend) -> None:
    setting = settings(Opcode.FMA)[-1]
    truth = setting.honest(numba)
    claim = court.claim(truth)
    table = court.table(claim)
    assert table.act(Side.CHALLENGER, OpenStep(truth.witness(0))) == "StepHolds"
    assert table.act(Side.CHALLENGER, OpenStep(b"")) == "WitnessError"


def test_what_is_won_can_be_taken(court: Court, numba: Backend) -> None:
    """After all games above: every credit leaves the vault as ether, once."""
    setting = side_by_side(Opcode.MOVE, 16, 1, 4)
    convict(court, setting.honest(numba), setting.faulty(ScalarFault(40, 0), numba), 40)
    arena = court.arena
    for who in (hexed(court.challenger), hexed(court.owner)):
        credit, balance = arena.credit(who), arena.evm.balance(who)
        if credit:
            arena.vault.collect(sender=who)
            assert arena.evm.balance(who) == balance + credit
        with pytest.raises(Revert, match="NothingToCollect"):
            arena.vault.collect(sender=who)
    assert arena.vault.pots() == 0
    assert arena.accounted() == arena.evm.balance(arena.vault)
    assert arena.evm.balance(arena.game) == arena.evm.balance(arena.host) == 0
