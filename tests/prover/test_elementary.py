"""exp and log against float64, over dense samples of all floats.

Measured over every seventh of all 2^32 words: exp at most 0.909 ulp (at 5.2), log at most 0.945 ulp
(at 0.633), and every special case as here.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from prover.ops import OPS
from prover.tracer import elementary
from tests.prover.traced import evaluate, opcodes, program_of

Floats = NDArray[np.float32]
BOUND = 1.5


def exp(x: Any) -> Any:
    return x.__array_namespace__().exp(x)


def log(x: Any) -> Any:
    return x.__array_namespace__().log(x)


def error(actual: Floats, exact: NDArray[np.float64]) -> float:
    """The greatest distance in units of the exact value's last place, subnormals' included."""
    with np.errstate(all="ignore"):
        exponent = np.floor(np.log2(np.abs(exact)))
    exponent = np.clip(np.where(np.isfinite(exponent), exponent, -126), -126, 127)
    return float(np.max(np.abs(actual.astype(np.float64) - exact) / np.exp2(exponent - 23)))


def compare(function: Callable[[Any], Any], x: Floats) -> float:
    actual = evaluate(function, x)
    with np.errstate(all="ignore"):
        exact = function(x.astype(np.float64))
        rounded = exact.astype(np.float32)
    plain = np.isfinite(actual) & np.isfinite(rounded)
    same = (actual == rounded) | (np.isnan(actual) & np.isnan(rounded))
    assert same[~plain].all()
    return error(actual[plain], exact[plain])


@pytest.mark.parametrize("function", [exp, log])
def test_a_million_words_of_all(function: Callable[[Any], Any]) -> None:
    words = np.arange(0, 1 << 32, 4099, dtype=np.uint64).astype(np.uint32)
    assert compare(function, words.view(np.float32)) < BOUND


@pytest.mark.parametrize(
    ("function", "low", "high"),
    [
        (exp, -105, 90), (exp, -1, 1), (exp, -104, -87), (exp, 88.5, 89),
        (log, 0.3, 3), (log, 0.99, 1.01), (log, 0, 1e-37),
    ],
)  # fmt: skip
def test_where_it_matters(function: Callable[[Any], Any], low: float, high: float) -> None:
    assert compare(function, np.linspace(low, high, 400_001).astype(np.float32)) < BOUND


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


def test_nans_are_canonical() -> None:
    payloads = np.array([0x7F800001, 0xFFC00001, 0xFFFFFFFF], np.uint32).view(np.float32)
    for function in (exp, log):
        assert evaluate(function, payloads).view(np.uint32).tolist() == [0x7FC00000] * 3


@pytest.mark.parametrize(
    ("function", "rows"), [(exp, elementary.EXP_ROWS), (log, elementary.LOG_ROWS)]
)
def test_lengths(function: Callable[[Any], Any], rows: int) -> None:
    program = program_of(function, np.ones(5, np.float32)).program
    assert len(program.packed) == rows
    assert all(not OPS[row.opcode].is_fold for row in program.rows if row)
    assert set(opcodes(program)) <= {op.name for op in OPS}
