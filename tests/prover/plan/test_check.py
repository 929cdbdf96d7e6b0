"""What `check` says of rows that are useless or dear, and that it is silent about good ones."""

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given, settings

from prover.ops import Opcode
from prover.plan.check import Bounds, Finding, Rank, check
from prover.program import Program
from prover.row import Depths, Kind, Operand, RegisterId, Row, Segment, register_id
from prover.tracer.described import layouts_of
from tests.prover.generators import Case, Seeded, cases
from tests.prover.plan import drawn

DEPTHS = Depths(1, 1, 1, 1)
P0, P1 = (register_id(Segment.PARAMS, place) for place in range(2))
I0, I1 = (register_id(Segment.INPUTS, place) for place in range(2))
O0, O1 = (register_id(Segment.OUTPUTS, place) for place in range(2))
S0, S1 = (register_id(Segment.SCRATCH, place) for place in range(2))


def at(register: RegisterId, length: int = 4, **changed: object) -> Operand:
    """A register's words in order."""
    usual = Operand(Kind.REGISTER, register, length, strides=(0, 0, 0, 1))
    return replace(usual, **changed)  # type: ignore[arg-type]


def move(source: Operand, out: RegisterId, **changed: object) -> Row:
    usual = Row(Opcode.MOVE, out, 4, (1, 1, 1, 4), 1, (source,))
    return replace(usual, **changed)  # type: ignore[arg-type]


def of(*rows: Row) -> Program:
    return Program.of(rows, DEPTHS)


def said(found: Sequence[Finding]) -> list[tuple[str, str, int | None]]:
    return [(one.rank.value, one.kind, one.row) for one in found]


GOOD = move(at(I0), O0)


def test_a_good_program_is_passed_in_silence() -> None:
    assert check(of(move(at(I0), S0), move(at(S0), O0))) == []


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        pytest.param([replace(GOOD, dims=(1, 0, 1, 4))], ("wrong", "no-micro-steps", 1), id="none"),
        pytest.param(
            [replace(GOOD, dims=(1 << 20, 1 << 20, 1 << 20, 1))],
            ("wrong", "no-micro-steps", 1),
            id="too many",
        ),
        pytest.param([move(at(S0), O0)], ("wrong", "unwritten-scratch", 1), id="scratch"),
        pytest.param(
            [move(at(I0), S0), move(at(S0, 5), O0)], ("wrong", "lengths", 2), id="scratch's length"
        ),
        pytest.param([move(at(I0, 5), O0)], ("wrong", "lengths", 1), id="an input's length"),
        pytest.param([move(at(I0), O0, out_length=9)], ("wrong", "lengths", 1), id="an output's"),
        pytest.param([move(at(I0, offset=4), O0)], ("wrong", "reads-nothing", 1), id="beyond"),
        pytest.param([move(at(I0, offset=-9), O0)], ("wrong", "reads-nothing", 1), id="before"),
        pytest.param([move(at(I0, offset=-1), O0)], ("note", "reads-outside", 1), id="padding"),
        pytest.param(
            [move(at(I0, step_modulus=2, step_stride=4), O0)],
            ("note", "reads-outside", 1),
            id="in a later step",
        ),
        pytest.param([move(at(I0), O0, out_offset=1)], ("wrong", "writes-outside", 1), id="lost"),
        pytest.param([move(at(I0), S0)], ("costly", "unused-result", 1), id="unused"),
        pytest.param(
            [move(at(I0), S0), move(at(S0), S1)], ("costly", "unused-result", 1), id="unused chain"
        ),
        pytest.param([move(at(I0), O0, fold=3)], ("costly", "idle-fold", 1), id="idle fold"),
        pytest.param([move(at(I0), O1)], None, id="both outputs"),
        pytest.param(
            [move(at(P0, strides=(0, 0, 0, -1), offset=3), P0)],
            ("costly", "no-plan", None),
            id="plan",
        ),
    ],
)
def test_each_thing_is_found_at_its_row(
    rows: list[Row], expected: tuple[str, str, int | None] | None
) -> None:
    found = check(of(GOOD, *rows))
    assert (expected in said(found)) if expected else found == []
    for one in found:
        assert one.text
        assert "\n" not in one.text


