"""A deployment for each test, and the two duels that most of them are about."""

import pytest

from tests.contracts.arena import Arena, Duel, deploy
from tests.contracts.game.duels import FALSE, TRUE, duel


@pytest.fixture
def arena() -> Arena:
    return deploy()


@pytest.fixture
def false_claim(arena: Arena) -> Duel:
    """An honest challenger against a false claim; not yet opened."""
    return duel(arena, defence=FALSE, against=TRUE)


@pytest.fixture
def true_claim(arena: Arena) -> Duel:
    """A lying challenger against a true claim; not yet opened."""
    return duel(arena, defence=TRUE, against=FALSE)
