"""The keeper: one true assertion of each batch stands, and what is due is confirmed."""

import pytest

from rollup.errors import LostConsistency
from rollup.ledger.keeper import MOST, Keeper
from rollup.ledger.ports import Stage
from rollup.protocol.types import BatchNumber
from tests.bisection.table import lie
from tests.rollup.ledger.history import WINDOW, Claimed, History


@pytest.fixture
def claimed() -> Claimed:
    history = History(4)
    for _ in range(3):
        history.extend()
    return Claimed(history)


def keeper(claimed: Claimed, *, asserts: bool = True) -> Keeper:
    replay = claimed.history.replay()
    return Keeper(replay, claimed, claimed, replay.update, asserts=asserts)


def said(claimed: Claimed) -> list[tuple[int, bool]]:
    """Batch, and whether the root is the true one, of all assertions."""
    root = claimed.history.root
    return [(one.number, one.assertion.root == root(one.number)) for one in claimed.held]


def test_every_batch_is_asserted_once_and_confirmed_in_order(claimed: Claimed) -> None:
    kept = keeper(claimed)
    assert kept.round().asserted == [1, 2, 3, 4]
    assert said(claimed) == [(number, True) for number in (1, 2, 3, 4)]
    assert kept.round().asserted == []
    claimed.history.extend()
    claimed.time = WINDOW
    done = kept.round()
    assert (done.confirmed, done.asserted) == ([1, 2, 3, 4], [5])
    assert claimed.top == (4, claimed.history.root(4))
    again = keeper(claimed).round()  # another process, which knows L1 alone
    assert (again.confirmed, again.asserted) == ([], [])


def test_a_true_assertion_of_somebody_else_is_enough(claimed: Claimed) -> None:
    claimed.lies(1, slot=1)
    claimed.says(1, slot=2)
    claimed.says(3, pre=lie(claimed.history.root(2)), slot=3)
    assert keeper(claimed).round().asserted == [2, 3, 4]


@pytest.mark.parametrize("stage", [Stage.REJECTED, Stage.VOID])
def test_one_that_was_lost_is_replaced(claimed: Claimed, stage: Stage) -> None:
    kept = keeper(claimed)
    kept.round()
    claimed.mark(claimed.held[1], stage)
    claimed.time = 50
    assert kept.round().asserted == [2]
    claimed.time = WINDOW
    assert kept.round().confirmed == [1]
    claimed.time = WINDOW + 50
    assert kept.round().confirmed == [2, 3, 4]


def test_one_in_a_game_of_others_is_not_relied_on(claimed: Claimed) -> None:
    """Two who are one assert the truth and dispute it, and neither ends the game."""
    theirs = claimed.says(1, slot=90)
    kept = keeper(claimed)
    assert kept.round().asserted == [2, 3, 4]
    claimed.disputes(theirs)
    assert kept.round().asserted == [1]
    own = claimed.held[-1]
    claimed.time = WINDOW
    assert kept.round().confirmed == [1, 2, 3, 4]
    assert claimed.held[-1].stage is Stage.CONFIRMED
    assert own.id == claimed.held[-1].id


def test_ones_own_is_defended_and_not_made_again(claimed: Claimed) -> None:
    kept = keeper(claimed)
    assert kept.round().asserted == [1, 2, 3, 4]
    claimed.disputes(claimed.held[0])
    assert kept.round().asserted == []


def test_a_rival_is_confirmed_while_games_hold_up_the_first(claimed: Claimed) -> None:
    first, rival = claimed.says(1, slot=1), claimed.says(1, slot=2)
    claimed.open_games = {first.id}
    claimed.time = WINDOW
    kept = keeper(claimed)
    assert kept.round().confirmed == [1]
    assert rival.id in {one.id for one in claimed.held if one.stage is Stage.CONFIRMED}


def test_nothing_is_asserted_of_what_is_unknown_or_may_not_last(claimed: Claimed) -> None:
    claimed.history.hidden = {3}
    kept = keeper(claimed)
    assert kept.round().asserted == [1, 2]
    claimed.history.hidden.clear()
    claimed.depth = 1
    assert kept.round().asserted == [3]
    claimed.depth = 0
    assert kept.round().asserted == [4]


def test_who_has_no_bond_left_goes_on_confirming(
    claimed: Claimed, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = keeper(claimed)
    claimed.says(1)
    monkeypatch.setattr(claimed, "assert_state", lambda *_: None)
    claimed.time = WINDOW
    done = kept.round()
    assert (done.confirmed, done.asserted) == ([1], [])


def test_a_round_is_short(claimed: Claimed) -> None:
    for _ in range(MOST):
        claimed.history.extend(1, 1)
    kept = keeper(claimed)
    assert len(kept.round().asserted) == MOST
    assert len(kept.round().asserted) == 4
    claimed.time = WINDOW
    assert len(kept.round().confirmed) == MOST
    assert len(kept.round().confirmed) == 4


def test_one_that_only_confirms_asserts_nothing(claimed: Claimed) -> None:
    claimed.says(1)
    kept = keeper(claimed, asserts=False)
    claimed.time = WINDOW
    done = kept.round()
    assert (done.confirmed, done.asserted) == ([1], [])


def test_a_false_state_that_was_confirmed_ends_it(claimed: Claimed) -> None:
    claimed.top = (BatchNumber(2), lie(claimed.history.root(2)))
    with pytest.raises(LostConsistency, match="after batch 2"):
        keeper(claimed).round()


def test_it_waits_where_the_confirmed_state_is_unknown(claimed: Claimed) -> None:
    claimed.top = (BatchNumber(4), lie(claimed.history.root(4)))
    claimed.history.hidden = {4}
    done = keeper(claimed).round()
    assert (done.confirmed, done.asserted) == ([], [])