@pytest.mark.parametrize(
    ("place", "byte", "words"),
    [
        (0, 0x7F, "opcode 0x7f names no op"),
        (2, 0x40, "it writes into the inputs"),
        (1, 1, "a field, register or operand"),
        (40, 0, "a field, register or operand"),
    ],
)
def test_undecodable_rows_say_why(place: int, byte: int, words: str) -> None:
    bent = bytearray(GOOD.pack())
    bent[place] = byte
    (found,) = check(Program((GOOD.pack(), bytes(bent)), DEPTHS))
    assert (found.rank, found.kind, found.row) == (Rank.WRONG, "undecodable", 1)
    assert found.text.startswith(words)


def test_outputs_that_nobody_writes_are_found_by_number_and_by_name() -> None:
    assert said(check(of(move(at(I0), O1)))) == [("wrong", "unwritten-output", None)]
    found = check(of(GOOD), names={O0: "loss", O1: "scores", I0: "x"})
    assert [one.text for one in found] == ["output scores is never written"]


def test_a_program_without_an_end_is_useless() -> None:
    assert said(check(of(move(at(I0), S0)))) == [
        ("wrong", "leaves-nothing", None),
        ("costly", "unused-result", 0),
    ]


def test_registers_that_nobody_uses_are_noted_where_names_are_known() -> None:
    found = check(of(GOOD), names={P0: "w", I0: "x", I1: "labels", O0: "loss"})
    assert [(one.rank.value, one.text) for one in found] == [
        ("note", "param w is never used"),
        ("note", "input labels is never used"),
    ]


def test_a_gathers_addresses_are_data() -> None:
    row = Row(
        Opcode.GATHER, O0, 4, (1, 1, 1, 4), 1,
        (at(I1), Operand.immediate(3), at(I0, 12, offset=100)),
    )  # fmt: skip
    assert check(of(row)) == []


def test_parts_of_a_value_are_used_together() -> None:
    halves = [
        move(at(I0, 2), S0, dims=(1, 1, 1, 2)),
        move(at(I0, 2), S0, dims=(1, 1, 1, 2), out_offset=2),
    ]
    assert check(of(*halves, move(at(S0), O0))) == []


@pytest.mark.parametrize(
    ("field", "what"), [("rows", "rows"), ("words", "words"), ("work", "work")]
)
def test_caps_hold_to_the_last_one(field: str, what: str) -> None:
    program = of(GOOD, GOOD)
    exact = Bounds("small", 2, program.words, program.work)
    assert check(program, exact) == []
    (found,) = check(program, replace(exact, **{field: getattr(exact, field) - 1}))
    assert (found.rank, found.kind, found.row) == (Rank.WRONG, "over-cap", None)
    assert found.text.startswith(what)
    assert "preset small takes at most" in found.text


def test_the_worst_comes_first() -> None:
    found = check(of(move(at(I0), S0), move(at(I0, offset=-1), O0), move(at(I0, offset=9), O0)))
    assert said(found) == [
        ("wrong", "reads-nothing", 2),
        ("costly", "unused-result", 0),
        ("note", "reads-outside", 1),
    ]


@settings(max_examples=40, deadline=None)
@given(cases())
def test_hostile_programs_are_read_to_the_end(case: Case) -> None:
    for one in check(case.program):
        assert one.row is None or 0 <= one.row < len(case.program.packed)
    undecodable = {index for index, row in enumerate(case.program.rows) if row is None}
    assert undecodable == {one.row for one in check(case.program) if one.kind == "undecodable"}


@pytest.mark.parametrize("seed", range(12))
def test_traced_programs_do_nothing_in_vain(seed: int) -> None:
    traced, _, _ = drawn.traced(Seeded(seed))
    found = check(traced.program, names=layouts_of(traced).names)
    assert [one for one in found if one.rank != Rank.NOTE] == []
