"""Operands that are hard on float arithmetic, drawn at random and chosen by hand.

Uniform bits alone meet few of the cases where implementations fail: most pairs of exponents are too
far apart for addition to do anything. So cases are a mixture of families, each after one kind of
trouble. A case is a row of four words: acc, x, y, z.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from prover.ops import OPS, Opcode
from tests.prover import hardware
from tests.prover.hardware import Words

VECTORS: Final = Path(__file__).resolve().parent.parent / "vectors" / "float32.json"
SEED: Final = 20_251

_SIGN: Final = np.uint32(0x80000000)
_FRACTION: Final = np.uint32(0x007FFFFF)

SPECIAL: Final = np.array(
    [
        0x00000000, 0x80000000,  # zeros
        0x00000001, 0x80000001, 0x007FFFFF, 0x807FFFFF,  # ends of the subnormals
        0x00800000, 0x80800000, 0x7F7FFFFF, 0xFF7FFFFF,  # ends of the normal numbers
        0x7F800000, 0xFF800000, 0x7FC00000, 0xFFC00000, 0x7F800001, 0xFFFFFFFF,  # no numbers
        0x3F800000, 0xBF800000, 0x3F7FFFFF, 0x3F800001, 0x40000000, 0x3F000000,  # about 1
        0x4B000000, 0x4B800000, 0x4EFFFFFF, 0x4F000000, 0xCF000000, 0xCF000001,  # 2^23, 2^24, 2^31
    ],
    dtype=np.uint32,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Vector:
    """A case chosen by hand: the words acc, x, y, z, the exact result, and what is hard in it."""

    opcode: Opcode
    words: tuple[int, int, int, int]
    result: int
    why: str


def vectors() -> list[Vector]:
    """The cases of tests/vectors/float32.json: operands by arity, a fold's accumulator first."""
    return [_vector(entry) for entry in json.loads(VECTORS.read_text(encoding="utf-8"))["cases"]]


def draw(opcode: Opcode, count: int, seed: int = SEED) -> Words:
    """`count` cases for an op, shape (count, 4), an equal share of each family in random order.

    Float ops draw from all families, integer ops from uniform bits and special words.
    """
    rng = np.random.default_rng([seed, opcode])
    families: Sequence[Family] = _FLOAT if opcode in FLOAT_OPS else (_uniform, _special)
    shares = np.array_split(np.arange(count), len(families))
    drawn = [family(rng, len(share)) for family, share in zip(families, shares, strict=True)]
    cases = np.concatenate(drawn)
    if opcode is Opcode.SQRT:  # below zero there is little to see
        positive = rng.random(count) < 0.95
        cases[positive, 1] &= 0x7FFFFFFF
    if opcode in _DIFFERENCES:  # the families relate x and -y
        cases[:, 2] ^= _SIGN
    if opcode in (Opcode.SUM, Opcode.MAXF):  # ... and x, y, z
        cases = cases[:, [1, 2, 0, 3]]
    if opcode is Opcode.DOT:
        cases = cases[:, [3, 1, 2, 0]]
    rng.shuffle(cases)
    return np.ascontiguousarray(cases)


FLOAT_OPS: Final = frozenset(
    {
        Opcode.ADD, Opcode.SUB, Opcode.MUL, Opcode.FMA, Opcode.DIV, Opcode.SQRT, Opcode.MAX,
        Opcode.LT, Opcode.LE, Opcode.EQ, Opcode.FROM_INT, Opcode.TO_INT_NEAREST,
        Opcode.TO_INT_ZERO, Opcode.SUM, Opcode.DOT, Opcode.MAXF,
    }
)  # fmt: skip

_DIFFERENCES: Final = frozenset(
    {Opcode.SUB, Opcode.MAX, Opcode.LT, Opcode.LE, Opcode.EQ, Opcode.MAXF}
)

Family = Callable[[np.random.Generator, int], Words]


def _uniform(rng: np.random.Generator, n: int) -> Words:
    return rng.integers(0, 2**32, (n, 4), dtype=np.uint32)


def _special(rng: np.random.Generator, n: int) -> Words:
    """Special words among uniform ones."""
    return np.where(rng.random((n, 4)) < 0.7, rng.choice(SPECIAL, (n, 4)), _uniform(rng, n))


def _near(rng: np.random.Generator, n: int) -> Words:
    """Exponents within a few places of each other: alignment and rounding."""
    return _with_fields(_uniform(rng, n), rng.integers(112, 142, (n, 4)))


def _sparse(rng: np.random.Generator, n: int) -> Words:
    """Significands of few bits, whose sums, products and squares are exact or halfway."""
    cleared = rng.integers(8, 24, (n, 4)).astype(np.uint32)
    return (_near(rng, n) >> cleared) << cleared


def _small(rng: np.random.Generator, n: int) -> Words:
    """Subnormals and what is not far above them."""
    fields = rng.choice([0, 0, 0, 1, 2, 10, 30], (n, 4))
    words = _with_fields(_uniform(rng, n), fields)
    cleared = rng.integers(0, 24, (n, 4)).astype(np.uint32)
    return np.where(fields == 0, (words & _SIGN) | ((words & _FRACTION) >> cleared), words)


