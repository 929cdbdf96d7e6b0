"""Loop nests as LLVM IR: vectors of 32 words along a run, whatever the processor's vectors are.

A run is walked once for each *phase*: what hangs on a reduction of the run is in the phase after
it. Words that a later phase needs are kept in a buffer of the thread, or loaded again.

NaNs stay as the processor makes them until something looks at their bits (`prover.native.emit`).
"""

from dataclasses import dataclass, field
from typing import Any, Final

from llvmlite import ir

from prover.backends import vectors
from prover.backends.phases import phases
from prover.backends.vectors import LANES, VECTOR
from prover.native import emit
from prover.native.emit import (
    BLIND,
    FOLDS,
    HANDS_ON,
    LONG,
    MAKES_NAN,
    MAPS,
    REDUCTIONS,
    WORD,
    Builder,
    Value,
)
from prover.native.loops import counted, long
from prover.ops import OPS, Opcode
from prover.plan.nest import (
    Address,
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
    addresses,
)

POINTER: Final = ir.PointerType()
STAGE: Final = ir.FunctionType(ir.VoidType(), [POINTER, LONG, LONG, LONG])
"""(description, training step, thread, threads)."""
HEAD: Final = 3
"""Places of a description: notes, the threads' buffers, bytes of one; then buffers' addresses."""
NOTE_BYTES: Final = 64
"""A thread's note: row + 1 and training step (i64) of the first result that was not finite."""

_ALONE: Final = 1 << 12
"""Elements below which one thread does it all."""
_BYTE: Final = ir.IntType(8)


def add_nest(module: ir.Module, name: str, nest: Nest) -> None:
    """Put the function of a nest into a module; its type is `STAGE`."""
    _Writer(module, name, nest).write()


@dataclass(slots=True)
class _Part:
    """32 elements of a run, or what is left of it: what is known of them already."""

    phase: int
    at: Value
    count: int = LANES
    words: dict[int, Value] = field(default_factory=dict)


