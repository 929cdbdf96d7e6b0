"""One training program's digest, by every way of executing it that this machine has.

Machine code is generated for the instruction set of a process, so each set is a process of its own.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from prover.backends import Backend, backend
from prover.commit.keccak import keccak
from prover.commit.tensor import Words
from prover.execute import advance
from prover.native.isa import isa
from prover.row import Segment
from prover.state import State
from prover.tracer import Traced, cross_entropy, relu, trace, training_step

ROOT: Final = Path(__file__).resolve().parents[2]
LOWER: Final = {"avx512": ("avx2", "plain"), "avx2": ("plain",), "plain": ()}
"""Sets that code may be generated for besides a processor's own."""
TARGETS: Final = {"avx2": ("haswell", "+avx2,+fma"), "plain": ("generic", "")}
"""How numba is told: processor and features."""
STEPS: Final = 2
THREADS: Final = (1, 2)


def program() -> tuple[Traced, list[Words], list[Words]]:
    """A small net's training, no size of which is a multiple of a vector, with subnormals on the
    way; its params and inputs.
    """
    random = np.random.default_rng(1)
    images = random.standard_normal((2, 19, 37), np.float32)
    images[:, :, ::5] *= np.float32(2.0**-130)
    params = {
        "w1": random.standard_normal((37, 21), np.float32),
        "b1": np.full(21, 1e-41, np.float32),
        "w2": random.standard_normal((21, 5), np.float32) * np.float32(0.1),
    }
    inputs = {
        "images": images,
        "labels": np.eye(5, dtype=np.float32)[random.integers(0, 5, (2, 19))],
    }

    def loss(p: Any, i: Any, step: Any) -> Any:
        hidden = relu(i["images"][step % 2] @ p["w1"] + p["b1"])
        return cross_entropy(hidden @ p["w2"], i["labels"][step % 2])

    traced = trace(training_step(loss, 0.1), params, inputs)
    return traced, traced.params.words(params), traced.inputs.words(inputs)


def whole(traced: Traced, state: State, used: Backend) -> None:
    """As a claim is run: the backend may take rows together."""
    advance(traced.program, 0, state, 0, STEPS * traced.program.micro_steps, used)


def by_rows(traced: Traced, state: State, used: Backend) -> None:
    """One row after the other."""
    for step in range(STEPS):
        for row in traced.program.rows:
            if row and row.count:
                used.elements(state, row, step, 0, row.elements)
        state.reset(Segment.SCRATCH)


def digest(way: Any, used: Backend) -> str:
    """The hash of the params and outputs that a run leaves."""
    traced, params, inputs = program()
    state = State.start(traced.program.depths, params, inputs)
    way(traced, state, used)
    kept = [state.segment(segment) for segment in (Segment.PARAMS, Segment.OUTPUTS)]
    return keccak(b"".join(words.tobytes() for tensors in kept for words in tensors)).hex()


def reference_digest() -> str:
    """What all of them must be."""
    return digest(whole, backend("reference"))


def digests_here() -> Iterator[tuple[str, str]]:
    """This process's, each with what it was made by."""
    for threads in THREADS:
        used = backend("numba")
        for name, way in (("fused", whole), ("unfused", by_rows)):
            yield f"{isa().name}/threads={threads}/{name}", digest(way, used)


def sets() -> tuple[str, ...]:
    """The instruction sets that this machine can run, its own first."""
    return (isa().name, *LOWER[isa().name])


def digests(wanted: Sequence[str] | None = None) -> dict[str, str]:
    """Those of processes for each of the sets, all when none are named; and the reference's."""
    found = {"reference": reference_digest()}
    for name in wanted or sets():
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        if name != isa().name:
            processor, features = TARGETS[name]
            environment |= {"NUMBA_CPU_NAME": processor, "NUMBA_CPU_FEATURES": features}
        done = subprocess.run(
            [sys.executable, "-m", "tests.prover.instruction_sets"],
            capture_output=True, text=True, check=False, cwd=ROOT, env=environment,
        )  # fmt: skip
        if done.returncode != 0:
            raise RuntimeError(f"{name}: {done.stderr}")
        made: dict[str, str] = json.loads(done.stdout)
        if not all(one.startswith(name) for one in made):
            raise RuntimeError(f"{name} was asked for, {', '.join(made)} came")
        found |= made
    return found


if __name__ == "__main__":
    print(json.dumps(dict(digests_here())))
