"""The compiled loops give the bits of the reference, whatever rows and states hold."""

import os
import subprocess
import sys
import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prover.backends import NAMES, UnknownBackendError, backend
from prover.backends.kernels import CHUNK
from prover.execute import advance
from prover.ops import OPS, Opcode
from prover.row import Kind, Operand, Quad, RegisterId, Row, Segment, register_id
from prover.state import State
from tests.prover import hardware, operands
from tests.prover.generators import Case, Seeded, case, cases, chance, choice, word
from tests.prover.replay import DEPTHS, compare, difference, one_row, reads

NUMBA = backend("numba")
A, B, C = (register_id(Segment.INPUTS, index) for index in range(3))
OUT = register_id(Segment.OUTPUTS, 0)
MINE = register_id(Segment.PARAMS, 0)


def cuts_of(source: Seeded, end: int) -> list[int]:
    return sorted({0, end, *(source.integer(0, end) for _ in range(4))})


@pytest.mark.parametrize("part", range(8))
def test_thousands_of_random_programs(part: int) -> None:
    for seed in range(part * 250, (part + 1) * 250):
        source = Seeded([77, seed])
        drawn = case(source)
        end = 2 * drawn.program.micro_steps
        compare(drawn.program, drawn.first_step, drawn.state, cuts_of(source, end), NUMBA)


@settings(max_examples=150)
@given(cases(), st.data())
def test_any_program_from_anywhere_to_anywhere(drawn: Case, data: st.DataObject) -> None:
    end = 2 * drawn.program.micro_steps
    cuts = sorted(data.draw(st.lists(st.integers(0, end), min_size=2, max_size=4)))
    compare(drawn.program, drawn.first_step, drawn.state, [0, *cuts], NUMBA)


@pytest.mark.parametrize("opcode", [op for op in Opcode if op != Opcode.GATHER])
def test_every_op_on_hard_operands(opcode: Opcode) -> None:
    count = 20_000
    drawn = operands.draw(opcode, count)
    expected = hardware.compute(opcode, drawn)
    state = State(DEPTHS)
    for register, column in zip((A, B, C), (1, 2, 3), strict=True):
        state.put(register, np.ascontiguousarray(drawn[:, column]))
    arity = OPS[opcode].arity
    read = tuple(reads(r, count) for r in (A, B, C))[:arity]
    row = Row(opcode, OUT, count, (1, 1, 1, count), 3, read)
    if not OPS[opcode].is_fold:
        NUMBA.elements(state, row, 0, 0, count)
        assert np.array_equal(state.tensor(OUT), expected)
        return
    for element in range(0, count, 7):
        state.acc = int(drawn[element, 0])
        NUMBA.chain(state, row, 0, element, 1, 2)
        assert state.acc == expected[element]


def test_every_vector() -> None:
    for vector in operands.vectors():
        acc, x, y, z = vector.words
        words = tuple(Operand.immediate(word) for word in (x, y, z))[: OPS[vector.opcode].arity]
        if vector.opcode == Opcode.GATHER:
            continue
        state = State(DEPTHS)
        state.acc = acc
        row = Row(vector.opcode, OUT, 1, (1, 1, 1, 1), 3, words)
        NUMBA.chain(state, row, 0, 0, 1, 2)
        assert state.acc == vector.result, vector


def hard_words(length: int, seed: int = 1) -> np.ndarray[tuple[int], np.dtype[np.uint32]]:
    """Floats of all sizes with subnormals, infinities and NaNs among them."""
    random = np.random.default_rng(seed)
    words = random.standard_normal(length).astype(np.float32).view(np.uint32)
    some = random.integers(0, 60, length)
    words = np.where(some == 0, random.integers(0, 1 << 32, length), words)
    words = np.where(some == 1, random.integers(0, 1 << 23, length), words)
    return words.astype(np.uint32)


MATMULS: list[tuple[int, int, int, Quad, int, Quad, int]] = [
    # rows, columns, K, then strides and fold stride of each operand
    (3, 5, 7, (0, 0, 7, 0), 1, (0, 0, 0, 1), 5),  # A B
    (3, 5, 7, (0, 0, 1, 0), 3, (0, 0, 0, 1), 5),  # A^T B
    (3, 5, 7, (0, 0, 7, 0), 1, (0, 0, 0, 7), 1),  # A B^T
    (3, 5, 7, (0, 0, 1, 0), 3, (0, 0, 0, 7), 1),  # A^T B^T
    (3, 5, 7, (0, 0, 0, 1), 5, (0, 0, 7, 0), 1),  # operands exchanged
    (35, 1, 1, (0, 0, 1, 0), 35, (0, 0, 0, 0), 1),  # outer product with one column
    (2, CHUNK + 9, 3, (0, 0, 3, 0), 1, (0, 0, 0, 1), CHUNK + 9),  # rows longer than a chunk
    (9, 4, 6, (0, 0, 0, 0), 1, (0, 0, 0, 6), 1),  # x is one row
    (4, 4, 9, (0, 0, 9, 1), 1, (0, 0, 1, 4), 1),  # both move with both
]


