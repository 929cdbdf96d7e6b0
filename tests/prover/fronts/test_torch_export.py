"""Modules of torch as programs give what torch gives."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from prover.backends import backend
from prover.execute import run
from prover.fronts.torch_export import Imported, TorchFrontError, from_module

torch = pytest.importorskip("torch", reason="torch is not installed: pip install plumbline[torch]")

from tests.prover.fronts import modules  # noqa: E402 - torch is there

nn = torch.nn


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)


def results(imported: Imported, *tensors: Any, steps: int = 1, used: str = "numba") -> Any:
    traced = imported.traced
    ran = run(
        traced.program, 0, steps, traced.params.words(imported.params),
        traced.inputs.words(imported.inputs(*tensors)), backend(used),
    )  # fmt: skip
    return traced.outputs.arrays(ran.outputs)


def torch_results(module: Any, *tensors: Any) -> list[NDArray[Any]]:
    with torch.no_grad():
        made = module.eval()(*tensors)
    return [one.numpy() for one in torch.utils._pytree.tree_leaves(made)]


def agree(module: Any, *tensors: Any, used: str = "numba", near: float = 3e-6) -> Imported:
    """The program's outputs are torch's, within `near` of the largest of each."""
    imported = from_module(module, tensors)
    ours = results(imported, *tensors, used=used)
    theirs = torch_results(module, *tensors)
    assert len(ours) == len(theirs)
    for (name, made), wanted in zip(ours.items(), theirs, strict=True):
        if made.dtype == np.float32:
            scale = max(float(np.abs(wanted).max()), 1.0)
            np.testing.assert_allclose(made, wanted, rtol=0, atol=near * scale, err_msg=name)
        else:
            np.testing.assert_array_equal(made, wanted, err_msg=name)
    return imported


def test_an_mlp() -> None:
    module = modules.mlp()
    imported = agree(module, torch.randn(7, 12))
    assert list(imported.params) == list(module.state_dict())
    assert list(imported.names) == ["input"]
    assert [one.name for one in imported.traced.outputs.fields] == ["output"]
    assert imported.traced.program.names[0].startswith("0.matmul")
    for name, tensor in imported.state_dict(imported.params).items():
        assert torch.equal(tensor, module.state_dict()[name])


def test_a_lenet() -> None:
    imported = agree(modules.LeNet(), torch.randn(3, 1, 16, 16))
    assert list(imported.names) == ["images"]


def test_a_residual_block_with_the_statistics_that_it_learned() -> None:
    module = modules.Residual()
    module.norm.running_mean.normal_()
    module.norm.running_var.uniform_(0.5, 2)
    imported = agree(module, torch.randn(2, 3, 9, 9))
    assert {"norm.running_mean", "norm.running_var"} < set(imported.params)
    assert "norm.num_batches_tracked" not in imported.params


def test_an_encoder_layer_that_does_not_see_padding() -> None:
    torch.backends.mha.set_fastpath_enabled(False)  # it makes zeros of what is padding
    try:
        padding = torch.arange(7).expand(3, -1) >= torch.tensor([[7], [4], [1]])
        imported = agree(modules.Encoder(), torch.randn(3, 7, 16), padding)
    finally:
        torch.backends.mha.set_fastpath_enabled(True)
    assert [one.name for one in imported.traced.outputs.fields] == ["hidden", "pooled"]


def test_multi_head_attention_and_its_weights() -> None:
    imported = agree(modules.Attention(), torch.randn(2, 5, 16), torch.randn(2, 7, 16))
    assert [one.name for one in imported.traced.outputs.fields] == ["output0", "output1"]


def test_a_language_model_whose_weights_are_tied() -> None:
    module = modules.Tokens()
    imported = agree(module, torch.randint(0, 11, (3, 6)))
    assert dict(imported.tied) == {"head.weight": "words.weight"}
    constants = [name for name in imported.params if name.startswith("constant.")]
    assert len(constants) == 1  # the mask; places 0, 1, 2, ... are rows of the table as they lie
    assert imported.params[constants[0]].size == 6 * 6
    assert not [name for name in imported.traced.program.names if "iota" in name]
    loaded = modules.Tokens()
    assert not loaded.load_state_dict(imported.state_dict(imported.params)).missing_keys
    assert torch.equal(loaded.head.weight, module.words.weight)


@pytest.mark.parametrize("mode", ["sum", "mean"])
def test_bags_of_tokens(mode: str) -> None:
    imported = agree(nn.EmbeddingBag(9, 5, mode=mode), torch.randint(0, 9, (4, 6)))
    assert list(imported.params) == ["weight"]


def test_a_recurrent_cell_that_is_called_for_each_step() -> None:
    agree(modules.Steps(), torch.randn(2, 3, 3), used="reference")


def test_buffers_that_a_call_changes_are_params_that_change() -> None:
    tensors = torch.randn(3, 2, 3)
    imported = from_module(modules.Counting(), tensors[0], batches=3)
    traced = imported.traced
    ran = run(
        traced.program, 0, 3, traced.params.words(imported.params),
        traced.inputs.words(imported.inputs(tensors)), backend("numba"),
    )  # fmt: skip
    after = imported.state_dict(traced.params.arrays(ran.params))
    np.testing.assert_allclose(after["total"], tensors.sum((0, 1)), atol=1e-6)
    assert after["calls"] == 3
    np.testing.assert_allclose(
        traced.outputs.arrays(ran.outputs)["output"][2], tensors.sum((0, 1)) / 3, atol=1e-6
    )


def test_ops_of_the_table() -> None:
    inputs = (torch.randn(2, 5, 6), torch.randint(0, 4, (2, 5)), torch.rand(2, 5, 6) < 0.5)
    agree(modules.Ops(), *inputs, used="reference")


def test_torch_is_needed_by_calls_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    code = "import sys, prover.fronts.torch_export; sys.exit('torch' in sys.modules)"
    root = Path(__file__).resolve().parents[3]
    subprocess.run([sys.executable, "-c", code], cwd=root, check=True)
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(TorchFrontError, match="torch is not installed: pip install"):
        from_module(None, ())


def test_a_function_is_no_module() -> None:
    with pytest.raises(TorchFrontError, match=r"a function where an nn\.Module is needed"):
        from_module(modules.mlp, torch.ones(1, 3))


def test_a_module_stays_in_the_modes_that_it_is_in() -> None:
    module = nn.Sequential(nn.Linear(3, 3), nn.Dropout())
    module[0].eval()
    imported = from_module(module, torch.ones(1, 3))
    assert [one.training for one in module.modules()] == [True, False, True]
    assert "1" not in {name.split(".")[0] for name in imported.traced.program.names}


def test_inputs_one_after_the_other() -> None:
    module = modules.Called(lambda h, x: (h.relu(), x.sum()))
    tensors = torch.randn(4, 2, 3)
    imported = from_module(module, tensors[0], names=["h", "total"], batches=4)
    made = results(imported, tensors, steps=6)
    assert made["h"].shape == (4, 2, 3)
    for number, tensor in enumerate(tensors):
        h, total = torch_results(module, tensor)
        np.testing.assert_allclose(made["h"][number], h, atol=1e-6)
        np.testing.assert_allclose(made["total"][number], total, atol=1e-6)


def test_numpy_arrays_and_ints_are_inputs_too() -> None:
    imported = from_module(nn.Embedding(7, 2), torch.tensor([1, 2]))
    named = imported.inputs(np.array([6, 0]))
    assert named["input"].dtype == np.int32
    with pytest.raises(TorchFrontError, match=r"input holds ints from 1 to 4294967296"):
        imported.inputs(np.array([1, 2**32]))
    with pytest.raises(TorchFrontError, match="2 inputs for"):
        imported.inputs(np.array([6]), np.array([0]))


def _in_place(h: Any, x: Any) -> Any:
    x.add_(1)
    return h


REFUSED: dict[str, tuple[Any, Any, str]] = {
    "lstm": (nn.LSTM(3, 4), (5, 2, 3), r"aten.lstm.input has no lowering .*call an nn.LSTMCell"),
    "op": (
        lambda h, x: torch.sin(h), (2, 3),
        r"aten.sin.default has no lowering \(at tests/\S+/modules.py:\d+: return self.*\); trig",
    ),
    "use": (lambda h, x: h**1.3, (2, 3), r"aten.pow.Tensor_Scalar: .*1\.3.*use exp.* \(at tests/"),
    "float64": (lambda h, x: h.double(), (2, 3), r"torch.float64 is no dtype.*\.float\(\) \(at"),
    "in place": (_in_place, (2, 3), r"x is changed in place.*compute a new tensor"),
    "shape": (lambda h, x: h[h > 0], (2, 3), r"shape that hangs on data \(at tests/"),
    "decision": (lambda h, x: h if h.sum() > 0 else x, (2, 3), r"torch.export refuses Called"),
    "random": (lambda h, x: h + torch.rand_like(h), (2, 3), r"rand_like.*must be an input"),
    "folded random": (lambda h, x: h + torch.rand(3), (2, 3), r"rand.*nobody could check"),
    "range": (lambda h, x: x.long() + torch.tensor(2**40), (2, 3), r"ints are int32"),
    "window": (nn.MaxPool2d(2, ceil_mode=True), (1, 1, 5, 5), r"max_pool2d.*leave ceil_mode"),
    "nothing": (lambda h, x: 1, (2, 3), r"returns no tensor"),
    "empty": (nn.Linear(3, 3), (0, 3), r"input 0 is empty"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_has_no_place_in_a_program_is_refused(name: str) -> None:
    made, shape, message = REFUSED[name]
    module = made if isinstance(made, nn.Module) else modules.Called(made)
    with pytest.raises(TorchFrontError, match=message) as caught:
        from_module(module, torch.randn(shape))
    assert "\n" not in str(caught.value)
    assert "prover/" not in str(caught.value).replace("tests/prover/", "")
