"""One digest from AVX-512, AVX2 and plain code generation, one thread and two, fused and not."""

import platform
import sys

import pytest

from prover.native.isa import isa
from tests.prover.instruction_sets import LOWER, THREADS, digests, reference_digest

X86 = (sys.platform, platform.machine()) == ("linux", "x86_64")


@pytest.mark.parametrize("name", ["avx512", "avx2", "plain"])
def test_one_digest_from_every_instruction_set(name: str) -> None:
    if name != isa().name:
        if not X86:
            pytest.skip("names x86-64 processors")
        if name not in LOWER[isa().name]:
            pytest.skip(f"this processor has no {name}")
    found = digests([name])
    assert len(found) == 2 + 2 * len(THREADS)  # the reference, row by row, and plans
    assert set(found.values()) == {reference_digest()}, found
