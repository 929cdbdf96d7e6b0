"""Training steps as plain functions over arrays, traced into programs."""

from prover.tracer.array import Array
from prover.tracer.build import Traced, trace, training_step
from prover.tracer.fields import Field, Layout
from prover.tracer.functions import (
    cross_entropy,
    descend,
    detach,
    fma,
    log_softmax,
    relu,
)
from prover.tracer.grad import gradient
from prover.tracer.symbols import DType, Step, TraceError, scope

__all__ = [
    "Array", "DType", "Field", "Layout", "Step", "TraceError", "Traced", "cross_entropy", "descend",
    "detach", "fma", "gradient", "log_softmax", "relu", "scope", "trace", "training_step",
]  # fmt: skip
