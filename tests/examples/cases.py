"""The examples, at sizes that tests can afford."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from prover.backends import Backend
from prover.commit.tensor import Words
from prover.examples import Example, digits, gpt, lenet, lora
from prover.program import Program
from prover.row import Row
from prover.state import State
from prover.trace import TensorTrace
from prover.tracer import Traced
from rollup.demo.fault import Fault, FaultyTrace
from tests.examples import tiny


class Setting:
    """A claim about an example's program, without faults."""

    def __init__(self, example: Example, steps: int, first_step: int = 0) -> None:
        self.example = example
        self.steps = steps
        self.first_step = first_step

    @cached_property
    def traced(self) -> Traced:
        """The example's program."""
        return self.example.program()

    @property
    def program(self) -> Program:
        """See `traced`."""
        return self.traced.program

    @cached_property
    def words(self) -> tuple[list[Words], list[Words]]:
        """Params and inputs to start with."""
        traced, example = self.traced, self.example
        return traced.params.words(example.params()), traced.inputs.words(example.inputs)

    @property
    def length(self) -> int:
        """Micro-steps of the claim."""
        return self.steps * self.program.micro_steps

    @property
    def always_even(self) -> bool:
        """Whether every place takes an even number of dissections."""
        power = 16
        while power < self.length:
            power *= 16
        return power.bit_length() % 8 == 1 and 2 * power // 16 <= self.length

    @property
    def rows(self) -> dict[int, Row]:
        """Rows that have micro-steps, by number."""
        return {n: row for n, row in enumerate(self.program.rows) if row and row.count}

    @cached_property
    def start(self) -> State:
        """Where the claim begins; hashed once, for all runs that take a copy."""
        made = State.start(self.program.depths, *self.words)
        made.commitment()
        return made

    def honest(self, backend: Backend) -> TensorTrace:
        """What a party that recomputes knows."""
        return TensorTrace(self.program, self.first_step, self.steps, self.start, backend)

    def faulty(self, fault: Fault, backend: Backend) -> FaultyTrace:
        """What a liar claims."""
        program, first = self.program, self.first_step
        return FaultyTrace(program, first, self.steps, self.start, backend, fault)


@dataclass(frozen=True, slots=True)
class Case:
    """One example. The sizes are its smallest sensible ones; layers are all there."""

    curve: Callable[[], Example] | None
    """What is trained beside torch; None for an inference."""
    rtol: float
    """How far losses may lie apart, over the loss."""
    tiny: Callable[[], Setting]
    """What the reference can run, in 100,000 micro-steps or so."""
    disputed: Callable[[], Setting]
    """What liars claim. Between 2 * 16^3 and 16^4 micro-steps every place takes 4 dissections, and
    between 2 * 16^5 and 16^6 it takes 6: even numbers leave the proof to the challenger."""


def small_lenet(batch: int) -> Example:
    """All its layers, with few maps and units."""
    return lenet.example(batch=batch, batches=3, maps=(2, 4), hidden=12)


def small_gpt(batch: int, context: int) -> Example:
    """Both its blocks, six wide, on few characters."""
    return gpt.example(gpt.Size(2, 6, 2, context, batch, 3), steps=20, said="to be or not " * 9)


CASES: Final[dict[str, Case]] = {
    "digits": Case(
        lambda: digits.example(batch=32, batches=20),
        1e-5,
        lambda: Setting(digits.example(batch=2, batches=3), 2),
        lambda: Setting(digits.example(batch=2, batches=3), 2, first_step=7),
    ),
    "lenet": Case(
        lambda: lenet.example(batch=16, batches=20),
        1e-5,
        lambda: Setting(small_lenet(2), 2),
        lambda: Setting(small_lenet(1), 2, first_step=5),
    ),
    "lora": Case(
        lambda: lora.example(batch=32, batches=40),
        1e-5,
        lambda: Setting(lora.example(batch=2, batches=3), 2),
        lambda: Setting(lora.example(batch=2, batches=3), 3, first_step=1),
    ),
    "gpt": Case(
        lambda: gpt.example(gpt.Size(2, 64, 4, 16, 8, 40), steps=40),
        1e-4,
        lambda: Setting(small_gpt(1, 4), 1),
        lambda: Setting(small_gpt(1, 4), 1, first_step=1),
    ),
    "encoder": Case(
        None, 0.0, lambda: Setting(tiny.example(), 1), lambda: Setting(tiny.example(), 1)
    ),
}
