"""The tensor instruction that kernels use: 16 x 8 sums of 32 products of signed bytes, a warp."""

import re
from collections.abc import Callable
from typing import Any, Final

import numpy as np

from tests.prover.cuda.ptx import Instruction

_NAME: Final = "mma.sync.aligned.m16n8k32.row.col.s32.s8.s8.s32"
_LANE: Final = np.arange(32)
_GROUP: Final = _LANE >> 2
_IN: Final = _LANE & 3


def multiply(one: Instruction) -> Callable[[Any, Any], None]:
    """As the PTX manual lays the fragments out over the lanes of a warp."""
    if one.name != _NAME:
        raise NotImplementedError(one.name)
    out, a, b, c = (re.findall(r"%\w+", operand) for operand in one.operands)

    def act(run: Any, who: Any) -> None:
        def words(names: list[str]) -> Any:
            return np.stack([run.register(n)[who].reshape(-1, 32) for n in names], axis=-1)

        left = _bytes(words(a))  # warp, lane, register, byte
        right = _bytes(words(b))
        warps = len(left)
        x = np.zeros((warps, 16, 32), np.int64)
        y = np.zeros((warps, 8, 32), np.int64)
        for byte in range(4):
            for register in range(4):
                column = 4 * _IN + byte + 16 * (register >> 1)
                x[:, _GROUP + 8 * (register & 1), column] = left[:, :, register, byte]
            for register in range(2):
                y[:, _GROUP, 4 * _IN + byte + 16 * register] = right[:, :, register, byte]
        made = x @ y.swapaxes(1, 2)
        before = words(c)
        for register, name in enumerate(out):
            sums = made[:, _GROUP + 8 * (register >> 1), 2 * _IN + (register & 1)]
            total = before[..., register].astype(np.int64) + sums
            run.register(name)[who] = (total & 0xFFFFFFFF).astype(np.uint32).reshape(-1)

    return act


def _bytes(words: Any) -> Any:
    return np.ascontiguousarray(words).view(np.int8).reshape(*words.shape, 4)
