"""Reverse-mode gradients: one rule for each op, giving traced arrays again.

A rule takes the op's array and the gradient that arrives at it, and says what of it goes to each
input. Ops whose result is piecewise constant (comparisons, ints, masks) pass nothing on. Where an
op has a kink its rule takes the side that the op took: maximum(x, y) is y where they are equal.
The gradient of |x| at 0 is 0.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Final, TypeVar

from prover.ops import Opcode
from prover.tracer import namespace as xp
from prover.tracer.array import Array
from prover.tracer.making import broadcast, concat, constant_word, iota, permute, reshape
from prover.tracer.symbols import DType, Kind, Op, TraceError, scope

Key = TypeVar("Key")
Rule = Callable[[Array, Array], Sequence[Array | None]]


def gradient(of: Array, wrt: Mapping[Key, Array]) -> dict[Key, Array]:
    """The gradient of a float scalar with respect to arrays that it was computed from.

    Of what it does not depend on, the gradient is zeros.

    Raises:
        TraceError: when `of` is no float scalar, or an op on the way has no gradient.
    """
    if not isinstance(of, Array):
        raise TraceError(f"the gradient is of a traced scalar, not of {type(of).__name__}")
    if of.shape != () or of.element != DType.F32:
        raise TraceError(
            f"the gradient is of a float32 scalar, not of {of.element.value} of shape {of.shape}; "
            "take the sum or the mean"
        )
    arrived = {id(of): of.graph.constant(1.0, DType.F32)}
    for array in _backwards(of, {id(array) for array in wrt.values()}):
        if id(array) in arrived and array.inputs:
            with scope(f"grad.{array.scope}".rstrip(".")):
                _pass_on(array, arrived)
    nothing = of.graph.constant(0.0, DType.F32)
    return {
        key: arrived[id(array)] if id(array) in arrived else broadcast(nothing, array.shape)
        for key, array in wrt.items()
    }


def _backwards(of: Array, wanted: set[int]) -> list[Array]:
    """What lies between the scalar and the arrays wanted, each after all that depends on it; not
    what is behind an op that passes nothing on.
    """
    leads: dict[int, bool] = {}
    found: list[Array] = []
    stack = [(of, False)]
    while stack:
        array, done = stack.pop()
        if done:
            leads[id(array)] = id(array) in wanted or any(leads[id(one)] for one in _to(array))
            if leads[id(array)]:
                found.append(array)
        elif id(array) not in leads:
            leads[id(array)] = False
            stack.append((array, True))
            stack.extend((one, False) for one in _to(array) if id(one) not in leads)
    return sorted(found, key=lambda array: array.order, reverse=True)


def _to(array: Array) -> Sequence[Array]:
    """Where of an op's gradient may go."""
    if array.op == Kind.RULED:
        return array.inputs[1:]
    return () if _RULES.get(array.op) is _nothing else array.inputs


def _pass_on(array: Array, arrived: dict[int, Array]) -> None:
    rule = _RULES.get(array.op)
    if rule is None:
        raise TraceError(f"{array.op.name.lower()} has no gradient; detach what need not have one")
    for one, part in zip(array.inputs, rule(array, arrived[id(array)]), strict=True):
        if part is not None and one.element == DType.F32:
            known = arrived.get(id(one))
            arrived[id(one)] = part if known is None else known + part


def _nothing(array: Array, g: Array) -> Sequence[Array | None]:
    return [None] * len(array.inputs)


def _times(g: Array, factor: Array) -> Array:
    """g * factor; no row where g is all ones."""
    return factor if constant_word(g) == 0x3F800000 else g * factor


def _mul(array: Array, g: Array) -> Sequence[Array]:
    x, y = array.inputs
    return _times(g, y), _times(g, x)


def _fma(array: Array, g: Array) -> Sequence[Array]:
    x, y, _ = array.inputs
    return _times(g, y), _times(g, x), g


def _div(array: Array, g: Array) -> Sequence[Array]:
    _, y = array.inputs
    share = g / y
    return share, -(share * array)


def _maximum(array: Array, g: Array) -> Sequence[Array]:
    x, y = array.inputs
    first = y < x
    return xp.where(first, g, 0.0), xp.where(first, 0.0, g)


def _select(array: Array, g: Array) -> Sequence[Array | None]:
    mask = array.inputs[0]
    return None, xp.where(mask, g, 0.0), xp.where(mask, 0.0, g)


def _sign_bits(array: Array, g: Array) -> Sequence[Array | None]:
    """XOR and AND of a float and a constant: negation, absolute value, and masks as floats."""
    x, bits = array.inputs
    if x.element != DType.F32:
        return _nothing(array, g)
    word = constant_word(bits)
    if array.op == Opcode.XOR and word == 0x80000000:
        return -g, None
    if array.op == Opcode.AND and word == 0x7FFFFFFF:
        return xp.where(x < 0.0, -g, xp.where(x == 0.0, 0.0, g)), None
    raise TraceError("bit operations on floats have no gradient")


def _broadcast(array: Array, g: Array) -> Sequence[Array]:
    (x,) = array.inputs
    added = len(array.shape) - len(x.shape)
    sizes = (*[1] * added, *x.shape)
    axes = [axis for axis, size in enumerate(sizes) if size == 1 and array.shape[axis] != 1]
    return (reshape(xp.sum(g, axis=axes, keepdims=True) if axes else g, x.shape),)


def _permute(array: Array, g: Array) -> Sequence[Array]:
    axes = array.attributes[0]
    return (permute(g, tuple(axes.index(axis) for axis in range(len(axes)))),)


