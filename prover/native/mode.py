"""Whether this thread's arithmetic is IEEE-754's: subnormals kept, rounding to nearest even.

Both hang on a control register that any library may change in its thread
(`torch.set_flush_denormal` does), so every thread that computes looks before it does.
"""

import ctypes
from functools import cache
from typing import Any, Final

import numpy as np
from llvmlite import ir

from prover.errors import ArithmeticModeError
from prover.native.emit import MAPS, WORD
from prover.native.loops import long
from prover.native.module import load
from prover.ops import Opcode

_SUMS: Final = np.array(
    [
        (0x3F800000, 0x33C00000, 0x3F800001),
        (0x3F800000, 0x33000000, 0x3F800000),
        (0x3F800000, 0xB3400000, 0x3F7FFFFF),
        (0x00000001, 0x00000001, 0x00000002),
        (0x00800001, 0x80800000, 0x00000001),
    ],
    np.uint32,
)
"""x, y and x + y: rounded up, down and to nearest; subnormal operands; a subnormal result."""
_WHERE: Final = _SUMS.ctypes.data


def check_arithmetic() -> None:
    """Look at this thread's arithmetic; takes a microsecond.

    Raises:
        ArithmeticModeError: when it is not IEEE-754's.
    """
    if _probe()(_WHERE):
        raise ArithmeticModeError(
            "this thread flushes subnormals or does not round to nearest; "
            "do not set flush-to-zero (torch.set_flush_denormal) where claims are computed"
        )


@cache
def _probe() -> Any:
    """A function that says how many of the sums at an address come out wrong."""
    module = ir.Module("mode")
    function = ir.Function(module, ir.FunctionType(WORD, [ir.PointerType()]), "wrong_sums")
    b = ir.IRBuilder(function.append_basic_block())
    wrong: Any = ir.Constant(WORD, 0)
    for start in range(0, _SUMS.size, 3):
        x, y, expected = (
            b.load(b.gep(function.args[0], [long(start + n)], source_etype=WORD), typ=WORD)
            for n in range(3)
        )
        is_wrong = b.icmp_unsigned("!=", MAPS[Opcode.ADD](b, x, y), expected)
        wrong = b.add(wrong, b.zext(is_wrong, WORD))
    b.ret(wrong)
    return ctypes.CFUNCTYPE(ctypes.c_uint32, ctypes.c_void_p)(load(module).address("wrong_sums"))
