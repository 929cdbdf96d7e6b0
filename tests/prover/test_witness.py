"""Step witnesses: the verifier, who knows commitments only, agrees with the full state, and takes
nothing but the one witness of a step.
"""

import dataclasses
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from prover import reference, witness
from prover.commit.keccak import Hash, keccak
from prover.errors import WitnessError
from prover.ops import Opcode
from prover.program import Program
from prover.row import ROW_BYTES, Depths
from prover.state import State
from tests.prover.forgery import (
    DECEITS,
    FILL,
    HONEST,
    OUT,
    Step,
    forged,
    forged_steps,
    overflowing,
    rebound,
    spoilt,
    step_of,
)
from tests.prover.generators import Case, Drawn, Seeded, case, cases, choice
from tests.prover.vectors import load


def verify(step: Step) -> Hash:
    return witness.step(step.program, step.position, step.pre, step.witness)


def check_every_position(made: Case, steps: int) -> None:
    pre = made.state.commitment()
    for position in range(steps * made.program.micro_steps):
        one = step_of(made, position)
        assert one.pre == pre
        post = verify(one)
        reference.step(made.program, made.first_step, made.state, position)
        assert made.state.commitment() == post
        pre = post


@pytest.mark.parametrize("seed", range(100))
def test_the_verifier_follows_the_reference_through_a_program(seed: int) -> None:
    check_every_position(case(Seeded(seed)), steps=2)


@given(cases(), st.data())
def test_the_verifier_follows_the_reference_from_any_state(made: Case, data: st.DataObject) -> None:
    position = data.draw(st.integers(0, 3 * made.program.micro_steps))
    post = verify(step_of(made, position))
    reference.step(made.program, made.first_step, made.state, position)
    assert made.state.commitment() == post


@given(forged_steps())
def test_no_length_count_depth_or_sum_is_too_large_for_the_verifier(step: Step) -> None:
    assert len(verify(step)) == 32


def refused(step: Step) -> bool:
    try:
        verify(step)
    except WitnessError:
        return True
    return False


@pytest.mark.parametrize("seed", range(12))
def test_every_byte_matters(seed: int) -> None:
    source = Seeded(seed)
    made = case(source)
    step = step_of(made, source.integer(0, 2 * made.program.micro_steps))
    verify(step)
    for at in range(len(step.witness)):
        flipped = bytearray(step.witness)
        flipped[at] ^= 1 << source.integer(0, 7)
        assert refused(step.with_witness(bytes(flipped))), at
    for size in range(len(step.witness)):
        assert refused(step.with_witness(step.witness[:size])), size
    for tail in (b"\0", bytes(32), step.witness):
        assert refused(step.with_witness(step.witness + tail))


@given(cases(), st.data())
def test_a_spoilt_witness_is_refused(made: Case, data: st.DataObject) -> None:
    step = step_of(made, data.draw(st.integers(0, 2 * made.program.micro_steps)))
    content = spoilt(Drawn(data.draw), step.witness)
    assert refused(step.with_witness(content)) == (content != step.witness)


def test_spoilt_witnesses_are_refused() -> None:
    for seed in range(1500):
        source = Seeded(seed)
        made = case(source)
        step = step_of(made, source.integer(0, 2 * made.program.micro_steps))
        content = spoilt(source, step.witness)
        assert refused(step.with_witness(content)) == (content != step.witness), seed


@given(st.binary(max_size=700), st.integers(0, 1 << 62))
def test_any_bytes_that_open_their_header_and_state_are_refused_or_taken(
    content: bytes, position: int
) -> None:
    refused(rebound(content, position))


def test_hostile_rows_and_headers_are_refused_or_taken() -> None:
    """What they say is opened after all: whoever made the witness also made the commitments."""
    taken = 0
    for seed in range(1500):
        source = Seeded(seed)
        step = forged(source)
        content = bytearray(step.witness)
        at = choice(source, (source.integer(60, 216), source.integer(0, 500)))
        content[at : at + 4] = choice(source, (source.bytes(4), bytes(4), bytes([255] * 4)))
        taken += not refused(rebound(bytes(content), step.position))
    assert 50 < taken < 1450


@pytest.mark.parametrize(
    "change",
    [
        lambda step: Step(keccak(step.program), step.position, step.pre, step.witness),
        lambda step: Step(step.program, step.position, keccak(step.pre), step.witness),
    ],
)
def test_another_program_or_prestate_is_refused(change: Callable[[Step], Step]) -> None:
    made = case(Seeded(1))
    with pytest.raises(WitnessError):
        verify(change(step_of(made, 0)))


def test_a_witness_is_good_for_positions_of_its_row_alone() -> None:
    checked = 0
    for seed in range(30):
        made = case(Seeded(seed))
        program = made.program
        for position in range(program.micro_steps):
            row = reference.place(program, 0, position).row
            for other in (position - 1, position + 1):
                if other >= 0 and reference.place(program, 0, other).row != row:
                    step = step_of(made, position)
                    moved = Step(step.program, other, step.pre, step.witness)
                    assert refused(moved)
                    checked += 1
    assert checked > 30


# ------------------------------------------------------------------------- made to deceive


@pytest.mark.parametrize("step", HONEST.values(), ids=list(HONEST))
def test_what_opens_is_taken(step: Step) -> None:
    assert len(verify(step)) == 32


@pytest.mark.parametrize("step", DECEITS.values(), ids=list(DECEITS))
def test_a_table_made_to_deceive_is_refused(step: Step) -> None:
    assert refused(step)


def test_a_sum_that_overflows_inside_the_table_is_no_other_error() -> None:
    with pytest.raises(WitnessError, match="u64"):
        verify(overflowing())


def test_a_register_replaced_by_zeros_needs_no_opening() -> None:
    fill = dataclasses.replace(FILL, out_length=200, out_offset=150)
    made = Case(Program.of([fill], Depths(0, 0, 0, 0)), 0, State(Depths(0, 0, 0, 0)))
    one = step_of(made, 1)
    assert len(one.witness) == 56 + 4 + ROW_BYTES + 132 + 36
    expected = State(made.state.depths)
    expected.put(OUT, np.where(np.arange(200) == 151, 5, 0).astype(np.uint32))
    assert verify(one) == expected.commitment()


# --------------------------------------------------------------------------------- vectors


def test_the_vectors_hold() -> None:
    for name, step, post in load():
        if post is None:
            assert refused(step), name
        else:
            assert verify(step) == post, name


def test_the_vectors_show_every_op_and_every_kind_of_refusal() -> None:
    names = {vector.name for vector in load()}
    assert names >= {op.name.lower() for op in Opcode}
    assert names >= {"forged", "spoilt", *DECEITS}
