"""A small ledger for the tests of the top floor, turned back after each of them."""

from collections.abc import Iterator

import pytest

from rollup.l1 import devnet
from tests.rollup.world import World, build


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A ledger on the embedded chain."""
    with devnet.embedded() as chain:
        yield build(chain, tmp_path_factory.mktemp("world"))


@pytest.fixture
def world(built: World) -> Iterator[World]:
    """The ledger as it was built; what a test does on L1 is taken back after it."""
    kept = built.chain.snapshot()
    yield built
    built.chain.automine(True)
    built.chain.revert(kept)
