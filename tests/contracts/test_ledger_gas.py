"""What the last transaction of a dispute about the ledger costs, all trees at their largest."""

import pytest

from rollup.protocol.ledger import witness
from tests.contracts.test_proof_gas import deploy, win
from tests.contracts.vast import ENTRIES, RECEIPTS, VastStep, steps
from tests.prover.forgery import Step
from tests.rollup.protocol.ledger.test_sizes import LARGEST, sizes

pytestmark = pytest.mark.usefixtures("toolchain")

BAR = 250_000
STEPS = steps()


def test_these_are_the_largest_witnesses() -> None:
    wanted = sizes(LARGEST)
    assert {kind: len(STEPS[kind].witness) for kind in wanted} == wanted
    assert max(len(step.witness) for step in STEPS.values()) == wanted["evaluate"]


@pytest.mark.parametrize("step", STEPS.values(), ids=list(STEPS))
def test_they_have_their_effects(step: VastStep) -> None:
    post = witness.step(step.program, step.position, step.pre, step.witness)
    assert post == step.post != step.pre


@pytest.mark.parametrize("kind", ["claim", "settle", "evaluate", "use", "forced evaluation"])
def test_the_largest_proof_fits_its_gas(kind: str) -> None:
    step = STEPS[kind]
    arena = deploy("LedgerMachine")
    caller = arena.account("anybody")
    call = arena.machine.calldata("step", step.program, step.position, step.pre, step.witness)
    output = arena.evm.transact(arena.machine, call, sender=caller)
    assert output == step.post
    alone = arena.evm.gas_used
    told = Step(step.program, step.position, step.pre, step.witness)
    # A batch's steps, of which the last dissection has 16 parts; or there is one dissection more.
    lengths = (RECEIPTS + ENTRIES, 16 * (RECEIPTS + ENTRIES))
    # In the first dispute of a chain two credits are new, for 17,100 gas each.
    first = win(arena, told, step.post, lengths, "first")
    second = win(arena, told, step.post, lengths, "second")
    print(f"{kind}: {len(step.witness)} bytes: alone {alone}, proofs {first} and {second} gas")
    assert second <= BAR
    assert first <= BAR + 2 * 17_100
