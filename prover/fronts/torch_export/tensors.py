"""Tensors of torch as arrays of words, and back."""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from prover.fronts.torch_export.errors import TorchFrontError
from prover.tracer import DType

_DTYPES: Final = {
    "torch.float32": DType.F32,
    "torch.int32": DType.I32,
    "torch.int64": DType.I32,
    "torch.bool": DType.MASK,
}
_INSTEAD: Final = {
    "torch.float64": "convert the module and its inputs with .float()",
    "torch.float16": "convert the module and its inputs with .float()",
    "torch.bfloat16": "convert the module and its inputs with .float()",
}
_INT32: Final = np.iinfo(np.int32)


def torch() -> Any:
    """The module torch, imported here for the first time.

    Raises:
        TorchFrontError: when it is not installed.
    """
    try:
        import torch as module
    except ImportError:
        raise TorchFrontError("torch is not installed: pip install plumbline[torch]") from None
    return module


def check_module(module: Any) -> None:
    """Raise TorchFrontError for what is no module of torch."""
    if not isinstance(module, torch().nn.Module):
        raise TorchFrontError(f"a {type(module).__name__} where an nn.Module is needed")


def dtype_of(dtype: Any) -> DType:
    """What words mean that stand for a torch dtype: int64 becomes int32.

    Raises:
        TorchFrontError: when it is another than float32, int32, int64 and bool.
    """
    found = _DTYPES.get(str(dtype))
    if found is None:
        instead = _INSTEAD.get(str(dtype), "use float32, int32, int64 or bool")
        raise TorchFrontError(f"{dtype} is no dtype of the tensor machine; {instead}")
    return found


def array_of(name: str, tensor: Any) -> NDArray[Any]:
    """A copy of a tensor as float32, int32 or bool; also of anything else that NumPy takes.

    Raises:
        TorchFrontError: when it is of another dtype, empty, or holds ints beyond int32.
    """
    module = torch()
    if not isinstance(tensor, module.Tensor):
        tensor = module.as_tensor(np.asarray(tensor))
    try:
        to = dtype_of(tensor.dtype)
    except TorchFrontError as error:
        raise TorchFrontError(f"{name}: {error}") from None
    if tensor.layout is not module.strided:
        raise TorchFrontError(f"{name} is {tensor.layout}; make it dense with .to_dense()")
    array: NDArray[Any] = tensor.detach().cpu().numpy()
    if 0 in array.shape:
        raise TorchFrontError(f"{name} is empty, of shape {array.shape}")
    if to == DType.I32 and not (_INT32.min <= array.min() and array.max() <= _INT32.max):
        raise TorchFrontError(
            f"{name} holds ints from {array.min()} to {array.max()}; ints are int32 in a program"
        )
    return array.astype(to.value, copy=True)
