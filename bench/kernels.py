"""How fast are the kernels, and do all instruction sets agree?

    python bench/kernels.py [--json FILE] [--plot FILE] [--quick] [--only PART ...] [--threads 1 2]

matmul: squares, and the products of a training step of the MLP 784-512-512-10 at batch 128;
squares against NumPy's OpenBLAS too, which knows processors of which torch's MKL makes less.
int8: squares of ints, small and of any size, and quantised layers, against torch's floats.
functions: whole steps of a traced one-function program, `STEPS` of them in a call, against torch's
function on the same array, written where torch can write. ulps: the greatest error over a million
words of all, ours and torch's. digest: one training program on every instruction set, number of
threads and way of execution. subnormal: how many times longer it takes when all inputs, or all
results, are subnormal.

Before anything is timed it is compared with the reference, bit for bit, on fresh inputs.
"""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "bisect")]

import numpy as np  # noqa: E402

from bench._functions import FUNCTIONS, Floats, Function, Shape, error  # noqa: E402
from bench._harness import (  # noqa: E402
    Pair,
    Result,
    Work,
    arguments,
    check,
    fresh_random,
    in_turns,
    report,
)
from bench._int8 import int8s  # noqa: E402
from bench._matmul import against_torch, hard, matmuls, normal  # noqa: E402
from bench._ours import evaluate, inferences, same  # noqa: E402
from bench._torch import find_torch  # noqa: E402
from prover.backends import backend  # noqa: E402
from prover.native.isa import isa  # noqa: E402
from prover.native.threads import available  # noqa: E402
from tests.prover.instruction_sets import digests  # noqa: E402

PACKAGES = ("numpy", "numba", "llvmlite", "torch")
PARTS = ("matmul", "int8", "functions", "ulps", "digest", "subnormal")
STEPS = 64
FUNCTION_TARGET = 0.8
ULPS_TARGET = 1.5
SHAPES: tuple[Shape, ...] = ((128, 512), (1024, 1024))
# -------------------------------------------------------------------------------------- functions


def check_function(
    random: np.random.Generator, one: Function, shape: Shape, threads: int, steps: int
) -> None:
    """What is timed, on hard inputs: a row of it, or a part of one, against the reference."""
    given = [hard(random, *shape), *(hard(random, shape[1]) for _ in one.draw(random, shape)[1:])]
    if one.pointwise:
        given = [random.integers(0, 1 << 32, shape, np.uint32).view(np.float32)]
        given[0][-1, :64] = hard(random, 64)
    ours = inferences(one.ours, given, steps, backend("numba", threads=threads))
    ours()
    row = [given[0][-1:], *given[1:]]
    actual = ours.output("result")[-1:]
    if one.pointwise:
        row, actual = [row[0][:, :256].copy()], actual[:, :256].copy()
    expected = evaluate(one.ours, row, backend("reference"))
    check(same(expected, actual), f"{one.name} of {shape}, {threads} threads")


def functions(torch: Any, random: np.random.Generator, flags: Any) -> Iterator[Result]:
    """Whole steps of one function."""
    steps = 4 if flags.quick else STEPS
    for one in FUNCTIONS:
        for shape in [(8, 64)] if flags.quick else SHAPES:
            for threads in flags.threads:
                check_function(random, one, shape, threads, steps)
                given = one.draw(random, shape)
                theirs = function_of_torch(torch, one, given, steps, threads)
                ours = inferences(one.ours, given, steps, backend("numba", threads=threads))
                pair = in_turns(ours, theirs, flags.seconds)
                yield from pair.speeds(
                    f"{one.name}/{shape[0]}x{shape[1]}/threads={threads}",
                    1e-9 * steps * given[0].size, "G words/s", "torch", FUNCTION_TARGET,
                )  # fmt: skip


def function_of_torch(
    torch: Any, one: Function, given: list[Floats], steps: int, threads: int
) -> Work | None:
    """torch's function as often as ours is executed."""
    if not torch:
        return None
    torch.set_num_threads(threads)
    tensors, out = [torch.from_numpy(array) for array in given], torch.empty(given[0].shape)

    def work() -> None:
        for _ in range(steps):
            one.theirs(torch, tensors, out)

    return work


