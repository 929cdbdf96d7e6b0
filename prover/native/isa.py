"""The instruction set that code is generated for.

It is the one numba compiles for: this processor's, or what `NUMBA_CPU_NAME` and
`NUMBA_CPU_FEATURES` name instead (so one pair of variables turns all of it down, and a test can
hold AVX-512, AVX2 and plain code to one digest). Generators choose tile shapes and lane counts by
it; no result depends on it.
"""

import os
from dataclasses import dataclass
from functools import cache

import llvmlite.binding as llvm


@dataclass(frozen=True, slots=True)
class Isa:
    """What LLVM compiles for, and what of it generators ask about."""

    name: str
    """`avx512`, `avx2` (with fma) or `plain`."""
    cpu: str
    """LLVM's name of the processor."""
    features: str
    """LLVM's feature string."""
    vector_bytes: int
    """Of one vector register."""
    vector_registers: int
    packed: int
    """Small ints of a word that one instruction multiplies and adds up: 4 bytes, 2 halves, or 1."""


@cache
def isa() -> Isa:
    """The instruction set of this process."""
    cpu = os.environ.get("NUMBA_CPU_NAME") or llvm.get_host_cpu_name()
    given = os.environ.get("NUMBA_CPU_FEATURES")
    features = llvm.get_host_cpu_features().flatten() if given is None else given
    present = {one[1:] for one in features.split(",") if one.startswith("+")}
    halves = 2 if llvm.get_process_triple().startswith("x86_64") else 1
    if {"avx512f", "avx512dq", "avx512bw", "avx512vl"} <= present:
        return Isa("avx512", cpu, features, 64, 32, 4 if "avx512vnni" in present else 2)
    if {"avx2", "fma"} <= present:
        return Isa("avx2", cpu, features, 32, 16, 4 if "avxvnni" in present else 2)
    return Isa("plain", cpu, features, 16, 16, halves)
