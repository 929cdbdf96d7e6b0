"""The innermost part of a matmul, as LLVM IR: a small block of results kept in vector registers.

A tile of `rows` x `vectors` accumulators runs along k: one vector load a vector of B, one broadcast
a row of A, and rows * vectors multiply-adds, each on a chain of its own. So every result of floats
is the chain of the specification: from +0, k ascending, one rounding a step. Shapes differ by
instruction set and by what is left at the edges; bits do not.
"""

from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from llvmlite import ir

from prover.backends.arithmetic import Arithmetic
from prover.native.emit import WORD, Builder, Value
from prover.native.integers import Int, routine, run
from prover.native.isa import isa
from prover.native.loops import folded, long

POINTER: Final = ir.PointerType()
_MOST_VECTORS: Final = 8
_WORD_BYTES: Final = 4


@dataclass(frozen=True, slots=True)
class Shape:
    """What tiles may be: up to `rows` rows of vectors of `lanes` words, rows <= lanes."""

    rows: int
    lanes: int
    accumulators: int
    """As many as there are registers, less those for B and one for A."""

    @property
    def width(self) -> int:
        """The most columns of a tile, whatever its rows."""
        return self.lanes * _MOST_VECTORS

    def vectors(self, rows: int) -> int:
        """The most vectors in a row of a tile of so many rows."""
        return min(_MOST_VECTORS, self.accumulators // rows)


_SHAPES: Final = {"avx512": Shape(14, 16, 28), "avx2": Shape(6, 8, 12), "plain": Shape(4, 4, 8)}


@cache
def shape() -> Shape:
    """What tiles may be with this process's instruction set."""
    return _SHAPES[isa().name]


def most_vectors(rows: Int) -> Int:
    """`Shape.vectors` in code."""
    return (Int(rows.b, long(shape().accumulators)) // rows).at_most(_MOST_VECTORS)


def word_at(b: Builder, base: Value, index: Value) -> Value:
    """The address of a word `index` words from a pointer."""
    return b.gep(base, [index], source_etype=WORD)


def first_lanes(b: Builder, count: Value, lanes: int) -> Value:
    """A mask of the lanes below `count` (i64)."""
    kind = ir.VectorType(WORD, lanes)
    seat = ir.Constant(ir.VectorType(WORD, lanes), list(range(lanes)))
    bound = b.insert_element(ir.Constant(kind, ir.Undefined), b.trunc(count, WORD), WORD(0))
    bound = b.shuffle_vector(bound, ir.Constant(kind, ir.Undefined), ir.Constant(kind, None))
    return b.icmp_signed("<", seat, bound)


def masked_load(b: Builder, at: Value, mask: Value) -> Value:
    """Words of the lanes of a mask, 0 in the others, which are not read."""
    kind = ir.VectorType(WORD, mask.type.count)
    name = f"llvm.masked.load.v{kind.count}i32.p0"
    known = b.module.globals.get(name) or ir.Function(
        b.module, ir.FunctionType(kind, [POINTER, WORD, mask.type, kind]), name
    )
    return b.call(known, [at, WORD(_WORD_BYTES), mask, ir.Constant(kind, None)])


def masked_store(b: Builder, value: Value, at: Value, mask: Value) -> None:
    """Write the lanes of a mask."""
    kind = value.type
    name = f"llvm.masked.store.v{kind.count}i32.p0"
    known = b.module.globals.get(name) or ir.Function(
        b.module, ir.FunctionType(ir.VoidType(), [kind, POINTER, WORD, mask.type]), name
    )
    b.call(known, [value, at, WORD(_WORD_BYTES), mask])


def tile(module: Any, arithmetic: Arithmetic) -> Any:
    """The function of every tile: it looks up the one for the rows and vectors asked for.

    Parameters, all i64, addresses in bytes and steps in words:

        rows, vectors          1 <= rows <= shape().rows, 1 <= vectors <= shape().vectors(rows)
        a, a_step              A's word of row i at a + i, and of the next k at a + a_step + i
        b, b_step              B's word of column j at b + j, and of the next k at b + b_step + j;
                               all the lanes of each vector are read
        c, c_step              the result of row i, column j at c + c_step * i + j
        lanes                  columns of the last vector that are loaded from and stored to c
        k                      words of a row of A
        resume                 0: begin at +0; else at what c holds

    Where y's words are flipped, A's words after the last k are added to each row's results. What is
    stored of floats is canonical. (To resume from a canonical NaN instead of a raw one makes no
    difference: both lead to a NaN.)
    """
    sizes = shape()
    entry, b, (rows, vectors, *rest) = routine(module, f"tile_{arithmetic.name}", 11)
    other = entry.append_basic_block("nothing")
    switch = b.switch((rows * (_MOST_VECTORS + 1) + vectors).value, other)
    for height in range(1, sizes.rows + 1):
        for width in range(1, sizes.vectors(height) + 1):
            block = entry.append_basic_block()
            switch.add_case(long(height * (_MOST_VECTORS + 1) + width), block)
            b.position_at_end(block)
            run(b, _one(module, arithmetic, height, width), *rest)
            b.ret_void()
    b.position_at_end(other)
    b.ret_void()
    return entry


def _one(module: Any, arithmetic: Arithmetic, rows: int, vectors: int) -> Any:
    """The function of one size: `tile` without rows and vectors."""
    made, b, arguments = routine(module, f"{arithmetic.name}_{rows}x{vectors}", 9)
    made.attributes.add("noinline")
    a, a_step, at, b_step, c, c_step, lanes, k, resume = (one.value for one in arguments)
    a, at, c = (b.inttoptr(pointer, POINTER) for pointer in (a, at, c))
    full = shape().lanes
    edge = first_lanes(b, lanes, full)
    results = [
        [word_at(b, c, b.add(b.mul(c_step, long(i)), long(j * full))) for j in range(vectors)]
        for i in range(rows)
    ]
    accs = _begin(b, made, results, edge, resume)
    at_once = arithmetic.unrolled
    whole = b.and_(k, long(-at_once))
    with folded(b, long(0), whole, at_once, [a, at, *accs]) as (_, now, following):
        for _ in range(at_once):
            now = _step(b, arithmetic, rows, now, a_step, b_step)
        following[:] = now
    if at_once > 1:
        with folded(b, whole, k, 1, list(following)) as (_, now, following):
            following[:] = _step(b, arithmetic, rows, now, a_step, b_step)
    a, _, *accs = following
    if arithmetic.flipped:
        accs = [b.add(acc, _broadcast(b, a, n // vectors, full)) for n, acc in enumerate(accs)]
    for i, line in enumerate(results):
        for j, place in enumerate(line):
            value = arithmetic.finish(b, accs[i * vectors + j])
            if j < vectors - 1:
                b.store(value, place, align=_WORD_BYTES)
            else:
                masked_store(b, value, place, edge)
    b.ret_void()
    return made


def _begin(
    b: Builder, made: Any, results: list[list[Value]], edge: Value, resume: Value
) -> list[Value]:
    """The accumulators: +0, or what is stored."""
    kind = ir.VectorType(WORD, edge.type.count)
    before, stored, ready = b.block, made.append_basic_block(), made.append_basic_block()
    b.cbranch(b.icmp_signed("!=", resume, long(0)), stored, ready)
    b.position_at_end(stored)
    old = [
        masked_load(b, place, edge)
        if place is line[-1]
        else b.load(place, typ=kind, align=_WORD_BYTES)
        for line in results
        for place in line
    ]
    b.branch(ready)
    b.position_at_end(ready)
    accs = []
    for value in old:
        acc = b.phi(kind)
        acc.add_incoming(ir.Constant(kind, None), before)
        acc.add_incoming(value, stored)
        accs.append(acc)
    return accs


def _broadcast(b: Builder, a: Value, row: int, lanes: int) -> Value:
    """A's word of a row in every lane."""
    nothing = ir.Constant(ir.VectorType(WORD, lanes), ir.Undefined)
    word = b.load(word_at(b, a, long(row)), typ=WORD, align=_WORD_BYTES)
    x = b.insert_element(nothing, word, WORD(0))
    return b.shuffle_vector(x, nothing, ir.Constant(nothing.type, None))


def _step(
    b: Builder, arithmetic: Arithmetic, rows: int, now: list[Value], a_step: Value, b_step: Value
) -> list[Value]:
    """One k: from (a, b, accumulators) to the next."""
    a, at, *accs = now
    kind = accs[0].type
    vectors = len(accs) // rows
    line = [
        b.load(word_at(b, at, long(j * kind.count)), typ=kind, align=_WORD_BYTES)
        for j in range(vectors)
    ]
    for i in range(rows):
        x = _broadcast(b, a, i, kind.count)
        for j, y in enumerate(line):
            place = i * vectors + j
            accs[place] = arithmetic.step(b, accs[place], x, y)
    return [word_at(b, a, a_step), word_at(b, at, b_step), *accs]
