"""Training steps as plain functions over arrays, traced into programs."""

from prover.tracer.array import Array
from prover.tracer.build import Traced, trace, training_step
from prover.tracer.fields import Field, Layout
from prover.tracer.grad import gradient
from prover.tracer.nn import (
    attention,
    avg_pool2d,
    batch_norm,
    causal_mask,
    conv1d,
    conv2d,
    cross_entropy,
    detach,
    embedding,
    erf,
    fma,
    gelu,
    layer_norm,
    log_softmax,
    max_pool2d,
    mean_squared_error,
    merge_heads,
    relu,
    rms_norm,
    rsqrt,
    ruled,
    sigmoid,
    silu,
    snap,
    softmax,
    split_heads,
    tanh,
)
from prover.tracer.optim import (
    SGD,
    Adam,
    AdamW,
    Clipped,
    Cosine,
    Counted,
    Exponential,
    Linear,
    Optimizer,
    Schedule,
    StepDecay,
    Warmup,
    prepare,
    weights_of,
)
from prover.tracer.random import dropout, philox, random_words, uniform
from prover.tracer.standard import namespace_of
from prover.tracer.symbols import DType, Step, TraceError, scope

__all__ = [
    "SGD", "Adam", "AdamW", "Array", "Clipped", "Cosine", "Counted", "DType", "Exponential",
    "Field", "Layout", "Linear", "Optimizer", "Schedule", "Step", "StepDecay", "TraceError",
    "Traced", "Warmup", "attention", "avg_pool2d", "batch_norm", "causal_mask", "conv1d",
    "conv2d", "cross_entropy", "detach", "dropout", "embedding", "erf", "fma", "gelu",
    "gradient", "layer_norm", "log_softmax", "max_pool2d", "mean_squared_error", "merge_heads",
    "namespace_of", "philox", "prepare", "random_words", "relu", "rms_norm", "rsqrt", "ruled",
    "scope", "sigmoid", "silu", "snap", "softmax", "split_heads", "tanh", "trace",
    "training_step", "uniform", "weights_of",
]  # fmt: skip
