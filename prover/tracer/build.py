"""From a plain function to a program.

A training step is a function of named arrays and the step's number, `(params, inputs, step)`, that
returns `(new params, outputs)`. `trace(function, params, inputs)` runs it once on traced arrays;
one run of the program's rows is one training step.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

from prover.ops import OPS
from prover.program import Program
from prover.row import Depths, Segment
from prover.tracer.array import Array, Graph, tracing
from prover.tracer.fields import Arrays, Field, Layout, like
from prover.tracer.grad import gradient
from prover.tracer.layout import Buffer, View, dense
from prover.tracer.lowering import SEEN, Lowering
from prover.tracer.making import constant_word
from prover.tracer.optim import SGD, Optimizer, counts_of, weights_of
from prover.tracer.registers import allocate
from prover.tracer.symbols import Kind, Step, TraceError

StepFunction = Callable[[Any, Any, Any], tuple[Arrays, Arrays]]
"""(params, inputs, step) to (params after the step, outputs); params left out stay as they are."""
LossFunction = Callable[[Any, Any, Any], Any]
"""(params, inputs, step) to a scalar."""


@dataclass(frozen=True)
class Traced:
    """A program, and what its registers are called."""

    program: Program
    params: Layout
    inputs: Layout
    outputs: Layout


def trace(
    function: StepFunction,
    params: Arrays,
    inputs: Arrays,
    *,
    per_step: Mapping[str, int] | None = None,
) -> Traced:
    """Trace a training step, or an inference (a step that returns no params).

    `params` and `inputs` give names, shapes and dtypes. An output in `per_step` keeps the values of
    the last so many steps: a register of that many places, step s writing to place s mod n.

    Raises:
        TraceError: when the function does what rows cannot say.
    """
    graph = Graph()
    layouts = [
        Layout(segment, tuple(like(arrays)))
        for segment, arrays in ((Segment.PARAMS, params), (Segment.INPUTS, inputs))
    ]
    leaves: dict[int, View] = {}
    given = [_leaves(graph, layout, leaves) for layout in layouts]
    with tracing(graph):
        after, outputs = _returned(function(given[0], given[1], Step()))
    kept = dict(per_step or {})
    if unknown := {*kept} - {*outputs}:
        raise TraceError(
            f"no output is called {', '.join(sorted(unknown))}; outputs are {sorted(outputs)}"
        )
    out_fields = []
    for name, array in outputs.items():
        array = _traced(graph, name, array)
        shape = (kept[name], *array.shape) if name in kept else array.shape
        out_fields.append(Field(name, shape, array.element))
    out_layout = Layout(Segment.OUTPUTS, tuple(out_fields))
    changed = _changed(given[0], after)
    lowering = Lowering(leaves)
    _lower(lowering, layouts[0], out_layout, given[0], changed, outputs, kept)
    if not lowering.lines:
        raise TraceError("the function computes nothing")
    rows, scratch = allocate(lowering.lines)
    depths = Depths(layouts[0].depth, layouts[1].depth, out_layout.depth, scratch)
    program = Program.of(rows, depths, [line.name for line in lowering.lines])
    return Traced(program, layouts[0], layouts[1], out_layout)


def training_step(loss: LossFunction, optimizer: float | Optimizer) -> StepFunction:
    """The step that lowers a loss; the loss before it is the output `loss`.

    A number is the rate of plain gradient descent. The params of another optimizer are made by
    `prepare`; the loss is given the weights, and beside them alone the words that count steps.
    """
    used = SGD(optimizer) if isinstance(optimizer, int | float) else optimizer
    if not (hasattr(used, "state") and hasattr(used, "update")):
        kind = f"{type(used).__module__}.{type(used).__qualname__}".removeprefix("builtins.")
        raise TraceError(
            f"{kind} is no optimizer; give a rate, or SGD, Adam or AdamW of prover.tracer"
        )

    def step(params: Any, inputs: Any, number: Any) -> tuple[Arrays, Arrays]:
        weights = weights_of(params)
        value = loss({**weights, **counts_of(params)}, inputs, number)
        grads = gradient(value, weights)
        if all(constant_word(grad) == 0 for grad in grads.values()):
            raise TraceError(f"the loss depends on none of {sorted(weights)}: nothing is learned")
        return used.update(params, grads), {"loss": value}

    return step


def _returned(made: Any) -> tuple[Arrays, Arrays]:
    """Params and outputs, by name, of what a step returned."""
    match made:
        case (Mapping() as after, Mapping() as outputs):
            return after, outputs
        case tuple() | list():
            said = f"({', '.join(type(one).__name__ for one in made)})"
        case _:
            said = type(made).__name__
    raise TraceError(f"a step returns (params, outputs), each arrays by name, not {said}")


def _leaves(graph: Graph, layout: Layout, leaves: dict[int, View]) -> dict[str, Array]:
    found = {}
    for one in layout.fields:
        leaf = graph.add(Kind.LEAF, (), one.shape, one.dtype, layout.segment, one.name)
        leaves[id(leaf)] = dense(one.shape, Buffer(one.length, layout.register(one.name)))
        found[one.name] = leaf
    return found


def _traced(graph: Graph, name: str, array: Any) -> Array:
    if not isinstance(array, Array) or array.graph is not graph:
        raise TraceError(f"{name} is no result of this trace, but {type(array).__name__}")
    return array


def _changed(params: Mapping[str, Array], after: Arrays) -> dict[str, Array]:
    changed = {}
    for name, array in after.items():
        if name not in params:
            raise TraceError(f"no param is called {name}; params are {sorted(params)}")
        before = params[name]
        array = _traced(before.graph, name, array)
        if (array.shape, array.element) != (before.shape, before.element):
            raise TraceError(f"{name} becomes {array!r}, not {before!r}; keep shape and dtype")
        if array is not before:
            changed[name] = array
    return changed


def _lower(
    lowering: Lowering,
    layout: Layout,
    out_layout: Layout,
    params: Mapping[str, Array],
    changed: Mapping[str, Array],
    outputs: Arrays,
    kept: Mapping[str, int],
) -> None:
    """All rows, in the order of the graph, then what must be moved to where it is wanted.

    A result is computed in the register that wants it where nothing else can go wrong by that: for
    a param, where nothing that comes later reads the old one.
    """
    ends = [*changed.values(), *outputs.values()]
    order = _reachable(ends)
    placed: set[tuple[Segment, str]] = set()
    for name, array in outputs.items():
        made = _same_words(array)
        if _computed(made) and name not in kept and id(made) not in lowering.targets:
            lowering.targets[id(made)] = Buffer(array.size, out_layout.register(name))
            placed.add((Segment.OUTPUTS, name))
    for name, array in changed.items():
        made = _same_words(array)
        if id(made) not in lowering.targets and _may_replace(params[name], made, order, ends):
            lowering.targets[id(made)] = Buffer(array.size, layout.register(name))
            placed.add((Segment.PARAMS, name))
    for array in order:
        lowering.view(array)
    for name, array in outputs.items():
        if (Segment.OUTPUTS, name) not in placed:
            turns = kept.get(name, 0)
            out = Buffer(array.size * (turns or 1), out_layout.register(name))
            view = lowering.view(array)
            lowering.move(view, out, f"output {name}", modulus=turns, stride=array.size)
    # Params may be made of each other: all are copied before the first is replaced.
    waiting = []
    for name, array in changed.items():
        if (Segment.PARAMS, name) not in placed:
            view = lowering.view(array)
            if view.buffer and view.buffer.register is not None:
                view = lowering.move(view, Buffer(array.size), f"param {name} aside")
            waiting.append((name, view))
    for name, view in waiting:
        out = Buffer(prod(view.shape), layout.register(name))
        lowering.move(view, out, f"param {name}")


def _same_words(array: Array) -> Array:
    """What holds the same words in the same order."""
    while array.op in {Kind.RESHAPE, Kind.DETACH, Kind.RULED}:
        array = array.inputs[0]
    return array


def _computed(array: Array) -> bool:
    """Whether rows of its own make an array: it is no view, leaf or constant."""
    return array.op not in SEEN and array.op not in {Kind.LEAF, Kind.CONSTANT}


def _reachable(ends: Iterable[Array]) -> list[Array]:
    found: dict[int, Array] = {}
    stack = list(ends)
    while stack:
        array = stack.pop()
        if id(array) not in found:
            found[id(array)] = array
            stack.extend(array.inputs)
    return sorted(found.values(), key=lambda array: array.order)


def _may_replace(
    param: Array, result: Array, order: Sequence[Array], ends: Sequence[Array]
) -> bool:
    """Whether `result` may be computed in the register of `param`.

    Nothing after it may read the param, and it itself only element by element where it writes.
    """
    if not _computed(result):
        return False
    shows = {id(param)}
    for array in order:
        if array.op in SEEN and id(array.inputs[0]) in shows:
            shows.add(id(array))
    if any(id(end) in shows for end in ends):
        return False
    for array in order:
        reads = [one for one in array.inputs if id(one) in shows]
        if not reads or array.op in SEEN or array.order < result.order:
            continue
        plain = array.op in OPS and all(one is param for one in reads)
        if array is not result or not plain:
            return False
    return True
