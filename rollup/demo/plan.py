"""The one fault of the demo: where it is wished, or anywhere, and always one that is fraud."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from prover.backends import Backend
from prover.content import ContentStore
from prover.execute import row_name, run
from prover.program import Program
from prover.reference import Place, position_of, row_at
from prover.state import State
from prover.trace import TensorTrace
from rollup.demo.errors import DemoError
from rollup.demo.fault import FaultyTrace, ScalarFault
from rollup.demo.scene import CLAIM_STEPS, CLAIMS, LIAR, Data

TRIES: Final = 200


@dataclass(frozen=True, slots=True)
class Plan:
    """The liar's fault: in which claim (from 0), at which position, and how many were masked."""

    claim: int
    fault: ScalarFault
    masked: int
    program: Program
    honest: TensorTrace
    faulty: FaultyTrace

    @property
    def first_step(self) -> int:
        """First training step of the claim."""
        return self.claim * CLAIM_STEPS


@dataclass(frozen=True, slots=True)
class Wish:
    """Where `--fault-*` want the fault; None is anywhere."""

    step: int | None = None
    op: str | None = None
    element: int | None = None
    k: int | None = None

    def rows(self, program: Program) -> list[int]:
        """The rows that `op` means: a row's number, its name, or a part of its name.

        Raises:
            DemoError: when it means none.
        """
        rows = [n for n, count in enumerate(program.counts) if count]
        if self.op is None:
            return rows
        wanted = self.op.lower()
        found = [n for n in rows if wanted in (str(n), row_name(program, n).lower())]
        found = found or [n for n in rows if wanted in row_name(program, n).lower()]
        if not found:
            names = ", ".join(sorted({row_name(program, n) for n in rows})[:12])
            raise DemoError(f"--fault-op {self.op}: no row is called so; there are {names}, ...")
        return found


def draw_plan(content: ContentStore, data: Data, backend: Backend, seed: int, wish: Wish) -> Plan:
    """Draws the liar's fault: in the claim that is wished, or a random one.

    Raises:
        DemoError: when the wish names no place, or one whose faults are all masked.
    """
    program = content.program(data.training)
    rows = wish.rows(program)
    claim = seed % CLAIMS if wish.step is None else wish.step // CLAIM_STEPS
    if not 0 <= claim < CLAIMS:
        raise DemoError(f"--fault-step is 0 to {CLAIMS * CLAIM_STEPS - 1}, not {wish.step}")
    params, inputs = content.segment(data.initial[LIAR]), content.segment(data.inputs)
    first_step = claim * CLAIM_STEPS
    if claim:
        params = run(program, 0, first_step, params, inputs, backend).params
    start = State.start(program.depths, params, inputs)
    honest = TensorTrace(program, first_step, CLAIM_STEPS, start, backend)
    (truth,) = honest.states([honest.length])
    fault = None
    for masked, fault in enumerate(_candidates(program, first_step, seed, wish, rows)):
        trace = FaultyTrace(program, first_step, CLAIM_STEPS, start, backend, fault)
        if trace.states([trace.length]) != [truth]:
            return Plan(claim, fault, masked, program, honest, trace)
    said = "the fault" if fault is None else fault.describe(program, first_step)
    raise DemoError(
        f"the fault is masked there: {said}, like all others that were tried, leaves the claim's"
        " end as it is; the claim is true and nobody can dispute it. Name another place"
    )


def _candidates(
    program: Program, first_step: int, seed: int, wish: Wish, rows: Sequence[int]
) -> Iterator[ScalarFault]:
    """Faults as wished: every bit of the one place, or random places and bits.

    Raises:
        DemoError: when no row has such an element or fold index.
    """
    chooser = random.Random(seed)
    found = [row_at(program, number) for number in rows]
    rows = [
        number
        for number, row in zip(rows, found, strict=True)
        if (wish.element or 0) < row.elements and (wish.k or 0) < row.fold
    ]
    if not rows:
        most = max(found, key=lambda row: row.elements)
        raise DemoError(
            f"no row meant by the flags has element {wish.element or 0} and fold index"
            f" {wish.k or 0}: elements go to {most.elements - 1}, fold indices to {most.fold - 1}"
        )
    exact = len(rows) == 1 and None not in (wish.step, wish.element, wish.k)
    bits = chooser.sample(range(32), 32)
    for turn in range(32 if exact else TRIES):
        number = chooser.choices(rows, [program.counts[row] for row in rows])[0]
        row = row_at(program, number)
        where = Place(
            first_step + chooser.randrange(CLAIM_STEPS) if wish.step is None else wish.step,
            number,
            chooser.randrange(row.elements) if wish.element is None else wish.element,
            chooser.randrange(row.fold) if wish.k is None else wish.k,
        )
        bit = bits[turn] if exact else chooser.randrange(32)
        yield ScalarFault(position_of(program, first_step, where), bit)
