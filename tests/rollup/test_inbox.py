"""What L1 tells the ledger: read with each batch, and claims that nobody could keep out."""

import logging
from dataclasses import replace

import pytest

from bisection.errors import DataUnavailable
from rollup.errors import DataMismatch
from rollup.l1.errors import Reverted
from rollup.l1.game import ClaimStatus
from rollup.l1.openings import forced_opening
from rollup.l1.view import ContractView
from rollup.protocol.batch import check_data, check_inbox
from rollup.protocol.entries import SignedReceipt, sign_receipt
from rollup.protocol.ledger.inbox import InboxEntry, InboxKind, force, register
from rollup.protocol.ledger.packing import forced_bytes
from rollup.protocol.presets import MINIMAL
from rollup.protocol.types import Nonce, SlotIndex
from rollup.settlement import Settlement
from tests.rollup.entries import DOMAIN, KEY, OWNER, label, single, work
from tests.rollup.fake_view import FakeView
from tests.rollup.following import OTHER_KEY, events, follower, name, names, signed
from tests.rollup.headers import newest
from tests.rollup.test_disputes import Believer, defender, lie, settlement, validator
from tests.rollup.world import SECOND, SEQUENCER, STRANGER, WORKER, World

FIRST = InboxEntry(InboxKind.DEPOSIT, 1, 5)


def forced(entry: SignedReceipt) -> InboxEntry:
    return force(entry.receipt, entry.signature)


# ---- in memory


def test_forced_claims_are_claims_like_others() -> None:
    view, one, two = FakeView(), signed(work(0)), signed(work(1))
    view.coming = [FIRST, forced(one), forced(sign_receipt(label(7), DOMAIN, KEY))]
    header = view.post(two)
    at = follower(view)
    assert at.poll() == 1
    assert at.pending() == names(work(0), work(1))
    assert at.inbox(header.number) == tuple(view.taken[header.hash])
    place = at.locate(name(work(0)))
    assert (place.work, place.index, place.forced) == (work(0), 1, True)
    assert not at.locate(name(work(1))).forced
    leaves = [entry.leaf for entry in view.taken[header.hash]]
    shown = forced_opening(header, 1, leaves, work(0), one.signature)
    assert at.opening(name(work(0))) == shown
    view.undo(1)
    at.poll()
    assert at.pending() == []
    assert at.inbox(header.number) is None


def test_forced_claims_of_nobody_are_void(caplog: pytest.LogCaptureFixture) -> None:
    view = FakeView(dead={(1, 3)})
    view.coming = [
        forced(sign_receipt(work(0), DOMAIN, OTHER_KEY)),
        forced(signed(work(1, slot=3))),
        forced(signed(work(2))),
    ]
    view.post()
    with caplog.at_level(logging.INFO, logger="rollup"):
        at = follower(view)
        at.poll()
    assert at.pending() == names(work(2))
    codes = [event["code"] for event in events(caplog, "claim.void")]
    assert codes == ["wrong-signer", "slot-not-live"]


def test_a_claim_may_come_both_ways() -> None:
    view, one = FakeView(), signed(work(0))
    view.coming = [forced(one)]
    view.post(one)
    view.post(one)
    at = follower(view)
    at.poll()
    assert at.pending() == names(work(0))
    assert at.locate(name(work(0))).forced


@pytest.mark.parametrize("wrong", ["fewer", "more", "others", "bytes"])
def test_a_batch_whose_inbox_is_not_its_headers_is_unknown(
    wrong: str, caplog: pytest.LogCaptureFixture
) -> None:
    view = FakeView()
    told = [register(1, OWNER), forced(signed(work(0)))]
    view.coming = list(told)
    header = view.post(signed(work(1)))
    view.taken[header.hash] = {
        "fewer": told[:1],
        "more": [*told, FIRST],
        "others": [FIRST, told[1]],
        "bytes": [told[0], replace(told[1], forced=None)],
    }[wrong]
    with pytest.raises(DataMismatch, match="batch 1"):
        check_inbox(header, view.taken[header.hash])
    at = follower(view)
    with caplog.at_level(logging.INFO, logger="rollup"):
        assert at.poll() == 0
    assert events(caplog, "batch.unknown")
    assert (at.missing, at.pending()) == ([1], [])
    assert at.inbox(header.number) is None
    with pytest.raises(DataUnavailable):
        at.claim(name(work(1)))
    view.taken[header.hash] = told
    assert at.poll() == 1
    assert at.pending() == names(work(0), work(1))


