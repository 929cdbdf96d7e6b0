"""Random words that anybody can draw again: Philox 4x32 of ten rounds, by a key and a counter.

A word depends on nothing but the key, two words that a claim commits to, and a counter: the number
of the element, of the place in the model, and of the step. The chain computes it as any other row,
and plain arrays of NumPy or torch give the same bits. The generator is that of Salmon, Moraes, Dror
and Shaw, "Parallel Random Numbers: As Easy as 1, 2, 3" (2011). It is not for secrets.
"""

from collections.abc import Sequence
from math import prod
from typing import Any, Final

from prover.ops import Opcode
from prover.tracer.array import Array
from prover.tracer.making import map_op
from prover.tracer.nn.core import arange, concat
from prover.tracer.standard import namespace_of
from prover.tracer.symbols import NO_DATA, DType, Step, TraceError, Turn

ROUNDS: Final = 10
_MULTIPLIERS: Final = (0xD2511F53, 0xCD9E8D57)
_KEY_STEPS: Final = (0x9E3779B9, 0xBB67AE85)
_WORD: Final = 0xFFFFFFFF


def philox(counter: Sequence[Any], key: Sequence[Any]) -> tuple[Any, Any, Any, Any]:
    """Four random words, int32, of four words of counter under two of key, each int32 of any shape
    that broadcasts.

    At most eight rows for each round over the whole shape, and two of one word.
    """
    plain = not any(isinstance(one, Array) for one in (*counter, *key))
    if plain:
        counter, key = [_wide(one) for one in counter], [_wide(one) for one in key]
    a, b, c, d = counter
    k, m = key
    for number in range(ROUNDS):
        if number:
            k, m = (_plus(one, by) for one, by in zip((k, m), _KEY_STEPS, strict=True))
        high_a, low_a = _times(a, _MULTIPLIERS[0])
        high_c, low_c = _times(c, _MULTIPLIERS[1])
        a, b, c, d = _xor(_xor(b, k), high_c), low_c, _xor(_xor(d, m), high_a), low_a
    return (_narrow(a), _narrow(b), _narrow(c), _narrow(d)) if plain else (a, b, c, d)


def random_words(key: Any, step: Any, count: int, *, site: int = 0) -> Any:
    """`count` random int32 words for a step, an int32 scalar, under a key, int32 of shape (2,).

    Draws of one step differ by their `site`, 0 .. 2^31 - 1. With b = ceil(count / 4), element
    number n is word n // b of counter (n % b, site, step, 0).

    Raises:
        TraceError: for a key, a step, a count or a site of another kind.
    """
    if isinstance(step, Step | Turn):
        raise TraceError(NO_DATA)
    if tuple(key.shape) != (2,) or tuple(step.shape) != ():
        raise TraceError(f"a key of shape {key.shape} and a step of {step.shape}; give (2,) and ()")
    if count < 1 or not 0 <= site < 1 << 31:
        raise TraceError(f"{count} words at site {site}; take 1 or more, and 0 to 2^31 - 1")
    blocks = arange(key, -(-count // 4))
    zero = blocks[0]
    words = philox((blocks, zero + site, step, zero), (key[0], key[1]))
    return concat(words)[:count]


def uniform(key: Any, step: Any, shape: tuple[int, ...], *, site: int = 0) -> Any:
    """Random float32 of this shape, multiples of 2^-24 from 0 to below 1; see `random_words`."""
    words = random_words(key, step, prod(shape), site=site)
    xp = namespace_of(words)
    if isinstance(words, Array):
        high = map_op(Opcode.SHR, DType.I32, words, words.graph.constant(8, DType.I32))
    else:
        high = _wide(words) >> 8
    return xp.reshape(xp.astype(high, xp.float32) * 2.0**-24, shape)


def dropout(x: Any, rate: float, key: Any, step: Any, *, site: int = 0) -> Any:
    """x times `dropout_factors`; x itself at a rate of 0."""
    return x if rate == 0 else x * dropout_factors(x, x.shape, rate, key, step, site=site)


def dropout_factors(
    like: Any, shape: tuple[int, ...], rate: float, key: Any, step: Any, *, site: int = 0
) -> Any:
    """1 / (1 - rate) with a probability of 1 - rate, else 0, each drawn by itself; floats as those
    of `like`.

    An element is kept where its word of `random_words`, read as a signed number, is at least
    rate * 2^32 - 2^31. No gradient flows through that.

    Raises:
        TraceError: when the rate is not from 0 to below 1; see `random_words` too.
    """
    if not 0 <= rate < 1:
        raise TraceError(f"a dropout rate of {rate}; take one from 0 up to below 1")
    least = min(round(rate * 2.0**32), _WORD) - (1 << 31)
    kept = random_words(key, step, prod(shape), site=site) >= least
    xp = namespace_of(like)
    return xp.reshape(xp.astype(kept, like.dtype) * (1 / (1 - rate)), shape)


def _wide(x: Any) -> Any:
    """A plain word as an int64 from 0 to 2^32 - 1."""
    xp = namespace_of(x)
    return xp.astype(x, xp.int64) & _WORD


def _narrow(x: Any) -> Any:
    """The int32 of the same bits."""
    xp = namespace_of(x)
    return xp.astype(xp.where(x > _WORD >> 1, x - (_WORD + 1), x), xp.int32)


def _times(x: Any, by: int) -> tuple[Any, Any]:
    """The high and the low word of a product."""
    if isinstance(x, Array):
        factor = x.graph.constant(by, DType.I32)
        return map_op(Opcode.UMULH, DType.I32, x, factor), x * factor
    low = x * (by & 0xFFFF)  # below 2^48, as all that follows
    high = x * (by >> 16)
    return (high + (low >> 16)) >> 16, (((high & 0xFFFF) << 16) + low) & _WORD


def _plus(x: Any, by: int) -> Any:
    if isinstance(x, Array):
        return x + x.graph.constant(by, DType.I32)
    return (x + by) & _WORD


def _xor(x: Any, y: Any) -> Any:
    if isinstance(x, Array) and isinstance(y, Array):
        return map_op(Opcode.XOR, DType.I32, x, y)
    return x ^ y
