"""One training program's digest, by every way of executing it that this machine has.

Machine code is generated for the instruction set of a process, so each set is a process of its own.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from prover.backends import Backend, backend, steps
from prover.commit.keccak import keccak
from prover.commit.tensor import Words
from prover.native.isa import isa
from prover.row import Segment
from prover.state import State
from prover.tracer import Traced, cross_entropy, relu, trace, training_step

Way = Callable[[Traced, State], None]
"""Runs `STEPS` training steps on a state."""

ROOT: Final = Path(__file__).resolve().parents[2]
LOWER: Final = {"avx512": ("avx2", "plain"), "avx2": ("plain",), "plain": ()}
"""Sets that code may be generated for besides a processor's own."""
TARGETS: Final = {"avx2": ("haswell", "+avx2,+fma"), "plain": ("generic", "")}
"""How numba is told: processor and features."""
STEPS: Final = 3
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


def by_plan(fuse: bool, threads: int) -> Way:
    """Whole steps in one call, on so many threads however small the program."""

    def way(traced: Traced, state: State) -> None:
        planned = steps.Steps(threads, worth=0, fuse=fuse)
        done = 0
        while done < STEPS:
            made = planned.run(traced.program, state, done, STEPS - done, finite=True)
            if not made.steps or made.row is not None:
                raise RuntimeError("this program is planned, and nothing in it is infinite")
            done += made.steps

    return way


def by_rows(used: Backend) -> Way:
    """One row after the other."""

    def way(traced: Traced, state: State) -> None:
        for step in range(STEPS):
            for row in traced.program.rows:
                if row and row.count:
                    used.elements(state, row, step, 0, row.elements)
            state.reset(Segment.SCRATCH)

    return way


def digest(way: Way) -> str:
    """The hash of the params and outputs that a run leaves."""
    traced, params, inputs = program()
    state = State.start(traced.program.depths, params, inputs)
    way(traced, state)
    kept = [state.segment(segment) for segment in (Segment.PARAMS, Segment.OUTPUTS)]
    return keccak(b"".join(words.tobytes() for tensors in kept for words in tensors)).hex()


def reference_digest() -> str:
    """What all of them must be."""
    return digest(by_rows(backend("reference")))


def digests_here() -> Iterator[tuple[str, str]]:
    """This process's, each with what it was made by."""
    steps._PER_THREAD = 1  # type: ignore[misc]  # so small a program would get one thread
    yield f"{isa().name}/rows", digest(by_rows(backend("numba")))
    for threads in THREADS:
        for name, fuse in (("fused", True), ("unfused", False)):
            yield f"{isa().name}/threads={threads}/{name}", digest(by_plan(fuse, threads))


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
