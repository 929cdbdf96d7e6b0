"""What models are made of, over the array API: the same code for plain and for traced arrays."""

from typing import Any

import numpy as np

from prover.ops import Opcode
from prover.tracer.array import Array, map_op, pair
from prover.tracer.symbols import DType, Kind


def detach(x: Any) -> Any:
    """The same values, through which no gradient flows."""
    if not isinstance(x, Array):
        return x
    return x.graph.add(Kind.DETACH, (x,), x.shape, x.element)


def fma(x: Any, y: Any, z: Any) -> Any:
    """x * y + z, rounded once; on plain arrays through float64, which now and then rounds twice."""
    traced = next((one for one in (x, y, z) if isinstance(one, Array)), None)
    if traced is None:
        wide = np.asarray(x, np.float64) * np.asarray(y, np.float64) + np.asarray(z, np.float64)
        return wide.astype(np.result_type(x, y, z))
    return map_op(Opcode.FMA, DType.F32, *(pair(traced, one)[1] for one in (x, y, z)))


def relu(x: Any) -> Any:
    """max(x, 0)."""
    xp = x.__array_namespace__()
    return xp.maximum(x, np.float32(0))


def log_softmax(x: Any) -> Any:
    """log(softmax(x)) along the last axis; no exp overflows."""
    xp = x.__array_namespace__()
    shifted = x - detach(xp.max(x, axis=-1, keepdims=True))
    return shifted - xp.log(xp.sum(xp.exp(shifted), axis=-1, keepdims=True))


def cross_entropy(logits: Any, target: Any) -> Any:
    """Mean cross-entropy of logits (n, classes) against one-hot rows of the same shape."""
    xp = logits.__array_namespace__()
    return xp.sum(log_softmax(logits) * target) / np.float32(-logits.shape[0])


def descend(param: Any, grad: Any, rate: float) -> Any:
    """A step of gradient descent: param - rate * grad, rounded once."""
    return fma(grad, np.float32(-rate), param)
