"""A nest's instructions as statements of CUDA C, for one element or for a whole run."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from prover.backends.cuda.places import Places
from prover.backends.cuda.prelude import FUNCTIONS, LANES
from prover.backends.phases import phases
from prover.native.emit import BLIND, HANDS_ON, MAKES_NAN
from prover.ops import OPS, Opcode
from prover.plan.nest import (
    Check,
    Constant,
    Fold,
    Gather,
    Level,
    Load,
    Map,
    Nest,
    Reduce,
    Store,
)

FULL_WARP: Final = "0xffffffffu"
_HELD: Final = 8
"""Words of a result that a lane holds in registers."""


class Instructions:
    """Writes a kernel's lines. FULL results are variables v0, v1, ... of an element, RUN results
    r0, r1, ... of the run; a reduction's lanes and tail are s and t.
    """

    def __init__(self, nest: Nest) -> None:
        self.nest = nest
        self.phases = phases(nest)
        self.places = Places(nest)
        self.reduces = any(isinstance(one, Reduce) for one in nest.body)
        self.padded = -(-nest.inner // LANES) * LANES
        self.full = nest.inner // LANES * LANES if self.reduces else nest.inner
        self.rest = nest.inner - self.full
        carries = self.reduces and bool(self.phases.carried)
        self.holds = carries and self.padded <= LANES * _HELD
        self.spills = carries and not self.holds
        self.raw: set[int] = set()
        """Results that may hold NaNs of other bits than the canonical one."""
        self.known: dict[int, str] = {}
        """FULL results that are there in this part of a phase."""
        self.phase = 0
        self.lines: list[str] = []
        self.depth = 1

    def each(self, place: int, instruction: Any) -> None:
        """An instruction for the element `at`."""
        match instruction:
            case Load():
                self._full(place, self.places.load(instruction))
            case Gather(x, y, address):
                index = self.places.shifted(address, self.settled(x), self.settled(y))
                self._full(place, self.places.within(address, index))
            case Map(opcode, used):
                self._full(place, self._map(place, opcode, used))
            case Fold():
                self._fold(place, instruction)
            case Store(value, address):
                store = f"{self.places.at(address)} = {self.settled(value)};"
                self.line(store)
            case Check(value, row):
                self.line(f"look(control, {self.get(value)}, {row}u);")

    def once(self, place: int, instruction: Any) -> None:
        """An instruction for the whole run, by every thread that has part in it."""
        match instruction:
            case Constant(word):
                self._run(place, f"{word:#x}u")
            case Load():
                self._run(place, self.places.load(instruction))
            case Gather(x, y, address):
                index = self.places.shifted(address, self.settled(x), self.settled(y))
                self._run(place, self.places.within(address, index))
            case Map(opcode, used):
                self._run(place, self._map(place, opcode, used))
            case Reduce():
                self._reduced(place, instruction)
            case Store(value, address):
                # A lane may still be about to read what was there.
                store = f"{self.places.at(address)} = {self.settled(value)};"
                self.line(f"__syncwarp(); if (lane == 0u) {store}")
            case Check(value, row):
                self.line(f"if (lane == 0u) look(control, {self.get(value)}, {row}u);")

    def _fold(self, place: int, fold: Fold) -> None:
        if fold.opcode in MAKES_NAN:
            self.raw.add(place)
        self.line(f"u32 v{place} = {OPS[fold.opcode].identity:#x}u;")
        words = [
            f"{one.word:#x}u" if isinstance(one, Constant) else self.places.load(one, stride)
            for one, stride in zip(fold.operands, fold.strides, strict=True)
        ]
        self.line("#pragma unroll 4")
        step = f"v{place} = {call(fold.opcode, f'v{place}', *words)};"
        self.line(f"for (I k = 0; k < {fold.count}; ++k) {step}")
        self.known[place] = f"v{place}"

    def _reduced(self, place: int, reduce: Reduce) -> None:
        if reduce.opcode in MAKES_NAN:
            self.raw.add(place)
        if not self.full:
            self._run(place, f"t{place}")
            return
        width = LANES
        while width > 1:
            width //= 2
            other = f"__shfl_down_sync({FULL_WARP}, s{place}, {width})"
            self.line(f"s{place} = {call(reduce.combine, f's{place}', other)};")
        word = f"__shfl_sync({FULL_WARP}, s{place}, 0)"
        self._run(place, call(reduce.combine, word, f"t{place}") if self.rest else word)

    def _map(self, place: int, opcode: Opcode, used: tuple[int, ...]) -> str:
        blind = opcode in BLIND
        given = [self.get(one) if blind else self.settled(one) for one in used]
        if opcode in MAKES_NAN or (opcode in HANDS_ON and self.raw & {*used}):
            self.raw.add(place)
        return call(opcode, *given)

    def get(self, place: int) -> str:
        """The name of an earlier result, raw."""
        if place in self.known:
            return self.known[place]
        instruction = self.nest.body[place]
        if self.nest.levels[place] == Level.RUN:
            return f"r{place}"
        if place in self.phases.carried and self.phases.of[place] < self.phase:
            self._full(place, self.carried(place))
        elif isinstance(instruction, Load):
            self._full(place, self.places.load(instruction))
        return self.known[place]

    def settled(self, place: int) -> str:
        """As `get`, with any NaN the canonical one: for what looks at bits."""
        word = self.get(place)
        return f"canonical({word})" if place in self.raw else word

    def carried(self, place: int) -> str:
        """Where a result outlasts its phase, for the element `at`."""
        if self.holds:
            return f"c{place}[i]"
        number = self.phases.carried.index(place)
        return f"kept[{number * self.padded}u + at]"

    def _full(self, place: int, word: str) -> None:
        self.line(f"const u32 v{place} = {word};")
        self.known[place] = f"v{place}"

    def _run(self, place: int, word: str) -> None:
        self.line(f"const u32 r{place} = {word};")

    def line(self, text: str) -> None:
        """Write a line, unless it is empty."""
        if text:
            self.lines.append("    " * self.depth + text)

    @contextmanager
    def block(self, head: str) -> Iterator[None]:
        """Write what is written inside as the body of a statement."""
        self.line(f"{head} {{")
        self.depth += 1
        yield
        self.depth -= 1
        self.line("}")


def call(opcode: Opcode, *operands: str) -> str:
    """An operation applied to operands."""
    return f"{FUNCTIONS[opcode]}({', '.join(operands)})"
