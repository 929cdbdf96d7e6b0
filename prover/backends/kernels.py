"""Compiled loops over tensors, called by `prover.backends.numba`, which decides what may run here.

The plan of a row is an int64 array:

    0..3     dimensions          4  fold length
    5..11    x: offset, four strides, fold stride, register length
    12..18   y                   19..25  z

Offsets include the step's term. Immediates are tensors of one word with strides 0.
"""

from typing import Any, Final

import numpy as np

from prover.backends import words as w
from prover.backends.jit import compiled
from prover.commit.tensor import Words
from prover.ops import OPS, Opcode

CHUNK: Final = 1024
"""Elements that go through a loop at a time: four buffers of this size stay in the first cache."""

X: Final = 5
Y: Final = 12
Z: Final = 19
PLAN: Final = 26

ADD, SUB, MUL, FMA, DIV = (int(Opcode[n]) for n in ("ADD", "SUB", "MUL", "FMA", "DIV"))
SQRT, MAX, LT, LE, EQ = (int(Opcode[n]) for n in ("SQRT", "MAX", "LT", "LE", "EQ"))
ILT, ILE, IEQ, SELECT = (int(Opcode[n]) for n in ("ILT", "ILE", "IEQ", "SELECT"))
IADD, ISUB, IMUL, UMULH = (int(Opcode[n]) for n in ("IADD", "ISUB", "IMUL", "UMULH"))
AND, OR, XOR, SHL, SHR, SAR = (int(Opcode[n]) for n in ("AND", "OR", "XOR", "SHL", "SHR", "SAR"))
FROM_INT, TO_INT_NEAREST = int(Opcode.FROM_INT), int(Opcode.TO_INT_NEAREST)
TO_INT_ZERO, MOVE, GATHER = int(Opcode.TO_INT_ZERO), int(Opcode.MOVE), int(Opcode.GATHER)
SUM, DOT, MAXF = int(Opcode.SUM), int(Opcode.DOT), int(Opcode.MAXF)
START_MAXF = OPS[Opcode.MAXF].identity


@compiled
def _apply(opcode: int, x: Words, y: Words, z: Words, out: Words) -> None:  # noqa: C901
    """out[j] = op(x[j], y[j], z[j]): one loop an op, each of which the compiler vectorises."""
    n = len(out)
    if opcode == ADD:
        for j in range(n):
            out[j] = w.add(x[j], y[j])
    elif opcode == SUB:
        for j in range(n):
            out[j] = w.sub(x[j], y[j])
    elif opcode == MUL:
        for j in range(n):
            out[j] = w.mul(x[j], y[j])
    elif opcode == FMA:
        for j in range(n):
            out[j] = w.fma(x[j], y[j], z[j])
    elif opcode == DIV:
        for j in range(n):
            out[j] = w.div(x[j], y[j])
    elif opcode == SQRT:
        for j in range(n):
            out[j] = w.sqrt(x[j])
    elif opcode == MAX:
        for j in range(n):
            out[j] = w.maximum(x[j], y[j])
    elif opcode == LT:
        for j in range(n):
            out[j] = w.lt(x[j], y[j])
    elif opcode == LE:
        for j in range(n):
            out[j] = w.le(x[j], y[j])
    elif opcode == EQ:
        for j in range(n):
            out[j] = w.eq(x[j], y[j])
    elif opcode == ILT:
        for j in range(n):
            out[j] = w.ilt(x[j], y[j])
    elif opcode == ILE:
        for j in range(n):
            out[j] = w.ile(x[j], y[j])
    elif opcode == IEQ:
        for j in range(n):
            out[j] = w.ieq(x[j], y[j])
    elif opcode == SELECT:
        for j in range(n):
            out[j] = w.select(x[j], y[j], z[j])
    elif opcode == IADD:
        for j in range(n):
            out[j] = w.iadd(x[j], y[j])
    elif opcode == ISUB:
        for j in range(n):
            out[j] = w.isub(x[j], y[j])
    elif opcode == IMUL:
        for j in range(n):
            out[j] = w.imul(x[j], y[j])
    elif opcode == UMULH:
        for j in range(n):
            out[j] = w.umulh(x[j], y[j])
    elif opcode == AND:
        for j in range(n):
            out[j] = w.bit_and(x[j], y[j])
    elif opcode == OR:
        for j in range(n):
            out[j] = w.bit_or(x[j], y[j])
    elif opcode == XOR:
        for j in range(n):
            out[j] = w.bit_xor(x[j], y[j])
    elif opcode == SHL:
        for j in range(n):
            out[j] = w.shl(x[j], y[j])
    elif opcode == SHR:
        for j in range(n):
            out[j] = w.shr(x[j], y[j])
    elif opcode == SAR:
        for j in range(n):
            out[j] = w.sar(x[j], y[j])
    elif opcode == FROM_INT:
        for j in range(n):
            out[j] = w.from_int(x[j])
    elif opcode == TO_INT_NEAREST:
        for j in range(n):
            out[j] = w.to_int_nearest(x[j])
    elif opcode == TO_INT_ZERO:
        for j in range(n):
            out[j] = w.to_int_zero(x[j])
    elif opcode == MOVE:
        for j in range(n):
            out[j] = x[j]


