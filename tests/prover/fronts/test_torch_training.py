"""Training programs made of torch's modules follow torch's own training."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from prover.backends import backend
from prover.execute import run
from prover.fronts.torch_export import TorchFrontError, Training, training
from prover.tracer import random
from prover.tracer.optim import Linear

torch = pytest.importorskip("torch", reason="torch is not installed: pip install plumbline[torch]")

from tests.prover.fronts import modules  # noqa: E402 - torch is there

nn, optim = torch.nn, torch.optim
STEPS = 12
Make = Callable[[Any], Any]


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)


def learned(made: Training, steps: int = STEPS) -> tuple[Any, dict[str, Any]]:
    """The losses and the params after some steps."""
    traced = made.traced
    ran = run(
        traced.program, 0, steps, traced.params.words(made.params),
        traced.inputs.words(made.inputs), backend("numba"),
    )  # fmt: skip
    return traced.outputs.arrays(ran.outputs)["loss"], traced.params.arrays(ran.params)


def follows(
    module: Any, loss: Any, make: Make, x: Any, y: Any, *, clip_norm: float | None = None
) -> Training:
    """Losses of 12 steps are torch's to 1e-5 of the first, weights to 1e-3 of what they moved."""
    before = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    made = training(
        module, loss, make(module.parameters()), x, y, losses=STEPS, clip_norm=clip_norm
    )
    ours, params = learned(made)
    optimizer = make(module.parameters())
    theirs = []
    for step in range(STEPS):
        optimizer.zero_grad()
        value = loss(module(x[step % len(x)]), y[step % len(y)])
        value.backward()
        if clip_norm is not None:
            nn.utils.clip_grad_norm_(module.parameters(), clip_norm)
        optimizer.step()
        theirs.append(float(value.detach()))
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-5 * max(theirs[0], 1.0))
    after = made.state_dict(params)
    for name, tensor in module.state_dict().items():
        if tensor.dtype == torch.int64:
            assert torch.equal(after[name], tensor)
            continue
        moved = float((tensor - before[name]).abs().max())
        assert moved > 1e-4
        np.testing.assert_allclose(after[name], tensor, rtol=0, atol=max(1e-3 * moved, 1e-6))
    return made


OPTIMIZERS: dict[str, Make] = {
    "sgd": lambda params: optim.SGD(params, 0.1),
    "momentum": lambda params: optim.SGD(params, 0.05, 0.9, nesterov=True, weight_decay=0.01),
    "adam": lambda params: optim.Adam(params, 0.01, (0.8, 0.99), weight_decay=0.1),
    "adamw": lambda params: optim.AdamW(params, 0.01, weight_decay=0.1),
}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_optimizers(name: str) -> None:
    x, y = torch.randn(3, 8, 12), torch.randint(0, 5, (3, 8))
    made = follows(modules.mlp(), nn.CrossEntropyLoss(), OPTIMIZERS[name], x, y)
    assert set(made.inputs) == {"input", "target"}


def test_groups_of_weights_some_of_them_frozen() -> None:
    def make(params: Any) -> Any:
        first, second, *rest = [one for one in params if one.requires_grad]
        return optim.AdamW(
            [{"params": [first, second], "weight_decay": 0.0}, {"params": rest, "lr": 0.03}], 0.01
        )

    module = modules.mlp()
    module[0].weight.requires_grad_(False)
    fixed = module[0].weight.clone()
    x, y = torch.randn(2, 8, 12), torch.randn(2, 8, 5)
    made = training(module, nn.MSELoss(), make(module.parameters()), x, y, losses=STEPS)
    losses, params = learned(made)
    assert np.array_equal(params["0.weight"], fixed)
    assert "m:0.weight" not in params
    optimizer = make(module.parameters())
    for step in range(STEPS):
        optimizer.zero_grad()
        value = nn.MSELoss()(module(x[step % 2]), y[step % 2])
        value.backward()
        optimizer.step()
        assert losses[step] == pytest.approx(float(value.detach()), rel=1e-5)


