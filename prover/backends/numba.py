"""Rows through compiled loops on one core.

What a kernel may do follows from how the row reads the register that it writes:

* not at all: elements advance side by side;
* at exactly the address that is written, and nowhere else: the same;
* in any other way: one element after the other, as the reference does.

A register of another length than the row's reads zeros while its first element is computed, and is
then replaced; that element runs alone when the row reads what it writes.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from prover.backends import Done, kernels
from prover.backends.kernels import PLAN, X, Y, Z
from prover.backends.matmul import OPCODES, matmul_share
from prover.backends.products import Product, product
from prover.backends.steps import Steps
from prover.commit.tensor import Words
from prover.native.mode import check_arithmetic
from prover.ops import OPS, Opcode
from prover.program import Program
from prover.reach import fit
from prover.row import Kind, Operand, RegisterId, Row
from prover.state import State

_NOTHING: Words = np.zeros(1, np.uint32)
_PLACES: Final = (X, Y, Z)
_FEW: Final = 4096
"""Micro-steps below which a product is not worth a call."""
_SHORT: Final = 48
"""A last dimension below this is run element by element: setting up a run costs more."""
_PLANS_LIMIT: Final = 1 << 16

Plan = NDArray[np.int64]


@dataclass(slots=True)
class _Prepared:
    """What of a row does not depend on the step."""

    key: Row
    """Kept, so that its `id` stays its own."""
    row: Row
    """What is executed: another row where the result is the same."""
    dims: list[int]
    fold: int
    strides: list[list[int]]
    offsets: list[int]
    template: Plan
    constants: list[Words | None]
    low: list[int]
    """Of each operand, how far addresses go below and above its offset."""
    high: list[int]
    dense: list[bool]
    """Whether the operand's address moves as the out address does."""
    product: Product | None = None


class NumbaBackend:
    """See `prover.backends.Backend`."""

    name = "numba"

    def __init__(self, threads: int = 1) -> None:
        self.threads = threads
        self._prepared: dict[int, _Prepared] = {}
        self._steps = Steps(threads)

    def check(self) -> None:
        """See `Backend.check`."""
        check_arithmetic()

    def steps(
        self, program: Program, state: State, first: int, count: int, *, finite: bool
    ) -> Done:
        """See `Backend.steps`."""
        return self._steps.run(program, state, first, count, finite=finite)

    def elements(self, state: State, row: Row, step: int, start: int, stop: int) -> None:
        """See `Backend.elements`."""
        state.acc = 0
        prepared = self._prepare(row)
        if len(state.tensor(row.out)) == row.out_length:
            out = _own(state, row.out)
            _run(state, prepared, step, start, stop, out)
            state.touch(row.out)
            return
        reads_out = any(o.kind == Kind.REGISTER and o.register == row.out for o in row.operands)
        alone = start + 1 if reads_out else stop
        fresh = np.zeros(row.out_length, np.uint32)
        _run(state, prepared, step, start, alone, fresh)
        state.put(row.out, fresh)
        if alone < stop:
            _run(state, prepared, step, alone, stop, fresh)

    def chain(self, state: State, row: Row, step: int, element: int, start: int, stop: int) -> None:
        """See `Backend.chain`."""
        prepared = self._prepare(row)
        row = prepared.row
        op, opcode = OPS[row.opcode], int(row.opcode)  # numba takes long over the type of an enum
        plan, (x, y, z) = _bind(state, prepared, step)
        if op.is_fold:
            acc = state.acc if start else op.identity
            state.acc = int(kernels.run_chain(opcode, plan, x, y, element, start, stop, acc))
            return
        # Of a map only the last fold index leaves a trace.
        for place, operand in zip(_PLACES, row.operands, strict=False):
            if operand.kind == Kind.REGISTER and plan[place + 6] == operand.length:
                plan[place] -= operand.fold_stride * (row.fold - stop)
        out = np.zeros(1, np.uint32)
        kernels.run_serial_map(int(row.opcode), plan, x, y, z, out, -element, element, element + 1)
        state.acc = int(out[0])

    def _prepare(self, row: Row) -> _Prepared:
        known = self._prepared.get(id(row))
        if known is None or known.key is not row:
            if len(self._prepared) >= _PLANS_LIMIT:
                self._prepared = {}
            known = self._prepared[id(row)] = _prepare(row)
        return known


