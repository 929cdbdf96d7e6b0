"""Rows, what makes them decodable, and what a program's id binds."""

import dataclasses
import struct
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prover.commit.keccak import keccak
from prover.commit.merkle import ceil_log2
from prover.errors import PositionError, ProgramError
from prover.ops import OPS, Opcode
from prover.program import Program, run_commitment
from prover.reference import place, position_of, row_at
from prover.row import (
    ROW_BYTES,
    Depths,
    Kind,
    Operand,
    Quad,
    RegisterId,
    Row,
    Segment,
    decode,
    index_of,
    register_id,
    segment_of,
)
from tests.prover.generators import (
    Case,
    Drawn,
    Seeded,
    case,
    cases,
    plan,
    row,
    spoiled,
    with_garbage,
)
from tests.prover.rows import (
    COUNTS,
    DECODABLE,
    DEPTHS,
    DOT,
    INPUT,
    LARGE,
    PARAM,
    UNDECODABLE,
    X,
    Y,
    patched,
)


def test_a_row_is_packed_as_the_protocol_says() -> None:
    packed = DOT.pack()
    assert len(packed) == ROW_BYTES
    assert packed[:40] == struct.pack(
        ">BBHIiIi5I", 0x21, 0, 0x8000, 24, 1, 7, -24, 1, 2, 3, 4, 6
    )  # fmt: skip
    assert packed[40:80] == struct.pack(
        ">BBHIi4iiIi", 2, 0, 0x4001, 200, -7, 50, 10, -2, 1, 3, 5, -9
    )  # fmt: skip
    assert packed[120:] == bytes(40)
    assert Operand.immediate(0xBF800000).pack()[:12] == bytes.fromhex("0100 0000 00000000 bf800000")


@given(st.data())
def test_packing_and_decoding_are_inverse(data: st.DataObject) -> None:
    source = Drawn(data.draw)
    planned = plan(source)
    one = row(source, planned)
    assert decode(one.pack(), planned.depths) == one
    assert decode(with_garbage(source, one.pack()), planned.depths) == one


@given(st.binary(min_size=ROW_BYTES, max_size=ROW_BYTES))
def test_any_160_bytes_decode_or_say_nothing(packed: bytes) -> None:
    decoded = decode(packed, DEPTHS)
    assert decoded is None or decoded.opcode == packed[0]


def test_an_unknown_opcode_is_not_decodable() -> None:
    for number in range(256):
        decoded = decode(patched(DOT.pack(), 0, bytes([number])), DEPTHS)
        assert decoded is None or number in OPS
    assert decode(patched(DOT.pack(), 0, bytes([Opcode.MAXF])), DEPTHS) is not None


@pytest.mark.parametrize(("at", "field"), UNDECODABLE.values(), ids=list(UNDECODABLE))
def test_each_rule_of_decodability(at: int, field: bytes) -> None:
    assert decode(DOT.pack(), DEPTHS) == DOT
    assert decode(patched(DOT.pack(), at, field), DEPTHS) is None


@pytest.mark.parametrize(("at", "field"), DECODABLE.values(), ids=list(DECODABLE))
def test_what_is_allowed(at: int, field: bytes) -> None:
    packed = patched(DOT.pack(), at, field)
    if field == b"\1":
        packed = patched(packed, 72, b"\xff\xff\xff\xff")
    assert decode(packed, DEPTHS) is not None


@pytest.mark.parametrize(("dims", "fold", "count"), COUNTS)
def test_the_count_of_a_row(dims: Quad, fold: int, count: int) -> None:
    assert dataclasses.replace(DOT, dims=dims, fold=fold).count == count


def test_digits_are_row_major() -> None:
    numbers = [DOT.digits(element) for element in range(DOT.elements)]
    assert numbers == [(0, j, k, m) for j in range(2) for k in range(3) for m in range(4)]


def test_addresses_are_affine_and_turn_with_the_step() -> None:
    assert X.address((0, 1, 2, 3), 4, 0) == -7 + 10 - 4 + 3 + 12
    assert X.address((0, 0, 0, 0), 0, 7) == -7 - 9 * 2
    assert X.address((0, 0, 0, 0), 0, 5 * 10**20 + 1) == -7 - 9
    assert Y.address((0, 0, 0, 0), 0, 3) == 0
    assert DOT.out_address(5, 8) == 1 - 24 + 5


def test_the_largest_addresses_fit_63_bits() -> None:
    low = -(2**31)
    far = Operand(Kind.REGISTER, INPUT, 1, low, (low,) * 4, low, LARGE, low)
    address = far.address((LARGE,) * 4, LARGE, LARGE - 1)
    assert address > -(2**62)
    assert address - 2**31 * 2**31 > -(2**63)  # GATHER's shift on top


