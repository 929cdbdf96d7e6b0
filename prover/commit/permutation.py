"""keccak-f[1600] as LLVM IR, on vectors of words: one state in each lane (FIPS 202, 3.2).

The rounds are written plainly; LLVM makes three-way logic and rotations of them where there are
such instructions.
"""

from typing import Any, Final

from llvmlite import ir

from prover.native.emit import LONG, WORD, Builder, Value, call, splat
from prover.native.loops import folded, long

STATE_WORDS: Final = 25
_ROUNDS: Final = 24
_UNROLL: Final = 2
"""Rounds in the body of the loop: measured, two beat one by 2 %, four and all gain nothing."""


def permute(b: Builder, state: list[Value], constants: Any) -> list[Value]:
    """keccak-f[1600] of the words at x + 5y; `constants` are the module's `round_constants`.

    The first round and the last stand apart from the loop: what they do with words that are known,
    and for words that nobody reads, LLVM leaves out.
    """
    lanes = state[0].type.count

    def step(now: list[Value], index: Value) -> list[Value]:
        place = b.gep(constants, [long(0), index])
        return _round(b, now, broadcast(b, b.load(place, typ=LONG), lanes))

    first, last = long(0), long(_ROUNDS - 1)
    with folded(b, long(1), last, _UNROLL, step(state, first)) as (index, now, following):
        for ahead in range(_UNROLL):
            now = step(now, b.add(index, long(ahead)))
        following.extend(now)
    return step(following, last)


def _round(b: Builder, a: list[Value], constant: Value) -> list[Value]:
    """Theta, rho, pi, chi, iota on words at x + 5y."""
    columns = []
    for x in range(5):
        column = a[x]
        for y in range(1, 5):
            column = b.xor(column, a[x + 5 * y])
        columns.append(column)
    turned = [_rotate(b, column, 1) for column in columns]
    theta = [b.xor(columns[x - 1], turned[(x + 1) % 5]) for x in range(5)]
    made: list[Value] = []
    for y in range(5):
        row = []
        for x in range(5):
            # pi moves the word at (from_x, x) to (x, y), where y = 2 from_x + 3 x.
            from_x = (y - 3 * x) * 3 % 5
            place = from_x + 5 * x
            row.append(_rotate(b, b.xor(a[place], theta[from_x]), ROTATIONS[place]))
        made += [b.xor(row[x], b.and_(b.not_(row[x - 4]), row[x - 3])) for x in range(5)]
    made[0] = b.xor(made[0], constant)
    return made


def round_constants(module: ir.Module) -> Any:
    """The constants of iota, as a variable of the module."""
    kind = ir.ArrayType(LONG, _ROUNDS)
    made = ir.GlobalVariable(module, kind, "round_constants")
    made.linkage = "internal"
    made.global_constant = True
    made.initializer = ir.Constant(kind, ROUND_CONSTANTS)
    return made


def broadcast(b: Builder, value: Value, lanes: int) -> Value:
    """A word in every lane."""
    one = b.insert_element(
        ir.Constant(ir.VectorType(LONG, lanes), ir.Undefined), value, ir.Constant(WORD, 0)
    )
    return shuffle(b, one, one, [0] * lanes)


def shuffle(b: Builder, one: Value, other: Value, places: list[int]) -> Value:
    """The lanes of two vectors, one after the other, at these places."""
    return b.shuffle_vector(one, other, ir.Constant(ir.VectorType(WORD, len(places)), places))


def _rotate(b: Builder, words: Value, bits: int) -> Value:
    return call(b, "llvm.fshl", words.type, words, words, splat(words, bits)) if bits else words


def _rotations() -> list[int]:
    """Of the word at x + 5y, by the walk that the specification gives (FIPS 202, 3.2.2)."""
    found = [0] * 25
    x, y = 1, 0
    for t in range(24):
        found[x + 5 * y] = (t + 1) * (t + 2) // 2 % 64
        x, y = y, (2 * x + 3 * y) % 5
    return found


def _iota() -> list[int]:
    """Bits of a linear feedback shift register at places 2^j - 1 (FIPS 202, 3.2.5)."""
    found, register = [], 1
    for _ in range(_ROUNDS):
        constant = 0
        for j in range(7):
            constant |= (register & 1) << ((1 << j) - 1)
            register = register << 1 ^ (0x171 if register & 0x80 else 0)
        found.append(constant)
    return found


ROTATIONS: Final = tuple(_rotations())
"""By how many bits rho turns the word at x + 5y."""
ROUND_CONSTANTS: Final = tuple(_iota())
"""What iota adds, round by round."""
