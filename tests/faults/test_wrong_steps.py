"""What else a machine can do wrong in a step, and wrong steps that leave a claim true."""

import random

import pytest

from bisection import solver
from bisection.errors import NothingToAnswer
from bisection.game import Side, Status
from prover.backends import Backend, backend
from prover.ops import Opcode
from rollup.demo.fault import ParamsFault, ScalarFault
from tests.faults.cases import BESIDE, carried, in_place, reaching, settings
from tests.faults.court import Believer, Court, K, convene, convict
from tests.faults.wrongs import WRONG, Riddled, Wrong, places, wrong_run

pytestmark = pytest.mark.usefixtures("toolchain")


@pytest.fixture(scope="module")
def court() -> Court:
    return convene()


@pytest.fixture(scope="module")
def numba() -> Backend:
    return backend("numba")


@pytest.mark.parametrize("wrong", WRONG, ids=lambda kind: kind.__name__)
def test_whatever_else_a_step_does_wrong_is_proven(
    court: Court, numba: Backend, wrong: type[Wrong]
) -> None:
    proven = 0
    for setting in (
        carried(Opcode.ADD, 20, 1, 5),
        carried(Opcode.DOT, 5, 7, 4),
        carried(Opcode.XOR, 65, 1, 1),
    ):
        truth = setting.honest(numba)
        end = truth.states([truth.length])
        for position in places(setting, wrong):
            lie = wrong_run(setting, wrong(position), numba)
            if lie.states([lie.length]) != end:
                proven += convict(court, truth, lie, position)
    assert proven >= 3


@pytest.mark.parametrize("length", [1, 63, 64, 65])
def test_params_spoilt_at_the_end_of_a_training_step_are_proven(
    court: Court, numba: Backend, length: int
) -> None:
    """The machine's own last duty of a training step is to reset scratch, and nothing else."""
    setting = in_place(Opcode.ADD, length, 1, 3 if length > 1 else 40)
    proven = 0
    for step in (0, setting.steps - 1):
        position = (step + 1) * setting.program.micro_steps - 1
        for word in sorted({0, length // 2, length - 1}):
            fault = ParamsFault(position, BESIDE & 0x3FFF, word, 31)
            lie = setting.faulty(fault, numba)
            proven += convict(court, setting.honest(numba), lie, position)
    assert proven == 2 * len({0, length // 2, length - 1})


def test_of_several_faults_one_is_proven(court: Court, numba: Backend) -> None:
    setting = carried(Opcode.IADD, 63, 1, 2)
    rng = random.Random(5)
    for count in (2, 3, 10, 60):
        positions = rng.sample(range(setting.length), count)
        lie = Riddled(setting, [ScalarFault(p, rng.randrange(32)) for p in positions], numba)
        claim = court.claim(lie)
        table, result = court.play(claim, Side.CHALLENGER, setting.honest(numba), Believer(lie))
        assert (result.status, result.proofs) == (Status.CHALLENGER_WON, 1)
        assert table.tried is not None
        assert table.tried.position in positions


def test_a_masked_fault_is_no_fraud(court: Court, numba: Backend) -> None:
    """A wrong bit that nothing after it notices leaves the claim true, and nobody disputes it."""
    masked = 0
    for opcode in (Opcode.LT, Opcode.SELECT, Opcode.GATHER, Opcode.MAXF, Opcode.TO_INT_ZERO):
        rng = random.Random(opcode)
        for setting in settings(opcode)[-3:-1]:
            truth = setting.honest(numba)
            for position in setting.edges():
                for fault in reaching(setting, position, numba, rng)[1][:2]:
                    lie = setting.faulty(fault, numba)
                    assert lie.states([position + 1]) != truth.states([position + 1])
                    assert lie.states([lie.length]) == truth.states([truth.length])
                    claim = court.claim(lie)
                    assert claim.post == court.claim(truth).post
                    with pytest.raises(NothingToAnswer):
                        solver.opening(claim, truth, K)
                    masked += 1
    assert masked >= 20
