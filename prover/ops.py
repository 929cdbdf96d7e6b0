"""The scalar operations: all that a micro-step can compute, one stanza an opcode.

Each op takes words and returns a word (see `prover.float32`) and is total. A *map* looks at its
operands alone; a *fold* also takes the accumulator, which starts as the op's identity. `Scalar.sol`
holds the same table and tests keep the two equal.

Weights
-------
An op's weight is its cost in *work units*, which bound how long replaying a claim may take. They
must hold for the slowest program, not for the usual one, so a unit is one element of a two-operand
map streamed through main memory (0.34 ns on one core of an AVX2 machine), and a weight is the op's
slowest schedule in units, rounded up:

* most ops 1: in a map, moving the words costs more than the arithmetic;
* FMA, SELECT 2: they stream a third operand (0.44 ns);
* DIV, SQRT 2: streamed they cost as much as the others, but dividers are not pipelined: on
  subnormals in cache 0.24 and 0.36 ns;
* GATHER 12: each element may miss the cache (4.1 ns);
* SUM, MAXF 2 and DOT 3: a fold with a single output is one chain of dependent steps, which no
  vector unit shortens (0.53 and 1.06 ns). A matmul runs many chains at once, far below its weight;
* IDOT 2: its order is free, so nothing waits, but it reads two operands and multiplies (0.41 ns).

Processors that trap on subnormals slow all float ops alike, so that factor belongs to the rate at
which units are turned into seconds, not here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import IntEnum
from types import MappingProxyType
from typing import Final

from prover import float32
from prover.errors import ProverError

_MASK: Final = float32.WORD_MASK
_NEGATIVE_INFINITY: Final = float32.INFINITY | float32.SIGN_BIT


class UnknownOpcodeError(ProverError, ValueError):
    """A number that names no op was applied."""


class Opcode(IntEnum):
    """The number that names an op in a program's row."""

    ADD = 0x01
    SUB = 0x02
    MUL = 0x03
    FMA = 0x04
    DIV = 0x05
    SQRT = 0x06
    MAX = 0x07
    LT = 0x08
    LE = 0x09
    EQ = 0x0A
    ILT = 0x0B
    ILE = 0x0C
    IEQ = 0x0D
    SELECT = 0x0E
    IADD = 0x0F
    ISUB = 0x10
    IMUL = 0x11
    UMULH = 0x12
    AND = 0x13
    OR = 0x14
    XOR = 0x15
    SHL = 0x16
    SHR = 0x17
    SAR = 0x18
    FROM_INT = 0x19
    TO_INT_NEAREST = 0x1A
    TO_INT_ZERO = 0x1B
    MOVE = 0x1C
    GATHER = 0x1D
    SUM = 0x20
    DOT = 0x21
    MAXF = 0x22
    IDOT = 0x23


@dataclass(frozen=True, slots=True)
class Op:
    """One stanza of the table.

    `arity` is how many of the operands x, y, z are used, in that order (1..3). `identity` is the
    word a fold's accumulator starts as; maps have 0 and ignore it. `function` takes
    (accumulator, x, y, z) and ignores what the op does not use. `weight` is in work units.
    """

    opcode: Opcode
    name: str
    arity: int
    is_fold: bool
    identity: int
    weight: int
    function: Callable[[int, int, int, int], int]
    doc: str


def is_opcode(number: int) -> bool:
    """Whether the number names an op."""
    return number in _BY_NUMBER


def apply(opcode: int, acc: int, x: int, y: int, z: int) -> int:
    """The op's result for an accumulator and operand words; what the op does not use is ignored.

    Raises UnknownOpcodeError when `opcode` names no op.
    """
    op = _BY_NUMBER.get(opcode)
    if op is None:
        raise UnknownOpcodeError(f"{opcode:#x} names no op; ask is_opcode first")
    return op.function(acc, x, y, z)


def _less(x: int, y: int) -> int:
    return _mask(float32.to_signed(x) < float32.to_signed(y))


def _less_or_equal(x: int, y: int) -> int:
    return _mask(float32.to_signed(x) <= float32.to_signed(y))


def _equal(x: int, y: int) -> int:
    return _mask(x == y)


def _select(x: int, y: int, z: int) -> int:
    return y if x != 0 else z


def _add(x: int, y: int) -> int:
    return (x + y) & _MASK


def _subtract(x: int, y: int) -> int:
    return (x - y) & _MASK


def _multiply_low(x: int, y: int) -> int:
    return (x * y) & _MASK


def _multiply_high(x: int, y: int) -> int:
    return (x * y) >> 32


def _and(x: int, y: int) -> int:
    return x & y


def _or(x: int, y: int) -> int:
    return x | y


def _xor(x: int, y: int) -> int:
    return x ^ y


def _shift_left(x: int, y: int) -> int:
    return (x << (y & 31)) & _MASK


def _shift_right(x: int, y: int) -> int:
    return x >> (y & 31)


def _shift_right_signed(x: int, y: int) -> int:
    return (float32.to_signed(x) >> (y & 31)) & _MASK


def _mask(condition: bool) -> int:
    return float32.TRUE if condition else float32.FALSE


