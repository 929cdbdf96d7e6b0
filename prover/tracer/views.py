"""Indexing: slices, single places, new axes, and the step's turn; all of them only addresses."""

from typing import Any

from prover.tracer.array import Array
from prover.tracer.making import reshape
from prover.tracer.symbols import DType, Kind, Step, TraceError, Turn


def index(x: Array, key: Any) -> Array:
    """`x[key]` of slices, ints, None, Ellipsis and, on the first axis, `step % n`.

    Raises:
        TraceError: for other keys (use `take` for arrays of places), or places outside.
    """
    keys = list(key) if isinstance(key, tuple) else [key]
    if any(isinstance(one, Step) for one in keys):
        raise TraceError("the step grows without end; index with step % n")
    if any(isinstance(one, Turn) for one in keys):
        if not isinstance(keys[0], Turn):
            raise TraceError("step % n can index the first axis only")
        x = _turn(x, keys[0])
        keys = keys[1:]
    keys = _filled(x, keys)
    starts, steps, sizes, shape = [], [], [], []
    axis = 0
    for one in keys:
        if one is None:
            shape.append(1)
            continue
        start, step, size = _along(x, axis, one)
        starts.append(start)
        steps.append(step)
        sizes.append(size)
        if isinstance(one, slice):
            shape.append(size)
        axis += 1
    if tuple(sizes) != x.shape or any(step != 1 for step in steps):
        attributes = (tuple(starts), tuple(steps))
        x = x.graph.add(Kind.SLICE, (x,), tuple(sizes), x.element, *attributes)
    return reshape(x, tuple(shape))


def _turn(x: Array, turn: Turn) -> Array:
    if not x.shape or x.shape[0] < turn.modulus:
        raise TraceError(f"shape {x.shape} has no {turn.modulus} places on its first axis")
    return x.graph.add(Kind.TURN, (x,), x.shape[1:], x.element, turn.modulus)


def _filled(x: Array, keys: list[Any]) -> list[Any]:
    """The keys with one for each axis."""
    given = sum(one is not None and one is not Ellipsis for one in keys)
    if given > x.ndim or sum(one is Ellipsis for one in keys) > 1:
        raise TraceError(f"too many indices for shape {x.shape}")
    rest = [slice(None)] * (x.ndim - given)
    for place, one in enumerate(keys):
        if one is Ellipsis:
            return [*keys[:place], *rest, *keys[place + 1 :]]
    return [*keys, *rest]


def _along(x: Array, axis: int, key: Any) -> tuple[int, int, int]:
    """Start, step and size along an axis."""
    size = x.shape[axis]
    if isinstance(key, slice):
        start, stop, step = key.indices(size)
        return start, step, len(range(start, stop, step))
    if isinstance(key, Array) and key.element == DType.MASK:
        raise TraceError("a mask picks as many elements as it likes; use where")
    if isinstance(key, bool | Array) or not hasattr(key, "__index__"):
        raise TraceError(f"cannot index with {type(key).__name__}; use take for arrays of places")
    place = int(key)
    if not -size <= place < size:
        raise TraceError(f"place {place} is outside axis {axis} of shape {x.shape}")
    return place % size, 1, 1
