"""Matrix products are the specification's chains, bit for bit, in every layout and cut."""

import os
import platform
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from prover.backends import backend
from prover.backends.blocks import Field
from prover.backends.matmul import FIELDS, describe, matmul, matmul_share, stage_address
from prover.backends.products import Box, boxes, product
from prover.commit.keccak import keccak
from prover.native.threads import spread
from prover.ops import Opcode
from prover.row import Kind, Operand, Row, Segment, register_id
from prover.state import State
from tests.prover import hardware
from tests.prover.replay import DEPTHS

Words = NDArray[np.uint32]
ROOT = Path(__file__).resolve().parents[2]
SCRIPT = "from tests.prover.test_matmul import digest; print(digest())"
HARD = np.array(
    [
        0x00000000, 0x80000000, 0x00000001, 0x80000001, 0x007FFFFF,
        0x7F800000, 0xFF800000, 0x7F800001, 0x7FC12345, 0xFFC00000,
    ],
    np.uint32,
)  # fmt: skip
KINDS = ("numbers", "any bits", "subnormal products", "zeros", "hard")
LAYOUTS = ("rows", "columns", "apart", "backwards", "repeated")


def words(random: np.random.Generator, count: int, kind: str) -> Words:
    if kind == "any bits":
        return random.integers(0, 1 << 32, count, dtype=np.uint32)
    scale = 1e-20 if kind == "subnormal products" else 1
    drawn = (random.standard_normal(count) * scale).astype(np.float32).view(np.uint32)
    share = {"zeros": 0.7, "hard": 0.02}.get(kind, 0)
    special = HARD[:2] if kind == "zeros" else HARD
    return np.where(random.random(count) < share, random.choice(special, count), drawn)


def matrix(random: np.random.Generator, shape: tuple[int, ...], kind: str, layout: str) -> Words:
    *batch, m, n = shape
    full = {"apart": (2 * m, 3 * n), "columns": (n, m), "repeated": (1, n)}.get(layout, (m, n))
    drawn = words(random, int(np.prod([*batch, *full])), kind).reshape(*batch, *full)
    if layout == "columns":
        return drawn.swapaxes(-1, -2)
    if layout == "apart":
        return drawn[..., ::2, ::3]
    if layout == "backwards":
        return drawn[..., ::-1, ::-1]
    return np.broadcast_to(drawn, shape) if layout == "repeated" else drawn


def chains(x: Words, y: Words) -> Words:
    """The specification: one exact fma after the other, all results of one k at a time."""
    shape = (*np.broadcast_shapes(x.shape[:-2], y.shape[:-2]), x.shape[-2], y.shape[-1])
    cases = np.zeros((int(np.prod(shape)), 4), np.uint32)
    for k in range(x.shape[-1]):
        cases[:, 1] = np.broadcast_to(x[..., :, k, None], shape).reshape(-1)
        cases[:, 2] = np.broadcast_to(y[..., None, k, :], shape).reshape(-1)
        cases[:, 0] = hardware.compute(Opcode.DOT, cases)
    return cases[:, 0].reshape(shape)


def check(x: Words, y: Words, expected: Words, threads: int = 1) -> None:
    out = np.full(expected.shape, 0xDEADBEEF, np.uint32)
    spread(partial(matmul_share, describe(x, y, out)), threads)
    assert np.array_equal(out, expected), (x.shape, x.strides, y.shape, y.strides, threads)


def drawn(seed: int, largest: int, deepest: int) -> tuple[Words, Words]:
    random = np.random.default_rng([16, seed])
    batch = tuple(int(n) for n in random.integers(1, 4, random.integers(0, 3)))
    m, n = (int(v) for v in random.integers(1, largest + 1, 2))
    k = int(random.integers(1, deepest + 1))
    kind = str(random.choice(KINDS))
    x_batch, y_batch = (batch if random.random() < 0.7 else () for _ in range(2))
    x = matrix(random, (*x_batch, m, k), kind, str(random.choice(LAYOUTS)))
    y = matrix(random, (*y_batch, k, n), kind, str(random.choice(LAYOUTS)))
    return x, y


