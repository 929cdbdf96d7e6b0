"""A deployment for each test."""

import pytest

from tests.contracts.ledger import Ledger, deploy


@pytest.fixture
def ledger() -> Ledger:
    return deploy()
