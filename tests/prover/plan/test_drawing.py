"""The picture of a training step: its graph, where boxes and lines go, and that it is plain SVG."""

from dataclasses import replace
from itertools import combinations, pairwise
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prover.errors import ProverError
from prover.ops import Opcode
from prover.plan import plan
from prover.plan.drawing import COLOURS, MOST, draw
from prover.plan.graph import MOST_EDGES, Graph, graph_of_plan, graph_of_rows
from prover.plan.layered import MOST_BENDS, Edge, layers_of, place
from prover.program import Program
from prover.row import Depths, Kind, Operand, Row, Segment, register_id
from prover.tracer import Traced
from prover.tracer.described import layouts_of
from tests.prover.generators import Seeded
from tests.prover.plan import drawn

SVG = "{http://www.w3.org/2000/svg}"
SEEDS = range(6)


def made(seed: int) -> Traced:
    return drawn.traced(Seeded(seed))[0]


def graphs(traced: Traced) -> list[Graph]:
    names = layouts_of(traced).names
    program = traced.program
    plans = (plan(program), plan(program, fuse=False))
    return [graph_of_rows(program, names), *(graph_of_plan(program, one, names) for one in plans)]


@pytest.mark.parametrize("seed", SEEDS)
def test_every_row_is_in_a_node_and_edges_follow_the_order(seed: int) -> None:
    traced = made(seed)
    rows = [
        name
        for name, count in zip(traced.program.names, traced.program.counts, strict=True)
        if count
    ]
    for graph in graphs(traced):
        assert {name for node in graph.nodes for name in node.rows} == set(rows)
        assert all(0 <= edge.source < edge.target < len(graph.nodes) for edge in graph.edges)
        assert len({(edge.source, edge.target) for edge in graph.edges}) == len(graph.edges)
        assert all(node.kind in COLOURS for node in graph.nodes)


@pytest.mark.parametrize("seed", SEEDS)
def test_what_a_step_finds_and_leaves_is_named(seed: int) -> None:
    traced = made(seed)
    wanted = {one.name for one in traced.outputs.fields}
    for graph in graphs(traced):
        writes = {port.name for node in graph.nodes for port in node.writes}
        assert wanted <= writes <= wanted | {one.name for one in traced.params.fields}
        reads = {port.segment for node in graph.nodes for port in node.reads}
        assert reads <= {Segment.PARAMS, Segment.INPUTS}
        # Whatever is computed for nothing else leads on, or is left.
        leads = {edge.source for edge in graph.edges}
        assert all(node.writes or node.number in leads for node in graph.nodes)


def rows_of(*steps: tuple[int, int, int, int]) -> Program:
    """Moves (from register, to register, words, offset) between registers of scratch."""

    def row(source: int, out: int, words: int, offset: int) -> Row:
        register = (
            register_id(Segment.SCRATCH, source) if source else register_id(Segment.INPUTS, 0)
        )
        operand = Operand(Kind.REGISTER, register, 4, strides=(0, 0, 0, 1))
        to = register_id(Segment.SCRATCH, out) if out else register_id(Segment.OUTPUTS, 0)
        return Row(Opcode.MOVE, to, 4, (1, 1, 1, words), 1, (operand,), offset)

    return Program.of([row(*step) for step in steps], Depths(0, 0, 0, 3))


def links(program: Program) -> set[Edge]:
    return {(edge.source, edge.target) for edge in graph_of_rows(program).edges}


def test_an_edge_leads_from_whoever_wrote_last() -> None:
    assert links(rows_of((0, 1, 4, 0), (0, 1, 4, 0), (1, 0, 4, 0))) == {(1, 2)}


def test_parts_lead_to_whoever_reads_the_whole() -> None:
    halves = rows_of((0, 1, 2, 0), (0, 1, 2, 2), (1, 0, 4, 0))
    assert links(halves) == {(0, 2), (1, 2)}


