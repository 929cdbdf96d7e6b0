"""What all optimizers share: params that hold their state, and checks of what they are given."""

import math
from typing import Any, Final, Protocol

import numpy as np

from prover.tracer.fields import Arrays
from prover.tracer.symbols import TraceError

SNAP: Final = 2.0**-60
LEAST_SNAP: Final = 2.0**-63
"""Its square is the least float that is no subnormal."""
LEAST_POWER: Final = 2.0**-100
"""Where what shrinks at every step stops: 1 - this is 1, and it is no subnormal."""


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


def counts_of(params: Arrays) -> dict[str, Any]:
    """The words of the params that count steps, `count:…`; a loss may read them."""
    return {name: array for name, array in params.items() if name.startswith("count:")}


def held(params: Arrays, key: str) -> Any:
    """The state of this name.

    Raises:
        TraceError: when the params have none.
    """
    if key not in params:
        raise TraceError(f"the params have no {key}; make them with prepare(optimizer, weights)")
    return params[key]


def single(x: float) -> float:
    """The float32 nearest to a number, as a number that any namespace takes beside its arrays."""
    return float(np.float32(x))


def rest(x: float) -> float:
    """1 - x in float32."""
    return float(np.float32(1) - np.float32(x))


def zeros_like(weight: Any) -> Any:
    """Zeros of a weight's shape."""
    return np.zeros(weight.shape, np.float32)


def float_word(value: float) -> Any:
    """A word of state, as a plain float32 scalar."""
    return np.asarray(value, np.float32)


def int_word(value: int) -> Any:
    """A word of state, as a plain int32 scalar."""
    return np.asarray(value, np.int32)


def check_snap(snap: float) -> None:
    """Raise TraceError for a threshold whose square is subnormal."""
    if not (snap == 0 or LEAST_SNAP <= snap < math.inf):
        raise TraceError(f"snap is {snap}; take 2^-63 or more, or 0 for none")


def check_positive(what: str, value: float) -> None:
    """Raise TraceError for what is not a positive number."""
    if not (math.isfinite(value) and value > 0):
        raise TraceError(f"the {what} is {value}; take a positive number")


def check_decays(*decays: float) -> None:
    """Raise TraceError for a momentum or beta outside 0 <= it < 1."""
    for decay in decays:
        if not 0 <= decay < 1:
            raise TraceError(f"a momentum or beta is {decay}; take one from 0 up to below 1")


def check_weight_decay(decay: float) -> None:
    """Raise TraceError for a weight decay below 0 or not finite."""
    if not (math.isfinite(decay) and decay >= 0):
        raise TraceError(f"the weight decay is {decay}; take 0 or more")
