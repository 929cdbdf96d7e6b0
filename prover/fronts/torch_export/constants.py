"""Parts of a graph that hang on no input and no weight: computed once, by torch, on import.

Causal masks, places 0, 1, 2, ..., and tables of sines are such parts. Where a call reads one, it is
a number if all its elements are alike, the machine's own count if it is 0, 1, 2, ..., and otherwise
a param named after its node.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from prover.fronts.torch_export.errors import TorchFrontError, place_of, told_where
from prover.fronts.torch_export.ops import PLAIN
from prover.fronts.torch_export.tensors import array_of, torch
from prover.tracer import Array
from prover.tracer import namespace as xp


def fold(nodes: Sequence[Any]) -> dict[str, Any]:
    """The value, a tensor or several, of each call that is made from nothing.

    Raises:
        TorchFrontError: when such a call draws random numbers.
    """
    values: dict[str, Any] = {}
    random = torch().Tag.nondeterministic_seeded
    for node in nodes:
        if any(one.name not in values for one in node.all_input_nodes):
            continue
        if random in getattr(node.target, "tags", ()):
            raise TorchFrontError(
                f"{node.target} draws numbers that nobody could check{place_of(node)}; "
                "make them an input"
            )
        args, kwargs = torch().fx.node.map_arg(
            (node.args, node.kwargs), lambda one: values[one.name]
        )
        values[node.name] = node.target(*args, **kwargs)
    return values


def needed(
    nodes: Sequence[Any], results: Sequence[Any], values: Mapping[str, Any]
) -> dict[str, NDArray[Any]]:
    """The constants that other calls or the results read, as arrays by name of their node."""
    found: dict[str, NDArray[Any]] = {}
    node_type = torch().fx.Node
    readers = [
        [one for one in node.all_input_nodes if one is not plain_argument(node)]
        for node in nodes
        if node.name not in values
    ]
    readers.append([one for one in results if isinstance(one, node_type)])
    for read in readers:
        for one in read:
            if one.name in values and one.name not in found:
                with told_where(one):
                    found[one.name] = array_of(one.name, values[one.name])
    return found


def plain_argument(node: Any) -> Any:
    """The argument of a call that it takes as a plain array, if there is one."""
    place = PLAIN.get(str(node.target), len(node.args))
    return node.args[place] if place < len(node.args) else None


def is_param(array: NDArray[Any]) -> bool:
    """Whether a constant must be a param."""
    return not _alike(array) and not _counts(array)


def placed(array: NDArray[Any]) -> Array:
    """A constant that is no param, in the trace under way."""
    if _counts(array):
        return xp.arange(len(array))
    return xp.full(array.shape, array.reshape(-1)[0].item(), dtype=array.dtype)


def _alike(array: NDArray[Any]) -> bool:
    words = array.reshape(-1).view(np.uint8 if array.dtype == bool else np.uint32)
    return bool((words == words[0]).all())


def _counts(array: NDArray[Any]) -> bool:
    return (
        array.dtype == np.int32
        and array.ndim == 1
        and array.size > 1
        and np.array_equal(array, np.arange(array.size))
    )