# ---- on a chain


def test_the_inbox_is_read_as_l1_has_it(world: World) -> None:
    rollup, view = world.contracts.rollup, ContractView(world.contracts)
    first = world.post([])
    kinds = [InboxKind.REGISTER, InboxKind.SLOTS] * 3  # sequencer and two workers
    assert [entry.kind for entry in view.inbox(first)] == kinds
    (entry,) = world.work(world.job())
    assert isinstance(entry, SignedReceipt)
    kept = world.chain.snapshot()
    world.contracts.vault.exit(world.signer(WORKER), SlotIndex(1))
    index, _ = rollup.force(world.signer(STRANGER), forced_bytes(entry.receipt, entry.signature))
    second = world.post([])
    told = check_inbox(second, view.inbox(second))
    assert [one.kind for one in told] == [InboxKind.EXIT, InboxKind.FORCED]
    assert told[1] == force(entry.receipt, entry.signature)
    assert [rollup.inbox_leaf(index - 1), rollup.inbox_leaf(index)] == [one.leaf for one in told]
    assert view.inbox(first) == list(check_inbox(first, view.inbox(first)))
    # Other entries in the same places, after a reorganisation.
    world.chain.revert(kept)
    rollup.force(world.signer(STRANGER), forced_bytes(entry.receipt, entry.signature))
    again = world.post([])
    assert [one.kind for one in check_inbox(again, view.inbox(again))] == [InboxKind.FORCED]
    with pytest.raises(Reverted, match="BadForced"):
        rollup.force(world.signer(STRANGER), b"\0" * 10)


def test_a_forced_lie_is_brought_down_reported_and_the_batch_confirmed(world: World) -> None:
    lie(world)
    lying = world.follower().claims_of(world.signer(WORKER).address)[1].work
    domain, key = world.contracts.deployment.domain, world.signer(WORKER).key
    again = replace(lying, nonce=Nonce(lying.nonce + 5))
    world.contracts.rollup.force(
        world.signer(STRANGER), forced_bytes(again, sign_receipt(again, domain, key).signature)
    )
    world.post([])
    judge, at = validator(world)
    (false,) = [one for one in map(at.locate, at.pending()) if one.forced]
    liar = defender(world, Believer(world))
    game, vault = world.contracts.game, world.contracts.vault
    for _ in range(8):
        judge.round()
        liar.round()
    assert game.status_of(false.claim.id) is ClaimStatus.REJECTED
    assert vault.is_slashed(again.account, again.slot)
    assert vault.unreported() == 1
    # Slashed twice, by both lies, and told once: before anything is confirmed.
    world.chain.advance(MINIMAL.window)
    with pytest.raises(Reverted, match="SlashesUnreported"):
        world.contracts.rollup.confirm(world.signer(STRANGER), at.headers[0])
    assert settlement(world).round() == [1, 2]
    assert vault.unreported() == 0
    last = world.post([])
    told = [(one.kind, one.a, one.b) for one in ContractView(world.contracts).inbox(last)]
    slash = (InboxKind.SLASH, again.account, again.slot)
    assert told == [slash, (InboxKind.CONFIRM, 1, 0), (InboxKind.CONFIRM, 2, 0)]
    assert settlement(world).round() == []


