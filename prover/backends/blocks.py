"""Products cut into blocks that stay in the caches, and into threads' shares, as LLVM IR."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from enum import IntEnum
from typing import Any, Final

from llvmlite import ir

from prover.backends.arithmetic import Arithmetic
from prover.backends.packs import pack
from prover.backends.tile import POINTER, most_vectors, shape, tile
from prover.native.emit import LONG, Builder
from prover.native.integers import Int, routine, run
from prover.native.loops import counted, long


class Field(IntEnum):
    """The places of a description: out[p, q, i, j] = sum over k of x[p, q, i, k] * y[p, q, k, j].

    Addresses are in bytes. Strides are in words and of any sign; all that they reach lies inside x
    and y, and out overlaps neither. out is dense: row-major [B0, B1, M, N]. All sizes are >= 1.
    """

    X = 0
    Y = 1
    OUT = 2
    B0 = 3
    B1 = 4
    M = 5
    N = 6
    K = 7
    X_B0 = 8
    X_B1 = 9
    X_M = 10
    X_K = 11
    Y_B0 = 12
    Y_B1 = 13
    Y_K = 14
    Y_N = 15


_DEPTH: Final = 256
"""Words of a chain before it is stored and resumed: so deep a panel of B fits the first cache."""
_BLOCK: Final = 1 << 17
"""Words of A laid out at a time: they fit the second cache."""
_REUSES: Final = 2
"""Tiles from which on y is laid out even where it lies right."""
_LINE: Final = 16
"""Words of a cache line."""
_BYTES: Final = 4


def share(b: Builder, about: Mapping[Field, Int], product: Any, thread: Int, threads: Int) -> None:
    """Which of the two is broadcast and which runs along the lanes; then the thread's part."""
    m, n, k = about[Field.M], about[Field.N], about[Field.K]
    x = [about[f] for f in (Field.X, Field.X_B0, Field.X_B1, Field.X_M, Field.X_K)]
    y = [about[f] for f in (Field.Y, Field.Y_B0, Field.Y_B1, Field.Y_N, Field.Y_K)]
    size, one = m * n, Int(b, long(1))
    straight = _cost(m, n, k, x[3], y[3])
    turned = _cost(n, m, k, y[3], x[3]) + size * 2
    turns = turned < straight
    x, y = (
        [p.or_if(turns, q) for p, q in zip(x, y, strict=True)],
        [q.or_if(turns, p) for p, q in zip(x, y, strict=True)],
    )
    out_m, out_n = n.or_if(turns, one), one.or_if(turns, n)
    m, n = m.or_if(turns, n), n.or_if(turns, m)
    # The longer side is cut: what is laid out of the other side, each thread lays out for itself.
    wide = n >= m
    unit = one.or_if(wide, shape().lanes)
    length = m.or_if(wide, n)
    each = length.parts(unit)
    total = about[Field.B0] * about[Field.B1] * each
    begin, end = total * thread // threads, total * (thread + 1) // threads
    with counted(b, (begin // each).value, end.parts(each).value) as index:
        batch = Int(b, index)
        low = (begin - batch * each).at_least(0) * unit
        high = ((end - batch * each).at_most(each) * unit).at_most(length)
        i0 = batch // about[Field.B1]
        i1 = batch - i0 * about[Field.B1]
        row, column = low.or_if(wide, 0), Int(b, long(0)).or_if(wide, low)
        rows = (high - low).or_if(wide, m)
        columns = n.or_if(wide, high - low)
        left = x[0] + (x[1] * i0 + x[2] * i1 + x[3] * row) * _BYTES
        right = y[0] + (y[1] * i0 + y[2] * i1 + y[3] * column) * _BYTES
        to = about[Field.OUT] + (size * batch + out_m * row + out_n * column) * _BYTES
        run(b, product, left, *x[3:], right, *y[3:], to, out_m, out_n, rows, columns, k)


def _cost(m: Int, n: Int, k: Int, x_m: Int, y_n: Int) -> Int:
    """About how long a product takes whose x is broadcast."""
    one = Int(m.b, long(1))
    left = m * k * one.or_if(m.b.not_(x_m.equals(1)), 2)
    right = n * k * one.or_if(m.b.not_(y_n.equals(1)), 2)
    return m * n.parts(shape().lanes) * k * 2 + left + right


PARAMETERS: Final = 12


def product(module: Any, arithmetic: Arithmetic, panel: Any, transposes: Any) -> Any:
    """A function for one product of two matrices; x is broadcast, y runs along the lanes.

    Parameters, all i64, strides in words: x, its strides along m and k; y, along n and k; out,
    along m and n (one of the two is 1); m, n, k.
    """
    tiles_of, packed = tile(module, arithmetic), arithmetic.packed
    lay_x = lay_y = panel
    if packed > 1:
        lay_x, lay_y = (
            pack(module, arithmetic, transposes, _DEPTH, right=right) for right in (False, True)
        )
    made, b, arguments = routine(module, f"product_{arithmetic.name}", PARAMETERS)
    x, x_m, x_k, y, y_n, y_k, out, out_m, out_n, m, n, k = arguments
    tallest, lanes, widest = shape().rows, shape().lanes, shape().width
    length = k.parts(packed)
    depth = length.parts(length.parts(_DEPTH))
    deep = depth + 1 if arithmetic.flipped else depth
    height = (Int(b, long(_BLOCK // lanes)) // depth).at_least(1) * tallest
    height = m.parts(m.parts(height))
    room = height.parts(tallest) * lanes * deep
    memory, block = _allocate(b, module, room + depth * widest + widest * lanes)
    side = block + room * _BYTES
    turned = side + depth * widest * _BYTES
    with counted(b, long(0), m.value, height.value) as first:
        i0 = Int(b, first)
        rows = (m - i0).at_most(height)
        tiles = rows.parts(tallest)
        width = most_vectors(rows.parts(tiles)) * lanes
        with counted(b, long(0), length.value, depth.value) as start:
            k0 = Int(b, start) * packed
            words = (length - start).at_most(depth)
            steps = (words * packed).at_most(k - k0)
            with _cut(b, rows, tiles) as (t, low, high):
                at = x + (x_m * (i0 + low) + x_k * k0) * _BYTES
                to = block + t * deep * (lanes * _BYTES)
                run(b, lay_x, at, x_m, x_k, high - low, steps, to, lanes)
            with counted(b, long(0), n.value, width.value) as column:
                j = Int(b, column)
                columns = (n - j).at_most(width)
                vectors = columns.parts(lanes)
                last = columns - (vectors - 1) * lanes
                at = y + (y_n * j + y_k * k0) * _BYTES
                right, right_step = side, width
                if packed > 1:
                    run(b, lay_y, at, y_n, y_k, columns, steps, side, width)
                else:
                    # Where it lies right and is read once or twice, y is read where it is.
                    direct = b.and_(y_n.equals(1), b.and_(last.equals(lanes), tiles < _REUSES))
                    with b.if_then(b.not_(direct)):
                        run(b, lay_y, at, y_n, y_k, columns, steps, side, width)
                    right, right_step = side.or_if(direct, at), width.or_if(direct, y_k)
                with _cut(b, rows, tiles) as (t, low, high):
                    a = block + t * deep * (lanes * _BYTES)
                    factors = (high - low, vectors, a, lanes, right, right_step)
                    to = out + (out_m * (i0 + low) + out_n * j) * _BYTES
                    with b.if_else(out_n.equals(1)) as (straight, across):
                        with straight:
                            run(b, tiles_of, *factors, to, out_m, last, words, k0)
                        with across:
                            with b.if_then(k0 >= 1):
                                run(b, panel, to, out_n, 1, columns, high - low, turned, width)
                            run(b, tiles_of, *factors, turned, width, last, words, k0)
                            run(b, transposes, turned, width, high - low, columns, to, out_n)
    b.call(module.globals["free"], [memory])
    b.ret_void()
    return made


@contextmanager
def _cut(b: Builder, rows: Int, tiles: Int) -> Iterator[tuple[Int, Int, Int]]:
    """A loop over tiles of about equal height: number, first row, the row after the last."""
    with counted(b, long(0), tiles.value) as index:
        t = Int(b, index)
        yield t, rows * t // tiles, rows * (t + 1) // tiles


def _allocate(b: Builder, module: Any, words: Int) -> tuple[Any, Int]:
    """Memory, and the first cache line in it; a process without memory ends."""
    malloc = _outside(module, "malloc", POINTER, [LONG])
    abort = _outside(module, "abort", ir.VoidType(), [])
    _outside(module, "free", ir.VoidType(), [POINTER])
    memory = b.call(malloc, [((words + _LINE) * _BYTES).value])
    address = Int(b, b.ptrtoint(memory, LONG))
    with b.if_then(address.equals(0)):
        b.call(abort, [])
    return memory, (address + (_LINE * _BYTES - 1)) & -(_LINE * _BYTES)


def _outside(module: Any, name: str, result: Any, arguments: list[Any]) -> Any:
    """A function of the C library."""
    known = module.globals.get(name)
    return known or ir.Function(module, ir.FunctionType(result, arguments), name)
