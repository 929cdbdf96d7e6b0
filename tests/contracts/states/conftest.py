"""Where assertions are tried: everything deployed, two people with two slots, and a batch."""

import pytest

from tests.contracts.ledger import Posted
from tests.contracts.whole import Whole, deploy


@pytest.fixture
def whole() -> Whole:
    return deploy()


@pytest.fixture
def ann(whole: Whole) -> str:
    """Somebody with two slots."""
    owner = whole.chain.account("ann")
    whole.stake(owner, 2)
    return owner


@pytest.fixture
def bob(whole: Whole) -> str:
    """Somebody else with two slots."""
    owner = whole.chain.account("bob")
    whole.stake(owner, 2)
    return owner


@pytest.fixture
def batch(whole: Whole, ann: str, bob: str) -> Posted:
    """The first batch, which takes the accounts."""
    return whole.batch()