@pytest.mark.parametrize("part", range(4))
def test_random_shapes_layouts_and_words(part: int) -> None:
    for seed in range(40 * part, 40 * part + 40):
        x, y = drawn(seed, 70, 40)
        expected = chains(x, y)
        for threads in (1, 2, 3):
            check(x, y, expected, threads)


@pytest.mark.parametrize("depth", [255, 256, 257, 511, 513, 1100])
@pytest.mark.parametrize("layout", ["rows", "columns", "apart"])
def test_long_chains_are_stored_and_resumed(depth: int, layout: str) -> None:
    for seed, (m, n) in enumerate([(15, 33), (1, 40), (40, 1), (37, 5)]):
        random = np.random.default_rng([depth, seed])
        kind = KINDS[(seed + depth) % len(KINDS)]
        x = matrix(random, (m, depth), kind, layout)
        y = matrix(random, (depth, n), kind, layout)
        check(x, y, chains(x, y), 1 + seed % 2)


@pytest.mark.parametrize(("m", "n", "k"), [(601, 70, 20), (70, 601, 20), (460, 32, 256)])
def test_large_and_ragged(m: int, n: int, k: int) -> None:
    random = np.random.default_rng([m, n, k])
    x = matrix(random, (m, k), "hard", "rows")
    y = matrix(random, (k, n), "hard", "columns")
    expected = chains(x, y)
    for threads in (1, 3):
        check(x, y, expected, threads)
        check(y.T, x.T, np.ascontiguousarray(expected.T), threads)


def test_no_step_is_added_to_a_chain() -> None:
    """fma(x, 0, -0) is +0: a chain that ends in -0 shows every step too many."""
    for k in range(1, 40):
        x = np.full((3, k), 0x80000001, np.uint32)  # -2^-149: every product rounds to -0
        y = np.full((k, 5), 0x00000001, np.uint32)
        x[:, 0], y[0] = 0x80000001, 0x00000001
        check(x, y, chains(x, y))


@pytest.mark.parametrize("nan", [0x7FC00000, 0xFFC00000, 0x7F800001, 0xFFFFFFFF, 0x7FC12345])
def test_every_nan_is_the_canonical_one(nan: int) -> None:
    x = np.full((20, 300), 0x3F800000, np.uint32)
    x[3, 7], x[19, 299] = nan, nan
    out = np.empty((20, 40), np.uint32)
    matmul(x, np.full((300, 40), 0x3F800000, np.uint32), out)
    assert set(out[[3, 19]].ravel().tolist()) == {0x7FC00000}
    assert set(np.delete(out, [3, 19], axis=0).ravel().tolist()) == {0x43960000}


def test_large_enough_products_are_spread() -> None:
    random = np.random.default_rng(8)
    x, y = matrix(random, (160, 200), "hard", "rows"), matrix(random, (200, 150), "hard", "rows")
    one, two = (np.zeros((160, 150), np.uint32) for _ in range(2))
    matmul(x, y, one)
    matmul(x, y, two, 2)
    assert np.array_equal(one, two)
    assert one.any()


def test_a_share_writes_its_own_part_and_the_parts_are_all() -> None:
    x, y = drawn(5, 70, 40)
    expected = chains(x, y)
    written = np.zeros(expected.shape, np.int64)
    for thread in range(5):
        one = np.full(expected.shape, 0xDEADBEEF, np.uint32)
        matmul_share(describe(x, y, one), thread, 5)
        written += one != 0xDEADBEEF
        assert np.array_equal(one[one != 0xDEADBEEF], expected[one != 0xDEADBEEF])
    assert (written == 1).all()


def test_the_stage_is_found_once_and_fields_are_all_named() -> None:
    assert stage_address() == stage_address() != 0
    assert [int(field) for field in Field] == list(range(FIELDS))


@pytest.mark.parametrize(
    ("start", "stop"), [(0, 120), (1, 119), (7, 8), (29, 31), (60, 61), (5, 5)]
)
def test_boxes_hold_a_range_in_order(start: int, stop: int) -> None:
    sizes = (2, 3, 4, 5)
    place = np.arange(120).reshape(sizes)
    seen: list[int] = []
    for box in boxes(sizes, start, stop):
        cut: Any = tuple(slice(f, f + n) for f, n in zip(*box, strict=True))
        seen += place[cut].ravel().tolist()
    assert seen == list(range(start, stop))
    assert list(boxes(sizes, 0, 120)) == [Box((0, 0, 0, 0), sizes)]


