"""Plans as machine code: all stages of a training step in one call, on several threads.

Every thread walks through the same stages and does its share of each; a barrier after each stage
makes what it wrote visible to all. Between two stages nothing returns to Python, so that a claim's
run is a single call a thread.
"""

import ctypes
from functools import cache
from typing import Final

import numpy as np
from llvmlite import ir
from numpy.typing import NDArray

from prover.backends import matmul, nests
from prover.backends.blocks import Field
from prover.backends.nests import NOTE_BYTES, POINTER, STAGE
from prover.backends.phases import kept_bytes
from prover.commit.tensor import Words
from prover.native.emit import LONG, WORD, Builder, Value
from prover.native.loops import counted, long
from prover.native.module import Library, load
from prover.native.threads import spread
from prover.plan import Plan
from prover.plan.nest import Address, Buffer, Clear, Matmul, Nest, Stage
from prover.row import RegisterId

Longs = NDArray[np.int64]

_SPINS: Final = 2_000
"""Looks at a barrier before the processor is offered to others."""
_RUN: Final = ctypes.CFUNCTYPE(
    None, ctypes.c_void_p, *[ctypes.c_int64] * 6, ctypes.c_void_p, ctypes.c_void_p
)


class Machine:
    """A plan's machine code and the memory that it works in besides registers. One caller at a
    time.
    """

    def __init__(self, plan: Plan, threads: int) -> None:
        """Compiles the plan's nests, or finds them compiled."""
        module = ir.Module("plan")
        for number, stage in enumerate(plan.stages):
            if isinstance(stage, Nest):
                nests.add_nest(module, f"nest{number}", stage)
        self.plan = plan
        self._library = load(module)
        self._threads = threads
        self._arena = np.empty(plan.arena, np.uint32)
        kept = [kept_bytes(stage) for stage in plan.stages if isinstance(stage, Nest)]
        self._kept_bytes = -(-max(kept, default=0) // NOTE_BYTES) * NOTE_BYTES
        self._kept = np.empty(self._kept_bytes * threads, np.uint8)
        self._notes: Longs = np.zeros((threads, NOTE_BYTES // 8), np.int64)
        self._barrier: Longs = np.zeros(1, np.int64)
        self._registers: dict[RegisterId, Words] = {}

    def run(
        self, registers: dict[RegisterId, Words], first_step: int, steps: int, *, finite: bool
    ) -> tuple[int, int] | None:
        """Training steps on these words, in place: of each kept register the plan's length,
        contiguous, and writable where the plan writes.

        With `finite` none is done after one in which a result was not: gives its (step, row).
        """
        self._registers = registers
        self._notes[:] = 0
        self._barrier[:] = 0
        about = [self._describe(stage) for stage in self.plan.stages]
        turns = [self._turns(*one) for one in zip(self.plan.stages, about, strict=True)]
        calls = []
        for number, one in enumerate(about):
            calls += [(_runner().address("turn"), turn.ctypes.data) for turn in turns[number]]
            calls.append((self._address(number), one.ctypes.data))
        stages = np.array(calls, np.int64)
        self._registers = {}
        call = _RUN(_runner().address("run"))
        pointers = [one.ctypes.data for one in (stages, self._notes, self._barrier)]

        def task(thread: int, threads: int) -> None:
            call(
                pointers[0], len(stages), first_step, steps, -1 if finite else 0,
                thread, threads, *pointers[1:],
            )  # fmt: skip

        spread(task, self._threads)
        found = [(int(step), int(row) - 1) for row, step, *_ in self._notes if row]
        return min(found, default=None) if finite else None

    def _address(self, number: int) -> int:
        """Of a stage's function."""
        stage = self.plan.stages[number]
        if isinstance(stage, Matmul):
            return matmul.stage_address(stage.opcode)
        if isinstance(stage, Clear):
            return _runner().address("clear")
        return self._library.address(f"nest{number}")

    def _words(self, buffer: Buffer) -> Words:
        if buffer.register is not None:
            return self._registers[buffer.register]
        return self._arena[buffer.arena : buffer.arena + buffer.length]

    def _describe(self, stage: Stage) -> Longs:
        if isinstance(stage, Clear):
            return np.array([self._words(stage.buffer).ctypes.data, stage.buffer.length], np.int64)
        if isinstance(stage, Matmul):
            about = np.zeros(matmul.FIELDS, np.int64)
            about[: Field.B0] = [self._start(one) for one in (stage.x, stage.y, stage.out)]
            about[Field.B0 : Field.X_B0] = stage.sizes
            about[Field.X_B0 : Field.Y_B0] = stage.x.strides
            about[Field.Y_B0 :] = stage.y.strides
            return about
        head = [self._notes.ctypes.data, self._kept.ctypes.data, self._kept_bytes]
        return np.array(
            head + [self._words(buffer).ctypes.data for buffer in stage.buffers], np.int64
        )

    def _turns(self, stage: Stage, about: Longs) -> list[Longs]:
        """What tells of each address in a description that moves from step to step."""
        if not isinstance(stage, Matmul):
            return []
        return [
            np.array([about[place:].ctypes.data, about[place], one.turn[0], 4 * one.turn[1]])
            for place, one in enumerate((stage.x, stage.y, stage.out))
            if one.turn[1]
        ]

    def _start(self, address: Address) -> int:
        return int(self._words(address.buffer).ctypes.data) + 4 * address.offset


@cache
def _runner() -> Library:
    """`run`, `clear` and `turn`."""
    module = ir.Module("runner")
    _add_run(module)
    _add_clear(module)
    _add_turn(module)
    return load(module)


def _add_run(module: ir.Module) -> None:
    kind = ir.FunctionType(ir.VoidType(), [POINTER, *[LONG] * 6, POINTER, POINTER])
    function = ir.Function(module, kind, "run")
    stages, count, first, steps, halts, thread, threads, notes, barrier = function.args
    b = ir.IRBuilder(function.append_basic_block("entry"))
    passed, spins, stopped = (b.alloca(LONG) for _ in range(3))
    b.store(long(0), passed)
    b.store(long(0), stopped)
    with counted(b, first, b.add(first, steps)) as step:
        going = b.icmp_signed("==", b.load(stopped, typ=LONG), long(0))
        with b.if_then(going):
            with counted(b, long(0), count) as number:
                place = b.mul(number, long(2))
                call, description = (
                    b.load(b.gep(stages, [b.add(place, long(n))], source_etype=LONG), typ=LONG)
                    for n in range(2)
                )
                b.call(
                    b.inttoptr(call, STAGE.as_pointer()),
                    [b.inttoptr(description, POINTER), step, thread, threads],
                )
                _wait(b, barrier, passed, spins, threads)
            with counted(b, long(0), threads) as other:
                note = b.gep(notes, [b.mul(other, long(NOTE_BYTES // 8))], source_etype=LONG)
                noted = b.and_(b.load(note, typ=LONG), halts)
                b.store(b.or_(b.load(stopped, typ=LONG), noted), stopped)
            # Nobody writes the next note before all have seen these.
            _wait(b, barrier, passed, spins, threads)
    b.ret_void()


def _wait(b: Builder, barrier: Value, passed: Value, spins: Value, threads: Value) -> None:
    """Until all threads have come as far."""
    arrived = b.add(b.load(passed, typ=LONG), threads)
    b.store(arrived, passed)
    b.atomic_rmw("add", barrier, long(1), "acq_rel")
    look = b.append_basic_block("look")
    again = b.append_basic_block("again")
    offer = b.append_basic_block("offer")
    after = b.append_basic_block("met")
    b.store(long(0), spins)
    b.branch(look)
    b.position_at_end(look)
    seen = b.load_atomic(barrier, "acquire", 8, typ=LONG)
    b.cbranch(b.icmp_signed("<", seen, arrived), again, after)
    b.position_at_end(again)
    spun = b.add(b.load(spins, typ=LONG), long(1))
    b.store(spun, spins)
    b.cbranch(b.icmp_signed("<", spun, long(_SPINS)), look, offer)
    b.position_at_end(offer)
    give_way = b.module.globals.get("sched_yield") or ir.Function(
        b.module, ir.FunctionType(WORD, []), "sched_yield"
    )
    b.call(give_way, [])
    b.branch(look)
    b.position_at_end(after)


def _add_clear(module: ir.Module) -> None:
    function = ir.Function(module, STAGE, "clear")
    description, _, thread, threads = function.args
    b = ir.IRBuilder(function.append_basic_block("entry"))
    start, words = (
        b.load(b.gep(description, [long(n)], source_etype=LONG), typ=LONG) for n in range(2)
    )
    low, high = (
        b.sdiv(b.mul(words, number), threads) for number in (thread, b.add(thread, long(1)))
    )
    with counted(b, low, high) as at:
        place = b.gep(b.inttoptr(start, POINTER), [at], source_etype=WORD)
        b.store(ir.Constant(WORD, 0), place)
    b.ret_void()


def _add_turn(module: ir.Module) -> None:
    """Puts this step's address where a product's description has it: one thread does, before the
    barrier that all pass on their way to the product.
    """
    function = ir.Function(module, STAGE, "turn")
    description, step, thread, _ = function.args
    b = ir.IRBuilder(function.append_basic_block("entry"))
    place, start, modulus, stride = (
        b.load(b.gep(description, [long(n)], source_etype=LONG), typ=LONG) for n in range(4)
    )
    with b.if_then(b.icmp_signed("==", thread, long(0))):
        moved = b.add(start, b.mul(b.srem(step, modulus), stride))
        b.store(moved, b.inttoptr(place, POINTER))
    b.ret_void()
