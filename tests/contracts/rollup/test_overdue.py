"""When the sequencer is silent, anybody with a bond posts what is in the inbox."""

import pytest

from prover.commit.keccak import ZERO_HASH
from tests.contracts.evm import reverts
from tests.contracts.ledger import DEADLINE, Ledger
from tests.contracts.rollup.lies import RUN

pytestmark = pytest.mark.usefixtures("toolchain")


def overdue(ledger: Ledger, poster: str, slot: int = 0) -> None:
    """Tries to post what the inbox holds."""
    shown = (slot, ledger.parent_tuple, ledger.peaks, ledger.rollup.inboxCount())
    ledger.rollup.postOverdue(*shown, sender=poster)


def test_a_batch_is_overdue_a_deadline_after_the_one_before(ledger: Ledger) -> None:
    with reverts("NotOverdue", 2**256 - 1):  # nobody starts for the sequencer
        overdue(ledger, ledger.worker_address)
    posted = ledger.post_works(RUN.work(ledger.account), inbox=0).header.posted
    for seconds in (0, DEADLINE - 1):
        ledger.chain.warp(seconds)
        with reverts("NotOverdue", posted + DEADLINE):
            overdue(ledger, ledger.worker_address)
    ledger.chain.warp(1)
    overdue(ledger, ledger.worker_address)
    assert ledger.rollup.head()[0] == 2


def test_the_deadline_is_protocol_time(ledger: Ledger) -> None:
    posted = ledger.post_works(RUN.work(ledger.account), inbox=0).header.posted
    ledger.game.pause(sender=ledger.chain.account("guardian"))
    ledger.chain.warp(DEADLINE)
    with reverts("NotOverdue", posted + DEADLINE):
        overdue(ledger, ledger.worker_address)


def test_another_posts_what_is_in_the_inbox(ledger: Ledger) -> None:
    ledger.post_works(RUN.work(ledger.account), inbox=0)
    theirs = ledger.publish(b"the sequencer's, never posted")
    forced = ledger.force(RUN.work(ledger.account, nonce=1))
    ledger.chain.warp(DEADLINE)
    posted = ledger.post_overdue(ledger.worker_address, 1)
    (event,) = ledger.chain.events
    assert (event["headerHash"], event["taken"]) == (posted.header.hash, 5)
    assert (event["receipts"], event["batchRoot"], event["dataHash"]) == (0, ZERO_HASH, ZERO_HASH)
    assert ledger.rollup.head() == (2, posted.header.hash)
    assert ledger.rollup.claimOf(posted.forced(4, forced))[1] == forced.receipt.id
    assert ledger.rollup.dataHashOf(ledger.sequencer) == theirs
    # The sequencer goes on from there, and the silence counts anew.
    ledger.rollup.discard(sender=ledger.sequencer)
    with reverts("NotOverdue", posted.header.posted + DEADLINE):
        overdue(ledger, ledger.worker_address)
    ledger.post_works(RUN.work(ledger.account, nonce=3))
    assert ledger.rollup.head()[0] == 3


def test_a_sequencer_that_has_nothing_to_post_is_not_replaced(ledger: Ledger) -> None:
    ledger.post_works(RUN.work(ledger.account))
    ledger.chain.warp(DEADLINE)
    with reverts("EmptyBatch"):
        overdue(ledger, ledger.worker_address)


def test_who_posts_has_a_live_bond(ledger: Ledger) -> None:
    ledger.post_works(RUN.work(ledger.account), inbox=0)
    ledger.chain.warp(DEADLINE)
    for poster, slot in ((ledger.challenger, 0), (ledger.worker_address, 3), (ledger.sequencer, 1)):
        with reverts("PosterUnbonded"):
            overdue(ledger, poster, slot)
    ledger.vault.exit(0, sender=ledger.worker_address)
    ledger.chain.warp(1)
    with reverts("PosterUnbonded"):
        overdue(ledger, ledger.worker_address, 0)
    overdue(ledger, ledger.worker_address, 1)


def test_an_overdue_batch_keeps_every_rule_of_a_batch(ledger: Ledger) -> None:
    ledger.post_works(RUN.work(ledger.account), inbox=0)
    ledger.chain.warp(DEADLINE)
    parent, peaks = ledger.parent_tuple, ledger.peaks
    stale = (parent[0], b"\1" * 32, *parent[2:])
    for arguments, error in (
        ((0, parent, peaks, 3), "InboxSkipped"),
        ((0, parent, peaks, 5), "InboxTooFar"),
        ((0, parent, [], 4), "WrongHistory"),
        ((0, stale, peaks, 4), "WrongParent"),
    ):
        with reverts(error):
            ledger.rollup.postOverdue(*arguments, sender=ledger.worker_address)
