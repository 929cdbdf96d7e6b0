"""TensorMachine.sol is the reference: the same states, one after another, the same refusals."""

import re

import pytest
from hypothesis import given

from contracts import build
from prover import reference, witness
from prover.commit.keccak import Hash
from prover.commit.tags import Tag
from prover.errors import WitnessError
from tests.contracts.evm import Contract, Evm, Revert, compiled
from tests.prover.forgery import (
    DECEITS,
    HONEST,
    Step,
    forged,
    forged_steps,
    rebound,
    spoilt,
    step_of,
)
from tests.prover.generators import Case, Seeded, case, cases, choice
from tests.prover.vectors import load

pytestmark = pytest.mark.usefixtures("toolchain")

REFUSALS = {
    "WitnessTooLong",
    "WitnessTooShort",
    "WrongHeader",
    "WrongLeaf",
    "WrongPosition",
    "WrongRegister",
    "WrongRow",
    "WrongState",
}


@pytest.fixture(scope="module")
def machine(toolchain: None) -> Contract:
    return Evm().deploy(compiled("src/TensorMachine.sol")["TensorMachine"])


def on_chain(machine: Contract, step: Step) -> Hash | None:
    """The post state, or None for a refusal; a revert that is no refusal fails the test."""
    try:
        post: bytes = machine.step(step.program, step.position, step.pre, step.witness)
    except Revert as revert:
        if revert.name not in REFUSALS:
            raise
        return None
    return Hash(post)


def in_python(step: Step) -> Hash | None:
    try:
        return witness.step(step.program, step.position, step.pre, step.witness)
    except WitnessError:
        return None


def agreed(machine: Contract, step: Step) -> Hash | None:
    post = in_python(step)
    assert on_chain(machine, step) == post
    return post


def check_states(machine: Contract, made: Case, first: int, last: int) -> int:
    """Plays the positions one after another: the chain's state must be the reference's."""
    for position in range(first, last):
        step = step_of(made, position)
        reference.step(made.program, made.first_step, made.state, position)
        assert on_chain(machine, step) == made.state.commitment(), position
    return last - first


# Two times the micro-steps: across the end of a training step, where scratch is reset.
@pytest.mark.parametrize("part", range(10))
def test_programs_run_state_for_state(machine: Contract, part: int) -> None:
    checked = 0
    for seed in range(12):
        made = case(Seeded([part, seed]))
        checked += check_states(machine, made, 0, min(2 * made.program.micro_steps, 120))
    assert checked > 300


@given(made=cases())
def test_a_step_from_any_state(machine: Contract, made: Case) -> None:
    last = made.program.micro_steps
    check_states(machine, made, last - 1, last + 1)


def test_no_length_count_depth_or_sum_is_too_large(machine: Contract) -> None:
    for seed in range(1200):
        assert agreed(machine, forged(Seeded([seed, 3]))) is not None


@given(step=forged_steps())
def test_no_length_count_depth_or_sum_is_too_large_as_hypothesis_sees_it(
    machine: Contract, step: Step
) -> None:
    assert agreed(machine, step) is not None


def test_spoilt_witnesses_are_refused(machine: Contract) -> None:
    for seed in range(1200):
        source = Seeded([seed, 4])
        made = case(source)
        step = step_of(made, source.integer(0, 2 * made.program.micro_steps))
        content = spoilt(source, step.witness)
        post = on_chain(machine, step.with_witness(content))
        assert (post is None) == (content != step.witness)


def test_every_byte_of_a_witness_matters(machine: Contract) -> None:
    source = Seeded(5)
    step = step_of(case(source), 0)
    assert on_chain(machine, step) is not None
    for at in range(len(step.witness)):
        flipped = bytearray(step.witness)
        flipped[at] ^= 1 << source.integer(0, 7)
        assert on_chain(machine, step.with_witness(bytes(flipped))) is None, at
    for size in range(len(step.witness)):
        assert on_chain(machine, step.with_witness(step.witness[:size])) is None, size


def test_hostile_rows_and_headers_are_refused_or_taken_alike(machine: Contract) -> None:
    taken = 0
    for seed in range(1500):
        source = Seeded([seed, 6])
        step = forged(source)
        content = bytearray(step.witness)
        at = choice(source, (source.integer(60, 216), source.integer(0, 500)))
        content[at : at + 4] = choice(source, (source.bytes(4), bytes(4), bytes([255] * 4)))
        taken += agreed(machine, rebound(bytes(content), step.position)) is not None
    assert 50 < taken < 1450


def test_arbitrary_bytes_are_refused(machine: Contract) -> None:
    for seed in range(300):
        source = Seeded([seed, 7])
        content = source.bytes(source.integer(0, 1500))
        agreed(machine, rebound(content, source.integer(0, (1 << 62) - 1)))


@pytest.mark.parametrize("step", HONEST.values(), ids=list(HONEST))
def test_what_opens_is_taken(machine: Contract, step: Step) -> None:
    assert agreed(machine, step) is not None


@pytest.mark.parametrize("step", DECEITS.values(), ids=list(DECEITS))
def test_a_table_made_to_deceive_is_refused(machine: Contract, step: Step) -> None:
    assert agreed(machine, step) is None


def test_refusals_say_what_is_wrong(machine: Contract) -> None:
    made = case(Seeded(8))
    step = step_of(made, 0)
    names = {
        "WrongHeader": Step(step.pre, step.position, step.pre, step.witness),
        "WrongState": Step(step.program, step.position, step.program, step.witness),
        "WrongRow": step.with_witness(step.witness[:60] + b"\x77" + step.witness[61:]),
        "WitnessTooShort": step.with_witness(step.witness[:-1]),
        "WitnessTooLong": step.with_witness(step.witness + b"\0"),
        "WrongPosition": DECEITS["right of its micro-steps"],
    }
    for name, wrong in names.items():
        with pytest.raises(Revert) as caught:
            machine.step(wrong.program, wrong.position, wrong.pre, wrong.witness)
        assert caught.value.name == name


def test_the_vectors_hold(machine: Contract) -> None:
    for name, step, post in load():
        assert on_chain(machine, step) == post, name


def test_the_tags_are_those_of_the_reference() -> None:
    text = build.load_sources()["src/libraries/Tags.sol"]
    found = re.findall(r"uint8 internal constant (\w+) = (0x[0-9a-f]{2});", text)
    assert {name: int(value, 16) for name, value in found} == Tag.__members__
