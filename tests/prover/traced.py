"""Runs functions over arrays both ways: traced, as a program, and plainly by NumPy."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from prover.backends import Backend, backend
from prover.execute import run
from prover.program import Program
from prover.tracer import Traced, trace

Function = Callable[..., Any]
NUMBA = backend("numba")


def program_of(function: Function, *arrays: Any) -> Traced:
    """The program of a function of inputs that returns one array, or several by name."""

    def step(params: Any, inputs: Mapping[str, Any], number: Any) -> tuple[Any, Any]:
        made = function(*inputs.values())
        return {}, made if isinstance(made, dict) else {"result": made}

    return trace(step, {}, {f"x{number}": array for number, array in enumerate(arrays)})


def evaluate_all(
    function: Function, *arrays: Any, used: Backend = NUMBA, step: int = 0
) -> dict[str, NDArray[Any]]:
    """What a traced function of inputs gives, by name."""
    traced = program_of(function, *arrays)
    inputs = traced.inputs.words({f"x{number}": array for number, array in enumerate(arrays)})
    result = run(traced.program, step, 1, [], inputs, used, finite=False)
    return traced.outputs.arrays(result.outputs)


def evaluate(function: Function, *arrays: Any, used: Backend = NUMBA) -> NDArray[Any]:
    """What a traced function of inputs gives."""
    return evaluate_all(function, *arrays, used=used)["result"]


def floats(*shape: int, seed: int = 0) -> NDArray[np.float32]:
    """Normal floats."""
    return np.random.default_rng([seed, *shape]).standard_normal(shape).astype(np.float32)


def opcodes(program: Program) -> list[str]:
    """The names of a program's ops, in order."""
    return [row.opcode.name if row else "" for row in program.rows]
