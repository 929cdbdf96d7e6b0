"""What traced arrays are described by: dtypes, ops, scopes and the step's number."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from enum import Enum, StrEnum
from typing import Final, NoReturn

import numpy as np

from prover.errors import ProverError
from prover.ops import Opcode
from prover.tracer.where import users_line

Shape = tuple[int, ...]


class TraceError(ProverError):
    """A function does what cannot be traced, or not in this way; says at which of its lines."""

    def __init__(self, why: str) -> None:
        self.why = why
        line = users_line()
        super().__init__(f"{why} ({line})" if line else why)


class DType(Enum):
    """What a word means."""

    F32 = "float32"
    I32 = "int32"
    MASK = "bool"
    """0 or 0xffffffff."""

    @classmethod
    def of(cls, dtype: object) -> DType:
        """From anything that NumPy takes for float32, int32 or bool.

        Raises:
            TraceError: when it is another type.
        """
        if isinstance(dtype, DType):
            return dtype
        try:
            known = np.dtype(dtype)  # type: ignore[call-overload]
        except TypeError:
            raise TraceError(
                f"{dtype} is no dtype of NumPy; convert the array to NumPy's"
            ) from None
        try:
            return cls(known.name)
        except ValueError:
            instead = "int32" if known.kind in "iu" else "float32"
            raise TraceError(
                f"{known.name} is no dtype of the tensor machine; use {instead}"
            ) from None


class Kind(StrEnum):
    """Ops besides the scalar operations, which stand for themselves."""

    LEAF = "leaf"
    CONSTANT = "constant"
    DETACH = "detach"
    RULED = "ruled"
    BROADCAST = "broadcast"
    PERMUTE = "permute"
    RESHAPE = "reshape"
    SLICE = "slice"
    TURN = "turn"
    IOTA = "iota"
    CONCAT = "concat"
    EXP = "exp"
    LOG = "log"
    TANH = "tanh"
    ERF = "erf"
    NORMAL = "normal"
    SIGMOID = "sigmoid"
    MATMUL = "matmul"
    SUM = "sum"
    MAX = "max"
    TAKE = "take"


Op = Kind | Opcode

NO_DATA: Final = (
    "the step is no number while tracing; index with step % n, or compute with "
    'params["count:step"], which Counted(optimizer) keeps'
)
"""Why neither the step nor its turn can be computed with."""

_scope: ContextVar[str] = ContextVar("scope", default="")


@contextmanager
def scope(name: str) -> Iterator[None]:
    """Rows of what is traced inside are named `name.…`; without effect on plain arrays."""
    outer = _scope.get()
    token = _scope.set(f"{outer}{name}.")
    try:
        yield
    finally:
        _scope.reset(token)


def current_scope() -> str:
    """The scopes that are open, each with a dot behind it."""
    return _scope.get()


class _Address:
    """What can pick along an axis, and is no number: whoever computes with it is told so."""

    def _refuse(self, *others: object) -> NoReturn:
        raise TraceError(NO_DATA)

    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = _refuse
    __truediv__ = __rtruediv__ = __floordiv__ = __rfloordiv__ = __rmod__ = _refuse
    __pow__ = __rpow__ = __neg__ = __pos__ = __abs__ = _refuse
    __lt__ = __le__ = __gt__ = __ge__ = _refuse
    __eq__ = __ne__ = _refuse  # else `step == 0` would be False for good
    __bool__ = __int__ = __float__ = __index__ = _refuse
    __hash__ = object.__hash__


class Turn(_Address):
    """`step % modulus`: picks along the first axis what this training step is to use."""

    def __init__(self, modulus: int) -> None:
        self.modulus = modulus


class Step(_Address):
    """The number of the training step: it can be an address, as `inputs[step % n]`, never data."""

    def __mod__(self, modulus: int) -> Turn:
        """The step's place in a round of `modulus` >= 1 steps."""
        if not 1 <= modulus < 1 << 28:
            raise TraceError(f"the step is taken modulo 1 to 2^28 - 1, not {modulus}")
        return Turn(modulus)
