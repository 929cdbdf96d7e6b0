"""The op table: numbers, shapes and weights as the protocol states them; apply is total."""

from __future__ import annotations

import re
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prover import float32
from prover.ops import OPS, Opcode, UnknownOpcodeError, apply, is_opcode
from tests.prover import hardware, operands

PROTOCOL = Path(__file__).resolve().parents[2] / "docs" / "protocol.md"
CASES = 20_000

opcodes = st.sampled_from(Opcode)
words = st.integers(0, 2**32 - 1)


def test_the_codes_are_the_protocols() -> None:
    section = PROTOCOL.read_text(encoding="utf-8").split("\n## ")[4]
    assert section.startswith("4. Scalar operations")
    rows = re.findall(r"\| 0x([0-9a-f]{2}) \| ([A-Z_]+)\b", section)
    assert {name: int(code, 16) for code, name in rows} == Opcode.__members__


def test_the_table_has_one_stanza_an_opcode() -> None:
    assert list(OPS) == list(Opcode)
    for opcode, op in OPS.items():
        assert op.opcode is opcode
        assert op.name == opcode.name.lower()
        assert op.arity in (1, 2, 3)
        assert op.doc
        # Four bits each in the contracts.
        assert 1 <= op.weight <= 15


def test_four_ops_fold() -> None:
    assert {op.opcode: op.identity for op in OPS.values() if op.is_fold} == {
        Opcode.SUM: 0x00000000,
        Opcode.DOT: 0x00000000,
        Opcode.MAXF: 0xFF800000,
        Opcode.IDOT: 0x00000000,
    }
    assert all(op.identity == 0 for op in OPS.values() if not op.is_fold)


def test_the_table_is_not_to_be_changed() -> None:
    table: Any = OPS
    with pytest.raises(TypeError):
        table[Opcode.ADD] = OPS[Opcode.SUB]
    op: Any = OPS[Opcode.ADD]
    with pytest.raises(AttributeError):
        op.weight = 0


@pytest.mark.parametrize(
    "opcode", sorted(set(Opcode) - operands.FLOAT_OPS), ids=lambda opcode: opcode.name
)
def test_integer_ops_are_the_hardwares(opcode: Opcode) -> None:
    cases = operands.draw(opcode, CASES)
    expected = hardware.compute(opcode, cases).tolist()
    assert [apply(opcode, *case) for case in cases.tolist()] == expected


@given(opcodes, words, words, words, words)
def test_results_are_words(opcode: Opcode, acc: int, x: int, y: int, z: int) -> None:
    assert 0 <= apply(opcode, acc, x, y, z) < 2**32


@given(opcodes, words, words, words, words, words)
def test_what_an_op_does_not_use_is_ignored(
    opcode: Opcode, acc: int, x: int, y: int, z: int, other: int
) -> None:
    op = OPS[opcode]
    result = apply(opcode, acc, x, y, z)
    if not op.is_fold:
        assert apply(opcode, other, x, y, z) == result
    if op.arity < 3:
        assert apply(opcode, acc, x, y, other) == result
    if op.arity < 2:
        assert apply(opcode, acc, x, other, other) == result


@given(st.integers(-300, 600))
def test_numbers_that_name_no_op(number: int) -> None:
    assert is_opcode(number) == (number in list(Opcode))
    if not is_opcode(number):
        with pytest.raises(UnknownOpcodeError, match="names no op"):
            apply(number, 0, 0, 0, 0)


@given(st.lists(words, min_size=1, max_size=12))
def test_folds_start_at_their_identity(values: list[int]) -> None:
    total, greatest = OPS[Opcode.SUM].identity, OPS[Opcode.MAXF].identity
    dot = OPS[Opcode.DOT].identity
    for value in values:
        total = apply(Opcode.SUM, total, value, 0, 0)
        dot = apply(Opcode.DOT, dot, value, 0x3F800000, 0)
        greatest = apply(Opcode.MAXF, greatest, value, 0, 0)
    assert dot == total
    if any(map(float32.is_nan, values)):
        assert total == float32.CANONICAL_NAN
    else:
        assert greatest in values
        assert all(float32.le(value, greatest) for value in values)


@given(st.lists(st.tuples(words, words), min_size=1, max_size=12), st.randoms())
def test_an_integer_fold_does_not_hang_on_the_order(
    pairs: list[tuple[int, int]], random: Random
) -> None:
    totals = []
    for _ in range(3):
        total = OPS[Opcode.IDOT].identity
        for x, y in pairs:
            total = apply(Opcode.IDOT, total, x, y, 0)
        totals.append(total)
        random.shuffle(pairs)
    assert totals == [sum(x * y for x, y in pairs) % 2**32] * 3


def test_a_fold_of_nothing_but_negative_zeros_is_positive() -> None:
    assert apply(Opcode.SUM, OPS[Opcode.SUM].identity, 0x80000000, 0, 0) == 0
    assert apply(Opcode.DOT, OPS[Opcode.DOT].identity, 0x80000000, 0x3F800000, 0) == 0


def test_select_and_moves_copy_bits() -> None:
    payload = 0x7F812345  # a signalling NaN
    assert apply(Opcode.SELECT, 0, 1, payload, 0) == payload
    assert apply(Opcode.SELECT, 0, 0, 0, payload) == payload
    assert apply(Opcode.MOVE, 0, payload, 0, 0) == payload
    assert apply(Opcode.GATHER, 0, 0, 0, payload) == payload
