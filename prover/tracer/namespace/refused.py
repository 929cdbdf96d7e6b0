"""What of the standard cannot be traced, and what to use instead."""

from typing import Final

from prover.tracer.symbols import TraceError


class UnsupportedError(TraceError, AttributeError):
    """A name of the array API standard that traced arrays do not offer.

    An AttributeError too, so that `hasattr(xp, name)` says no.
    """


_TABLE = "make a table of it outside and pass that as an input"
_DATA = "the shape would depend on data; keep the shape and use where"
_ORDER = "sort outside and pass places as an input; max, argmax and comparisons are there"
_FLOAT32 = "the tensor machine has float32, int32 and bool; use float32"
_INT32 = "the tensor machine has float32, int32 and bool; use int32"
_REAL = "there are no complex numbers; keep real and imaginary parts apart"
_SOLVE = "solve outside and pass the result as an input"

NAMES: Final = {
    "acos": _TABLE,
    "acosh": "use log(x + sqrt(x * x - 1))",
    "argsort": _ORDER,
    "asin": _TABLE,
    "asinh": "use log(x + sqrt(x * x + 1))",
    "atan": _TABLE,
    "atan2": _TABLE,
    "atanh": "use (log1p(x) - log1p(-x)) / 2",
    "complex64": _REAL,
    "complex128": _REAL,
    "conj": _REAL,
    "cos": _TABLE,
    "cosh": "use (exp(x) + exp(-x)) / 2",
    "cumulative_prod": "use exp(cumulative_sum(log(x))) of a positive x",
    "fft": "multiply with the matrix of the transform",
    "float64": _FLOAT32,
    "from_dlpack": "pass the array as an input",
    "hypot": "use sqrt(x * x + y * y)",
    "imag": _REAL,
    "int8": _INT32,
    "int16": _INT32,
    "int64": _INT32,
    "isin": "use any(expand_dims(x, axis=-1) == values, axis=-1)",
    "nextafter": "step on bits outside and pass the result as an input",
    "nonzero": _DATA,
    "real": _REAL,
    "sin": _TABLE,
    "sinh": "use (exp(x) - exp(-x)) / 2",
    "sort": _ORDER,
    "tan": _TABLE,
    "uint8": _INT32,
    "uint16": _INT32,
    "uint32": _INT32,
    "uint64": _INT32,
    "unique_all": _DATA,
    "unique_counts": _DATA,
    "unique_inverse": _DATA,
    "unique_values": _DATA,
}
"""By name, what to use instead."""
LINALG: Final = {
    "cholesky": _SOLVE,
    "det": _SOLVE,
    "eig": _SOLVE,
    "eigh": _SOLVE,
    "eigvals": _SOLVE,
    "eigvalsh": _SOLVE,
    "inv": _SOLVE,
    "matrix_rank": _SOLVE,
    "pinv": _SOLVE,
    "qr": _SOLVE,
    "slogdet": _SOLVE,
    "solve": _SOLVE,
    "svd": _SOLVE,
    "svdvals": _SOLVE,
}
"""Of the namespace `linalg`."""


def refusal(name: str, instead: str | None) -> AttributeError:
    """The error for a name that is not offered: of the standard, or of nothing."""
    if instead is None:
        return AttributeError(f"the array API standard has no {name.removesuffix('.')}")
    return UnsupportedError(f"{name} cannot be traced; {instead}")