def test_what_is_no_product_is_not_taken_for_one() -> None:
    assert product([1, 1, 4, 5], 6, [0, 0, 6, 0, 1], [0, 0, 0, 1, 5]) is not None
    assert product([1, 1, 4, 5], 6, [0, 0, 6, 1, 1], [0, 0, 0, 1, 5]) is None
    assert product([2, 3, 4, 5], 6, [0, 0, 6, 0, 1], [0, 0, 6, 1, 5]) is None
    assert product([1, 1, 4, 5], 6, [0, 0, 6, 0, 1], [0, 0, 0, 0, 5]) is None


@pytest.mark.parametrize("seed", range(12))
def test_any_range_of_a_row_of_matmuls(seed: int) -> None:
    """The backend hands ranges of elements to the kernel; what it leaves stays as it was."""
    random = np.random.default_rng([99, seed])
    b0, b1, m, n, k = (int(v) for v in (*random.integers(1, 4, 2), *random.integers(12, 30, 3)))
    x = words(random, b0 * b1 * m * k, "hard")
    y = words(random, b1 * k * n, "hard")
    left = Operand(
        Kind.REGISTER, register_id(Segment.INPUTS, 0), len(x), 0, (b1 * m * k, m * k, k, 0), 1
    )
    right = Operand(Kind.REGISTER, register_id(Segment.INPUTS, 1), len(y), 0, (0, k * n, 0, 1), n)
    if seed % 2:  # the transposed product
        left = Operand(left.kind, left.register, left.length, 0, (b1 * m * k, m * k, 0, k), 1)
        right = Operand(right.kind, right.register, right.length, 0, (0, k * n, 1, 0), n)
        m, n = n, m
    out, length = register_id(Segment.OUTPUTS, 0), b0 * b1 * m * n
    row = Row(
        Opcode.DOT, out, length, (b0, b1, m, n), k, (left, right) if seed % 3 else (right, left)
    )
    full = chains(x.reshape(b0, b1, -1, k), y.reshape(b1, k, -1))
    expected = (full.swapaxes(-1, -2) if seed % 2 else full).reshape(-1)
    for _ in range(4):
        start, stop = sorted(int(v) for v in random.choice(length + 1, 2, replace=False))
        state = State(DEPTHS)
        state.put(left.register, x)
        state.put(right.register, y)
        state.put(out, np.full(length, 7, np.uint32))
        backend("numba").elements(state, row, 0, start, stop)
        got = state.tensor(out)
        assert np.array_equal(got[start:stop], expected[start:stop])
        assert (got[:start] == 7).all()
        assert (got[stop:] == 7).all()


def digest() -> str:
    """One hash of products of many shapes and words."""
    parts = []
    for seed in range(60):
        x, y = drawn(seed, 50, 300)
        shape = (*np.broadcast_shapes(x.shape[:-2], y.shape[:-2]), x.shape[-2], y.shape[-1])
        out = np.empty(shape, np.uint32)
        matmul(x, y, out, 1 + seed % 3)
        parts.append(out.tobytes())
    return keccak(b"".join(parts)).hex()


@pytest.mark.skipif(
    (sys.platform, platform.machine()) != ("linux", "x86_64"), reason="names x86-64 processors"
)
@pytest.mark.parametrize(
    ("processor", "features"), [("generic", ""), ("haswell", "+avx2,+fma")], ids=["sse2", "avx2"]
)
def test_one_digest_from_every_tile(processor: str, features: str) -> None:
    if features and "avx2" not in Path("/proc/cpuinfo").read_text():
        pytest.skip("this processor has no AVX2")
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        env={
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "NUMBA_CPU_NAME": processor,
            "NUMBA_CPU_FEATURES": features,
        },
    )
    assert done.stdout.strip() == digest(), done.stderr
