"""From a graph to rows: what is computed in which order, and which op is an address alone.

* Transposes, slices, broadcasts, the step's turn and most reshapes move nothing: they are strides.
* A matmul is a fold of fma, k ascending. Beyond 4096 it is cut into segments, each a fold of its
  own, whose results are summed in ascending order. Of ints it is one fold of IDOT, and a sum of
  ints is one with the factor 1: modulo 2**32 no order matters.
* A reduction along the last axis, over C words: 32 lanes (lane l folds l, l + 32, ...), then halves
  16, 8, 4, 2, 1, each lower lane combined with the one above; the C mod 32 words left over are one
  ascending fold, combined last. C < 32 is that fold alone. Along another axis: one ascending fold.
* 0, 1, 2 ... up to n is two words, then again and again the square of as many.
* exp, log, tanh, erf, normal and sigmoid are `prover.tracer.elementary`.

Rows stand in the order of the graph. They still write to buffers; `prover.tracer.registers` says
which register each is.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from math import prod
from typing import Final

from prover.ops import Opcode
from prover.tracer import layout
from prover.tracer.array import Array
from prover.tracer.computed import COMPUTED, REDUCTIONS
from prover.tracer.layout import Buffer, View, dense
from prover.tracer.lines import Lines
from prover.tracer.symbols import DType, Kind, Op


@dataclass(slots=True)
class Lowering(Lines):
    """Rows so far, and where each array lies."""

    leaves: dict[int, View]
    """Of leaf arrays, by id."""
    targets: dict[int, Buffer] = field(default_factory=dict)
    """Buffers that arrays are wanted in, by id; a new one of scratch for all others."""
    views: dict[int, View] = field(default_factory=dict)

    def view(self, array: Array) -> View:
        """Where an array lies, once the rows that compute it are there."""
        known = self.views.get(id(array))
        if known is None:
            known = self.views[id(array)] = self._lower(array)
        return known

    def _lower(self, array: Array) -> View:
        if array.op == Kind.LEAF:
            return self.leaves[id(array)]
        if array.op == Kind.CONSTANT:
            return View((), (), word=array.attributes[0])
        views = [self.view(one) for one in array.inputs]
        if array.op in SEEN:
            return SEEN[array.op](self, array, views[0])
        out = self.targets.get(id(array)) or Buffer(array.size)
        self.name = _name(array)
        if isinstance(array.op, Opcode):
            self.map(array.op, array.shape, views, out, self.name)
        else:
            COMPUTED[array.op](self, array, views, out)
        return dense(array.shape, out)


def _broadcast(lowering: Lowering, array: Array, view: View) -> View:
    return layout.broadcast(view, array.shape)


def _permute(lowering: Lowering, array: Array, view: View) -> View:
    return layout.permute(view, array.attributes[0])


def _slice(lowering: Lowering, array: Array, view: View) -> View:
    return layout.cut(view, array.shape, *array.attributes)


def _turn(lowering: Lowering, array: Array, view: View) -> View:
    (modulus,) = array.attributes
    seen = layout.turned(view, modulus)
    if seen is None:
        copied = lowering.move(view, Buffer(prod(view.shape)), _name(array))
        seen = layout.turned(copied, modulus)
    return seen or view


def _reshape(lowering: Lowering, array: Array, view: View) -> View:
    seen = layout.reshaped(view, array.shape)
    if seen is None:
        copied = lowering.move(view, Buffer(array.size), _name(array))
        seen = dense(array.shape, copied.buffer or Buffer(array.size))
    return seen


def _name(array: Array) -> str:
    """What an array's rows are called: scope, op and shapes."""
    sizes = ["x".join(map(str, one.shape)) or "1" for one in array.inputs]
    shape = "x".join(map(str, array.shape)) or "1"
    what = array.op.name.lower()
    if array.op == Opcode.XOR and array.element == DType.F32:
        what = "negate"  # the sign bit flips
    if array.op == Opcode.MAX:
        what = "maximum"
    if array.op == Kind.MATMUL:
        return f"{array.scope}{what}[{sizes[0]} @ {sizes[1]}]"
    if array.op in REDUCTIONS:
        return f"{array.scope}{what}[{sizes[0]} -> {shape}]"
    return f"{array.scope}{what}[{shape}]"


SEEN: Final[dict[Op, Callable[[Lowering, Array, View], View]]] = {
    Kind.DETACH: lambda lowering, array, view: view,
    Kind.RULED: lambda lowering, array, view: view,
    Kind.BROADCAST: _broadcast,
    Kind.PERMUTE: _permute,
    Kind.SLICE: _slice,
    Kind.TURN: _turn,
    Kind.RESHAPE: _reshape,
}
"""Ops that are addresses."""