@compiled
def _address(plan: Any, operand: int, row: int) -> int:
    """Address of the first element of a row of the last dimension, at fold index 0."""
    rest, i2 = divmod(row, plan[2])
    i0, i1 = divmod(rest, plan[1])
    at = plan[operand] + plan[operand + 1] * i0
    return at + plan[operand + 2] * i1 + plan[operand + 3] * i2  # type: ignore[no-any-return]


@compiled
def _run_of(words: Words, at: int, stride: int, n: int, buffer: Words) -> Words:
    """n words from address `at` on, `stride` apart, as a run; 0 where the address is outside.

    A view where the words lie side by side, else a copy in `buffer`.
    """
    length = len(words)
    last = at + stride * (n - 1)
    if at >= 0 and last >= 0 and at < length and last < length:
        if stride == 1:
            return words[at : at + n]
        if stride == 0:
            word = words[at]
            for j in range(n):
                buffer[j] = word
        else:
            for j in range(n):
                buffer[j] = words[at + stride * j]
    else:
        for j in range(n):
            address = at + stride * j
            buffer[j] = words[address] if 0 <= address < length else 0
    return buffer[:n]


@compiled
def run_map(
    opcode: int,
    arity: int,
    plan: Any,
    x: Words,
    y: Words,
    z: Words,
    out: Words,
    base: int,
    start: int,
    stop: int,
    chunk: int,
) -> None:
    """Elements [start, stop) of a map, each element e to out[base + e] where that is inside.

    `chunk` is 1 where an element may read what an earlier one wrote, else at most CHUNK.
    """
    bx, by, bz = np.empty(chunk, np.uint32), np.empty(chunk, np.uint32), np.empty(chunk, np.uint32)
    # What lies outside the out register is computed for nobody.
    start, stop = max(start, -base), min(stop, len(out) - base)
    element = start
    while element < stop:
        row, j = divmod(element, plan[3])
        n = min(plan[3] - j, stop - element, chunk)
        to = out[base + element : base + element + n]
        xs = _run_of(x, _address(plan, X, row) + plan[X + 4] * j, plan[X + 4], n, bx)
        ys = xs
        zs = xs
        if arity > 1:
            ys = _run_of(y, _address(plan, Y, row) + plan[Y + 4] * j, plan[Y + 4], n, by)
        if opcode == GATHER:
            at = _address(plan, Z, row) + plan[Z + 4] * j
            for place in range(n):
                address = at + plan[Z + 4] * place + w.signed(xs[place]) * w.signed(ys[place])
                to[place] = z[address] if 0 <= address < len(z) else 0
        else:
            if arity > 2:
                zs = _run_of(z, _address(plan, Z, row) + plan[Z + 4] * j, plan[Z + 4], n, bz)
            _apply(opcode, xs, ys, zs, to)
        element += n


@compiled
def run_chain(
    opcode: int, plan: Any, x: Words, y: Words, element: int, start: int, stop: int, acc: int
) -> int:
    """The accumulator of one element after its fold indices [start, stop)."""
    row, j = divmod(element, plan[3])
    at = _address(plan, X, row) + plan[X + 4] * j
    bt = _address(plan, Y, row) + plan[Y + 4] * j
    total: Any = np.uint32(acc)
    for k in range(start, stop):
        a = at + plan[X + 5] * k
        word = x[a] if 0 <= a < len(x) else np.uint32(0)
        if opcode == DOT:
            b = bt + plan[Y + 5] * k
            other = y[b] if 0 <= b < len(y) else np.uint32(0)
            total = w.raw_dot(total, word, other)
        elif opcode == SUM:
            total = w.raw_sum(total, word)
        else:
            total = w.raw_max(total, word)
    return w.settle(total)  # type: ignore[no-any-return]


