"""Gradients made small before an optimizer sees them."""

from dataclasses import dataclass
from functools import reduce
from operator import add
from typing import Any, Final

from prover.tracer.fields import Arrays
from prover.tracer.optim.common import Optimizer, check_positive
from prover.tracer.standard import namespace_of
from prover.tracer.symbols import TraceError, scope

_EPS: Final = 1e-6
"""Added to the norm, so that none is divided by; as in torch."""


@dataclass(frozen=True, slots=True)
class Clipped:
    """An optimizer whose gradients are first brought to a global norm of at most `norm`, then each
    into -`value` .. `value`; either may be left out.

    The norm is the root of the sum of the squares of all gradients together. All are multiplied by
    min(1, norm / (that + 1e-6)).
    """

    optimizer: Optimizer
    norm: float | None = None
    value: float | None = None

    def __post_init__(self) -> None:
        if self.norm is None and self.value is None:
            raise TraceError("nothing to clip to; give a norm or a value")
        for what, bound in (("norm", self.norm), ("value", self.value)):
            if bound is not None:
                check_positive(what, bound)

    def state(self, weights: Arrays) -> dict[str, Any]:
        """The optimizer's."""
        return self.optimizer.state(weights)

    def update(self, params: Arrays, grads: Arrays) -> dict[str, Any]:
        """For the norm two maps and a sum for each weight, for the value a few maps more."""
        clipped = dict(grads)
        if self.norm is not None:
            clipped = _to_norm(clipped, self.norm)
        if self.value is not None:
            clipped = {name: _to_value(name, one, self.value) for name, one in clipped.items()}
        return self.optimizer.update(params, clipped)


def _to_norm(grads: dict[str, Any], norm: float) -> dict[str, Any]:
    xp = namespace_of(*grads.values())
    squares = []
    for name, grad in grads.items():
        with scope(f"clip.{name}"):
            squares.append(xp.sum(grad * grad))
    with scope("clip"):
        share = norm / (xp.sqrt(reduce(add, squares)) + _EPS)
        scale = xp.where(share < 1.0, share, 1.0)
    scaled = {}
    for name, grad in grads.items():
        with scope(f"clip.{name}"):
            scaled[name] = grad * scale
    return scaled


def _to_value(name: str, grad: Any, value: float) -> Any:
    xp = namespace_of(grad)
    with scope(f"clip.{name}"):
        above = xp.where(grad > value, value, grad)  # a NaN stays
        return xp.where(above < -value, -value, above)
