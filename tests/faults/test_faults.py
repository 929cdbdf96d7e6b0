"""Every kind of scalar operation done wrong once, in a run that somebody claims: found and proven.

Each game is played on the real contracts, by two parties that only have their own replays, to the
very step into which the fault was put; the tensor machine on chain executes that step.
"""

import random
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from prover.backends import Backend, backend
from prover.ops import Opcode
from rollup.demo.fault import NoFaultError, draw
from tests.faults.cases import Setting, reaching, settings
from tests.faults.court import Court, convene, convict
from tests.prover.generators import Seeded, case

pytestmark = pytest.mark.usefixtures("toolchain")

A_SETTING: Final = 3
"""Positions that are tried of each setting of an opcode."""
LEAST_OF_AN_OPCODE: Final = 10
LEAST: Final = 300
SEEDS: Final = 90
_TABLE: Final = Path(__file__).resolve().parents[2] / ".cache/faults.txt"


@pytest.fixture(scope="module")
def court() -> Court:
    return convene()


@pytest.fixture(scope="module")
def numba() -> Backend:
    return backend("numba")


@pytest.fixture(scope="module")
def tally() -> Counter[tuple[str, str]]:
    """(opcode, what became of it) -> how often."""
    return Counter()


def spread(positions: list[int], count: int) -> Iterator[int]:
    """The first, the last and some between."""
    count = min(count, len(positions))
    for i in range(count):
        yield positions[i * (len(positions) - 1) // max(count - 1, 1)]


@pytest.mark.parametrize("opcode", Opcode, ids=lambda opcode: opcode.name)
def test_a_wrong_result_of_every_opcode_is_proven(
    court: Court, numba: Backend, tally: Counter[tuple[str, str]], opcode: Opcode
) -> None:
    rng = random.Random(opcode)
    found = 0
    for setting in settings(opcode):
        assert setting.opcode_at(next(setting.edges())) == opcode
        convicted = 0
        positions = list(setting.edges())
        # Where a position has no fault that reaches the claim's end, the next one is as good.
        for position in dict.fromkeys([*spread(positions, A_SETTING), *positions]):
            if convicted == A_SETTING:
                break
            fault, masked = reaching(setting, position, numba, rng)
            tally[opcode.name, "masked"] += len(masked)
            if fault is None:
                continue
            lie = setting.faulty(fault, numba)
            assert convict(court, setting.honest(numba), lie, position), setting.name
            tally[opcode.name, "proven"] += 1
            convicted += 1
        found += convicted
    assert found >= LEAST_OF_AN_OPCODE


@pytest.mark.parametrize("block", range(3))
def test_wrong_results_in_random_programs_are_found(
    court: Court, numba: Backend, tally: Counter[tuple[str, str]], block: int
) -> None:
    """Rows that overwrite what they read, miss their registers or do not decode, from any state."""
    ended: Counter[bool] = Counter()
    for seed in range(block * SEEDS // 3, (block + 1) * SEEDS // 3):
        made = case(Seeded((99, seed)))
        steps = 1 + seed % 3
        start = made.state
        try:
            drawn = draw(made.program, made.first_step, steps, start, numba, seed, tries=60)
        except NoFaultError:
            continue
        setting = Setting("random", made.program, made.first_step, steps, start)
        position = drawn.fault.position
        proven = convict(court, setting.honest(numba), drawn.trace, position)
        ended[proven] += 1
        name = setting.opcode_at(position).name
        tally[name, "proven" if proven else "timed out"] += 1
        tally[name, "masked"] += drawn.masked
    assert ended[True] >= 8
    assert ended[False] >= 3


def test_the_table(court: Court, tally: Counter[tuple[str, str]]) -> None:
    names = {name for name, _ in tally}
    if len(names) < len(Opcode):
        pytest.skip("counts are of the whole file; this run left tests of it out")
    lines = [f"{'opcode':<16}{'proven':>8}{'timed out':>11}{'masked':>8}"]
    for opcode in Opcode:
        counts = [tally[opcode.name, end] for end in ("proven", "timed out", "masked")]
        lines.append("{:<16}{:>8}{:>11}{:>8}".format(opcode.name, *counts))
        assert counts[0] >= LEAST_OF_AN_OPCODE, opcode
    totals = [sum(n for (_, e), n in tally.items() if e == end)
              for end in ("proven", "timed out", "masked")]  # fmt: skip
    lines.append("{:<16}{:>8}{:>11}{:>8}".format("all", *totals))
    print("\n".join(lines))
    _TABLE.parent.mkdir(exist_ok=True)
    _TABLE.write_text("\n".join(lines) + "\n", "utf-8")
    assert totals[0] >= LEAST
    # Every wei is where the vault says, and nobody else holds any.
    arena = court.arena
    assert arena.accounted() == arena.evm.balance(arena.vault)
    assert arena.evm.balance(arena.game) == arena.evm.balance(arena.host) == 0
