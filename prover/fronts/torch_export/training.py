"""A module, a loss and an optimizer as a training program."""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from prover.fronts.torch_export.errors import TorchFrontError
from prover.fronts.torch_export.exported import Exported, export
from prover.fronts.torch_export.inference import state_dict_of
from prover.fronts.torch_export.interpret import Graph
from prover.fronts.torch_export.ops import Setting
from prover.fronts.torch_export.optimizers import optimizer_of
from prover.fronts.torch_export.tensors import array_of, check_module, torch
from prover.tracer import Traced, gradient, prepare, trace
from prover.tracer.optim import Clipped, Counted, Rate

KEY: Final = "dropout:key"
_STEP: Final = "count:step"
_DROPOUT: Final = ("dropout", "scaled_dot_product_attention")


@dataclass(frozen=True)
class Training:
    """A training program, what its params hold at first, and its batches."""

    traced: Traced
    params: Mapping[str, NDArray[Any]]
    """Weights and buffers by the names of the state dict; the optimizer's state besides."""
    inputs: Mapping[str, NDArray[Any]]
    """All batches, in the order in which steps use them."""
    tied: Mapping[str, str]
    """Names of the state dict that stand for a param of another name, and that name."""

    def state_dict(self, params: Mapping[str, NDArray[Any]]) -> dict[str, Any]:
        """Params as tensors for the module's `load_state_dict(..., strict=False)`.

        What only the program knows, an optimizer's state and constants, is left out; ints are
        int64 as torch has them.
        """
        return state_dict_of(params, self.tied)


def training(
    module: Any,
    loss: Callable[..., Any],
    optimizer: Any,
    inputs: Any,
    targets: Any,
    *,
    rate: Rate | None = None,
    clip_norm: float | None = None,
    clip_value: float | None = None,
    seed: int = 0,
    losses: int | None = None,
) -> Training:
    """The program of a step of training: step s takes batch s mod n.

    Args:
        module: An `nn.Module`, trained in the modes that it is in. It is not changed.
        loss: An `nn` loss module, or a function of (the module's output, *targets), that gives a
            float scalar.
        optimizer: A fresh `torch.optim` SGD, Adam or AdamW over weights of the module; other
            weights, and those that need no gradient, stay as they are.
        inputs: A tensor, or a tuple with all positional arguments of `forward`; tensors are batches
            behind one another along a first axis of n, other things are fixed in the program.
        targets: A tensor, or a tuple of them, likewise.
        rate: A schedule instead of the optimizer's rate.
        clip_norm: The norm that all gradients together are brought to, where theirs is greater.
        clip_value: What each element of a gradient is kept between, and its negative.
        seed: 0 to 2^62 - 1; dropout draws by it.
        losses: Of how many last steps the output `loss` keeps values; of one, as a scalar, if None.

    Raises:
        TorchFrontError: when torch cannot export the module, or something of it, of the loss or of
            the optimizer has no place in a program.
    """
    check_module(module)
    args = inputs if isinstance(inputs, tuple) else (inputs,)
    wanted = targets if isinstance(targets, tuple) else (targets,)
    count = _batches(args, wanted)
    graph = Graph.of(_exported(module, loss, _first(args), _first(wanted)))
    exported = graph.exported
    shapes = [tuple(one.meta["val"].shape) for one in exported.results if hasattr(one, "meta")]
    if shapes != [()]:
        raise TorchFrontError(f"the loss gives tensors of shapes {shapes}; give one scalar")
    names = {
        id(one): exported.tied.get(name, name)
        for name, one in module.named_parameters(remove_duplicate=False)
        if exported.tied.get(name, name) in exported.trainable
    }
    own, changed = optimizer_of(optimizer, names, rate)
    if clip_norm is not None or clip_value is not None:
        own = Clipped(own, clip_norm, clip_value)
    draws = any(any(one in str(node.target) for one in _DROPOUT) for node in exported.nodes)
    own = Counted(own) if draws else own

    def step(params: Any, batches: Any, number: Any) -> tuple[Any, Any]:
        batch = {name: array[number % count] for name, array in batches.items()}
        setting = Setting(differentiated=True, key=params.get(KEY), step=params.get(_STEP))
        (value,), after = graph.results(params, batch, setting)
        grads = gradient(value, {name: params[name] for name in changed})
        return {**after, **own.update(params, grads)}, {"loss": value}

    params = graph.params
    params |= prepare(own, {name: params[name] for name in changed})
    if draws:
        if not 0 <= seed < 1 << 62:
            raise TorchFrontError(f"the seed is {seed}; take 0 to 2^62 - 1")
        params[KEY] = np.array([seed >> 31, seed & 0x7FFFFFFF], np.int32)
    tensor_type = torch().Tensor
    held = [one for one in _leaves((args, wanted)) if isinstance(one, tensor_type)]
    given = {
        name: array_of(name, one) for name, one in zip(exported.inputs.values(), held, strict=True)
    }
    traced = trace(step, params, given, per_step=None if losses is None else {"loss": losses})
    return Training(traced, params, given, exported.tied)


