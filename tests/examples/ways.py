"""Ways to run a claim, all with the same bits: the digest of each."""

from collections.abc import Callable
from typing import Final

from prover.backends import Backend, backend, steps
from prover.backends.numba import NumbaBackend
from prover.backends.reference import ReferenceBackend
from prover.commit.keccak import Hash
from prover.execute import run
from tests.examples.cases import Setting


class Rows(ReferenceBackend):
    """The compiled loops, row by row."""

    def __init__(self) -> None:
        rows = backend("numba")
        self.elements = rows.elements  # type: ignore[method-assign]
        self.chain = rows.chain  # type: ignore[method-assign]


def planned(threads: int = 1, *, fuse: bool = True) -> Backend:
    """Whole steps by a plan, however small."""
    made = NumbaBackend(threads)
    made._steps = steps.Steps(threads, worth=1, fuse=fuse)
    return made


WAYS: Final[dict[str, Callable[[], Backend]]] = {
    "reference": lambda: backend("reference"),
    "rows": Rows,
    "plan": planned,
    "plan, not fused": lambda: planned(fuse=False),
    "plan, two threads": lambda: planned(2),
}


def digest(setting: Setting, used: Backend) -> tuple[Hash, Hash]:
    """The roots of params and outputs after the claim."""
    params, inputs = setting.words
    made = run(setting.program, setting.first_step, setting.steps, params, inputs, used)
    return made.params_root, made.outputs_root
