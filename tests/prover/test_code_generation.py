"""The same bits from machine code for other processors: SSE2 alone, AVX2, and what is here."""

import os
import platform
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from prover.backends import backend
from prover.commit.keccak import keccak
from prover.execute import run
from prover.ops import OPS, Opcode
from prover.row import Row, Segment, register_id
from prover.state import State
from prover.tracer import cross_entropy, relu, trace, training_step
from tests.prover import operands
from tests.prover.replay import DEPTHS, reads

SCRIPT = "from tests.prover.test_code_generation import digest; print(digest())"
ROOT = Path(__file__).resolve().parents[2]


def digest() -> str:
    """One hash of every op's results on hard operands, and of a small net's training."""
    numba = backend("numba")
    parts = []
    for opcode in Opcode:
        count = 4_000
        drawn = operands.draw(opcode, count)
        state = State(DEPTHS)
        registers = [register_id(Segment.INPUTS, number) for number in range(3)]
        for number, register in enumerate(registers):
            state.put(register, np.ascontiguousarray(drawn[:, number + 1]))
        read = tuple(reads(register, count) for register in registers)[: OPS[opcode].arity]
        for fold in (1, 3) if OPS[opcode].is_fold else (1,):
            out = register_id(Segment.OUTPUTS, fold)
            numba.elements(
                state, Row(opcode, out, count, (1, 1, 1, count), fold, read), 0, 0, count
            )
            parts.append(state.tensor(out).tobytes())
    random = np.random.default_rng(1)
    params = {
        "w1": random.standard_normal((70, 50), np.float32),
        "w2": random.standard_normal((50, 9), np.float32),
    }
    inputs = {
        "x": random.standard_normal((2, 33, 70), np.float32),
        "y": np.eye(9, dtype=np.float32)[random.integers(0, 9, (2, 33))],
    }

    def loss(p: Any, i: Any, step: Any) -> Any:
        return cross_entropy(relu(i["x"][step % 2] @ p["w1"]) @ p["w2"], i["y"][step % 2])

    traced = trace(training_step(loss, 0.01), params, inputs)
    ran = run(traced.program, 0, 5, traced.params.words(params), traced.inputs.words(inputs), numba)
    return keccak(b"".join([*parts, ran.params_root, ran.outputs_root])).hex()


@pytest.mark.skipif(
    (sys.platform, platform.machine()) != ("linux", "x86_64"), reason="names x86-64 processors"
)
@pytest.mark.parametrize(
    ("processor", "features"), [("generic", ""), ("haswell", "+avx2,+fma")], ids=["sse2", "avx2"]
)
def test_one_digest_from_every_code_generation(processor: str, features: str) -> None:
    if features and "avx2" not in Path("/proc/cpuinfo").read_text():
        pytest.skip("this processor has no AVX2")
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            "from tests.prover import test_code_generation as t; print(t.digest())",
        ],
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
