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

from prover.tracer.optim.adam import Adam, AdamW
from prover.tracer.optim.clipping import Clipped
from prover.tracer.optim.common import Optimizer, counts_of, prepare, weights_of
from prover.tracer.optim.counting import Counted
from prover.tracer.optim.schedules import (
    Cosine,
    Exponential,
    Linear,
    Rate,
    Schedule,
    StepDecay,
    Warmup,
)
from prover.tracer.optim.sgd import SGD

__all__ = [
    "SGD", "Adam", "AdamW", "Clipped", "Cosine", "Counted", "Exponential", "Linear", "Optimizer",
    "Rate", "Schedule", "StepDecay", "Warmup", "counts_of", "prepare", "weights_of",
]  # fmt: skip
