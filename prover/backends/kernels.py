"""Compiled loops over tensors, called by `prover.backends.numba`, which decides what may run here.

The plan of a row is an int64 array:

    0..3     dimensions          4  fold length
    5..11    x: offset, four strides, fold stride, register length
    12..18   y                   19..25  z

Offsets include the step's term. Immediates are tensors of one word with strides 0. What an operand
does not have reads 0. Elements outside the out register are computed for nobody, so not at all.
"""

from typing import Any, Final

import numpy as np

from prover.backends import words as w
from prover.backends.dispatch import DOT, GATHER, IDOT, MAXF, SUM, apply_run, scalar
from prover.commit.tensor import Words
from prover.native.jit import compiled
from prover.ops import OPS, Opcode

CHUNK: Final = 1024
"""Elements that go through a loop at a time: four buffers of this size stay in the first cache."""

X: Final = 5
Y: Final = 12
Z: Final = 19
PLAN: Final = 26

_START_MAXF = OPS[Opcode.MAXF].identity


@compiled
def _address(plan: Any, operand: int, row: int) -> int:
    """Address of the first element of a row of the last dimension, at fold index 0."""
    rest, i2 = divmod(row, plan[2])
    i0, i1 = divmod(rest, plan[1])
    at = plan[operand] + plan[operand + 1] * i0
    return at + plan[operand + 2] * i1 + plan[operand + 3] * i2  # type: ignore[no-any-return]


@compiled
def _carries(plan: Any, operand: int) -> tuple[int, int]:
    """How far an address moves when the third, then also the second dimension starts again."""
    third = plan[operand + 2] - plan[operand + 3] * plan[2]
    return third, plan[operand + 1] - plan[operand + 2] * plan[1]


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
) -> None:
    """Elements [start, stop) of a map, element e to out[base + e]; none reads another's word."""
    bx, by, bz = np.empty(CHUNK, np.uint32), np.empty(CHUNK, np.uint32), np.empty(CHUNK, np.uint32)
    start, stop = max(start, -base), min(stop, len(out) - base)
    element = start
    while element < stop:
        row, j = divmod(element, plan[3])
        n = min(plan[3] - j, stop - element, CHUNK)
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
            apply_run(opcode, xs, ys, zs, to)
        element += n


@compiled
def run_chain(
    opcode: int, plan: Any, x: Words, y: Words, element: int, start: int, stop: int, acc: int
) -> int:
    """The accumulator of one element after its fold indices [start, stop)."""
    row, j = divmod(element, plan[3])
    xk, yk = plan[X + 5], plan[Y + 5]
    a = _address(plan, X, row) + plan[X + 4] * j + xk * start
    b = _address(plan, Y, row) + plan[Y + 4] * j + yk * start
    total: Any = np.uint32(acc)
    nothing = np.uint32(0)
    for _ in range(start, stop):
        word = x[a] if 0 <= a < len(x) else nothing
        if opcode == DOT:
            total = w.raw_dot(total, word, y[b] if 0 <= b < len(y) else nothing)
        elif opcode == IDOT:
            total = w.idot(total, word, y[b] if 0 <= b < len(y) else nothing)
        elif opcode == SUM:
            total = w.raw_sum(total, word)
        else:
            total = w.raw_max(total, word)
        a, b = a + xk, b + yk
    return total if opcode == IDOT else w.settle(total)  # type: ignore[no-any-return]


