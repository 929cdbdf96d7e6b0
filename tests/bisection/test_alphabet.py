"""The toy machine and its closed form."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bisection.alphabet import AlphabetMachine, AlphabetTrace
from prover.commit.keccak import ZERO_HASH, Hash
from prover.errors import PositionError, WitnessError
from tests.bisection.table import PRE

MACHINE = AlphabetMachine()
STATES = st.binary(min_size=32, max_size=32).map(Hash)


def test_the_closed_form_is_step_after_step() -> None:
    trace = AlphabetTrace(PRE, 200)
    state = PRE
    for position in range(200):
        assert trace.state(position) == state
        state = MACHINE.step(ZERO_HASH, position, state, trace.witness(position))
    assert trace.states([0, 199, 200])[2] == state


@given(STATES, st.integers(0, (1 << 62) - 2))
def test_any_one_step_of_the_closed_form(pre: Hash, position: int) -> None:
    trace = AlphabetTrace(pre, (1 << 62) - 1)
    before, after = trace.states([position, position + 1])
    assert MACHINE.step(ZERO_HASH, position, before, b"") == after


def test_states_wrap_around() -> None:
    last = Hash(b"\xff" * 32)
    assert MACHINE.step(ZERO_HASH, 0, last, b"") == bytes(32)
    assert MACHINE.step(ZERO_HASH, 27, last, b"") == (1).to_bytes(32, "big")


@given(st.binary(min_size=1, max_size=40))
def test_only_the_empty_witness_opens(witness: bytes) -> None:
    with pytest.raises(WitnessError):
        MACHINE.step(ZERO_HASH, 0, PRE, witness)


def test_positions_outside_the_run() -> None:
    trace = AlphabetTrace(PRE, 5)
    for position in (-1, 6):
        with pytest.raises(PositionError):
            trace.states([0, position])
    for position in (-1, 5):
        with pytest.raises(PositionError):
            trace.witness(position)
