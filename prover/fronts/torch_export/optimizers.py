"""torch's optimizers as ours: SGD, Adam and AdamW, with groups of weights."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from prover.fronts.torch_export.errors import TorchFrontError
from prover.tracer import fma
from prover.tracer.fields import Arrays
from prover.tracer.optim import SGD, Adam, Optimizer, Rate
from prover.tracer.symbols import scope

_REFUSED: Final = ("amsgrad", "maximize", "dampening")
"""Options that ours have not; `foreach`, `fused` and the like do not change what is computed."""


@dataclass(frozen=True, slots=True)
class Grouped:
    """An optimizer for each group of weights; steps are counted together."""

    parts: Sequence[tuple[Optimizer, Sequence[str]]]

    def state(self, weights: Arrays) -> dict[str, Any]:
        """That of all parts."""
        found: dict[str, Any] = {}
        for optimizer, names in self.parts:
            found |= optimizer.state({name: weights[name] for name in names})
        return found

    def update(self, params: Arrays, grads: Arrays) -> dict[str, Any]:
        """That of all parts."""
        after: dict[str, Any] = {}
        for optimizer, names in self.parts:
            after |= optimizer.update(params, {name: grads[name] for name in names})
        return after


@dataclass(frozen=True, slots=True)
class Pulled:
    """An optimizer that sees decay * weight added to each gradient."""

    optimizer: Optimizer
    decay: float

    def state(self, weights: Arrays) -> dict[str, Any]:
        """The optimizer's."""
        return self.optimizer.state(weights)

    def update(self, params: Arrays, grads: Arrays) -> dict[str, Any]:
        """One row for each weight more."""
        pulled = {}
        for name, grad in grads.items():
            with scope(f"update.{name}"):
                pulled[name] = fma(params[name], self.decay, grad)
        return self.optimizer.update(params, pulled)


def optimizer_of(
    optimizer: Any, names: Mapping[int, str], rate: Rate | None
) -> tuple[Optimizer, list[str]]:
    """One of torch's optimizers as ours, and the weights that it changes.

    Args:
        optimizer: An SGD, Adam or AdamW of `torch.optim` that has made no step yet.
        names: Of the weights, by `id`; others are left out.
        rate: Instead of the optimizer's own, for all groups.

    Raises:
        TorchFrontError: when it is another, has an option that ours have not, or has no weight.
    """
    kind = type(optimizer).__name__
    if kind not in {"SGD", "Adam", "AdamW"}:
        raise TorchFrontError(f"{kind} is no optimizer of ours; use SGD, Adam or AdamW")
    if optimizer.state:
        raise TorchFrontError(f"this {kind} has made steps already; start with a fresh one")
    parts: list[tuple[Optimizer, list[str]]] = []
    betas = {tuple(group["betas"]) for group in optimizer.param_groups if "betas" in group}
    if len(betas) > 1:
        raise TorchFrontError(f"groups of weights have betas {sorted(betas)}; give all the same")
    for group in optimizer.param_groups:
        members = [names[id(one)] for one in group["params"] if id(one) in names]
        if members:
            for option in _REFUSED:
                if group.get(option):
                    raise TorchFrontError(f"{kind} has {option} set; ours has no such option")
            parts.append((_one(kind, group, rate), members))
    if not parts:
        raise TorchFrontError(f"this {kind} changes no weight that the loss depends on")
    changed = [name for _, members in parts for name in members]
    return (parts[0][0] if len(parts) == 1 else Grouped(parts)), changed


def _one(kind: str, group: Mapping[str, Any], rate: Rate | None) -> Optimizer:
    used: Rate = float(group["lr"]) if rate is None else rate
    decay = float(group["weight_decay"])
    if kind == "SGD":
        momentum = float(group["momentum"])
        return SGD(used, momentum, nesterov=bool(group["nesterov"]), weight_decay=decay)
    beta1, beta2 = (float(beta) for beta in group["betas"])
    eps = float(group["eps"])
    if group.get("decoupled_weight_decay", kind == "AdamW"):
        return Adam(used, beta1, beta2, eps, weight_decay=decay)
    plain = Adam(used, beta1, beta2, eps)
    return Pulled(plain, decay) if decay else plain
