"""A module's forward pass as a program."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from prover.fronts.torch_export.errors import TorchFrontError
from prover.fronts.torch_export.exported import Exported, evaluating, export
from prover.fronts.torch_export.interpret import Graph
from prover.fronts.torch_export.ops import Setting
from prover.fronts.torch_export.tensors import array_of, check_module, torch
from prover.tracer import Array, Traced, trace


@dataclass(frozen=True)
class Imported:
    """A program, and what its params hold at first."""

    traced: Traced
    params: Mapping[str, NDArray[Any]]
    """By the names of the state dict; constants of the forward pass beside them."""
    names: Sequence[str]
    """Of the inputs, in the order of the module's arguments."""
    tied: Mapping[str, str]
    """Names of the state dict that stand for a param of another name, and that name."""

    def inputs(self, *tensors: Any) -> dict[str, NDArray[Any]]:
        """Tensors (torch's or NumPy's), one for each input, as arrays by name.

        Raises:
            TorchFrontError: when they are not as many, or of a dtype or range that words lack.
        """
        if len(tensors) != len(self.names):
            raise TorchFrontError(f"{len(tensors)} inputs for {list(self.names)}; give one each")
        return {name: array_of(name, one) for name, one in zip(self.names, tensors, strict=True)}

    def state_dict(self, params: Mapping[str, NDArray[Any]]) -> dict[str, Any]:
        """Params as tensors for the module's `load_state_dict(..., strict=False)`.

        What only the program knows, an optimizer's state and constants, is left out; ints are
        int64 as torch has them.
        """
        return state_dict_of(params, self.tied)


def from_module(
    module: Any,
    example_inputs: Any,
    *,
    keywords: Mapping[str, Any] | None = None,
    names: Sequence[str] | None = None,
    batches: int | None = None,
) -> Imported:
    """The program of a module in eval mode, for inputs shaped like the example's.

    Args:
        module: An `nn.Module`. It is not changed.
        example_inputs: A tensor, or a tuple with all positional arguments of `forward`; numbers and
            None among them are fixed in the program.
        keywords: Keyword arguments of `forward` besides.
        names: What the outputs are called, flat and in order. Otherwise one is `output`, and
            several are called by the keys and places that lead to them, as `logits`, `output1`.
        batches: With a number n every input has a first axis of n more, step s takes place s mod n
            of it, and outputs keep the results of the last n steps.

    Raises:
        TorchFrontError: when torch cannot export the module, or an op, shape or dtype of it has no
            place in a program.
    """
    check_module(module)
    args = example_inputs if isinstance(example_inputs, tuple) else (example_inputs,)
    with evaluating(module):
        graph = Graph.of(export(module, args, keywords or {}))
    exported = graph.exported
    called = outputs_of(exported, names)
    if batches is not None and batches < 1:
        raise TorchFrontError(f"{batches} batches; give 1 or more, or leave it out")

    def step(params: Any, inputs: Any, number: Any) -> tuple[Any, Any]:
        if batches is not None:
            inputs = {name: array[number % batches] for name, array in inputs.items()}
        results, after = graph.results(params, inputs, Setting())
        found = [one for one in results if isinstance(one, Array)]
        return after, dict(zip(called, found, strict=True))

    given = example_arrays(exported, args, keywords or {})
    if batches is not None:
        given = {
            name: np.broadcast_to(array, (batches, *array.shape)) for name, array in given.items()
        }
    turns = dict.fromkeys(called, batches) if batches is not None else None
    params = graph.params
    traced = trace(step, params, given, per_step=turns)
    return Imported(traced, params, tuple(exported.inputs.values()), exported.tied)


def outputs_of(exported: Exported, names: Sequence[str] | None) -> list[str]:
    """The names of results that are tensors."""
    node_type = torch().fx.Node
    own = [
        name
        for name, one in zip(exported.names, exported.results, strict=True)
        if isinstance(one, node_type)
    ]
    if not own:
        raise TorchFrontError("the module returns no tensor")
    if names is None:
        return own
    if len(names) != len(own) or max(Counter(names).values()) > 1:
        raise TorchFrontError(f"the outputs are {own}; give as many different names")
    return list(names)


def example_arrays(
    exported: Exported, args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> dict[str, NDArray[Any]]:
    """The example's tensors by the names of their placeholders."""
    tensor_type = torch().Tensor
    leaves = torch().utils._pytree.tree_leaves((args, dict(kwargs)))
    tensors = [one for one in leaves if isinstance(one, tensor_type)]
    return {
        name: array_of(name, one)
        for name, one in zip(exported.inputs.values(), tensors, strict=True)
    }


def state_dict_of(params: Mapping[str, NDArray[Any]], tied: Mapping[str, str]) -> dict[str, Any]:
    """See `Imported.state_dict`."""
    kept = {
        name: array.astype(np.int64) if array.dtype == np.int32 else array
        for name, array in params.items()
        if ":" not in name and not name.startswith("constant.")
    }
    kept |= {other: kept[name] for other, name in tied.items()}
    return {name: torch().from_numpy(np.array(array)) for name, array in kept.items()}
