"""Small runs to put faults into: for every opcode its results reach the claim's end in some way.

carried        scratch = op(inputs); params += scratch
side by side   outputs[step * n ...] = op(inputs): each training step writes its own stretch
in place       params = op(params, inputs)
one step       a single micro-step of a single row
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from prover.backends import Backend
from prover.commit.tensor import Words
from prover.ops import OPS, Opcode
from prover.program import Program
from prover.reference import Place, place, position_of
from prover.row import Depths, Kind, Operand, RegisterId, Row, Segment, register_id
from prover.state import State
from prover.trace import TensorTrace
from rollup.demo.fault import Fault, FaultyTrace, ScalarFault
from tests.prover.generators import Seeded, words

SUM_OF: Final = register_id(Segment.PARAMS, 0)
BESIDE: Final = register_id(Segment.PARAMS, 2)
OUT: Final = register_id(Segment.OUTPUTS, 1)
TEMPORARY: Final = register_id(Segment.SCRATCH, 1)
INPUTS: Final = tuple(register_id(Segment.INPUTS, i) for i in range(3))
DEPTHS: Final = Depths(2, 2, 1, 1)
FIRST_STEP: Final = 3
_FLOATS: Final = {
    Opcode.ADD, Opcode.SUB, Opcode.MUL, Opcode.FMA, Opcode.DIV, Opcode.SQRT, Opcode.MAX,
    Opcode.SUM, Opcode.DOT, Opcode.MAXF,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Setting:
    """A run without faults, and which of its rows a fault goes into."""

    name: str
    program: Program
    first_step: int
    steps: int
    start: State
    row: int = 0

    @property
    def length(self) -> int:
        """Micro-steps of the claim."""
        return self.steps * self.program.micro_steps

    def honest(self, backend: Backend) -> TensorTrace:
        """What a party that recomputes knows."""
        return TensorTrace(self.program, self.first_step, self.steps, self.start, backend)

    def faulty(self, fault: Fault, backend: Backend) -> FaultyTrace:
        """What a liar claims."""
        return FaultyTrace(self.program, self.first_step, self.steps, self.start, backend, fault)

    def opcode_at(self, position: int) -> Opcode:
        """The operation at a position."""
        row = self.program.rows[place(self.program, self.first_step, position).row]
        assert row is not None
        return row.opcode

    def edges(self) -> Iterator[int]:
        """Positions in the row at the edges of steps, tensors, leaves and folds."""
        row = self.program.rows[self.row]
        assert row is not None
        n, fold = row.elements, row.fold
        for step in sorted({0, self.steps - 1, self.steps // 2}):
            for element in sorted({0, 62, 63, 64, n - 1} & set(range(n))):
                for index in sorted({0, fold // 2, fold - 1}):
                    where = Place(self.first_step + step, self.row, element, index)
                    yield position_of(self.program, self.first_step, where)


def _register(register: RegisterId, length: int, stride: int = 1, fold: int = 0) -> Operand:
    return Operand(Kind.REGISTER, register, length, 0, (0, 0, 0, stride), fold)


def _operands(opcode: Opcode, n: int, fold: int, first: RegisterId | None) -> tuple[Operand, ...]:
    """Inputs, one element after the other; `first` (n words) takes the place of x."""
    count = n * fold
    if opcode == Opcode.GATHER:
        x = _register(first or INPUTS[0], n)
        # Backwards through the table, so that x moves the address that y and the table begin at.
        table = Operand(Kind.REGISTER, INPUTS[2], n, n - 1)
        return x, Operand.immediate(0xFFFFFFFF), table
    operands = [_register(INPUTS[i], count, fold, 1) for i in range(OPS[opcode].arity)]
    if first is not None:
        operands[0] = _register(first, n)
    return tuple(operands)


def _row(opcode: Opcode, out: RegisterId, n: int, fold: int, operands: tuple[Operand, ...]) -> Row:
    return Row(opcode, out, n, (1, 1, 1, n), fold, operands)


def _floats(seed: int, count: int) -> Words:
    """Usual floats, of either sign and of magnitudes that do not swallow each other."""
    rng = np.random.default_rng(seed)
    drawn: Words = rng.uniform(0.5, 2, count).astype(np.float32).view(np.uint32)
    signs: Words = rng.integers(0, 2, count, np.uint32) << np.uint32(31)
    return drawn ^ signs


def _start(opcode: Opcode, n: int, fold: int, seed: int) -> State:
    """Inputs for the opcode; ordinary floats for arithmetic that should not end in NaN."""
    if opcode == Opcode.GATHER:
        places = np.random.default_rng(seed).integers(0, n, n).astype(np.uint32)
        tensors = [places, np.zeros(0, np.uint32), words(Seeded(seed), n)]
    elif opcode in _FLOATS:
        tensors = [_floats(seed + i, n * fold) for i in range(3)]
        if opcode == Opcode.SQRT:
            tensors[0] = tensors[0] & np.uint32(0x7FFFFFFF)
    else:
        tensors = [words(Seeded((seed, i)), n * fold) for i in range(3)]
    return State.start(DEPTHS, [], tensors)


def carried(opcode: Opcode, n: int, fold: int, steps: int) -> Setting:
    """Results go into scratch, and from there into sums that later training steps go on with."""
    operands = _operands(opcode, n, fold, None)
    add = _row(
        Opcode.IADD, SUM_OF, n, 1, (_register(SUM_OF, n), _register(TEMPORARY, n))
    )  # fmt: skip
    program = Program.of([_row(opcode, TEMPORARY, n, fold, operands), add], DEPTHS)
    start = _start(opcode, n, fold, n)
    return Setting(f"carried {n}", program, FIRST_STEP, steps, start)


def side_by_side(opcode: Opcode, n: int, fold: int, steps: int) -> Setting:
    """Every training step writes n words of outputs, behind those of the step before."""
    row = _row(opcode, OUT, n, fold, _operands(opcode, n, fold, None))
    row = replace(row, out_length=n * steps, out_modulus=steps, out_stride=n)
    program = Program.of([row], DEPTHS)
    start = _start(opcode, n, fold, n + 1)
    return Setting(f"side by side {n * steps}", program, FIRST_STEP, steps, start)


def in_place(opcode: Opcode, n: int, fold: int, steps: int) -> Setting:
    """Params are read and overwritten."""
    row = _row(opcode, BESIDE, n, fold, _operands(opcode, n, fold, BESIDE))
    program = Program.of([row], DEPTHS)
    start = _start(opcode, n, fold, n + 2)
    start.put(BESIDE, start.tensor(INPUTS[0])[:n].copy())
    return Setting(f"in place {n}", program, FIRST_STEP, steps, start)


def one_step(opcode: Opcode) -> Setting:
    """A claim of a single micro-step."""
    return replace(in_place(opcode, 1, 1, 1), name="one step")


def settings(opcode: Opcode) -> list[Setting]:
    """Runs in which results of the opcode matter; all but the last of 32 to 256 micro-steps."""
    if OPS[opcode].is_fold:
        return [
            carried(opcode, 1, 65, 3),
            carried(opcode, 63, 3, 1),
            side_by_side(opcode, 8, 4, 8),
            side_by_side(opcode, 13, 3, 5),
            in_place(opcode, 64, 2, 2),
            in_place(opcode, 65, 3, 1),
            one_step(opcode),
        ]
    return [
        carried(opcode, 1, 1, 40),
        carried(opcode, 63, 1, 2),
        side_by_side(opcode, 16, 1, 4),
        side_by_side(opcode, 13, 1, 5),
        in_place(opcode, 64, 1, 3),
        in_place(opcode, 65, 1, 3),
        one_step(opcode),
    ]


def reaching(
    setting: Setting, position: int, backend: Backend, rng: random.Random
) -> tuple[Fault | None, list[Fault]]:
    """A fault at the position that reaches the claim's end, and those before it that did not."""
    honest = setting.honest(backend)
    truth = honest.states([honest.length])
    masked: list[Fault] = []
    for bit in rng.sample(range(32), 32):
        fault = ScalarFault(position, bit)
        if setting.faulty(fault, backend).states([honest.length]) != truth:
            return fault, masked
        masked.append(fault)
    return None, masked
