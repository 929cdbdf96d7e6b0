"""From an opcode to compiled code: one branch an op, over runs of words and for single words."""

from typing import Any

from prover.backends import words as w
from prover.commit.tensor import Words
from prover.native.jit import compiled
from prover.ops import Opcode

ADD, SUB, MUL, FMA, DIV = (int(Opcode[n]) for n in ("ADD", "SUB", "MUL", "FMA", "DIV"))
SQRT, MAX, LT, LE, EQ = (int(Opcode[n]) for n in ("SQRT", "MAX", "LT", "LE", "EQ"))
ILT, ILE, IEQ, SELECT = (int(Opcode[n]) for n in ("ILT", "ILE", "IEQ", "SELECT"))
IADD, ISUB, IMUL, UMULH = (int(Opcode[n]) for n in ("IADD", "ISUB", "IMUL", "UMULH"))
AND, OR, XOR, SHL, SHR, SAR = (int(Opcode[n]) for n in ("AND", "OR", "XOR", "SHL", "SHR", "SAR"))
FROM_INT, TO_INT_NEAREST = int(Opcode.FROM_INT), int(Opcode.TO_INT_NEAREST)
TO_INT_ZERO, MOVE, GATHER = int(Opcode.TO_INT_ZERO), int(Opcode.MOVE), int(Opcode.GATHER)
SUM, DOT, MAXF, IDOT = (int(Opcode[n]) for n in ("SUM", "DOT", "MAXF", "IDOT"))


@compiled
def apply_run(opcode: int, x: Words, y: Words, z: Words, out: Words) -> None:  # noqa: C901
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
def scalar(opcode: int, x: Any, y: Any, z: Any) -> Any:  # noqa: C901
    """One result of a map other than GATHER."""
    result = x
    if opcode == ADD:
        result = w.add(x, y)
    elif opcode == SUB:
        result = w.sub(x, y)
    elif opcode == MUL:
        result = w.mul(x, y)
    elif opcode == FMA:
        result = w.fma(x, y, z)
    elif opcode == DIV:
        result = w.div(x, y)
    elif opcode == SQRT:
        result = w.sqrt(x)
    elif opcode == MAX:
        result = w.maximum(x, y)
    elif opcode == LT:
        result = w.lt(x, y)
    elif opcode == LE:
        result = w.le(x, y)
    elif opcode == EQ:
        result = w.eq(x, y)
    elif opcode == ILT:
        result = w.ilt(x, y)
    elif opcode == ILE:
        result = w.ile(x, y)
    elif opcode == IEQ:
        result = w.ieq(x, y)
    elif opcode == SELECT:
        result = w.select(x, y, z)
    elif opcode == IADD:
        result = w.iadd(x, y)
    elif opcode == ISUB:
        result = w.isub(x, y)
    elif opcode == IMUL:
        result = w.imul(x, y)
    elif opcode == UMULH:
        result = w.umulh(x, y)
    elif opcode == AND:
        result = w.bit_and(x, y)
    elif opcode == OR:
        result = w.bit_or(x, y)
    elif opcode == XOR:
        result = w.bit_xor(x, y)
    elif opcode == SHL:
        result = w.shl(x, y)
    elif opcode == SHR:
        result = w.shr(x, y)
    elif opcode == SAR:
        result = w.sar(x, y)
    elif opcode == FROM_INT:
        result = w.from_int(x)
    elif opcode == TO_INT_NEAREST:
        result = w.to_int_nearest(x)
    elif opcode == TO_INT_ZERO:
        result = w.to_int_zero(x)
    return result
