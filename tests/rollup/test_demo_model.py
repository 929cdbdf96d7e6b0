"""The demo's model learns, its program is what we say, and faults are found where they are."""

import numpy as np
import pytest

from bisection.dissection import Dissection, cut
from bisection.solver import first_wrong
from prover.backends import backend
from prover.machine import TensorMachine
from prover.program import run_commitment
from prover.reference import Place, place
from prover.state import State
from prover.trace import TensorTrace
from rollup.demo import fault, model

NUMBA = backend("numba")
DATA = model.load()
TRAINING = model.training(DATA)


def start(seed: int = 0) -> State:
    params = TRAINING.params.words(model.initial(seed))
    inputs = TRAINING.inputs.words(model.training_inputs(DATA))
    return State.start(TRAINING.program.depths, params, inputs)


def test_the_split_is_stratified_and_follows_its_seed() -> None:
    assert DATA.train_images.shape == (1438, 64)
    assert DATA.test_images.shape == (359, 64)
    assert DATA.batches == 44
    for digit in range(10):
        aside = np.sum(DATA.test_labels == digit)
        total = aside + np.sum(DATA.train_labels == digit)
        assert abs(aside - total / 5) < 1
    again, other = model.load.__wrapped__(0), model.load(1)
    assert np.array_equal(again.train_images, DATA.train_images)
    assert not np.array_equal(other.train_images, DATA.train_images)
    assert len(model.every_image(DATA)) == 1797
    assert np.array_equal(model.every_image(DATA)[5][0], DATA.test_images[5])


def test_the_program() -> None:
    program = TRAINING.program
    dots = sum(row.count for row in program.rows if row and row.opcode.name == "DOT")
    assert sum(bool(row) and row.opcode.name == "DOT" for row in program.rows if row) == 5
    assert dots == 323_584
    assert 340_000 < program.micro_steps < 360_000
    assert 0.9 < dots / program.micro_steps < 0.95
    assert len(program.packed) <= 80
    assert 16**5 < 44 * program.micro_steps < 16**6
    assert "layer1.matmul[32x64 @ 64x64]" in program.names
    assert [field.name for field in TRAINING.params.fields] == ["w1", "b1", "w2", "b2"]


def test_training_passes_ninety_percent() -> None:
    params = TRAINING.params.words(model.initial())
    before = model.accuracy(model.initial(), DATA.test_images, DATA.test_labels, NUMBA)
    for claim in range(8):
        params = model.train(TRAINING, DATA, params, 44 * claim, 44, NUMBA)
    trained = TRAINING.params.arrays(params)
    after = model.accuracy(trained, DATA.test_images, DATA.test_labels, NUMBA)
    assert before < 0.5
    assert after > 0.93


def test_inference_is_the_same_function_on_plain_arrays() -> None:
    params = model.initial(3)
    images = DATA.test_images[:7]
    scores = model.infer(params, images, NUMBA)
    np.testing.assert_allclose(scores, model.logits(params, images), rtol=1e-4, atol=1e-5)
    one = model.infer(params, images[:1], NUMBA)
    assert np.array_equal(one[0], scores[0])
    assert len(model.inference().program.packed) == 5


def test_a_drawn_fault_is_where_the_runs_part() -> None:
    drawn = fault.draw(TRAINING.program, 88, 3, start(), NUMBA, seed=5)
    honest = TensorTrace(TRAINING.program, 88, 3, start(), NUMBA)
    at = drawn.fault.position
    assert honest.states([at])[0] == drawn.trace.states([at])[0]
    assert honest.states([at + 1])[0] != drawn.trace.states([at + 1])[0]
    low, length = 0, honest.length
    while length > 1:
        positions = cut(low, length, 16)
        theirs = Dissection(low, length, tuple(drawn.trace.states(positions)))
        low, length = theirs.bounds(first_wrong(theirs, honest))
    assert low == at
    machine = TensorMachine()
    program = run_commitment(TRAINING.program.id, 88)
    pre, claimed = drawn.trace.states([at, at + 1])
    true = machine.step(program, at, pre, honest.witness(at))
    assert true == honest.states([at + 1])[0] != claimed
    assert honest.witness(at) == drawn.trace.witness(at)
    assert "flipped in training step" in drawn.fault.describe(TRAINING.program, 88)


def test_faults_can_be_wished_and_are_often_masked() -> None:
    def relu(where: Place) -> bool:
        return TRAINING.program.names[where.row].startswith("layer1.maximum")

    drawn = fault.draw(TRAINING.program, 0, 2, start(), NUMBA, seed=1, wanted=relu)
    assert relu(place(TRAINING.program, 0, drawn.fault.position))
    chooser = np.random.default_rng(0)
    length = 2 * TRAINING.program.micro_steps
    faults = [
        fault.ScalarFault(int(chooser.integers(length)), int(chooser.integers(32)))
        for _ in range(40)
    ]
    share = fault.masked_share(TRAINING.program, 0, 2, start(), NUMBA, faults)
    assert 0.1 < share < 0.9
    with pytest.raises(fault.NoFaultError, match="is wanted"):
        fault.draw(TRAINING.program, 0, 2, start(), NUMBA, 1, wanted=lambda where: False)
    with pytest.raises(fault.NoFaultError, match="reaches the claim's end"):
        fault.draw(TRAINING.program, 0, 2, start(), NUMBA, 1, tries=0)


def test_params_that_change_at_the_reset() -> None:
    step_end = TRAINING.program.micro_steps - 1
    wrong = fault.ParamsFault(step_end, index=2, word=7, bit=30)
    trace = fault.FaultyTrace(TRAINING.program, 4, 2, start(), NUMBA, wrong)
    honest = TensorTrace(TRAINING.program, 4, 2, start(), NUMBA)
    ours, theirs = honest.states([step_end, step_end + 1]), trace.states([step_end, step_end + 1])
    assert ours[0] == theirs[0]
    assert ours[1] != theirs[1]
    after = TensorMachine().step(
        run_commitment(TRAINING.program.id, 4), step_end, ours[0], honest.witness(step_end)
    )
    assert after == ours[1]
    assert "end of training step 4" in wrong.describe(TRAINING.program, 4)


def test_a_fault_by_place() -> None:
    where = Place(step=9, row=0, element=70, fold_index=3)
    made = fault.scalar_fault(TRAINING.program, 8, where, bit=30)
    assert place(TRAINING.program, 8, made.position) == where