def test_register_ids() -> None:
    assert register_id(Segment.SCRATCH, 5) == 0xC005
    for number in (0, 0x3FFF, 0x4000, 0x8001, 0xFFFF):
        assert register_id(segment_of(RegisterId(number)), index_of(RegisterId(number))) == number
    assert Depths(0, 0, 0, 3).holds(RegisterId(0xC007))
    assert not Depths(14, 14, 14, 3).holds(RegisterId(0xC008))


def test_the_id_binds_header_rows_and_depths() -> None:
    program = Program.of([DOT, DOT], DEPTHS)
    header = program.header
    packed = header.table_root + struct.pack(">IQ4B", 2, 288, *DEPTHS)
    assert header.pack() == packed
    assert program.id == keccak(b"\x08" + packed)
    assert run_commitment(program.id, 5) == keccak(b"\x09" + program.id + bytes(7) + b"\5")
    others = [
        Program.of([DOT], DEPTHS),
        Program.of([DOT, DOT, DOT], DEPTHS),
        Program.of([DOT, dataclasses.replace(DOT, out_offset=2)], DEPTHS),
        Program.of([DOT, DOT], Depths(2, 1, 1, 3)),
        # Where nobody looks it still is another table.
        Program((DOT.pack(), patched(DOT.pack(), 120, b"\1")), DEPTHS),
    ]
    assert len({program.id, *(other.id for other in others)}) == 1 + len(others)


def test_names_are_for_people() -> None:
    assert Program.of([DOT], DEPTHS, ["dot"]).id == Program.of([DOT], DEPTHS).id
    assert Program.of([DOT], DEPTHS, ["dot"]) == Program.of([DOT], DEPTHS)


def test_work_and_words() -> None:
    fill = Row(Opcode.MOVE, PARAM, 9, (1, 1, 1, 9), 1, (Operand.immediate(0),))
    empty = dataclasses.replace(DOT, fold=0)
    program = Program((DOT.pack(), bytes(ROW_BYTES), fill.pack(), empty.pack()), DEPTHS)
    assert program.counts == (144, 0, 9, 0)
    assert program.starts == (0, 144, 144, 153, 153)
    assert program.work == 144 * OPS[Opcode.DOT].weight + 9 * OPS[Opcode.MOVE].weight
    assert program.words == (24 + 200 + 12) + 9


@pytest.mark.parametrize(
    "make",
    [
        lambda: Program((), DEPTHS),
        lambda: Program((DOT.pack(),) * 65_536, DEPTHS),
        lambda: Program((DOT.pack() + b"\0",), DEPTHS),
        lambda: Program((DOT.pack(),), Depths(2, 1, 0, 15)),
        lambda: Program((DOT.pack(),), Depths(2, -1, 0, 3)),
        lambda: Program((bytes(ROW_BYTES),), DEPTHS),
        lambda: Program.of([dataclasses.replace(DOT, dims=(0, 1, 1, 1))], DEPTHS),
    ],
)
def test_what_is_no_program(make: Callable[[], Program]) -> None:
    with pytest.raises(ProgramError):
        make()


def test_micro_steps_stay_below_2_62() -> None:
    row_ = dataclasses.replace(DOT, dims=(1, 1, 1 << 20, 1 << 27), fold=1)
    packed = (row_.pack(),) * ((1 << 15) - 1)
    assert Program(packed, DEPTHS).micro_steps == (1 << 62) - (1 << 47)
    with pytest.raises(ProgramError):
        Program((*packed, row_.pack()), DEPTHS)


@given(cases(), st.data())
def test_places_and_positions_are_inverse(made: Case, data: st.DataObject) -> None:
    program = made.program
    position = data.draw(st.integers(0, 3 * program.micro_steps))
    where = place(program, made.first_step, position)
    assert program.counts[where.row] > 0
    assert where.step - made.first_step == position // program.micro_steps
    assert 0 <= where.fold_index < row_at(program, where.row).fold
    assert position_of(program, made.first_step, where) == position


def test_positions_of_a_table_with_holes_come_in_order() -> None:
    made = case(Seeded(3))
    program = made.program
    places = [place(program, 0, position) for position in range(2 * program.micro_steps)]
    assert places == sorted(places)
    assert len(set(places)) == len(places)


@pytest.mark.parametrize("index", [-1, 1, 2])
def test_rows_without_micro_steps_have_no_places(index: int) -> None:
    program = Program((DOT.pack(), bytes(ROW_BYTES)), DEPTHS)
    with pytest.raises(PositionError):
        row_at(program, index)


def test_hostile_tables_have_an_id_too() -> None:
    for seed in range(300):
        source = Seeded(seed)
        table = [spoiled(source, DOT.pack()) for _ in range(source.integer(1, 9))]
        program = Program((*table, DOT.pack()), DEPTHS)
        assert program.micro_steps == sum(program.counts)
        assert len(program.tree) == ceil_log2(len(table) + 1) + 1
