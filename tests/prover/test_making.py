"""Arrays made from nothing or from others: numbers in a row, arrays behind each other."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from prover.plan import plan
from prover.tracer import Array, TraceError, namespace, trace
from prover.tracer.array import current_graph
from prover.tracer.making import concat, iota
from tests.prover.traced import evaluate, floats, program_of


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 15, 16, 17, 100, 256, 257, 70_000])
def test_numbers_in_a_row(count: int) -> None:
    one = np.zeros(1, np.int32)
    made = evaluate(lambda x: x + iota(x.graph, count), one)
    assert np.array_equal(made, np.arange(count))
    program = program_of(lambda x: x + iota(x.graph, count), one).program
    assert len(program.rows) <= 14
    plan(program)


def test_an_output_may_be_numbers_in_a_row() -> None:
    assert np.array_equal(evaluate(lambda x: iota(x.graph, 300), floats(1)), np.arange(300))


def test_arrays_behind_each_other() -> None:
    a, b, c = floats(2, 3), floats(4, 3, seed=1), floats(3, 3)
    made = evaluate(lambda a, b, c: concat([a, b[::-1], c.T, a]), a, b, c)
    assert np.array_equal(made, np.concatenate([a, b[::-1], c.T, a]))
    plan(program_of(lambda a, b, c: concat([a, b[::-1], c.T, a]), a, b, c).program)


def test_what_does_not_stand_behind_each_other() -> None:
    with pytest.raises(TraceError, match="do not stand behind"):
        program_of(lambda a, b: concat([a, b]), floats(2, 3), floats(2, 4))
    with pytest.raises(TraceError, match="int32 where float32"):
        program_of(lambda a, b: concat([a, b]), floats(3), np.zeros(3, np.int32))
    with pytest.raises(TraceError, match="a row of 0 numbers"):
        program_of(lambda a: iota(a.graph, 0), floats(3))


def test_operators_are_the_standards() -> None:
    x, y = floats(2, 3), np.array([[7, -7, 8], [0, 1, 100]], np.int32)
    functions: tuple[Callable[[Any, Any], Any], ...] = (
        lambda x, y: x**2,
        lambda x, y: +abs(-x),
        lambda x, y: y // 3 + y % 5,
        lambda x, y: (y << 2) + (y >> 1),
        lambda x, y: (y & 6) | (1 ^ y) | ~y,
        lambda x, y: (x > 0) & ~(y == 7) | (x < -1) ^ (y > 1),
    )
    for function in functions:
        assert np.array_equal(evaluate(function, x, y), function(x, y))


@pytest.mark.parametrize("convert", [float, int, bool, [1, 2].__getitem__])
def test_a_traced_value_is_no_number_yet(convert: Any) -> None:
    with pytest.raises(TraceError, match="test_making"):
        program_of(lambda x: x + convert(x[0]), floats(2))


def test_numbers_that_do_not_fit() -> None:
    for number in (2**31, -(2**31) - 1, 0.5, np.inf, np.nan):
        with pytest.raises(TraceError, match="does not fit int32"):
            program_of(lambda x, number=number: x + number, np.zeros(2, np.int32))
    with pytest.raises(TraceError, match="too large for any float"):
        program_of(lambda x: x * 10**400, floats(2))
    with pytest.raises(TraceError, match="20 numbers from 2147483640 in steps of 1 leave int32"):
        program_of(lambda x: namespace.arange(2147483640, 2147483660), floats(2))
    with pytest.raises(TraceError, match="use where"):
        program_of(lambda x: x[x > 0], floats(2))
    with pytest.raises(TraceError, match="no devices"):
        program_of(lambda x: x.to_device("cuda"), floats(2))


def test_the_trace_under_way() -> None:
    with pytest.raises(TraceError, match="only while tracing"):
        current_graph()
    seen: list[Array] = []

    def step(params: object, inputs: dict[str, Array], number: object) -> tuple[object, object]:
        assert current_graph() is inputs["x"].graph
        seen.append(inputs["x"])
        return {}, {"y": inputs["x"] + 1.0}

    trace(step, {}, {"x": floats(2)})  # type: ignore[arg-type]
    assert seen
    with pytest.raises(TraceError):
        current_graph()


@pytest.mark.parametrize(
    "function",
    [
        lambda x: x[2:2] + 1.0,
        lambda x: namespace.sum(x[2:2]),
        lambda x: namespace.mean(x[2:2]),
        lambda x: namespace.max(x[2:2]),
        lambda x: namespace.reshape(x[2:2], (0, 4)) * x[0],
        lambda x: namespace.take(x, namespace.arange(3)[:0]),
    ],
)
def test_nothing_is_computed_from_nothing(function: Callable[[Any], Any]) -> None:
    with pytest.raises(TraceError, match="there are no empty arrays here"):
        program_of(function, floats(5))


def test_empty_parts_take_no_rows() -> None:
    x = floats(5)
    assert np.array_equal(evaluate(lambda x: concat([x[:0], x, x[5:]]), x), x)
    assert len(program_of(lambda x: concat([x[:0], x, x[5:]]), x).program.rows) == 1


def test_ints_of_numpy_are_ints() -> None:
    four: Any = np.int64(4)
    made = evaluate(lambda x: namespace.arange(four) + x[0], np.ones(1, np.int32))
    assert made.dtype.name == "int32"
    assert made.tolist() == [1, 2, 3, 4]
