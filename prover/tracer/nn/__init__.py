"""What models are made of, over the array API: the same code for plain and for traced arrays."""

from prover.tracer.nn.activations import erf, gelu, relu, sigmoid, silu, tanh
from prover.tracer.nn.attention import attention, causal_mask, merge_heads, split_heads
from prover.tracer.nn.convolution import conv1d, conv2d
from prover.tracer.nn.core import arange, concat, detach, fma, gather, rsqrt, ruled, snap
from prover.tracer.nn.embedding import embedding
from prover.tracer.nn.losses import cross_entropy, mean_squared_error
from prover.tracer.nn.normalisation import (
    batch_norm,
    layer_norm,
    log_softmax,
    rms_norm,
    softmax,
)
from prover.tracer.nn.pooling import avg_pool2d, max_pool2d

__all__ = [
    "arange", "attention", "avg_pool2d", "batch_norm", "causal_mask", "concat", "conv1d", "conv2d",
    "cross_entropy", "detach", "embedding", "erf", "fma", "gather", "gelu", "layer_norm",
    "log_softmax", "max_pool2d", "mean_squared_error", "merge_heads", "relu", "rms_norm", "rsqrt",
    "ruled", "sigmoid", "silu", "snap", "softmax", "split_heads", "tanh",
]  # fmt: skip
