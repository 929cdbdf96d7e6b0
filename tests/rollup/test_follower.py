"""What is known of L1's batches: all of it, checked, and never more than was had."""

import logging
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from bisection.errors import DataUnavailable
from bisection.machine import ClaimId
from rollup.l1.openings import opening
from rollup.protocol.batch import Batch
from rollup.protocol.claims import tensor_claim
from rollup.protocol.eip712 import Signature
from rollup.protocol.entries import Entry, SignedReceipt, sign_receipt
from rollup.protocol.presets import MINIMAL
from rollup.protocol.receipts import Work
from rollup.protocol.types import Address, BatchNumber, Hash, Seconds
from tests.rollup.entries import DOMAIN, KEY, OWNER, PROGRAM, bundled, label, single, work
from tests.rollup.fake_view import KNOWN, FakeView
from tests.rollup.following import OTHER_KEY, Clock, events, follower, name, names, signed


@pytest.fixture(autouse=True)
def _everything_is_heard(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    with caplog.at_level(logging.INFO, logger="rollup"):
        yield


def test_claims_come_with_what_opens_them_on_l1() -> None:
    view = FakeView()
    one, three = work(1), bundled(2, 3)
    view.post(single(0), signed(one))
    header = view.post(three, single(5))
    at = follower(view)
    assert at.poll() == 2
    assert at.poll() == 0
    works = [one, *(r for r in three.receipts if isinstance(r, Work))]
    assert at.pending() == names(*works)
    for receipt in works:
        assert at.claim(name(receipt)) == tensor_claim(receipt, KNOWN, MINIMAL, header.posted)
        assert at.locate(name(receipt)).work == receipt
    batch = Batch.of([three, single(5)])
    assert at.opening(name(works[2])) == opening(header, batch, 1)
    assert [located.work for located in at.claims_of(OWNER)] == works
    assert at.claims_of(Address(bytes(20))) == []
    with pytest.raises(DataUnavailable, match="no batch at hand"):
        at.claim(ClaimId(label(0).id))


def test_a_program_that_is_registered_after_the_post_makes_no_claim_of_it() -> None:
    view = FakeView()
    view.programs.clear()
    view.post(signed(work(0)))
    at = follower(view)
    at.poll()
    assert at.pending() == []
    # It stays void for whoever looks later, as it is for whoever looked before.
    view.programs[PROGRAM] = replace(KNOWN, registered=Seconds(view.time))
    late = follower(view)
    late.poll()
    assert late.pending() == at.pending() == []
    view.time += 1
    view.post(signed(work(1)))
    for one in (at, late):
        one.poll()
        assert one.pending() == names(work(1))


def test_a_claim_is_pending_until_its_window_closes() -> None:
    view = FakeView()
    view.post(signed(work(0)))
    view.time += 100
    view.post(signed(work(1)))
    at = follower(view)
    at.poll()
    view.time += MINIMAL.window - 101
    at.poll()
    assert at.pending() == names(work(0), work(1))
    view.time += 1
    at.poll()
    assert at.pending() == names(work(1))
    assert at.claim(name(work(0))).id == name(work(0))  # a game on it may still be played


def bent(chunks: list[bytes]) -> list[bytes]:
    return [bytes([chunks[0][0] ^ 1]) + chunks[0][1:], *chunks[1:]]


@pytest.mark.parametrize(
    "spoil", [bent, lambda _: [], lambda c: c[:-1], lambda c: [*c, b""], lambda c: c[::-1]]
)
def test_data_that_is_not_its_headers_is_unknown_and_disputes_nothing(
    spoil: Any, caplog: pytest.LogCaptureFixture
) -> None:
    view, clock = FakeView(), Clock()
    view.post(signed(work(0)))
    middle = view.post(bundled(1, 3))
    view.post(signed(work(4)))
    whole = view.data[middle.hash]
    view.data[middle.hash] = spoil(whole)
    at = follower(view, clock)
    assert at.poll() == 2
    assert at.pending() == names(work(0), work(4))
    assert at.missing == [2]
    (alarm,) = events(caplog, "batch.unknown")
    assert alarm["batch"] == 2
    assert "not the header's data" in alarm["reason"]
    # It is looked for again, later and later, and counts as soon as it is there.
    assert at.poll() == 0
    assert len(events(caplog, "batch.unknown")) == 1
    clock.now += 1
    assert at.poll() == 0
    assert len(events(caplog, "batch.unknown")) == 2
    view.data[middle.hash] = whole
    clock.now += 1
    assert at.poll() == 0
    clock.now += 1
    assert at.poll() == 1
    assert at.pending() == names(*(work(n) for n in range(5)))
    assert at.missing == []


def test_data_that_hashes_right_and_is_no_batch_is_unknown(
    caplog: pytest.LogCaptureFixture,
) -> None:
    view = FakeView()
    view.post(signed(work(0)))
    honest = view.headers.pop()
    # The sequencer posts a root that is not its data's.
    view.headers.append(replace(honest, root=Hash(b"\x55" * 32)))
    view.data[view.headers[0].hash] = view.data[honest.hash]
    view.post(signed(work(1)))
    at = follower(view)
    assert at.poll() == 1
    assert at.pending() == names(work(1))
    assert "with root" in events(caplog, "batch.unknown")[0]["reason"]


def test_what_an_endpoint_refuses_for_one_batch_stops_no_other() -> None:
    view = FakeView()
    for nonce in range(3):
        view.post(signed(work(nonce)))
    view.refused = {2}
    at = follower(view)
    assert at.poll() == 2
    assert at.missing == [2]
    view.refused.clear()
    assert at.poll() == 1
    assert at.pending() == names(work(0), work(1), work(2))


GARBLED = Signature(bytes(64) + b"\x1b")


@pytest.mark.parametrize(
    ("entry", "code"),
    [
        (SignedReceipt(work(0), GARBLED), "wrong-signer"),
        (sign_receipt(work(0), DOMAIN, OTHER_KEY), "wrong-signer"),
        (sign_receipt(work(0), replace(DOMAIN, chain_id=1), KEY), "wrong-signer"),
        (signed(work(0, account=9)), "wrong-signer"),
        (signed(work(0, slot=3)), "slot-not-live"),
        (signed(replace(work(0), program=Hash(b"\1" * 32))), "unknown-program"),
        (signed(replace(work(0), kind=16)), "unknown-kind"),
        (signed(work(0, steps=0)), "over-cap"),
        (signed(work(0, steps=MINIMAL.max_claim_steps + 1)), "over-cap"),
        (signed(replace(work(0), first_step=2**64 - 1)), "over-cap"),
    ],
)
def test_void_receipts_claim_nothing(
    entry: Entry, code: str, caplog: pytest.LogCaptureFixture
) -> None:
    view = FakeView(dead={(1, 3)})
    view.post(entry, signed(work(1)))
    at = follower(view)
    assert at.poll() == 1
    assert at.pending() == names(work(1))
    (void,) = events(caplog, "claim.void")
    assert void["code"] == code
    assert events(caplog, "batch.read")[0]["void"] == 1


def test_statements_claim_nothing_and_are_not_void(caplog: pytest.LogCaptureFixture) -> None:
    view = FakeView()
    view.post(single(0), single(1))
    at = follower(view)
    at.poll()
    assert at.pending() == []
    assert events(caplog, "batch.read")[0]["void"] == 0
    batch = at.batch(BatchNumber(1))
    assert batch is not None
    assert len(batch.receipts) == 2


def test_an_account_or_program_that_comes_later_is_asked_for_again() -> None:
    view = FakeView()
    view.post(signed(work(0, account=9)), signed(replace(work(0), program=Hash(b"\1" * 32))))
    at = follower(view)
    at.poll()
    view.owners[9] = OWNER
    view.programs[Hash(b"\1" * 32)] = KNOWN
    view.post(signed(work(1, account=9)), signed(replace(work(1), program=Hash(b"\1" * 32))))
    at.poll()
    assert len(at.pending()) == 2
