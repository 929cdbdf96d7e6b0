"""Boxes in layers, so that every edge leads down: where boxes go, and by which way edges.

1. A box's layer is one below its last predecessor's; what feeds more than it reads sinks to its
   users. Of a layer that grows too wide, boxes that feed nothing move on to the next.
2. An edge across layers passes a *bend* in each between; edges from one box share their bends.
3. Boxes and bends are ordered in their layers by the mean of their neighbours' places, sweep by
   sweep, as long as that leaves fewer crossings.
4. In the order found, each goes as near to the mean of its neighbours as those beside it allow.
"""

from bisect import bisect_left, insort
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import groupby, pairwise
from typing import Final

from prover.errors import ProverError

Edge = tuple[int, int]
Point = tuple[float, float]

_GAP: Final = 18.0
_BEND_GAP: Final = 12.0
_BETWEEN: Final = 44.0
_WIDE: Final = 2_400.0
"""Pixels of a layer's boxes beyond which those that can do so move on."""
_ROUNDS: Final = 10
_STRAIGHT: Final = 8.0
"""How much more a bend wants to be where its chain is than a box to be near its neighbours."""
MOST_BENDS: Final = 100_000
"""Beyond, nobody can follow the edges, and placing them takes minutes."""


@dataclass(frozen=True, slots=True)
class Placement:
    """The top left corners of the boxes, each edge's way (from a bottom to a top), and the size of
    the whole, all in pixels.

    A way is vertical inside of layers: points come in pairs, where it enters and leaves one.
    """

    corners: tuple[Point, ...]
    ways: tuple[tuple[Point, ...], ...]
    width: float
    height: float


@dataclass(slots=True)
class _Net:
    """Boxes, then bends; links lead from one layer to the next."""

    layer: list[int]
    widths: list[float]
    boxes: int
    above: list[list[int]] = field(default_factory=list)
    below: list[list[int]] = field(default_factory=list)

    def bend(self, layer: int) -> int:
        self.layer.append(layer)
        self.widths.append(0.0)
        self.above.append([])
        self.below.append([])
        return len(self.layer) - 1

    def link(self, upper: int, lower: int) -> None:
        if lower not in self.below[upper]:
            self.below[upper].append(lower)
            self.above[lower].append(upper)


def layers_of(count: int, edges: Sequence[Edge]) -> list[int]:
    """Each box's layer from 0; an edge leads from a lower number to a higher one."""
    before: list[list[int]] = [[] for _ in range(count)]
    after: list[list[int]] = [[] for _ in range(count)]
    for source, target in edges:
        after[source].append(target)
        before[target].append(source)
    layer = [0] * count
    for box in range(count):
        layer[box] = max((layer[one] + 1 for one in before[box]), default=0)
    for box in reversed(range(count)):
        if len(after[box]) > len(before[box]):
            layer[box] = min(layer[one] for one in after[box]) - 1
    return layer


def place(sizes: Sequence[tuple[float, float]], edges: Sequence[Edge]) -> Placement:
    """Where boxes of these sizes go; an edge leads from a lower number to a higher one.

    Raises:
        ProverError: when edges have more than `MOST_BENDS` bends.
    """
    if not sizes:
        return Placement((), (), 0.0, 0.0)
    layer = _narrowed(layers_of(len(sizes), edges), [width for width, _ in sizes], edges)
    count = max(layer) + 1
    net = _Net(layer, [width for width, _ in sizes], len(sizes))
    net.above, net.below = [[] for _ in sizes], [[] for _ in sizes]
    chains = _chains(net, edges)
    order = _ordered(net, count)
    centres = _centred(net, order)
    left = min(x - width / 2 for x, width in zip(centres, net.widths, strict=True))
    centres = [x - left for x in centres]
    heights = [0.0] * count
    for box, (_, height) in enumerate(sizes):
        heights[layer[box]] = max(heights[layer[box]], height)
    tops = [sum(heights[:number]) + _BETWEEN * number for number in range(count)]
    corners = tuple(
        (centres[box] - width / 2, tops[layer[box]]) for box, (width, _) in enumerate(sizes)
    )
    ways = []
    for (source, target), chain in zip(edges, chains, strict=True):
        way = [(centres[source], corners[source][1] + sizes[source][1])]
        way.append((centres[source], tops[layer[source]] + heights[layer[source]]))
        for bend in chain:
            top = tops[net.layer[bend]]
            way += [(centres[bend], top), (centres[bend], top + heights[net.layer[bend]])]
        ways.append((*way, (centres[target], corners[target][1])))
    width = max(x + width / 2 for x, width in zip(centres, net.widths, strict=True))
    return Placement(corners, tuple(ways), width, tops[-1] + heights[-1])


def _narrowed(layer: list[int], widths: Sequence[float], edges: Sequence[Edge]) -> list[int]:
    feeding = {source for source, _ in edges}
    rows: list[list[int]] = [[] for _ in range(max(layer) + 1)]
    for box, number in enumerate(layer):
        rows[number].append(box)
    narrowed = list(layer)
    for number, row in enumerate(rows):  # rows are added on the way
        wide = sum(widths[box] for box in row)
        for box in reversed(row[1:]):
            if wide > _WIDE and box not in feeding:
                if number + 1 == len(rows):
                    rows.append([])
                rows[number + 1].append(box)
                wide -= widths[box]
                narrowed[box] = number + 1
    return narrowed