def test_batch_norm_that_learns_its_statistics_and_gradients_that_are_clipped() -> None:
    module = nn.Sequential(
        nn.Conv2d(2, 3, 3, bias=False), nn.BatchNorm2d(3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
        nn.Linear(12, 4),
    )  # fmt: skip
    x, y = torch.randn(3, 6, 2, 6, 6), torch.randn(3, 6, 4)
    made = follows(module, nn.SmoothL1Loss(), OPTIMIZERS["sgd"], x, y, clip_norm=0.5)
    assert made.params["1.num_batches_tracked"] == 0


def test_a_language_model_with_tied_weights_and_words_to_ignore() -> None:
    def loss(scores: Any, words: Any) -> Any:
        return nn.functional.cross_entropy(scores, words.flatten(), ignore_index=0)

    words = torch.randint(0, 11, (3, 2, 7))
    assert (words == 0).any()
    # Not Adam: a key's bias has no gradient but rounding, which Adam would make large.
    follows(modules.Tokens(), loss, OPTIMIZERS["momentum"], words[..., :-1], words[..., 1:])


LOSSES: dict[str, tuple[Any, Callable[[], Any]]] = {
    "smoothed": (nn.CrossEntropyLoss(label_smoothing=0.1), lambda: torch.randint(0, 3, (2, 4))),
    "shares": (nn.CrossEntropyLoss(reduction="sum"), lambda: torch.randn(2, 4, 3).softmax(-1)),
    "binary": (nn.BCEWithLogitsLoss(), lambda: torch.rand(2, 4, 3)),
    "divergence": (
        lambda made, wanted: nn.functional.kl_div(made.log_softmax(-1), wanted, reduction="sum"),
        lambda: torch.randn(2, 4, 3).softmax(-1),
    ),
}


@pytest.mark.parametrize("name", LOSSES)
def test_losses(name: str) -> None:
    loss, draw = LOSSES[name]
    follows(nn.Linear(5, 3), loss, OPTIMIZERS["sgd"], torch.randn(2, 4, 5), draw())


def test_dropout_is_drawn_by_the_seed_and_the_step() -> None:
    module = nn.Sequential(nn.Linear(6, 6, bias=False), nn.Dropout(0.4), nn.Dropout(0.2))
    nn.init.eye_(module[0].weight)
    x, y = torch.randn(1, 3, 6), torch.zeros(1, 3, 6)
    module[0].weight.requires_grad_(True)
    made = training(
        module, lambda made, wanted: (made - wanted).sum(), optim.SGD(module.parameters(), 1e-30),
        x, y, seed=5, losses=4,
    )  # fmt: skip
    losses, params = learned(made, 4)
    key = np.array([0, 5], np.int32)
    for step in range(4):
        kept = x[0].numpy()
        for site, rate in enumerate((0.4, 0.2)):
            kept = random.dropout(kept, rate, key, np.asarray(step, np.int32), site=site)
        assert losses[step] == pytest.approx(kept.sum(), rel=1e-5, abs=1e-5)
    assert len(set(losses.tolist())) == 4
    assert params["count:step"] == 4
    assert set(made.state_dict(params)) == {"0.weight"}


def test_a_schedule_instead_of_the_rate() -> None:
    module = nn.Linear(2, 1, bias=False)
    x, y = torch.ones(1, 1, 2), torch.zeros(1, 1, 1)
    made = training(
        module, lambda made, wanted: (made - wanted).sum(), optim.SGD(module.parameters(), 7.0),
        x, y, rate=Linear(0.4, 4),
    )  # fmt: skip
    _, params = learned(made, 6)
    np.testing.assert_allclose(
        params["weight"], made.params["weight"] - (0.4 + 0.3 + 0.2 + 0.1), atol=1e-6
    )


def _sgd(module: Any, **options: Any) -> Any:
    return optim.SGD(module.parameters(), 0.1, **options)


def _used(module: Any) -> Any:
    optimizer = _sgd(module, momentum=0.9)
    module(torch.ones(1, 3)).sum().backward()
    optimizer.step()
    return optimizer


REFUSED: dict[str, tuple[Callable[[Any], Any], Any, str]] = {
    "amsgrad": (lambda m: optim.Adam(m.parameters(), amsgrad=True), None, "amsgrad set"),
    "maximize": (lambda m: _sgd(m, maximize=True), None, "maximize set"),
    "dampening": (lambda m: _sgd(m, momentum=0.9, dampening=0.1), None, "dampening set"),
    "another": (lambda m: optim.RMSprop(m.parameters()), None, "use SGD, Adam or AdamW"),
    "used": (_used, None, "start with a fresh one"),
    "strange": (lambda m: optim.SGD([nn.Parameter(torch.zeros(2))], 0.1), None, "no weight"),
    "betas": (
        lambda m: optim.Adam(
            [{"params": [m.weight]}, {"params": [m.bias], "betas": (0.5, 0.9)}]
        ),
        None, "give all the same",
    ),
    "many": (_sgd, nn.MSELoss(reduction="none"), r"shapes \[\(4, 3\)\]; give one scalar"),
    "weighted": (_sgd, nn.CrossEntropyLoss(weight=torch.ones(3)), "leave weight out"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_trained_is_refused(name: str) -> None:
    make, loss, message = REFUSED[name]
    module = nn.Linear(3, 3)
    x = torch.randn(2, 4, 3)
    with pytest.raises(TorchFrontError, match=message):
        training(module, loss or nn.MSELoss(), make(module), x, x.softmax(-1))


def test_batches_are_as_many_as_targets() -> None:
    module = nn.Linear(3, 3)
    with pytest.raises(TorchFrontError, match=r"have \[1, 2\] batches"):
        training(module, nn.MSELoss(), _sgd(module), torch.ones(2, 4, 3), torch.ones(1, 4, 3))