def _run(state: State, prepared: _Prepared, step: int, start: int, stop: int, out: Words) -> None:
    row = prepared.row
    opcode = int(row.opcode)  # plain: numba takes long over enums
    plan, (x, y, z) = _bind(state, prepared, step)
    base = row.out_address(0, step)
    op = OPS[row.opcode]
    if _multiply(prepared, plan, x, y, out, base, start, stop):
        return
    serial = min(prepared.dims[3], stop - start) < _SHORT or _disturbs(
        prepared, plan, (x, y, z), out, base
    )
    if op.is_fold:
        run_fold = kernels.run_serial_fold if serial else kernels.run_fold
        run_fold(opcode, plan, x, y, out, base, start, stop)
    elif serial:
        kernels.run_serial_map(opcode, plan, x, y, z, out, base, start, stop)
    else:
        kernels.run_map(opcode, op.arity, plan, x, y, z, out, base, start, stop)


def _multiply(
    prepared: _Prepared,
    plan: Plan,
    x: Words,
    y: Words,
    out: Words,
    base: int,
    start: int,
    stop: int,
) -> bool:
    """Compute the elements as matrix products; False when they are none, or too few."""
    if (
        prepared.product is None
        or (stop - start) * prepared.fold < _FEW
        or not 0 <= base + start < base + stop <= len(out)
        or x is out
        or y is out
        or not _inside(prepared, plan, [x, y])
    ):
        return False
    at_x, at_y, at_out = (
        tensor.ctypes.data + tensor.itemsize * int(offset)
        for tensor, offset in ((x, plan[X]), (y, plan[Y]), (out, base))
    )
    for about in prepared.product.descriptions(at_x, at_y, at_out, start, stop):
        matmul_share(about, 0, 1, prepared.row.opcode)
    return True


def _bind(state: State, prepared: _Prepared, step: int) -> tuple[Plan, tuple[Words, Words, Words]]:
    """The row's plan in this step, and the three tensors it reads."""
    plan = prepared.template.copy()
    words = [_NOTHING, _NOTHING, _NOTHING]
    for number, operand in enumerate(prepared.row.operands):
        place = _PLACES[number]
        constant = prepared.constants[number]
        if constant is not None:
            words[number] = constant
            continue
        if len(state.tensor(operand.register)) != operand.length:
            plan[place : place + 7] = (0, 0, 0, 0, 0, 0, 1)
            continue
        words[number] = _given(state, prepared.row, operand, step)
        turn = step % operand.step_modulus * operand.step_stride if operand.step_modulus else 0
        plan[place] = prepared.offsets[number] + turn
    x, y, z = words
    return plan, (x, y, z)


def _own(state: State, register: RegisterId) -> Words:
    """A register's words for writing: contiguous, aligned, the state's own."""
    words = state.tensor(register)
    if words.flags.carray:
        return words
    if not (words.flags.c_contiguous and words.flags.aligned):
        state.put(register, words.copy())
    return state.writable(register)


def _given(state: State, row: Row, operand: Operand, step: int) -> Words:
    """The words that an operand reads of, as kernels take them: contiguous, aligned, and by type
    writable, so that they are compiled once. They write to none but the row's out, which is the
    state's own.
    """
    words = fit(state.tensor(operand.register), row, operand, step)
    if words.flags.carray:
        return words
    if words.flags.c_contiguous and words.flags.aligned:
        return np.asarray(_Alias(words))
    words = words.copy()
    if len(words):
        state.put(operand.register, words)
    return words