@compiled
def run_serial_fold(
    opcode: int, plan: Any, x: Words, y: Words, out: Words, base: int, start: int, stop: int
) -> None:
    """Elements [start, stop) of a fold one after the other: each may read what is written before.

    Also the better way where the last dimension is short.
    """
    start, stop = max(start, -base), min(stop, len(out) - base)
    fold, xk, yk = plan[4], plan[X + 5], plan[Y + 5]
    row, j = divmod(start, plan[3])
    at, bt = _address(plan, X, row), _address(plan, Y, row)
    (x2, x1), (y2, y1) = _carries(plan, X), _carries(plan, Y)
    i1, i2 = row // plan[2] % plan[1], row % plan[2]
    nothing = np.uint32(0)
    for element in range(start, stop):
        if j == plan[3]:
            i2, j = i2 + 1, 0
            at, bt = at + plan[X + 3], bt + plan[Y + 3]
            if i2 == plan[2]:
                i1, i2 = i1 + 1, 0
                at, bt = at + x2, bt + y2
                if i1 == plan[1]:
                    i1 = 0
                    at, bt = at + x1, bt + y1
        a, b = at + plan[X + 4] * j, bt + plan[Y + 4] * j
        total: Any = np.uint32(_START_MAXF if opcode == MAXF else 0)
        for _ in range(fold):
            word = x[a] if 0 <= a < len(x) else nothing
            if opcode == DOT:
                total = w.raw_dot(total, word, y[b] if 0 <= b < len(y) else nothing)
            elif opcode == IDOT:
                total = w.idot(total, word, y[b] if 0 <= b < len(y) else nothing)
            elif opcode == SUM:
                total = w.raw_sum(total, word)
            else:
                total = w.raw_max(total, word)
            a, b = a + xk, b + yk
        out[base + element] = total if opcode == IDOT else w.settle(total)
        j += 1


@compiled
def run_serial_map(
    opcode: int,
    plan: Any,
    x: Words,
    y: Words,
    z: Words,
    out: Words,
    base: int,
    start: int,
    stop: int,
) -> None:
    """Elements [start, stop) of a map one after the other; see `run_serial_fold`."""
    start, stop = max(start, -base), min(stop, len(out) - base)
    row, j = divmod(start, plan[3])
    at, bt, ct = _address(plan, X, row), _address(plan, Y, row), _address(plan, Z, row)
    (x2, x1), (y2, y1), (z2, z1) = _carries(plan, X), _carries(plan, Y), _carries(plan, Z)
    i1, i2 = row // plan[2] % plan[1], row % plan[2]
    nothing = np.uint32(0)
    for element in range(start, stop):
        if j == plan[3]:
            i2, j = i2 + 1, 0
            at, bt, ct = at + plan[X + 3], bt + plan[Y + 3], ct + plan[Z + 3]
            if i2 == plan[2]:
                i1, i2 = i1 + 1, 0
                at, bt, ct = at + x2, bt + y2, ct + z2
                if i1 == plan[1]:
                    i1 = 0
                    at, bt, ct = at + x1, bt + y1, ct + z1
        a, b, c = at + plan[X + 4] * j, bt + plan[Y + 4] * j, ct + plan[Z + 4] * j
        first = x[a] if 0 <= a < len(x) else nothing
        second = y[b] if 0 <= b < len(y) else nothing
        if opcode == GATHER:
            c += w.signed(first) * w.signed(second)
        third = z[c] if 0 <= c < len(z) else nothing
        if opcode == GATHER:
            out[base + element] = third
        else:
            out[base + element] = scalar(opcode, first, second, third)
        j += 1


@compiled
def _start(opcode: int, acc: Words) -> None:
    identity = np.uint32(_START_MAXF if opcode == MAXF else 0)
    for j in range(len(acc)):
        acc[j] = identity


@compiled
def _finish(opcode: int, acc: Words, to: Words) -> None:
    for j in range(len(to)):
        to[j] = acc[j] if opcode == IDOT else w.settle(acc[j])


@compiled
def run_fold(
    opcode: int, plan: Any, x: Words, y: Words, out: Words, base: int, start: int, stop: int
) -> None:
    """Elements [start, stop) of a fold, element e to out[base + e]; none reads another's word.

    Neighbouring elements advance side by side through the fold index, each along its own chain.
    """
    bx, by = np.empty(CHUNK, np.uint32), np.empty(CHUNK, np.uint32)
    accs = np.empty(CHUNK, np.uint32)
    start, stop = max(start, -base), min(stop, len(out) - base)
    element = start
    while element < stop:
        row, j = divmod(element, plan[3])
        n = min(plan[3] - j, stop - element, CHUNK)
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
            elif opcode == IDOT:
                ys = _run_of(y, bt + plan[Y + 5] * k, plan[Y + 4], n, by)
                for place in range(n):
                    acc[place] = w.idot(acc[place], xs[place], ys[place])
            elif opcode == SUM:
                for place in range(n):
                    acc[place] = w.raw_sum(acc[place], xs[place])
            else:
                for place in range(n):
                    acc[place] = w.raw_max(acc[place], xs[place])
        _finish(opcode, acc, out[base + element : base + element + n])
        element += n
