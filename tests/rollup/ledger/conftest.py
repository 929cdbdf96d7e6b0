"""One story a module, turned back after each test."""

from collections.abc import Iterator

import pytest

from tests.rollup.ledger.story import Story, tell
from tests.rollup.world import World


@pytest.fixture(scope="module")
def told(built: World) -> Story:
    """The story on the embedded chain."""
    return tell(built)


@pytest.fixture
def story(told: Story) -> Iterator[Story]:
    """The story as it was told; what a test does on L1 is taken back after it."""
    kept = told.world.chain.snapshot()
    yield told
    told.world.chain.revert(kept)
