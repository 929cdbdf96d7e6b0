"""An exported graph, call by call, over traced arrays."""

import operator
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from numpy.typing import NDArray

from prover.fronts.torch_export import constants
from prover.fronts.torch_export.errors import TorchFrontError, place_of, told_where
from prover.fronts.torch_export.exported import Exported
from prover.fronts.torch_export.ops import INSTEAD, TABLE, Setting, lowered_for
from prover.fronts.torch_export.tensors import dtype_of, torch
from prover.tracer import Array, TraceError, scope

_PLACING: Final = frozenset(
    {"device", "layout", "memory_format", "non_blocking", "pin_memory", "generator"}
)
_SILENT: Final = frozenset(
    {"aten._assert_async.msg", "aten._assert_tensor_metadata.default", "aten.sym_size.int"}
)
"""Checks that torch makes of itself; shapes are fixed here, and words are what they are."""


@dataclass(frozen=True)
class Graph:
    """An exported graph that is known to lower, with its constants."""

    exported: Exported
    folded: Mapping[str, Any]
    constants: Mapping[str, NDArray[Any]] = field(repr=False)
    plain: Mapping[str, NDArray[Any]] = field(repr=False)
    """Constants that calls take as they are."""

    @classmethod
    def of(cls, exported: Exported) -> "Graph":
        """Check that every call has a function, and compute what is constant.

        Raises:
            TorchFrontError: for the first op or dtype that has no place in a program.
        """
        folded = constants.fold(exported.nodes)
        for node in exported.nodes:
            if node.name not in folded:
                _check(node)
        read = constants.needed(
            exported.nodes, [*exported.results, *exported.mutated.values()], folded
        )
        plain = {}
        for node in exported.nodes:
            argument = constants.plain_argument(node)
            if argument is not None:
                if argument.name not in folded:
                    raise TorchFrontError(
                        f"{node.target}: {argument.name} hangs on an input{place_of(node)}; "
                        "make it a constant"
                    )
                plain[argument.name] = folded[argument.name].numpy()
        return cls(exported, folded, read, plain)

    @property
    def params(self) -> dict[str, NDArray[Any]]:
        """Weights, buffers and constants by name."""
        own = {f"constant.{k}": v for k, v in self.constants.items() if constants.is_param(v)}
        return {**self.exported.arrays, **own}

    def results(
        self, params: Mapping[str, Any], inputs: Mapping[str, Any], setting: Setting
    ) -> tuple[list[Any], dict[str, Array]]:
        """What the module returns, flat, and what its buffers become, by name.

        Raises:
            TorchFrontError: when an op cannot be lowered as it is called.
        """
        exported = self.exported
        known: dict[str, Any] = {**exported.fixed, **self.plain}
        known |= {name: params[target] for name, target in exported.params.items()}
        known |= {place: inputs[name] for place, name in exported.inputs.items()}
        for name, array in self.constants.items():
            key = f"constant.{name}"
            known[name] = params[key] if key in params else constants.placed(array)
        with lowered_for(setting):
            for node in exported.nodes:
                if node.name not in self.folded and str(node.target) not in _SILENT:
                    with told_where(node), scope(_path(node)):
                        known[node.name] = _call(node, known)
        found = [_mapped(one, known) for one in exported.results]
        return found, {name: _mapped(one, known) for name, one in exported.mutated.items()}


def _check(node: Any) -> None:
    name = str(node.target)
    if node.target is not operator.getitem and name not in TABLE and name not in _SILENT:
        instead = INSTEAD.get(name.rpartition(".")[0], "write it out in smaller ones")
        raise TorchFrontError(f"{name} has no lowering{place_of(node)}; {instead}")
    values = node.meta.get("val")
    for value in values if isinstance(values, list | tuple) else [values]:
        if isinstance(value, torch().Tensor) and node.users:
            if any(not isinstance(size, int) for size in value.shape):
                raise TorchFrontError(
                    f"{name} gives a shape that hangs on data{place_of(node)}; pad to a fixed one"
                )
            with told_where(node):
                dtype_of(value.dtype)


def _call(node: Any, known: Mapping[str, Any]) -> Any:
    args = [_mapped(one, known) for one in node.args]
    if node.target is operator.getitem:
        if args[0][args[1]] is None:
            raise TraceError(f"result {args[1]} of {node.args[0].target} is not lowered")
        return args[0][args[1]]
    kwargs = {k: _mapped(v, known) for k, v in node.kwargs.items() if k not in _PLACING}
    made = TABLE[str(node.target)](*args, **kwargs)
    expected = node.meta.get("val")
    if isinstance(made, Array) and isinstance(expected, torch().Tensor):
        dtype = dtype_of(expected.dtype)
        if made.shape != tuple(expected.shape) or made.element != dtype:
            raise TraceError(
                f"becomes {made.element.value} of shape {made.shape}, not {dtype.value} of "
                f"{tuple(expected.shape)}; this use of it is not lowered"
            )
    return made


def _mapped(value: Any, known: Mapping[str, Any]) -> Any:
    if isinstance(value, torch().fx.Node):
        return known[value.name]
    if isinstance(value, list | tuple):
        return [_mapped(one, known) for one in value]
    if isinstance(value, torch().dtype):
        return dtype_of(value)
    return value


def _path(node: Any) -> str:
    """The module that makes a call, by its path in the whole, and the call's name."""
    modules = [path for path, _ in (node.meta.get("nn_module_stack") or {}).values()]
    return str(modules[-1] if modules and modules[-1] else node.name)
