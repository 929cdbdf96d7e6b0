"""Creation, manipulation, indexing and dtypes move words and lose none."""

from typing import Any

import numpy as np
import pytest

from prover.tracer import Array, namespace_of
from prover.tracer import namespace as xp
from tests.prover.namespace.everywhere import TORCH, Function, on, same_bits, traced, ulps
from tests.prover.traced import evaluate, floats, program_of

A, B, V = floats(3, 4), floats(3, 4, seed=1), floats(4, seed=2)
STACK = floats(2, 3, 4)
INTS = np.arange(12, dtype=np.int32).reshape(3, 4) * 7 % 5
PLACES = np.array([[2, 0], [1, 1]], np.int32)
ALONG = np.array([[2, 0], [1, 3], [3, 3]], np.int32)
ACROSS = np.array([[2, 0, 1, 1]], np.int32)

SHAPES: dict[str, tuple[Function, tuple[Any, ...]]] = {
    "constants": (
        lambda xp, a: [xp.zeros((2, 3), dtype=xp.float32), xp.ones(3, dtype=xp.int32),
                       xp.full((2, 2), 2.5, dtype=xp.float32), xp.zeros((), dtype=xp.bool)], (A,)),
    "constants like others": (
        lambda xp, a, i: [xp.zeros_like(a), xp.ones_like(i), xp.full_like(a, -3.0),
                          xp.ones_like(a, dtype=xp.int32), xp.empty_like(a) * 0.0], (A, INTS)),
    "eye": (
        lambda xp, a: [xp.eye(3, dtype=xp.float32), xp.eye(2, 4, k=1, dtype=xp.int32),
                       xp.eye(4, 2, k=-1, dtype=xp.float32)], (A,)),
    "arange": (
        lambda xp, a: [xp.arange(7, dtype=xp.int32), xp.arange(-3, 9, 4, dtype=xp.int32),
                       xp.arange(9, -3, -4, dtype=xp.int32), xp.arange(5, dtype=xp.float32),
                       xp.arange(1.0, 3.0, 0.25, dtype=xp.float32)], (A,)),
    "linspace": (
        lambda xp, a: [xp.linspace(0.0, 4.0, 9, dtype=xp.float32),
                       xp.linspace(-1.0, 1.0, 4, endpoint=False, dtype=xp.float32),
                       xp.linspace(3.0, 5.0, 1, dtype=xp.float32)], (A,)),
    "asarray": (
        lambda xp, a: [xp.asarray([[1.0, 1.0, 2.5], [-0.0, 0.0, 2.5]], dtype=xp.float32),
                       xp.asarray([-1, 2, 2], dtype=xp.int32), xp.asarray(True),
                       xp.asarray([True, False, True]), xp.asarray(a)], (A,)),
    "triangles": (
        lambda xp, s: [xp.tril(s), xp.triu(s, k=1), xp.tril(s, k=-1), xp.triu(s[0, ...], k=-1)],
        (STACK,)),
    "meshgrid": (
        lambda xp, a, v: [*xp.meshgrid(a[:, 0], v), *xp.meshgrid(a[:, 0], v, indexing="ij")],
        (A, V)),
    "concat": (
        lambda xp, a, b: [xp.concat([a, b]), xp.concat([a, b, a], axis=1),
                          xp.concat((a, b), axis=-1), xp.concat([a, b], axis=None)], (A, B)),
    "stack": (lambda xp, a, b: [xp.stack([a, b]), xp.stack([a, b], axis=1),
                                xp.stack([a, b], axis=-1)], (A, B)),
    "unstack": (lambda xp, s: [*xp.unstack(s), *xp.unstack(s, axis=-1)], (STACK,)),
    "flip": (lambda xp, s: [xp.flip(s), xp.flip(s, axis=1), xp.flip(s, axis=(0, -1))], (STACK,)),
    "roll": (
        lambda xp, a: [xp.roll(a, 1), xp.roll(a, 2, axis=0), xp.roll(a, -1, axis=1),
                       xp.roll(a, (1, -2), axis=(0, 1)), xp.roll(a, 4, axis=1)], (A,)),
    "repeat": (lambda xp, a: [xp.repeat(a, 2), xp.repeat(a, 3, axis=0), xp.repeat(a, 2, axis=-1)],
               (A,)),
    "tile": (lambda xp, a: [xp.tile(a, (2, 3)), xp.tile(a, (2, 1, 2)), xp.tile(a, (2,))], (A,)),
    "axes": (
        lambda xp, s: [xp.moveaxis(s, 0, -1), xp.moveaxis(s, (0, 1), (1, 2)),
                       xp.permute_dims(s, (2, 0, 1)), xp.matrix_transpose(s),
                       xp.expand_dims(s, axis=-1), xp.squeeze(xp.expand_dims(s, axis=1), 1),
                       xp.squeeze(s[:1, :, :1], (0, 2)), xp.reshape(s, (4, -1))], (STACK,)),
    "broadcasts": (
        lambda xp, a, v: [xp.broadcast_to(v, (2, 3, 4)), *xp.broadcast_arrays(a, v)], (A, V)),
    "diff": (
        lambda xp, a: [xp.diff(a), xp.diff(a, axis=0, n=2), xp.diff(a, prepend=a[:, :1]),
                       xp.diff(a, axis=0, append=a[:2, :])], (A,)),
    "take": (
        lambda xp, s, i: [xp.take(s, i[0, :], axis=0 + 1), xp.take(s, i[:, 1], axis=2),
                          xp.take(s[0, 0, :], i[0, :])], (STACK, PLACES)),
    "take_along_axis": (
        lambda xp, a, i, j: [xp.take_along_axis(a, i), xp.take_along_axis(a, j, axis=0)],
        (A, ALONG, ACROSS)),
}  # fmt: skip


