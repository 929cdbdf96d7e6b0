"""A quantised layer is provable: places of every kind in its int product, on the chain."""

from typing import Any

import numpy as np
import pytest

from prover import reference, witness
from prover.backends import backend
from prover.execute import advance
from prover.ops import Opcode
from prover.reference import Place, position_of
from prover.state import State
from prover.tracer.quantise import quantise, quantised_linear
from tests.contracts.evm import Contract, Evm, compiled
from tests.prover.forgery import step_of
from tests.prover.generators import Case
from tests.prover.traced import program_of

pytestmark = pytest.mark.usefixtures("toolchain")

ROWS, INPUTS, OUTPUTS = 3, 70, 5


@pytest.fixture(scope="module")
def machine(toolchain: None) -> Contract:
    return Evm().deploy(compiled("src/TensorMachine.sol")["TensorMachine"])


@pytest.mark.parametrize("packed", [False, True], ids=["a word each", "packed"])
def test_steps_inside_an_int_product(machine: Contract, packed: bool) -> None:
    random = np.random.default_rng(31)
    x = random.standard_normal((ROWS, INPUTS)).astype(np.float32)
    given = quantise(random.standard_normal((INPUTS, OUTPUTS)), packed=packed)

    def layer(x: Any, values: Any, scales: Any) -> Any:
        return quantised_linear(x, values, scales, packed=packed)

    traced = program_of(layer, x, *given)
    program = traced.program
    inputs = traced.inputs.words({"x0": x, "x1": given.values, "x2": given.scales})
    state, at, proven = State.start(program.depths, [], inputs), 0, 0
    for number, row in enumerate(program.rows):
        if row is None or row.opcode != Opcode.IDOT:
            continue
        last = row.fold - 1
        for element, index in ((0, 0), (0, 1), (6, last // 2), (row.elements - 1, last)):
            position = position_of(program, 0, Place(0, number, element, index))
            advance(program, 0, state, at, position, backend("numba"))
            step = step_of(Case(program, 0, state), position)
            reference.step(program, 0, state, position)
            at, proven = position + 1, proven + 1
            said = machine.step(step.program, step.position, step.pre, step.witness)
            assert said == state.commitment()
            assert said == witness.step(step.program, step.position, step.pre, step.witness)
    assert proven == (16 if packed else 4)
