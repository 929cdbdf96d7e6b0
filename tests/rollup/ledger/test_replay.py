"""The ledger rebuilt from batches alone is the reference's, whatever L1 does to them."""

import random

import pytest

from bisection.errors import DataUnavailable
from rollup.ledger.comparing import Finding, compare
from rollup.ledger.ports import Stage
from rollup.protocol.ledger import layout
from rollup.protocol.ledger.trace import FastTrace
from rollup.protocol.types import BatchNumber
from tests.bisection.table import lie
from tests.rollup.ledger.history import Claimed, History

NO_RECEIPTS = layout.receipts([], [])


def same(history: History, count: int) -> None:
    replay = history.replay()
    assert replay.number == count
    assert [replay.root(BatchNumber(n)) for n in range(count + 1)] == [
        history.root(n) for n in range(count + 1)
    ]


@pytest.mark.parametrize("seed", range(8))
def test_every_root_is_the_references(seed: int) -> None:
    history = History(seed)
    for _ in range(6):
        history.extend()
    history.extend(receipts=0)
    history.extend(entries=0, forced=0)
    same(history, 9)


@pytest.mark.parametrize("seed", range(6))
def test_a_history_with_reorganisations_and_hidden_data_ends_in_the_references_roots(
    seed: int,
) -> None:
    rng = random.Random(seed)
    history = History(seed)
    replay = history.replay()
    for _ in range(25):
        what = rng.choice(["extend", "extend", "extend", "undo", "hide", "show", "finalise"])
        if what == "extend":
            history.extend(2, 6, 1)
        elif what == "undo" and len(history.held) > 3:
            history.undo(rng.randrange(1, 4))
        elif what == "hide":
            history.hidden.add(len(history.held))
        elif what == "show":
            history.hidden.clear()
        elif what == "finalise":
            replay.finalise(BatchNumber(rng.randrange(replay.number + 1)))
        replay.update()
        for number in range(replay.number + 1):
            assert replay.root(BatchNumber(number)) == history.root(number)
        back = BatchNumber(rng.randrange(replay.number + 1))
        if not history.hidden:
            assert replay.state(back).hash == history.root(back)
    history.hidden.clear()
    replay.update()
    assert replay.number == len(history.held)


def test_what_is_hidden_ends_what_is_known() -> None:
    history = History()
    for _ in range(4):
        history.extend()
    history.hidden = {3}
    replay = history.replay()
    assert replay.number == 2
    assert replay.root(BatchNumber(3)) is None
    for ask in (replay.state, replay.batch):
        with pytest.raises(DataUnavailable):
            ask(BatchNumber(3))
    history.hidden.clear()
    assert replay.update() == 3
    assert replay.update() == 0
    assert replay.state(BatchNumber(5)).hash == history.root(5)


def test_any_batch_can_be_run_again_from_the_state_before_it() -> None:
    history = History(5)
    for _ in range(4):
        history.extend()
    replay = history.replay()
    replay.finalise(BatchNumber(2))
    for number in map(BatchNumber, range(1, 6)):  # also those before the base, from genesis
        trace = FastTrace(replay.batch(number), replay.state(BatchNumber(number - 1)))
        ends = trace.states([0, trace.length])
        assert ends == [history.root(number - 1), history.root(number)]


def test_a_state_that_is_handed_out_is_the_callers() -> None:
    history = History(1)
    history.extend()
    replay = history.replay()
    for number in map(BatchNumber, range(replay.number + 1)):
        state = replay.state(number)
        state.apply(9, 9, history.held[0].inbox, NO_RECEIPTS)
        assert replay.state(number).hash == history.root(number)


def test_a_comparison_names_the_first_false_assertion_and_who_stands_on_it() -> None:
    history = History(2)
    for _ in range(4):
        history.extend()
    claimed = Claimed(history)
    true = [claimed.says(number) for number in (1, 2, 3)]
    dropped = claimed.lies(2, slot=4)
    claimed.mark(dropped, Stage.REJECTED)
    false = claimed.lies(3, slot=5)
    baseless = claimed.says(4, pre=false.assertion.root)
    late = claimed.says(4, lie(history.root(4)), slot=6)
    history.hidden = {5}
    unknown = claimed.says(5)
    found = compare(history.replay(), claimed)
    said = {one.asserted.id: one.finding for row in found.rows for one in row.compared}
    assert said == {
        **{one.id: Finding.TRUE for one in true},
        dropped.id: Finding.FALSE,
        false.id: Finding.FALSE,
        baseless.id: Finding.BASELESS,
        late.id: Finding.FALSE,
        unknown.id: Finding.UNKNOWN,
    }
    assert found.standing is not None
    assert found.standing.asserted.id == false.id
    assert [one.asserted.id for one in found.false] == [dropped.id, false.id, late.id]
    assert found.unknown == [5]
    assert found.agrees is True
    claimed.top = (BatchNumber(2), lie(history.root(2)))
    assert compare(history.replay(), claimed).agrees is False
    claimed.top = (BatchNumber(5), history.root(5))
    assert compare(history.replay(), claimed).agrees is None