def test_a_settler_with_a_bond_stands_in_for_a_silent_sequencer(world: World) -> None:
    rollup = world.contracts.rollup
    (entry,) = world.work(world.job())
    assert isinstance(entry, SignedReceipt)
    forced_by = world.signer(STRANGER)

    def round_of(place: int) -> None:
        Settlement(world.contracts, world.signer(place), world.follower()).round()

    rollup.force(forced_by, forced_bytes(entry.receipt, entry.signature))
    world.chain.advance(rollup.deadline())
    round_of(SECOND)
    assert rollup.head()[0] == 0  # nobody can say since when
    world.post([single(0)])
    round_of(SECOND)
    world.chain.advance(rollup.deadline())
    round_of(SECOND)
    assert rollup.head()[0] == 1  # nothing waits
    rollup.force(forced_by, forced_bytes(entry.receipt, entry.signature))
    round_of(STRANGER)
    assert rollup.head()[0] == 1  # without a bond
    round_of(SECOND)
    round_of(SECOND)
    last = world.follower().headers[-1]
    assert (last.number, last.receipts, last.taken) == (2, 0, 1)


def test_nobody_stands_in_for_the_confirmation_of_entries_alone(world: World) -> None:
    rollup = world.contracts.rollup

    def head_after(wait: int) -> int:
        world.chain.advance(wait)
        Settlement(world.contracts, world.signer(SECOND), world.follower()).round()
        return rollup.head()[0]

    world.post([])
    assert head_after(MINIMAL.window) == 1
    assert (rollup.confirmed(), rollup.inbox_count() - world.follower().headers[-1].inbox) == (1, 1)
    assert head_after(rollup.deadline()) == 1
    world.post([single(0)])
    world.chain.advance(MINIMAL.window)
    settlement(world).round()
    assert rollup.confirmed() == 2
    assert head_after(rollup.deadline()) == 3  # of receipts
    (entry,) = world.work(world.job())
    assert isinstance(entry, SignedReceipt)
    rollup.force(world.signer(STRANGER), forced_bytes(entry.receipt, entry.signature))
    assert head_after(rollup.deadline()) == 4
    assert head_after(MINIMAL.window) == 4
    assert rollup.confirmed() == 4
    assert head_after(rollup.deadline()) == 5  # of what was forced
    assert head_after(MINIMAL.window) == 5
    assert rollup.confirmed() == 5
    assert head_after(rollup.deadline()) == 5


def test_a_settler_with_data_under_way_goes_on_confirming(world: World) -> None:
    """The sequencer's own key: it published, and died before its post."""
    rollup, sequencer = world.contracts.rollup, world.signer(SEQUENCER)
    world.post([single(0)])
    rollup.publish(sequencer, b"of the next batch")
    world.contracts.vault.deposit(world.signer(SECOND), 1)
    world.chain.advance(rollup.deadline() + MINIMAL.window)
    assert Settlement(world.contracts, sequencer, world.follower()).round() == [1]
    assert rollup.head()[0] == 1


def test_what_somebody_posts_for_a_silent_sequencer_is_read(world: World) -> None:
    rollup, other = world.contracts.rollup, world.signer(SECOND)
    (entry,) = world.work(world.job())
    assert isinstance(entry, SignedReceipt)
    world.post([single(0)])  # meanwhile the sequencer is there
    rollup.force(other, forced_bytes(entry.receipt, entry.signature))
    parent, peaks = newest(world.contracts)
    with pytest.raises(Reverted, match="NotOverdue"):
        rollup.post_overdue(other, SlotIndex(0), parent, peaks, rollup.inbox_count())
    world.chain.advance(rollup.deadline())
    header, _ = rollup.post_overdue(other, SlotIndex(0), parent, peaks, rollup.inbox_count())
    view = ContractView(world.contracts)
    assert check_data(header, view.chunks(header)).entries == ()
    assert check_inbox(header, view.inbox(header))[-1] == force(entry.receipt, entry.signature)
    assert len(world.follower().pending()) == 1
