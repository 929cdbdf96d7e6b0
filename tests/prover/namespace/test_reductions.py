"""Reductions, searches and sums of products, against the standard's own arrays."""

from typing import Any

import numpy as np
import pytest

from prover.tracer import namespace as xp
from tests.prover.namespace.everywhere import TORCH, Function, on, same_bits, traced
from tests.prover.traced import evaluate, floats, program_of

A, B, V = floats(3, 4), floats(3, 4, seed=1), floats(4, seed=2)
STACK, WIDE = floats(2, 3, 4), floats(3, 77)
INTS = np.random.default_rng(7).integers(-(2**31), 2**31, (3, 5, 7)).astype(np.int32)
LITTLE = (INTS % 9).astype(np.int32)
ROUNDED = np.round(floats(4, 41, seed=3) * 2)
MASK = np.array([[True, False, True], [True, True, True], [False, False, False]])

EXACT: dict[str, tuple[Function, tuple[Any, ...]]] = {
    "max": (lambda xp, s: [xp.max(s), xp.max(s, axis=1), xp.max(s, axis=(0, 2), keepdims=True)],
            (STACK,)),
    "min": (lambda xp, s: [xp.min(s), xp.min(s, axis=1), xp.min(s, axis=(0, 2), keepdims=True)],
            (STACK,)),
    "extremes of ints": (
        lambda xp, i: [xp.max(i), xp.min(i), xp.max(i, axis=1), xp.min(i, axis=(0, 2)),
                       xp.max(i, axis=-1, keepdims=True)], (INTS,)),
    "sum of ints": (
        lambda xp, i: [xp.sum(i, dtype=xp.int32), xp.sum(i, axis=0, dtype=xp.int32),
                       xp.sum(i, axis=(1, 2), keepdims=True, dtype=xp.int32)], (INTS,)),
    "product of ints": (
        lambda xp, i: [xp.prod(i, axis=0, dtype=xp.int32), xp.prod(i, dtype=xp.int32)],
        (LITTLE + 1,)),
    "any and all": (
        lambda xp, m, i: [xp.any(m), xp.all(m), xp.any(m, axis=1), xp.all(m, axis=1),
                          xp.any(i, axis=0), xp.all(i, axis=(0, 1), keepdims=True)],
        (MASK, LITTLE)),
    "places": (
        lambda xp, r: [xp.astype(one, xp.int32) for one in (
            xp.argmax(r), xp.argmin(r), xp.argmax(r, axis=1), xp.argmin(r, axis=0),
            xp.argmax(r, axis=-1, keepdims=True), xp.argmin(r, keepdims=True))], (ROUNDED,)),
    "places of ints": (
        lambda xp, i: [xp.astype(one, xp.int32) for one in (
            xp.argmax(i), xp.argmin(i, axis=1), xp.argmax(i, axis=2))], (LITTLE,)),
    "counts": (
        lambda xp, i, m: [xp.astype(one, xp.int32) for one in (
            xp.count_nonzero(i), xp.count_nonzero(m, axis=0))], (LITTLE, MASK)),
    "searchsorted": (
        lambda xp, v, a: [xp.astype(xp.searchsorted(xp.asarray(v), a, side=side), xp.int32)
                          for side in ("left", "right")],
        (np.array([-1, 0, 0, 1, 5], np.float32), ROUNDED[0])),
    "cumulative sum": (
        lambda xp, a: [xp.cumulative_sum(a, axis=1), xp.cumulative_sum(a, axis=0),
                       xp.cumulative_sum(a[0, :]),
                       xp.cumulative_sum(a, axis=1, include_initial=True)], (A,)),
    "cumulative sum of ints": (
        lambda xp, i: [xp.cumulative_sum(i, axis=1, dtype=xp.int32),
                       xp.cumulative_sum(i, axis=2, dtype=xp.int32, include_initial=True)],
        (INTS,)),
    "product of matrices of ints": (
        lambda xp, i: [xp.matmul(i, xp.matrix_transpose(i)), xp.vecdot(i, i)], (LITTLE,)),
    "diagonal": (
        lambda xp, s: [xp.linalg.diagonal(s), xp.linalg.diagonal(s, offset=1),
                       xp.linalg.diagonal(s, offset=-2), xp.linalg.diagonal(s, offset=3)],
        (STACK,)),
    "cross and outer": (
        lambda xp, a, b: [xp.linalg.cross(a, b, axis=-2), xp.linalg.outer(a[0, :], b[1, :])],
        (A, B)),
}  # fmt: skip
CLOSE: dict[str, tuple[Function, tuple[Any, ...]]] = {
    "sum": (lambda xp, s: [xp.sum(s), xp.sum(s, axis=1), xp.sum(s, axis=(0, 2), keepdims=True)],
            (STACK,)),
    "long sum": (lambda xp, w: [xp.sum(w, axis=1), xp.sum(w, axis=0)], (WIDE,)),
    "mean": (lambda xp, s: [xp.mean(s), xp.mean(s, axis=(0, 1))], (STACK,)),
    "var": (lambda xp, s: [xp.var(s), xp.var(s, axis=1, correction=1.0)], (STACK,)),
    "std": (lambda xp, s: [xp.std(s, axis=-1, keepdims=True), xp.std(s, correction=1.0)],
            (STACK,)),
    "prod": (lambda xp, s: [xp.prod(s), xp.prod(s, axis=1), xp.prod(s, axis=(0, 2))], (STACK,)),
    "matmul": (lambda xp, s, a, v: [xp.matmul(s, xp.matrix_transpose(a)), xp.matmul(a, v), a @ v],
               (STACK, A, V)),
    "vecdot": (lambda xp, s, a: [xp.vecdot(s, a), xp.vecdot(a, a, axis=-2),
                                 xp.linalg.vecdot(s, s, axis=-2)], (STACK, A)),
    "tensordot": (
        lambda xp, s, a: [xp.tensordot(s, a), xp.tensordot(s, a, axes=((2,), (1,))),
                          xp.tensordot(a, s, axes=((0, 1), (1, 2))),
                          xp.tensordot(a, a, axes=0)], (STACK, A)),
    "norms": (
        lambda xp, s: [xp.linalg.vector_norm(s), xp.linalg.vector_norm(s, axis=1, ord=1),
                       xp.linalg.vector_norm(s, axis=(0, 1), ord=float("inf")),
                       xp.linalg.matrix_norm(s, keepdims=True)], (STACK,)),
    "trace": (lambda xp, s: [xp.linalg.trace(s), xp.linalg.trace(s, offset=1)], (STACK,)),
    "matrix power": (
        lambda xp, a: [xp.linalg.matrix_power(a[:, :3], n) for n in (0, 1, 2, 5)], (A,)),
}  # fmt: skip