def _matmul(array: Array, g: Array) -> Sequence[Array]:
    x, y = array.inputs
    return g @ y.mT, x.mT @ g


def _tanh(array: Array, g: Array) -> Sequence[Array]:
    return (_times(g, 1.0 - array * array),)


def _sigmoid(array: Array, g: Array) -> Sequence[Array]:
    return (_times(g, array * (1.0 - array)),)


def _zeros(like: Array, *shape: int) -> Array:
    return broadcast(like.graph.constant(0, like.element), shape)


def _pad(g: Array, before: int, after: int) -> Array:
    """With so many zeros before and behind, along the first axis."""
    parts = [_zeros(g, count, *g.shape[1:]) for count in (before, after)]
    return concat([part for part in (parts[0], g, parts[1]) if len(part)])


def _uncut(g: Array, size: int, start: int, step: int) -> Array:
    """`g` at the places start, start + step, ... of `size`, along the first axis; else zeros."""
    if step < 0:
        g, start, step = g[::-1], start + (len(g) - 1) * step, -step
    if step > 1:
        count, *rest = g.shape
        apart = concat([reshape(g, (1, *g.shape)), _zeros(g, step - 1, *g.shape)])
        order = (1, 0, *range(2, apart.ndim))
        g = reshape(permute(apart, order), (count * step, *rest))[: (count - 1) * step + 1]
    return _pad(g, start, size - start - len(g))


def _slice(array: Array, g: Array) -> Sequence[Array]:
    (x,) = array.inputs
    for axis, (size, start, step) in enumerate(zip(x.shape, *array.attributes, strict=True)):
        if g.shape[axis] != size or step < 0:
            first = (axis, *(other for other in range(x.ndim) if other != axis))
            back = tuple(first.index(place) for place in range(x.ndim))
            g = permute(_uncut(permute(g, first), size, start, step), back)
    return (g,)


def _concat(array: Array, g: Array) -> Sequence[Array]:
    parts, at = [], 0
    for one in array.inputs:
        parts.append(g[at : at + len(one)])
        at += len(one)
    return parts


def _take(array: Array, g: Array) -> Sequence[Array | None]:
    """What arrives at a place from all that was taken there, in the order of the indices: a product
    with rows that are 1 at the place and 0 elsewhere, since rows cannot write where words say.
    """
    table, places = array.inputs
    rows = iota(g.graph, len(table))
    here = reshape(rows, (len(rows), 1)) == reshape(places, (1, places.size))
    flat = reshape(g, (places.size, table.size // len(table)))
    return reshape(xp.astype(here, xp.float32) @ flat, table.shape), None


_TWO_PER_ROOT_PI: Final = 1.1283791670955126


def _erf(array: Array, g: Array) -> Sequence[Array]:
    (x,) = array.inputs
    return (_times(g, xp.exp(-(x * x)) * _TWO_PER_ROOT_PI),)


NORMAL_DENSITY: Final = 0.3989422804014327
"""The standard normal density at 0."""


def _normal(array: Array, g: Array) -> Sequence[Array]:
    (x,) = array.inputs
    return (_times(g, xp.exp(x * x * -0.5) * NORMAL_DENSITY),)


def _ruled(array: Array, g: Array) -> Sequence[Array | None]:
    (rule,) = array.attributes
    parts, inputs = list(rule(g)), array.inputs[1:]
    if len(parts) != len(inputs):
        raise TraceError(f"a rule gave {len(parts)} gradients for {len(inputs)} arrays; give None")
    for one, part in zip(inputs, parts, strict=True):
        if part is not None and (not isinstance(part, Array) or part.shape != one.shape):
            raise TraceError(f"a rule gave a gradient {part!r} for {one!r}; keep the shape")
    return [None, *parts]


def _max(array: Array, g: Array) -> Sequence[Array]:
    (x,) = array.inputs
    return (xp.where(x == broadcast(array, x.shape), broadcast(g, x.shape), 0.0),)


_RULES: Final[dict[Op, Rule]] = {
    Kind.DETACH: _nothing,
    Kind.RULED: _ruled,
    Kind.BROADCAST: _broadcast,
    Kind.PERMUTE: _permute,
    Kind.SLICE: _slice,
    Kind.CONCAT: _concat,
    Kind.TAKE: _take,
    Kind.IOTA: _nothing,
    Kind.RESHAPE: lambda array, g: (reshape(g, array.inputs[0].shape),),
    Kind.EXP: lambda array, g: (_times(g, array),),
    Kind.LOG: lambda array, g: (g / array.inputs[0],),
    Kind.TANH: _tanh,
    Kind.SIGMOID: _sigmoid,
    Kind.ERF: _erf,
    Kind.NORMAL: _normal,
    Kind.MATMUL: _matmul,
    Kind.SUM: lambda array, g: (broadcast(g, array.inputs[0].shape),),
    Kind.MAX: _max,
    Opcode.ADD: lambda array, g: (g, g),
    Opcode.SUB: lambda array, g: (g, -g),
    Opcode.MUL: _mul,
    Opcode.FMA: _fma,
    Opcode.DIV: _div,
    Opcode.SQRT: lambda array, g: (g / (array + array),),
    Opcode.MAX: _maximum,
    Opcode.SELECT: _select,
    Opcode.XOR: _sign_bits,
    Opcode.AND: _sign_bits,
    Opcode.FROM_INT: _nothing,
    Opcode.TO_INT_ZERO: _nothing,
    **dict.fromkeys((Opcode.LT, Opcode.LE, Opcode.EQ), _nothing),
    **dict.fromkeys((Opcode.ILT, Opcode.ILE, Opcode.IEQ), _nothing),
}
