"""Many messages at once hash as one does, for every instruction set."""

import os
import platform
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import sha3
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from prover.commit.hashes import hash_all, root_over
from prover.commit.keccak import keccak
from prover.commit.lanes import hasher
from prover.commit.permutation import ROTATIONS, ROUND_CONSTANTS
from prover.commit.tags import Tag
from prover.commit.tensor import tensor_root
from prover.native.isa import isa

ROOT = Path(__file__).resolve().parents[2]
COUNTS = (0, 1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31)
LENGTHS = (1, 2, 7, 8, 9, 31, 32, 33, 63, 64, 65, 97, 134, 135, 136, 256, 271)
"""Around words, rows of lanes, and blocks of 136 bytes (one is taken by the tag)."""


def messages(count: int, length: int, seed: int = 0) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (count, length), np.uint8)


def digest() -> str:
    """One hash of what every kind of hashing gives, on one thread and on two."""
    parts = [
        hash_all(Tag.ENTRY, messages(count, length)).tobytes()
        for length in (32, 64, 97, 256)
        for count in COUNTS
    ]
    many = messages(20_001, 64)
    for threads in (1, 2):
        parts.append(root_over(Tag.BUNDLE_LEAF, many, Tag.BUNDLE_NODE, threads=threads))
        parts.append(tensor_root(many.reshape(-1).view(np.uint32)[:-7], threads))
    return keccak(b"".join(parts)).hex()


def test_the_constants_are_those_of_the_specification() -> None:
    assert ROUND_CONSTANTS[:3] == (1, 0x8082, 0x800000000000808A)
    assert ROUND_CONSTANTS[-1] == 0x8000000080008008
    assert ROTATIONS[:5] == (0, 1, 62, 28, 27)
    assert len(set(ROTATIONS)) == 25


@pytest.mark.parametrize("length", LENGTHS)
def test_every_message_hashes_as_it_does_alone(length: int) -> None:
    for tag in (Tag.TENSOR_LEAF, Tag.MOVE):
        for count in COUNTS:
            rows = messages(count, length, count)
            made = hash_all(tag, rows)
            alone = [sha3.keccak_256(bytes([tag]) + row.tobytes()).digest() for row in rows]
            assert [row.tobytes() for row in made] == alone


@settings(max_examples=60)
@given(st.integers(0, 40), st.sampled_from((32, 64, 97, 256)), st.sampled_from(Tag), st.data())
def test_any_messages_of_any_tag(count: int, length: int, tag: Tag, data: st.DataObject) -> None:
    rows = messages(count, length, data.draw(st.integers(0, 2**32)))
    made = hash_all(tag, rows)
    alone = [sha3.keccak_256(bytes([tag]) + row.tobytes()).digest() for row in rows]
    assert [row.tobytes() for row in made] == alone


@pytest.mark.parametrize("length", [1, 9, 64, 97, 256])
@pytest.mark.parametrize("count", [0, 1, 5, 8, 11])
def test_nothing_beside_the_digests_is_written(length: int, count: int) -> None:
    rows = messages(count, length)
    held = np.full((count + 2, 32), 0xA5, np.uint8)
    hasher(length)(Tag.ROW, rows.ctypes.data, held[1:].ctypes.data, count)
    assert (held[0] == 0xA5).all()
    assert (held[-1] == 0xA5).all()
    assert (held[1:-1] == hash_all(Tag.ROW, rows)).all()


@pytest.mark.skipif(sys.platform != "linux", reason="maps pages as Linux does")
@pytest.mark.parametrize("length", [1, 7, 33, 64, 97, 256])
def test_nothing_outside_of_the_messages_is_read(length: int) -> None:
    # The messages end where the last readable page does; a read beyond kills the process.
    code = f"""
import ctypes, mmap
from prover.commit.lanes import hasher
libc = ctypes.CDLL(None, use_errno=True)
held = mmap.mmap(-1, 3 * mmap.PAGESIZE)
start = ctypes.addressof(ctypes.c_char.from_buffer(held))
for page in (0, 2):
    where = ctypes.c_void_p(start + page * mmap.PAGESIZE)
    assert libc.mprotect(where, ctypes.c_size_t(mmap.PAGESIZE), 0) == 0
out = ctypes.create_string_buffer(32 * 16)
for count in (1, 2, 3, 8, 11):
    end = start + 2 * mmap.PAGESIZE
    hasher({length})(1, end - count * {length}, ctypes.addressof(out), count)
    hasher({length})(1, start + mmap.PAGESIZE, ctypes.addressof(out), count)
"""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


@pytest.mark.skipif(
    (sys.platform, platform.machine()) != ("linux", "x86_64"), reason="names x86-64 processors"
)
@pytest.mark.parametrize(
    ("processor", "features", "name"),
    [("generic", "", "plain"), ("haswell", "+avx2,+fma", "avx2")],
    ids=["plain", "avx2"],
)
def test_the_same_bits_from_every_instruction_set(processor: str, features: str, name: str) -> None:
    if features and isa().name == "plain":
        pytest.skip("this processor has no AVX2")
    code = (
        "from tests.prover import test_lanes as t; from prover.native.isa import isa; "
        "print(isa().name, t.digest())"
    )
    environment = {"NUMBA_CPU_NAME": processor, "NUMBA_CPU_FEATURES": features}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
    )  # fmt: skip
    assert done.stdout.split() == [name, digest()], done.stderr
