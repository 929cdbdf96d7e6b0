"""Optimizers: how weights follow their gradients, over the array API.

What an optimizer remembers lies in the params beside the weights, under names with a colon
(`m:w1` goes with `w1`), so that a claim commits to it and the next claim goes on from it. Nothing
comes from the host: Adam's bias corrections are powers of its betas, each one word of the params
that every step multiplies.

**Why small values snap.** The gradient of a weight may be zero for good: of a relu that is dead,
of a pixel that is always blank. What decays by 0.9 a step is subnormal after 830 steps, and
0.9 * k rounds to k for a few last places k: it stays subnormal for ever. A processor takes a
hundred times as long over subnormals as over other floats, so training would become slower and
slower, and so would everybody's replay. A first moment below `snap` therefore becomes 0, and a
second moment is kept from falling below `snap` squared: with a 0 there, the square of a small
gradient would be subnormal again. At the preset of 2^-60, far below any `eps`, neither moves a
weight visibly. `snap=0` turns both off; then the bits differ, and so does the program.
"""

import math
from dataclasses import dataclass
from typing import Any, Final, Protocol

import numpy as np

from prover.tracer.array import Array
from prover.tracer.fields import Arrays
from prover.tracer.nn.core import fma
from prover.tracer.nn.core import snap as snapped
from prover.tracer.symbols import TraceError, scope

SNAP: Final = 2.0**-60
_LEAST_SNAP: Final = 2.0**-63
"""Its square is the least float that is no subnormal."""
_LEAST_POWER: Final = np.float32(2.0**-100)
"""Where powers of the betas stop: 1 - this is 1, and it is no subnormal."""
_ONE: Final = np.float32(1)


class Optimizer(Protocol):
    """How a step of training changes weights."""

    def state(self, weights: Arrays) -> dict[str, Any]:
        """What belongs into the params beside the weights before the first step, by name."""
        ...

    def update(self, params: Arrays, grads: Arrays) -> dict[str, Any]:
        """Weights and state after a step, from both before it and the gradients of the weights."""
        ...


def prepare(optimizer: Optimizer, weights: Arrays) -> dict[str, Any]:
    """The params to start with: weights, and the optimizer's state.

    Raises:
        TraceError: when a weight's name has a colon.
    """
    for name in weights:
        if ":" in name:
            raise TraceError(f"{name} is named like an optimizer's state; leave the colon out")
    return {**weights, **optimizer.state(weights)}


def weights_of(params: Arrays) -> dict[str, Any]:
    """The params without an optimizer's state."""
    return {name: array for name, array in params.items() if ":" not in name}


@dataclass(frozen=True, slots=True)
class SGD:
    """velocity = momentum * velocity + grad; weight -= rate * velocity.

    Without momentum there is no state, and the weight follows the gradient.
    """

    rate: float
    momentum: float = 0.0
    snap: float = SNAP
    """Velocities below it become 0."""

    def __post_init__(self) -> None:
        _check(self.rate, self.snap, self.momentum)

    def state(self, weights: Arrays) -> dict[str, Any]:
        """`velocity:w` of each weight w, zeros; nothing without momentum."""
        if not self.momentum:
            return {}
        return {f"velocity:{name}": _zeros_like(one) for name, one in weights.items()}

    def update(self, params: Arrays, grads: Arrays) -> dict[str, Any]:
        """One row for each weight, with momentum two, and three to snap."""
        after: dict[str, Any] = {}
        for name, grad in grads.items():
            with scope(f"update.{name}"):
                if self.momentum:
                    key = f"velocity:{name}"
                    velocity = fma(_held(params, key), np.float32(self.momentum), grad)
                    grad = after[key] = snapped(velocity, self.snap) if self.snap else velocity
                after[name] = fma(grad, np.float32(-self.rate), params[name])
        return after


