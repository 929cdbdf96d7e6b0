"""Products of ints and quantised layers: against NumPy's ints, and in turns with torch's floats."""

from collections.abc import Iterator
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from bench._harness import Result, Work, check, in_turns
from bench._matmul import SQUARES, Shape, normal
from bench._ours import inferences
from prover.backends import backend
from prover.backends.matmul import matmul
from prover.ops import Opcode
from prover.tracer.quantise import LEVELS, quantise, quantised_linear

Ints = NDArray[np.int32]

INT8_TARGET: Final = 1.0
"""Of our speed over that of torch's floats."""
LAYERS: Final = (Shape(128, 768, 768), Shape(128, 768, 3072), Shape(1, 768, 768))
"""Of a transformer of width 768, 128 rows of it and one."""
QUICK: Final = Shape(96, 96, 96)
STEPS: Final = 16
_SAMPLES: Final = 16


def draw(random: np.random.Generator, shape: Shape, *, small: bool) -> tuple[Ints, Ints]:
    """Ints of -127 .. 127, or of every size."""
    low, high = (-LEVELS, LEVELS + 1) if small else (-(2**31), 2**31)
    x, y = (
        random.integers(low, high, size).astype(np.int32)
        for size in ((shape.m, shape.k), (shape.k, shape.n))
    )
    return x, y


def check_ints(x: Ints, y: Ints, out: NDArray[np.uint32], what: str) -> None:
    """Some rows and columns of a product."""
    rows, columns = (np.linspace(0, size - 1, _SAMPLES, dtype=int) for size in out.shape)
    check(np.array_equal(x[rows] @ y, out[rows].view(np.int32)), f"rows of {what}")
    part = x @ y[:, columns]
    check(np.array_equal(part, out[:, columns].view(np.int32)), f"columns of {what}")


def int8s(torch: Any, random: np.random.Generator, flags: Any) -> Iterator[Result]:
    """Squares of bytes and of any ints, and quantised layers."""
    for shape in (QUICK,) if flags.quick else SQUARES:
        for threads in flags.threads:
            for name, small in (("int8", True), ("int32", False)):
                yield from _square(torch, random, flags, shape, threads, name, small=small)
    for shape in (QUICK,) if flags.quick else LAYERS:
        for packed in (False, True):
            yield from _layer(torch, random, flags, shape, packed=packed)


def _square(
    torch: Any, random: np.random.Generator, flags: Any, shape: Shape, threads: int, name: str, *,
    small: bool,
) -> Iterator[Result]:  # fmt: skip
    x, y = draw(random, shape, small=small)
    out = np.zeros((shape.m, shape.n), np.uint32)

    def ours() -> None:
        matmul(x.view(np.uint32), y.view(np.uint32), out, threads, Opcode.IDOT)

    ours()
    what = f"{name}/{shape.name}/threads={threads}"
    check_ints(x, y, out, what)
    about = (what, 2e-9 * shape.m * shape.k * shape.n)
    peers: dict[str, Work | None] = {"torch": None}
    if torch:
        torch.set_num_threads(threads)
        floats = [torch.from_numpy(one) for one in shape.draw(random)]
        into = torch.empty(out.shape)
        peers["torch"] = lambda: torch.mm(*floats, out=into)
        if small:
            given = [torch.from_numpy(one.astype(np.int8)) for one in (x, y)]
            peers["int_mm"] = lambda: torch._int_mm(*given)
    for place, (peer, theirs) in enumerate(peers.items()):
        pair = in_turns(ours, theirs, flags.seconds)
        target = INT8_TARGET if peer == "torch" else None
        yield from pair.speeds(*about, "Gop/s", peer, target)[min(place, 1) :]


def _layer(
    torch: Any, random: np.random.Generator, flags: Any, shape: Shape, *, packed: bool
) -> Iterator[Result]:
    """Whole steps of a quantised layer on one thread, against torch's layer of floats."""
    x, weight = normal(random, shape.m, shape.k), normal(random, shape.k, shape.n)
    bias, given = normal(random, shape.n), quantise(weight, packed=packed)

    def layer(x: Any, values: Any, scales: Any, bias: Any) -> Any:
        return quantised_linear(x, values, scales, bias, packed=packed)

    what = f"{'packed' if packed else 'int8'}-layer/{shape.name}"
    ours = inferences(layer, [x, *given, bias], STEPS, backend("numba"))
    ours()
    made, plain = ours.output("result"), layer(x, *given, bias)
    check(np.array_equal(made.view(np.uint32), plain.view(np.uint32)), what)
    theirs = None
    if torch:
        torch.set_num_threads(1)
        tensors = [torch.from_numpy(one) for one in (x, np.ascontiguousarray(weight.T), bias)]

        def theirs() -> None:
            for _ in range(STEPS):
                torch.nn.functional.linear(*tensors)

    pair = in_turns(ours, theirs, flags.seconds)
    amount = 2e-9 * STEPS * shape.m * shape.k * shape.n
    yield from pair.speeds(what, amount, "Gop/s", "torch")
