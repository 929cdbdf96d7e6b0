"""A false state of the real ledger, disputed on L1 down to the ledger machine's own step."""

from dataclasses import dataclass
from typing import cast

import pytest

from bisection.dissection import Dissection, cut
from prover.commit.keccak import Hash, keccak
from rollup.protocol.ledger.machine import LedgerTrace
from rollup.protocol.ledger.run import LedgerBatch
from rollup.protocol.ledger.store import State
from tests.contracts.arena import REJECTED, Parameters, Run
from tests.contracts.evm import reverts
from tests.contracts.whole import RULES, WINDOW, StateDuel, deploy

pytestmark = pytest.mark.usefixtures("toolchain")

LIE = keccak(b"lie")
STEPS = 4
"""With two parts to a dissection the proof is then the challenger's."""


@dataclass(frozen=True, slots=True)
class Told:
    """What a party says of a run of the ledger: the truth, or lies from step `wrong` on."""

    states: list[Hash]
    wrong: int | None = None

    def state(self, position: int) -> Hash:
        if self.wrong is None or position <= self.wrong:
            return self.states[position]
        return keccak(LIE + bytes([position]))

    def dissect(self, start: int, length: int, first: Hash, k: int) -> Dissection:
        positions = cut(start, length, k)
        return Dissection(start, length, (first, *(self.state(p) for p in positions[1:])))


@pytest.mark.parametrize("wrong", range(STEPS))
def test_a_false_state_is_proven_false(wrong: int) -> None:
    start = State(12, RULES)
    whole = deploy(rules=Parameters(k=2), genesis=start.hash, machine="LedgerMachine")
    entries = whole.told_of(whole.ledger.worker_address, whole.ledger.sequencer)
    assert len(entries) == STEPS
    ann = whole.chain.account("ann")
    whole.stake(ann, 2)
    posted = whole.ledger.post([], inbox=STEPS)
    header = posted.header
    batch = LedgerBatch.of(whole.ledger.domain.separator, header.number, header.posted, entries, ())
    assert batch.run.inbox_root == header.inbox_root
    trace = LedgerTrace(batch, start)
    told = Told(trace.states(range(STEPS + 1)), wrong)
    false = whole.assert_state(posted, start.hash, ann, 0, root=told.state(STEPS))
    true = whole.assert_state(posted, start.hash, ann, 1, root=told.states[-1])

    # A game asks no more of a run than these have.
    game = StateDuel(whole.arena, false, whole.ledger.domain, "eve", Run(start.hash, STEPS))
    game.defence, game.against = cast("Run", told), cast("Run", Told(told.states))
    game.open()
    game.play_to_proof()
    assert not game.defenders_turn
    assert game.bounds() == (wrong, 1)
    game.prove({"witness": trace.witness(wrong)})
    assert whole.arena.game.claimOf(false.fields.id)[0] == REJECTED
    whole.chain.warp(WINDOW)
    with reverts("SlotSlashed"):
        whole.confirm(false)
    whole.confirm(true)
    assert whole.assertions.confirmedRoot() == told.states[-1]
