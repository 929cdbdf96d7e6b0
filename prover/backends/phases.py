"""The phases in which a run of a nest is walked (see `prover.backends.nests`)."""

from dataclasses import dataclass

from prover.backends.vectors import LANES
from prover.plan.nest import Level, Load, Nest, Reduce, Store, operands


@dataclass(frozen=True, slots=True)
class Phases:
    """Which phase computes what, and which results outlast theirs."""

    of: tuple[int, ...]
    """FULL: the phase whose loop computes it. RUN: the phase before whose loop it is there."""
    count: int
    carried: tuple[int, ...]

    @property
    def buffers(self) -> int:
        """Runs that a thread keeps."""
        return len(self.carried)


def phases(nest: Nest) -> Phases:
    """The phases of a nest."""
    of: list[int] = []
    stored = {one.address.buffer for one in nest.body if isinstance(one, Store)}
    carried: dict[int, None] = {}
    for place, instruction in enumerate(nest.body):
        used = operands(instruction)
        phase = max((of[one] for one in used), default=0)
        if isinstance(instruction, Reduce):
            reads, phase = phase, phase + 1
        else:
            reads = phase
        of.append(phase)
        loops = nest.levels[place] == Level.FULL or isinstance(instruction, Reduce)
        for one in used:
            source = nest.body[one]
            again = isinstance(source, Load) and source.address.buffer not in stored
            if loops and nest.levels[one] == Level.FULL and of[one] < reads and not again:
                carried[one] = None
    return Phases(tuple(of), max(of, default=0) + 1, tuple(carried))


def kept_bytes(nest: Nest) -> int:
    """Bytes that a thread needs for the results it carries from phase to phase."""
    padded = -(-nest.inner // LANES) * LANES
    return 4 * padded * phases(nest).buffers
