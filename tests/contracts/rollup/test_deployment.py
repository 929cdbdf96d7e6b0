"""What the rollup contract is not deployed with."""

from typing import Any

import pytest

from tests.contracts.evm import ZERO, Evm, compiled, reverts
from tests.contracts.rollup.lies import bent

pytestmark = pytest.mark.usefixtures("toolchain")


def test_bad_parameters_are_refused() -> None:
    evm = Evm()
    artifact = compiled("src/Rollup.sol")["Rollup"]
    there = "0x" + "11" * 20
    good: tuple[Any, ...] = (there, 1, 2, 3, 5, 0, there, there, there, (4, 1, 1, 1), [there])
    rollup = evm.deploy(artifact, good)
    assert (rollup.WINDOW(), rollup.DEADLINE(), rollup.INBOX_CAP()) == (1, 2, 3)
    assert (rollup.FORCED_WORK(), rollup.KIND()) == (5, 0)
    assert (rollup.isWriter(there), rollup.isWriter(ZERO)) == (True, False)
    # What may be forced holds the largest claim: else nobody could force that one.
    bad = ((0, ZERO), (1, 0), (2, 0), (3, 0), (4, 0), (4, 3), (6, ZERO), (7, ZERO), (8, ZERO))
    evm.deploy(artifact, bent(good, 4, 4))
    for place, value in bad:
        with reverts("BadParameter"):
            evm.deploy(artifact, bent(good, place, value))
    for place in range(4):
        with reverts("BadParameter"):
            evm.deploy(artifact, bent(good, 9, bent((4, 1, 1, 1), place, 0)))
