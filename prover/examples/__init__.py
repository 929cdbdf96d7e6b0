"""Programs of the sort that people write, a page each.

Every module has `example(...)`, with sizes and seeds by argument, and `program()`, the program of
the preset sizes, for `plumbline program build prover.examples.lenet:program`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from prover.tracer import Optimizer, Traced, prepare, trace, training_step
from prover.tracer.build import StepFunction
from prover.tracer.fields import Arrays

Function = Callable[[Any, Any, Any], Any]


@dataclass(frozen=True, slots=True, eq=False)
class Example:
    """A plain function over arrays of any namespace, and what it starts from."""

    name: str
    function: Function
    """(weights, inputs, step) to a loss, a scalar; without an optimizer to outputs by name."""
    weights: Arrays
    inputs: Arrays
    optimizer: Optimizer | None = None
    """How a training step follows the loss; None for an inference."""
    kept: int = 1
    """Of how many steps the output `loss` has the losses: that of step s at place s mod this."""
    score: Callable[[Arrays], float] | None = None
    """How well weights do on data held out, computed in plain NumPy: a share (0..1) that is right
    unless `score_name` says otherwise.
    """
    score_name: str = "accuracy"

    def params(self) -> Arrays:
        """The params to start with: weights, and the optimizer's state."""
        return prepare(self.optimizer, self.weights) if self.optimizer else self.weights

    def step(self) -> StepFunction:
        """What is traced."""
        if self.optimizer:
            return training_step(self.function, self.optimizer)
        return lambda params, inputs, number: ({}, self.function(params, inputs, number))

    def program(self) -> Traced:
        """The program: one run of it is a training step, or an inference."""
        kept = {"loss": self.kept} if self.kept > 1 else {}
        return trace(self.step(), self.params(), self.inputs, per_step=kept)
