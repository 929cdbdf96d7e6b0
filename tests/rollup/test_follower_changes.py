"""What a follower knows while L1 changes under it: reorganisations, repeats, gaps, absences."""

import logging
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bisection.errors import DataUnavailable
from bisection.machine import ClaimId
from rollup.errors import L1Unavailable, LostConsistency
from rollup.follower import Follower
from rollup.l1.openings import opening
from rollup.protocol import codec
from rollup.protocol.batch import Batch
from rollup.protocol.header import Header
from rollup.protocol.presets import MINIMAL
from rollup.protocol.types import AccountIndex, BatchNumber, Hash, SlotIndex
from tests.rollup.entries import bundled, single, work
from tests.rollup.fake_view import FakeView
from tests.rollup.following import events, follower, name, names, signed


@pytest.fixture(autouse=True)
def _everything_is_heard(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    with caplog.at_level(logging.INFO, logger="rollup"):
        yield


def test_a_reorganisation_replaces_batches(caplog: pytest.LogCaptureFixture) -> None:
    view = FakeView()
    for nonce in range(4):
        view.post(signed(work(nonce)))
    at = follower(view)
    at.poll()
    view.undo(2)
    view.time += 5
    view.post(bundled(2, 2))
    at.poll()
    assert at.headers == view.headers
    assert at.pending() == names(*(work(nonce) for nonce in range(4)))
    assert at.locate(name(work(3))).header == view.headers[2]
    assert [event["batch"] for event in events(caplog, "batch.reorganised")] == [4, 3]
    view.undo(3)
    at.poll()
    assert at.pending() == []
    with pytest.raises(DataUnavailable):
        at.claim(name(work(0)))


def test_a_reorganisation_between_two_answers_is_met_at_the_next_poll(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    view = FakeView()
    view.post(signed(work(0)))
    at = follower(view)
    at.poll()
    view.undo(1)
    view.time += 1
    view.post(signed(work(1)))
    replacement, last = view.headers[0], view.post(signed(work(2)))
    # Batch 1 is still the old one when it is checked, and the new one when batch 2 is read.
    answers = iter([at.headers[0], last, replacement])
    with monkeypatch.context() as patch:
        patch.setattr(view, "header", lambda _: next(answers))
        assert at.poll() == 0
    at.poll()
    assert at.headers == view.headers
    assert at.pending() == names(work(1), work(2))


def test_the_same_receipt_in_two_batches_is_one_claim() -> None:
    view = FakeView()
    entry = signed(work(0))
    first = view.post(entry, entry)
    view.time += 100
    second = view.post(entry)
    at = follower(view)
    at.poll()
    assert at.pending() == names(work(0))
    assert at.opening(name(work(0))) == opening(first, Batch.of([entry, entry]), 0)
    view.time += MINIMAL.window - 100  # the first window closes; the second place still counts
    at.poll()
    assert at.pending() == names(work(0))
    assert at.opening(name(work(0))) == opening(second, Batch.of([entry]), 0)
    view.undo(1)
    at.poll()
    assert at.pending() == []
    assert at.locate(name(work(0))).header == first


def test_a_receipt_that_is_void_in_one_batch_counts_in_another() -> None:
    view = FakeView(dead={(1, 0)})
    entry = signed(work(0))
    view.post(entry)
    at = follower(view)
    at.poll()
    view.dead.clear()
    second = view.post(entry)
    at.poll()
    assert at.locate(name(work(0))).header == second


@pytest.mark.parametrize("number", [1, 2, 3])
def test_headers_that_are_no_chain_stop_the_follower(number: int) -> None:
    view = FakeView()
    for nonce in range(number - 1):
        view.post(signed(work(nonce)))
    view.post(signed(work(9)), parent=Hash(b"\x77" * 32))
    at = follower(view)
    with pytest.raises(LostConsistency, match=f"batch {number} on L1 does not follow") as caught:
        at.poll()
    assert "check the endpoint" in str(caught.value)


def test_a_header_without_its_event_is_waited_for(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    view = FakeView()
    view.post(signed(work(0)))
    at = follower(view)
    with monkeypatch.context() as patch:
        patch.setattr(view, "header", lambda _: None)
        assert at.poll() == 0
    assert events(caplog, "batch.unseen") == [{"batch": 1}]
    assert at.poll() == 1


def knows(at: Follower) -> tuple[list[Header], list[ClaimId], list[BatchNumber]]:
    return list(at.headers), at.pending(), at.missing


def test_l1_may_go_away_at_any_call_and_nothing_is_lost() -> None:
    def history() -> FakeView:
        view = FakeView()
        view.post(single(0), bundled(1, 2), signed(work(3)))
        view.post(signed(work(4)), signed(work(0, account=2)), signed(work(1, slot=2)))
        return view

    view = history()
    undisturbed = follower(view)
    undisturbed.poll()
    for call in range(1, view.calls + 1):
        away = history()
        at = follower(away)
        away.fail_in = call
        with pytest.raises(L1Unavailable):
            at.poll()
        at.poll()
        assert knows(at) == knows(undisturbed)


ACTIONS = st.one_of(
    st.tuples(st.just("post"), st.lists(st.integers(0, 5), min_size=1, max_size=3)),
    st.tuples(st.just("undo"), st.integers(0, 3)),
    st.tuples(st.just("hide"), st.integers(0, 4)),
    st.tuples(st.just("fail"), st.integers(1, 12)),
    st.tuples(st.just("wait"), st.integers(0, MINIMAL.window)),
    st.tuples(st.just("poll"), st.none()),
)


@settings(max_examples=150)
@given(st.lists(ACTIONS, max_size=14))
def test_who_lived_through_it_knows_what_a_newcomer_sees(actions: list[tuple[str, Any]]) -> None:
    view = FakeView()
    at = follower(view)
    hidden: dict[Hash, list[bytes]] = {}
    for action, how in actions:
        if action == "post":
            view.post(*(signed(work(nonce)) for nonce in how))
        elif action == "undo":
            view.undo(how)
        elif action == "hide" and how < len(view.headers):
            hash_ = view.headers[how].hash
            hidden[hash_] = view.data.pop(hash_, hidden.get(hash_, []))
        elif action == "wait":
            view.time += how
        elif action == "poll":
            at.poll()
        elif action == "fail":
            view.fail_in = how
            with suppress(L1Unavailable):
                at.poll()
            view.fail_in = -1
    view.data |= hidden
    at.poll()
    fresh = follower(view)
    fresh.poll()
    assert knows(at) == knows(fresh)
    for claim in fresh.pending():
        assert at.opening(claim) == fresh.opening(claim)
        assert codec.encode(at.locate(claim).batch.entries)


def test_a_batchs_slots_are_asked_for_once(monkeypatch: pytest.MonkeyPatch) -> None:
    view = FakeView()
    view.post(*(signed(work(nonce, slot=nonce % 2)) for nonce in range(20)))
    asked: list[SlotIndex] = []

    def is_live(account: AccountIndex, slot: SlotIndex, posted: int) -> bool:
        asked.append(slot)
        return True

    monkeypatch.setattr(view, "is_live", is_live)
    follower(view).poll()
    assert sorted(asked) == [0, 1]
