"""From a plan to kernels and launches: a stage is a kernel, a product of ints a few."""

from dataclasses import dataclass
from typing import Final

from prover.backends.cuda import nests, products
from prover.backends.cuda.kernels import Given, Kernel, Launch
from prover.backends.cuda.prelude import CLEAR, FINISH
from prover.plan import Plan
from prover.plan.nest import Clear, Matmul, Stage

_THREADS: Final = 256
_BLOCKS: Final = 1024
_CLEAR: Final = Kernel("clear", CLEAR, shared=True)
_FINISH: Final = Kernel("finish", FINISH, shared=True)


@dataclass(frozen=True, slots=True)
class Source:
    """What a training step is on a device."""

    launches: tuple[Launch, ...]
    """In order; each sees all that those before it wrote."""

    @property
    def kernels(self) -> tuple[Kernel, ...]:
        """Each once."""
        return tuple(dict.fromkeys(launch.kernel for launch in self.launches))

    @property
    def kept(self) -> int:
        """Words of memory that warps keep words in."""
        return max(launch.kept for launch in self.launches)


def source(plan: Plan) -> Source:
    """The kernels of a plan's stages and their launches."""
    made = [launch for number, one in enumerate(plan.stages) for launch in _stage(one, number)]
    return Source((*made, Launch(_FINISH, 1, 1, (Given.CONTROL,))))


def _stage(stage: Stage, number: int) -> list[Launch]:
    if isinstance(stage, Matmul):
        return products.launches(stage, number)
    if isinstance(stage, Clear):
        length = stage.buffer.length
        blocks = max(1, min(-(-length // _THREADS), _BLOCKS))
        return [Launch(_CLEAR, blocks, _THREADS, (Given.CONTROL, stage.buffer, length))]
    return [nests.launch(stage)]
