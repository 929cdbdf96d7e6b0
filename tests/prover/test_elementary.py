"""Elementary functions against float64, over dense samples of all floats.

`WORST` is what all 2^32 words gave, one by one: the greatest error in ulp and a word that has it.
Every special case was as here.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import special

from prover.backends import backend
from prover.ops import OPS
from prover.tracer import elementary, erf, gelu, sigmoid, tanh
from prover.tracer.nn.activations import normal
from tests.prover.traced import evaluate, opcodes, program_of

Floats = NDArray[np.float32]
Function = Callable[[Any], Any]


def exp(x: Any) -> Any:
    return x.__array_namespace__().exp(x)


def log(x: Any) -> Any:
    return x.__array_namespace__().log(x)


EXACT: dict[Function, Function] = {
    exp: np.exp, log: np.log, tanh: np.tanh, erf: special.erf, sigmoid: special.expit,
    normal: lambda x: special.erf(x * np.sqrt(0.5)) / 2,
}  # fmt: skip
"""In float64, good to far below a float32's ulp."""
WORST: dict[Function, tuple[float, int]] = {
    exp: (0.90910554677248, 0x40A664C0),
    log: (0.95339778624475, 0x3F243181),
    tanh: (1.451024241745472, 0x3F1396C7),
    erf: (1.478598078712821, 0x3F3E9E6F),
    sigmoid: (2.401876738294959, 0xC085088D),
    normal: (6.152426978573203, 0x3D99F2B3),
}
ROWS: dict[Function, tuple[elementary.Elementary, int]] = {
    exp: (elementary.exp, 20),
    log: (elementary.log, 23),
    tanh: (elementary.tanh, 26),
    erf: (elementary.erf, 28),
    sigmoid: (elementary.sigmoid, 23),
    normal: (elementary.normal, 21),
}
ODD: dict[Function, float] = {tanh: 1, erf: 1, normal: 0.5}
"""Odd functions, and where they end."""
WORST_GELU = (2.215272729722329, 0x4002F3D4)
"""Of gelu beside x, in units of 2^-24 |x|, and a word that has it."""
WORST_GELU_ABOVE = (1.9037301186472178, 0x3F8A9E73)
"""Of gelu for x > 0, in ulp, and a word that has it."""


def error(actual: Floats, exact: NDArray[np.float64]) -> float:
    """The greatest distance in units of the exact value's last place, subnormals' included."""
    with np.errstate(all="ignore"):
        exponent = np.floor(np.log2(np.abs(exact)))
    exponent = np.clip(np.where(np.isfinite(exponent), exponent, -126), -126, 127)
    return float(np.max(np.abs(actual.astype(np.float64) - exact) / np.exp2(exponent - 23)))


def compare(function: Function, x: Floats) -> float:
    actual = evaluate(function, x)
    with np.errstate(all="ignore"):
        exact = EXACT[function](x.astype(np.float64))
        rounded = exact.astype(np.float32)
    plain = np.isfinite(actual) & np.isfinite(rounded)
    same = (actual == rounded) | (np.isnan(actual) & np.isnan(rounded))
    assert same[~plain].all()
    return error(actual[plain], exact[plain])


@pytest.mark.parametrize("function", EXACT)
def test_a_million_words_of_all(function: Function) -> None:
    words = np.arange(0, 1 << 32, 4099, dtype=np.uint64).astype(np.uint32)
    assert compare(function, words.view(np.float32)) <= WORST[function][0]


@pytest.mark.parametrize(
    ("function", "low", "high"),
    [
        (exp, -105, 90), (exp, -1, 1), (exp, -104, -87), (exp, 88.5, 89),
        (log, 0.3, 3), (log, 0.99, 1.01), (log, 0, 1e-37),
        (tanh, -10, 10), (tanh, 0.5, 0.7), (tanh, -0.001, 0.001), (tanh, 8.9, 9.4),
        (erf, -5, 5), (erf, 0.6, 0.9), (erf, -0.01, 0.01), (erf, 3.8, 4),
        (sigmoid, -104.5, 20), (sigmoid, -4, 4), (sigmoid, -104.5, -86),
        (normal, -6, 6), (normal, -0.2, 0.2), (normal, 5.2, 5.5),
    ],
)  # fmt: skip
def test_where_it_matters(function: Function, low: float, high: float) -> None:
    x = np.linspace(low, high, 400_001).astype(np.float32)
    assert compare(function, x) <= WORST[function][0]


@pytest.mark.parametrize("function", EXACT)
def test_the_worst_words_are_as_bad_as_published(function: Function) -> None:
    worst, word = WORST[function]
    assert compare(function, np.array([word], np.uint32).view(np.float32)) == worst


@pytest.mark.parametrize("function", EXACT)
def test_the_reference_gives_the_same_bits(function: Function) -> None:
    words = np.arange(5, 1 << 32, 11_000_003, dtype=np.uint64).astype(np.uint32)
    specials = np.array([0, 1, 0x7F800000, 0x7F800001, 0x7FFFFFFF, 0x3F800000], np.uint32)
    words = np.concatenate([words, specials, specials | np.uint32(0x80000000)])
    fast = evaluate(function, words.view(np.float32))
    slow = evaluate(function, words.view(np.float32), used=backend("reference"))
    assert np.array_equal(fast.view(np.uint32), slow.view(np.uint32))