class _Alias:
    """The same memory as an array that is not marked read-only."""

    def __init__(self, words: Words) -> None:
        self._words = words  # kept as long as what is made of this
        about = words.__array_interface__
        self.__array_interface__ = about | {"data": (about["data"][0], False)}


def _prepare(key: Row) -> _Prepared:
    row = key
    if row.opcode == Opcode.GATHER and row.operands[2].kind == Kind.IMMEDIATE:
        row = replace(row, opcode=Opcode.MOVE, operands=row.operands[2:])
    operands = row.operands
    strides = [list(o.strides) if o.kind == Kind.REGISTER else [0, 0, 0, 0] for o in operands]
    dims, strides = _collapse(list(row.dims), strides)
    # A map looks at the last fold index alone.
    is_fold = OPS[row.opcode].is_fold
    last = 0 if is_fold else row.fold - 1
    fold = row.fold if is_fold else 1
    template = np.zeros(PLAN, np.int64)
    template[:5] = (*dims, fold)
    prepared = _Prepared(key, row, dims, fold, strides, [], template, [], [], [], [])
    volumes = [dims[1] * dims[2] * dims[3], dims[2] * dims[3], dims[3], 1]
    for place, operand, moves in zip(_PLACES, operands, strides, strict=False):
        if operand.kind == Kind.IMMEDIATE:
            template[place : place + 7] = (0, 0, 0, 0, 0, 0, 1)
            prepared.constants.append(np.array([operand.word], np.uint32))
            prepared.offsets.append(0)
            fold_stride = 0
        else:
            fold_stride = operand.fold_stride if is_fold else 0
            offset = operand.offset + operand.fold_stride * last
            template[place : place + 7] = (offset, *moves, fold_stride, operand.length)
            prepared.constants.append(None)
            prepared.offsets.append(offset)
        reach = [m * (n - 1) for m, n in zip((*moves, fold_stride), (*dims, fold), strict=True)]
        prepared.low.append(sum(min(r, 0) for r in reach))
        prepared.high.append(sum(max(r, 0) for r in reach))
        prepared.dense.append(
            all(m == v for m, v, n in zip(moves, volumes, dims, strict=True) if n > 1)
            and (fold_stride == 0 or fold == 1)
        )
    if row.opcode in OPCODES:
        moves_x, moves_y = ([int(v) for v in template[p + 1 : p + 6]] for p in (X, Y))
        prepared.product = product(dims, fold, moves_x, moves_y)
    return prepared


def _collapse(dims: list[int], strides: list[list[int]]) -> tuple[list[int], list[list[int]]]:
    """The same elements in the same order with fewer dimensions, so that the last is long."""
    kept: list[tuple[int, list[int]]] = []
    for place, size in enumerate(dims):
        moves = [s[place] for s in strides]
        if size == 1:
            continue
        if kept and all(a == b * size for a, b in zip(kept[-1][1], moves, strict=True)):
            kept[-1] = (kept[-1][0] * size, moves)
        else:
            kept.append((size, moves))
    kept = [(1, [0] * len(strides))] * (4 - len(kept)) + kept
    return [size for size, _ in kept], [list(s) for s in zip(*(m for _, m in kept), strict=True)]


def _disturbs(
    prepared: _Prepared, plan: Plan, words: Sequence[Words], out: Words, base: int
) -> bool:
    """Whether an element may read what another one of the row writes."""
    gathers = prepared.row.opcode == Opcode.GATHER
    for number, dense in enumerate(prepared.dense):
        if words[number] is not out:
            continue
        same = dense and int(plan[_PLACES[number]]) == base
        if not same or (gathers and number == 2):
            return True
    return False


def _inside(prepared: _Prepared, plan: Plan, words: Sequence[Words]) -> bool:
    for number, tensor in enumerate(words):
        at = int(plan[_PLACES[number]])
        if not 0 <= at + prepared.low[number] <= at + prepared.high[number] < len(tensor):
            return False
    return True
