"""The graph of a training step as a picture: SVG in plain shapes, read by any browser.

A box is a stage (or a row), coloured by its kind, with its name, its size and the registers that it
finds or leaves. Lines lead down, from what writes memory to what reads it. Resting on a box or
a line tells all that is known of it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape as escaped
from typing import Final

from prover.errors import ProverError
from prover.plan.graph import Edge, Graph, Node, Port
from prover.plan.layered import Placement, Point, place
from prover.row import Segment

_CHARACTER: Final = 6.7
"""Pixels a character of 11 px in a monospaced face."""
_LINE: Final = 15.0
_PAD: Final = 9.0
_MARGIN: Final = 24.0
_TITLE: Final = 44
_CHIP: Final = 18
_ACROSS: Final = 4
"""Chips in a line."""
_NAMED: Final = 40
"""Rows that a box's text names."""

MOST: Final = 3_000
"""Boxes that a picture may have: beyond, nobody reads it, and placing them takes minutes."""
COLOURS: Final = {
    "matmul": ("#dbe7fb", "#3566b0"),
    "reduction": ("#e9def8", "#7446a8"),
    "gather": ("#fbe9d0", "#a8681a"),
    "map": ("#e2f2e4", "#3a7d46"),
    "clear": ("#eceef0", "#7a828c"),
}
"""Of each kind of box: inside and edge."""
_CHIPS: Final = {
    Segment.PARAMS: "#3566b0",
    Segment.INPUTS: "#5d6670",
    Segment.OUTPUTS: "#b03a3a",
}

_STYLE: Final = """
text { font: 11px ui-monospace, Menlo, Consolas, "DejaVu Sans Mono", monospace; fill: #1c2126; }
.head { font-weight: bold; }
.dim { fill: #59626c; }
.chip { fill: #ffffff; }
.line { fill: none; stroke: #8b95a1; stroke-width: 1.3; }
.line:hover { stroke: #d0342c; stroke-width: 3; }
.box:hover rect.body { stroke-width: 3; }
"""


_TIP: Final = (
    '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" '
    'orient="auto"><path d="M0,0 L8,4 L0,8 z" fill="#8b95a1"/></marker></defs>'
)
"""An edge's end."""


@dataclass(frozen=True, slots=True)
class _Line:
    """One line of chips in a box: `reads` or `writes`, then registers."""

    said: str
    ports: tuple[Port, ...]

    @property
    def width(self) -> float:
        words = _CHARACTER * len(self.said)
        return words + sum(_CHARACTER * len(_cut(one.name, _CHIP)) + 14 for one in self.ports)


def draw(graph: Graph, heading: str) -> str:
    """The picture, as the text of an SVG file.

    Raises:
        ProverError: when the graph has more than `MOST` nodes.
    """
    if len(graph.nodes) > MOST:
        raise ProverError(
            f"{len(graph.nodes):,} {graph.unit}s are too many for a picture; {MOST:,} can be drawn"
        )
    lines = [_lines(node) for node in graph.nodes]
    sizes = [_size(node, chips) for node, chips in zip(graph.nodes, lines, strict=True)]
    placed = place(sizes, [(edge.source, edge.target) for edge in graph.edges])
    top = _MARGIN + 3 * _LINE
    width = max(placed.width, _CHARACTER * len(heading), 460.0) + 2 * _MARGIN
    height = placed.height + top + _MARGIN
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" {_sized(width, height)}>',
        f"<title>{_plain(heading)}</title>",
        f"<style>{_STYLE}</style>",
        _TIP,
        f'<rect width="{width:.0f}" height="{height:.0f}" fill="#ffffff"/>',
        _text(_MARGIN, _MARGIN, heading, "head"),
        *_legend(graph),
        f'<g transform="translate({_MARGIN + _spare(width, placed):.1f},{top:.1f})">',
        *_edges(graph, placed),
    ]
    for node, chips, corner, size in zip(graph.nodes, lines, placed.corners, sizes, strict=True):
        parts += _box(graph, node, chips, corner, size)
    return "\n".join([*parts, "</g>", "</svg>", ""])


def _sized(width: float, height: float) -> str:
    return f'width="{width:.0f}" height="{height:.0f}" viewBox="0 0 {width:.0f} {height:.0f}"'


def _spare(width: float, placed: Placement) -> float:
    return (width - 2 * _MARGIN - placed.width) / 2


def _lines(node: Node) -> list[_Line]:
    return [
        _Line(said if not start else " " * len(said), ports[start:][:_ACROSS])
        for said, ports in (("reads ", node.reads), ("writes ", node.writes))
        for start in range(0, len(ports), _ACROSS)
    ]


