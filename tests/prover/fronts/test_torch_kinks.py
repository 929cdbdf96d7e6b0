"""Values and gradients where functions have kinks, ends and ties are torch's own."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from prover.backends import backend
from prover.execute import run
from prover.fronts.torch_export import from_module, training

torch = pytest.importorskip("torch", reason="torch is not installed: pip install plumbline[torch]")

nn = torch.nn
F = nn.functional
Function = Callable[[Any], Any]
ENDS = [-200.0, -50.0, -1.0, -0.5, 0.0, 0.5, 1.0, 50.0, 200.0]
TIES = [[1.0, 2.0, 2.0], [3.0, 3.0, 3.0], [0.0, 0.0, 0.0]]


class Of(nn.Module):  # type: ignore[misc, name-defined]
    def __init__(self, at: Any, function: Function) -> None:
        super().__init__()
        self.at, self.function = nn.Parameter(torch.tensor(at)), function

    def forward(self, x: Any) -> Any:
        return self.function(self.at)


def weighted(value: Any, weights: Any) -> Any:
    return (value * weights).sum()


@pytest.mark.parametrize(
    ("at", "function"),
    [
        pytest.param(ENDS, torch.abs, id="abs"),
        pytest.param(ENDS, lambda x: F.l1_loss(x, torch.zeros(9)), id="l1"),
        pytest.param(ENDS, lambda x: torch.maximum(x, torch.zeros(9)), id="maximum"),
        pytest.param(ENDS, lambda x: torch.minimum(x, x * x), id="minimum"),
        pytest.param(ENDS, lambda x: x.clamp(-0.5, 1), id="clamp"),
        pytest.param(ENDS, lambda x: x.clamp(min=0), id="clamp_min"),
        pytest.param(ENDS, lambda x: F.hardtanh(2 * x), id="hardtanh"),
        pytest.param(ENDS, F.relu6, id="relu6"),
        pytest.param(ENDS, F.elu, id="elu"),
        pytest.param(ENDS, F.selu, id="selu"),
        pytest.param([-4.0, -3.0, 0.0, 3.0, 4.0], F.hardswish, id="hardswish"),
        pytest.param([-4.0, -3.0, 0.0, 3.0, 4.0], F.hardsigmoid, id="hardsigmoid"),
        pytest.param(ENDS, F.logsigmoid, id="logsigmoid"),
        pytest.param(
            ENDS,
            lambda x: F.binary_cross_entropy_with_logits(x, torch.arange(9) % 2.0),
            id="bce_with_logits",
        ),
        pytest.param(
            ENDS,
            lambda x: F.binary_cross_entropy(torch.sigmoid(x), torch.arange(9) % 2.0),
            id="bce",
        ),
        pytest.param(TIES, lambda x: x.amax(1), id="amax"),
        pytest.param(TIES, lambda x: x.amin((0, 1), keepdim=True), id="amin"),
        pytest.param(TIES, torch.max, id="max"),
        pytest.param(TIES, lambda x: x.max(1)[0], id="max_dim"),
        pytest.param(TIES, lambda x: x.min(0, keepdim=True)[0], id="min_dim"),
        pytest.param(
            TIES,
            lambda x: F.embedding_bag(torch.tensor([[1, 1, 0], [2, 0, 2]]), x, mode="max"),
            id="embedding_bag_max",
        ),
        pytest.param(TIES, lambda x: x.std(1), id="std"),
        pytest.param(TIES, lambda x: x.std((0, 1), correction=0, keepdim=True), id="std_of_all"),
        pytest.param(TIES, lambda x: torch.linalg.vector_norm(x, dim=1), id="norm"),
        pytest.param(TIES, lambda x: torch.linalg.vector_norm(x, torch.inf, dim=1), id="norm_inf"),
        pytest.param(TIES, lambda x: (x * 0).norm(), id="norm_of_zeros"),
    ],
)
def test_gradients(at: Any, function: Function) -> None:
    """Of one step at rate 1, which leaves a weight less its gradient."""
    module = Of(at, function)
    value = module(None)
    weights = torch.linspace(0.5, 1.5, value.numel()).reshape(value.shape)
    made = training(
        module, weighted, torch.optim.SGD(module.parameters(), lr=1.0),
        torch.zeros(1, 1), weights[None],
    )  # fmt: skip
    traced = made.traced
    ran = run(
        traced.program, 0, 1, traced.params.words(made.params), traced.inputs.words(made.inputs),
        backend("numba"),
    )  # fmt: skip
    ours = np.array(at, np.float32) - traced.params.arrays(ran.params)["at"]
    loss = weighted(value, weights)
    loss.backward()
    np.testing.assert_allclose(ours, module.at.grad.numpy(), rtol=2e-5, atol=2e-5)
    np.testing.assert_allclose(
        traced.outputs.arrays(ran.outputs)["loss"], loss.item(), rtol=2e-5, atol=2e-6
    )


def ints(*values: int) -> Any:
    return torch.tensor(values)


@pytest.mark.parametrize(
    ("function", "tensors"),
    [
        pytest.param(
            lambda x: x[ints(-1, 0, -3)], [torch.arange(8.0)], id="index_from_the_end"
        ),
        pytest.param(
            lambda x: x[:, torch.arange(-20, 0)], [torch.arange(60.0).reshape(2, 30)],
            id="index_by_many_from_the_end",
        ),
        pytest.param(
            lambda x, at: x[at], [torch.arange(8.0), ints(-8, 7, -1)], id="index_by_an_input"
        ),
        pytest.param(
            lambda x: x.clamp(-1, 1), [torch.tensor([torch.nan, 2, 0.5])], id="clamp_of_nan"
        ),
        pytest.param(
            F.hardtanh, [torch.tensor([torch.nan, 2, 0.5])], id="hardtanh_of_nan"
        ),
        pytest.param(
            lambda x: x // 0.1, [torch.tensor([1.0, 2, 3, -1, -5.5, 0])], id="floor_divide"
        ),
        pytest.param(
            lambda x: x // -0.1, [torch.tensor([1.0, 2, 3, -1, -5.5, 0])],
            id="floor_divide_by_less_than_0",
        ),
        pytest.param(
            lambda x: torch.div(x, 3, rounding_mode="trunc"),
            [ints(7, -7, 6, -6, 0, 2**31 - 1, -(2**31), 100000007, -100000007)],
            id="trunc_of_large_ints",
        ),
    ],
)  # fmt: skip
def test_values(function: Callable[..., Any], tensors: list[Any]) -> None:
    class Plain(nn.Module):  # type: ignore[misc, name-defined]
        def forward(self, *given: Any) -> Any:
            return function(*given)

    made = from_module(Plain(), tuple(tensors))
    traced = made.traced
    ran = run(
        traced.program, 0, 1, traced.params.words(made.params),
        traced.inputs.words(made.inputs(*tensors)), backend("numba"), finite=False,
    )  # fmt: skip
    (ours,) = traced.outputs.arrays(ran.outputs).values()
    np.testing.assert_array_equal(ours, function(*tensors).numpy())
