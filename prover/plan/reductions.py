"""Rows that together reduce runs of words to one word each (see `prover.plan.nest.Reduce`).

The tracer lowers a reduction along the last axis to lanes, a halving tree, and a tail, and a sum of
ints to one row; here the rows of any program are searched for these forms.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from prover.ops import Opcode
from prover.plan.site import Pieces, Site
from prover.plan.values import Act, Read, Value

LANES: Final = 32
_COMBINE: Final = {Opcode.SUM: Opcode.ADD, Opcode.MAXF: Opcode.MAX}


@dataclass(frozen=True, slots=True)
class Reduction:
    """`runs` runs of `inner` words, read at the site of runs * inner elements."""

    opcode: Opcode
    combine: Opcode
    read: Read
    runs: int
    inner: int
    acts: tuple[Act, ...]
    """All of its rows; the last writes the results."""

    @property
    def last(self) -> Act:
        """The row that writes the results."""
        return self.acts[-1]


def reduction(acts: Sequence[Act], start: int) -> Reduction | None:
    """The reduction whose rows begin at a place of the flow, if there is one."""
    first = acts[start]
    opcode = first.row.opcode
    if opcode == Opcode.IDOT:
        return _ints(first)
    if opcode not in _COMBINE or first.reads[0].value is None or first.reads[0].checked:
        return None
    if first.row.fold < LANES and first.reads[0].site.fold_stride == 1:
        read = _along(first.reads[0], first.elements, first.row.fold, 1)
        if read:
            return Reduction(
                opcode, _COMBINE[opcode], read, first.elements, first.row.fold, (first,)
            )
    return _lanes(acts, start)


def _ints(act: Act) -> Reduction | None:
    """A row that sums ints which lie side by side: modulo 2^32 any order is as good."""
    read, factor = act.reads
    if factor.value is not None or factor.word != 1 or read.value is None or read.checked:
        return None
    fold = act.row.fold
    whole = _along(read, act.elements, fold, 1) if read.site.fold_stride == 1 else None
    if whole is None:
        return None
    return Reduction(Opcode.IDOT, Opcode.IADD, whole, act.elements, fold, (act,))


def _lanes(acts: Sequence[Act], start: int) -> Reduction | None:
    first = acts[start]
    runs, odd = divmod(first.elements, LANES)
    site = first.reads[0].site
    stride = site.stride(1)
    if odd or site.fold_stride != LANES * stride or not _fresh(first):
        return None
    opcode, combine = first.row.opcode, _COMBINE[first.row.opcode]
    done, width = [first], LANES
    while width > 1:
        half = width // 2
        act = acts[start + len(done)] if start + len(done) < len(acts) else None
        if act is None or not _is_half(act, combine, done[-1], runs, half):
            return None
        done.append(act)
        width = half
    whole = LANES * site.fold
    tail = acts[start + len(done) : start + len(done) + 2]
    inner = whole
    if len(tail) == 2 and _is_tail(tail, first, done[-1], opcode, combine, runs, whole):
        inner += tail[0].row.fold
        done += tail
    read = _along(first.reads[0], runs, inner, LANES)
    return Reduction(opcode, combine, read, runs, inner, tuple(done)) if read else None


def _along(read: Read, runs: int, inner: int, present: int) -> Read | None:
    """A read of runs * `present` elements as one of runs * `inner`, the run continued.

    With `present` 1 the fold is the run.
    """
    site = read.site
    stride = site.fold_stride if present == 1 else site.stride(1)
    pieces = [(1, stride)]
    volumes = sorted({present, *(volume for volume, _ in site.pieces if volume > present)})
    if any(volume % present for volume, _ in site.pieces if volume > 1):
        return None
    for volume in volumes if runs > 1 else []:
        upper = volume // present * inner
        move = site.stride(volume)
        last_volume, last = pieces[-1]
        if move != last * (upper // last_volume):
            pieces.append((upper, move))
    whole = Site(runs * inner, tuple(pieces), site.offset, site.turn)
    return Read(read.value, whole)


def _fresh(act: Act) -> bool:
    """Whether a row makes all of a value, which nobody else writes."""
    return not act.out.kept and act.out.made == [act.index] and not act.out.blank


def _reads_only(act: Act, operand: int, value: Value, site: Site) -> bool:
    """Whether an operand is a value at a site, and no other row reads it."""
    read = act.reads[operand]
    alone = {*value.read} == {act.index}
    return alone and read.value is value and not read.checked and read.site.same_place(site)


def _is_half(act: Act, combine: Opcode, before: Act, runs: int, half: int) -> bool:
    if act.row.opcode != combine or act.elements != runs * half or not _fresh(before):
        return False
    return all(
        _reads_only(act, operand, before.out, _halves(runs, half, offset))
        for operand, offset in enumerate((0, half))
    )


def _halves(runs: int, half: int, offset: int) -> Site:
    """`half` words of each run of 2 * half."""
    pieces: Pieces = ((1, 2),) if half == 1 else ((1, 1), (half, 2 * half))
    if runs == 1:
        pieces = ((1, 1),)
    return Site(runs * half, pieces, offset)


def _is_tail(
    acts: Sequence[Act], first: Act, tree: Act, opcode: Opcode, combine: Opcode, runs: int,
    whole: int,
) -> bool:  # fmt: skip
    """Whether two rows fold what is left of each run, and combine it with the tree's result."""
    tail, join = acts
    if tail.row.opcode != opcode or tail.elements != runs or not 1 <= tail.row.fold < LANES:
        return False
    lanes, read = first.reads[0], tail.reads[0]
    stride = lanes.site.stride(1)
    at, there = read.site, lanes.site
    if read.value is not lanes.value or read.checked or at.fold_stride != stride:
        return False
    if (at.offset, at.turn) != (there.offset + whole * stride, there.turn):
        return False
    volumes = [volume for volume, _ in at.pieces] + [v // LANES for v, _ in there.pieces if v > 1]
    if runs > 1 and any(at.stride(v) != there.stride(v * LANES) for v in volumes if v):
        return False
    if join.row.opcode != combine or join.elements != runs or not (_fresh(tail) and _fresh(tree)):
        return False
    dense = Site(runs, ((1, 1),))
    return _reads_only(join, 0, tree.out, dense) and _reads_only(join, 1, tail.out, dense)
