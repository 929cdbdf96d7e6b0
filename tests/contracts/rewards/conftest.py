"""Where rewards are tried: everything deployed, and somebody with tokens."""

import pytest

from tests.contracts.rewards.helpers import funded
from tests.contracts.whole import Whole, deploy


@pytest.fixture
def whole() -> Whole:
    return deploy()


@pytest.fixture
def ann(whole: Whole) -> str:
    """Account 3, with tokens that the rewards may take."""
    return funded(whole, "ann")
