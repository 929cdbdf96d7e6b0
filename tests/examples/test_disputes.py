"""Faults at random places of each example's own program are found, and proven on embedded L1."""

from collections import Counter
from typing import Final

import pytest

from prover.backends import Backend, backend
from tests.examples.cases import CASES
from tests.examples.court import Court, convene
from tests.examples.faults import draw

LEAST: Final = 20
HIDDEN: Final = 0.25
"""The share of kinds of row that may swallow all faults that are tried."""


@pytest.fixture(scope="module")
def court() -> Court:
    return convene()


@pytest.fixture(scope="module")
def numba() -> Backend:
    return backend("numba")


@pytest.mark.parametrize("name", CASES)
def test_wrong_results_are_found_and_proven(court: Court, numba: Backend, name: str) -> None:
    """Every kind of row comes up: each opcode is drawn in turn, its rows and places at random."""
    setting = CASES[name].disputed()
    drawn = draw(setting, LEAST, numba, seed=1)
    posted = court.post(setting.program, [lie for _, lie in drawn.lies])
    ended: Counter[bool] = Counter()
    for claim in posted:
        ended[court.convict(claim, setting.honest(numba))] += 1
    found = {opcode.name for opcode, _ in drawn.lies}
    kinds = {row.opcode.name for row in setting.rows.values()}
    hidden = {opcode.name for opcode in drawn.hidden}
    print(
        f"{name}: {ended[True]} proven by the challenger, {ended[False]} not by the liar, "
        f"{drawn.masked} masked, no fault shows in {sorted(hidden)}"
    )
    assert ended.total() >= LEAST
    assert setting.always_even <= (not ended[False])
    assert found | hidden == kinds
    assert len(hidden) <= HIDDEN * len(kinds)