def _size(node: Node, chips: Sequence[_Line]) -> tuple[float, float]:
    texts = (_label(node), node.detail)
    wide = max(*(_CHARACTER * len(text) for text in texts), *(line.width for line in chips), 0.0)
    return wide + 2 * _PAD, _LINE * 2 + (_LINE + 4) * len(chips) + _PAD


def _label(node: Node) -> str:
    return f"{node.number} {_cut(node.title, _TITLE)}"


def _cut(text: str, most: int) -> str:
    """The text, its middle left out where it is longer."""
    if len(text) <= most:
        return text
    head = (most - 1) // 2
    return f"{text[:head]}…{text[len(text) - (most - 1 - head) :]}"


def _box(
    graph: Graph, node: Node, chips: Sequence[_Line], corner: Point, size: tuple[float, float]
) -> Iterator[str]:
    (x, y), (width, height) = corner, size
    inside, edge = COLOURS[node.kind]
    yield f'<g class="box"><title>{_plain(_told(graph, node))}</title>'
    yield (
        f'<rect class="body" x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" '
        f'rx="5" fill="{inside}" stroke="{edge}"/>'
    )
    yield _text(x + _PAD, y + _LINE, _label(node), "head")
    yield _text(x + _PAD, y + 2 * _LINE, node.detail, "dim")
    for number, line in enumerate(chips):
        yield from _chips(line, x + _PAD, y + 2 * _LINE + (_LINE + 4) * number + 5)
    yield "</g>"


def _chips(line: _Line, x: float, y: float) -> Iterator[str]:
    yield _text(x, y + 11.5, line.said, "dim")
    x += _CHARACTER * len(line.said)
    for port in line.ports:
        name = _cut(port.name, _CHIP)
        width = _CHARACTER * len(name) + 10
        yield (
            f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{_LINE:.1f}" rx="7" '
            f'fill="{_CHIPS[port.segment]}"/>'
        )
        yield _text(x + 5, y + 11.5, name, "chip")
        x += width + 4


def _told(graph: Graph, node: Node) -> str:
    """All that is known of a box."""
    told = [f"{graph.unit} {node.number}: {node.kind}, {node.detail}"]
    for said, ports in (("reads", node.reads), ("writes", node.writes)):
        told += [
            f"{said} {one.segment.name.lower()} {one.name}, {one.words:,} words" for one in ports
        ]
    told += node.rows[:_NAMED]
    if len(node.rows) > _NAMED:
        told.append(f"and {len(node.rows) - _NAMED} rows more")
    return "\n".join(told)


def _edges(graph: Graph, placed: Placement) -> Iterator[str]:
    for edge, way in zip(graph.edges, placed.ways, strict=True):
        told = f"{edge.words:,} words from {graph.unit} {edge.source} to {edge.target}"
        yield (
            f'<path class="line" marker-end="url(#tip)" d="{_path(way)}">'
            f"<title>{_plain(told + _through(edge))}</title></path>"
        )


def _through(edge: Edge) -> str:
    return f" through {', '.join(edge.through)}"


def _path(way: Sequence[Point]) -> str:
    """Straight down inside of layers, a curve from each to the next."""
    (x, y), *rest = way
    said = [f"M{x:.1f},{y:.1f}"]
    for number, (nx, ny) in enumerate(rest):
        if number % 2 == 0:
            said.append(f"V{ny:.1f}")
        else:
            middle = (y + ny) / 2
            said.append(f"C{x:.1f},{middle:.1f} {nx:.1f},{middle:.1f} {nx:.1f},{ny:.1f}")
        x, y = nx, ny
    return " ".join(said)


def _legend(graph: Graph) -> Iterator[str]:
    x, y = _MARGIN, _MARGIN + 12
    for kind in COLOURS:
        many = sum(node.kind == kind for node in graph.nodes)
        if not many:
            continue
        inside, edge = COLOURS[kind]
        yield (
            f'<rect x="{x:.1f}" y="{y:.1f}" width="12" height="12" rx="3" fill="{inside}" '
            f'stroke="{edge}"/>'
        )
        said = f"{kind} ({many})"
        yield _text(x + 18, y + 10, said, "dim")
        x += 18 + _CHARACTER * (len(said) + 3)
    for segment, colour in _CHIPS.items():
        said = segment.name.lower()
        yield f'<rect x="{x:.1f}" y="{y:.1f}" width="12" height="12" rx="6" fill="{colour}"/>'
        yield _text(x + 18, y + 10, said, "dim")
        x += 18 + _CHARACTER * (len(said) + 3)


def _plain(said: str) -> str:
    """Text as SVG takes it, which has no place for control characters."""
    return escaped("".join(one if one.isprintable() or one == "\n" else "\ufffd" for one in said))


def _text(x: float, y: float, said: str, kind: str) -> str:
    return f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}">{_plain(said)}</text>'
