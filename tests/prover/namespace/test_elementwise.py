"""Functions of elements: to the bit where they are exact, within ulps where they are lowered."""

from typing import Any

import numpy as np
import pytest

from prover.tracer import namespace_of
from tests.prover.namespace.everywhere import TORCH, Function, on, same_bits, traced, ulps
from tests.prover.traced import evaluate, floats

A, B, V = floats(3, 4), floats(3, 4, seed=1), floats(4, seed=2)
EDGES = np.array(
    [0, -0.0, 0.3, -0.3, 0.5, -0.5, 1, 1.5, 2.5, -2.5, 3.5, 0.49999997, -0.99999994, 8388607.5,
     -8388607.5, 8388608, -8388609, 16777218, 3e9, -3e9, 1e38, 1e-40, -1e-40, np.inf, -np.inf,
     np.nan], np.float32,
)  # fmt: skip
OTHERS = np.roll(EDGES, 5)
LOW, HIGH = -(2**31), 2**31 - 1
INTS = np.array([0, 1, -1, 2, 7, -7, 8, -8, 100, 12345, -12345, HIGH, LOW, LOW + 1], np.int32)
SMALL = np.array([0, 1, 2, 3, 5, 8, 13, 31, 30, 4, 1, 0, 9, 17], np.int32)
P, Q = A > 0, B > 0

EXACT: dict[str, tuple[Function, tuple[Any, ...]]] = {
    "arithmetic": (
        lambda xp, a, b: [xp.add(a, b), xp.subtract(a, b), xp.multiply(a, b), xp.divide(a, b),
                          xp.negative(a), xp.positive(a), xp.square(a), xp.reciprocal(a)],
        (EDGES, OTHERS)),
    "arithmetic of ints": (
        lambda xp, i, j: [xp.add(i, j), xp.subtract(i, j), xp.multiply(i, j), xp.negative(i),
                          xp.abs(i), xp.square(i), xp.sign(i)], (INTS, SMALL)),
    "signs": (
        lambda xp, a, b: [xp.abs(a), xp.signbit(a), xp.copysign(a, b), xp.sqrt(xp.abs(a))],
        (EDGES, OTHERS)),
    "sign": (lambda xp, a: xp.sign(a) + 0.0, (EDGES,)),
    "rounding": (
        lambda xp, a: [xp.floor(a), xp.ceil(a), xp.round(a), xp.trunc(a)], (EDGES,)),
    "rounding of ints": (
        lambda xp, i: [xp.floor(i), xp.ceil(i), xp.round(i), xp.trunc(i)], (INTS,)),
    "kinds": (lambda xp, a: [xp.isnan(a), xp.isinf(a), xp.isfinite(a)], (EDGES,)),
    "comparisons": (
        lambda xp, a, b: [xp.less(a, b), xp.less_equal(a, b), xp.greater(a, b),
                          xp.greater_equal(a, b), xp.equal(a, b), xp.not_equal(a, b)],
        (EDGES, OTHERS)),
    "comparisons of ints": (
        lambda xp, i, j: [xp.less(i, j), xp.less_equal(i, j), xp.greater(i, j),
                          xp.greater_equal(i, j), xp.equal(i, j), xp.not_equal(i, j)],
        (INTS, INTS[::-1].copy())),
    "extremes": (lambda xp, a, b: [xp.maximum(a, b) + 0.0, xp.minimum(a, b) + 0.0],
                 (EDGES[:-1], EDGES[-2::-1].copy())),
    "extremes of ints": (lambda xp, i, j: [xp.maximum(i, j), xp.minimum(i, j)], (INTS, SMALL)),
    "clip": (lambda xp, a, v: [xp.clip(a, -0.5, 0.5), xp.clip(a, min=0.25), xp.clip(a, max=0.25),
                               xp.clip(a), xp.clip(a, v, 9.0), xp.clip(a, max=v)], (A, V)),
    "clip at edges": (lambda xp, a: xp.clip(a, -0.5, 3.5), (EDGES,)),
    "clip of ints": (lambda xp, i: xp.clip(i, -7, 100), (INTS,)),
    "logic": (lambda xp, p, q: [xp.logical_and(p, q), xp.logical_or(p, q), xp.logical_xor(p, q),
                                xp.logical_not(p), xp.equal(p, q), xp.not_equal(p, q)], (P, Q)),
    "bits": (
        lambda xp, i, j: [xp.bitwise_and(i, j), xp.bitwise_or(i, j), xp.bitwise_xor(i, j),
                          xp.bitwise_invert(i)], (INTS, SMALL)),
    "bits of masks": (lambda xp, p, q: [xp.bitwise_and(p, q), xp.bitwise_or(p, q),
                                        xp.bitwise_xor(p, q), xp.bitwise_invert(p)], (P, Q)),
    "shifts": (lambda xp, i, j: [xp.bitwise_left_shift(i, j), xp.bitwise_right_shift(i, j)],
               (INTS, SMALL)),
    "floor_divide": (
        lambda xp, i: [xp.floor_divide(i, xp.full_like(i, d)) for d in (1, 2, 3, 7, 10, 1 << 30)],
        (INTS,)),
    "remainder": (
        lambda xp, i: [xp.remainder(i, xp.full_like(i, d)) for d in (1, 2, 3, 7, 10, HIGH)],
        (INTS,)),
    "pow": (lambda xp, a: [xp.pow(a, 1.0), xp.pow(a, 2.0), xp.pow(a, -1.0), xp.pow(a, 0.0)], (A,)),
    "pow of ints": (lambda xp, i: [xp.pow(i, xp.full_like(i, 2)), xp.pow(i, xp.full_like(i, 5))],
                    (SMALL,)),
    "types": (
        lambda xp, a, i, p: [xp.astype(a, xp.int32), xp.astype(a, xp.bool),
                             xp.astype(i, xp.float32), xp.astype(i, xp.bool),
                             xp.astype(p, xp.float32), xp.astype(p, xp.int32)], (A * 10, INTS, P)),
    "where": (lambda xp, p, a, b: [xp.where(p, a, b), xp.where(p, a, 0.0), xp.where(p, 1.0, b)],
              (P, A, B)),
}  # fmt: skip


