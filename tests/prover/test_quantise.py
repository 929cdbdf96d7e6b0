"""Quantised layers: close to floats by a bound, equal to NumPy to the bit, planned, and whole."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from prover.backends import backend
from prover.backends.steps import Steps
from prover.ops import Opcode
from prover.plan import plan
from prover.plan.nest import Matmul
from prover.row import Segment
from prover.state import State
from prover.tracer import TraceError
from prover.tracer.quantise import (
    DEEPEST,
    LEVELS,
    Quantised,
    nearest,
    pack,
    quantise,
    quantised_linear,
    unpack,
)
from tests.prover.traced import evaluate, opcodes, program_of

Floats = NDArray[np.float32]


def floats(seed: int, *shape: int) -> Floats:
    """Floats whose rows and columns are of very different sizes."""
    random = np.random.default_rng([21, seed])
    sizes = 10.0 ** random.uniform(-3, 3, (shape[-2], shape[-1]))
    made: Floats = (random.standard_normal(shape) * sizes).astype(np.float32)
    return made


def test_weights_are_the_nearest_of_255_levels_of_their_column() -> None:
    weight = floats(1, 70, 33)
    values, scales = quantise(weight)
    assert values.dtype == np.int32
    assert scales.dtype == np.float32
    assert np.abs(values).max(axis=0).tolist() == [LEVELS] * 33
    apart = np.abs(weight.astype(np.float64) - values * scales.astype(np.float64))
    assert (apart <= 0.5001 * scales).all()


def test_halves_go_to_the_even_level_and_nothing_stays_nothing() -> None:
    column = np.array([127, 0.5, 1.5, 2.5, -0.5, -1.5], np.float32)
    values, scales = quantise(np.stack([column, 0 * column], axis=1))
    assert values.T.tolist() == [[127, 0, 2, 2, 0, -2], [0] * 6]
    assert scales[0] == 1
    assert scales[1] > 0


@pytest.mark.parametrize("rows", range(1, 10))
def test_what_is_packed_comes_out(rows: int) -> None:
    values = np.random.default_rng(rows).integers(-128, 128, (rows, 5)).astype(np.int32)
    words = pack(values)
    assert words.shape == (-(-rows // 4), 5)
    assert np.array_equal(np.concatenate(unpack(words, rows)), values)
    assert quantise(values.astype(np.float32), packed=True).values.shape == words.shape


@pytest.mark.parametrize("packed", [False, True], ids=["a word each", "packed"])
@pytest.mark.parametrize("by_row", [True, False], ids=["by row", "together"])
@pytest.mark.parametrize("shape", [(1, 1, 1), (3, 7, 5), (5, 64, 40), (2, 3, 70, 33)])
def test_layers_are_near_floats_and_numpys_to_the_bit(
    packed: bool, by_row: bool, shape: tuple[int, ...]
) -> None:
    *rows, k, n = shape
    x, weight, bias = (
        floats(k, *rows, k) if rows[1:] else floats(k, rows[0], k),
        floats(n, k, n),
        floats(3, 1, n)[0],
    )
    x[..., 0, :] = 0
    given = quantise(weight, packed=packed)

    def layer(x: Any, values: Any, scales: Any, bias: Any) -> Any:
        return quantised_linear(x, values, scales, bias, packed=packed, by_row=by_row)

    plain = layer(x, *given, bias)
    assert plain.dtype == np.float32
    traced = evaluate(layer, x, *given, bias)
    assert np.array_equal(plain.view(np.uint32), traced.view(np.uint32))
    exact = x.astype(np.float64) @ weight.astype(np.float64) + bias
    axis = -1 if by_row else None
    step = np.abs(x).max(axis=axis, keepdims=True) / LEVELS
    # Half a step of x times the weight, half a step of the weight times x, and of both.
    bound = step / 2 * np.abs(weight).sum(axis=0) + given.scales / 2 * np.abs(x).sum(
        axis=-1, keepdims=True
    )
    bound = bound + step * given.scales * k / 4
    assert (np.abs(plain - exact) <= 1.001 * bound + 1e-5 * np.abs(exact) + 1e-30).all()


def test_tiny_rows_lose_nothing_they_have() -> None:
    x = np.full((2, 8), 1e-25, np.float32)
    x[1] = 1e-38
    given = quantise(np.eye(8, dtype=np.float32))
    made = quantised_linear(x, *given)
    assert np.allclose(made[0], x[0], rtol=1e-5)
    assert not made[1].any()
    assert np.array_equal(made, evaluate(quantised_linear, x, *given))


def test_a_layer_is_one_product_between_two_nests() -> None:
    x, given = floats(4, 24, 80), quantise(floats(5, 80, 48))
    program = program_of(quantised_linear, x, *given).program
    assert opcodes(program).count("IDOT") == 1
    first, product, last = plan(program).stages
    assert isinstance(product, Matmul)
    assert product.opcode == Opcode.IDOT
    assert [type(one).__name__ for one in (first, last)] == ["Nest", "Nest"]


@pytest.mark.parametrize("packed", [False, True], ids=["a word each", "packed"])
def test_plans_on_threads_are_rows(packed: bool) -> None:
    x, given = floats(4, 24, 81), quantise(floats(5, 81, 48), packed=packed)

    def layer(x: Any, values: Any, scales: Any) -> Any:
        return quantised_linear(x, values, scales, packed=packed)

    traced = program_of(layer, x, *given)
    inputs = traced.inputs.words({"x0": x, "x1": given.values, "x2": given.scales})
    expected = layer(x, *given).view(np.uint32)
    for way in (Steps(1, worth=0), Steps(2, worth=0), Steps(1, worth=0, fuse=False), None):
        state = State.start(traced.program.depths, [], inputs)
        if way:
            assert way.run(traced.program, state, 0, 1, finite=True).steps == 1
        else:
            for row in traced.program.rows:
                if row and row.count:
                    backend("reference").elements(state, row, 0, 0, row.elements)
        assert np.array_equal(state.segment(Segment.OUTPUTS)[0].reshape(24, 48), expected)


def test_torch_gives_the_same_words() -> None:
    torch = pytest.importorskip("torch")
    x, given, bias = floats(6, 9, 40), quantise(floats(7, 40, 12)), floats(8, 1, 12)[0]
    theirs = quantised_linear(*(torch.from_numpy(one) for one in (x, *given, bias)))
    assert np.array_equal(theirs.numpy(), quantised_linear(x, *given, bias))


def test_rounding_to_int_is_to_even_and_saturates() -> None:
    x = np.array([0.5, 1.5, -0.5, -2.5, 126.5, 3e9, -3e9], np.float32)
    made = evaluate(nearest, x)
    assert made.tolist() == [0, 2, 0, -2, 126, 2**31 - 1, -(2**31)]
    assert nearest(x[:5]).tolist() == made[:5].tolist()


def test_what_cannot_be_quantised_says_so() -> None:
    x, given = floats(4, 3, 8), quantise(floats(5, 8, 4))
    with pytest.raises(ValueError, match=r"shape \(8,\)"):
        quantise(x[0])
    with pytest.raises(ValueError, match="not finite"):
        quantise(np.array([[np.nan]]))
    with pytest.raises(TraceError, match="8 inputs in fours"):
        quantised_linear(x, *given, packed=True)
    with pytest.raises(TraceError, match="does not fit 7 inputs"):
        quantised_linear(x[:, :7], *given)
    with pytest.raises(TraceError, match=f"cut at {DEEPEST}"):
        quantise(np.zeros((DEEPEST + 1, 1), np.float32))


def test_deepest_sums_stay_inside_int32() -> None:
    assert LEVELS**2 * DEEPEST < 2**31 <= LEVELS**2 * (DEEPEST + 1)
    given = Quantised(np.full((DEEPEST, 1), LEVELS, np.int32), np.ones(1, np.float32))
    x = np.full((1, DEEPEST), 127, np.float32)
    assert quantised_linear(x, *given).item() == np.float32(LEVELS**2 * DEEPEST)
