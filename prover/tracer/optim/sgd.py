"""Stochastic gradient descent, with momentum."""

from dataclasses import dataclass
from typing import Any

from prover.tracer.fields import Arrays
from prover.tracer.nn.core import fma
from prover.tracer.nn.core import snap as snapped
from prover.tracer.optim.common import (
    SNAP,
    check_decays,
    check_snap,
    check_weight_decay,
    held,
    single,
    zeros_like,
)
from prover.tracer.optim.schedules import Rate, check_rate, minus_rate, rate_state
from prover.tracer.symbols import TraceError, scope


@dataclass(frozen=True, slots=True)
class SGD:
    """velocity = momentum * velocity + grad; weight -= rate * velocity.

    Without momentum there is no state, and the weight follows the gradient. With `nesterov` it
    follows grad + momentum * velocity; with `weight_decay`, that times the weight is first added
    to the gradient.
    """

    rate: Rate
    momentum: float = 0.0
    snap: float = SNAP
    """Velocities below it become 0."""
    nesterov: bool = False
    weight_decay: float = 0.0

    def __post_init__(self) -> None:
        check_rate(self.rate)
        check_snap(self.snap)
        check_decays(self.momentum)
        check_weight_decay(self.weight_decay)
        if self.nesterov and not self.momentum:
            raise TraceError("nesterov looks ahead along the velocity; take a momentum above 0")

    def state(self, weights: Arrays) -> dict[str, Any]:
        """`velocity:w` of each weight w, zeros, without momentum none; the schedule's words."""
        velocities = {f"velocity:{name}": zeros_like(one) for name, one in weights.items()}
        return {**(velocities if self.momentum else {}), **rate_state(self.rate)}

    def update(self, params: Arrays, grads: Arrays) -> dict[str, Any]:
        """One row for each weight, with momentum two, and three to snap; one more for decay, one
        more for nesterov; and a few of one word for a schedule.
        """
        minus, after = minus_rate(self.rate, params)
        for name, grad in grads.items():
            with scope(f"update.{name}"):
                if self.weight_decay:
                    grad = fma(params[name], single(self.weight_decay), grad)
                if self.momentum:
                    key = f"velocity:{name}"
                    velocity = fma(held(params, key), single(self.momentum), grad)
                    velocity = snapped(velocity, self.snap) if self.snap else velocity
                    after[key] = velocity
                    ahead = self.nesterov
                    grad = fma(velocity, single(self.momentum), grad) if ahead else velocity
                after[name] = fma(grad, minus, params[name])
        return after
