"""int32 products and sums: NumPy's wrap-around words, whatever the order and the schedule."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from prover.backends import backend
from prover.backends.steps import Steps
from prover.ops import Opcode
from prover.plan import plan
from prover.row import Segment
from prover.state import State
from prover.tracer import trace
from prover.tracer.array import Array

Ints = NDArray[np.int32]
EDGES = np.array([-(2**31), 2**31 - 1, -(2**31) + 1, -128, 127, -1, 0, 1], np.int32)


def drawn(random: np.random.Generator, *shape: int) -> Ints:
    """Ints of every size, the edges among them."""
    any_size = random.integers(-(2**31), 2**31, shape) >> random.integers(0, 32, shape)
    chosen = np.where(random.random(shape) < 0.2, random.choice(EDGES, shape), any_size)
    return chosen.astype(np.int32)


def run(function: Any, inputs: dict[str, Any]) -> dict[str, list[Any]]:
    """What a function of inputs gives by the definition, by rows, by plans on one thread and two.

    It must have a plan.
    """
    traced = trace(lambda p, i, step: ({}, function(i)), {}, inputs)
    plan(traced.program)
    found: dict[str, list[Any]] = {}
    for way in ("reference", "rows", "unfused", "one", "two"):
        state = State.start(traced.program.depths, [], traced.inputs.words(inputs))
        if way in {"reference", "rows"}:
            used = backend("numba" if way == "rows" else "reference")
            for row in traced.program.rows:
                if row and row.count:
                    used.elements(state, row, 0, 0, row.elements)
        else:
            steps = Steps(2 if way == "two" else 1, worth=0, fuse=way != "unfused")
            assert steps.run(traced.program, state, 0, 1, finite=True).steps == 1
        for name, values in traced.outputs.arrays(state.segment(Segment.OUTPUTS)).items():
            found.setdefault(name, []).append(values)
    return found


def agree(found: dict[str, list[Any]], **expected: Ints) -> None:
    assert found.keys() == expected.keys()
    for name, values in found.items():
        for way, value in enumerate(values):
            assert np.array_equal(value, expected[name]), (name, way)


@pytest.mark.parametrize("shape", [(3, 5, 4), (1, 70, 33), (33, 130, 1), (17, 1, 19)])
def test_matmuls_wrap(shape: tuple[int, int, int]) -> None:
    m, k, n = shape
    random = np.random.default_rng(shape)
    x, y = drawn(random, m, k), drawn(random, k, n)
    found = run(lambda i: {"out": i["x"] @ i["y"]}, {"x": x, "y": y})
    agree(found, out=x @ y)


def test_stacks_transposes_and_vectors() -> None:
    random = np.random.default_rng(3)
    x, y, v = drawn(random, 2, 3, 5, 7), drawn(random, 3, 9, 7), drawn(random, 7)

    def function(i: Any) -> dict[str, Array]:
        return {"stack": i["x"] @ i["y"].mT, "vector": i["x"] @ i["v"]}

    agree(run(function, {"x": x, "y": y, "v": v}), stack=x @ y.swapaxes(-1, -2), vector=x @ v)


@pytest.mark.parametrize("size", [1, 31, 32, 33, 200])
def test_sums_wrap(size: int) -> None:
    random = np.random.default_rng(size)
    x = drawn(random, 3, size, 5)

    def function(i: Any) -> dict[str, Array]:
        xp = i["x"].__array_namespace__()
        return {
            "middle": xp.sum(i["x"], axis=1),
            "last": xp.sum(xp.permute_dims(i["x"], (0, 2, 1)) + 1, axis=-1),
            "whole": xp.sum(i["x"]),
        }

    found = run(function, {"x": x})
    last = (x.swapaxes(1, 2) + np.int32(1)).sum(axis=-1, dtype=np.int32)
    whole = x.sum(dtype=np.int32)
    agree(found, middle=x.sum(axis=1, dtype=np.int32), last=last, whole=np.array(whole))


def test_one_row_however_deep() -> None:
    x = np.zeros((2, 5000), np.int32)
    traced = trace(lambda p, i, step: ({}, {"out": i["x"] @ i["x"].T}), {}, {"x": x})
    rows = [row for row in traced.program.rows if row and row.count]
    assert [(row.opcode, row.fold) for row in rows] == [(Opcode.IDOT, 5000)]


def test_bits_of_nans_are_numbers() -> None:
    """No int is made canonical on its way through a fold."""
    x = np.full((40, 1), 0x7FC12345, np.int32)
    found = run(
        lambda i: {"out": i["x"] @ i["y"], "sum": i["x"].__array_namespace__().sum(i["x"], axis=1)},
        {"x": x, "y": np.ones((1, 40), np.int32)},
    )
    agree(found, out=np.repeat(x, 40, axis=1), sum=x[:, 0])


def test_sums_of_what_was_just_computed_join_its_nest() -> None:
    """Lanes, a tree and a tail, as floats' sums have them."""
    random = np.random.default_rng(5)
    x, f = drawn(random, 9, 77), random.standard_normal((9, 77)).astype(np.float32)
    f[0, :3] = np.nan, np.inf, -np.inf

    def function(i: Any) -> dict[str, Array]:
        xp = i["x"].__array_namespace__()
        bits = xp.astype(i["f"] * np.float32(1e9), xp.int32)
        return {"ints": xp.sum(i["x"] * i["x"], axis=1), "floats": xp.sum(bits + 1, axis=-1)}

    inputs = {"x": x, "f": f}
    traced = trace(lambda p, i, step: ({}, function(i)), {}, inputs)
    assert len(plan(traced.program).stages) == 1
    found = run(function, inputs)
    clipped = np.clip(
        np.nan_to_num(np.trunc(f * np.float32(1e9)).astype(np.float64)), -(2**31), 2**31 - 1
    )
    floats = (clipped.astype(np.int32) + np.int32(1)).sum(axis=1, dtype=np.int32)
    agree(found, ints=(x * x).sum(axis=1, dtype=np.int32), floats=floats)
