"""What comes into the inbox, in which order, and that batches take every entry of it once."""

from typing import Any

import pytest

from prover.commit import merkle
from prover.commit.keccak import ZERO_HASH, Hash
from prover.commit.tags import Tag
from rollup.protocol.actions import Action
from rollup.protocol.ledger import inbox
from rollup.protocol.ledger.inbox import InboxEntry, InboxKind
from rollup.protocol.ledger.packing import forced_bytes
from rollup.protocol.receipts import Receipt, Statement
from rollup.protocol.types import AccountIndex, Address, Nonce
from tests.contracts.arena import raw_address
from tests.contracts.evm import reverts
from tests.contracts.ledger import INBOX_CAP, WINDOW, Ledger
from tests.contracts.rollup.lies import LIE, RUN, STEP, bent, lie

pytestmark = pytest.mark.usefixtures("toolchain")


def action(ledger: Ledger, nonce: int = 0) -> Action:
    return Action(32, ledger.account, nonce, 2, 0, 7)  # type: ignore[arg-type]


def fill(ledger: Ledger, count: int) -> None:
    for nonce in range(count):
        ledger.force(action(ledger, nonce))


def upto(ledger: Ledger, inbox: int) -> tuple[Any, ...]:
    """Arguments of a batch that takes entries up to `inbox`."""
    data = ledger.rollup.dataHashOf(ledger.sequencer)
    return (ledger.parent_tuple, ledger.peaks, 1, LIE, data, inbox)


def test_the_ledger_hears_of_accounts_slots_exits_slashes_and_confirmations(
    ledger: Ledger,
) -> None:
    worker, sequencer = Address(ledger.worker.address), Address(raw_address(ledger.sequencer))
    posted = lie(ledger, STEP)
    ledger.challenge_step(posted.opening(0), STEP.witness(0))
    ledger.vault.exit(1, sender=ledger.worker_address)
    ledger.chain.warp(WINDOW)
    ledger.vault.report(ledger.account, 0, sender=ledger.challenger)
    ledger.confirm(posted)
    ledger.vault.deposit(2, sender=ledger.worker_address, value=2 * ledger.rules.bond)
    ledger.vault.deposit(0, sender=ledger.worker_address)
    ledger.vault.deposit(0, sender=ledger.challenger)
    expected = [
        inbox.register(1, worker),
        InboxEntry(InboxKind.SLOTS, 1, 0, 3),
        inbox.register(2, sequencer),
        InboxEntry(InboxKind.SLOTS, 2, 0, 1),
        InboxEntry(InboxKind.EXIT, 1, 1),
        InboxEntry(InboxKind.SLASH, 1, 0),
        InboxEntry(InboxKind.CONFIRM, 1),
        InboxEntry(InboxKind.SLOTS, 1, 3, 2),
        inbox.register(3, Address(raw_address(ledger.challenger))),
    ]
    assert ledger.rollup.inboxCount() == len(expected)
    assert ledger.leaves(0, len(expected)) == tuple(entry.leaf for entry in expected)
    assert ledger.rollup.inboxLeaf(len(expected)) == ZERO_HASH


def test_an_entry_is_told_in_full(ledger: Ledger) -> None:
    ledger.vault.exit(1, sender=ledger.worker_address)
    (told,) = [event for event in ledger.chain.events if event.name == "InboxAppended"]
    rest = dict.fromkeys("xyz", ZERO_HASH)
    assert told.address == ledger.rollup.address
    assert told.arguments == {"index": 4, "kind": 4, "a": 1, "b": 1, "c": 0, "d": 0} | rest


def test_only_writers_append(ledger: Ledger) -> None:
    entry = (2, 1, 10**9, 0, 0, ZERO_HASH, ZERO_HASH, ZERO_HASH)
    for caller in (ledger.sequencer, ledger.challenger, ledger.worker_address):
        with reverts("NotWriter"):
            ledger.rollup.append(*entry, sender=caller)
    assert ledger.rollup.isWriter(ledger.vault)
    assert not ledger.rollup.isWriter(ledger.rollup)


# -------------------------------------------------------------------------------- what batches take


def test_a_batch_takes_at_least_what_the_one_before_saw(ledger: Ledger) -> None:
    fill(ledger, 1)
    first = ledger.post_works(RUN.work(ledger.account), inbox=0)  # the genesis saw nothing
    assert (first.header.inbox, first.header.seen, first.header.taken) == (0, 5, 0)
    assert first.header.inbox_root == ZERO_HASH
    fill(ledger, 2)
    ledger.publish(b"data")
    for skipped in range(5):
        with reverts("InboxSkipped", 5):
            ledger.rollup.post(*upto(ledger, skipped), sender=ledger.sequencer)
    for beyond in (8, 2**64 - 1):
        with reverts("InboxTooFar", 7):
            ledger.rollup.post(*upto(ledger, beyond), sender=ledger.sequencer)
    ledger.rollup.discard(sender=ledger.sequencer)
    second = ledger.post_works(RUN.work(ledger.account, nonce=1), inbox=6)
    assert (second.header.inbox, second.header.seen, second.header.taken) == (6, 7, 6)
    assert second.header.inbox_root == merkle.root(ledger.leaves(0, 6), Tag.ENTRY_NODE)
    third = ledger.post([])
    assert (third.header.inbox, third.header.seen, third.header.taken) == (7, 7, 1)
    assert third.header.inbox_root == ledger.leaves(6, 7)[0]
    fourth = ledger.post_works(RUN.work(ledger.account, nonce=2))
    assert (fourth.header.inbox, fourth.header.taken) == (7, 0)


