"""Rows: one op over tensors each, packed into 160 bytes (docs/protocol.md, section 5).

A row names an opcode, where results go, the iteration space, and how each operand's address follows
from the place in it. Any 160 bytes are a row; those that say nothing sensible have no micro-steps.
"""

import struct
from dataclasses import dataclass
from enum import IntEnum
from math import prod
from typing import NamedTuple, NewType

from prover.ops import OPS, Opcode, is_opcode

ROW_BYTES = 160
MAX_DEPTH = 14
"""Segments hold at most 2^14 registers: an id has 14 bits for the index."""
FIELD_BOUND = 1 << 28
"""Dimensions, fold lengths and step moduli are below this, so that addresses fit int64."""
COUNT_BOUND = 1 << 48

RegisterId = NewType("RegisterId", int)
"""u16: the segment in the top two bits, the index below."""


class Segment(IntEnum):
    """The four groups of registers."""

    PARAMS = 0
    INPUTS = 1
    OUTPUTS = 2
    SCRATCH = 3


def register_id(segment: Segment, index: int) -> RegisterId:
    """The id of a segment's register, 0 <= index < 2^14."""
    return RegisterId(segment << MAX_DEPTH | index)


def segment_of(register: RegisterId) -> Segment:
    """The segment of a register id."""
    return Segment(register >> MAX_DEPTH)


def index_of(register: RegisterId) -> int:
    """The index of a register id inside its segment."""
    return register & ((1 << MAX_DEPTH) - 1)


class Depths(NamedTuple):
    """Depth (0..14) of each segment's register tree."""

    params: int
    inputs: int
    outputs: int
    scratch: int

    def holds(self, register: RegisterId) -> bool:
        """Whether a register's index is inside its segment."""
        return index_of(register) >> self[segment_of(register)] == 0


class Kind(IntEnum):
    """What an operand is."""

    NONE = 0
    IMMEDIATE = 1
    REGISTER = 2


Quad = tuple[int, int, int, int]
_OPERAND = struct.Struct(">BBHIi4iiIi")
_ROW = struct.Struct(">BBHIiIi4II")


@dataclass(frozen=True, slots=True)
class Operand:
    """Where a row reads: an immediate word, or a register at an affine address.

    `length` is the register's length (words) as the row expects it; strides and offset are in
    words, signed 32-bit; the step term is (step mod `step_modulus`) * `step_stride`, and nothing
    for modulus 0.
    """

    kind: Kind = Kind.NONE
    register: RegisterId = RegisterId(0)
    length: int = 0
    offset: int = 0
    strides: Quad = (0, 0, 0, 0)
    fold_stride: int = 0
    step_modulus: int = 0
    step_stride: int = 0

    @classmethod
    def immediate(cls, word: int) -> "Operand":
        """A constant word."""
        return cls(Kind.IMMEDIATE, offset=word - ((word & 0x80000000) << 1))

    @property
    def word(self) -> int:
        """The word of an immediate."""
        return self.offset & 0xFFFFFFFF

    def address(self, digits: Quad, fold_index: int, step: int) -> int:
        """The exact signed address at a place of the iteration space; below 2^62 in magnitude."""
        moved = sum(stride * digit for stride, digit in zip(self.strides, digits, strict=True))
        turn = step % self.step_modulus * self.step_stride if self.step_modulus else 0
        return self.offset + moved + self.fold_stride * fold_index + turn

    def pack(self) -> bytes:
        """The operand's 40 bytes."""
        return _OPERAND.pack(
            self.kind, 0, self.register, self.length, self.offset, *self.strides,
            self.fold_stride, self.step_modulus, self.step_stride,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Row:
    """One op of a program over its iteration space `dims` x `fold`."""

    opcode: Opcode
    out: RegisterId
    out_length: int
    dims: Quad
    fold: int
    operands: tuple[Operand, ...]
    out_offset: int = 0
    out_modulus: int = 0
    out_stride: int = 0

    @property
    def elements(self) -> int:
        """Number of results that the row writes."""
        return prod(self.dims)

    @property
    def count(self) -> int:
        """Number of micro-steps; 0 when it would reach 2^48."""
        count = self.elements * self.fold
        return count if count < COUNT_BOUND else 0

    def digits(self, element: int) -> Quad:
        """The mixed-radix digits of an element, the last dimension fastest."""
        element, i3 = divmod(element, self.dims[3])
        element, i2 = divmod(element, self.dims[2])
        i0, i1 = divmod(element, self.dims[1])
        return i0, i1, i2, i3

    def out_address(self, element: int, step: int) -> int:
        """Where element `element` is written in training step `step`."""
        turn = step % self.out_modulus * self.out_stride if self.out_modulus else 0
        return self.out_offset + turn + element

    def pack(self) -> bytes:
        """The row's 160 bytes."""
        operands = (*self.operands, *[Operand()] * (3 - len(self.operands)))
        head = _ROW.pack(
            self.opcode, 0, self.out, self.out_length, self.out_offset, self.out_modulus,
            self.out_stride, *self.dims, self.fold,
        )  # fmt: skip
        return head + b"".join(operand.pack() for operand in operands)


def _operand(packed: bytes, depths: Depths) -> Operand | None:
    kind, reserved, register, length, offset, *strides, fold_stride, modulus, step_stride = (
        _OPERAND.unpack(packed)
    )
    if reserved:
        return None
    if kind == Kind.IMMEDIATE:
        return Operand(Kind.IMMEDIATE, offset=offset)
    if kind != Kind.REGISTER or modulus >= FIELD_BOUND or not depths.holds(register):
        return None
    return Operand(
        Kind.REGISTER, register, length, offset, tuple(strides), fold_stride, modulus, step_stride
    )


def decode(packed: bytes, depths: Depths) -> Row | None:
    """The row that 160 bytes say, with as many operands as its opcode uses; None when
    undecodable.
    """
    opcode, reserved, out, out_length, out_offset, out_modulus, out_stride, *dims, fold = (
        _ROW.unpack(packed[:40])
    )
    if reserved or not is_opcode(opcode):
        return None
    if max(*dims, fold, out_modulus) >= FIELD_BOUND:
        return None
    if segment_of(out) == Segment.INPUTS or not depths.holds(out):
        return None
    operands: list[Operand] = []
    for place in range(OPS[opcode].arity):
        operand = _operand(packed[40 + 40 * place : 80 + 40 * place], depths)
        if operand is None:
            return None
        operands.append(operand)
    return Row(
        Opcode(opcode), out, out_length, tuple(dims), fold, tuple(operands),
        out_offset, out_modulus, out_stride,
    )  # fmt: skip