class _Writer:
    def __init__(self, module: ir.Module, name: str, nest: Nest) -> None:
        self.function = ir.Function(module, STAGE, name)
        self.b: Builder = ir.IRBuilder(self.function.append_basic_block("entry"))
        self.nest = nest
        self.phases = phases(nest)
        self.raw: set[int] = set()
        """Results that may hold NaNs of other bits than the canonical one."""
        self.words: dict[int, Value] = {}
        """Of the run: results at RUN level."""
        self.bases: dict[Address, Value] = {}
        """Of the run: the word of a buffer at which an address begins."""
        self.sums: dict[int, Value] = {}
        """Where the lanes of reductions are kept."""
        self.bad: dict[int, Value] = {}
        """Where checks note lanes that are not finite."""
        self.first: Value = long(0)
        """The share of the only run, where it is cut."""
        self.last: Value = None

    def write(self) -> None:
        b, nest = self.b, self.nest
        description, step, thread, threads = self.function.args
        self.step = step
        self.pointers = {
            buffer: self._pointer(description, HEAD + place)
            for place, buffer in enumerate(nest.buffers)
        }
        self.note = b.gep(
            self._pointer(description, 0), [b.mul(thread, long(NOTE_BYTES))], source_etype=_BYTE
        )
        size = b.load(b.gep(description, [long(2)], source_etype=LONG), typ=LONG)
        self.kept = b.gep(self._pointer(description, 1), [b.mul(thread, size)], source_etype=_BYTE)
        for place, instruction in enumerate(nest.body):
            if isinstance(instruction, Reduce):
                self.sums[place] = b.alloca(VECTOR)
            if isinstance(instruction, Check):
                self.bad[place] = b.alloca(VECTOR)
                b.store(vectors.splat(0), self.bad[place])
        self.zero, self.full = long(0), long(nest.inner // LANES * LANES)
        share = self._share(thread, threads)
        with counted(b, *share) as run:
            self._run(run)
        for place, instruction in enumerate(nest.body):
            if isinstance(instruction, Check):
                self._report(instruction, self.bad[place])
        b.ret_void()

    def _share(self, thread: Value, threads: Value) -> tuple[Value, Value]:
        """The runs of a thread; also cuts the only run, where there is one that may be cut."""
        b, nest = self.b, self.nest
        elements = nest.runs * nest.inner
        one = b.icmp_signed("==", thread, self.zero)
        if elements < _ALONE:
            return self.zero, b.select(one, long(nest.runs), self.zero)
        if nest.runs > 1:
            return self._cut(nest.runs, thread, threads)
        if self.sums:
            return self.zero, b.select(one, long(1), self.zero)
        blocks = self._cut(nest.inner // LANES, thread, threads)
        self.first, self.full = (b.mul(block, long(LANES)) for block in blocks)
        self.last = b.icmp_signed("==", b.add(thread, long(1)), threads)
        return self.zero, long(1)

    def _cut(self, count: int, thread: Value, threads: Value) -> tuple[Value, Value]:
        """A thread's range of so many things."""
        b, following = self.b, self.b.add(thread, long(1))
        return (
            b.sdiv(b.mul(long(count), thread), threads),
            b.sdiv(b.mul(long(count), following), threads),
        )

    # ------------------------------------------------------------------------------------- a run

    def _run(self, run: Value) -> None:
        b, nest = self.b, self.nest
        self.words, self.bases = {}, {}
        digits: list[Value] = []
        for size in reversed(nest.outer):
            digits.insert(0, b.srem(run, long(size)))
            run = b.sdiv(run, long(size))
        self.digits = digits
        for instruction in nest.body:
            for address in addresses(instruction):
                self._base(address)
        for place, instruction in enumerate(nest.body):
            if isinstance(instruction, Reduce):
                identity = OPS[instruction.opcode].identity
                b.store(vectors.splat(identity), self.sums[place])
        tails: dict[int, Value] = {}
        for phase in range(self.phases.count):
            for place, instruction in enumerate(nest.body):
                if nest.levels[place] == Level.RUN and self.phases.of[place] == phase:
                    self._once(place, instruction, tails)
            if any(self._loops(place, phase) for place in range(len(nest.body))):
                with counted(b, self.first, self.full, LANES) as at:
                    self._part(_Part(phase, at))
                if rest := nest.inner % LANES:
                    part = _Part(phase, long(nest.inner - rest), rest)
                    if self.last is None:
                        tails |= self._part(part)
                    else:
                        with b.if_then(self.last):
                            self._part(part)

    def _loops(self, place: int, phase: int) -> bool:
        """Whether an instruction belongs into the loop of a phase."""
        instruction = self.nest.body[place]
        if isinstance(instruction, Reduce):
            return self.phases.of[place] == phase + 1
        if self.nest.levels[place] != Level.FULL or self.phases.of[place] != phase:
            return False
        return not isinstance(instruction, Load) or place in self.phases.carried

    def _once(self, place: int, instruction: Any, tails: dict[int, Value]) -> None:
        b = self.b
        match instruction:
            case Constant(word):
                self.words[place] = ir.Constant(WORD, word)
            case Load(address, checked):
                self.words[place] = self._word(address, self._base(address), checked=checked)
            case Gather(x, y, address):
                shift = vectors.shift(b, *(self._settled(one, self.words) for one in (x, y)))
                base = b.add(self._base(address), shift)
                self.words[place] = self._word(address, base, checked=True)
            case Map(opcode, used):
                self.words[place] = self._map(place, opcode, used, self.words)
            case Reduce():
                self.words[place] = self._reduced(place, instruction, tails.get(place))
            case Store(value, address):
                pointer = b.gep(
                    self.pointers[address.buffer], [self._base(address)], source_etype=WORD
                )
                b.store(self._settled(value, self.words), pointer)
            case Check(value, _):
                bad = vectors.not_finite(b, vectors.broadcast(b, self.words[value]))
                b.store(b.or_(b.load(self.bad[place], typ=VECTOR), bad), self.bad[place])

    # ----------------------------------------------------------------------------- 32 elements

    def _part(self, part: _Part) -> dict[int, Value]:
        """Everything that a phase does with 32 elements; the chains of what is left, if that."""
        b, tails = self.b, {}
        for place, instruction in enumerate(self.nest.body):
            if not self._loops(place, part.phase):
                continue
            match instruction:
                case Load():
                    part.words[place] = self._load(instruction, part)
                case Gather(x, y, address):
                    words = {one: self._get(one, part) for one in (x, y)}
                    shift = vectors.shift(b, *(self._settled(one, words) for one in (x, y)))
                    index = b.add(self._indices(address, part), shift)
                    part.words[place] = self._gathered(address, index, part, checked=True)
                case Map(opcode, used):
                    words = {one: self._get(one, part) for one in used}
                    part.words[place] = self._map(place, opcode, used, words)
                case Fold():
                    part.words[place] = self._folded(place, instruction, part)
                case Reduce(opcode, _, used):
                    words = self._summand(opcode, used, part)
                    if part.count < LANES:
                        tails[place] = vectors.chain(b, opcode, words, part.count)
                    else:
                        kept = b.load(self.sums[place], typ=VECTOR)
                        b.store(REDUCTIONS[opcode](b, kept, words), self.sums[place])
                case Store(value, address):
                    words = {value: self._get(value, part)}
                    vectors.store(
                        b, self._settled(value, words), self._at(address, part.at), part.count
                    )
                case Check(value, _):
                    bad = vectors.not_finite(b, self._get(value, part))
                    bad = b.select(vectors.first_lanes(part.count), bad, vectors.splat(0))
                    b.store(b.or_(b.load(self.bad[place], typ=VECTOR), bad), self.bad[place])
            if place in self.phases.carried:
                b.store(part.words[place], self._carried(place, part), align=4)
        return tails

    def _get(self, place: int, part: _Part) -> Value:
        """The 32 words of an earlier result."""
        if place in part.words:
            return part.words[place]
        instruction = self.nest.body[place]
        if self.nest.levels[place] == Level.RUN:
            words = vectors.broadcast(self.b, self.words[place])
        elif place in self.phases.carried and self.phases.of[place] < part.phase:
            words = self.b.load(self._carried(place, part), typ=VECTOR, align=4)
        elif isinstance(instruction, Load):
            words = self._load(instruction, part)
        else:
            raise KeyError(place)
        part.words[place] = words
        return words

    def _load(self, load: Load, part: _Part) -> Value:
        address = load.address
        if address.strides[-1] == 1 and not load.checked:
            return vectors.load(self.b, self._at(address, part.at), part.count)
        return self._gathered(address, self._indices(address, part), part, checked=load.checked)

    def _gathered(self, address: Address, index: Value, part: _Part, *, checked: bool) -> Value:
        """Words of a buffer at 32 indices (i64)."""
        b, mask = self.b, vectors.first_lanes(part.count)
        if checked:
            length = vectors.splat_long(address.buffer.length)
            mask = b.and_(mask, b.icmp_unsigned("<", index, length))
        return vectors.gather(b, self.pointers[address.buffer], index, mask)

    def _indices(self, address: Address, part: _Part, more: Value | None = None) -> Value:
        """The indices of 32 elements in a buffer."""
        b, stride = self.b, address.strides[-1]
        start = b.add(self._base(address), b.mul(part.at, long(stride)))
        if more is not None:
            start = b.add(start, more)
        return b.add(vectors.broadcast(b, start), b.mul(vectors.IOTA, vectors.splat_long(stride)))

    def _folded(self, place: int, fold: Fold, part: _Part) -> Value:
        """Chains of 32 elements side by side."""
        b = self.b
        if fold.opcode in MAKES_NAN:
            self.raw.add(place)
        kept = self._variable()
        b.store(vectors.splat(OPS[fold.opcode].identity), kept)
        with counted(b, self.zero, long(fold.count)) as k:
            words = [
                self._fold_operand(one, b.mul(k, long(stride)), part)
                for one, stride in zip(fold.operands, fold.strides, strict=True)
            ]
            b.store(FOLDS[fold.opcode](b, b.load(kept, typ=VECTOR), *words), kept)
        return b.load(kept, typ=VECTOR)

    def _fold_operand(self, one: Load | Constant, more: Value, part: _Part) -> Value:
        b = self.b
        if isinstance(one, Constant):
            return vectors.splat(one.word)
        address = one.address
        if not one.checked and address.strides[-1] == 1:
            at = b.add(part.at, more)
            return vectors.load(b, self._at(address, at), part.count)
        if not one.checked and address.strides[-1] == 0:
            return vectors.broadcast(b, self._word(address, b.add(self._base(address), more)))
        index = self._indices(address, part, more)
        return self._gathered(address, index, part, checked=one.checked)

    def _map(self, place: int, opcode: Opcode, used: tuple[int, ...], words: Any) -> Value:
        blind = opcode in BLIND
        given = [words[one] if blind else self._settled(one, words) for one in used]
        if opcode in MAKES_NAN or (opcode in HANDS_ON and self.raw & {*used}):
            self.raw.add(place)
        return MAPS[opcode](self.b, *given)

    def _settled(self, place: int, words: Any) -> Value:
        word = words[place]
        return emit.canonical(self.b, word) if place in self.raw else word

    def _summand(self, opcode: Opcode, place: int, part: _Part) -> Value:
        """What a fold takes of a result: floats as they come, of ints the bits."""
        words = self._get(place, part)
        return words if opcode in MAKES_NAN else self._settled(place, {place: words})

    def _reduced(self, place: int, reduce: Reduce, tail: Value | None) -> Value:
        b = self.b
        if reduce.opcode in MAKES_NAN:
            self.raw.add(place)
        if self.nest.inner < LANES:
            return tail
        word = vectors.halved(b, MAPS[reduce.combine], b.load(self.sums[place], typ=VECTOR))
        return word if tail is None else MAPS[reduce.combine](b, word, tail)

    def _base(self, address: Address) -> Value:
        """The word of a buffer at which the run's addresses begin."""
        known = self.bases.get(address)
        if known is None:
            b = self.b
            known = long(address.offset)
            for digit, stride in zip(self.digits, address.strides, strict=False):
                if stride:
                    known = b.add(known, b.mul(digit, long(stride)))
            modulus, stride = address.turn
            if modulus > 1:
                turn = b.mul(b.urem(self.step, long(modulus)), long(stride))
                known = b.add(known, turn)
            self.bases[address] = known
        return known

    def _at(self, address: Address, along: Value) -> Value:
        index = self.b.add(self._base(address), along)
        return self.b.gep(self.pointers[address.buffer], [index], source_etype=WORD)

    def _word(self, address: Address, index: Value, *, checked: bool = False) -> Value:
        b = self.b
        there = b.icmp_unsigned("<", index, long(address.buffer.length)) if checked else None
        index = b.select(there, index, self.zero) if there else index
        word = b.load(b.gep(self.pointers[address.buffer], [index], source_etype=WORD), typ=WORD)
        return b.select(there, word, ir.Constant(WORD, 0)) if there else word

    def _carried(self, place: int, part: _Part) -> Value:
        padded = -(-self.nest.inner // LANES) * LANES
        number = self.phases.carried.index(place)
        return self.b.gep(
            self.kept, [self.b.add(part.at, long(number * padded))], source_etype=WORD
        )

    def _pointer(self, description: Value, place: int) -> Value:
        b = self.b
        found = b.load(b.gep(description, [long(place)], source_etype=LONG), typ=LONG)
        return b.inttoptr(found, POINTER)

    def _variable(self) -> Value:
        with self.b.goto_entry_block():
            return self.b.alloca(VECTOR)

    def _report(self, check: Check, bad: Value) -> None:
        b = self.b
        found = vectors.any_bits(b, b.load(bad, typ=VECTOR))
        known = b.load(self.note, typ=LONG)
        first = b.and_(
            b.icmp_unsigned("!=", found, ir.Constant(WORD, 0)),
            b.icmp_unsigned("==", known, self.zero),
        )
        with b.if_then(first, likely=False):
            b.store(long(check.row + 1), self.note)
            b.store(self.step, b.gep(self.note, [long(1)], source_etype=LONG))
