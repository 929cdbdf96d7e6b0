"""A function or a model as the prover runs it: traced, and whole steps of its program executed."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench._harness import check
from prover import reference
from prover.backends import Backend
from prover.commit.tensor import Words
from prover.execute import advance, run
from prover.reference import Place
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

    def params(self) -> dict[str, Array]:
        """What they have become."""
        return self.traced.params.arrays(self.state.segment(Segment.PARAMS))

    def output(self, name: str) -> Array:
        """What the last step gave."""
        return self.traced.outputs.arrays(self.state.segment(Segment.OUTPUTS))[name]


def by_rows(traced: Traced, state: State, step: int, used: Backend, *, commit: bool) -> None:
    """One training step, row by row; with `commit` each row's result is hashed."""
    for row in traced.program.rows:
        if row and row.count:
            used.elements(state, row, step, 0, row.elements)
            if commit:
                state.leaf(row.out, used.threads)
    state.reset(Segment.SCRATCH)


def check_rows(
    random: np.random.Generator,
    traced: Traced,
    params: Sequence[Words],
    inputs: Sequence[Words],
    steps: int,
    used: Backend,
    what: str,
) -> None:
    """Two results of each row by the reference; then whole steps against row by row."""
    state = State.start(traced.program.depths, params, inputs)
    for number, row in enumerate(traced.program.rows):
        if not row or not row.count:
            continue
        elements = random.integers(0, row.elements, 2).tolist()
        expected = []
        for element in elements:
            for fold_index in range(row.fold):
                place = Place(0, number, element, fold_index)
                state.acc = reference.scalar(state, row, place)
            expected.append(state.acc)
        used.elements(state, row, 0, 0, row.elements)
        made = [int(state.tensor(row.out)[row.out_address(one, 0)]) for one in elements]
        check(made == expected, f"row {number} of {what}")
    state.reset(Segment.SCRATCH)
    for step in range(1, steps):
        by_rows(traced, state, step, used, commit=False)
    whole = Stepper(traced, params, inputs, steps, used)
    whole()
    for segment in (Segment.PARAMS, Segment.OUTPUTS):
        pairs = zip(whole.state.segment(segment), state.segment(segment), strict=True)
        check(all(np.array_equal(a, b) for a, b in pairs), f"whole steps of {what}, {segment}")


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
