"""Rows that are matrix products."""

from dataclasses import dataclass
from itertools import pairwise

from prover.ops import FLOAT_RESULTS
from prover.plan.nest import Check, Level, Load, Matmul, Nest, Stage
from prover.plan.place import Memory
from prover.plan.site import common
from prover.plan.values import Act


@dataclass(frozen=True, slots=True)
class Product:
    """A row that is a product, or a stack of them."""

    act: Act
    sizes: tuple[int, int, int, int, int]
    x: tuple[int, int, int, int]
    y: tuple[int, int, int, int]

    @property
    def acts(self) -> list[Act]:
        """Its one row."""
        return [self.act]

    def stages(self, memory: Memory) -> list[Stage]:
        """The product, and a look at its results where they outlive the step."""
        x, y = self.act.reads
        rows = (self.act.index,)
        matmul = Matmul(
            self.sizes,
            memory.address(x.value, x.site, self.x),
            memory.address(y.value, y.site, self.y),
            memory.address(self.act.out, self.act.to, ()),
            rows,
            self.act.row.opcode,
        )
        if not self.act.out.kept or self.act.row.opcode not in FLOAT_RESULTS:
            return [matmul]
        results = memory.address(self.act.out, self.act.to, (1,))
        look = (Load(results), Check(0, self.act.index))
        return [matmul, Nest((), self.act.elements, look, (Level.FULL, Level.FULL), rows)]


def product(act: Act) -> Product | None:
    """A fold of products as one of matrices: x does not move along the last dimension, nor y along
    the one before; up to two more are stacked. None where it is something else.
    """
    x, y = act.reads
    if (
        x.value is None
        or y.value is None
        or x.checked
        or y.checked
        or act.out in {x.value, y.value}
    ):
        return None
    volumes = common([x.site, y.site])
    if volumes is None:
        return None
    dims = [  # innermost first
        (upper // volume, x.site.stride(volume), y.site.stride(volume))
        for volume, upper in pairwise(volumes)
    ]
    n = m = (1, 0, 0)
    if dims and dims[0][1] == 0:
        n = dims.pop(0)
    if dims and dims[0][2] == 0:
        m = dims.pop(0)
    if len(dims) > 2 or m[0] * n[0] == 1:
        return None
    b1, b0 = [*dims, (1, 0, 0), (1, 0, 0)][:2]
    fold = x.site
    return Product(
        act,
        (b0[0], b1[0], m[0], n[0], fold.fold),
        (b0[1], b1[1], m[1], fold.fold_stride),
        (b0[2], b1[2], y.site.fold_stride, n[2]),
    )