@pytest.mark.parametrize("name", EXACT)
@np.errstate(over="ignore")
def test_what_is_exact_is_equal(name: str) -> None:
    function, arrays = EXACT[name]
    expected = on(function, "strict", *arrays)
    actual = traced(function, *arrays)
    for which, one in on(function, "numpy", *arrays).items():
        assert same_bits(one, expected[which]), which
    for which, one in actual.items():
        assert same_bits(one, expected[which]), (which, one, expected[which])


@pytest.mark.parametrize("name", CLOSE)
def test_what_rounds_is_close(name: str) -> None:
    function, arrays = CLOSE[name]
    exact = on(function, "strict", *(one.astype(np.float64) for one in arrays))
    actual = traced(function, *arrays)
    for which, one in actual.items():
        assert one.shape == exact[which].shape
        np.testing.assert_allclose(one, exact[which], rtol=1e-5, atol=1e-6)


@pytest.mark.skipif(not TORCH, reason="torch is not installed: pip install plumbline[torch]")
@pytest.mark.parametrize("name", [*EXACT, *CLOSE])
def test_torch_takes_the_same_function(name: str) -> None:
    function, arrays = {**EXACT, **CLOSE}[name]
    expected = on(function, "strict", *arrays)
    for which, one in on(function, "torch", *arrays).items():
        assert one.shape == expected[which].shape
        np.testing.assert_allclose(one, expected[which], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("count", [1, 2, 3, 5, 31, 64, 100])
def test_halves_of_any_length(count: int) -> None:
    ints = np.random.default_rng(count).integers(-(2**31), 2**31, count).astype(np.int32)
    assert evaluate(xp.max, ints) == ints.max()
    assert evaluate(xp.min, ints) == ints.min()
    assert np.array_equal(evaluate(xp.cumulative_sum, ints), np.cumsum(ints, dtype=np.int32))
    signs = np.where(ints < 0, -1, 2).astype(np.float32)
    assert evaluate(xp.prod, signs) == np.prod(signs)
    rows = len(program_of(xp.prod, signs).program.packed)
    assert rows <= 1 + 2 * count.bit_length()


def test_places_beside_nans_are_places() -> None:
    for nans in ([0], [3], [0, 1, 2, 3, 4], [4]):
        x = floats(5)
        x[nans] = np.nan
        for find in (xp.argmax, xp.argmin):
            assert 0 <= evaluate(find, x) < 5