def test_a_batch_takes_no_more_than_the_cap_and_the_rest_comes_next(ledger: Ledger) -> None:
    fill(ledger, 2 * INBOX_CAP)
    ledger.post_works(RUN.work(ledger.account), inbox=0)
    fill(ledger, 1)
    count = ledger.rollup.inboxCount()
    ledger.publish(b"data")
    for _ in range(2):
        full = ledger.parent.inbox + INBOX_CAP
        with reverts("InboxSkipped", full):
            ledger.rollup.post(*upto(ledger, full - 1), sender=ledger.sequencer)
        with reverts("InboxTooFar", full):
            ledger.rollup.post(*upto(ledger, full + 1), sender=ledger.sequencer)
        ledger.rollup.discard(sender=ledger.sequencer)
        assert ledger.post([]).header.taken == INBOX_CAP
        ledger.publish(b"data")
    with reverts("InboxSkipped", count):
        ledger.rollup.post(*upto(ledger, count - 1), sender=ledger.sequencer)
    ledger.rollup.discard(sender=ledger.sequencer)
    assert ledger.post([]).header.inbox == count
    taken = [leaf for posted in ledger.posted for leaf in posted.took]
    assert taken == list(ledger.leaves(0, count))


@pytest.mark.parametrize("count", range(1, INBOX_CAP + 1))
def test_the_root_is_the_tree_over_what_was_taken(ledger: Ledger, count: int) -> None:
    ledger.post([])
    fill(ledger, count)
    header = ledger.post([]).header
    assert header.taken == count
    assert header.inbox_root == merkle.root(ledger.leaves(4, 4 + count), Tag.ENTRY_NODE)


# -------------------------------------------------------------------------------- forced receipts


def test_every_form_of_receipt_can_be_forced(ledger: Ledger) -> None:
    account = AccountIndex(ledger.account)
    receipts: tuple[Receipt, ...] = (
        RUN.work(ledger.account),
        Statement(16, account, Nonce(1), LIE, LIE),
        action(ledger, 2),
    )
    for index, receipt in enumerate(receipts, 4):
        entry = ledger.force(receipt)
        appended, forced = ledger.chain.events
        data = forced_bytes(receipt, entry.signature)
        told = inbox.force(receipt, entry.signature)
        assert (appended["index"], appended["kind"], appended["x"]) == (index, 9, told.x)
        assert forced.name == "ForcedReceipt"
        sender = ledger.challenger
        assert forced.arguments == {"index": index, "sender": sender, "receipt": data}
        assert ledger.rollup.inboxLeaf(index) == told.leaf
    assert ledger.rollup.inboxCount() == 7


def test_what_is_no_receipt_is_not_forced(ledger: Ledger) -> None:
    work = RUN.work(ledger.account)
    good = forced_bytes(work, ledger.sign(work).signature)
    sizes = {0: 283, 1: 147, 2: 107}
    assert len(good) == sizes[0]
    bad = [b"", b"\0", good[:-1], good + b"\0", good[:218], good[:-65] + good[-64:]]
    bad += [bytes([form]) + bytes(size - 1) for form in (3, 9, 255) for size in sizes.values()]
    bad += [bytes([form]) + bytes(64) for form in range(4)]
    for form, size in sizes.items():
        bad += [
            bytes([form]) + bytes(n - 1) for n in {*sizes.values(), size - 1, size + 1} - {size}
        ]
    for data in bad:
        with reverts("BadForced"):
            ledger.rollup.force(data, sender=ledger.challenger)
    assert ledger.rollup.inboxCount() == 4
    for form in (1, 2):  # nobody's; the ledger's to ignore
        ledger.rollup.force(bytes([form]) + bytes(sizes[form] - 1), sender=ledger.challenger)


def test_a_forced_claim_is_the_one_that_python_derives(ledger: Ledger) -> None:
    works = [RUN.work(ledger.account, nonce=nonce) for nonce in range(3)]
    entries = [ledger.force(work) for work in works]
    posted = ledger.post_works(RUN.work(ledger.account, nonce=9))
    for index, (work, entry) in enumerate(zip(works, entries, strict=True), 4):
        assert ledger.rollup.claimOf(posted.forced(index, entry)) == ledger.claim(work)


