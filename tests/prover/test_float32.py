"""The reference's floats are the hardware's, bit for bit, and obey what IEEE-754 promises."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from prover import float32
from prover.float32 import CANONICAL_NAN, FALSE, INFINITY, SIGN_BIT, TRUE
from prover.ops import Opcode, apply
from tests.prover import hardware, operands
from tests.prover.operands import FLOAT_OPS, SEED

CASES = 40_000
EXACT_CASES = 3_000

ONE = 0x3F800000

words = st.one_of(
    st.integers(0, 2**32 - 1),
    st.sampled_from([int(word) for word in operands.SPECIAL]),
    st.builds(lambda word: word & 0x807FFFFF, st.integers(0, 2**32 - 1)),
    st.builds(
        lambda word, field: (word & 0x807FFFFF) | field << 23,
        st.integers(0, 2**32 - 1),
        st.integers(110, 144),
    ),
)
finite = words.filter(lambda word: word & ~SIGN_BIT < INFINITY)
numbers = words.filter(lambda word: not float32.is_nan(word))


def negated(x: int) -> int:
    return x ^ SIGN_BIT


@pytest.mark.parametrize("opcode", sorted(FLOAT_OPS), ids=lambda opcode: opcode.name)
def test_every_op_is_the_hardwares(opcode: Opcode) -> None:
    print(f"seed {SEED}")
    cases = operands.draw(opcode, CASES)
    expected = hardware.compute(opcode, cases).tolist()
    wrong = [
        f"{opcode.name}{[f'{word:#010x}' for word in case]}: {result:#010x}, not {right:#010x}"
        for case, right in zip(cases.tolist(), expected, strict=True)
        if (result := apply(opcode, *case)) != right
    ]
    assert wrong[:5] == []


@pytest.mark.parametrize("opcode", list(Opcode), ids=lambda opcode: opcode.name)
def test_hard_cases(opcode: Opcode) -> None:
    chosen = [vector for vector in operands.vectors() if vector.opcode is opcode]
    assert chosen
    wrong = [v for v in chosen if apply(opcode, *v.words) != v.result]
    assert wrong == []


@pytest.mark.parametrize(
    ("opcode", "exactly"),
    [
        (Opcode.ADD, lambda x, y, z: x + y),
        (Opcode.SUB, lambda x, y, z: x - y),
        (Opcode.MUL, lambda x, y, z: x * y),
        (Opcode.FMA, lambda x, y, z: x * y + z),
        (Opcode.DIV, lambda x, y, z: x / y if y else None),
    ],
    ids=["ADD", "SUB", "MUL", "FMA", "DIV"],
)
def test_results_are_the_floats_nearest_to_the_rational_ones(
    opcode: Opcode, exactly: Callable[..., Fraction | None]
) -> None:
    checked = 0
    for case in operands.draw(opcode, EXACT_CASES, seed=SEED + 1).tolist():
        if any(word & ~SIGN_BIT >= INFINITY for word in case):
            continue
        exact = exactly(*map(fraction, case[1:]))
        if exact is None:
            continue
        assert_nearest(apply(opcode, *case), exact)
        checked += 1
    assert checked > EXACT_CASES / 2


def test_square_roots_are_the_floats_nearest_to_the_real_ones() -> None:
    for _, x, _, _ in operands.draw(Opcode.SQRT, EXACT_CASES, seed=SEED + 1).tolist():
        if not 0 < x < INFINITY:
            continue
        root = float32.sqrt(x)
        # Between the squares of the points halfway to the neighbours; no square is one of those.
        below, above = (
            (fraction(root) + fraction(neighbour)) / 2 for neighbour in (root - 1, root + 1)
        )
        assert below**2 < fraction(x) < above**2


def fraction(x: int) -> Fraction:
    return Fraction(float32.to_float(x))


def assert_nearest(result: int, exact: Fraction) -> None:
    """`result` is the float nearest to `exact`, ties to even, by comparison with its neighbours."""
    magnitude, target = result & ~SIGN_BIT, abs(exact)
    if exact:
        assert (result >= SIGN_BIT) == (exact < 0)
    even = magnitude % 2 == 0
    assert magnitude <= INFINITY
    here = stretched(magnitude)
    if magnitude < INFINITY:
        middle = (here + stretched(magnitude + 1)) / 2
        assert target < middle or (even and target == middle)
    if magnitude > 0:
        middle = (stretched(magnitude - 1) + here) / 2
        assert target > middle or (even and target == middle)


def stretched(magnitude: int) -> Fraction:
    """A magnitude's value; 2**128 for infinity, since rounding is what decides overflow."""
    return Fraction(2) ** 128 if magnitude == INFINITY else fraction(magnitude)


@given(words, words)
def test_sums_and_products_commute(x: int, y: int) -> None:
    assert float32.add(x, y) == float32.add(y, x)
    assert float32.mul(x, y) == float32.mul(y, x)


@given(words, words, words)
def test_fma_joins_products_and_sums(x: int, y: int, z: int) -> None:
    assert float32.fma(x, y, z) == float32.fma(y, x, z)
    assert float32.fma(x, ONE, z) == float32.add(x, z)
    # -0 adds nothing, not even to a zero's sign, as +0 would.
    assert float32.fma(x, y, SIGN_BIT) == float32.mul(x, y)