@compiled
def _start(opcode: int, acc: Words) -> None:
    identity = np.uint32(START_MAXF if opcode == MAXF else 0)
    for j in range(len(acc)):
        acc[j] = identity


@compiled
def _finish(acc: Words, to: Words) -> None:
    for j in range(len(to)):
        to[j] = w.settle(acc[j])


@compiled
def run_fold(
    opcode: int,
    plan: Any,
    x: Words,
    y: Words,
    out: Words,
    base: int,
    start: int,
    stop: int,
    chunk: int,
) -> None:
    """Elements [start, stop) of a fold; see `run_map`.

    Neighbouring elements advance side by side through the fold index, each along its own chain.
    """
    bx, by, accs = (
        np.empty(chunk, np.uint32),
        np.empty(chunk, np.uint32),
        np.empty(chunk, np.uint32),
    )
    identity = START_MAXF if opcode == MAXF else 0
    start, stop = max(start, -base), min(stop, len(out) - base)
    element = start
    while element < stop:
        row, j = divmod(element, plan[3])
        n = min(plan[3] - j, stop - element, chunk)
        if n == 1:
            out[base + element] = run_chain(opcode, plan, x, y, element, 0, plan[4], identity)
            element += 1
            continue
        at = _address(plan, X, row) + plan[X + 4] * j
        bt = _address(plan, Y, row) + plan[Y + 4] * j
        acc = accs[:n]
        _start(opcode, acc)
        for k in range(plan[4]):
            xs = _run_of(x, at + plan[X + 5] * k, plan[X + 4], n, bx)
            if opcode == DOT:
                ys = _run_of(y, bt + plan[Y + 5] * k, plan[Y + 4], n, by)
                for place in range(n):
                    acc[place] = w.raw_dot(acc[place], xs[place], ys[place])
            elif opcode == SUM:
                for place in range(n):
                    acc[place] = w.raw_sum(acc[place], xs[place])
            else:
                for place in range(n):
                    acc[place] = w.raw_max(acc[place], xs[place])
        _finish(acc, out[base + element : base + element + n])
        element += n


@compiled
def run_panel(plan: Any, x: Words, y: Words, out: Words, base: int, start: int, stop: int) -> None:
    """Elements [start, stop) of a DOT whose x is constant along the last dimension and whose y is
    contiguous along it, as in a matmul; every address is inside, and out is no operand.

    Four fold indices at a time, in ascending order, share one pass over the accumulators.
    """
    accs = np.empty(CHUNK, np.uint32)
    fold, xk, yk = plan[4], plan[X + 5], plan[Y + 5]
    element = start
    while element < stop:
        row, j = divmod(element, plan[3])
        n = min(plan[3] - j, stop - element, CHUNK)
        a = _address(plan, X, row)
        b = _address(plan, Y, row) + j
        acc = accs[:n]
        _start(DOT, acc)
        k = 0
        while k + 4 <= fold:
            a0, a1, a2, a3 = x[a], x[a + xk], x[a + 2 * xk], x[a + 3 * xk]
            y0, y1 = y[b : b + n], y[b + yk : b + yk + n]
            y2, y3 = y[b + 2 * yk : b + 2 * yk + n], y[b + 3 * yk : b + 3 * yk + n]
            for place in range(n):
                total = w.raw_dot(acc[place], a0, y0[place])
                total = w.raw_dot(total, a1, y1[place])
                total = w.raw_dot(total, a2, y2[place])
                acc[place] = w.raw_dot(total, a3, y3[place])
            a, b, k = a + 4 * xk, b + 4 * yk, k + 4
        while k < fold:
            word, ys = x[a], y[b : b + n]
            for place in range(n):
                acc[place] = w.raw_dot(acc[place], word, ys[place])
            a, b, k = a + xk, b + yk, k + 1
        _finish(acc, out[base + element : base + element + n])
        element += n