def test_a_row_in_place_follows_its_own_register() -> None:
    assert links(rows_of((0, 1, 4, 0), (1, 1, 4, 0), (1, 0, 4, 0))) == {(0, 1), (1, 2)}


DAGS = st.integers(1, 24).flatmap(
    lambda count: st.tuples(
        st.lists(st.tuples(st.floats(10, 90), st.floats(10, 60)), min_size=count, max_size=count),
        st.lists(st.tuples(st.integers(0, count - 1), st.integers(0, count - 1)), max_size=40),
    )
)


def forward(pairs: list[Edge]) -> list[Edge]:
    return sorted({(min(pair), max(pair)) for pair in pairs if pair[0] != pair[1]})


@settings(max_examples=60, deadline=None)
@given(DAGS)
def test_boxes_stay_apart_and_lines_lead_down_between_them(
    drawn_dag: tuple[list[tuple[float, float]], list[Edge]],
) -> None:
    sizes, edges = drawn_dag[0], forward(drawn_dag[1])
    placed = place(sizes, edges)
    boxes = [
        (x, y, x + width, y + height)
        for (x, y), (width, height) in zip(placed.corners, sizes, strict=True)
    ]
    near = 1e-6
    for left, top, right, bottom in boxes:
        assert -near <= left
        assert right <= placed.width + near
        assert top >= 0
        assert bottom <= placed.height + near
    for one, other in combinations(boxes, 2):
        beside = one[2] <= other[0] + near or other[2] <= one[0] + near
        assert beside or one[3] <= other[1] + near or other[3] <= one[1] + near
    for (source, target), way in zip(edges, placed.ways, strict=True):
        assert way[0][1] == pytest.approx(boxes[source][3])
        assert boxes[source][0] - near <= way[0][0] <= boxes[source][2] + near
        assert way[-1][1] == pytest.approx(boxes[target][1])
        assert boxes[target][0] - near <= way[-1][0] <= boxes[target][2] + near
        assert all(above[1] <= below[1] + near for above, below in pairwise(way))
        for enters, leaves in zip(way[2::2], way[3::2], strict=False):
            assert enters[0] == leaves[0]
            for number, (left, top, right, bottom) in enumerate(boxes):
                passes = top < leaves[1] and enters[1] < bottom
                assert number == target or not passes or not left < enters[0] < right


@given(DAGS)
def test_layers_rise_along_every_edge(
    drawn_dag: tuple[list[tuple[float, float]], list[Edge]],
) -> None:
    edges = forward(drawn_dag[1])
    layer = layers_of(len(drawn_dag[0]), edges)
    assert all(layer[source] < layer[target] for source, target in edges)
    assert min(layer) >= 0


def test_a_chain_is_drawn_straight() -> None:
    placed = place([(50.0, 20.0), (90.0, 20.0), (30.0, 20.0)], [(0, 1), (1, 2)])
    assert {way[0][0] for way in placed.ways} == {way[-1][0] for way in placed.ways}
    assert (
        len({x + size / 2 for (x, _), size in zip(placed.corners, (50, 90, 30), strict=True)}) == 1
    )


def test_a_layer_that_grows_too_wide_is_broken() -> None:
    sizes, edges = [(300.0, 40.0)] * 41, [(0, box) for box in range(1, 41)]
    placed = place(sizes, edges)
    assert placed.width < 2_800
    assert len({y for _, y in placed.corners[1:]}) >= 5


def test_nothing_is_drawn_of_nothing() -> None:
    assert place([], []).ways == ()


def texts(picture: str) -> list[str]:
    return [one.text or "" for one in ET.fromstring(picture).iter(f"{SVG}text")]  # noqa: S314


