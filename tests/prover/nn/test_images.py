"""Convolution and pooling against torch, by central differences, and as rows."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from prover.backends import backend
from prover.tracer import TraceError, avg_pool2d, conv1d, conv2d, max_pool2d
from prover.tracer.nn.windows import Axis, Windows
from tests.prover.nn.against import check_differences, check_torch, torch_or_skip
from tests.prover.traced import evaluate, floats, opcodes, program_of

few = settings(max_examples=8, deadline=None, derandomize=True)


@some.composite
def convolutions(draw: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Images and weights, and how the windows slide."""
    number = draw(some.integers(1, 2))
    groups = draw(some.integers(1, 2))
    deep, out = draw(some.integers(1, 2)), draw(some.integers(1, 2)) * groups
    pairs = {
        name: (draw(some.integers(low, high)), draw(some.integers(low, high)))
        for name, low, high in (("stride", 1, 3), ("padding", 0, 2), ("dilation", 1, 2))
    }
    window = draw(some.integers(1, 3)), draw(some.integers(1, 3))
    image = tuple(
        draw(some.integers(max(1, dilation * (size - 1) + 1 - 2 * padding), 7))
        for size, dilation, padding in zip(window, pairs["dilation"], pairs["padding"], strict=True)
    )
    arrays = (floats(number, deep * groups, *image), floats(out, deep, *window))
    return arrays, {**pairs, "groups": groups}


@given(drawn=convolutions())
@few
def test_convolutions_are_torchs(drawn: tuple[tuple[Any, ...], dict[str, Any]]) -> None:
    torch = torch_or_skip()
    arrays, how = drawn
    check_torch(
        lambda x, w: conv2d(x, w, **how),
        lambda x, w: torch.nn.functional.conv2d(x, w, **how),
        arrays,
    )


@pytest.mark.parametrize(
    "how",
    [
        {}, {"padding": 1}, {"stride": 2, "padding": (0, 1)}, {"stride": (2, 1), "dilation": 2},
        {"stride": 3, "dilation": 2, "padding": 2},
    ],
)  # fmt: skip
def test_gradients_of_convolutions_by_differences(how: dict[str, Any]) -> None:
    arrays = (floats(2, 2, 6, 5), floats(3, 2, 3, 2), floats(3))
    check_differences(lambda x, w, b: conv2d(x, w, b, **how), arrays)


def test_signals() -> None:
    torch = torch_or_skip()
    check_torch(
        lambda x, w, b: conv1d(x, w, b, stride=2, padding=1),
        lambda x, w, b: torch.nn.functional.conv1d(x, w, b, stride=2, padding=1),
        (floats(2, 3, 11), floats(4, 3, 3), floats(4)),
    )


POOLS: list[dict[str, Any]] = [
    {"window": 2}, {"window": (3, 2), "stride": (1, 2), "padding": (1, 0)}, {"window": 1},
    {"window": 3, "stride": 2, "padding": 1}, {"window": 2, "stride": 3},
    {"window": (1, 3), "stride": 1},
]  # fmt: skip


@pytest.mark.parametrize("how", POOLS)
def test_pools_are_torchs(how: dict[str, Any]) -> None:
    torch = torch_or_skip()
    theirs = {"kernel_size" if name == "window" else name: one for name, one in how.items()}
    nn = torch.nn.functional
    x = floats(2, 3, 7, 8)
    check_torch(lambda x: avg_pool2d(x, **how), lambda x: nn.avg_pool2d(x, **theirs), (x,))
    check_torch(lambda x: max_pool2d(x, **how), lambda x: nn.max_pool2d(x, **theirs), (x,))
    # Where several places are the greatest, torch's gradient goes to the first of them; so ours.
    ties = np.maximum(np.round(x), 0)
    check_torch(
        lambda x: max_pool2d(x, **how), lambda x: nn.max_pool2d(x, **theirs), (ties,),
        slopes=False,
    )  # fmt: skip


@pytest.mark.parametrize("how", POOLS)
def test_gradients_of_pools_by_differences(how: dict[str, Any]) -> None:
    x = np.random.default_rng(0).permutation(40).astype(np.float32).reshape(1, 2, 4, 5)
    check_differences(lambda x: avg_pool2d(x, **how), (x,))
    check_differences(lambda x: max_pool2d(x, **how), (x,))


def test_the_reference_gives_the_same_bits() -> None:
    arrays = floats(1, 2, 5, 5), floats(2, 2, 3, 3)

    def function(x: Any, w: Any) -> Any:
        return max_pool2d(conv2d(x, w, padding=1, stride=2), 2, 1, 1)

    fast, slow = (evaluate(function, *arrays, used=backend(one)) for one in ("numba", "reference"))
    assert np.array_equal(fast.view(np.uint32), slow.view(np.uint32))


def test_what_lies_around_an_image_is_not_read() -> None:
    """Images that follow one another in a register do not see each other."""
    x = floats(3, 1, 4, 4)
    apart = [conv2d(x[one : one + 1], np.ones((1, 1, 3, 3), np.float32), padding=2) for one in (1,)]
    whole = evaluate(lambda x, w: conv2d(x, w, padding=2), x, np.ones((1, 1, 3, 3), np.float32))
    np.testing.assert_allclose(whole[1:2], apart[0], rtol=1e-5, atol=1e-6)


def test_rows() -> None:
    """One gather and one product for an image; places are worked out over few words."""
    program = program_of(conv2d, floats(8, 3, 12, 12), floats(5, 3, 3, 3)).program
    ops = opcodes(program)
    assert ops.count("GATHER") == ops.count("DOT") == 1
    assert ops[-2:] == ["GATHER", "DOT"]
    assert len(ops) <= 20
    one = opcodes(program_of(conv2d, floats(8, 3, 6, 6), floats(5, 3, 1, 1)).program)
    assert one == ["DOT"]
    assert (
        opcodes(program_of(lambda x: max_pool2d(x, 2), floats(2, 3, 6, 6)).program) == ["MAX"] * 3
    )


def test_refusals() -> None:
    x, w = floats(2, 3, 5, 5), floats(4, 3, 3, 3)
    for why, function in [
        ("do not fit weights", lambda x, w: conv2d(x[:, :2], w)),
        ("do not fit weights", lambda x, w: conv2d(x[0], w)),
        ("do not split into 3 groups", lambda x, w: conv2d(x, w[:, :1], groups=3)),
        ("does not fit 5", lambda x, w: conv2d(x, w, dilation=3)),
        ("take 1 or more", lambda x, w: conv2d(x, w, stride=0)),
        ("take 1 or more", lambda x, w: conv2d(x, w, padding=-1)),
        ("more than half of the window", lambda x, w: max_pool2d(x, 2, padding=2)),
        (r"give \(n, c, h, w\)", lambda x, w: avg_pool2d(x[0], 2)),
    ]:
        for run in (lambda f: f(x, w), lambda f: program_of(f, x, w)):
            with pytest.raises(TraceError, match=why):
                run(function)


@pytest.mark.parametrize("by", [3, 7, 255, 1000, 999_983])
def test_quotients_are_whole_as_far_as_an_axis_may_reach(by: int) -> None:
    most = (1 << 22) - 1
    numbers = np.concatenate([np.arange(5000), np.arange(most - 500_000, most)]).astype(np.int32)
    windows = Windows(numbers, Axis(most, 3, 1, 0), Axis(1, 1, 1, 0))
    assert np.array_equal(windows._quotient(numbers, by), numbers // by)
    with pytest.raises(TraceError, match=r"below 2\^22"):
        Axis(most - 1, 3, 1, 1)
