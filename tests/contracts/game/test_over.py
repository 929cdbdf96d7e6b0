"""What is over is over, and what is in dispute is not closed."""

from dataclasses import replace

import pytest

from tests.contracts.arena import Arena, Duel
from tests.contracts.evm import reverts
from tests.contracts.game.duels import FALSE, LATER, TRUE, also, duel, ended

pytestmark = pytest.mark.usefixtures("toolchain")


def test_a_game_that_never_was_cannot_be_played(arena: Arena, false_claim: Duel) -> None:
    opened = also(false_claim, "another")
    opened.open()
    for action in ended(replace(opened, challenger=false_claim.challenger)):
        with reverts("NotOpen"):
            action()


@pytest.mark.parametrize("ending", ["won", "lost", "timed out", "closed"])
def test_what_is_over_is_over(arena: Arena, ending: str) -> None:
    true = ending == "lost"
    game = duel(arena, defence=TRUE if true else FALSE, against=FALSE if true else TRUE)
    game.open()
    if ending == "closed":
        winner = also(game, "winner")
        winner.open()
        winner.play()
        game.close()
    elif ending == "timed out":
        arena.evm.warp(LATER)
        game.timeout()
    else:
        game.play()
    for action in ended(game):
        with reverts("NotOpen"):
            action()
    assert arena.host.postedOf(game.claim.id)[4] == 0
    view = game.view()
    assert (view.head, view.open) == (bytes(32), False)
    assert view.moved_at != 0


def test_a_rejected_claims_other_games_can_only_be_closed(arena: Arena, false_claim: Duel) -> None:
    other = also(false_claim, "other")
    false_claim.open()
    other.open()
    false_claim.play()
    arena.evm.warp(LATER)
    for action in (other.move, other.prove, other.timeout):
        with reverts("ClaimOver"):
            action()
    other.close(sender=arena.account("passer-by"))
    assert not other.view().open


def test_a_disputed_claims_games_are_not_closed(arena: Arena, true_claim: Duel) -> None:
    true_claim.open()
    with reverts("StillDisputed"):
        true_claim.close()
    arena.evm.warp(LATER)
    with reverts("StillDisputed"):
        true_claim.close()