@dataclass(frozen=True, slots=True)
class Adam:
    """Adam with bias correction; with `weight_decay`, AdamW.

    m = beta1 m + (1 - beta1) grad, v = beta2 v + (1 - beta2) grad^2, and with t the step from 1 on,
    weight -= rate * (m / (1 - beta1^t)) / (sqrt(v / (1 - beta2^t)) + eps), after it was multiplied
    by 1 - rate * weight_decay. Computed is the same with the corrections taken out of the element's
    work: rate * r / (1 - beta1^t) * m / (sqrt(v) + eps * r), r = sqrt(1 - beta2^t).
    """

    rate: float = 1e-3
    beta1: float = 0.9
    beta2: float = 0.999
    eps: float = 1e-8
    weight_decay: float = 0.0
    snap: float = SNAP
    """First moments below it become 0; second moments stay at its square or above."""
    snap_weights: float = 0.0
    """Weights below it become 0; off unless asked for."""

    def __post_init__(self) -> None:
        _check(self.rate, self.snap, self.beta1, self.beta2)
        if self.eps < _LEAST_SNAP:
            raise TraceError(f"eps is {self.eps}; take one of 2^-63 or more")

    def state(self, weights: Arrays) -> dict[str, Any]:
        """`m:w` and `v:w` of each weight w, zeros, and the powers of the betas, one word each."""
        moments = {
            f"{kind}:{name}": _zeros_like(one) for name, one in weights.items() for kind in "mv"
        }
        powers = {f"power:beta{number}": np.ones((), np.float32) for number in (1, 2)}
        return {**moments, **powers}

    def update(self, params: Arrays, grads: Arrays) -> dict[str, Any]:
        """Ten rows of one word, then 13 for each weight (14 with decay), one after the other."""
        beta1, beta2 = np.float32(self.beta1), np.float32(self.beta2)
        with scope("update.corrections"):
            power1 = _next_power(_held(params, "power:beta1"), beta1)
            power2 = _next_power(_held(params, "power:beta2"), beta2)
            root = _namespace(power2).sqrt(_ONE - power2)
            eps = root * np.float32(self.eps)
            scale = root * np.float32(-self.rate) / (_ONE - power1)
        after: dict[str, Any] = {"power:beta1": power1, "power:beta2": power2}
        for name, grad in grads.items():
            m, v = _held(params, f"m:{name}"), _held(params, f"v:{name}")
            xp = _namespace(m)
            weight = params[name]
            with scope(f"update.{name}"):
                m = fma(m, beta1, grad * (_ONE - beta1))
                if self.snap:
                    m = snapped(m, self.snap)
                v = fma(grad * (_ONE - beta2), grad, v * beta2)
                if self.snap:
                    v = xp.maximum(np.float32(self.snap**2), v)  # in this order a NaN stays
                share = m / (xp.sqrt(v) + eps)
                if self.weight_decay:
                    weight = weight * np.float32(1 - self.rate * self.weight_decay)
                weight = fma(share, scale, weight)
                if self.snap_weights:
                    weight = snapped(weight, self.snap_weights)
            after |= {name: weight, f"m:{name}": m, f"v:{name}": v}
        return after


def _next_power(power: Any, beta: np.float32) -> Any:
    return _namespace(power).maximum(power * beta, _LEAST_POWER)


def _zeros_like(weight: Any) -> Any:
    return np.zeros(weight.shape, np.float32)


def _namespace(x: Any) -> Any:
    return x.__array_namespace__() if isinstance(x, Array) else np


def _held(params: Arrays, key: str) -> Any:
    if key not in params:
        raise TraceError(f"the params have no {key}; make them with prepare(optimizer, weights)")
    return params[key]


def _check(rate: float, snap: float, *decays: float) -> None:
    if not (math.isfinite(rate) and rate > 0):
        raise TraceError(f"the rate is {rate}; take a positive number")
    if not (snap == 0 or _LEAST_SNAP <= snap < math.inf):
        raise TraceError(f"snap is {snap}; take 2^-63 or more, or 0 for none")
    for decay in decays:
        if not 0 <= decay < 1:
            raise TraceError(f"a momentum or beta is {decay}; take one from 0 up to below 1")
