"""Whole-number arithmetic in LLVM IR that reads like arithmetic: sizes, strides, addresses."""

from typing import Any

from llvmlite import ir

from prover.native.emit import LONG, Builder, Value
from prover.native.loops import long


class Int:
    """An i64 in code that is being built. Division truncates: both sides must be >= 0, and the
    divisor > 0. Comparisons give an i1.
    """

    __slots__ = ("b", "value")

    def __init__(self, b: Builder, value: Value) -> None:
        self.b = b
        self.value = value

    def _new(self, name: str, left: Any, right: Any) -> "Int":
        return Int(self.b, getattr(self.b, name)(raw(left), raw(right)))

    def __add__(self, other: Any) -> "Int":
        return self._new("add", self, other)

    def __radd__(self, other: Any) -> "Int":
        return self._new("add", other, self)

    def __sub__(self, other: Any) -> "Int":
        return self._new("sub", self, other)

    def __rsub__(self, other: Any) -> "Int":
        return self._new("sub", other, self)

    def __mul__(self, other: Any) -> "Int":
        return self._new("mul", self, other)

    def __rmul__(self, other: Any) -> "Int":
        return self._new("mul", other, self)

    def __floordiv__(self, other: Any) -> "Int":
        return self._new("sdiv", self, other)

    def __and__(self, other: Any) -> "Int":
        return self._new("and_", self, other)

    def __lt__(self, other: Any) -> Value:
        return self.b.icmp_signed("<", self.value, raw(other))

    def __ge__(self, other: Any) -> Value:
        return self.b.icmp_signed(">=", self.value, raw(other))

    def equals(self, other: Any) -> Value:
        """Whether the two are the same number."""
        return self.b.icmp_signed("==", self.value, raw(other))

    def or_if(self, condition: Value, other: Any) -> "Int":
        """The other number where the condition (i1) holds, else this one."""
        return Int(self.b, self.b.select(condition, raw(other), self.value))

    def at_most(self, other: Any) -> "Int":
        """The smaller of the two."""
        return self.or_if(self >= other, other)

    def at_least(self, other: Any) -> "Int":
        """The larger of the two."""
        return self.or_if(self < other, other)

    def parts(self, size: Any) -> "Int":
        """How many parts of a size it takes to cover this: the quotient, rounded up."""
        covered: Int = (self + (size - 1)) // size
        return covered


def raw(number: Any) -> Value:
    """The i64 of an `Int` or of an int."""
    if isinstance(number, Int):
        return number.value
    return long(number) if isinstance(number, int) else number


def routine(module: Any, name: str, parameters: int) -> tuple[Any, Builder, list[Int]]:
    """A function of so many i64 that returns nothing, for use inside its module: the function, a
    builder at its beginning, its parameters.
    """
    made = ir.Function(module, ir.FunctionType(ir.VoidType(), [LONG] * parameters), name)
    made.linkage = "internal"
    b = ir.IRBuilder(made.append_basic_block())
    return made, b, [Int(b, one) for one in made.args]


def run(b: Builder, function: Any, *arguments: Any) -> None:
    """Call a routine."""
    b.call(function, [raw(one) for one in arguments])