def _exported(module: Any, loss: Any, args: tuple[Any, ...], targets: tuple[Any, ...]) -> Exported:
    """The loss of a module as one graph, under the module's own names."""

    class Lost(torch().nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.module, self.loss, self.training = module, loss, module.training

        def forward(self, inputs: tuple[Any, ...], targets: tuple[Any, ...]) -> Any:
            return self.loss(self.module(*inputs), *targets)

    Lost.__name__ = f"{type(module).__name__} and its loss"
    found = export(Lost(), (args, targets), {})
    prefix = "module."
    tensor_type = torch().Tensor
    names = list(found.inputs)
    if all(isinstance(one, tensor_type) for one in (*args, *targets)):
        names = [*_argument_names(module, len(args)), *_target_names(len(targets))]
    return replace(
        found,
        params={k: v.removeprefix(prefix) for k, v in found.params.items()},
        arrays={k.removeprefix(prefix): v for k, v in found.arrays.items()},
        tied={k.removeprefix(prefix): v.removeprefix(prefix) for k, v in found.tied.items()},
        trainable=frozenset(one.removeprefix(prefix) for one in found.trainable),
        mutated={k.removeprefix(prefix): v for k, v in found.mutated.items()},
        inputs=dict(zip(found.inputs, names, strict=True)),
    )


def _argument_names(module: Any, count: int) -> list[str]:
    kinds = {inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD}
    own = [
        name for name, one in inspect.signature(module.forward).parameters.items()
        if one.kind in kinds
    ]  # fmt: skip
    own = [f"{name}_" if name in _target_names(1) else name for name in own]
    return [*own, *(f"input{number}" for number in range(len(own), count))][:count]


def _target_names(count: int) -> list[str]:
    return ["target"] if count == 1 else [f"target{number}" for number in range(count)]


def _leaves(tree: Any) -> list[Any]:
    return list(torch().utils._pytree.tree_leaves(tree))


def _first(tree: Any) -> Any:
    """The first batch of each tensor."""
    tensor_type = torch().Tensor
    return torch().utils._pytree.tree_map(
        lambda one: one[0] if isinstance(one, tensor_type) else one, tree
    )


def _batches(args: tuple[Any, ...], targets: tuple[Any, ...]) -> int:
    tensor_type = torch().Tensor
    held = [one for one in _leaves((args, targets)) if isinstance(one, tensor_type)]
    counts = {one.shape[0] if one.ndim else 0 for one in held}
    if len(counts) != 1 or 0 in counts:
        raise TorchFrontError(
            f"inputs and targets have {sorted(counts)} batches along their first axes; give both "
            "the same number, shaped (batches, batch, ...)"
        )
    return int(counts.pop())
