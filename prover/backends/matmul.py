"""Matrix products at full speed, with the bits of the specification.

Of floats (DOT) out[i, j] is one chain: from +0, k ascending, one fma a step, exactly K of them.
What is free is which chains advance together, and that is all that happens here: panels of A and B
are laid out anew so that a tile reads them in a row, and long chains are stored and resumed (blocks
of K), so that panels stay in the caches. M and N are padded inside panels, K never.

Of ints (IDOT) out[i, j] is a sum modulo 2^32 in any order. Small ones are laid out several to a
word and multiplied several at a time (`prover.backends.arithmetic`), after a look at all of them;
others one by one.

A product is described by an int64 array (`Field`). `matmul_share` computes one thread's part of
it; generated code calls the same function at `stage_address(opcode)`. To time it, describe once and
call `spread(partial(matmul_share, about), threads)`, or `matmul(x, y, out, threads)`, which does
that for what is large enough.
"""

import ctypes
from functools import cache, partial
from typing import Any, Final

import numpy as np
from llvmlite import ir
from numpy.typing import NDArray

from prover.backends import panels
from prover.backends.arithmetic import FLOATS, INTS, small_ints
from prover.backends.blocks import PARAMETERS, Field, product, share
from prover.backends.packs import all_small
from prover.backends.tile import POINTER
from prover.commit.tensor import Words
from prover.native.emit import LONG
from prover.native.integers import Int, raw, routine, run
from prover.native.loops import long
from prover.native.module import load_known
from prover.native.threads import spread
from prover.ops import Opcode

Description = NDArray[np.int64]
FIELDS: Final = len(Field)
OPCODES: Final = frozenset({Opcode.DOT, Opcode.IDOT})
"""Ops whose rows may be products."""

_WORTH: Final = 1 << 21
"""Steps of chains that take about as long as to wake a thread."""
_FEW: Final = 12
"""Rows below which it costs more to lay ints out than to multiply them as they are."""
_BYTES: Final = 4
_ONES: Final = (1, 1, 1, 1)
_NONE: Final = (0, 0, 0, 0)
_NAME: Final = "matmul_stage"


def describe(x: Words, y: Words, out: Words) -> Description:
    """The description of x[..., M, K] times y[..., K, N] into a dense out[..., M, N], each with up
    to two leading dimensions, of which x and y need not have all.
    """
    return np.array(
        (
            x.ctypes.data, y.ctypes.data, out.ctypes.data,
            *_ONES[out.ndim :], *out.shape, x.shape[-1], *_moves(x), *_moves(y),
        ),
        np.int64,
    )  # fmt: skip


def _moves(words: Words) -> tuple[int, ...]:
    """Words from an element to the next along four dimensions; of one place it does not matter."""
    return *_NONE[words.ndim :], *[stride // _BYTES for stride in words.strides]


def matmul(x: Words, y: Words, out: Words, threads: int = 1, opcode: Opcode = Opcode.DOT) -> None:
    """x[..., M, K] times y[..., K, N] into a dense out[..., M, N] that overlaps neither, on up to
    so many threads: none is woken for less work than waking it takes.

    Sizes that are 0 or do not fit are not looked for.
    """
    worth = -(-out.size * x.shape[-1] // _WORTH)
    about = describe(x, y, out)
    spread(partial(matmul_share, about, opcode=opcode), min(threads, worth))


def matmul_share(
    about: Description, thread: int, threads: int, opcode: Opcode = Opcode.DOT
) -> None:
    """One thread's part of a product, 0 <= thread < threads: a range of the rows or columns of its
    matrices. It shares nothing with the others.
    """
    _stage(opcode)(about.ctypes.data, 0, thread, threads)


@cache
def stage_address(opcode: Opcode = Opcode.DOT) -> int:
    """Where `void (i64* description, i64 step, i64 thread, i64 threads)` lies: `matmul_share` for
    machine code. It ignores the step, needs no GIL and keeps no state.
    """
    known = load_known(f"matmul {opcode.name}", [_NAME], partial(_module, opcode))
    return known.address(_NAME)


@cache
def _stage(opcode: Opcode) -> Any:
    return ctypes.CFUNCTYPE(None, ctypes.c_void_p, *[ctypes.c_int64] * 3)(stage_address(opcode))


def _module(opcode: Opcode) -> ir.Module:
    module = ir.Module("matmul")
    transposes = panels.transpose(module)
    panel = panels.panel(module, transposes)
    if opcode == Opcode.IDOT:
        multiply = _integers(module, panel, transposes)
    else:
        multiply = product(module, FLOATS, panel, transposes)
    kind = ir.FunctionType(ir.VoidType(), [POINTER, LONG, LONG, LONG])
    stage = ir.Function(module, kind, _NAME)
    b = ir.IRBuilder(stage.append_basic_block())
    read = {
        place: Int(b, b.load(b.gep(stage.args[0], [long(place)], source_etype=LONG), typ=LONG))
        for place in Field
    }
    share(b, read, multiply, Int(b, stage.args[2]), Int(b, stage.args[3]))
    b.ret_void()
    return module


def _integers(module: Any, panel: Any, transposes: Any) -> Any:
    """As `blocks.product`, of ints: which of its two kinds suits them."""
    general = product(module, INTS, panel, transposes)
    small = small_ints()
    if small is None:
        return general
    packed = product(module, small, panel, transposes)
    fit = all_small(module, small)
    made, b, arguments = routine(module, "product_of_either", PARAMETERS)
    x, x_m, x_k, y, y_n, y_k, _, _, _, m, n, k = arguments
    # Nothing is looked at where the answer is known.
    lines = m.or_if(m < _FEW, 0)
    narrow = b.call(fit, [raw(one) for one in (x, x_m, lines, x_k, k)])
    narrow = b.and_(narrow, m >= _FEW)
    lines = Int(b, long(0)).or_if(narrow, n)
    narrow = b.and_(narrow, b.call(fit, [raw(one) for one in (y, y_n, lines, y_k, k)]))
    with b.if_else(narrow) as (packs, takes):
        with packs:
            run(b, packed, *arguments)
        with takes:
            run(b, general, *arguments)
    b.ret_void()
    return made
