"""Float32.sol and Scalar.sol against the hardware, the hard cases and the reference's table."""

from __future__ import annotations

import numpy as np
import pytest

from contracts import build
from prover.ops import OPS, Opcode, apply
from tests.contracts.scalar_runner import (
    HAS_PYREVM,
    RevertedError,
    ScalarRunner,
    on_eth_tester,
    on_revm,
    selector,
)
from tests.prover import hardware, operands
from tests.prover.hardware import Words
from tests.prover.operands import FLOAT_OPS, SEED

CASES = 1_000_000
"""Cases for each primitive of float arithmetic, comparison and conversion."""
OTHER_CASES = 100_000
"""Cases for each integer op, move and fold (folds are the primitives over again)."""
SLOW_CASES = 1_000
"""Cases for each op where only eth-tester is there to run them."""
GAS_CASES = 200

# Gas of one operation on usual operands (mean) and on the worst (subnormals, deep cancellation).
GAS = {
    Opcode.ADD: (420, 850),
    Opcode.SUB: (440, 870),
    Opcode.MUL: (340, 750),
    Opcode.FMA: (650, 1150),
    Opcode.DIV: (350, 780),
    Opcode.SQRT: (310, 650),
    Opcode.MAX: (200, 210),
    Opcode.LT: (130, 130),
    Opcode.LE: (130, 130),
    Opcode.EQ: (130, 130),
    Opcode.FROM_INT: (480, 480),
    Opcode.TO_INT_NEAREST: (230, 230),
    Opcode.TO_INT_ZERO: (210, 210),
}


@pytest.fixture(scope="module")
def harness(toolchain: None) -> bytes:
    sources = build.load_sources(build.TEST)
    unit = "test/Float32Harness.sol"
    return build.compile_sources({unit: sources[unit]})["Float32Harness"].bytecode


@pytest.fixture(scope="module")
def runner(harness: bytes) -> ScalarRunner:
    return on_revm(harness) if HAS_PYREVM else on_eth_tester(harness)


@pytest.fixture(scope="module")
def chain(harness: bytes) -> ScalarRunner:
    """The harness on eth-tester, whose gas is a chain's."""
    return on_eth_tester(harness)


@pytest.mark.parametrize("opcode", list(Opcode), ids=lambda opcode: opcode.name)
def test_every_op_is_the_hardwares(runner: ScalarRunner, opcode: Opcode) -> None:
    count = case_count(opcode)
    print(f"seed {SEED}, {count} cases")
    cases = operands.draw(opcode, count)
    results, expected = runner.evaluate(opcode, cases), hardware.compute(opcode, cases)
    assert mismatches(opcode, cases, results, expected) == []


def test_primitives_ran_on_a_million_cases_each() -> None:
    if not HAS_PYREVM:
        pytest.skip(f"no pyrevm: {SLOW_CASES} cases an op on eth-tester instead of up to {CASES}")
    counts = [case_count(opcode) for opcode in FLOAT_OPS if not OPS[opcode].is_fold]
    assert len(counts) == 13
    assert min(counts) >= 1_000_000


@pytest.mark.parametrize("opcode", list(Opcode), ids=lambda opcode: opcode.name)
def test_hard_cases(runner: ScalarRunner, opcode: Opcode) -> None:
    chosen = [vector for vector in operands.vectors() if vector.opcode is opcode]
    cases = np.array([vector.words for vector in chosen], dtype=np.uint32)
    expected = np.array([vector.result for vector in chosen], dtype=np.uint32)
    assert mismatches(opcode, cases, runner.evaluate(opcode, cases), expected) == []


@pytest.mark.parametrize("opcode", list(Opcode), ids=lambda opcode: opcode.name)
def test_every_op_is_the_references(runner: ScalarRunner, opcode: Opcode) -> None:
    cases = operands.draw(opcode, 2_000 if HAS_PYREVM else 50, seed=SEED + 2)
    expected = np.array([apply(opcode, *case) for case in cases.tolist()], dtype=np.uint32)
    assert mismatches(opcode, cases, runner.evaluate(opcode, cases), expected) == []


def test_the_tables_are_equal(runner: ScalarRunner) -> None:
    expected = [(0, 0, 0, 0, 0)] * 256
    for number, op in OPS.items():
        expected[number] = (1, int(op.is_fold), op.identity, op.arity, op.weight)
    assert [runner.table(number) for number in range(256)] == expected


def test_numbers_that_name_no_op_revert(runner: ScalarRunner) -> None:
    case = np.zeros((1, 4), dtype=np.uint32)
    for number in sorted(set(range(256)) - set(OPS)):
        with pytest.raises(RevertedError, match=selector("UnknownOpcode(uint8)").hex()):
            runner.evaluate(number, case)


@pytest.mark.parametrize("opcode", list(GAS), ids=lambda opcode: opcode.name)
def test_gas_stays_in_bounds(chain: ScalarRunner, opcode: Opcode) -> None:
    usual, worst = GAS[opcode]
    rng = np.random.default_rng([SEED, opcode])
    normal = rng.standard_normal((GAS_CASES, 4)).astype(np.float32).view(np.uint32)
    if opcode is Opcode.SQRT:
        normal &= np.uint32(0x7FFFFFFF)
    spent = chain.measure(opcode, normal)
    hard = chain.measure(opcode, operands.draw(opcode, GAS_CASES))
    print(f"seed {SEED}: mean {spent.mean():.0f}, worst {max(spent.max(), hard.max())}")
    assert spent.mean() <= usual
    assert max(spent.max(), hard.max()) <= worst


@pytest.mark.skipif(not HAS_PYREVM, reason="no pyrevm to compare with")
def test_gas_inside_a_call_is_the_same_on_both_machines(
    runner: ScalarRunner, chain: ScalarRunner
) -> None:
    cases = operands.draw(Opcode.FMA, 100)
    assert chain.measure(Opcode.FMA, cases).tolist() == runner.measure(Opcode.FMA, cases).tolist()


def case_count(opcode: Opcode) -> int:
    """How many random cases an op runs on."""
    if not HAS_PYREVM:
        return SLOW_CASES
    return CASES if opcode in FLOAT_OPS and not OPS[opcode].is_fold else OTHER_CASES


def mismatches(opcode: Opcode, cases: Words, results: Words, expected: Words) -> list[str]:
    """The first few cases with another result than expected."""
    assert results.shape == expected.shape
    wrong = np.flatnonzero(results != expected)
    return [
        f"{opcode.name}{[f'{word:#010x}' for word in cases[i].tolist()]}: "
        f"{results[i]:#010x}, not {expected[i]:#010x} ({len(wrong)} such)"
        for i in wrong[:5]
    ]
