"""Views, and what puts arrays together or takes them apart."""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from prover.fronts.torch_export.ops.promotion import cast, promoted
from prover.fronts.torch_export.ops.reductions import max_dim
from prover.fronts.torch_export.ops.table import lowers, setting
from prover.tracer import Array, DType, TraceError, detach, nn
from prover.tracer import namespace as xp
from prover.tracer.making import constant_word
from prover.tracer.symbols import Kind

_MAX: Final = 2
"""The mode of an embedding bag."""


@lowers("view", "_unsafe_view", "reshape", "_reshape_copy", "view_copy")
def view(x: Array, shape: Sequence[int]) -> Array:
    """The elements under another shape."""
    return xp.reshape(x, tuple(shape))


@lowers("expand")
def expand(x: Array, sizes: Sequence[int], implicit: bool = False) -> Array:
    """Seen in a larger shape; -1 keeps a size."""
    own = (*[1] * (len(sizes) - x.ndim), *x.shape)
    return xp.broadcast_to(
        x, tuple(kept if size == -1 else size for size, kept in zip(sizes, own, strict=True))
    )


@lowers("permute")
def permute(x: Array, axes: Sequence[int]) -> Array:
    """The axes in another order."""
    return xp.permute_dims(x, tuple(axes))


@lowers("transpose.int")
def transpose(x: Array, first: int, second: int) -> Array:
    """Two axes swapped."""
    axes = list(range(x.ndim))
    if axes:
        axes[first], axes[second] = axes[second], axes[first]
    return xp.permute_dims(x, tuple(axes))


@lowers("t")
def t(x: Array) -> Array:
    """A matrix transposed; a vector as it is."""
    return x.T if x.ndim == 2 else x


@lowers("unsqueeze")
def unsqueeze(x: Array, axis: int) -> Array:
    """A new axis of size 1."""
    return xp.expand_dims(x, axis=axis)


@lowers("squeeze", "squeeze.dim", "squeeze.dims")
def squeeze(x: Array, axes: int | Sequence[int] | None = None) -> Array:
    """Without axes of size 1: of these, or of all."""
    given = range(x.ndim) if axes is None else [axes] if isinstance(axes, int) else axes
    places = {axis % x.ndim for axis in given} if x.ndim else set()
    shape = [n for axis, n in enumerate(x.shape) if axis not in places or n != 1]
    return xp.reshape(x, tuple(shape))


@lowers("select.int")
def select(x: Array, axis: int, place: int) -> Array:
    """One place of an axis."""
    return x[(*[slice(None)] * (axis % x.ndim), place)]


@lowers("slice.Tensor")
def cut(
    x: Array, axis: int = 0, start: int | None = None, end: int | None = None, step: int = 1
) -> Array:
    """Places from start to end of an axis."""
    return x[(*[slice(None)] * (axis % x.ndim), slice(start, end, step))]


@lowers("cat")
def cat(arrays: Sequence[Array], axis: int = 0) -> Array:
    """Arrays behind each other along an axis."""
    return xp.concat(promoted(*arrays), axis=axis)


@lowers("stack")
def stack(arrays: Sequence[Array], axis: int = 0) -> Array:
    """Arrays beside each other along a new axis."""
    return xp.stack(promoted(*arrays), axis=axis)


@lowers("split_with_sizes")
def split_with_sizes(x: Array, sizes: Sequence[int], axis: int = 0) -> list[Array]:
    """Parts of an axis, of these sizes."""
    parts, at = [], 0
    for size in sizes:
        parts.append(cut(x, axis, at, at + size))
        at += size
    return parts


@lowers("split.Tensor")
def split(x: Array, size: int, axis: int = 0) -> list[Array]:
    """Parts of an axis, of one size but for the last."""
    return [cut(x, axis, at, at + size) for at in range(0, x.shape[axis], size)]


@lowers("unbind.int")
def unbind(x: Array, axis: int = 0) -> list[Array]:
    """All places of an axis."""
    return [select(x, axis, place) for place in range(x.shape[axis])]


@lowers("flip")
def flip(x: Array, axes: Sequence[int]) -> Array:
    """Axes the other way round."""
    return xp.flip(x, axis=tuple(axes))


@lowers("repeat")
def repeat(x: Array, counts: Sequence[int]) -> Array:
    """The array so many times behind itself along each axis."""
    return xp.tile(x, tuple(counts))


@lowers("roll")
def roll(x: Array, shifts: Sequence[int], axes: Sequence[int] = ()) -> Array:
    """What goes out at the end of an axis comes in at its start."""
    return xp.roll(x, tuple(shifts), axis=tuple(axes)) if axes else xp.roll(x, shifts[0])


