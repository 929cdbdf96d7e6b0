"""What a product's tiles compute with: floats, ints, or small ints several to a word.

An int product is a sum modulo 2^32, whose order is free, and small ints multiply several at a time:
bytes in fours (VNNI), halves in pairs (any x86-64). Every step of these is exact modulo 2^32:

* pairs of int16: two products of at most 2^30 and their sum, which wraps only where all four
  factors are -2^15, to the same word;
* fours of int8: the instruction takes one side as unsigned. So y's bytes are flipped, y + 128, and
  128 times the sum of x is taken away for each row.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Final

from llvmlite import ir

from prover.native.emit import FOLDS, Builder, Emit, Value, canonical
from prover.native.isa import isa
from prover.ops import Opcode

_BYTES_FLIPPED: Final = 0x80808080


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """How accumulators go on, and how operands are laid out for it."""

    name: str
    step: Emit
    """(builder, accumulators, x, y): words of x broadcast, words of y along the lanes."""
    finish: Callable[[Builder, Value], Value]
    """What of an accumulator is stored."""
    packed: int = 1
    """Steps of a chain in a word of x and y, the first in the lowest bits."""
    flipped: int = 0
    """What y's words are xored with. Where that is not 0, panels of x end with a line of what is to
    be added to each row.
    """

    unrolled: int = 1
    """Words of k that a turn of the tile's loop takes."""

    @property
    def bits(self) -> int:
        """Of one factor: a signed int where there are several in a word."""
        return 32 // self.packed


def _as_it_is(b: Builder, value: Value) -> Value:
    return value


def _halves(b: Builder, acc: Value, x: Value, y: Value) -> Value:
    lanes = acc.type.count
    names = {16: "avx512.pmaddw.d.512", 8: "avx2.pmadd.wd", 4: "sse2.pmadd.wd"}
    pairs = ir.VectorType(ir.IntType(16), 2 * lanes)
    given = [b.bitcast(one, pairs) for one in (x, y)]
    return b.add(acc, _call(b, f"llvm.x86.{names[lanes]}", acc.type, given))


def _bytes(b: Builder, acc: Value, x: Value, y: Value) -> Value:
    name = f"llvm.x86.avx512.vpdpbusd.{32 * acc.type.count}"
    return _call(b, name, acc.type, [acc, y, x])


def _call(b: Builder, name: str, result: object, arguments: list[Value]) -> Value:
    known = b.module.globals.get(name) or ir.Function(
        b.module, ir.FunctionType(result, [one.type for one in arguments]), name
    )
    return b.call(known, arguments)


FLOATS: Final = Arithmetic("floats", FOLDS[Opcode.DOT], canonical, unrolled=2)
INTS: Final = Arithmetic("ints", FOLDS[Opcode.IDOT], _as_it_is)
_SMALL: Final = {
    2: Arithmetic("halves", _halves, _as_it_is, 2),
    4: Arithmetic("bytes", _bytes, _as_it_is, 4, _BYTES_FLIPPED),
}


@cache
def small_ints() -> Arithmetic | None:
    """The fastest way for ints that are small, where this process's instruction set has one."""
    return _SMALL.get(isa().packed)
