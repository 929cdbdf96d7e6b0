"""Products of ints are NumPy's wrap-around ones, in every layout, cut and way of computing them."""

import ctypes
import os
import platform
import subprocess
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from prover.backends import backend
from prover.backends import matmul as module
from prover.backends.arithmetic import small_ints
from prover.backends.matmul import describe, matmul, matmul_share
from prover.commit.keccak import keccak
from prover.native.isa import isa
from prover.native.module import load_known
from prover.native.threads import spread
from prover.ops import Opcode
from prover.row import Kind, Operand, Row, Segment, register_id
from prover.state import State
from tests.prover.replay import DEPTHS

Ints = NDArray[np.int32]
ROOT = Path(__file__).resolve().parents[2]
SCRIPT = "from tests.prover.test_matmul_ints import digest; print(digest())"
EDGES = {
    "bytes": (-128, 127, -127, -1, 0, 1),
    "halves": (-(2**15), 2**15 - 1, -128, 255, -1, 0),
    "ints": (-(2**31), 2**31 - 1, -(2**31) + 1, -128, -1, 0),
}
LIMITS = {"bytes": 2**7, "halves": 2**15, "ints": 2**31}
LAYOUTS = ("rows", "columns", "apart", "backwards", "repeated")


def ints(random: np.random.Generator, count: int, kind: str) -> Ints:
    """Ints of a kind, its edges among them."""
    limit = LIMITS[kind]
    usual = random.integers(-limit, limit, count)
    edge = random.choice(EDGES[kind], count)
    return np.where(random.random(count) < random.choice([0, 0.1, 1]), edge, usual).astype(np.int32)


def matrix(random: np.random.Generator, shape: tuple[int, ...], kind: str, layout: str) -> Ints:
    *batch, m, n = shape
    full = {"apart": (2 * m, 3 * n), "columns": (n, m), "repeated": (1, n)}.get(layout, (m, n))
    made = ints(random, int(np.prod([*batch, *full])), kind).reshape(*batch, *full)
    if layout == "columns":
        return made.swapaxes(-1, -2)
    if layout == "apart":
        return made[..., ::2, ::3]
    if layout == "backwards":
        return made[..., ::-1, ::-1]
    return np.broadcast_to(made, shape) if layout == "repeated" else made


def check(x: Ints, y: Ints, threads: int = 1) -> None:
    expected = x @ y
    out = np.full(expected.shape, 0xDEADBEEF, np.uint32)
    about = describe(x.view(np.uint32), y.view(np.uint32), out)
    spread(partial(matmul_share, about, opcode=Opcode.IDOT), threads)
    assert np.array_equal(out.view(np.int32), expected), (x.shape, x.strides, y.strides, threads)


def drawn(seed: int, largest: int, deepest: int) -> tuple[Ints, Ints]:
    random = np.random.default_rng([17, seed])
    batch = tuple(int(n) for n in random.integers(1, 4, random.integers(0, 3)))
    m, n = (int(v) for v in random.integers(1, largest + 1, 2))
    k = int(random.integers(1, deepest + 1))
    kinds = random.choice(["bytes", "bytes", "halves", "ints"], 2)
    batches = (batch if random.random() < 0.7 else () for _ in range(2))
    layouts = random.choice(LAYOUTS, 2)
    shapes = ((m, k), (k, n))
    x, y = (
        matrix(random, (*before, *shape), str(kind), str(layout))
        for before, shape, kind, layout in zip(batches, shapes, kinds, layouts, strict=True)
    )
    return x, y


@pytest.mark.parametrize("part", range(3))
def test_random_shapes_layouts_and_ints(part: int) -> None:
    for seed in range(80 * part, 80 * part + 80):
        x, y = drawn(seed, 70, 40)
        for threads in (1, 2, 3):
            check(x, y, threads)


@pytest.mark.parametrize("depth", [1, 2, 3, 5, 255, 1023, 1024, 1025, 1027, 4099])
@pytest.mark.parametrize("kind", list(EDGES))
def test_long_sums_in_blocks(depth: int, kind: str) -> None:
    for seed, (m, n) in enumerate([(15, 33), (1, 40), (40, 1), (37, 12)]):
        random = np.random.default_rng([depth, seed])
        for layout in ("rows", "columns", "apart"):
            x = matrix(random, (m, depth), kind, layout)
            y = matrix(random, (depth, n), kind, layout)
            check(x, y, 1 + seed % 2)


@pytest.mark.parametrize(("x", "y"), [(-128, -128), (-128, 127), (127, 127), (-(2**15), -(2**15))])
def test_the_largest_of_small_ints(x: int, y: int) -> None:
    for k in (64, 1024, 3001):
        check(np.full((20, k), x, np.int32), np.full((k, 40), y, np.int32))


@pytest.mark.parametrize(("m", "n", "k"), [(601, 70, 20), (70, 601, 20), (460, 32, 1056)])
def test_large_and_ragged(m: int, n: int, k: int) -> None:
    random = np.random.default_rng([m, n, k])
    x, y = matrix(random, (m, k), "bytes", "rows"), matrix(random, (k, n), "bytes", "columns")
    for threads in (1, 3):
        check(x, y, threads)
        check(y.T, x.T, threads)


