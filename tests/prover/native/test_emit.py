"""Every op as vectors gives the bits of `prover.ops`, in every lane."""

import ctypes
from typing import Any

import numpy as np
import pytest
from llvmlite import ir

from prover.native import emit, module
from prover.native.module import Library
from prover.ops import OPS, Opcode, apply
from tests.prover import operands

LANES = 32
TABLE = {**emit.MAPS, **emit.FOLDS}


@pytest.fixture(scope="module")
def library() -> Library:
    """Of each op a function over LANES words: accumulator, x, y, z, out."""
    made = ir.Module("ops")
    pointer, vector = ir.PointerType(), ir.VectorType(emit.WORD, LANES)
    for opcode, op in TABLE.items():
        function = ir.Function(made, ir.FunctionType(ir.VoidType(), [pointer] * 5), opcode.name)
        b = ir.IRBuilder(function.append_basic_block())
        acc, *words = [b.load(one, typ=vector, align=4) for one in function.args[:4]]
        read = words[: OPS[opcode].arity]
        result = op(b, acc, *read) if OPS[opcode].is_fold else op(b, *read)
        if opcode in emit.MAKES_NAN:
            result = emit.canonical(b, result)
        b.store(result, function.args[4], align=4)
        b.ret_void()
    return module.load(made)


def test_the_tables_hold_every_op_but_gather() -> None:
    assert {*TABLE, Opcode.GATHER} == {*Opcode}


@pytest.mark.parametrize("opcode", TABLE, ids=lambda opcode: opcode.name.lower())
def test_lanes_are_the_definition(library: Library, opcode: Opcode) -> None:
    pointers = [ctypes.c_void_p] * 5
    function: Any = ctypes.CFUNCTYPE(None, *pointers)(library.address(opcode.name))
    out = np.zeros(LANES, np.uint32)
    for cases in operands.draw(opcode, 60 * LANES).reshape(60, LANES, 4):
        words = [np.ascontiguousarray(one) for one in cases.T]
        function(*(one.ctypes.data for one in (*words, out)))
        assert out.tolist() == [apply(opcode, *map(int, case)) for case in cases]
