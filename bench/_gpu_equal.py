"""Bits on a device against bits of this machine's processor, in the same run."""

import time
from collections.abc import Iterator
from functools import cache
from typing import Any, Final

import numpy as np

from bench._harness import Result, check
from bench._matmul import hard
from bench.examples import SUBJECTS, Built
from prover.backends import Backend, backend
from prover.commit.tensor import Words, tensor_root
from prover.errors import ContentMissing
from prover.execute import run
from prover.native.threads import available
from prover.ops import OPS, Opcode
from prover.program import Program
from prover.row import Depths, Kind, Operand, RegisterId, Row, Segment, register_id
from prover.state import State

WORDS: Final = 100_000_000
"""Through each primitive."""
CHUNK: Final = 1 << 22
"""Of which as many at a time."""
QUICK: Final = 1 << 12
FOLD: Final = 64
ROWS_A_PROGRAM: Final = 8
DEPTHS: Final = Depths(0, 2, 4, 0)
STEPS: Final = {"digits": 44, "lenet": 20, "lora": 20, "gpt": 20, "encoder": 1}
"""Training steps of each example whose ends are compared."""

GIVEN: Final = [register_id(Segment.INPUTS, index) for index in range(3)]


def drawn(random: np.random.Generator, count: int) -> Words:
    """Words of all sorts in turns: any bits, floats near 1 with subnormals among them, exponents
    that are close together, and small ints.
    """
    words = random.integers(0, 1 << 32, count, np.uint32)
    words[1::4] = hard(random, len(words[1::4])).view(np.uint32)
    words[2::4] = words[2::4] & np.uint32(0x83FFFFFF) | np.uint32(0x3C000000)
    words[3::4] = words[3::4] & np.uint32(0xFF)
    random.shuffle(words.reshape(-1, 4), axis=1)
    return words


def programs(count: int) -> Iterator[tuple[list[Opcode], Program]]:
    """Programs of some rows each, so that every primitive is applied to `count` words."""
    every = list(Opcode)
    for first in range(0, len(every), ROWS_A_PROGRAM):
        part = every[first : first + ROWS_A_PROGRAM]
        rows = [_row(opcode, number, count) for number, opcode in enumerate(part)]
        yield part, Program.of(rows, DEPTHS)


def _row(opcode: Opcode, number: int, count: int) -> Row:
    out = register_id(Segment.OUTPUTS, number)
    if OPS[opcode].is_fold:
        read = tuple(_read(one, count, FOLD, 1) for one in GIVEN[: OPS[opcode].arity])
        return Row(opcode, out, count // FOLD, (1, 1, 1, count // FOLD), FOLD, read)
    read = tuple(_read(one, count, 1, 0) for one in GIVEN[: OPS[opcode].arity])
    return Row(opcode, out, count, (1, 1, 1, count), 1, read)


def _read(register: RegisterId, count: int, stride: int, fold: int) -> Operand:
    return Operand(Kind.REGISTER, register, count, 0, (0, 0, 0, stride), fold, 0, 0)


def all_words(random: np.random.Generator, used: Backend, flags: Any) -> Iterator[Result]:
    """Every primitive on as many words as were asked for."""
    count = QUICK if flags.quick else CHUNK
    times = 1 if flags.quick else -(-WORDS // CHUNK)
    primitives(random, used, count, times)
    yield Result("equal/primitives", len(Opcode), "primitives, the same bits", "higher")
    yield Result("equal/words", times * count, "words through each", "higher")


def primitives(random: np.random.Generator, used: Backend, count: int, times: int) -> None:
    """Every primitive on words of all sorts, so many times on so many, a multiple of `FOLD`.

    Of GATHER's indices half lie inside of the words that it reads from.
    """
    made = list(programs(count))
    for _ in range(times):
        given = [drawn(random, count) for _ in GIVEN]
        for opcodes, program in made:
            states = [State.start(DEPTHS, [], given) for _ in range(2)]
            for one, state in zip((host(), used), states, strict=True):
                steps(one, program, state)
            for number, opcode in enumerate(opcodes):
                ours, theirs = (
                    np.asarray(one.tensor(register_id(Segment.OUTPUTS, number))) for one in states
                )
                if not np.array_equal(ours, theirs):
                    check(False, f"{opcode.name}: {_first(ours, theirs, given)}")


def steps(used: Backend, program: Program, state: State) -> None:
    """One training step, by the backend's plan where it has one, or else row by row."""
    if not used.steps(program, state, 0, 1, finite=False).steps:
        for row in program.rows:
            if row:
                used.elements(state, row, 0, 0, row.elements)


def _first(ours: Words, theirs: Words, given: list[Words]) -> str:
    if len(ours) != len(theirs):
        return f"{len(theirs)} results, not {len(ours)}"
    at = int(np.flatnonzero(ours != theirs)[0])
    operands = ", ".join(f"{int(one[at]):#010x}" for one in given)
    return f"element {at} is {int(theirs[at]):#010x}, not {int(ours[at]):#010x}, of {operands}"


def examples(used: Backend, flags: Any) -> Iterator[Result]:
    """Whole training programs: the roots of what they end in, hashed where it lies."""
    for name, subject in SUBJECTS.items():
        try:
            built = Built.of(subject.quick() if flags.quick else subject.full())
        except ContentMissing as missing:
            print(f"{name} is left out: {missing}")
            continue
        count = min(STEPS[name], 3) if flags.quick else STEPS[name]
        program(built.traced.program, count, built.params, built.inputs, used, name)
        yield Result(f"equal/{name}", count, "training steps, one digest", "higher")


def program(
    of: Program, count: int, params: list[Words], inputs: list[Words], used: Backend, name: str
) -> None:
    """That training steps of a program end in the same roots here and there."""
    digests, seconds = [], []
    for one in (host(), used):
        started = time.perf_counter()
        ended = run(of, 0, count, params, inputs, one)
        seconds.append(time.perf_counter() - started)
        digests.append((ended.params_root.hex(), ended.outputs_root.hex()))
    check(digests[0] == digests[1], f"{count} training steps of {name}: {digests}")
    took = " and ".join(f"{one:.1f}" for one in seconds)
    print(f"{name}: {count} training steps, one digest, after {took} s")


@cache
def host() -> Backend:
    """This machine's processor, all of it."""
    return backend("numba", threads=available())


def tensor(words: Words, root: bytes) -> None:
    """That a root is a tensor's."""
    check(tensor_root(words, available()) == root, f"the root of {len(words)} words")