@pytest.mark.parametrize("shape", MATMULS)
@pytest.mark.parametrize("seed", range(3))
def test_matmuls_of_every_layout(
    shape: tuple[int, int, int, Quad, int, Quad, int], seed: int
) -> None:
    m, n, k, x_strides, x_fold, y_strides, y_fold = shape
    sizes = (1, 1, m, n)
    lengths = [
        1 + sum(s * (d - 1) for s, d in zip(strides, sizes, strict=True)) + fold * (k - 1)
        for strides, fold in ((x_strides, x_fold), (y_strides, y_fold))
    ]
    state = State(DEPTHS)
    state.put(A, hard_words(lengths[0], 10 + seed))
    state.put(B, hard_words(lengths[1], 20 + seed))
    x = reads(A, lengths[0], x_strides, fold=x_fold)
    y = reads(B, lengths[1], y_strides, fold=y_fold)
    program = one_row(Row(Opcode.DOT, OUT, m * n, sizes, k, (x, y)))
    end = program.micro_steps
    inner = np.random.default_rng(seed).integers(0, end + 1, 3).tolist()
    compare(program, 0, state, sorted({0, end, *inner}), NUMBA)


def wide_operand(source: Seeded, register: RegisterId, length: int, dims: Quad) -> Operand:
    """Mostly contiguous along the last dimension, at times partly or wholly outside."""
    if chance(source, 15):
        return Operand.immediate(word(source))
    last = choice(source, (1, 1, 1, 0, 0, 2, -1))
    strides = (choice(source, (0, 7)), 0, choice(source, (0, 1, dims[3], -3)), last)
    offset = source.integer(0, 40) + (dims[3] if last < 0 else 0)
    if chance(source, 15):
        offset = choice(source, (-5, length - 20, length + 9, -(2**31)))
    fold = choice(source, (0, 1, -2, dims[3]))
    if chance(source, 10):
        length += 1
    return Operand(
        Kind.REGISTER, register, length, offset, strides, fold, 3, choice(source, (0, 1))
    )