def _edges(rng: np.random.Generator, n: int) -> Words:
    """Products and quotients at both ends of the exponent range."""
    words = _uniform(rng, n)
    cleared = rng.integers(0, 24, (n, 4)).astype(np.uint32)
    words = (words >> cleared) << cleared
    x = rng.integers(1, 255, n)
    target = np.where(rng.random(n) < 0.6, rng.integers(-26, 4, n), rng.integers(252, 257, n))
    product = target + 127 - x  # x * y has about the target's exponent
    quotient = x + 127 - target  # x / y has
    y = np.where(rng.random(n) < 0.5, product, quotient)
    z = target + rng.integers(-26, 50, n)
    fields = np.stack([rng.integers(0, 255, n), x, y, z], axis=1)
    return _with_fields(words, np.clip(fields, 0, 254))


def _cancelling(rng: np.random.Generator, n: int) -> Words:
    """y or z within a few units of the last place of what x or x * y leaves to take away."""
    cases = np.concatenate([_near(rng, n // 2), _edges(rng, n - n // 2)])
    product = hardware.compute(Opcode.MUL, cases)
    cases[:, 3] = _nudged(rng, product ^ _SIGN)
    opposite = rng.random(n) < 0.5
    cases[opposite, 2] = _nudged(rng, cases[opposite, 1] ^ _SIGN)
    return cases


def _ties(rng: np.random.Generator, n: int) -> Words:
    """A tiny operand at, just above or just below half of the other's last place."""
    cases = _near(rng, n)
    sparse = rng.random(n) < 0.5
    cases[sparse, 1] &= 0xFFFFF000
    below = rng.integers(22, 28, n)  # 24 is half a unit, 25 half of that below a power of two
    field = ((cases[:, 1] >> 23) & 0xFF).astype(np.int64) - below
    signs = _uniform(rng, n)[:, 0] & _SIGN
    tiny = _with_fields(signs, field)
    cases[:, 2] = _nudged(rng, tiny, most=1)
    # The same for x * y + z: x stays, y is a tiny power of two, z was x; or the product leads.
    fused = rng.random(n) < 0.5
    x = cases[fused, 1]
    leading = rng.random(len(x)) < 0.5
    factor = rng.integers(117, 138, len(x))
    y_field = np.where(leading, factor, field[fused] + 127 - ((x >> 23) & 0xFF))
    z_field = np.clip((x >> 23).astype(np.int64) % 256 + factor - 127 - below[fused], 1, 254)
    cases[fused, 2] = _with_fields(cases[fused, 2] & _SIGN, y_field)
    z = np.where(leading, _with_fields(signs[fused], z_field), cases[fused, 3])
    cases[fused, 3] = _nudged(rng, z, most=1)
    return cases


def _far(rng: np.random.Generator, n: int) -> Words:
    """z so far above or below x * y that it only matters to ties, or nothing else matters."""
    cases = _sparse(rng, n)
    fields = rng.integers(1, 255, (n, 4))
    fields[:, 3] = np.clip(fields[:, 1] + fields[:, 2] - 127 + rng.integers(-90, 91, n), 0, 254)
    return _with_fields(cases, fields)


def _quotients(rng: np.random.Generator, n: int) -> Words:
    """x within a unit of q * y, q of few bits; and x within a unit of a square."""
    cases = _sparse(rng, n)
    cases[:, 2] = _near(rng, n)[:, 2]
    product = hardware.compute(Opcode.MUL, cases)
    root = rng.integers(1 << 11, 1 << 13, n).astype(np.float32)
    square = (root * root).view(np.uint32) + (rng.integers(-60, 60, n).astype(np.uint32) << 23)
    cases[:, 1] = _nudged(rng, np.where(rng.random(n) < 0.6, product, square), most=1)
    return cases


def _integers(rng: np.random.Generator, n: int) -> Words:
    """Integers of all sizes and floats of their magnitudes, halves and halfway cases among them."""
    words = _uniform(rng, n) >> rng.integers(0, 32, (n, 4)).astype(np.uint32)
    words = np.where(rng.random((n, 4)) < 0.5, words, ~words + np.uint32(1))
    halves = (words.view(np.int32).astype(np.float64) / 2).astype(np.float32).view(np.uint32)
    cleared = rng.integers(0, 12, (n, 4)).astype(np.uint32)
    halfway = ((words | np.uint32(1)) >> cleared) << cleared
    return np.choose(rng.integers(0, 3, (n, 4)), [words, _nudged(rng, halves, most=1), halfway])


_FLOAT: Final = (
    _uniform, _special, _near, _sparse, _small, _edges, _cancelling, _ties, _far, _quotients,
    _integers,
)  # fmt: skip


def _with_fields(words: Words, fields: Any) -> Words:
    """The words with these exponent fields."""
    shifted = (np.asarray(fields).astype(np.uint32) & np.uint32(0xFF)) << np.uint32(23)
    return (words & (_SIGN | _FRACTION)) | shifted


def _nudged(rng: np.random.Generator, words: Words, most: int = 3) -> Words:
    """The words a few units of the last place up or down; half of them as they are."""
    steps = rng.integers(-most, most + 1, words.shape) * rng.integers(0, 2, words.shape)
    return words + steps.astype(np.uint32)


def _vector(entry: dict[str, Any]) -> Vector:
    opcode = Opcode[entry["op"]]
    words = [int(word, 16) for word in entry["operands"]]
    acc = words.pop(0) if OPS[opcode].is_fold else 0
    x, y, z = words + [0] * (3 - OPS[opcode].arity)
    return Vector(opcode, (acc, x, y, z), int(entry["result"], 16), entry["why"])
