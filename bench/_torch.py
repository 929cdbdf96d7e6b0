"""torch, with which much is compared, where it is installed."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from prover.tracer.optim import SGD, Adam, Clipped, Counted, Optimizer, Rate

Loss = Callable[[Any, Any, Any], Any]


def find_torch() -> Any:
    """The module, or None after a line that says what follows."""
    try:
        import torch
    except ImportError:
        print("torch is not installed: what is compared with it is left out; its figures are null")
        return None
    return torch


class Training:
    """Training steps by torch's autograd and optimizer, of float32 tensors on the CPU."""

    def __init__(
        self,
        torch: Any,
        loss: Loss,
        weights: Mapping[str, Any],
        inputs: Mapping[str, Any],
        optimizer: Optimizer,
    ) -> None:
        """`loss` takes weights and inputs as tensors, of the shapes given, and the step's number;
        `optimizer` is ours, of which torch's counterpart is taken.
        """
        self._torch, self._loss = torch, loss
        self.weights = {
            name: torch.tensor(np.asarray(one), requires_grad=True) for name, one in weights.items()
        }
        self.inputs = {name: torch.tensor(np.asarray(one)) for name, one in inputs.items()}
        self._counts = isinstance(optimizer, Counted)
        self._norm, optimizer = _unwrapped(optimizer)
        self._optimizer = counterpart(torch, optimizer, self.weights.values())
        self._rate = _rates(optimizer)
        self.done = 0

    def step(self) -> Any:
        """One more step; returns the loss before it, a tensor."""
        for group in self._optimizer.param_groups:
            group["lr"] = self._rate(group["lr"])
        self._optimizer.zero_grad()
        shown = dict(self.weights)
        if self._counts:
            shown["count:step"] = self._torch.tensor(self.done, dtype=self._torch.int32)
        loss = self._loss(shown, self.inputs, self.done)
        loss.backward()
        if self._norm is not None:
            self._torch.nn.utils.clip_grad_norm_(list(self.weights.values()), self._norm)
        self._optimizer.step()
        self.done += 1
        return loss.detach()


def counterpart(torch: Any, optimizer: Optimizer, weights: Iterable[Any]) -> Any:
    """torch's optimizer of the same sort; of a schedule only the first rate."""
    match optimizer:
        case SGD(rate, momentum):
            return torch.optim.SGD(
                weights, _first(rate), momentum, nesterov=optimizer.nesterov,
                weight_decay=optimizer.weight_decay,
            )  # fmt: skip
        case Adam(rate, beta1, beta2, eps, weight_decay):
            kind = torch.optim.AdamW if weight_decay else torch.optim.Adam
            return kind(weights, _first(rate), (beta1, beta2), eps, weight_decay)
    raise TypeError(f"no optimizer of torch's is told to be like {type(optimizer).__name__}")


def _unwrapped(optimizer: Optimizer) -> tuple[float | None, Optimizer]:
    """The norm to which gradients are clipped, and what sees them then."""
    norm = None
    while isinstance(optimizer, Clipped | Counted):
        if isinstance(optimizer, Clipped):
            if optimizer.value is not None:
                raise TypeError("gradients clipped one by one have no counterpart here")
            norm = optimizer.norm
        optimizer = optimizer.optimizer
    return norm, optimizer


def _first(rate: Rate) -> float:
    return rate if isinstance(rate, int | float) else 0.0


def _rates(optimizer: Optimizer) -> Callable[[float], float]:
    """From a step's rate to the next one's; a schedule is asked, in plain NumPy."""
    rate = getattr(optimizer, "rate", 0.0)
    if isinstance(rate, int | float):
        return lambda before: before
    words = dict(rate.state())

    def following(before: float) -> float:
        nonlocal words
        value, words = rate.rate({name: np.asarray(one) for name, one in words.items()})
        return float(value)

    return following
