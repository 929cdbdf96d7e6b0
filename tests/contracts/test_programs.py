"""Programs.sol computes what Program does, and refuses what Program refuses."""

import dataclasses

import pytest

from prover.errors import ProgramError
from prover.ops import Opcode
from prover.program import Program
from prover.row import ROW_BYTES, Depths, Operand, Row, Segment, register_id
from tests.contracts.evm import Contract, Evm, Revert, compiled, reverts
from tests.prover import rows
from tests.prover.generators import (
    Seeded,
    Source,
    case,
    choice,
    plan,
    row,
    spoiled,
    with_garbage,
)
from tests.prover.rows import COUNTS, DECODABLE, DOT, UNDECODABLE, patched

pytestmark = pytest.mark.usefixtures("toolchain")

DEPTHS = Depths(1, 2, 0, 3)
OUT = register_id(Segment.OUTPUTS, 0)
FILL = Row(Opcode.MOVE, OUT, 3, (1, 1, 1, 3), 1, (Operand.immediate(5),))
DEEP = Depths(3, 3, 3, 3)
REFUSALS = {"BadDepths", "BadMicroSteps", "BadRowCount"}


@pytest.fixture
def programs(toolchain: None) -> Contract:
    evm, units = Evm(), compiled("src/Programs.sol", "test/BlockClock.sol")
    return evm.deploy(units["Programs"], evm.deploy(units["BlockClock"]).address)


def word(depths: Depths) -> int:
    return int.from_bytes(bytes(depths))


def register(programs: Contract, program: Program) -> bytes:
    made: bytes = programs.register(b"".join(program.packed), word(program.depths))
    return made


def facts(program: Program) -> tuple[int, ...]:
    """What `info` must say."""
    return (
        program.micro_steps,
        program.work,
        program.words,
        len(program.packed),
        word(program.depths),
    )


def check(programs: Contract, program: Program) -> None:
    assert register(programs, program) == program.id
    assert programs.info(program.id) == facts(program)


def hostile_table(source: Source) -> tuple[tuple[bytes, ...], Depths]:
    """Rows of which many do not decode, with depths that may hold few of their registers."""
    planned = plan(source)
    table = []
    for _ in range(source.integer(1, 20)):
        packed = row(source, planned).pack()
        kind = source.integer(0, 3)
        if kind == 1:
            packed = with_garbage(source, packed)
        elif kind == 2:
            packed = spoiled(source, packed)
        elif kind == 3:
            packed = spoiled(source, spoiled(source, packed))
        table.append(packed)
    depths = choice(source, (planned.depths, planned.depths, Depths(0, 1, 14, 0)))
    return tuple(table), depths


def test_random_programs_have_the_reference_id_and_facts(programs: Contract) -> None:
    for seed in range(150):
        check(programs, case(Seeded([seed, 20])).program)


def test_malformed_tables_have_the_reference_id_and_facts_or_are_refused(
    programs: Contract,
) -> None:
    refused = 0
    for seed in range(400):
        table, depths = hostile_table(Seeded([seed, 21]))
        try:
            program = Program(table, depths)
        except ProgramError:
            refused += 1
            with reverts("BadMicroSteps", 0):
                programs.register(b"".join(table), word(depths))
        else:
            check(programs, program)
    assert 5 < refused < 200


def test_each_rule_of_decodability(programs: Contract) -> None:
    for at, field in (*UNDECODABLE.values(), *DECODABLE.values()):
        packed = patched(DOT.pack(), at, field)
        program = Program((packed, DOT.pack()), rows.DEPTHS)
        check(programs, program)
        # Immediates: nobody looks at the rest of them.
        noisy = patched(patched(packed, 40, b"\1"), 72, b"\xff\xff\xff\xff")
        check(programs, Program((noisy, DOT.pack()), rows.DEPTHS))


def test_every_opcode_and_none(programs: Contract) -> None:
    for number in range(256):
        packed = patched(DOT.pack(), 0, bytes([number]))
        check(programs, Program((FILL.pack(), packed), rows.DEPTHS))


def test_the_count_of_a_row(programs: Contract) -> None:
    for dims, fold, _ in COUNTS:
        check(programs, Program.of([dataclasses.replace(DOT, dims=dims, fold=fold), DOT], DEEP))


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 7, 8, 9, 31, 32, 33, 69, 257])
def test_every_shape_of_tree(programs: Contract, size: int) -> None:
    table = [dataclasses.replace(FILL, fold=number % 7) for number in range(1, size + 1)]
    check(programs, Program.of(table, DEPTHS))


def test_registering_says_so_once(programs: Contract) -> None:
    program = Program.of([FILL, FILL], DEPTHS)
    assert programs.info(program.id) == (0, 0, 0, 0, 0)
    register(programs, program)
    (event,) = programs.chain.events
    assert event.name == "Registered"
    names = ("microSteps", "work", "words", "rows", "depths")
    assert event["id"] == program.id
    assert tuple(event[name] for name in names) == facts(program)
    assert event["tableRoot"] == program.header.table_root
    assert register(programs, program) == program.id
    assert programs.chain.events == []
    assert programs.info(program.id) == facts(program)


def test_the_same_rows_at_other_depths_are_another_program(programs: Contract) -> None:
    check(programs, Program.of([FILL], DEPTHS))
    check(programs, Program.of([FILL], Depths(1, 2, 1, 3)))


@pytest.mark.parametrize("size", [0, 1, ROW_BYTES - 1, ROW_BYTES + 1])
def test_part_of_a_row_is_refused(programs: Contract, size: int) -> None:
    with reverts("BadRowCount", size):
        programs.register((FILL.pack() * 2)[:size], word(DEPTHS))


def test_more_rows_than_a_program_has_are_refused(programs: Contract) -> None:
    with reverts("BadRowCount", 65_536 * ROW_BYTES):
        programs.register(FILL.pack() * 65_536, word(DEPTHS))


@pytest.mark.parametrize("segment", range(4))
def test_a_segment_that_is_too_deep_is_refused(programs: Contract, segment: int) -> None:
    depths = [14, 14, 14, 14]
    check(programs, Program.of([FILL], Depths(*depths)))
    depths[segment] = 15
    with reverts("BadDepths", word(Depths(*depths))):
        programs.register(FILL.pack(), word(Depths(*depths)))


def test_too_many_micro_steps_are_refused(programs: Contract) -> None:
    largest = dataclasses.replace(FILL, dims=(1, 1, 1 << 20, (1 << 28) - 1))  # 2^48 - 2^20
    most = 1 << 14
    check(programs, Program.of([largest] * most, DEPTHS))
    with reverts("BadMicroSteps", (most + 1) * largest.count):
        programs.register(largest.pack() * (most + 1), word(DEPTHS))


def test_work_that_does_not_fit_is_refused(programs: Contract) -> None:
    gather = dataclasses.replace(
        FILL, opcode=Opcode.GATHER, operands=FILL.operands * 3, dims=(1, 1, 1 << 20, 1 << 27)
    )
    count = (1 << 64) // Program.of([gather], DEPTHS).work
    check(programs, Program.of([gather] * count, DEPTHS))
    program = Program.of([gather] * (count + 1), DEPTHS)
    with reverts("TooMuchWork", program.work):
        register(programs, program)


def test_whatever_is_posted_is_registered_or_refused(programs: Contract) -> None:
    for seed in range(100):
        source = Seeded([seed, 22])
        depths = bytes(source.integer(0, 15) for _ in range(4))
        try:
            programs.register(source.bytes(source.integer(0, 4) * 80), int.from_bytes(depths))
        except Revert as revert:
            if revert.name not in REFUSALS:
                raise
