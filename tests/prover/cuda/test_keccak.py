"""Commitments that a device computes are `prover.commit.tensor`'s."""

from collections.abc import Callable
from math import ceil, log2

import numpy as np
import pytest

from prover.backends.cuda import keccak
from prover.backends.cuda.device import Device, Piece
from prover.backends.cuda.kernels import Kernel
from prover.backends.cuda.nvrtc import compile_source
from prover.backends.cuda.trees import Commitments, copies, heights
from prover.commit.tensor import Words, tensor_roots
from tests.prover.cuda.cubins import resources
from tests.prover.cuda.device import Emulated
from tests.prover.cuda.ways import DEVICES, NEEDS_COMPILER

SMALL = (0, 1, 63, 64, 65, 130, 64 * 9 + 1, 64 * 16)
KERNELS = {"leaves": keccak.leaves(), "nodes": keccak.nodes(), "copy": keccak.copy()}
BLOCKS = (64 * 256, 64 * 256 + 1, 64 * 513, 5)
"""One block exactly, two, three whose last has one leaf, and a tensor of a single launch."""


def some(count: int) -> Words:
    return np.random.default_rng(count).integers(0, 1 << 32, count, np.uint32)


def given(device: Device, tensors: list[Words]) -> list[Piece]:
    pieces = [device.take(len(words)) for words in tensors]
    for piece, words in zip(pieces, tensors, strict=True):
        device.put(piece, words)
    return pieces


@pytest.mark.parametrize("make", DEVICES)
@pytest.mark.parametrize("sizes", [SMALL, BLOCKS], ids=["small", "blocks"])
def test_roots_are_the_tensors(make: Callable[[], Device], sizes: tuple[int, ...]) -> None:
    device, tensors = make(), [some(size) for size in sizes]
    made = Commitments(device, given(device, tensors))
    assert made.roots() == tensor_roots(tensors)


@pytest.mark.parametrize("make", DEVICES)
def test_roots_follow_the_words(make: Callable[[], Device]) -> None:
    device, tensors = make(), [some(70), some(64)]
    pieces = given(device, tensors)
    made = Commitments(device, pieces)
    before = made.roots()
    tensors[0][69] ^= 1
    device.put(pieces[0], tensors[0])
    assert made.roots() == before
    made.start()
    after = made.roots()
    assert after == tensor_roots(tensors)
    assert after[0] != before[0]
    assert after[1] == before[1]


@pytest.mark.parametrize("make", DEVICES)
def test_copies_stay_as_they_were(make: Callable[[], Device]) -> None:
    device, tensors = make(), [some(3), some(0), some(1025)]
    pieces = given(device, tensors)
    made = copies(device, pieces)
    for piece, words in zip(pieces, tensors, strict=True):
        device.put(piece, ~words)
    for piece, words in zip(made, tensors, strict=True):
        found = np.empty_like(words)
        device.get(piece, found)
        assert np.array_equal(found, words)


@NEEDS_COMPILER
def test_only_roots_are_fetched() -> None:
    class Counting(Emulated):
        fetched = 0

        def get(self, piece: Piece, words: Words) -> None:
            self.fetched += words.nbytes
            super().get(piece, words)

    device, tensors = Counting(), [some(700), some(1)]
    assert Commitments(device, given(device, tensors)).roots() == tensor_roots(tensors)
    assert device.fetched == 2 * 32


@NEEDS_COMPILER
def test_threads_in_any_order_give_the_same() -> None:
    device, tensors = Emulated(team=32), [some(64 * 9 + 1)]
    assert Commitments(device, given(device, tensors)).roots() == tensor_roots(tensors)


@pytest.mark.parametrize("levels", range(27))
def test_launches_are_as_few_as_can_be(levels: int) -> None:
    found = heights(levels)
    assert sum(found) == levels
    assert len(found) == max(1, ceil(levels / log2(keccak.NODES)))
    assert all(height <= 8 for height in found)
    # What a launch leaves is again whole nodes for the next, and none that has nothing to climb.
    assert all(found[1:])


@NEEDS_COMPILER
@pytest.mark.parametrize("arch", ["sm_80", "sm_90"])
@pytest.mark.parametrize("kernel", KERNELS.values(), ids=KERNELS)
def test_a_state_stays_in_registers(arch: str, kernel: Kernel) -> None:
    (taken,) = resources(compile_source(kernel.source, arch).cubin).values()
    assert taken.local == 0
    assert 16 <= taken.registers <= 128  # so that a multiprocessor has room for two blocks


@NEEDS_COMPILER
def test_spills_are_seen() -> None:
    """With room for fewer registers than a state has."""
    source = keccak.leaves().source
    crowded = source.replace("__launch_bounds__(256, 2)", "__launch_bounds__(256, 6)")
    assert crowded != source
    (taken,) = resources(compile_source(crowded, "sm_80").cubin).values()
    assert taken.registers <= 42
    assert taken.local > 0