@pytest.mark.parametrize("opcode", [Opcode.DOT, Opcode.SUM, Opcode.FMA, Opcode.GATHER])
@pytest.mark.parametrize("seed", range(3))
def test_four_short_dimensions_that_do_not_merge(opcode: Opcode, seed: int) -> None:
    dims = (3, 2, 3, 2)
    source = Seeded([11, seed])
    moves = [(source.integer(20, 90), source.integer(-9, 9), 5, 3) for _ in range(3)]
    state = State(DEPTHS)
    for register, length in ((A, 300), (B, 300), (C, 300)):
        state.put(register, hard_words(length, seed))
    read = tuple(
        reads(register, 300, strides, offset=20, fold=1)
        for register, strides in zip((A, B, C), moves, strict=True)
    )[: OPS[opcode].arity]
    if opcode == Opcode.GATHER:
        read = (Operand.immediate(2), Operand.immediate(3), read[2])
    program = one_row(Row(opcode, OUT, 36, dims, 3 if OPS[opcode].is_fold else 1, read))
    end = program.micro_steps
    compare(program, 0, state, [0, end // 3, end // 2 + 1, end], NUMBA)


@pytest.mark.parametrize("part", range(4))
def test_rows_long_enough_to_run_side_by_side(part: int) -> None:
    for seed in range(40 * part, 40 * (part + 1)):
        source = Seeded([9, seed])
        opcode = choice(source, tuple(Opcode))
        last = choice(source, (48, 50, 64, 130, CHUNK + 5))
        dims = (choice(source, (1, 1, 2)), 1, choice(source, (1, 2, 3)), last)
        if last > CHUNK:
            dims = (1, 1, 1, last)
        fold = source.integer(1, 5) if OPS[opcode].is_fold or chance(source, 10) else 1
        length = choice(source, (2 * last, 400, 3000))
        registers = [choice(source, (A, B, C, MINE)) for _ in range(3)]
        read = tuple(wide_operand(source, r, length, dims) for r in registers)
        offset = choice(source, (0, 0, 3, -30, 100))
        out = choice(source, (OUT, OUT, MINE))
        row = Row(opcode, out, length, dims, fold, read[: OPS[opcode].arity], offset, 2, 1)
        state = State(DEPTHS)
        for number, register in enumerate((A, B, C, MINE)):
            state.put(register, hard_words(length, seed + 1000 * number))
        program = one_row(row)
        end = program.micro_steps
        compare(program, seed, state, sorted({0, source.integer(0, end), end}), NUMBA)


@pytest.mark.parametrize("opcode", [Opcode.ADD, Opcode.FMA, Opcode.SUM, Opcode.DOT, Opcode.GATHER])
@pytest.mark.parametrize("shift", [-2, -1, 0, 1, 2, CHUNK])
@pytest.mark.parametrize("out_length", [2 * CHUNK, 2 * CHUNK + 3])
def test_reading_what_is_written(opcode: Opcode, shift: int, out_length: int) -> None:
    """A running sum, a shift to either side, an update in place: the order is the reference's."""
    length = 2 * CHUNK
    state = State(DEPTHS)
    state.put(MINE, hard_words(length))
    state.put(A, np.ones(length, np.uint32))
    mine = reads(MINE, length, offset=shift)
    plain = reads(A, length)
    fold = 2 if OPS[opcode].is_fold else 1
    read = {
        Opcode.ADD: (mine, plain),
        Opcode.FMA: (plain, mine, mine),
        Opcode.SUM: (mine,),
        Opcode.DOT: (mine, plain),
        Opcode.GATHER: (plain, Operand.immediate(shift & 0xFFFFFFFF), reads(MINE, length)),
    }[opcode]
    program = one_row(Row(opcode, MINE, out_length, (1, 1, 1, length), fold, read))
    compare(program, 0, state, [0, program.micro_steps // 3, program.micro_steps], NUMBA)


def test_inputs_that_cannot_be_written_stay_as_they_are() -> None:
    frozen = np.arange(64, dtype=np.uint32)
    frozen.flags.writeable = False
    strided = np.arange(128, dtype=np.uint32)[::2]
    state = State.start(DEPTHS, [], [frozen, strided])
    row = Row(Opcode.IADD, OUT, 64, (1, 1, 1, 64), 1, (reads(A, 64), reads(B, 64)))
    NUMBA.elements(state, row, 0, 0, 64)
    assert np.array_equal(state.tensor(OUT), 3 * np.arange(64, dtype=np.uint32))


def test_threads_share_a_backend() -> None:
    drawn = [case(Seeded([5, seed])) for seed in range(40)]
    states = [[one.state.copy() for one in drawn] for _ in range(3)]

    def work(mine: list[State]) -> None:
        for one, state in zip(drawn, mine, strict=True):
            advance(one.program, one.first_step, state, 0, one.program.micro_steps, NUMBA)

    threads = [threading.Thread(target=work, args=(mine,)) for mine in states]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for first, *others in zip(*states, strict=True):
        for other in others:
            assert difference(first, other) is None


FLUSH = """
import ctypes, mmap
from prover.backends import backend
from prover.errors import ArithmeticModeError
numba = backend("numba")
numba.check()
# sub rsp,8; stmxcsr [rsp]; or dword [rsp],bits; ldmxcsr [rsp]; add rsp,8; ret
code = bytes.fromhex("4883ec08" "0fae1c24" "810c24" "{bits}" "0fae1424" "4883c408" "c3")
page = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
page.write(code)
ctypes.CFUNCTYPE(None)(ctypes.addressof(ctypes.c_char.from_buffer(page)))()
try:
    numba.check()
except ArithmeticModeError as error:
    print("refused", error)
"""


@pytest.mark.skipif(os.uname().machine != "x86_64", reason="sets the x86-64 control register")
@pytest.mark.parametrize(
    ("what", "bits"),
    [
        ("flush to zero", "00800000"),
        ("subnormals are zero", "40000000"),
        ("round down", "00200000"),
    ],
)
def test_other_arithmetic_is_refused(what: str, bits: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", FLUSH.replace("{bits}", bits)],
        capture_output=True, text=True, check=False, env={**os.environ, "PYTHONPATH": "."},
    )  # fmt: skip
    assert done.stdout.startswith("refused"), what + done.stderr


def test_names() -> None:
    assert {"numba", "reference", "cupy"} == set(NAMES)
    for name in {*NAMES} - {"cupy"}:  # which may lack a device
        assert backend(name).name == name
    with pytest.raises(UnknownBackendError, match="no backend 'cupid'; there are numba, reference"):
        backend("cupid")
