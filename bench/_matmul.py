"""Products: against the definition, and in turns with torch's and NumPy's."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from bench._harness import Pair, Result, check, in_turns
from prover.backends.matmul import matmul
from prover.ops import Opcode, apply

Floats = NDArray[np.float32]

TINY: Final = np.float32(2.0**-70)
"""Of normal numbers by this, products are subnormal."""
SAMPLES: Final = 4
SQUARE_TARGET: Final = {1: 0.8, 2: 0.75}
TRAINING_TARGET: Final = 0.8
"""Of our speed over torch's, by the number of threads; of the shapes of training."""


@dataclass(frozen=True, slots=True)
class Shape:
    """A product of (m, k) by (k, n); a letter of `layout` is t where the operand is a transpose."""

    m: int
    k: int
    n: int
    layout: str = "nn"

    @property
    def name(self) -> str:
        """Squares go by one number."""
        if self.m == self.k == self.n:
            return str(self.m)
        return f"{self.m}x{self.k}x{self.n}-{self.layout}"

    def draw(self, random: np.random.Generator) -> tuple[Floats, Floats]:
        """Normal operands, as training meets them."""
        return self._laid(normal(random, self.m, self.k), normal(random, self.k, self.n))

    def draw_hard(self, random: np.random.Generator) -> tuple[Floats, Floats]:
        """Operands of which every tenth word is a subnormal."""
        return self._laid(hard(random, self.m, self.k), hard(random, self.k, self.n))

    def _laid(self, x: Floats, y: Floats) -> tuple[Floats, Floats]:
        """The same values, a transpose's in column order."""
        x, y = (np.asarray(a, order="F" if o == "t" else "C")
                for a, o in zip((x, y), self.layout, strict=True))  # fmt: skip
        return x, y


SQUARES: Final = tuple(Shape(n, n, n) for n in (512, 1024, 2048))
TRAINING: Final = (
    Shape(128, 784, 512), Shape(128, 512, 512), Shape(128, 512, 10),  # forward
    Shape(784, 128, 512, "tn"), Shape(512, 128, 512, "tn"), Shape(512, 128, 10, "tn"),  # of weights
    Shape(128, 512, 512, "nt"), Shape(128, 10, 512, "nt"),  # of activations
)  # fmt: skip
"""Of the MLP 784-512-512-10 at batch 128: the products of a training step."""
QUICK: Final = (Shape(96, 96, 96), Shape(40, 12, 70, "tn"))


def normal(random: np.random.Generator, *shape: int) -> Floats:
    """Normal numbers."""
    return random.standard_normal(shape, np.float32)


def hard(random: np.random.Generator, *shape: int) -> Floats:
    """Normal numbers, every tenth a subnormal."""
    drawn = random.integers(0, 1 << 32, shape, np.uint32) & np.uint32(0x807FFFFF)
    return np.where(random.random(shape) < 0.1, drawn.view(np.float32), normal(random, *shape))


def words(array: Floats) -> NDArray[np.uint32]:
    """The same memory as words."""
    return array.T.view(np.uint32).T if array.flags.f_contiguous else array.view(np.uint32)


def check_matmul(random: np.random.Generator, shape: Shape, threads: int) -> None:
    """Sampled elements against the definition."""
    for scale in (np.float32(1), TINY):
        x, y = (a * scale for a in shape.draw_hard(random))
        out = np.zeros((shape.m, shape.n), np.uint32)
        matmul(words(x), words(y), out, threads)
        for i, j in random.integers(0, (shape.m, shape.n), (SAMPLES, 2)):
            acc = 0
            for one, other in zip(words(x)[i].tolist(), words(y)[:, j].tolist(), strict=True):
                acc = apply(Opcode.DOT, acc, one, other, 0)
            what = f"element {i}, {j} of matmul {shape.name} on {threads} threads"
            check(int(out[i, j]) == acc, what)


def against_torch(torch: Any, x: Floats, y: Floats, threads: int, budget: float) -> Pair:
    """Our product and torch's, of the same arrays."""
    out = np.zeros((x.shape[0], y.shape[1]), np.uint32)
    given, theirs = (words(x), words(y)), None
    if torch:
        torch.set_num_threads(threads)
        tensors, into = (torch.from_numpy(x), torch.from_numpy(y)), torch.empty(out.shape)

        def theirs() -> object:
            return torch.mm(*tensors, out=into)

    return in_turns(lambda: matmul(*given, out, threads), theirs, budget)


def against_numpy(x: Floats, y: Floats, threads: int, budget: float) -> Pair:
    """Our product and NumPy's: OpenBLAS knows processors of which MKL makes less."""
    out = np.zeros((x.shape[0], y.shape[1]), np.uint32)
    given, into = (words(x), words(y)), np.empty(out.shape, np.float32)
    with threadpool_limits(threads, "blas"):
        return in_turns(
            lambda: matmul(*given, out, threads), lambda: np.matmul(x, y, out=into), budget
        )


def matmuls(torch: Any, random: np.random.Generator, flags: Any) -> Iterator[Result]:
    """Squares, and the products of a training step."""
    for shape in QUICK if flags.quick else SQUARES + TRAINING:
        square = shape.m == shape.k == shape.n
        for threads in flags.threads:
            check_matmul(random, shape, threads)
            x, y = shape.draw(random)
            of = (f"matmul/{shape.name}/threads={threads}", 2e-9 * shape.m * shape.k * shape.n)
            target = SQUARE_TARGET.get(threads) if square else TRAINING_TARGET
            pair = against_torch(torch, x, y, threads, flags.seconds)
            yield from pair.speeds(*of, "Gflop/s", "torch", target)
            if square:
                pair = against_numpy(x, y, threads, flags.seconds / 2)
                yield pair.speeds(*of, "Gflop/s", "numpy")[1]
