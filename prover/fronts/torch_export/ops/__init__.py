"""ATen ops as functions of traced arrays: the whole table."""

from prover.fronts.torch_export.ops import (
    activations,
    arithmetic,
    choices,
    layers,
    losses,
    reductions,
    refused,
    shapes,
    windows,
)
from prover.fronts.torch_export.ops.table import INSTEAD, PLAIN, TABLE, Setting, lowered_for

__all__ = [
    "INSTEAD", "PLAIN", "TABLE", "Setting", "activations", "arithmetic", "choices", "layers",
    "losses", "lowered_for", "reductions", "refused", "shapes", "windows",
]  # fmt: skip
