"""Which memory each value has: registers their own, the rest a common arena while they live."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from prover.plan.nest import Address, Buffer
from prover.plan.site import Site
from prover.plan.values import Act, Flow, Value, readers_outside

_ALIGNED: Final = 64
"""Words: buffers begin on their own cache lines."""


@dataclass(frozen=True, slots=True)
class Life:
    """A value that is written to the arena, and the first and last group that touch it."""

    value: Value
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Memory:
    """Where values are, as far as they are in memory at all."""

    buffers: dict[Value, Buffer]
    lives: tuple[Life, ...]
    arena: int
    """Words."""

    def address(self, value: Value | None, site: Site, strides: Sequence[int]) -> Address:
        """A site of a value that has memory, with the strides of a loop."""
        if value is None:
            raise KeyError("a constant has no address")
        return Address(self.buffers[value], site.offset, tuple(strides), site.turn)


def place_values(followed: Flow, groups: Sequence[Sequence[Act]]) -> Memory:
    """Give memory to every value that outlives its group; values that live at the same time never
    overlap.
    """
    group_of = {act.index: number for number, acts in enumerate(groups) for act in acts}
    buffers = {value: Buffer(value.length, register) for register, value in followed.kept.items()}
    lives = []
    for number, acts in enumerate(groups):
        indices = [act.index for act in acts]
        for value in dict.fromkeys(act.out for act in acts):
            if value in buffers or not readers_outside(value, indices):
                continue
            touched = [group_of[index] for index in (*value.made, *value.read)]
            lives.append(Life(value, number, max(touched)))
            buffers[value] = Buffer(value.length)
    top = 0
    placed: list[tuple[Life, int, int]] = []
    for life in sorted(lives, key=lambda one: (one.first, -one.value.length)):
        size = -(-life.value.length // _ALIGNED) * _ALIGNED
        at = 0
        for other, start, stop in sorted(placed, key=lambda one: one[1]):
            apart = other.last < life.first or life.last < other.first
            if not apart and start < at + size and at < stop:
                at = stop
        placed.append((life, at, at + size))
        buffers[life.value] = Buffer(life.value.length, None, at)
        top = max(top, at + size)
    return Memory(buffers, tuple(lives), top)
