"""Kernels and their launches, as values that any device can be given."""

import hashlib
from collections.abc import Collection
from dataclasses import dataclass
from enum import Enum
from typing import Final

from prover.backends.cuda.prelude import PRELUDE
from prover.plan.nest import Buffer

_NAME: Final = "KERNEL"


class Given(Enum):
    """Memory of a run that is no buffer of its plan."""

    CONTROL = "control"
    KEPT = "kept"
    """What warps keep from one phase of a run to the next."""


Argument = Buffer | Given | int
"""Each takes 8 bytes: an address, or an int64."""


@dataclass(frozen=True, slots=True)
class Kernel:
    """One `extern "C"` kernel in CUDA C, without the prelude."""

    name: str
    text: str
    shared: bool = False
    """Whether it is the same in many plans, and worth compiling on its own."""

    @property
    def source(self) -> str:
        """All that a compiler needs."""
        return PRELUDE + self.text


@dataclass(frozen=True, slots=True)
class Launch:
    """A kernel over `blocks` blocks of `threads` threads."""

    kernel: Kernel
    blocks: int
    threads: int
    arguments: tuple[Argument, ...]
    kept: int = 0
    """Words that it needs at `Given.KEPT`."""


def named(prefix: str, text: str, *, shared: bool = False) -> Kernel:
    """A kernel whose text calls itself KERNEL: equal texts give equal kernels, by any caller."""
    digest = hashlib.sha256(text.encode()).hexdigest()[:16]
    name = f"{prefix}_{digest}"
    return Kernel(name, text.replace(_NAME, name), shared)


def sources(kernels: Collection[Kernel]) -> dict[str, tuple[str, ...]]:
    """What is to be compiled, with the names of the kernels in each: those of many plans one by
    one, the rest together.
    """
    alone: dict[str, tuple[str, ...]] = {
        kernel.source: (kernel.name,) for kernel in kernels if kernel.shared
    }
    rest = [kernel for kernel in kernels if not kernel.shared]
    if not rest:
        return alone
    text = PRELUDE + "\n".join(kernel.text for kernel in rest)
    return alone | {text: tuple(kernel.name for kernel in rest)}
