"""Loop nests as CUDA C.

A nest without reductions is one thread an element. One with reductions is a warp a run: lane l
takes the elements l, l + 32, ..., which is how reductions are defined, and walks over them once for
each phase (`prover.backends.phases`). Words that a later phase needs stay with their lane: in its
registers where a run is short, else in memory of the warp. So lanes meet in shuffles alone.

NaNs stay as the device makes them until something looks at their bits (`prover.native.emit`).
"""

from typing import Any, Final

from prover.backends.cuda.instructions import FULL_WARP, Instructions
from prover.backends.cuda.kernels import Argument, Given, Launch, named
from prover.backends.cuda.prelude import LANES, REDUCTIONS
from prover.native.emit import MAKES_NAN
from prover.ops import OPS
from prover.plan.nest import (
    Check,
    Level,
    Load,
    Nest,
    Reduce,
    Store,
)

_THREADS: Final = 256
_WARPS: Final = 4
"""A block's, where a warp takes a run."""
_BLOCKS: Final = 2048
"""At most: enough for any device, whose threads then take several elements or runs."""
_LITTLE: Final = 6
"""Instructions of a loop whose time is that of its loads."""
_KEPT_WORDS: Final = 1 << 24
"""Of memory that warps keep words in, all together, unless one alone needs more."""


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


class _Writer(Instructions):
    def text(self) -> str:
        kept = ", u32* kept" if self.spills else ""
        threads = _WARPS * LANES if self.reduces else _THREADS
        self.line(f"if (control->stopped) return;{self.places.turns}")
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
        with self.block(f"for (N e = (N)FIRST; e < {nest.runs * nest.inner}u; e += (N)HOP)"):
            self.line(f"N at = e % {nest.inner}u, run = e / {nest.inner}u;")
            self.line(self.places.digits)
            for place, instruction in enumerate(nest.body):
                if nest.levels[place] == Level.RUN and not isinstance(instruction, Store | Check):
                    self.once(place, instruction)
                else:
                    self.each(place, instruction)

    # -------------------------------------------------------------------------- a run a warp

    def _warps(self) -> None:
        nest, held = self.nest, self.padded // LANES
        self.line("const u32 lane = threadIdx.x & 31u;")
        self.line("const N warp = (N)(FIRST >> 5), warps = (N)(HOP >> 5);")
        if self.spills:
            self.line(f"kept += warp * {len(self.phases.carried) * self.padded}ull;")
        with self.block(f"for (N r = warp; r < {nest.runs}u; r += warps)"):
            self.line("N run = r;")
            self.line(self.places.digits)
            if self.holds:
                for place in self.phases.carried:
                    self.line(f"u32 c{place}[{held}];")
            for place, instruction in enumerate(nest.body):
                if isinstance(instruction, Reduce):
                    identity = OPS[instruction.opcode].identity
                    self.line(f"u32 s{place} = {identity:#x}u, t{place} = {identity:#x}u;")
            for phase in range(self.phases.count):
                self.phase = phase
                for place, instruction in enumerate(nest.body):
                    if nest.levels[place] == Level.RUN and self.phases.of[place] == self.phase:
                        self.once(place, instruction)
                self._walk()

    def _walk(self) -> None:
        """Over a run's elements, for one phase; what is left of it is one lane an element."""
        body = [(place, one) for place, one in enumerate(self.nest.body) if self._loops(place)]
        if not body:
            return
        if self.full:
            self.line(_unroll(held=self.holds, instructions=len(body)))
            with self.block(f"for (int i = 0; i < {self.full // LANES}; ++i)"):
                self.line(f"const N at = (N)i * {LANES}u + lane;")
                self._part(body)
        if not self.rest:
            return
        reduced = [(place, one) for place, one in body if isinstance(one, Reduce)]
        for place, _ in reduced:
            self.line(f"u32 x{place} = 0u;")
        with self.block(f"if (lane < {self.rest}u)"):
            self.line(f"const int i = {self.full // LANES};")
            self.line(f"const N at = {self.full}u + lane;")
            self._part(body, tail=True)
        for place, one in reduced:
            word = f"__shfl_sync({FULL_WARP}, x{place}, l)"
            step = f"{REDUCTIONS[one.opcode]}(t{place}, {word})"
            self.line(f"for (int l = 0; l < {self.rest}; ++l) t{place} = {step};")

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
                word = self.get(instruction.operand)
                if instruction.opcode not in MAKES_NAN:
                    word = self.settled(instruction.operand)
                fold = f"x{place} = {word};"
                if not tail:
                    fold = f"s{place} = {REDUCTIONS[instruction.opcode]}(s{place}, {word});"
                self.line(fold)
                continue
            self.each(place, instruction)
            if place in self.phases.carried:
                self.line(f"{self.carried(place)} = v{place};")
        self.known = {}


def _unroll(*, held: bool, instructions: int) -> str:
    """How often a lane's loop is written out: words held in registers need all of it, and one that
    does little waits for memory, the more so the fewer words it asks for at once.
    """
    if held:
        return "#pragma unroll"
    return "#pragma unroll 16" if instructions <= _LITTLE else "#pragma unroll 4"
