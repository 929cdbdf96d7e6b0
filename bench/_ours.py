"""A function or a model as the prover runs it: traced, and whole steps of its program executed."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from prover.backends import Backend
from prover.commit.tensor import Words
from prover.execute import advance, run
from prover.row import Segment
from prover.state import State
from prover.tracer import Traced, trace

Function = Callable[..., Any]
Array = NDArray[Any]


class Stepper:
    """Runs `steps` training steps more each time it is called. Nothing is committed to.

    Each call is one run, as a claim's is, from a state that lies where the last one ended.
    """

    def __init__(
        self,
        traced: Traced,
        params: Sequence[Words],
        inputs: Sequence[Words],
        steps: int,
        used: Backend,
    ) -> None:
        self.traced = traced
        self.state = State.start(traced.program.depths, params, inputs)
        self._steps, self._used, self._done = steps, used, 0

    def __call__(self) -> None:
        """Run them."""
        length = self._steps * self.traced.program.micro_steps
        advance(self.traced.program, self._done, self.state, 0, length, self._used)
        self._done += self._steps

    def output(self, name: str) -> Array:
        """What the last step gave."""
        return self.traced.outputs.arrays(self.state.segment(Segment.OUTPUTS))[name]


def inferences(function: Function, arrays: Sequence[Array], steps: int, used: Backend) -> Stepper:
    """Runs a function of inputs `steps` times each time it is called; its output is `result`."""
    traced = program_of(function, arrays)
    return Stepper(traced, [], traced.inputs.words(_named(arrays)), steps, used)


def program_of(function: Function, arrays: Sequence[Array]) -> Traced:
    """The program of a function of inputs that returns one array."""

    def step(params: Any, inputs: Mapping[str, Any], number: Any) -> tuple[Any, Any]:
        return {}, {"result": function(*inputs.values())}

    return trace(step, {}, _named(arrays))


def evaluate(function: Function, arrays: Sequence[Array], used: Backend) -> Array:
    """What the traced function gives."""
    traced = program_of(function, arrays)
    words = traced.inputs.words(_named(arrays))
    made = run(traced.program, 0, 1, [], words, used, finite=False)
    return traced.outputs.arrays(made.outputs)["result"]


def same(one: Array, other: Array) -> bool:
    """Whether two arrays of floats hold the same words."""
    return np.array_equal(one.view(np.uint32), other.view(np.uint32))


def _named(arrays: Sequence[Array]) -> dict[str, Array]:
    return {f"x{number}": array for number, array in enumerate(arrays)}