def _unary(opcode: Opcode, of: Callable[[int], int], doc: str, weight: int = 1) -> Op:
    return _map(opcode, 1, lambda acc, x, y, z: of(x), doc, weight)


def _binary(opcode: Opcode, of: Callable[[int, int], int], doc: str, weight: int = 1) -> Op:
    return _map(opcode, 2, lambda acc, x, y, z: of(x, y), doc, weight)


def _ternary(opcode: Opcode, of: Callable[[int, int, int], int], doc: str, weight: int = 1) -> Op:
    return _map(opcode, 3, lambda acc, x, y, z: of(x, y, z), doc, weight)


def _map(
    opcode: Opcode, arity: int, function: Callable[[int, int, int, int], int], doc: str, weight: int
) -> Op:
    return Op(opcode, opcode.name.lower(), arity, False, 0, weight, function, doc)


def _fold(
    opcode: Opcode,
    arity: int,
    identity: int,
    function: Callable[[int, int, int, int], int],
    doc: str,
    weight: int,
) -> Op:
    return Op(opcode, opcode.name.lower(), arity, True, identity, weight, function, doc)


_TABLE: Final = (
    # Floats.
    _binary(Opcode.ADD, float32.add, "x + y"),
    _binary(Opcode.SUB, float32.sub, "x - y"),
    _binary(Opcode.MUL, float32.mul, "x * y"),
    _ternary(Opcode.FMA, float32.fma, "x * y + z, rounded once", weight=2),
    _binary(Opcode.DIV, float32.div, "x / y", weight=2),
    _unary(Opcode.SQRT, float32.sqrt, "square root of x", weight=2),
    _binary(Opcode.MAX, float32.maximum, "x > y ? x : y, NaN canonical"),
    _binary(Opcode.LT, float32.lt, "mask of x < y"),
    _binary(Opcode.LE, float32.le, "mask of x <= y"),
    _binary(Opcode.EQ, float32.eq, "mask of x == y"),
    # Integers, modulo 2**32; comparisons are signed.
    _binary(Opcode.ILT, _less, "mask of int32 x < y"),
    _binary(Opcode.ILE, _less_or_equal, "mask of int32 x <= y"),
    _binary(Opcode.IEQ, _equal, "mask of x == y, as bits"),
    _ternary(Opcode.SELECT, _select, "x != 0 ? y : z, bits copied", weight=2),
    _binary(Opcode.IADD, _add, "x + y"),
    _binary(Opcode.ISUB, _subtract, "x - y"),
    _binary(Opcode.IMUL, _multiply_low, "low 32 bits of x * y"),
    _binary(Opcode.UMULH, _multiply_high, "high 32 bits of unsigned x * y"),
    _binary(Opcode.AND, _and, "x & y"),
    _binary(Opcode.OR, _or, "x | y"),
    _binary(Opcode.XOR, _xor, "x ^ y"),
    _binary(Opcode.SHL, _shift_left, "x << (y & 31)"),
    _binary(Opcode.SHR, _shift_right, "x >> (y & 31), zeros shifted in"),
    _binary(Opcode.SAR, _shift_right_signed, "x >> (y & 31), sign bits shifted in"),
    # Conversions and moves.
    _unary(Opcode.FROM_INT, float32.from_int, "int32 x to float, nearest even"),
    _unary(Opcode.TO_INT_NEAREST, float32.to_int_nearest, "float x to int32, nearest even"),
    _unary(Opcode.TO_INT_ZERO, float32.to_int_zero, "float x to int32, toward zero"),
    _unary(Opcode.MOVE, lambda x: x, "x, bits copied"),
    _ternary(
        Opcode.GATHER,
        lambda x, y, z: z,
        "z, bits copied; x and y shifted the address that z was read at",
        weight=12,
    ),
    # Folds.
    _fold(
        Opcode.SUM,
        1,
        0x00000000,
        lambda acc, x, y, z: float32.add(acc, x),
        "acc + x, from +0",
        weight=2,
    ),
    _fold(
        Opcode.DOT,
        2,
        0x00000000,
        lambda acc, x, y, z: float32.fma(x, y, acc),
        "x * y + acc, rounded once, from +0",
        weight=3,
    ),
    _fold(
        Opcode.MAXF,
        1,
        _NEGATIVE_INFINITY,
        lambda acc, x, y, z: float32.maximum(acc, x),
        "acc > x ? acc : x, NaN canonical, from -Inf",
        weight=2,
    ),
    _fold(
        Opcode.IDOT,
        2,
        0x00000000,
        lambda acc, x, y, z: (acc + x * y) & _MASK,
        "acc + x * y modulo 2**32, from 0",
        weight=2,
    ),
)

_BY_NUMBER: Final[dict[int, Op]] = {op.opcode: op for op in _TABLE}
OPS: Final[Mapping[Opcode, Op]] = MappingProxyType({op.opcode: op for op in _TABLE})

FLOAT_RESULTS: Final = frozenset({
    Opcode.ADD, Opcode.SUB, Opcode.MUL, Opcode.FMA, Opcode.DIV, Opcode.SQRT, Opcode.MAX,
    Opcode.FROM_INT, Opcode.SUM, Opcode.DOT, Opcode.MAXF,
})  # fmt: skip
"""Ops whose result is a float, and not bits of some kind."""
