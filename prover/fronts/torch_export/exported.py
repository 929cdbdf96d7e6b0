"""A module as a graph of core ATen ops, by torch.export."""

import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from numpy.typing import NDArray

from prover.fronts.torch_export.errors import TorchFrontError, place_of
from prover.fronts.torch_export.tensors import array_of, torch

KEPT: Final = frozenset(
    f"aten.{name}"
    for name in (
        "_safe_softmax.default", "adaptive_avg_pool2d.default", "binary_cross_entropy.default",
        "conv1d.default", "conv1d.padding", "conv2d.default", "conv2d.padding",
        "cross_entropy_loss.default", "gru.input", "hardsigmoid.default", "hardswish.default",
        "layer_norm.default", "linear.default",
        "log_softmax.int", "lstm.input", "masked_fill.Scalar", "masked_fill.Tensor",
        "matmul.default", "max_pool2d.default", "mse_loss.default", "nll_loss_nd.default",
        "one_hot.default", "rms_norm.default", "rnn_relu.input", "rnn_tanh.input",
        "scaled_dot_product_attention.default", "silu.default", "softmax.int", "stack.default",
        "std.correction",
    )
)  # fmt: skip
"""Ops that torch could say in smaller ones, but that are better lowered, or refused, whole."""


@dataclass(frozen=True)
class Exported:
    """A graph, and what its placeholders stand for."""

    nodes: Sequence[Any]
    """Calls, in order; placeholders and the output left out."""
    params: Mapping[str, str]
    """Names of weights, buffers and constants by placeholder; only those that a call reads."""
    arrays: Mapping[str, NDArray[Any]]
    """The values of `params`, by name; tensors that are one have one name, the first."""
    tied: Mapping[str, str]
    """Further names of such tensors, to the first."""
    trainable: frozenset[str]
    """Names of params that require a gradient."""
    inputs: Mapping[str, str]
    """Names of the user's tensors by placeholder, in order."""
    fixed: Mapping[str, Any]
    """Placeholders that stand for a number or None, since the example input was one."""
    results: Sequence[Any]
    """What the module returns, flat: nodes, numbers or None."""
    names: Sequence[str]
    """Where each result stands in what the module returns."""
    mutated: Mapping[str, Any]
    """Nodes that become the values of buffers, by name."""


def export(module: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Exported:
    """Export a module in the mode that it is in.

    Raises:
        TorchFrontError: when torch cannot export it, or it changes its inputs.
    """
    leaves = torch().utils._pytree.tree_leaves((args, dict(kwargs)))
    for number, one in enumerate(one for one in leaves if isinstance(one, torch().Tensor)):
        array_of(f"input {number}", one)
    program = _core_aten(module, args, dict(kwargs))
    kinds = torch().export.graph_signature.InputKind
    given = [s for s in program.graph_signature.input_specs if s.kind == kinds.USER_INPUT]
    fixed = {s.arg.name: s.arg.value for s in given if hasattr(s.arg, "value")}
    results, mutated = _outputs(program)
    params, tensors, tied = _held(program, mutated)
    calls = [node for node in program.graph.nodes if node.op == "call_function"]
    for node in program.graph.nodes:
        if node.op not in {"call_function", "placeholder", "output"}:
            raise TorchFrontError(f"{node.op} {node.target} is no op{place_of(node)}")
    return Exported(
        nodes=calls,
        params=params,
        arrays={name: array_of(name, tensor) for name, tensor in tensors.items()},
        tied=tied,
        trainable=frozenset(name for name, tensor in tensors.items() if tensor.requires_grad),
        inputs={s.arg.name: s.arg.name for s in given if s.arg.name not in fixed},
        fixed=fixed,
        results=results,
        names=_names(program, len(results)),
        mutated={tied.get(name, name): node for name, node in mutated.items()},
    )


def _core_aten(module: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    export = torch().export
    table = export.default_decompositions()
    for op in list(table):
        if str(op) in KEPT:
            del table[op]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # torch's, of itself
            return export.export(module, args, kwargs).run_decompositions(table)
    except (ArithmeticError, AttributeError, LookupError, RuntimeError, TypeError, ValueError) as e:
        said = next((line for line in str(e).splitlines() if line.strip()), type(e).__name__)
        raise TorchFrontError(
            f"torch.export refuses {type(module).__name__}: {said}; a program has fixed shapes and "
            "no decisions that hang on data"
        ) from e


@contextmanager
def evaluating(module: Any) -> Iterator[None]:
    """A module in eval mode, all of it; afterwards in the modes that it was in."""
    modes = [(one, one.training) for one in module.modules()]
    module.eval()
    try:
        yield
    finally:
        for one, mode in modes:
            one.training = mode


def _held(
    program: Any, mutated: Mapping[str, Any]
) -> tuple[dict[str, str], dict[str, Any], dict[str, str]]:
    """Names by placeholder, tensors by name, and further names of tensors that are one."""
    kinds = torch().export.graph_signature.InputKind
    specs = [s for s in program.graph_signature.input_specs if s.kind != kinds.USER_INPUT]
    tensors: dict[str, Any] = {}
    first: dict[Any, str] = {}
    known: dict[str, str] = {}
    for spec in specs:
        if spec.kind not in {kinds.PARAMETER, kinds.BUFFER, kinds.CONSTANT_TENSOR}:
            raise TorchFrontError(f"{spec.target} is a {spec.kind.name}; give tensors alone")
        stored = program.state_dict if spec.target in program.state_dict else program.constants
        tensors[spec.target] = stored[spec.target]
        known[spec.target] = first.setdefault(_identity(stored[spec.target]), spec.target)
    read = {node.name for node in program.graph.nodes if node.users}
    params = {
        spec.arg.name: known[spec.target]
        for spec in specs
        if spec.arg.name in read or spec.target in mutated
    }
    kept = set(params.values())
    return (
        params,
        {name: tensor for name, tensor in tensors.items() if name in kept},
        {name: one for name, one in known.items() if one != name and one in kept},
    )


def _identity(tensor: Any) -> Any:
    if not tensor.numel():
        return id(tensor)
    where = (tensor.untyped_storage().data_ptr(), tensor.storage_offset())
    return (*where, tensor.dtype, tuple(tensor.shape), tensor.stride())


def _outputs(program: Any) -> tuple[list[Any], dict[str, Any]]:
    kinds = torch().export.graph_signature.OutputKind
    (output,) = [node for node in program.graph.nodes if node.op == "output"]
    results, mutated = [], {}
    for spec, node in zip(program.graph_signature.output_specs, output.args[0], strict=True):
        if spec.kind == kinds.USER_OUTPUT:
            results.append(node)
        elif spec.kind == kinds.BUFFER_MUTATION:
            mutated[spec.target] = node
        else:
            raise TorchFrontError(
                f"{spec.target} is changed in place ({spec.kind.name.lower()})"
                f"{place_of(node)}; compute a new tensor and return it"
            )
    return results, mutated


def _names(program: Any, count: int) -> list[str]:
    """`output` for one tensor, else the keys and places that lead to each: `logits`, `hidden.0`."""
    pytree = torch().utils._pytree
    whole = pytree.tree_unflatten(list(range(count)), program.call_spec.out_spec)
    leaves, _ = pytree.tree_flatten_with_path(whole)
    names = [""] * count
    for path, number in leaves:
        keys = [
            str(next(getattr(key, what) for what in ("key", "idx", "name") if hasattr(key, what)))
            for key in path
        ]
        names[number] = ".".join([f"output{keys[0]}" if keys[0].isdigit() else keys[0], *keys[1:]]
                                 if keys else ["output"])  # fmt: skip
    return names
