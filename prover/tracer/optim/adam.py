"""Adam, and AdamW."""

from dataclasses import dataclass
from typing import Any

from prover.tracer.fields import Arrays
from prover.tracer.nn.core import fma
from prover.tracer.nn.core import snap as snapped
from prover.tracer.optim.common import (
    LEAST_POWER,
    LEAST_SNAP,
    SNAP,
    check_decays,
    check_snap,
    check_weight_decay,
    float_word,
    held,
    rest,
    single,
    zeros_like,
)
from prover.tracer.optim.schedules import Rate, check_rate, minus_rate, rate_state
from prover.tracer.standard import namespace_of
from prover.tracer.symbols import TraceError, scope


@dataclass(frozen=True, slots=True)
class Adam:
    """Adam with bias correction; with `weight_decay`, AdamW.

    m = beta1 m + (1 - beta1) grad, v = beta2 v + (1 - beta2) grad^2, and with t the step from 1 on,
    weight -= rate * (m / (1 - beta1^t)) / (sqrt(v / (1 - beta2^t)) + eps), after it was multiplied
    by 1 - rate * weight_decay. Computed is the same with the corrections taken out of the element's
    work: rate * r / (1 - beta1^t) * m / (sqrt(v) + eps * r), r = sqrt(1 - beta2^t).
    """

    rate: Rate = 1e-3
    beta1: float = 0.9
    beta2: float = 0.999
    eps: float = 1e-8
    weight_decay: float = 0.0
    snap: float = SNAP
    """First moments below it become 0; second moments stay at its square or above."""
    snap_weights: float = 0.0
    """Weights below it become 0; off unless asked for."""

    def __post_init__(self) -> None:
        check_rate(self.rate)
        check_snap(self.snap)
        check_decays(self.beta1, self.beta2)
        check_weight_decay(self.weight_decay)
        if self.eps < LEAST_SNAP:
            raise TraceError(f"eps is {self.eps}; take one of 2^-63 or more")

    def state(self, weights: Arrays) -> dict[str, Any]:
        """`m:w` and `v:w` of each weight w, zeros, the powers of the betas and the schedule's
        words.
        """
        moments = {
            f"{kind}:{name}": zeros_like(one) for name, one in weights.items() for kind in "mv"
        }
        powers = {f"power:beta{number}": float_word(1.0) for number in (1, 2)}
        return {**moments, **powers, **rate_state(self.rate)}

    def update(self, params: Arrays, grads: Arrays) -> dict[str, Any]:
        """Ten rows of one word, then 13 for each weight (14 with decay), one after the other; and
        a few of one word for a schedule.
        """
        beta1, beta2 = single(self.beta1), single(self.beta2)
        minus, scheduled = minus_rate(self.rate, params)
        with scope("update.corrections"):
            power1 = _next_power(held(params, "power:beta1"), beta1)
            power2 = _next_power(held(params, "power:beta2"), beta2)
            root = namespace_of(power2).sqrt(1.0 - power2)
            eps = root * single(self.eps)
            scale = root * minus / (1.0 - power1)
        keep: Any = None
        if self.weight_decay:
            with scope("update.decay"):
                keep = self._kept(minus)
        after: dict[str, Any] = {"power:beta1": power1, "power:beta2": power2, **scheduled}
        for name, grad in grads.items():
            m, v = held(params, f"m:{name}"), held(params, f"v:{name}")
            xp = namespace_of(m)
            weight = params[name]
            with scope(f"update.{name}"):
                m = fma(m, beta1, grad * rest(self.beta1))
                if self.snap:
                    m = snapped(m, self.snap)
                v = fma(grad * rest(self.beta2), grad, v * beta2)
                if self.snap:
                    v = xp.maximum(single(self.snap * self.snap), v)  # in this order a NaN stays
                share = m / (xp.sqrt(v) + eps)
                if self.weight_decay:
                    weight = weight * keep
                weight = fma(share, scale, weight)
                if self.snap_weights:
                    weight = snapped(weight, self.snap_weights)
            after |= {name: weight, f"m:{name}": m, f"v:{name}": v}
        return after

    def _kept(self, minus: Any) -> Any:
        """What decay leaves of a weight: 1 - rate * weight_decay."""
        if isinstance(self.rate, int | float):
            return single(1 - self.rate * self.weight_decay)
        return fma(minus, single(self.weight_decay), 1.0)


@dataclass(frozen=True, slots=True)
class AdamW(Adam):
    """`Adam` with weights that decay unless told otherwise."""

    weight_decay: float = 1e-2


def _next_power(power: Any, beta: float) -> Any:
    return namespace_of(power).maximum(power * beta, LEAST_POWER)
