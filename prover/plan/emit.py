"""From a group of rows to the instructions of a nest."""

from collections.abc import Sequence
from itertools import pairwise

from prover.ops import FLOAT_RESULTS, OPS, Opcode
from prover.plan.nest import (
    Check,
    Constant,
    Fold,
    Gather,
    Instruction,
    Level,
    Load,
    Map,
    Nest,
    Reduce,
    Store,
)
from prover.plan.place import Memory
from prover.plan.reductions import Reduction
from prover.plan.site import Site
from prover.plan.values import Act, Read, Value, readers_outside


def emit(
    members: Sequence[tuple[Act | Reduction, Level]],
    volumes: Sequence[int],
    inner: int | None,
    memory: Memory,
) -> Nest:
    """The nest of a group of rows; `volumes` are where its addresses change their strides."""
    if inner is None:
        inner = volumes[1] if len(volumes) > 1 else 1
    return _Emitter(members, volumes, inner, memory).nest()


class _Emitter:
    def __init__(
        self,
        members: Sequence[tuple[Act | Reduction, Level]],
        volumes: Sequence[int],
        inner: int,
        memory: Memory,
    ) -> None:
        self._members = members
        self._memory = memory
        self._inner = inner
        self._outer = [volume for volume in volumes if volume >= inner]  # ascending, in elements
        self._body: list[Instruction] = []
        self._levels: list[Level] = []
        self._known: dict[Instruction, int] = {}
        self._made: dict[Value, int] = {}
        self._rows = [
            act.index
            for member, _ in members
            for act in (member.acts if isinstance(member, Reduction) else (member,))
        ]

    def nest(self) -> Nest:
        for member, level in self._members:
            if isinstance(member, Reduction):
                operand = self._read(member.read, Level.FULL)
                made = self._add(Reduce(member.opcode, member.combine, operand), level)
                self._write(member.last, made, level)
            else:
                self._write(member, self._act(member, level), level)
        dims = [upper // volume for volume, upper in pairwise(self._outer)]
        return Nest(
            tuple(reversed(dims)),
            self._inner,
            tuple(self._body),
            tuple(self._levels),
            tuple(self._rows),
        )

    def _act(self, act: Act, level: Level) -> int:
        opcode = act.row.opcode
        if OPS[opcode].is_fold:
            loads = tuple(
                self._load(read, level) if read.value else Constant(read.word) for read in act.reads
            )
            strides = tuple(read.site.fold_stride for read in act.reads)
            return self._add(Fold(opcode, loads, strides, act.row.fold), level)
        if opcode == Opcode.GATHER:
            x, y, z = act.reads
            shift = self._read(x, level), self._read(y, level)
            if z.value is None:
                return self._constant(z.word)
            return self._add(Gather(*shift, self._load(z, level).address), level)
        operands = tuple(self._read(read, level) for read in act.reads)
        return self._add(Map(opcode, operands), level)

    def _read(self, read: Read, level: Level) -> int:
        if read.value is None:
            return self._constant(read.word)
        if read.value in self._made:
            return self._made[read.value]
        # What does not move along a run is read once a run.
        if level == Level.FULL and self._inner > 1 and read.site.stride(1) == 0:
            return self._add(self._load(read, Level.RUN, elements=True), Level.RUN)
        return self._add(self._load(read, level), level)

    def _load(self, read: Read, level: Level, *, elements: bool = False) -> Load:
        scale = 1 if level == Level.FULL or elements else self._inner
        strides = self._strides(read.site, scale)
        if level == Level.FULL:
            strides.append(read.site.stride(1) if self._inner > 1 else 0)
        return Load(self._memory.address(read.value, read.site, strides), read.checked)

    def _strides(self, site: Site, scale: int) -> list[int]:
        """Along the outer dimensions, of a site whose elements are `scale` of the nest's."""
        return [site.stride(volume // scale) for volume in reversed(self._outer[:-1])]

    def _write(self, act: Act, made: int, level: Level) -> None:
        value = act.out
        self._made[value] = made
        if value.kept and act.row.opcode in FLOAT_RESULTS:
            self._append(Check(made, act.index), level)
        if value.kept or readers_outside(value, self._rows):
            scale = 1 if level == Level.FULL else self._inner
            strides = self._strides(act.to, scale)
            if level == Level.FULL:
                strides.append(1)
            address = self._memory.address(value, act.to, strides)
            self._append(Store(made, address), level)

    def _constant(self, word: int) -> int:
        return self._add(Constant(word), Level.RUN)

    def _add(self, instruction: Instruction, level: Level) -> int:
        """The place of an instruction's result; an equal one's where there is one."""
        if isinstance(instruction, Map) and all(
            self._levels[place] == Level.RUN for place in instruction.operands
        ):
            level = Level.RUN
        known = self._known.get(instruction)
        if known is None:
            known = self._known[instruction] = self._append(instruction, level)
        return known

    def _append(self, instruction: Instruction, level: Level) -> int:
        self._body.append(instruction)
        self._levels.append(level)
        return len(self._body) - 1
