"""The tests of Float32.sol notice when it is wrong: each mutant of its text fails some case.

Mutants are compiled without via-IR, which is fast, and all in one run of the compiler. The cases
chosen by hand kill each of them, and so does a small share of the random ones.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np
import pytest

from contracts import build
from prover.ops import Opcode
from tests.contracts.scalar_runner import (
    HAS_PYREVM,
    RevertedError,
    ScalarRunner,
    on_eth_tester,
    on_revm,
)
from tests.prover import hardware, operands
from tests.prover.hardware import Words
from tests.prover.operands import SEED

RANDOM_CASES = 30_000 if HAS_PYREVM else 300
UNIT = "src/libraries/Float32.sol"

CALLS = {
    Opcode.ADD: "add(x, y)",
    Opcode.SUB: "sub(x, y)",
    Opcode.MUL: "mul(x, y)",
    Opcode.FMA: "fma(x, y, z)",
    Opcode.DIV: "div(x, y)",
    Opcode.SQRT: "sqrt(x)",
    Opcode.MAX: "maximum(x, y)",
    Opcode.LT: "lt(x, y)",
    Opcode.LE: "le(x, y)",
    Opcode.EQ: "eq(x, y)",
    Opcode.FROM_INT: "fromInt(x)",
    Opcode.TO_INT_NEAREST: "toIntNearest(x)",
    Opcode.TO_INT_ZERO: "toIntZero(x)",
}

HARNESS = """
pragma solidity ^0.8.28;
import {Float32@ as Float32} from "../src/libraries/Float32@.sol";
contract Mutant@ {
    function evaluate(uint8 opcode, bytes calldata cases) external pure returns (bytes memory r) {
        uint256 count = cases.length / 16;
        r = new bytes(count * 4 + 32);
        for (uint256 i = 0; i < count; ++i) {
            uint256 word;
            assembly { word := calldataload(add(cases.offset, mul(i, 16))) }
            uint32 x = uint32(word >> 192);
            uint32 y = uint32(word >> 160);
            uint32 z = uint32(word >> 128);
            word = 0;
            CALLS
            assembly { mstore(add(add(r, 32), mul(i, 4)), shl(224, word)) }
        }
        assembly { mstore(r, mul(count, 4)) }
    }
}
"""


@dataclass(frozen=True, slots=True)
class Mutant:
    """The text `old`, where it occurs for the `nth` time, becomes `new`; seen by one of `ops`."""

    name: str
    ops: tuple[Opcode, ...]
    old: str
    new: str
    nth: int = 0

    def apply(self, source: str) -> str:
        """The mutated source. Raises ValueError where `old` is not found, or nothing changes."""
        parts = source.split(self.old)
        if len(parts) < self.nth + 2:
            raise ValueError(f"{self.name}: {self.old!r} occurs {len(parts) - 1} times")
        before, after = self.old.join(parts[: self.nth + 1]), self.old.join(parts[self.nth + 1 :])
        changed = before + self.new + after
        if changed == source:
            raise ValueError(f"{self.name} changes nothing")
        return changed


ADD, SUB, MUL, FMA = (Opcode.ADD,), (Opcode.SUB,), (Opcode.MUL,), (Opcode.FMA,)
DIV, SQRT, MAX = (Opcode.DIV,), (Opcode.SQRT,), (Opcode.MAX,)
NEAREST, ZERO = (Opcode.TO_INT_NEAREST,), (Opcode.TO_INT_ZERO,)
ROUNDED = (*ADD, *MUL, *FMA, *DIV)
SIGN = "uint32 sign = (x ^ y) & SIGN;"
MAGNITUDE = "uint256 a = x & MAGNITUDE;"
FLUSHED = MAGNITUDE + " if (a < 0x800000) a = 0;"
NEWTON = "            root = (root + _div(radicand, root)) >> 1;\n"

MUTANTS = [
    # Rounding.
    Mutant("ties go up", ROUNDED, "odd = (value >> places) & 1;", "odd = 1;"),
    Mutant("ties go down", ROUNDED, "odd = (value >> places) & 1;", "odd = 0;"),
    Mutant("ties go to odd", ROUNDED, "(value >> places) & 1;", "~(value >> places) & 1;"),
    Mutant("truncates", ROUNDED, "value + odd + (1 << (places - 1)) - 1", "value"),
    Mutant("half is a quarter", ROUNDED, "1 << (places - 1)", "1 << (places - 2)"),
    Mutant("one unit too much", ROUNDED, "(1 << (places - 1)) - 1)", "(1 << (places - 1)))"),
    Mutant("slow path truncates", MUL, "_nearest(m, uint256(drop))", "(m >> uint256(drop))"),
    Mutant("root truncated", SQRT, "((root + 1) >> 1)", "(root >> 1)"),
    Mutant("root's floor not corrected", SQRT, "root -= _bit(root * root > radicand);", ""),
    Mutant("one step of Newton's less", SQRT, NEWTON, ""),
    Mutant("parity of the exponent", SQRT, "25 + (scale & 1)", "25"),
    Mutant("product rounded too", FMA, "return _fmaSpecial(x, y, z);",
           "return _fmaSpecial(x, y, z);\n            return add(mul(x, y), z);"),
    Mutant("conversion truncates", NEAREST, "_nearest(_fixed149(a), 149)", "_fixed149(a) >> 149"),
    Mutant("conversion rounds", ZERO, "_fixed149(a) >> 149", "_nearest(_fixed149(a), 149)"),
    # What lies below the last place (sticky bits), and how far up.
    Mutant("sum keeps 2 bits below", ADD, "<< 128) >> (scale - other);",
           "<< 2) >> (scale - other) << 126;"),
    Mutant("difference keeps 1 bit below", SUB, "<< 128) >> (scale - other);",
           "<< 1) >> (scale - other) << 127;"),
    Mutant("addend far below forgotten", FMA, "shift = 0;", "shift = 0;\n c = 0;"),
    Mutant("addend far below misplaced", FMA, "shift = 0;", "shift = 64;"),
    Mutant("product below the addend forgotten", FMA, "a >>= shift;", "a = 0;"),
    Mutant("product's place not followed", FMA, "scale += shift;", ""),
    Mutant("quotient keeps 24 bits", DIV, "_div((a - (scale << 23)) << 128, b - (other << 23))",
           "(_div((a - (scale << 23)) << 24, b - (other << 23)) << 104)"),
    Mutant("deep cancellation", FMA, "_bit(gap == 255) | ", ""),
    Mutant("leading bit of the product", MUL, "<< (1 - high), 24)", ", 24)"),
    Mutant("leading bit of the quotient", DIV, "<< (1 - high), 105)", ", 105)"),
    Mutant("a gap too many", ADD, "0xff04030302", "0xff04030202"),
    Mutant("a step of the search", ADD,
           "place := or(place, shl(4, gt(shr(place, m), 0xffff)))", ""),
    # Subnormals and overflow.
    Mutant("sum flushes subnormal operands", ADD, MAGNITUDE, FLUSHED, 0),
    Mutant("product flushes subnormal operands", MUL, MAGNITUDE, FLUSHED, 1),
    Mutant("fma flushes subnormal operands", FMA, MAGNITUDE, FLUSHED, 2),
    Mutant("quotient flushes subnormal operands", DIV, MAGNITUDE, FLUSHED, 3),
    Mutant("subnormal results flushed", (*MUL, *DIV), "drop = -exponent;", "return 0;"),
    Mutant("subnormal results a place off", MUL, "drop = -exponent;", "drop = 1 - exponent;"),
    Mutant("subnormal results in the wrong place", MUL, "if (scale < 0) {", "if (scale < -1) {"),
    Mutant("subnormal factor taken for normal", MUL, "_bit(product < 1 << 46) | ", ""),
    Mutant("subnormal divisor taken for normal", DIV, "(quotient >> 127) - 1 > 2", "quotient == 0"),
    Mutant("root of subnormals", SQRT, "scale -= raise;", ""),
    Mutant("field 0 is its own scale", ADD, "sub(scale, iszero(iszero(scale)))", "sub(scale, 1)"),
    Mutant("overflow is the largest", (*ADD, *MUL), "return INFINITY;", "return MAX_FINITE;"),
    Mutant("sum overflows late", ADD, "if (result > MAX_SCALE) {", "if (result > 254) {"),
    Mutant("product overflows late", MUL, "_bit(result > MAX_SCALE)", "_bit(result > 254)", 0),
    Mutant("fma overflows late", FMA, "_bit(result > MAX_SCALE)", "_bit(result > 254)", 1),
    Mutant("quotient overflows late", DIV, "_bit(result > MAX_SCALE)", "_bit(result > 254)", 2),
    # Signs, of zeros above all.
    Mutant("product's sign", MUL, SIGN, "uint32 sign = (x | y) & SIGN;", 0),
    Mutant("fma's sign", FMA, SIGN, "uint32 sign = x & SIGN;", 1),
    Mutant("quotient's sign", DIV, SIGN, "uint32 sign = y & SIGN;", 2),
    Mutant("smaller operand's sign", ADD, "(x & SIGN) | _word", "(y & SIGN) | _word"),
    Mutant("-0 + -0 is +0", ADD, "return x & y & SIGN;", "return 0;"),
    Mutant("cancellation keeps a sign", ADD, "return x & y & SIGN;", "return x & SIGN;"),
    Mutant("difference's sign", SUB, "add(x, y ^ SIGN)", "add(x ^ SIGN, y)"),
    Mutant("-0 product plus -0", FMA, "c == 0 ? sign & z : z", "c == 0 ? 0 : z"),
    Mutant("zero product plus -0", FMA, "c == 0 ? sign & z : z", "z"),
    Mutant("negative difference", FMA, "sign ^= SIGN;", ""),
    Mutant("underflow beside zero loses its sign", FMA, "c == 0 ? sign : 0;", "0;"),
    Mutant("fma's cancellation keeps a sign", FMA, "c == 0 ? sign : 0;", "sign;"),
    Mutant("infinite quotient's sign", DIV, "a == INFINITY ? sign | INF", "a == INFINITY ? INF"),
    Mutant("root of -0", SQRT, "x & MAGNITUDE == 0 || ", ""),
    Mutant("+0 above -0", MAX, "_difference(y, x) < 0", "_difference(y, x) <= 0"),
    Mutant("zeros differ", (Opcode.EQ,), "a := mul(a,", "a := mul(x,"),
    Mutant("negative integers", (Opcode.FROM_INT,), "sign == 0 ? x : 0 - x", "x"),
    Mutant("negative results", ZERO, "magnitude : 0 - magnitude", "magnitude : magnitude"),
    Mutant("saturates on one side", NEAREST, "0x7fffffff : 0x80000000", "0x7fffffff : 0x7fffffff"),
    Mutant("saturates late", ZERO, "a >= 0x4f000000", "a > 0x4f000000", 1),
    # NaN and infinity.
    Mutant("opposite infinities add", ADD, "a > INFINITY || (a == b && x != y)", "a > INFINITY"),
    Mutant("sum keeps a payload", ADD, "a > INFINITY || (a == b", "(a == b"),
    Mutant("0 * infinity", MUL, "a == 0 || b == 0 || a > INFINITY", "a > INFINITY"),
    Mutant("infinity * NaN", MUL, " || b > INFINITY) return NAN;\n                return sign",
           ") return NAN;\n                return sign"),
    Mutant("infinities divide", DIV, " || a == b) return NAN", ") return NAN"),
    Mutant("0 / 0", DIV, "a == 0 ? NAN : sign | INFINITY", "sign | INFINITY"),
    Mutant("number / 0", DIV, "a == 0 ? NAN : sign | INFINITY", "NAN"),
    Mutant("root of negatives", SQRT, "if (scale > MAX_SCALE) return NAN;", ""),
    Mutant("fma's NaN addend", FMA, " || c > INFINITY) return NAN;", ") return NAN;"),
    Mutant("fma's opposite infinities", FMA, "z != product ? NAN", "z == product ? NAN"),
    Mutant("fma's 0 * infinity", FMA, "if (a == 0 || b == 0) return NAN;", ""),
    Mutant("greatest of NaN keeps bits", MAX, "y & MAGNITUDE > INFINITY ? NAN : y", "y"),
    Mutant("NaN below something", (Opcode.LT, Opcode.LE), "shl(40, unordered)", "0"),
    Mutant("second NaN unseen", (Opcode.LT, Opcode.MAX), "gt(b, INFINITY)", "0"),
    Mutant("less or equal is less", (Opcode.LE,), "(x, y) <= 0", "(x, y) < 0"),
    Mutant("NaN converts", NEAREST, "if (x & MAGNITUDE > INFINITY) return 0;", ""),
]  # fmt: skip

ORIGINAL = Mutant("the library itself", tuple(CALLS), "", "")


def test_every_mutant_changes_the_text() -> None:
    source = build.load_sources()[UNIT]
    texts = [mutant.apply(source) for mutant in MUTANTS]
    assert len(set(texts)) == len(MUTANTS)
    with pytest.raises(ValueError, match="occurs 0 times"):
        Mutant("lost", ADD, "no such text", "").apply(source)
    with pytest.raises(ValueError, match="changes nothing"):
        Mutant("idle", ADD, "pragma", "pragma").apply(source)


@pytest.fixture(scope="module")
def codes(toolchain: None) -> dict[str, bytes]:
    """Creation code of each mutant's harness and, under its own name, of the library's."""
    source = build.load_sources()[UNIT]
    texts = {ORIGINAL: source} | {mutant: mutant.apply(source) for mutant in MUTANTS}
    units = {}
    for number, (mutant, text) in enumerate(texts.items()):
        renamed = text.replace("library Float32 {", f"library Float32{number} {{")
        units[f"src/libraries/Float32{number}.sol"] = renamed
        calls = " else ".join(
            f"if (opcode == {opcode:d}) word = Float32.{CALLS[opcode]};" for opcode in mutant.ops
        )
        harness = HARNESS.replace("CALLS", calls).replace("@", str(number))
        units[f"test/Mutant{number}.sol"] = harness
    compiled = build.compile_sources(units, via_ir=False)
    names = [mutant.name for mutant in texts]
    return {name: compiled[f"Mutant{number}"].bytecode for number, name in enumerate(names)}


def test_the_library_passes(codes: dict[str, bytes]) -> None:
    runner = deployed(codes[ORIGINAL.name])
    for opcode in ORIGINAL.ops:
        assert not fails(runner, opcode, hard(opcode))
        assert not fails(runner, opcode, drawn(opcode))


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name.replace(" ", "-"))
def test_the_mutant_is_killed(codes: dict[str, bytes], mutant: Mutant) -> None:
    runner = deployed(codes[mutant.name])
    assert any(fails(runner, opcode, hard(opcode)) for opcode in mutant.ops), "no hard case sees it"
    if HAS_PYREVM:
        print(f"seed {SEED}, {RANDOM_CASES} random cases an op")
        assert any(fails(runner, opcode, drawn(opcode)) for opcode in mutant.ops)


def deployed(code: bytes) -> ScalarRunner:
    return on_revm(code) if HAS_PYREVM else on_eth_tester(code)


def fails(runner: ScalarRunner, opcode: Opcode, cases: Words) -> bool:
    """Whether some case has another result than the hardware's, or none."""
    try:
        return bool((runner.evaluate(opcode, cases) != hardware.compute(opcode, cases)).any())
    except RevertedError:
        return True


def hard(opcode: Opcode) -> Words:
    """The cases chosen by hand."""
    chosen = [vector.words for vector in operands.vectors() if vector.opcode is opcode]
    return np.array(chosen, dtype=np.uint32)


@functools.cache
def drawn(opcode: Opcode) -> Words:
    """Random cases, from the seed that the other tests use."""
    return operands.draw(opcode, RANDOM_CASES)
