"""What this machine's floating-point unit says: the oracle for scalar operations on whole arrays.

NumPy computes all but the fused multiply-add, which is the C library's fmaf. NaN results are made
canonical, since hardware disagrees on their bits.
"""

from __future__ import annotations

import ctypes
import ctypes.util
from collections.abc import Callable, Mapping
from typing import Final

import numpy as np
import numpy.typing as npt

from prover.ops import Opcode

Words = npt.NDArray[np.uint32]
Function = Callable[[Words, Words, Words, Words], Words]

_libm = ctypes.CDLL(ctypes.util.find_library("m") or "libm.so.6")
_fmaf = _libm.fmaf
_fmaf.restype = ctypes.c_float
_fmaf.argtypes = [ctypes.c_float] * 3


def compute(opcode: Opcode, cases: Words) -> Words:
    """The op's results for cases of shape (n, 4): the words acc, x, y, z."""
    acc, x, y, z = (np.ascontiguousarray(cases[:, place]) for place in range(4))
    with np.errstate(all="ignore"):
        return _FUNCTIONS[opcode](acc, x, y, z)


def canonical(words: Words) -> Words:
    """The words with each NaN replaced by the canonical one."""
    return np.where(
        (words & np.uint32(0x7FFFFFFF)) > np.uint32(0x7F800000), np.uint32(0x7FC00000), words
    )


def _float(words: Words) -> npt.NDArray[np.float32]:
    return words.view(np.float32)


def _signed(words: Words) -> npt.NDArray[np.int32]:
    return words.view(np.int32)


def _words(floats: npt.NDArray[np.float32]) -> Words:
    return canonical(floats.view(np.uint32))


def _mask(condition: npt.NDArray[np.bool_]) -> Words:
    return np.where(condition, np.uint32(0xFFFFFFFF), np.uint32(0))


def _amount(y: Words) -> Words:
    return y & np.uint32(31)


def _add(x: Words, y: Words) -> Words:
    return _words(_float(x) + _float(y))


def _fma(x: Words, y: Words, z: Words) -> Words:
    floats = (_float(words).tolist() for words in (x, y, z))
    return _words(np.fromiter(map(_fmaf, *floats), np.float32, len(x)))


def _maximum(x: Words, y: Words) -> Words:
    return canonical(np.where(_float(x) > _float(y), x, y))


def _to_int(x: Words, rounding: Callable[..., npt.NDArray[np.float64]]) -> Words:
    # Exact in binary64, where all int32 fit.
    rounded = rounding(_float(x).astype(np.float64))
    bounded = np.clip(np.nan_to_num(rounded, nan=0.0), -(2.0**31), 2.0**31 - 1)
    return bounded.astype(np.int32).view(np.uint32)


_FUNCTIONS: Final[Mapping[Opcode, Function]] = {
    Opcode.ADD: lambda acc, x, y, z: _add(x, y),
    Opcode.SUB: lambda acc, x, y, z: _words(_float(x) - _float(y)),
    Opcode.MUL: lambda acc, x, y, z: _words(_float(x) * _float(y)),
    Opcode.FMA: lambda acc, x, y, z: _fma(x, y, z),
    Opcode.DIV: lambda acc, x, y, z: _words(_float(x) / _float(y)),
    Opcode.SQRT: lambda acc, x, y, z: _words(np.sqrt(_float(x))),
    Opcode.MAX: lambda acc, x, y, z: _maximum(x, y),
    Opcode.LT: lambda acc, x, y, z: _mask(_float(x) < _float(y)),
    Opcode.LE: lambda acc, x, y, z: _mask(_float(x) <= _float(y)),
    Opcode.EQ: lambda acc, x, y, z: _mask(_float(x) == _float(y)),
    Opcode.ILT: lambda acc, x, y, z: _mask(_signed(x) < _signed(y)),
    Opcode.ILE: lambda acc, x, y, z: _mask(_signed(x) <= _signed(y)),
    Opcode.IEQ: lambda acc, x, y, z: _mask(x == y),
    Opcode.SELECT: lambda acc, x, y, z: np.where(x != 0, y, z),
    Opcode.IADD: lambda acc, x, y, z: x + y,
    Opcode.ISUB: lambda acc, x, y, z: x - y,
    Opcode.IMUL: lambda acc, x, y, z: x * y,
    Opcode.UMULH: lambda acc, x, y, z: (
        (x.astype(np.uint64) * y.astype(np.uint64)) >> np.uint64(32)
    ).astype(np.uint32),
    Opcode.AND: lambda acc, x, y, z: x & y,
    Opcode.OR: lambda acc, x, y, z: x | y,
    Opcode.XOR: lambda acc, x, y, z: x ^ y,
    Opcode.SHL: lambda acc, x, y, z: x << _amount(y),
    Opcode.SHR: lambda acc, x, y, z: x >> _amount(y),
    Opcode.SAR: lambda acc, x, y, z: (_signed(x) >> _signed(_amount(y))).view(np.uint32),
    Opcode.FROM_INT: lambda acc, x, y, z: _words(_signed(x).astype(np.float32)),
    Opcode.TO_INT_NEAREST: lambda acc, x, y, z: _to_int(x, np.rint),
    Opcode.TO_INT_ZERO: lambda acc, x, y, z: _to_int(x, np.trunc),
    Opcode.MOVE: lambda acc, x, y, z: x,
    Opcode.GATHER: lambda acc, x, y, z: z,
    Opcode.SUM: lambda acc, x, y, z: _add(acc, x),
    Opcode.DOT: lambda acc, x, y, z: _fma(x, y, acc),
    Opcode.MAXF: lambda acc, x, y, z: _maximum(acc, x),
    Opcode.IDOT: lambda acc, x, y, z: acc + x * y,
}