@pytest.mark.parametrize("name", SHAPES)
def test_words_are_where_they_belong(name: str) -> None:
    function, arrays = SHAPES[name]
    expected = on(function, "strict", *arrays)
    actual = traced(function, *arrays)
    for which, one in on(function, "numpy", *arrays).items():
        assert same_bits(one, expected[which]), which
    for which, one in actual.items():
        assert same_bits(one, expected[which]), (which, one, expected[which])


@pytest.mark.skipif(not TORCH, reason="torch is not installed: pip install plumbline[torch]")
@pytest.mark.parametrize("name", SHAPES)
def test_torch_takes_the_same_function(name: str) -> None:
    function, arrays = SHAPES[name]
    if name in {"take", "take_along_axis"}:
        arrays = (arrays[0], *(one.astype(np.int64) for one in arrays[1:]))  # torch wants int64
    expected = on(function, "strict", *SHAPES[name][1])
    for which, one in on(function, "torch", *arrays).items():
        assert np.array_equal(one, expected[which]), which


@pytest.mark.parametrize(("start", "stop", "step"), [(0.1, 2.3, 0.1), (5.0, -5.0, -0.3)])
def test_floats_in_a_row_are_close(start: float, stop: float, step: float) -> None:
    made = evaluate(lambda a: a[0, 0] * 0 + xp.arange(start, stop, step), A)
    exact = start + np.arange(len(made)) * step
    assert len(made) == len(np.arange(start, stop, step))
    assert np.abs(made - exact).max() < 1e-6
    made = evaluate(lambda a: a[0, 0] * 0 + xp.linspace(start, stop, 70), A)
    assert made[-1] == np.float32(stop)
    assert ulps(made[:1], np.linspace(start, stop, 70)[:1]) <= 0.5
    assert np.abs(made - np.linspace(start, stop, 70)).max() < 1e-6


def test_places_in_several_dimensions() -> None:
    for axis in (0, 1, 2):
        made = evaluate(lambda s, i, axis=axis: xp.take(s, i, axis=axis), STACK, PLACES % 2)
        assert np.array_equal(made, np.take(STACK, PLACES % 2, axis=axis))
        made = evaluate(lambda s, axis=axis: xp.take(s, [[-1, 0], [1, 1]], axis=axis), STACK)
        assert np.array_equal(made, np.take(STACK, [[-1, 0], [1, 1]], axis=axis))
    many = np.arange(40) * 7 % 9 // 3
    made = evaluate(lambda s: xp.take(s, many, axis=1), STACK)
    assert np.array_equal(made, np.take(STACK, many, axis=1))


def test_numbers_and_small_arrays_stand_beside_traced_ones() -> None:
    made = evaluate(lambda a: xp.add(a, [1, 2, 3, 4]) * xp.asarray([2.0]), A)
    assert np.array_equal(made, (A + np.array([1, 2, 3, 4], np.float32)) * 2)
    low = np.array([[0], [1], [0]], np.float32)
    made = evaluate(lambda a: xp.maximum(low, a), A)
    assert np.array_equal(made, np.maximum(A, low))
    assert evaluate(lambda a: a[0, 0] * 0 + xp.sqrt(4.0), A) == 2


def test_what_is_the_same_everywhere_takes_no_rows_of_its_own() -> None:
    def rows(function: Any) -> int:
        return len(program_of(lambda a: function(a) + 1.0, A).program.packed)

    for function in (
        lambda a: a + xp.zeros((3, 4)), lambda a: a * xp.full_like(a, 3.0),
        lambda a: xp.broadcast_to(a, (5, 3, 4)) + xp.ones(4),
    ):  # fmt: skip
        assert rows(function) == 2
    for function in (xp.flip, lambda a: xp.moveaxis(a, 0, 1), lambda a: a[None],
                     lambda a: xp.meshgrid(a[0], a[1])[0]):  # fmt: skip
        assert rows(function) == 1


def test_dtypes_answer_as_the_standard_says() -> None:
    assert xp.finfo(xp.float32).eps == 2**-23
    assert xp.iinfo(xp.int32).max == 2**31 - 1
    assert xp.isdtype(xp.float32, ("real floating", "bool"))
    assert xp.isdtype(xp.int32, "integral")
    assert not xp.isdtype(xp.bool, "numeric")
    assert xp.isdtype(xp.int32, xp.int32)
    assert xp.can_cast(xp.float32, xp.float32)
    assert not xp.can_cast(xp.int32, xp.float32)
    assert xp.broadcast_shapes((3, 1), (4,)) == (3, 4)
    assert (xp.pi, xp.e, xp.inf, xp.newaxis) == (np.pi, np.e, np.inf, None)
    assert xp.nan != xp.nan

    def function(a: Array, i: Array) -> Any:
        assert xp.result_type(a, xp.float32, 2.0) == xp.float32
        assert xp.result_type(i, 2) == xp.int32
        assert namespace_of(a) is xp
        return a

    program_of(lambda a, i: function(a, i) * 1, A, INTS)
    info = xp.__array_namespace_info__()
    assert info.dtypes(kind="numeric") == {"float32": xp.float32, "int32": xp.int32}
    assert info.default_dtypes()["real floating"] == xp.float32
    assert not info.capabilities()["data-dependent shapes"]
    assert info.devices() == [None]
