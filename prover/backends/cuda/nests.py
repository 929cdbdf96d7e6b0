"""Loop nests as CUDA C.

A nest without reductions is one thread an element. One with reductions is a warp a run: lane l
takes the elements l, l + 32, ..., which is how reductions are defined, and walks over them once for
each phase (`prover.backends.phases`). Words that a later phase needs stay with their lane: in its
registers where a run is short, else in memory of the warp. So lanes meet in shuffles alone.

NaNs stay as the device makes them until something looks at their bits (`prover.native.emit`).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from prover.backends.cuda.kernels import Argument, Given, Launch, named
from prover.backends.cuda.places import Places
from prover.backends.cuda.prelude import FUNCTIONS, LANES, REDUCTIONS
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

_THREADS: Final = 256
_WARPS: Final = 4
"""A block's, where a warp takes a run."""
_BLOCKS: Final = 2048
"""At most: enough for any device, whose threads then take several elements or runs."""
_HELD: Final = 8
"""Words of a result that a lane holds in registers."""
_KEPT_WORDS: Final = 1 << 24
"""Of memory that warps keep words in, all together, unless one alone needs more."""
_FULL: Final = "0xffffffffu"


def launch(nest: Nest) -> Launch:
    """The kernel of a nest, and how it is launched."""
    writer = _Writer(nest)
    text = writer.text()
    blocks = _blocks(nest.runs * nest.inner, _THREADS)
    kept = 0
    arguments: list[Argument] = [Given.CONTROL, *nest.buffers]
    if writer.reduces:
        blocks = _blocks(nest.runs, _WARPS)
        if writer.spills:
            size = len(writer.phases.carried) * writer.padded
            blocks = min(blocks, max(1, _KEPT_WORDS // (size * _WARPS)))
            kept = blocks * _WARPS * size
            arguments.append(Given.KEPT)
    threads = _WARPS * LANES if writer.reduces else _THREADS
    return Launch(named("nest", text), blocks, threads, tuple(arguments), kept)


def _blocks(count: int, each: int) -> int:
    return max(1, min(-(-count // each), _BLOCKS))


class _Writer:
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

    def text(self) -> str:
        kept = ", u32* kept" if self.spills else ""
        threads = _WARPS * LANES if self.reduces else _THREADS
        self._line(f"if (control->stopped) return;{self.places.turns}")
        if self.reduces:
            self._warps()
        else:
            self._threads()
        head = (
            f'extern "C" __global__ void __launch_bounds__({threads})\n'
            f"KERNEL(Control* control{self.places.parameters}{kept}) {{\n"
        )
        return head + "\n".join(self.lines) + "\n}\n"

    # -------------------------------------------------------------------- an element a thread

    def _threads(self) -> None:
        nest = self.nest
        with self._block(f"for (N e = (N)FIRST; e < {nest.runs * nest.inner}u; e += (N)HOP)"):
            self._line(f"N at = e % {nest.inner}u, run = e / {nest.inner}u;")
            self._line(self.places.digits)
            for place, instruction in enumerate(nest.body):
                if nest.levels[place] == Level.RUN and not isinstance(instruction, Store | Check):
                    self._once(place, instruction)
                else:
                    self._each(place, instruction)

    # -------------------------------------------------------------------------- a run a warp

    def _warps(self) -> None:
        nest, held = self.nest, self.padded // LANES
        self._line("const u32 lane = threadIdx.x & 31u;")
        self._line("const N warp = (N)(FIRST >> 5), warps = (N)(HOP >> 5);")
        if self.spills:
            self._line(f"kept += warp * {len(self.phases.carried) * self.padded}ull;")
        with self._block(f"for (N r = warp; r < {nest.runs}u; r += warps)"):
            self._line("N run = r;")
            self._line(self.places.digits)
            if self.holds:
                for place in self.phases.carried:
                    self._line(f"u32 c{place}[{held}];")
            for place, instruction in enumerate(nest.body):
                if isinstance(instruction, Reduce):
                    identity = OPS[instruction.opcode].identity
                    self._line(f"u32 s{place} = {identity:#x}u, t{place} = {identity:#x}u;")
            for phase in range(self.phases.count):
                self.phase = phase
                for place, instruction in enumerate(nest.body):
                    if nest.levels[place] == Level.RUN and self.phases.of[place] == self.phase:
                        self._once(place, instruction)
                self._walk()

    def _walk(self) -> None:
        """Over a run's elements, for one phase; what is left of it is one lane an element."""
        body = [(place, one) for place, one in enumerate(self.nest.body) if self._loops(place)]
        if not body:
            return
        if self.full:
            self._line("#pragma unroll" if self.holds else "#pragma unroll 4")
            with self._block(f"for (int i = 0; i < {self.full // LANES}; ++i)"):
                self._line(f"const N at = (N)i * {LANES}u + lane;")
                self._part(body)
        if not self.rest:
            return
        reduced = [(place, one) for place, one in body if isinstance(one, Reduce)]
        for place, _ in reduced:
            self._line(f"u32 x{place} = 0u;")
        with self._block(f"if (lane < {self.rest}u)"):
            self._line(f"const int i = {self.full // LANES};")
            self._line(f"const N at = {self.full}u + lane;")
            self._part(body, tail=True)
        for place, one in reduced:
            word = f"__shfl_sync({_FULL}, x{place}, l)"
            step = f"{REDUCTIONS[one.opcode]}(t{place}, {word})"
            self._line(f"for (int l = 0; l < {self.rest}; ++l) t{place} = {step};")

    def _loops(self, place: int) -> bool:
        instruction = self.nest.body[place]
        if isinstance(instruction, Reduce):
            return self.phases.of[place] == self.phase + 1
        if self.nest.levels[place] != Level.FULL or self.phases.of[place] != self.phase:
            return False
        return not isinstance(instruction, Load) or place in self.phases.carried

    def _part(self, body: list[tuple[int, Any]], *, tail: bool = False) -> None:
        self.known = {}
        for place, instruction in body:
            if isinstance(instruction, Reduce):
                word = self._get(instruction.operand)
                if instruction.opcode not in MAKES_NAN:
                    word = self._settled(instruction.operand)
                fold = f"x{place} = {word};"
                if not tail:
                    fold = f"s{place} = {REDUCTIONS[instruction.opcode]}(s{place}, {word});"
                self._line(fold)
                continue
            self._each(place, instruction)
            if place in self.phases.carried:
                self._line(f"{self._carried(place)} = v{place};")
        self.known = {}

    # ----------------------------------------------------------------------------- instructions

    def _each(self, place: int, instruction: Any) -> None:
        """An instruction for the element `at`."""
        match instruction:
            case Load():
                self._full(place, self.places.load(instruction))
            case Gather(x, y, address):
                index = self.places.shifted(address, self._settled(x), self._settled(y))
                self._full(place, self.places.within(address, index))
            case Map(opcode, used):
                self._full(place, self._map(place, opcode, used))
            case Fold():
                self._fold(place, instruction)
            case Store(value, address):
                store = f"{self.places.at(address)} = {self._settled(value)};"
                self._line(store)
            case Check(value, row):
                self._line(f"look(control, {self._get(value)}, {row}u);")

    def _once(self, place: int, instruction: Any) -> None:
        """An instruction for the whole run, by every thread that has part in it."""
        match instruction:
            case Constant(word):
                self._run(place, f"{word:#x}u")
            case Load():
                self._run(place, self.places.load(instruction))
            case Gather(x, y, address):
                index = self.places.shifted(address, self._settled(x), self._settled(y))
                self._run(place, self.places.within(address, index))
            case Map(opcode, used):
                self._run(place, self._map(place, opcode, used))
            case Reduce():
                self._reduced(place, instruction)
            case Store(value, address):
                # A lane may still be about to read what was there.
                store = f"{self.places.at(address)} = {self._settled(value)};"
                self._line(f"__syncwarp(); if (lane == 0u) {store}")
            case Check(value, row):
                self._line(f"if (lane == 0u) look(control, {self._get(value)}, {row}u);")

    def _fold(self, place: int, fold: Fold) -> None:
        if fold.opcode in MAKES_NAN:
            self.raw.add(place)
        self._line(f"u32 v{place} = {OPS[fold.opcode].identity:#x}u;")
        words = [
            f"{one.word:#x}u" if isinstance(one, Constant) else self.places.load(one, stride)
            for one, stride in zip(fold.operands, fold.strides, strict=True)
        ]
        self._line("#pragma unroll 4")
        step = f"v{place} = {_call(fold.opcode, f'v{place}', *words)};"
        self._line(f"for (I k = 0; k < {fold.count}; ++k) {step}")
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
            other = f"__shfl_down_sync({_FULL}, s{place}, {width})"
            self._line(f"s{place} = {_call(reduce.combine, f's{place}', other)};")
        word = f"__shfl_sync({_FULL}, s{place}, 0)"
        self._run(place, _call(reduce.combine, word, f"t{place}") if self.rest else word)

    def _map(self, place: int, opcode: Opcode, used: tuple[int, ...]) -> str:
        blind = opcode in BLIND
        given = [self._get(one) if blind else self._settled(one) for one in used]
        if opcode in MAKES_NAN or (opcode in HANDS_ON and self.raw & {*used}):
            self.raw.add(place)
        return _call(opcode, *given)

    def _get(self, place: int) -> str:
        """The name of an earlier result."""
        if place in self.known:
            return self.known[place]
        instruction = self.nest.body[place]
        if self.nest.levels[place] == Level.RUN:
            return f"r{place}"
        if place in self.phases.carried and self.phases.of[place] < self.phase:
            self._full(place, self._carried(place))
        elif isinstance(instruction, Load):
            self._full(place, self.places.load(instruction))
        return self.known[place]

    def _settled(self, place: int) -> str:
        word = self._get(place)
        return f"canonical({word})" if place in self.raw else word

    def _carried(self, place: int) -> str:
        if self.holds:
            return f"c{place}[i]"
        number = self.phases.carried.index(place)
        return f"kept[{number * self.padded}u + at]"

    def _full(self, place: int, word: str) -> None:
        self._line(f"const u32 v{place} = {word};")
        self.known[place] = f"v{place}"

    def _run(self, place: int, word: str) -> None:
        self._line(f"const u32 r{place} = {word};")

    def _line(self, text: str) -> None:
        if text:
            self.lines.append("    " * self.depth + text)

    @contextmanager
    def _block(self, head: str) -> Iterator[None]:
        self._line(f"{head} {{")
        self.depth += 1
        yield
        self.depth -= 1
        self._line("}")


def _call(opcode: Opcode, *operands: str) -> str:
    return f"{FUNCTIONS[opcode]}({', '.join(operands)})"
