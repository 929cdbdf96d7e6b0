"""Every scalar operation, as the device function that kernels call, on hard operands."""

from collections.abc import Callable

import numpy as np
import pytest

from prover.backends.cuda.device import Device
from prover.ops import OPS, Opcode
from prover.program import Program
from prover.row import Operand, Row, Segment, register_id
from prover.state import State
from tests.prover import hardware, operands
from tests.prover.cuda import floats
from tests.prover.cuda.ways import DEVICES, backend_on
from tests.prover.replay import DEPTHS, reads

Make = Callable[[], Device]
COUNT = 6_000
GIVEN = [register_id(Segment.INPUTS, index) for index in range(3)]
MAPS = [op for op in Opcode if not OPS[op].is_fold and op != Opcode.GATHER]
FOLDS = [op for op in Opcode if OPS[op].is_fold]


def done(make: Make, program: Program, state: State) -> None:
    assert backend_on(make()).steps(program, state, 0, 1, finite=False).steps == 1


@pytest.mark.parametrize("make", DEVICES)
@pytest.mark.parametrize("part", range(4))
def test_every_map(make: Make, part: int) -> None:
    for opcode in MAPS[part::4]:
        drawn = operands.draw(opcode, COUNT)
        state = State(DEPTHS)
        for register, column in zip(GIVEN, (1, 2, 3), strict=True):
            state.put(register, np.ascontiguousarray(drawn[:, column]))
        out = register_id(Segment.OUTPUTS, 0)
        read = tuple(reads(one, COUNT) for one in GIVEN)[: OPS[opcode].arity]
        row = Row(opcode, out, COUNT, (1, 1, 1, COUNT), 1, read)
        done(make, Program.of([row], DEPTHS), state)
        assert np.array_equal(state.tensor(out), hardware.compute(opcode, drawn)), opcode


@pytest.mark.parametrize("make", DEVICES)
def test_every_fold(make: Make) -> None:
    """Three steps each, from what the identity and two other cases leave."""
    rows, state, expected = [], State(DEPTHS), {}
    fold = 3
    for number, opcode in enumerate(FOLDS):
        drawn = operands.draw(opcode, fold * COUNT)
        x, y = (register_id(Segment.INPUTS, 2 * number + place) for place in range(2))
        state.put(x, np.ascontiguousarray(drawn[:, 1]))
        state.put(y, np.ascontiguousarray(drawn[:, 2]))
        cases = drawn.reshape(fold, COUNT, 4)
        acc = np.full(COUNT, OPS[opcode].identity, np.uint32)
        for k in range(fold):
            step = cases[k].copy()
            step[:, 0] = acc
            acc = hardware.compute(opcode, step)
        out = register_id(Segment.OUTPUTS, number)
        expected[out] = acc
        read = tuple(reads(one, fold * COUNT, fold=COUNT) for one in (x, y))[: OPS[opcode].arity]
        rows.append(Row(opcode, out, COUNT, (1, 1, 1, COUNT), fold, read))
    done(make, Program.of(rows, DEPTHS), state)
    for out, words in expected.items():
        assert np.array_equal(state.tensor(out), words), FOLDS[out & 0xFF]


@pytest.mark.parametrize("make", DEVICES)
def test_gather_reads_zeros_outside(make: Make) -> None:
    x = np.array([0, 1, -1, 5, 9, 10, -10, 2**31 - 1, -(2**31)], np.int32).view(np.uint32)
    table = np.arange(100, 110, dtype=np.uint32)
    state = State(DEPTHS)
    state.put(GIVEN[0], x)
    state.put(GIVEN[1], table)
    out = register_id(Segment.OUTPUTS, 0)
    count = len(x)
    for stride in (1, -1, 3, 2**31 - 1, -(2**31)):
        read = (
            reads(GIVEN[0], count),
            Operand.immediate(stride & 0xFFFFFFFF),
            reads(GIVEN[1], 10, (0, 0, 0, 0)),
        )
        row = Row(Opcode.GATHER, out, count, (1, 1, 1, count), 1, read)
        done(make, Program.of([row], DEPTHS), state)
        places = [int(one) * stride for one in x.view(np.int32)]
        wanted = [100 + place if 0 <= place < 10 else 0 for place in places]
        assert state.tensor(out).tolist() == wanted


def test_the_interpreter_rounds_as_the_processor_does() -> None:
    """Its fma is its own; the other float operations are NumPy's."""
    drawn = operands.draw(Opcode.FMA, 40_000)
    x, y, z = (np.ascontiguousarray(drawn[:, place]).view(np.float32) for place in (1, 2, 3))
    with np.errstate(all="ignore"):
        made = floats.fma(x, y, z)
    nans = made == floats.DEVICE_NAN
    assert nans.any()
    assert np.array_equal(np.where(nans, 0x7FC00000, made), hardware.compute(Opcode.FMA, drawn))