def test_a_forced_lie_is_challenged_and_costs_its_slot(ledger: Ledger) -> None:
    entry = ledger.force(STEP.work(ledger.account, params_after=LIE))
    posted = ledger.post([])
    ledger.challenge_step(posted.forced(4, entry), STEP.witness(0))
    challenged = ledger.chain.events[0]
    assert (challenged["number"], challenged["index"]) == (1, 4)
    assert ledger.vault.isSlashed(ledger.account, 0)
    ledger.chain.warp(WINDOW)
    with reverts("SlashesUnreported", 1):
        ledger.confirm(posted)
    ledger.vault.report(ledger.account, 0)
    ledger.confirm(posted)


def test_a_game_on_a_forced_claim_keeps_its_batch_waiting(ledger: Ledger) -> None:
    entry = ledger.force(RUN.work(ledger.account, params_after=LIE))
    posted = ledger.post([])
    ledger.challenge(posted.forced(4, entry), RUN.values(16))
    ledger.chain.warp(WINDOW)
    with reverts("GamesOpen", 1):
        ledger.confirm(posted)


def test_a_receipt_that_came_both_ways_is_one_claim(ledger: Ledger) -> None:
    work = RUN.work(ledger.account, params_after=LIE)
    entry = ledger.force(work)
    posted = ledger.post_works(work)
    ledger.challenge(posted.forced(4, entry), RUN.values(16))
    with reverts("AlreadyOpened"):
        ledger.challenge(posted.opening(0), RUN.values(16))
    ledger.challenge(posted.opening(0), RUN.values(16), sender=ledger.chain.account("other"))
    assert ledger.rollup.openGames(1) == 2


def test_a_forced_receipt_is_at_its_place_as_it_was_sent(ledger: Ledger) -> None:
    work = RUN.work(ledger.account)
    entry = ledger.force(work)
    posted = ledger.post_works(RUN.work(ledger.account, nonce=1))
    opened = posted.forced(4, entry)
    signature = bytes([entry.signature[0] ^ 1]) + entry.signature[1:]
    for place, value, error in (
        (1, False, "IndexOutOfRange"),
        (2, 3, "WrongPath"),
        (2, 5, "IndexOutOfRange"),
        (3, opened[3][:-1], "WrongPathLength"),
        (3, [LIE, *opened[3][1:]], "WrongPath"),
        (5, (1, 0, 0, []), "ForcedBundle"),
        (6, signature, "WrongPath"),
    ):
        with reverts(error):
            ledger.rollup.claimOf(bent(opened, place, value))
    fields: tuple[Any, ...] = opened[4]
    for place, field in enumerate(fields):
        other = field + 1 if isinstance(field, int) else b"\x77" * len(field)
        with reverts("WrongPath"):
            ledger.rollup.claimOf(bent(opened, 4, bent(fields, place, other)))
    in_batch = posted.opening(0)
    with reverts("WrongPathLength", 3):
        ledger.rollup.claimOf(bent(in_batch, 1, True))


def test_an_entry_that_is_no_work_opens_as_none(ledger: Ledger) -> None:
    """The leaves of entries of other kinds, and of forced Statements, are of no Work."""
    entry = ledger.force(RUN.work(ledger.account))
    posted = ledger.post([])
    opened = posted.forced(4, entry)
    for index in range(4):
        path = [bytes(node) for node in merkle.path(posted.took, index, Tag.ENTRY_NODE)]
        with reverts("WrongPath"):
            ledger.rollup.claimOf(bent(bent(opened, 2, index), 3, path))


def test_a_forced_claim_needs_its_owners_signature(ledger: Ledger) -> None:
    work = RUN.work(ledger.account, params_after=LIE)
    stolen = ledger.force(work, key=bytes(31) + b"\x07")
    broken = bytes(64) + b"\x1b"
    ledger.rollup.force(forced_bytes(work, broken), sender=ledger.challenger)  # type: ignore[arg-type]
    posted = ledger.post([])
    opened = posted.forced(4, stolen)
    with reverts("WrongSigner"):
        ledger.challenge(opened, RUN.values(16))
    path = [bytes(node) for node in merkle.path(posted.took, 5, Tag.ENTRY_NODE)]
    void = bent(bent(bent(opened, 2, 5), 3, path), 6, broken)
    with reverts("BadSignature"):
        ledger.challenge(void, RUN.values(16))


def test_a_slot_that_left_before_the_entry_was_taken_backs_nothing_in_it(ledger: Ledger) -> None:
    """What counts is when the batch was posted, as for any receipt."""
    entry = ledger.force(RUN.work(ledger.account, params_after=LIE))
    ledger.vault.exit(0, sender=ledger.worker_address)
    ledger.chain.warp(1)
    posted = ledger.post([])
    with reverts("SlotNotLive"):
        ledger.challenge(posted.forced(4, entry), RUN.values(16))


def test_hashes_are_of_the_entries_the_batch_took(ledger: Ledger) -> None:
    entry = ledger.force(RUN.work(ledger.account))
    ledger.post([])
    later = ledger.post_works(RUN.work(ledger.account, nonce=1))
    nothing: tuple[Hash, ...] = later.took
    assert nothing == ()
    first = ledger.posted[0].forced(4, entry)
    with reverts("IndexOutOfRange"):
        ledger.rollup.claimOf(bent(first, 0, later.opening(0)[0]))
