"""What a backend executes: stages, each a loop nest or a matmul, over buffers.

A *nest* walks over `outer` runs of `inner` elements. Its instructions are in SSA form: each gives a
word for every element of a run (FULL) or one for the whole run (RUN), and names others by their
places in the list. Whatever schedule a backend chooses, the words are those of the rows in order.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from math import prod

from prover.ops import Opcode
from prover.row import RegisterId


class Level(Enum):
    """How often an instruction of a nest is executed."""

    RUN = "run"
    FULL = "element"


@dataclass(frozen=True, slots=True)
class Buffer:
    """Memory of `length` words: a register that outlives the step, or a place in the arena."""

    length: int
    register: RegisterId | None = None
    arena: int = 0
    """Its first word in the arena, where it is there."""


@dataclass(frozen=True, slots=True)
class Address:
    """offset + sum of stride * digit over the nest's dimensions + (step mod turn[0]) * turn[1]."""

    buffer: Buffer
    offset: int
    strides: tuple[int, ...]
    turn: tuple[int, int] = (1, 0)


@dataclass(frozen=True, slots=True)
class Constant:
    """A word."""

    word: int


@dataclass(frozen=True, slots=True)
class Load:
    """A word of memory; 0 outside of the buffer, when `checked`."""

    address: Address
    checked: bool = False


@dataclass(frozen=True, slots=True)
class Gather:
    """The word at an address shifted by int32(x) * int32(y); 0 outside of the buffer."""

    x: int
    y: int
    address: Address


@dataclass(frozen=True, slots=True)
class Map:
    """A scalar operation on earlier results."""

    opcode: Opcode
    operands: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Fold:
    """One ascending chain over `count` fold indices of words in memory, for each element."""

    opcode: Opcode
    operands: tuple[Load | Constant, ...]
    strides: tuple[int, ...]
    """How far each operand's address moves with the fold index."""
    count: int


@dataclass(frozen=True, slots=True)
class Reduce:
    """A run's elements to one word: 32 lanes, a halving tree, and the rest as a chain.

    Lane l folds elements l, l + 32, ... of the first 32 * (inner // 32); lanes are combined in
    halves 16, 8, 4, 2, 1; the elements left over are one ascending chain, combined last. A run of
    less than 32 is that chain alone.
    """

    opcode: Opcode
    combine: Opcode
    operand: int


@dataclass(frozen=True, slots=True)
class Store:
    """A result to memory."""

    value: int
    address: Address


@dataclass(frozen=True, slots=True)
class Check:
    """Notes the row when a result is NaN or Inf."""

    value: int
    row: int


Instruction = Constant | Load | Gather | Map | Fold | Reduce | Store | Check


def operands(instruction: Instruction) -> tuple[int, ...]:
    """The places of the results that an instruction uses."""
    match instruction:
        case Map(_, places):
            return places
        case Gather(x, y, _):
            return x, y
        case Reduce(_, _, place) | Store(place, _) | Check(place, _):
            return (place,)
        case _:
            return ()


@dataclass(frozen=True, slots=True)
class Nest:
    """A loop nest. `outer` are dimensions, row-major; strides of FULL addresses end with that along
    the run, those of RUN addresses do not have it.
    """

    outer: tuple[int, ...]
    inner: int
    body: tuple[Instruction, ...]
    levels: tuple[Level, ...]
    rows: tuple[int, ...]

    @property
    def runs(self) -> int:
        """Number of runs."""
        return prod(self.outer)

    @property
    def buffers(self) -> tuple[Buffer, ...]:
        """The memory it works on, each once."""
        found: dict[Buffer, None] = {}
        for instruction in self.body:
            for address in addresses(instruction):
                found[address.buffer] = None
        return tuple(found)


def addresses(instruction: Instruction) -> Sequence[Address]:
    """Where an instruction reads or writes."""
    match instruction:
        case Load(address) | Gather(_, _, address) | Store(_, address):
            return (address,)
        case Fold(_, loads):
            return [one.address for one in loads if isinstance(one, Load)]
        case _:
            return ()


@dataclass(frozen=True, slots=True)
class Matmul:
    """out[b0, b1, m, n] = fold over k of x[b0, b1, m, k] and y[b0, b1, k, n]; out is dense.

    `opcode` is DOT or IDOT. Strides are (b0, b1, m, k) of x and (b0, b1, k, n) of y, in words.
    """

    sizes: tuple[int, int, int, int, int]
    """b0, b1, m, n, k."""
    x: Address
    y: Address
    out: Address
    rows: tuple[int, ...]
    opcode: Opcode = Opcode.DOT


@dataclass(frozen=True, slots=True)
class Clear:
    """Makes a buffer zeros."""

    buffer: Buffer
    rows: tuple[int, ...] = ()


Stage = Nest | Matmul | Clear


@dataclass(frozen=True, slots=True)
class Plan:
    """A training step as stages, each of which sees all that those before it wrote."""

    stages: tuple[Stage, ...]
    kept: tuple[Buffer, ...]
    """Registers that the step works on; others are not touched."""
    written: frozenset[RegisterId]
    arena: int
    """Words of memory for what lives between stages."""
