"""The array API standard's functions for whatever arrays a function was given."""

from typing import Any

import array_api_compat

from prover.tracer.array import Array


def namespace_of(*arrays: Any) -> Any:
    """The namespace of NumPy, torch, CuPy or traced arrays; scalars beside them do not count.

    For a function that is to run on all of them; torch's arrays have no `__array_namespace__`.

    Raises:
        TypeError: when none of them is an array.
    """
    for array in arrays:
        if isinstance(array, Array):
            return array.__array_namespace__()
    return array_api_compat.array_namespace(*arrays)
