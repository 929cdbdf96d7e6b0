"""A training step as a graph: what is computed in one go, and memory that leads on from there.

Nodes are the stages of a plan, or the rows of a program that has none. What a step finds in params
and inputs and what it leaves is named at the nodes that touch it.
"""

from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Final

from prover.errors import ProverError
from prover.execute import row_name
from prover.ops import OPS, Opcode
from prover.plan.nest import Buffer, Clear, Fold, Gather, Matmul, Nest, Plan, Reduce, Stage
from prover.plan.show import memory, register_name, shape
from prover.program import Program
from prover.row import Kind, RegisterId, Row, Segment, segment_of

MOST_EDGES: Final = 10_000
"""Rows that all read what all before them wrote in part would have as many edges as pairs."""


@dataclass(frozen=True, slots=True)
class Port:
    """A register that a node finds as it was before the step, or leaves as it is after it."""

    name: str
    segment: Segment
    words: int


@dataclass(frozen=True, slots=True)
class Node:
    """A stage or a row. `kind` is matmul, reduction, gather, map or clear."""

    number: int
    kind: str
    title: str
    detail: str
    rows: tuple[str, ...]
    reads: tuple[Port, ...]
    writes: tuple[Port, ...]


@dataclass(frozen=True, slots=True)
class Edge:
    """So many words from one node to a later one, through this memory."""

    source: int
    target: int
    words: int
    through: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Graph:
    """Nodes in the order in which they are computed; edges name their places in it."""

    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    unit: str
    """What a node is: stage, row."""


@dataclass(frozen=True, slots=True)
class _Place:
    """Memory under a key that tells it from other memory."""

    key: Hashable
    name: str
    words: int
    register: RegisterId | None = None
    whole: bool = False
    """Whether all of its words are written."""


@dataclass(frozen=True, slots=True)
class _Item:
    kind: str
    title: str
    detail: str
    rows: tuple[str, ...]
    reads: tuple[_Place, ...]
    writes: tuple[_Place, ...]


def graph_of_plan(
    program: Program, plan: Plan, names: Mapping[RegisterId, str] | None = None
) -> Graph:
    """The stages of a program's plan.

    Raises:
        ProverError: when they have more than `MOST_EDGES` edges.
    """
    items = []
    for stage in plan.stages:
        rows = tuple(row_name(program, row) for row in stage.rows)
        many = (
            f"{len(rows)} rows" if len(rows) > 1 else f"row {stage.rows[0]}" if rows else "no row"
        )
        steps = sum(program.counts[row] for row in stage.rows)
        detail = f"{shape(stage)}, {many}, {_short(steps)} steps"
        reads, writes = memory(stage)
        items.append(
            _Item(
                _kind_of_stage(stage),
                _title(rows),
                detail,
                rows,
                tuple(_place(buffer, names) for buffer in reads),
                tuple(_place(one, names, whole=_covers(stage, one)) for one in writes),
            )
        )
    return _linked(items, "stage")


def graph_of_rows(program: Program, names: Mapping[RegisterId, str] | None = None) -> Graph:
    """The rows of a program that have micro-steps, in the order in which they run.

    Raises:
        ProverError: when they have more than `MOST_EDGES` edges.
    """
    items = []
    for index, row in enumerate(program.rows):
        if row is None or not row.count:
            continue
        reads = {
            one.register: _Place(
                one.register, register_name(one.register, names), one.length, one.register
            )
            for one in row.operands
            if one.kind == Kind.REGISTER
        }
        whole = row.elements >= row.out_length
        out = _Place(row.out, register_name(row.out, names), row.out_length, row.out, whole)
        name = row_name(program, index)
        sizes = "x".join(str(size) for size in row.dims if size > 1) or "1"
        fold = f" x {row.fold}" if row.fold > 1 else ""
        detail = f"{sizes}{fold}, row {index}, {_short(row.count)} steps"
        items.append(_Item(_kind_of_row(row), name, detail, (name,), tuple(reads.values()), (out,)))
    return _linked(items, "row")


def _title(rows: Sequence[str]) -> str:
    """The first and the last row's name; their shapes are in the detail."""
    first, last = (name.split("[")[0] for name in (rows[0], rows[-1])) if rows else ("", "")
    return first if first == last else f"{first} .. {last}"


def _place(
    buffer: Buffer, names: Mapping[RegisterId, str] | None, *, whole: bool = False
) -> _Place:
    if buffer.register is None:
        return _Place(buffer, f"@{buffer.arena}", buffer.length, None, whole)
    name = register_name(buffer.register, names)
    return _Place(buffer.register, name, buffer.length, buffer.register, whole)


def _linked(items: Sequence[_Item], unit: str) -> Graph:
    """Follow memory from the items that write it to those that read it."""
    writers: dict[Hashable, list[int]] = {}
    through: defaultdict[tuple[int, int], dict[str, int]] = defaultdict(dict)
    found: list[list[_Place]] = []
    for number, item in enumerate(items):
        before = []
        for place in item.reads:
            known = writers.get(place.key, [])
            for writer in known:
                through[writer, number][place.name] = place.words
            if len(through) > MOST_EDGES:
                raise ProverError(f"{unit}s hang together in more than {MOST_EDGES:,} ways")
            if not known and _outlives(place):
                before.append(place)
        found.append(before)
        for place in item.writes:
            if place.whole:
                writers[place.key] = []
            writers.setdefault(place.key, []).append(number)
    last = {(key, writer) for key, numbers in writers.items() for writer in numbers}
    nodes = tuple(
        Node(
            number,
            item.kind,
            item.title,
            item.detail,
            item.rows,
            _ports(found[number]),
            _ports(one for one in item.writes if (one.key, number) in last),
        )
        for number, item in enumerate(items)
    )
    edges = tuple(
        Edge(source, target, sum(places.values()), tuple(places))
        for (source, target), places in through.items()
    )
    return Graph(nodes, edges, unit)


def _outlives(place: _Place) -> bool:
    return place.register is not None and segment_of(place.register) != Segment.SCRATCH


def _ports(places: Iterable[_Place]) -> tuple[Port, ...]:
    return tuple(
        Port(one.name, segment_of(one.register), one.words)
        for one in places
        if one.register is not None and _outlives(one)
    )


def _covers(stage: Stage, buffer: Buffer) -> bool:
    """Whether a stage that writes a buffer may write all of it."""
    match stage:
        case Matmul():
            return prod(stage.sizes[:4]) >= buffer.length
        case Nest():
            return stage.runs * stage.inner >= buffer.length
        case _:
            return True


def _kind_of_stage(stage: Stage) -> str:
    match stage:
        case Nest(body=body) if any(isinstance(one, Reduce | Fold) for one in body):
            return "reduction"
        case Nest(body=body) if any(isinstance(one, Gather) for one in body):
            return "gather"
        case Nest():
            return "map"
        case Clear():
            return "clear"
        case _:
            return "matmul"


def _kind_of_row(row: Row) -> str:
    op = OPS[row.opcode]
    if op.is_fold:
        return "matmul" if op.arity > 1 else "reduction"
    return "gather" if row.opcode == Opcode.GATHER else "map"


def _short(count: int) -> str:
    """348k for 348,715."""
    for unit in ("", "k", "M", "G", "T"):
        if count < 10_000 or unit == "T":
            return f"{count}{unit}"
        count //= 1000
    return str(count)
