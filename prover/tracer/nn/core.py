"""What the functions of models are made with: fma, detach, rules for gradients, rows of numbers.

Numbers beside arrays are Python floats here: they take the array's dtype in every namespace, and a
trace rounds them to float32 once.
"""

from collections.abc import Callable, Sequence
from math import prod
from typing import Any, Final

import numpy as np

from prover.ops import Opcode
from prover.tracer import making
from prover.tracer.array import Array
from prover.tracer.making import map_op, pair
from prover.tracer.standard import namespace_of
from prover.tracer.symbols import DType, Kind, TraceError

FAR: Final = -(1 << 30)
"""A place outside of every array that a row can hold, even where another such is added to it."""


def detach(x: Any) -> Any:
    """The same values, through which no gradient flows; torch's own too."""
    if isinstance(x, Array):
        return making.detached(x)
    return x.detach() if hasattr(x, "detach") else x


def ruled(value: Any, inputs: Sequence[Any], rule: Callable[[Any], Sequence[Any]]) -> Any:
    """The same values, whose gradient is given rather than derived.

    `rule` takes the gradient that arrives and gives that of each of `inputs`, in its shape; no
    gradient flows into what `value` was computed from otherwise. Without effect on plain arrays.
    """
    if not isinstance(value, Array):
        return value
    return making.ruled(value, inputs, rule)


def fma(x: Any, y: Any, z: Any) -> Any:
    """x * y + z, rounded once; on plain arrays through float64, which now and then rounds twice."""
    traced = next((one for one in (x, y, z) if isinstance(one, Array)), None)
    if traced is not None:
        return map_op(Opcode.FMA, DType.F32, *(pair(traced, one)[1] for one in (x, y, z)))
    if all(isinstance(one, np.ndarray | np.generic | int | float) for one in (x, y, z)):
        wide = np.asarray(x, np.float64) * np.asarray(y, np.float64) + np.asarray(z, np.float64)
        return wide.astype(np.result_type(x, y, z))
    numbers = [float(one) if isinstance(one, np.generic) else one for one in (x, y, z)]
    xp = namespace_of(*numbers)
    a, b, c = (
        one if isinstance(one, int | float) else xp.astype(one, xp.float64) for one in numbers
    )
    return xp.astype(a * b + c, xp.result_type(*numbers))


def rsqrt(x: Any) -> Any:
    """1 / sqrt(x), each rounded."""
    return 1.0 / namespace_of(x).sqrt(x)


def snap(x: Any, below: float) -> Any:
    """x, and 0 where |x| < `below`; NaNs stay."""
    xp = namespace_of(x)
    return xp.where(xp.abs(x) < below, 0.0, x)


def arange(like: Any, count: int) -> Any:
    """0 .. count - 1, int32, in the namespace, and the trace, of an array."""
    if isinstance(like, Array):
        return making.iota(like.graph, count)
    xp = namespace_of(like)
    return xp.arange(count, dtype=xp.int32, device=like.device)


def concat(arrays: Sequence[Any]) -> Any:
    """Arrays behind each other along the first axis."""
    if isinstance(arrays[0], Array):
        return making.concat(arrays)
    return namespace_of(*arrays).concat(list(arrays))


def gather(x: Any, places: Any) -> Any:
    """x[..., place] for int32 places, along the last axis; zero at places `FAR` or farther away.

    A trace reads what lies there at other places outside, and lets no gradient through: see
    `ruled`.

    Raises:
        TraceError: when `x` is so large that no place is far from all of it.
    """
    size = prod(x.shape)
    if size >= -FAR:
        raise TraceError(f"an array of {size} elements; cut it into parts of less than {-FAR}")
    shape = (*x.shape[:-1], *places.shape)
    if isinstance(x, Array):
        found = x.graph.add(Kind.TAKE, (x, places), shape, x.element, x.ndim - 1)
        return ruled(found, (), lambda g: ())
    xp = namespace_of(x, places)
    flat = xp.reshape(places, (-1,))
    inside = (flat >= 0) & (flat < x.shape[-1])
    found = xp.take(x, xp.where(inside, flat, 0), axis=x.ndim - 1)
    return xp.reshape(xp.where(inside, found, 0), shape)


def sum_to(x: Any, shape: tuple[int, ...]) -> Any:
    """The sum over the axes along which `shape` broadcasts to that of x: the gradient of that."""
    xp = namespace_of(x)
    added = x.ndim - len(shape)
    sizes = (*[1] * added, *shape)
    axes = tuple(
        axis for axis, size in enumerate(sizes) if axis < added or (size == 1 != x.shape[axis])
    )
    return xp.reshape(xp.sum(x, axis=axes, keepdims=True) if axes else x, shape)
