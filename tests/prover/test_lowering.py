"""The order in which traced ops compute, word by word, and the rows and registers they take."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from prover import float32
from prover.backends import backend
from prover.execute import run
from prover.ops import Opcode
from prover.row import Kind, Segment, segment_of
from prover.tracer import gradient, relu, trace
from prover.tracer.layout import Buffer, View, dense, merged, reshaped, row_major
from tests.prover.traced import evaluate, floats, opcodes, program_of

Floats = NDArray[np.float32]


def xp(x: Any) -> Any:
    return x.__array_namespace__()


def words(array: Floats) -> list[int]:
    return [int(word) for word in array.reshape(-1).view(np.uint32)]


def chain(values: Sequence[int]) -> int:
    total = 0
    for value in values:
        total = float32.add(total, value)
    return total


def row_sum(values: Sequence[int]) -> int:
    """Lanes, halves and tail."""
    whole = len(values) // 32 * 32
    if whole == 0:
        return chain(values)
    lanes = [chain(values[lane:whole:32]) for lane in range(32)]
    while len(lanes) > 1:
        half = len(lanes) // 2
        lanes = [float32.add(lanes[lane], lanes[lane + half]) for lane in range(half)]
    if whole == len(values):
        return lanes[0]
    return float32.add(lanes[0], chain(values[whole:]))


def dot(x: Sequence[int], y: Sequence[int]) -> int:
    acc = 0
    for a, b in zip(x, y, strict=True):
        acc = float32.fma(a, b, acc)
    return acc


@pytest.mark.parametrize("count", [1, 5, 31, 32, 33, 63, 64, 100, 320])
def test_a_row_sum_is_lanes_then_halves_then_tail(count: int) -> None:
    x = floats(3, count) * np.float32(1e3) ** floats(3, count, seed=1)
    actual = words(evaluate(lambda a: xp(a).sum(a, axis=1), x))
    assert actual == [row_sum(words(row)) for row in x]
    assert words(evaluate(lambda a: xp(a).sum(a), x[0])) == [row_sum(words(x[0]))]


def test_a_row_sum_of_zeros_keeps_the_sign_that_the_order_gives() -> None:
    x = np.full((2, 32), -0.0, np.float32)
    assert words(evaluate(lambda a: xp(a).sum(a, axis=1), x)) == [0, 0]


@pytest.mark.parametrize("count", [3, 40])
def test_a_column_sum_is_one_ascending_chain(count: int) -> None:
    x = floats(count, 5)
    actual = words(evaluate(lambda a: xp(a).sum(a, axis=0), x))
    assert actual == [chain(words(np.ascontiguousarray(x[:, column]))) for column in range(5)]
    assert opcodes(program_of(lambda a: xp(a).sum(a, axis=0), x).program) == ["SUM"]


@pytest.mark.parametrize("k", [1, 7, 4096, 4097, 9000])
def test_a_matmul_is_a_chain_of_fma_in_segments_of_4096(k: int) -> None:
    x, y = floats(2, k), floats(k, 2, seed=1)
    actual = words(evaluate(lambda a, b: a @ b, x, y))
    expected = []
    for row in x:
        for column in np.ascontiguousarray(y.T):
            parts = [
                dot(words(row[at : at + 4096]), words(column[at : at + 4096]))
                for at in range(0, k, 4096)
            ]
            expected.append(parts[0] if len(parts) == 1 else chain(parts))
    assert actual == expected


def test_views_move_nothing() -> None:
    x, y = floats(6, 4), floats(5, 6)
    sliced = program_of(lambda a, b: a.T[:, ::2] @ b[:3, None, ::2].mT[0] * 1.0, x, y)
    assert opcodes(sliced.program) == ["DOT", "MUL"]
    scores = program_of(lambda a, b: relu(xp(a).permute_dims(a, (1, 0)) @ b.T) - b[0, 0], x, y)
    assert opcodes(scores.program) == ["DOT", "MAX", "SUB"]


def test_a_reshape_moves_only_what_no_strides_say() -> None:
    x = floats(4, 6)
    assert opcodes(program_of(lambda a: xp(a).reshape(a, (2, 12)) + 1, x).program) == ["ADD"]
    turned = program_of(lambda a: xp(a).reshape(a.T, (2, 12)) + 1, x).program
    assert opcodes(turned) == ["MOVE", "ADD"]


def test_equal_ops_are_computed_once_and_unused_ones_never() -> None:
    def function(a: Any) -> Any:
        xp(a).exp(a)
        return (a + 1) * (a + 1)

    assert opcodes(program_of(function, floats(5)).program) == ["ADD", "MUL"]


def test_constants_are_computed_while_tracing() -> None:
    def function(a: Any) -> Any:
        return gradient(xp(a).sum(a * (2.0 + 0.0)) / 4, {"a": a})["a"] * 3

    program = program_of(function, floats(5)).program
    assert opcodes(program) == ["MOVE"]
    assert np.array_equal(evaluate(function, floats(5)), np.full(5, 1.5, np.float32))


def test_results_are_computed_where_they_are_wanted() -> None:
    def step(p: Any, i: Any, s: Any) -> tuple[Any, Any]:
        return {"w": p["w"] * 2 - i["x"]}, {"twice": p["w"] * 2}

    traced = trace(step, {"w": floats(4)}, {"x": floats(4)})
    assert opcodes(traced.program) == ["MUL", "SUB"]
    segments = [segment_of(row.out) for row in traced.program.rows if row]
    assert segments == [Segment.OUTPUTS, Segment.PARAMS]


def test_a_param_is_replaced_only_when_nothing_reads_it_later() -> None:
    def late(p: Any, i: Any, s: Any) -> tuple[Any, Any]:
        after = p["w"] * 2
        return {"w": after}, {"sum": xp(after).sum(p["w"] + after[0])}

    w = floats(4)
    traced = trace(late, {"w": w}, {})
    result = run(traced.program, 0, 1, traced.params.words({"w": w}), [], backend())
    assert np.array_equal(traced.params.arrays(result.params)["w"], w * 2)
    expected = np.float32(0)
    for value in w + (w * 2)[0]:
        expected = np.float32(expected + value)
    assert traced.outputs.arrays(result.outputs)["sum"] == expected

    def crossed(p: Any, i: Any, s: Any) -> tuple[Any, Any]:
        return {"a": p["a"] + p["a"][::-1], "b": p["b"] * p["a"]}, {}

    params = {"a": floats(4), "b": floats(4, seed=1)}
    both = trace(crossed, params, {})
    result = run(both.program, 0, 1, both.params.words(params), [], backend())
    after = both.params.arrays(result.params)
    expected_after, _ = crossed(params, {}, 0)
    for name in params:
        assert np.array_equal(after[name], expected_after[name])


def test_scratch_is_reused() -> None:
    def long(a: Any) -> Any:
        for _ in range(50):
            a = xp(a).sqrt(a * a + 1)
        return a

    program = program_of(long, floats(9)).program
    assert len(program.packed) == 150
    registers = {row.out for row in program.rows if row}
    assert len(registers) == 2


@pytest.mark.parametrize("seed", range(30))
def test_reused_registers_never_mix_values(seed: int) -> None:
    """Random graphs of elementwise ops, reductions, transposes and matmuls on squares."""

    def function(a: Any, b: Any) -> dict[str, Any]:
        random = np.random.default_rng(seed)
        pool = [a, b]
        for _ in range(25):
            x, y = (pool[i] for i in random.integers(0, len(pool), 2))
            kind = random.integers(0, 8)
            made = [
                lambda x=x, y=y: x + y,
                lambda x=x, y=y: x * y,
                lambda x=x, y=y: xp(x).maximum(x, y.T),
                lambda x=x, y=y: x.T - y[::-1],
                lambda x=x, y=y: xp(x).where(x < y, y, x),
                lambda x=x, y=y: x + xp(y).max(y, axis=1, keepdims=True),
                lambda x=x, y=y: xp(x).reshape(xp(x).reshape(x.T, (9,))[::-1], (3, 3)),
                lambda x=x, y=y: -x * xp(y).abs(y)[0],
            ][kind]()
            pool.append(made * 0.5)
        return {f"y{number}": pool[number] for number in (-1, -2, -7)}

    a, b = floats(3, 3, seed=seed), floats(3, 3, seed=seed + 100)
    traced = program_of(function, a, b)
    result = run(
        traced.program, 0, 1, [], traced.inputs.words({"x0": a, "x1": b}), backend(), finite=False
    )
    for name, array in traced.outputs.arrays(result.outputs).items():
        assert np.array_equal(array, function(a, b)[name]), name


def test_rows_decode_and_stay_inside_their_registers() -> None:
    def function(a: Any, b: Any) -> Any:
        return xp(a).log(xp(a).sum(xp(a).exp(a @ b), axis=-1) + 2)

    program = program_of(function, floats(70, 40), floats(40, 70)).program
    for row in program.rows:
        assert row is not None
        for operand in row.operands:
            if operand.kind == Kind.REGISTER and row.opcode != Opcode.GATHER:
                reach = [s * (n - 1) for s, n in zip(operand.strides, row.dims, strict=True)]
                reach.append(operand.fold_stride * (row.fold - 1))
                low = operand.offset + sum(min(r, 0) for r in reach)
                high = operand.offset + sum(max(r, 0) for r in reach)
                assert 0 <= low <= high < operand.length
        assert row.out_offset + row.elements <= row.out_length


def test_reshaping_strides() -> None:
    buffer = Buffer(24)
    assert reshaped(dense((4, 6), buffer), (2, 2, 3, 2)) == dense((2, 2, 3, 2), buffer)
    column = View((4, 1, 3), (6, 0, 2), 1, buffer)
    assert (reshaped(column, (2, 2, 3, 1)) or column).strides == (12, 6, 2, 0)
    assert (reshaped(column, (12,)) or column).strides == (2,)
    apart = View((4, 3), (7, 2), 0, buffer)
    assert reshaped(apart, (12,)) is None
    assert reshaped(apart, (6, 2)) is None


def test_merging_axes() -> None:
    dims, strides = merged([(2, (12, 0)), (3, (4, 0)), (4, (1, 0))])
    assert (dims, strides) == ((1, 1, 1, 24), [(0, 0, 0, 1), (0, 0, 0, 0)])
    dims, strides = merged([(2, (4, 1)), (1, (9, 9)), (4, (1, 2))])
    assert (dims, strides) == ((1, 1, 2, 4), [(0, 0, 4, 1), (0, 0, 1, 2)])
    assert row_major((2, 3, 4)) == (12, 4, 1)