@pytest.mark.parametrize("name", EXACT)
@np.errstate(all="ignore")
def test_what_is_exact_is_equal(name: str) -> None:
    function, arrays = EXACT[name]
    expected = on(function, "strict", *arrays)
    actual = traced(function, *arrays)
    for which, one in on(function, "numpy", *arrays).items():
        assert same_bits(one, expected[which]), which
    for which, one in actual.items():
        assert same_bits(one, expected[which]), (which, one, expected[which])


@pytest.mark.skipif(not TORCH, reason="torch is not installed: pip install plumbline[torch]")
@pytest.mark.parametrize("name", EXACT)
def test_torch_takes_the_same_function(name: str) -> None:
    function, arrays = EXACT[name]
    expected = traced(function, *arrays)
    for which, one in on(function, "torch", *arrays).items():
        assert one.shape == expected[which].shape
        np.testing.assert_allclose(one, expected[which].astype(one.dtype), rtol=1.2e-7)


WIDE = np.concatenate([
    floats(200), floats(200, seed=3) * 10, floats(100, seed=4) * 1e-4, floats(100, seed=5) * 1e-9,
    [0, -0.0, 1, -1, 88, 89, -88, -104, 1e-45, -1e-45, 1e30, -1e30, np.inf, -np.inf, np.nan],
]).astype(np.float32)  # fmt: skip
TALL = np.abs(WIDE)
LOWERED: dict[str, tuple[Function, tuple[Any, ...], float]] = {
    "exp": (lambda xp, a: xp.exp(a), (WIDE,), 1.5),
    "expm1": (lambda xp, a: xp.expm1(a), (WIDE,), 2.5),
    "log": (lambda xp, a: xp.log(a), (TALL,), 1.5),
    "log1p": (lambda xp, a: xp.log1p(a), (WIDE,), 2.5),
    "log2": (lambda xp, a: xp.log2(a), (TALL,), 2),
    "log10": (lambda xp, a: xp.log10(a), (TALL,), 2.5),
    "tanh": (lambda xp, a: xp.tanh(a), (WIDE,), 1.5),
    "logaddexp": (lambda xp, a, b: xp.logaddexp(a, b), (TALL, np.abs(np.roll(WIDE, 7))), 2.5),
    "sqrt": (lambda xp, a: xp.sqrt(a), (WIDE,), 0.51),
    "cube": (lambda xp, a: xp.pow(a, 3.0), (floats(300),), 1.5),
    "to the 2.5": (lambda xp, a: xp.pow(a, 2.5), (TALL[:500],), 2),
    "to the -1.5": (lambda xp, a: xp.pow(a, -1.5), (TALL[:400],), 2),
    "to the 13": (lambda xp, a: xp.pow(a, 13.0), (floats(300),), 13),
}  # fmt: skip


@pytest.mark.parametrize("name", LOWERED)
@np.errstate(all="ignore")
def test_what_is_lowered_is_close(name: str) -> None:
    function, arrays, bound = LOWERED[name]
    exact = on(function, "numpy", *(one.astype(np.float64) for one in arrays))["result"]
    actual = evaluate(lambda *given: function(namespace_of(*given), *given), *arrays)
    assert actual.dtype == np.float32
    assert ulps(actual, exact) <= bound


@np.errstate(all="ignore")
def test_signs_of_zeros_stay_where_the_function_keeps_them() -> None:
    zeros = np.array([0, -0.0], np.float32)
    for name in ("expm1", "log1p", "sqrt", "floor", "ceil", "trunc", "round"):
        made = evaluate(lambda a, name=name: getattr(namespace_of(a), name)(a), zeros)
        assert np.signbit(made).tolist() == [False, True], name


@pytest.mark.parametrize("seed", range(3))
def test_division_by_any_constant_is_exact(seed: int) -> None:
    random = np.random.default_rng(seed)
    divisors = [int(random.integers(1, 1 << bits)) for bits in (4, 16, 31)] + [(1 << 31) - 1]
    ints = random.integers(LOW, HIGH, 200, dtype=np.int64, endpoint=True)
    near = [d * k + e for d in divisors for k in (-3, -1, 0, 1, 2) for e in (-1, 0, 1)]
    ints = np.concatenate([ints, [LOW, LOW + 1, HIGH], near])
    ints = ints[(ints >= LOW) & (ints <= HIGH)].astype(np.int32)
    for divisor in divisors:
        made = evaluate(lambda i, d=divisor: namespace_of(i).floor_divide(i, d), ints)
        assert np.array_equal(made, ints // np.int32(divisor))
        made = evaluate(lambda i, d=divisor: namespace_of(i).remainder(i, d), ints)
        assert np.array_equal(made, ints % np.int32(divisor))


def test_of_two_numbers_a_nan_behind_stays() -> None:
    nan, one = np.array([np.nan], np.float32), np.array([1], np.float32)
    for name in ("maximum", "minimum"):
        made = evaluate(lambda x, y, name=name: getattr(namespace_of(x), name)(x, y), one, nan)
        assert np.isnan(made).all()
        made = evaluate(lambda x, y, name=name: getattr(namespace_of(x), name)(x, y), nan, one)
        assert made.tolist() == [1]
