"""Training steps as plain functions over arrays, traced into programs."""

from prover.tracer.activations import erf, gelu, relu, sigmoid, silu, tanh
from prover.tracer.array import Array
from prover.tracer.build import Traced, trace, training_step
from prover.tracer.fields import Field, Layout
from prover.tracer.functions import (
    cross_entropy,
    descend,
    detach,
    fma,
    layer_norm,
    log_softmax,
    rsqrt,
    ruled,
    snap,
    softmax,
)
from prover.tracer.grad import gradient
from prover.tracer.optim import SGD, Adam, Optimizer, prepare, weights_of
from prover.tracer.standard import namespace_of
from prover.tracer.symbols import DType, Step, TraceError, scope

__all__ = [
    "SGD", "Adam", "Array", "DType", "Field", "Layout", "Optimizer", "Step", "TraceError",
    "Traced", "cross_entropy", "descend", "detach", "erf", "fma", "gelu", "gradient", "layer_norm",
    "log_softmax", "namespace_of", "prepare", "relu", "rsqrt", "ruled", "scope", "sigmoid", "silu",
    "snap", "softmax", "tanh", "trace", "training_step", "weights_of",
]  # fmt: skip