@lowers("constant_pad_nd")
def constant_pad_nd(x: Array, padding: Sequence[int], value: float = 0) -> Array:
    """So many elements `value` before and behind, from the last axis on; negative ones cut."""
    for number in range(len(padding) // 2):
        axis = x.ndim - 1 - number
        parts = []
        for count in padding[2 * number : 2 * number + 2]:
            shape = (*x.shape[:axis], max(count, 0), *x.shape[axis + 1 :])
            parts.append(xp.full(shape, value, dtype=x.element.value) if count > 0 else None)
        before, after = (min(count, 0) for count in padding[2 * number : 2 * number + 2])
        inside = cut(x, axis, -before, x.shape[axis] + after)
        whole = [part for part in (parts[0], inside, parts[1]) if part is not None]
        x = xp.concat(whole, axis=axis) if len(whole) > 1 else inside
    return x


@lowers("tril")
def tril(x: Array, k: int = 0) -> Array:
    """Zeros above a diagonal."""
    return xp.tril(x, k=k)


@lowers("triu")
def triu(x: Array, k: int = 0) -> Array:
    """Zeros below a diagonal."""
    return xp.triu(x, k=k)


@lowers("index_select")
def index_select(x: Array, axis: int, places: Array) -> Array:
    """Places of an axis."""
    return _taken(x, places, axis)


@lowers("index.Tensor")
def index(x: Array, keys: Sequence[Array | None]) -> Array:
    """Places of one axis, by one array of ints; negative ones count from its end."""
    given = [(axis, key) for axis, key in enumerate(keys) if key is not None]
    if len(given) != 1 or given[0][1].element != DType.I32:
        raise TraceError("indexing takes one array of ints; use gather, or multiply by a mask")
    axis, places = given[0]
    if places.op != Kind.IOTA:
        places = xp.where(xp.less(places, 0), xp.add(places, x.shape[axis]), places)
    return _taken(x, places, axis)


@lowers("gather")
def gather(x: Array, axis: int, places: Array, sparse_grad: object = None) -> Array:
    """For each of `places`, the element there along an axis."""
    return xp.take_along_axis(x, places, axis=axis)


@lowers("embedding")
def embedding(
    table: Array, places: Array, padding: int = -1, by_count: object = None, sparse: object = None
) -> Array:
    """Rows of a table; no gradient goes to row `padding`."""
    if by_count:
        raise TraceError("gradients are not scaled by how often a word comes; leave that out")
    if places.op == Kind.IOTA:
        return table[: places.size]
    one = constant_word(places)
    if one is not None and one < len(table):
        return xp.broadcast_to(table[one], (*places.shape, table.shape[-1]))
    rows: Array = nn.embedding(places, table)
    if padding >= 0 and setting().differentiated:
        rows = xp.where(xp.expand_dims(xp.equal(places, padding), axis=-1), detach(rows), rows)
    return rows


@lowers("_embedding_bag")
def embedding_bag(
    table: Array,
    places: Array,
    starts: NDArray[Any],
    by_count: object = None,
    mode: int = 0,
    sparse: object = None,
    weights: Array | None = None,
    last: object = None,
    padding: int = -1,
) -> list[Array | None]:
    """Sums (mode 0), means (1) or maxima (2) of rows of a table, over bags of one size."""
    size = places.size // len(starts)
    if last or padding >= 0 or not np.array_equal(starts, np.arange(0, places.size, size)):
        raise TraceError("bags are of one size, without padding; sum over an embedding instead")
    rows = embedding(table, places, by_count=by_count)
    if weights is not None:
        rows = xp.multiply(rows, xp.expand_dims(weights, axis=-1))
    bags = xp.reshape(rows, (len(starts), size, -1))
    made = max_dim(bags, 1)[0] if mode == _MAX else (xp.sum, xp.mean)[mode](bags, axis=1)
    return [made, None, None, None]


@lowers("one_hot")
def one_hot(places: Array, classes: int = -1) -> Array:
    """1 at the place along a new last axis, 0 elsewhere."""
    if classes < 0:
        raise TraceError("how many classes there are must be given, not found in the data")
    here = xp.equal(xp.expand_dims(places, axis=-1), xp.arange(classes))
    return xp.astype(here, DType.I32.value)


def _taken(x: Array, places: Array, axis: int) -> Array:
    if places.op == Kind.IOTA:
        return cut(x, axis, 0, places.size)
    return xp.take(x, cast(places, DType.I32), axis=axis)