@pytest.mark.parametrize("seed", SEEDS[:3])
def test_the_picture_shows_every_box_and_line(seed: int) -> None:
    graph = graphs(made(seed))[1]
    picture = draw(graph, "a training step")
    root = ET.fromstring(picture)  # noqa: S314 - our own
    assert root.tag == f"{SVG}svg"
    boxes = [one for one in root.iter(f"{SVG}g") if one.get("class") == "box"]
    lines = [one for one in root.iter(f"{SVG}path") if one.get("class") == "line"]
    assert (len(boxes), len(lines)) == (len(graph.nodes), len(graph.edges))
    assert all(one.find(f"{SVG}title") is not None for one in (*boxes, *lines))
    assert texts(picture)[0] == "a training step"
    width, height = float(root.get("width", 0)), float(root.get("height", 0))
    for body in root.iter(f"{SVG}rect"):
        if body.get("class") == "body":
            assert float(body.get("width", 0)) <= width
            assert float(body.get("y", 0)) + float(body.get("height", 0)) <= height
    for kind in {node.kind for node in graph.nodes}:
        many = sum(node.kind == kind for node in graph.nodes)
        assert f"{kind} ({many})" in texts(picture)


def test_names_are_text_and_never_markup() -> None:
    traced = made(0)
    graph = graphs(traced)[0]
    hostile = '</text><script>alert("x")</script>&amp; x < y'
    nodes = (replace(graph.nodes[0], title=hostile, rows=(hostile,)), *graph.nodes[1:])
    picture = draw(replace(graph, nodes=nodes), hostile)
    root = ET.fromstring(picture)  # noqa: S314
    assert not list(root.iter(f"{SVG}script"))
    assert texts(picture)[0] == hostile
    assert any(hostile in (one.text or "") for one in root.iter(f"{SVG}title"))


def test_long_names_are_cut_in_the_box_and_whole_in_its_text() -> None:
    graph = graphs(made(1))[0]
    name = "blocks." * 30 + "end"
    nodes = (replace(graph.nodes[0], title=name, rows=(name,)), *graph.nodes[1:])
    picture = draw(replace(graph, nodes=nodes), "x")
    assert max(map(len, texts(picture))) < 100
    assert any("…" in one for one in texts(picture))
    assert name in picture


def test_what_nobody_could_read_is_refused() -> None:
    many = rows_of(*[(0, 1, 4, 0)] * (MOST + 1))
    with pytest.raises(ProverError, match="3,001 rows are too many"):
        draw(graph_of_rows(many), "x")


def test_many_rows_are_counted() -> None:
    graph = graphs(made(2))[1]
    nodes = (replace(graph.nodes[0], rows=tuple(f"row {n}" for n in range(100))), *graph.nodes[1:])
    assert "and 60 rows more" in draw(replace(graph, nodes=nodes), "x")


def test_control_characters_in_names_leave_the_picture_readable() -> None:
    graph = graphs(made(0))[0]
    node = replace(graph.nodes[0], title="a\x00\x1b[2J", rows=("\x08", "\ud800"))
    ET.fromstring(  # noqa: S314 - our own
        draw(replace(graph, nodes=(node, *graph.nodes[1:])), "\x0c").encode()
    )


def test_programs_made_to_be_tangled_are_refused_at_once() -> None:
    """Rows that write in part, each of which reads what all before it wrote."""
    words = 4096
    whole = Operand(Kind.REGISTER, register_id(Segment.SCRATCH, 0), words, 0, (0, 0, 0, 1))
    rows = [
        Row(Opcode.MOVE, whole.register, words, (1, 1, 1, 1), 1, (whole,), out_offset=number)
        for number in range(MOST - 1)
    ]
    program = Program.of(rows, Depths(0, 0, 0, 0))
    with pytest.raises(ProverError, match=f"rows hang together in more than {MOST_EDGES:,} ways"):
        graph_of_rows(program)


def test_edges_with_too_many_bends_are_refused_at_once() -> None:
    count = MOST_BENDS // 250 + 500
    chain = list(pairwise(range(count)))
    across = [(box, count - 1) for box in range(count - 1)]
    with pytest.raises(ProverError, match=f"more than {MOST_BENDS:,} bends"):
        place([(10.0, 10.0)] * count, [*chain, *across])
