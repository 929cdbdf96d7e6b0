"""From rows to stages: rows that follow each other join one loop nest while nothing forbids it.

A row joins the nest of the rows before it when

* it has as many elements, or as many as the nest has runs (after a reduction);
* what it reads of the nest's own results lies at the very element (or run) that it computes;
* it writes no register that the nest reads elsewhere;
* the dimensions of all its addresses and of the nest's divide each other.

Results that only their own nest reads are never written to memory.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from prover.ops import OPS, Opcode
from prover.plan.emit import emit
from prover.plan.matmuls import Product, product
from prover.plan.nest import Clear, Level, Plan, Stage
from prover.plan.place import Memory, place_values
from prover.plan.reductions import Reduction, reduction
from prover.plan.site import Site, common
from prover.plan.values import Act, Flow, Read, Value, flow
from prover.program import Program

_LONGEST: Final = 256
"""Rows of a nest: beyond, compiling takes long and registers spill anyway."""
_PRODUCTS: Final = {Opcode.DOT, Opcode.IDOT}


@dataclass(slots=True)
class Group:
    """Rows that will be one nest."""

    elements: int = 0
    inner: int | None = None
    members: list[tuple[Act | Reduction, Level]] = field(default_factory=list)
    made: dict[Value, tuple[Site, Level]] = field(default_factory=dict)
    """Where the group's own results lie."""
    seen: dict[Value, list[tuple[Site, Level]]] = field(default_factory=dict)
    """Where it reads what was there before."""
    anywhere: set[Value] = field(default_factory=set)
    """Of those, what is looked up: an element may read the place of any other."""
    volumes: list[int] = field(default_factory=lambda: [1])

    @property
    def acts(self) -> list[Act]:
        """Its rows, in order."""
        found: list[Act] = []
        for member, _ in self.members:
            found += member.acts if isinstance(member, Reduction) else [member]
        return found

    def join(self, member: Act | Reduction) -> bool:
        """Take a row or a reduction in, if it may join."""
        if len(self.members) >= _LONGEST:
            return False
        if isinstance(member, Reduction):
            return self._reduce(member)
        inner = self.inner
        is_fold = OPS[member.row.opcode].is_fold
        if is_fold and any(read.value in self.made for read in member.reads):
            return False
        if not self.members:
            elements, level = member.elements, Level.FULL
        elif member.elements == self.elements:
            elements, level = self.elements, Level.FULL
        elif inner and member.elements * inner == self.elements and not is_fold:
            elements, level = self.elements, Level.RUN
        else:
            return False
        return self._take(member, member.reads, level, level, elements, inner)

    def _reduce(self, member: Reduction) -> bool:
        elements = member.runs * member.inner
        if self.members and (elements != self.elements or self.inner not in {None, member.inner}):
            return False
        return self._take(member, (member.read,), Level.FULL, Level.RUN, elements, member.inner)

    def _take(
        self,
        member: Act | Reduction,
        reads: Sequence[Read],
        reading: Level,
        writing: Level,
        elements: int,
        inner: int | None,
    ) -> bool:
        act = member.last if isinstance(member, Reduction) else member
        present = [read for read in reads if read.value]
        if not all(self._may_read(act, read, reading, inner) for read in present):
            return False
        if not self._may_write(act.out, act.to, writing):
            return False
        sites = [(read.site, reading) for read in present] + [(act.to, writing)]
        volumes = self._volumes(sites, inner)
        if volumes is None:
            return False
        self.volumes, self.elements, self.inner = volumes, elements, inner
        for read in present:
            if read.value and read.value not in self.made:
                self.seen.setdefault(read.value, []).append((read.site, reading))
            if read.value and read.checked:
                self.anywhere.add(read.value)
        self.made[act.out] = (act.to, writing)
        self.members.append((member, writing))
        return True

    def _may_read(self, act: Act, read: Read, level: Level, inner: int | None) -> bool:
        made = self.made.get(read.value) if read.value else None
        if made is None:
            return True
        site, of = made
        if read.checked or read.site.fold > 1:
            return False
        if of == level:
            return read.site.same_place(site)
        if of == Level.FULL or not inner:
            return False
        alike = (read.site.offset, read.site.turn) == (site.offset, site.turn)
        return alike and read.site.spread_over(inner)

    def _may_write(self, value: Value, to: Site, level: Level) -> bool:
        if value in self.anywhere or (value in self.made and self.made[value] != (to, level)):
            return False
        return all(
            of == level and site.fold == 1 and site.same_place(to)
            for site, of in self.seen.get(value, [])
        )

    def _volumes(self, sites: Sequence[tuple[Site, Level]], inner: int | None) -> list[int] | None:
        """The group's volumes with those of more sites, in elements; None when they don't nest, or
        cut a run.
        """
        volumes = {*self.volumes}
        for site, level in sites:
            scale = inner if level == Level.RUN and inner else 1
            volumes |= {volume * scale for volume, _ in site.pieces} | {site.count * scale}
        found = common([], [*volumes, inner or 1])
        if found is None or (inner and any(1 < volume < inner for volume in found)):
            return None
        return found


def plan(program: Program, *, fuse: bool = True) -> Plan:
    """The stages of a program's training step; without `fuse` each row is a stage of its own.

    Raises:
        NoPlan: when the program must run row by row.
    """
    followed = flow(program)
    groups = _groups(followed, fuse=fuse)
    memory = place_values(followed, [group.acts for group in groups])
    stages: list[Stage] = []
    for group in groups:
        stages += [
            Clear(memory.buffers[act.out], (act.index,))
            for act in group.acts
            if act.out.blank and act.out.made[0] == act.index and act.out in memory.buffers
        ]
        stages += _stages(group, memory)
    kept = tuple(memory.buffers[value] for value in followed.kept.values())
    written = frozenset(value.register for value in followed.kept.values() if value.made)
    return Plan(tuple(stages), kept, written, memory.arena)


def _stages(group: Group | Product, memory: Memory) -> list[Stage]:
    if isinstance(group, Product):
        return group.stages(memory)
    return [emit(group.members, group.volumes, group.inner, memory)]


def _groups(followed: Flow, *, fuse: bool) -> list[Group | Product]:
    acts = followed.acts
    done: list[Group | Product] = []
    place = 0
    while place < len(acts):
        act = acts[place]
        found = product(act) if act.row.opcode in _PRODUCTS else None
        if found:
            done.append(found)
            place += 1
            continue
        reduced = reduction(acts, place) if fuse else None
        for member in (reduced, act):
            if member and fuse and done and isinstance(done[-1], Group) and done[-1].join(member):
                break
        else:
            group = Group()
            member = next(m for m in (reduced, act) if m and group.join(m))
            done.append(group)
        place += len(member.acts) if isinstance(member, Reduction) else 1
    return done