@pytest.mark.parametrize("odd", [128, -129, 2**15, -(2**15) - 1, 2**31 - 1, -(2**31)])
def test_one_int_that_is_not_small_is_seen_wherever_it_is(odd: int) -> None:
    for layout in LAYOUTS[:4]:
        x = matrix(np.random.default_rng(1), (14, 19), "bytes", layout).copy(
            order="F" if layout == "columns" else "C"
        )
        y = matrix(np.random.default_rng(2), (19, 18), "bytes", layout).copy(
            order="F" if layout == "columns" else "C"
        )
        for one, other in ((x, y), (y, x)):
            for place in range(0, one.size, 5):
                changed = one.copy(order="K")
                changed.flat[place] = odd
                pair = (changed, other) if one is x else (other, changed)
                check(*pair)


def test_large_enough_products_are_spread() -> None:
    random = np.random.default_rng(8)
    x, y = (matrix(random, (200, 200), "bytes", "rows") for _ in range(2))
    made = []
    for threads in (1, 2):
        out = np.zeros((200, 200), np.uint32)
        matmul(x.view(np.uint32), y.view(np.uint32), out, threads, Opcode.IDOT)
        made.append(out.view(np.int32))
    assert np.array_equal(made[0], x @ y)
    assert np.array_equal(made[1], x @ y)


@pytest.mark.parametrize("seed", range(6))
def test_any_range_of_a_row_of_products(seed: int) -> None:
    """The backend hands ranges of elements to the kernel; what it leaves stays as it was."""
    random = np.random.default_rng([98, seed])
    m, n, k = (int(v) for v in random.integers(12, 40, 3))
    x, y = (matrix(random, shape, "bytes", "rows") for shape in ((m, k), (k, n)))
    left = Operand(Kind.REGISTER, register_id(Segment.INPUTS, 0), x.size, 0, (0, 0, k, 0), 1)
    right = Operand(Kind.REGISTER, register_id(Segment.INPUTS, 1), y.size, 0, (0, 0, 0, 1), n)
    out = register_id(Segment.OUTPUTS, 0)
    row = Row(Opcode.IDOT, out, m * n, (1, 1, m, n), k, (left, right))
    start, stop = sorted(int(v) for v in random.choice(m * n + 1, 2, replace=False))
    state = State(DEPTHS)
    state.put(left.register, x.reshape(-1).view(np.uint32))
    state.put(right.register, y.reshape(-1).view(np.uint32))
    state.put(out, np.full(m * n, 7, np.uint32))
    backend("numba").elements(state, row, 0, start, stop)
    expected = np.full(m * n, 7, np.int32)
    expected[start:stop] = (x @ y).reshape(-1)[start:stop]
    assert np.array_equal(state.tensor(out).view(np.int32), expected)


def test_the_way_of_small_ints_is_the_instruction_sets() -> None:
    small = small_ints()
    assert (1 if small is None else small.packed) == isa().packed
    if small is not None:
        assert small.bits * small.packed == 32


def test_a_processor_without_small_ints(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "small_ints", lambda: None)
    code = load_known("one by one", ["matmul_stage"], lambda: module._module(Opcode.IDOT))
    kind = ctypes.CFUNCTYPE(None, ctypes.c_void_p, *[ctypes.c_int64] * 3)
    stage = kind(code.address("matmul_stage"))
    x, y = drawn(11, 50, 300)
    expected = x @ y
    out = np.zeros(expected.shape, np.uint32)
    stage(describe(x.view(np.uint32), y.view(np.uint32), out).ctypes.data, 0, 0, 1)
    assert np.array_equal(out.view(np.int32), expected)


def digest() -> str:
    """How many small ints are in a word, and one hash of products of many shapes and ints."""
    parts = []
    for seed in range(60):
        x, y = drawn(seed, 50, 1200)
        shape = (*np.broadcast_shapes(x.shape[:-2], y.shape[:-2]), x.shape[-2], y.shape[-1])
        out = np.empty(shape, np.uint32)
        matmul(x.view(np.uint32), y.view(np.uint32), out, 1 + seed % 3, Opcode.IDOT)
        parts.append(out.tobytes())
    return f"{isa().packed} {keccak(b''.join(parts)).hex()}"


@pytest.mark.skipif(
    (sys.platform, platform.machine()) != ("linux", "x86_64"), reason="names x86-64 processors"
)
@pytest.mark.parametrize(
    ("processor", "features", "packed", "needed"),
    [
        ("generic", "", 2, ()),
        ("haswell", "+avx2,+fma", 2, ("avx2",)),
        ("haswell", "+avx2,+fma,+avxvnni", 4, ("avx_vnni",)),
        ("skylake-avx512", "+avx512f,+avx512dq,+avx512bw,+avx512vl", 2, ("avx512vl", "avx512dq")),
    ],
    ids=["sse2", "avx2", "avx2 vnni", "avx512 without vnni"],
)
def test_one_digest_from_every_way(
    processor: str, features: str, packed: int, needed: tuple[str, ...]
) -> None:
    present = Path("/proc/cpuinfo").read_text().split()
    if missing := [one for one in needed if one not in present]:
        pytest.skip(f"this processor has no {missing[0]}")
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    environment |= {"NUMBA_CPU_NAME": processor, "NUMBA_CPU_FEATURES": features}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        capture_output=True, text=True, check=False, cwd=ROOT, env=environment,
    )  # fmt: skip
    way, found = done.stdout.split() or ("", done.stderr)
    assert int(way) == packed
    assert found == digest().split()[1]