def ulps(torch: Any, random: np.random.Generator, flags: Any) -> Iterator[Result]:
    """The greatest errors."""
    for one in FUNCTIONS:
        if one.exact is None:
            continue
        # Of all words, and more densely where it is used most.
        stride = 1_000_003 if flags.quick else 4_099
        every = np.arange(int(random.integers(stride)), 1 << 32, stride, dtype=np.uint64)
        whole = every.astype(np.uint32).view(np.float32)
        given = [np.concatenate([whole, one.draw(random, (64, 512))[0].reshape(-1)])[None]]
        with np.errstate(all="ignore"):
            exact = one.exact(given[0].astype(np.float64))
        peer = None
        if torch:
            out = torch.empty(given[0].shape)
            made = one.theirs(torch, [torch.from_numpy(array) for array in given], out)
            peer = error(made.numpy(), exact)  # type: ignore[attr-defined]
        ours = error(evaluate(one.ours, given, backend("numba")), exact)
        yield Result(f"{one.name}/ulps", ours, "ulp", "lower", ULPS_TARGET, peer, 0.0)


# ------------------------------------------------------------------------------- bits, subnormals


def digest(torch: Any, random: np.random.Generator, flags: Any) -> Iterator[Result]:
    """How many configurations come to the digest that most come to."""
    found = digests((isa().name,) if flags.quick else None)
    for name, value in found.items():
        print(f"  {name}: {value[:16]}")
    check(len(set(found.values())) == 1, f"digests differ: {found}")
    yield Result("digest/same", len(found), "ways", "higher", len(found), None, 0.0)


def subnormal(torch: Any, random: np.random.Generator, flags: Any) -> Iterator[Result]:
    """How many times longer on subnormals."""
    n, shape = (64, (8, 64)) if flags.quick else (512, SHAPES[0])
    x, y = normal(random, n, n), normal(random, n, n)
    pairs = [
        against_torch(torch, x * scale, y, 1, flags.seconds)
        for scale in (np.float32(1), np.float32(2.0**-140))
    ]
    yield slowdown(f"subnormal/matmul/{n}", pairs)
    one = FUNCTIONS[0]
    pairs = []
    for low, high in ((-20, 20), (-103, -88)):
        given = [random.uniform(low, high, shape).astype(np.float32)]
        ours = inferences(one.ours, given, STEPS, backend("numba"))
        theirs = function_of_torch(torch, one, given, STEPS, 1)
        pairs.append(in_turns(ours, theirs, flags.seconds))
    yield slowdown(f"subnormal/{one.name}/{shape[0]}x{shape[1]}", pairs)


def slowdown(name: str, pairs: list[Pair]) -> Result:
    """Of the second to the first, ours and the peer's."""
    plain, tiny = pairs
    peer = None
    if plain.peer and tiny.peer:
        peer = tiny.peer.median / plain.peer.median
    value = tiny.ours.median / plain.ours.median
    return Result(name, value, "times longer", "lower", None, peer, tiny.ours.spread)


def main() -> None:
    """Checks and measures the parts that are wanted."""
    parser = arguments(__doc__ or "")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS, help="some parts alone")
    parser.add_argument("--threads", nargs="+", type=int, default=[1, 2])
    parser.add_argument("--seconds", type=float, default=1.0, help="for each comparison")
    parser.add_argument("--seed", type=int, help="draw the inputs of an earlier run")
    flags = parser.parse_args()
    if flags.quick:
        flags.seconds = 0.05
    if max(flags.threads) > available():
        print(f"only {available()} processors: more threads than that are left out")
        flags.threads = [one for one in flags.threads if one <= available()]
    torch, random = find_torch(), fresh_random(flags.seed)
    parts = (matmuls, int8s, functions, ulps, digest, subnormal)
    results: list[Result] = []
    for name, part in zip(PARTS, parts, strict=True):
        if name in flags.only:
            results += part(torch, random, flags)
    report(results, PACKAGES, flags.json, flags.plot)


if __name__ == "__main__":
    main()
