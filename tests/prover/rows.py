"""One row, what may be put into its bytes, and how many micro-steps rows of each size have."""

from prover.ops import Opcode
from prover.row import Depths, Kind, Operand, Quad, Row, Segment, register_id

DEPTHS = Depths(2, 1, 0, 3)
PARAM = register_id(Segment.PARAMS, 3)
INPUT = register_id(Segment.INPUTS, 1)
OUTPUT = register_id(Segment.OUTPUTS, 0)
X = Operand(Kind.REGISTER, INPUT, 200, -7, (50, 10, -2, 1), 3, 5, -9)
Y = Operand(Kind.REGISTER, PARAM, 12, 0, (0, 1, 2, 3), -1)
DOT = Row(Opcode.DOT, OUTPUT, 24, (1, 2, 3, 4), 6, (X, Y), 1, 7, -24)
UNDECODABLE = {
    "reserved byte of the row": (1, b"\1"),
    "reserved byte of x": (41, b"\x80"),
    "reserved byte of y": (81, b"\1"),
    "x is nothing": (40, b"\0"),
    "y is of no kind": (80, b"\3"),
    "out is an input": (2, b"\x40\x00"),
    "out is beyond its segment": (2, b"\x80\x01"),
    "out is beyond scratch": (2, b"\xc0\x08"),
    "x is beyond its segment": (42, b"\x40\x02"),
    "y is beyond its segment": (82, b"\x00\x04"),
    "out modulus": (12, b"\x10\0\0\0"),
    "dimension 0": (20, b"\x10\0\0\0"),
    "dimension 1": (24, b"\xff\xff\xff\xff"),
    "dimension 2": (28, b"\x10\0\0\0"),
    "dimension 3": (32, b"\x10\0\0\0"),
    "fold": (36, b"\x10\0\0\0"),
    "modulus of x": (72, b"\x10\0\0\0"),
    "modulus of y": (112, b"\x80\0\0\0"),
}
"""What makes `DOT` undecodable: a place in its bytes, and what is put there."""
DECODABLE = {
    "kind, reserved byte and register of the unused z": (120, b"\xff\xff\xff\xff"),
    "modulus of the unused z": (152, b"\xff\xff\xff\xff"),
    "the last register of scratch": (2, b"\xc0\x07"),
    "the largest dimension": (32, b"\x0f\xff\xff\xff"),
    "no elements": (24, b"\0\0\0\0"),
    "an empty fold": (36, b"\0\0\0\0"),
    "any length": (4, b"\xff\xff\xff\xff"),
    "x immediate, with a modulus that no register has": (40, b"\1"),
}
"""What does not."""

LARGE = (1 << 28) - 1
COUNTS: list[tuple[Quad, int, int]] = [
    ((1, 2, 3, 4), 6, 144),
    ((1, 1, 1, 1), 1, 1),
    ((0, 2, 3, 4), 6, 0),
    ((1, 2, 3, 0), 6, 0),
    ((1, 2, 3, 4), 0, 0),
    ((1, 1, 1 << 20, 1 << 27), 1, 1 << 47),
    ((1, 1, 1 << 20, 1 << 27), 2, 0),
    ((1, 1, LARGE, 1 << 20), 1, (1 << 48) - (1 << 20)),
    ((LARGE, LARGE, LARGE, LARGE), LARGE, 0),
    ((LARGE, LARGE, LARGE, LARGE), 0, 0),
]
"""Dimensions, fold length, micro-steps."""


def patched(packed: bytes, at: int, field: bytes) -> bytes:
    return packed[:at] + field + packed[at + len(field) :]