def _chains(net: _Net, edges: Sequence[Edge]) -> list[list[int]]:
    """The bends of each edge."""
    shared: dict[int, list[int]] = {}
    chains = []
    for source, target in edges:
        chain = shared.setdefault(source, [])
        between = net.layer[target] - net.layer[source] - 1
        if len(net.layer) - net.boxes + between - len(chain) > MOST_BENDS:
            raise ProverError(f"lines with more than {MOST_BENDS:,} bends are no picture")
        while len(chain) < between:
            bend = net.bend(net.layer[source] + 1 + len(chain))
            net.link(chain[-1] if chain else source, bend)
            chain.append(bend)
        mine = chain[:between]
        net.link(mine[-1] if mine else source, target)
        chains.append(mine)
    return chains


def _ordered(net: _Net, count: int) -> list[list[int]]:
    order: list[list[int]] = [[] for _ in range(count)]
    for one in range(len(net.layer)):
        order[net.layer[one]].append(one)
    best, fewest = order, _crossings(net, order)
    for number in range(2 * _ROUNDS):
        down = number % 2 == 0
        order = _swept(net, order, down=down)
        crossings = _crossings(net, order)
        if crossings <= fewest:
            best, fewest = order, crossings
        if not fewest:
            break
    return best


def _swept(net: _Net, order: list[list[int]], *, down: bool) -> list[list[int]]:
    towards = net.above if down else net.below
    swept = [list(one) for one in order]
    at: dict[int, int] = {one: place for row in swept for place, one in enumerate(row)}
    for number in range(len(swept)) if down else reversed(range(len(swept))):
        row = swept[number]
        wanted = {
            one: sum(at[other] for other in towards[one]) / len(towards[one])
            if towards[one]
            else at[one]
            for one in row
        }
        row.sort(key=wanted.__getitem__)
        row[:] = [one for _, tied in groupby(row, wanted.__getitem__) for one in _amid(net, tied)]
        at.update({one: place for place, one in enumerate(row)})
    return swept


def _amid(net: _Net, tied: Iterable[int]) -> list[int]:
    """Bends between the boxes that want the same place: what lies below them is not drawn aside."""
    boxes: list[int] = []
    bends: list[int] = []
    for one in tied:
        (boxes if one < net.boxes else bends).append(one)
    half = len(boxes) // 2
    return boxes[:half] + bends + boxes[half:]


def _crossings(net: _Net, order: list[list[int]]) -> int:
    at = {one: place for row in order for place, one in enumerate(row)}
    crossed = 0
    for row in order:
        seen: list[int] = []
        for one in row:
            ends = sorted(at[other] for other in net.below[one])
            crossed += sum(len(seen) - bisect_left(seen, end + 1) for end in ends)
            for end in ends:
                insort(seen, end)
    return crossed


def _centred(net: _Net, order: list[list[int]]) -> list[float]:
    centres = [0.0] * len(net.layer)
    for row in order:
        for one, x in zip(row, _packed(net, row, [0.0] * len(row), [1.0] * len(row)), strict=True):
            centres[one] = x
    for number in range(2 * _ROUNDS + 2):
        down = number % 2 == 0
        towards = net.above if down else net.below
        for row in order if down else reversed(order):
            wanted, weights = [], []
            for one in row:
                near = towards[one]
                mean = sum(centres[other] for other in near) / len(near) if near else centres[one]
                wanted.append(mean)
                straight = one >= net.boxes and len(near) == 1
                weights.append(_STRAIGHT if straight else 1.0 if near else 0.1)
            for one, x in zip(row, _packed(net, row, wanted, weights), strict=True):
                centres[one] = x
    return centres


def _packed(
    net: _Net, row: Sequence[int], wanted: Sequence[float], weights: Sequence[float]
) -> list[float]:
    """The centres nearest to those wanted (in weighted squares) that keep order and distances.

    Less the distances, that is isotonic regression: neighbours that would overlap are merged
    into one run at their mean until none do.
    """
    offsets = [0.0]
    for left, right in pairwise(row):
        gap = _BEND_GAP if max(left, right) >= net.boxes else _GAP
        offsets.append(offsets[-1] + (net.widths[left] + net.widths[right]) / 2 + gap)
    runs: list[tuple[float, float, int]] = []
    for want, weight, offset in zip(wanted, weights, offsets, strict=True):
        mean, heavy, many = want - offset, weight, 1
        while runs and runs[-1][0] > mean:
            other, much, more = runs.pop()
            mean = (mean * heavy + other * much) / (heavy + much)
            heavy, many = heavy + much, many + more
        runs.append((mean, heavy, many))
    flat = [mean for mean, _, many in runs for _ in range(many)]
    return [mean + offset for mean, offset in zip(flat, offsets, strict=True)]