@pytest.mark.parametrize("function", ODD)
def test_odd_functions_are_odd_and_end_where_they_should(function: Function) -> None:
    words = np.arange(1, 0x7F800001, 2_000_003, dtype=np.uint32)
    x = np.append(words, np.uint32(0x7F800000)).view(np.float32)
    above, below = evaluate(function, x), evaluate(function, -x)
    assert np.array_equal(above.view(np.uint32) | np.uint32(0x80000000), below.view(np.uint32))
    assert above.max() == above[-1] == ODD[function]


def errors_of_gelu(x: Floats) -> tuple[float, float]:
    """The greatest error beside |x| in units of 2^-24, and in ulp of the result for x > 0."""
    exact = x.astype(np.float64)
    exact *= special.erfc(exact * -np.sqrt(0.5)) / 2
    actual = evaluate(gelu, x)
    above = x > 0
    beside = np.abs(actual - exact) / np.abs(x.astype(np.float64)) * 2**24
    return float(beside.max()), error(actual[above], exact[above]) if above.any() else 0.0


def test_gelu_is_near_beside_x() -> None:
    for x in (
        np.linspace(-6, 6, 400_000).astype(np.float32),
        np.arange(0x3F000000, 0x40C00000, 97, dtype=np.uint32).view(np.float32),
        np.arange(0xBF000000, 0xC0C00000, 97, dtype=np.uint32).view(np.float32),
        np.geomspace(1e-37, 1e38, 100_000).astype(np.float32),
    ):
        beside, above = errors_of_gelu(x)
        assert beside <= WORST_GELU[0]
        assert above <= WORST_GELU_ABOVE[0]
    for place, (worst, word) in enumerate((WORST_GELU, WORST_GELU_ABOVE)):
        assert errors_of_gelu(np.array([word], np.uint32).view(np.float32))[place] == worst


def test_gelu_at_its_ends() -> None:
    x = np.array([0, 1e-45, 3e38, np.inf, -5.4375, -100, -3e38, -np.inf, np.nan], np.float32)
    expected = np.array([0, 0, 3e38, np.inf, 0, 0, 0, np.nan, np.nan], np.float32)
    assert np.array_equal(evaluate(gelu, x), expected, equal_nan=True)


@pytest.mark.parametrize(
    ("x", "expected"),
    [
        (0.0, 1.0), (-0.0, 1.0), (1e-45, 1.0), (np.inf, np.inf), (-np.inf, 0.0), (np.nan, np.nan),
        (88.72283, 3.4027979e38), (88.72284, np.inf), (3.4e38, np.inf), (-3.4e38, 0.0),
        (-103.2789, 1.4e-45), (-103.98, 0.0), (-87.33655, 1.17549e-38),
    ],
)  # fmt: skip
def test_exp_at_its_ends(x: float, expected: float) -> None:
    (actual,) = evaluate(exp, np.array([x], np.float32))
    assert actual == pytest.approx(np.float32(expected), rel=3e-5, nan_ok=True)
    assert not np.signbit(actual)


@pytest.mark.parametrize(
    ("x", "expected"),
    [
        (1.0, 0.0), (0.0, -np.inf), (-0.0, -np.inf), (np.inf, np.inf), (-np.inf, np.nan),
        (-1.0, np.nan), (-1e-45, np.nan), (np.nan, np.nan), (1e-45, -103.27893),
        (3.4028235e38, 88.72284), (1.17549435e-38, -87.33655),
    ],
)  # fmt: skip
def test_log_at_its_ends(x: float, expected: float) -> None:
    (actual,) = evaluate(log, np.array([x], np.float32))
    assert actual == pytest.approx(np.float32(expected), rel=1e-6, nan_ok=True)


@pytest.mark.parametrize(
    ("x", "expected"),
    [
        (0.0, 0.5), (-0.0, 0.5), (np.inf, 1.0), (-np.inf, 0.0), (np.nan, np.nan), (3.4e38, 1.0),
        (-3.4e38, 0.0), (-87.5, 9.98e-39), (-103.2789, 1.4e-45), (-103.98, 0.0),
    ],
)  # fmt: skip
def test_sigmoid_at_its_ends(x: float, expected: float) -> None:
    (actual,) = evaluate(sigmoid, np.array([x], np.float32))
    assert actual == pytest.approx(np.float32(expected), rel=1e-3, nan_ok=True)
    assert not np.signbit(actual)


def test_nans_are_canonical() -> None:
    payloads = np.array([0x7F800001, 0xFFC00001, 0xFFFFFFFF], np.uint32).view(np.float32)
    for function in EXACT:
        assert evaluate(function, payloads).view(np.uint32).tolist() == [0x7FC00000] * 3


@pytest.mark.parametrize("function", ROWS)
def test_lengths(function: Function) -> None:
    line, rows = ROWS[function]
    program = program_of(function, np.ones(5, np.float32)).program
    assert len(program.packed) == elementary.rows(line) == rows
    assert all(not OPS[row.opcode].is_fold for row in program.rows if row)
    assert set(opcodes(program)) <= {op.name for op in OPS} - {"GATHER"}
