"""What elementary functions are written in: map rows one after the other, and words."""

from collections.abc import Callable, Sequence
from typing import Any, Final, Protocol, TypeVar

from prover.float32 import SIGN_BIT
from prover.ops import Opcode

V = TypeVar("V")


class Emit(Protocol[V]):
    """Puts one map row after the others; operands are earlier results or words."""

    def __call__(self, opcode: Opcode, *operands: V | int) -> V:
        """The row's result."""
        ...


Elementary = Callable[[Emit[Any], Any], Any]
"""A function of one float as rows: (emit, x) to the last row's result."""

ZERO: Final = 0
ONE: Final = 0x3F800000
MINUS_ONE: Final = 0xBF800000
TWO: Final = 0x40000000
ROUNDER: Final = 0x4B400000
"""1.5 * 2^23: a float this large has no fraction, and the integer stands in its low bits."""


def rows(function: Elementary) -> int:
    """How many rows a function takes."""
    done = 0

    def emit(opcode: Opcode, *operands: int) -> int:
        nonlocal done
        done += 1
        return 0

    function(emit, 0)
    return done


def polynomial(emit: Emit[V], x: V, coefficients: Sequence[int]) -> V:
    """c0 + c1 x + c2 x^2 + ... by Horner's rule; at least two coefficients, one row less."""
    *rest, second, first = coefficients
    p = emit(Opcode.FMA, x, first, second)
    for coefficient in reversed(rest):
        p = emit(Opcode.FMA, p, x, coefficient)
    return p


def minus_size(emit: Emit[V], x: V) -> V:
    """-|x|; a NaN stays one."""
    return emit(Opcode.OR, x, SIGN_BIT)


def with_sign_of(emit: Emit[V], minus: V, x: V, minus_size_of_x: V) -> V:
    """From -|y| to y of the sign of x; a NaN may come out of other bits than the canonical."""
    return emit(Opcode.XOR, minus, emit(Opcode.XOR, x, minus_size_of_x))