@given(words, words, words)
def test_signs_pull_out(x: int, y: int, z: int) -> None:
    product = float32.mul(x, y)
    if product == CANONICAL_NAN:
        assert float32.mul(negated(x), y) == CANONICAL_NAN
    else:
        assert float32.mul(negated(x), y) == negated(product)
        assert float32.mul(negated(x), negated(y)) == product
    total = float32.fma(x, y, z)
    mirrored = float32.fma(negated(x), y, negated(z))
    if total & ~SIGN_BIT in (0, CANONICAL_NAN):
        assert mirrored & ~SIGN_BIT == total & ~SIGN_BIT
    else:
        assert mirrored == negated(total)


@given(finite, words)
def test_subtraction_adds_the_opposite(x: int, y: int) -> None:
    assert float32.sub(x, x) == 0
    assert float32.sub(x, y) == float32.add(x, negated(y))


@given(finite)
def test_neutral_words(x: int) -> None:
    assert float32.add(x, SIGN_BIT) == x
    assert float32.mul(x, ONE) == x
    assert float32.div(x, ONE) == x
    assert float32.maximum(x, INFINITY | SIGN_BIT) == x
    if x & ~SIGN_BIT:
        assert float32.div(x, x) == ONE


@given(finite, finite)
def test_quotients_are_undone_where_they_are_exact(x: int, y: int) -> None:
    quotient = float32.div(x, y)
    assume(quotient & ~SIGN_BIT < INFINITY and y & ~SIGN_BIT)
    if fraction(quotient) * fraction(y) == fraction(x):
        assert fraction(float32.mul(quotient, y)) == fraction(x)


@given(finite, st.integers(1, 253))
def test_dividing_by_a_power_of_two_is_multiplying_by_its_inverse(x: int, field: int) -> None:
    assert float32.div(x, field << 23) == float32.mul(x, (254 - field) << 23)


@given(numbers, numbers, finite)
def test_rounding_keeps_order(x: int, y: int, z: int) -> None:
    if float32.lt(y, x):
        x, y = y, x
    assert float32.le(float32.add(x, z), float32.add(y, z)) == TRUE
    if 0 < z < SIGN_BIT:
        assert float32.le(float32.mul(x, z), float32.mul(y, z)) == TRUE
        assert float32.le(float32.div(x, z), float32.div(y, z)) == TRUE


@given(st.integers(0, INFINITY), st.integers(0, INFINITY))
def test_square_roots_keep_order(x: int, y: int) -> None:
    x, y = sorted((x, y))
    assert float32.sqrt(x) <= float32.sqrt(y)  # positive words are in the order of their values


@given(st.integers(0, 0x7FFFFF), st.integers(65, 190))
def test_the_root_of_a_square_is_the_number(significand: int, field: int) -> None:
    x = field << 23 | significand
    assert float32.sqrt(float32.mul(x, x)) == x


@given(words, words)
def test_comparisons_agree(x: int, y: int) -> None:
    outcomes = [float32.lt(x, y), float32.eq(x, y), float32.lt(y, x)]
    if float32.is_nan(x) or float32.is_nan(y):
        assert outcomes == [FALSE, FALSE, FALSE]
        assert float32.le(x, y) == FALSE
    else:
        assert sorted(outcomes) == [FALSE, FALSE, TRUE]
        assert float32.le(x, y) == outcomes[0] | outcomes[1]


@given(words, words)
def test_the_maximum_is_what_its_definition_says(x: int, y: int) -> None:
    chosen = x if float32.lt(y, x) else y
    assert float32.maximum(x, y) == (CANONICAL_NAN if float32.is_nan(chosen) else chosen)


@given(words, words, words)
def test_nan_results_are_canonical(x: int, y: int, z: int) -> None:
    for result in (
        float32.add(x, y),
        float32.sub(x, y),
        float32.mul(x, y),
        float32.fma(x, y, z),
        float32.div(x, y),
        float32.sqrt(x),
        float32.maximum(x, y),
    ):
        assert 0 <= result < 2**32
        assert result == CANONICAL_NAN or not float32.is_nan(result)


@given(st.integers(-(2**24), 2**24))
def test_small_integers_survive_conversion(value: int) -> None:
    word = value & 0xFFFFFFFF
    converted = float32.from_int(word)
    assert float32.to_float(converted) == value
    assert float32.to_int_nearest(converted) == float32.to_int_zero(converted) == word


@given(words)
def test_conversions_to_integers_round_and_saturate(x: int) -> None:
    nearest, truncated = (
        float32.to_signed(convert(x)) for convert in (float32.to_int_nearest, float32.to_int_zero)
    )
    value = float32.to_float(x)
    if float32.is_nan(x):
        assert nearest == truncated == 0
    elif abs(value) < 2**31:
        assert nearest == round(value)  # Python rounds halves to even as well
        assert truncated == int(value)
    else:
        assert nearest == truncated == (2**31 - 1 if value > 0 else -(2**31))


@given(words)
def test_words_and_python_floats(x: int) -> None:
    back = float32.from_float(float32.to_float(x))
    assert back == (CANONICAL_NAN if float32.is_nan(x) else x)


def test_python_floats_round_to_words() -> None:
    assert float32.from_float(1.0) == ONE
    assert float32.from_float(1.0 + 2.0**-24) == ONE
    assert float32.from_float(1e300) == INFINITY
    assert float32.from_float(-1e300) == INFINITY | SIGN_BIT
    assert float32.from_float(-0.0) == SIGN_BIT
    assert float32.from_float(2.0**-149) == 1
