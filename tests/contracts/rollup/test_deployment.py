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
    good: tuple[Any, ...] = (there, 1, 0, there, there, there, (1, 1, 1, 1))
    evm.deploy(artifact, good)
    for place, value in ((0, ZERO), (1, 0), (3, ZERO), (4, ZERO), (5, ZERO)):
        with reverts("BadParameter"):
            evm.deploy(artifact, bent(good, place, value))
    for place in range(4):
        with reverts("BadParameter"):
            evm.deploy(artifact, bent(good, 6, bent((1, 1, 1, 1), place, 0)))
