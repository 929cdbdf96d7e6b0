"""Any small model gives one run: reference, rows, plans, and Solidity where it is asked."""

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prover.backends import backend
from prover.execute import advance
from prover.plan import plan
from prover.state import State
from tests.contracts.evm import Contract, Evm, compiled
from tests.contracts.test_tensor_machine import on_chain
from tests.prover.forgery import step_of
from tests.prover.generators import Case, Drawn, Seeded, Source
from tests.prover.models import model
from tests.prover.plan.test_steps import WAYS
from tests.prover.replay import by_steps, difference

pytestmark = pytest.mark.usefixtures("toolchain")
STEPS = 2
SAMPLED = 6
ROWS = backend("numba")


@pytest.fixture(scope="module")
def machine(toolchain: None) -> Contract:
    return Evm().deploy(compiled("src/TensorMachine.sol")["TensorMachine"])


def check(machine: Contract, source: Source) -> None:
    made, params, inputs = model(source)
    program, first = made.program, source.integer(0, 5)
    plan(program)
    start = State.start(program.depths, params, inputs)
    places = positions(source, program.starts, STEPS)
    expected, rows = start.copy(), start.copy()
    at = 0
    for position in places:
        by_steps(program, first, expected, at, position)
        advance(program, first, rows, at, position, ROWS)
        assert difference(expected, rows) is None, position
        step = step_of(Case(program, first, rows), position)
        by_steps(program, first, expected, position, position + 1)
        assert on_chain(machine, step) == expected.commitment(), position
        rows, at = expected.copy(), position + 1
    by_steps(program, first, expected, at, STEPS * program.micro_steps)
    for name, way in WAYS.items():
        state, done = start.copy(), 0
        while done < STEPS:
            came = way.run(program, state, first + done, STEPS - done, finite=False)
            assert came.steps, name
            done += came.steps
        assert difference(expected, state) is None, name
        assert state.commitment() == expected.commitment()


def positions(source: Source, starts: Sequence[int], steps: int) -> list[int]:
    """Ascending positions of drawn steps, rows and places in them: every row is as likely."""
    found = set()
    for _ in range(SAMPLED):
        row = source.integer(0, len(starts) - 2)
        if starts[row] < starts[row + 1]:
            inside = source.integer(starts[row], starts[row + 1] - 1)
            found.add(source.integer(0, steps - 1) * starts[-1] + inside)
    return sorted(found)


@pytest.mark.parametrize("seed", range(10))
def test_models_of_a_seed(machine: Contract, seed: int) -> None:
    check(machine, Seeded([90, seed]))


@settings(max_examples=3)
@given(st.data())
def test_any_model(machine: Contract, data: st.DataObject) -> None:
    check(machine, Drawn(data.draw))
