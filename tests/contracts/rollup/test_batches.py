"""Batches in order, under a live bond, with their data on chain."""

from typing import Any

import pytest

from prover.commit import merkle
from prover.commit.keccak import ZERO_HASH, keccak
from prover.commit.tags import Tag
from rollup.protocol import history
from rollup.protocol.header import data_hashes, genesis
from rollup.protocol.history import Mountains
from tests.contracts.evm import reverts
from tests.contracts.ledger import CAPS, Ledger
from tests.contracts.rollup.lies import LIE, RUN, bent

pytestmark = pytest.mark.usefixtures("toolchain")


def test_the_chain_of_batches_starts_at_this_contract_on_this_chain(ledger: Ledger) -> None:
    assert ledger.rollup.head() == (0, genesis(ledger.domain).hash)
    assert ledger.rollup.confirmed() == 0
    assert ledger.rollup.caps() == CAPS
    assert ledger.rollup.domainSeparator() == ledger.domain.separator


def test_a_batch_is_stored_as_its_headers_hash_and_told_in_full(ledger: Ledger) -> None:
    posted = ledger.post_works(RUN.work(ledger.account))
    (event,) = ledger.chain.events
    header = posted.header
    assert event.name == "BatchPosted"
    assert event.arguments == {
        "number": 1,
        "headerHash": header.hash,
        "parent": genesis(ledger.domain).hash,
        "history": Mountains.of([genesis(ledger.domain).hash]).hash,
        "posted": ledger.game.protocolTime(),
        "receipts": 1,
        "batchRoot": posted.batch.root,
        "dataHash": header.data_hash,
        "inbox": 4,  # two accounts and their slots
        "seen": 4,
        "taken": 4,
        "inboxRoot": merkle.root(posted.took, Tag.ENTRY_NODE),
    }
    assert ledger.rollup.batchHash(1) == header.hash
    assert ledger.rollup.head() == (1, header.hash)


def test_a_header_is_dated_in_protocol_time(ledger: Ledger) -> None:
    before = ledger.post_works(RUN.work(ledger.account)).header.posted
    guardian = ledger.chain.account("guardian")
    ledger.game.pause(sender=guardian)
    ledger.chain.warp(50)
    ledger.game.unpause(sender=guardian)
    ledger.chain.warp(7)
    assert ledger.post_works(RUN.work(ledger.account, nonce=1)).header.posted == before + 7


def plain(ledger: Ledger, data: bytes, receipts: int = 1) -> tuple[Any, ...]:
    """Arguments of a batch that takes all of the inbox."""
    return (ledger.parent_tuple, ledger.peaks, receipts, LIE, data, ledger.rollup.inboxCount())


def test_only_the_sequencer_posts(ledger: Ledger) -> None:
    data = ledger.publish(b"data")
    with reverts("NotSequencer"):
        ledger.rollup.post(*plain(ledger, data), sender=ledger.challenger)
    with reverts("NotSequencer"):
        ledger.rollup.chooseSlot(0, sender=ledger.worker_address)


def test_a_submission_cannot_be_overwritten_by_anybody(ledger: Ledger) -> None:
    ledger.publish(b"data")
    before = plain(ledger, ledger.rollup.dataHashOf(ledger.sequencer))
    ledger.rollup.discard(sender=ledger.sequencer)
    first = ledger.post_works(RUN.work(ledger.account))
    ledger.publish(b"data")
    with reverts("WrongParent", first.header.hash):
        ledger.rollup.post(*before, sender=ledger.sequencer)
    assert ledger.rollup.batchHash(1) == first.header.hash


def test_a_parent_is_the_newest_batch_in_every_field(ledger: Ledger) -> None:
    newest = ledger.post_works(RUN.work(ledger.account)).header
    arguments = plain(ledger, ledger.publish(b"data"))
    for place, value in enumerate(arguments[0]):
        other = LIE if isinstance(value, bytes) else value + 1
        bad = bent(arguments, 0, bent(arguments[0], place, other))
        with reverts("WrongParent", newest.hash):
            ledger.rollup.post(*bad, sender=ledger.sequencer)
    ledger.rollup.post(*arguments, sender=ledger.sequencer)


def test_a_batch_made_for_another_branch_is_refused(ledger: Ledger) -> None:
    arguments = plain(ledger, ledger.publish(b"data"))
    with reverts("WrongParent", ledger.parent.hash):
        parent = bent(ledger.parent_tuple, 1, LIE)
        ledger.rollup.post(*bent(arguments, 0, parent), sender=ledger.sequencer)


def test_a_header_without_its_data_on_chain_is_refused(ledger: Ledger) -> None:
    with reverts("WrongData", ZERO_HASH):
        ledger.rollup.post(*plain(ledger, ZERO_HASH), sender=ledger.sequencer)
    data = ledger.publish(b"one", b"two")
    with reverts("WrongData", data):
        other = data_hashes([b"two", b"one"])[-1]
        ledger.rollup.post(*plain(ledger, other), sender=ledger.sequencer)
    ledger.rollup.discard(sender=ledger.sequencer)
    posted = ledger.post_works(RUN.work(ledger.account))
    # The data is used up: a second batch cannot lean on it.
    with reverts("WrongData", ZERO_HASH):
        again = plain(ledger, posted.header.data_hash)
        ledger.rollup.post(*again, sender=ledger.sequencer)


def test_an_empty_batch_is_refused(ledger: Ledger) -> None:
    with reverts("EmptyBatch"):
        nothing = (ledger.parent_tuple, ledger.peaks, 0, ZERO_HASH, ZERO_HASH, 0)
        ledger.rollup.post(*nothing, sender=ledger.sequencer)


def test_a_batch_without_receipts_has_no_data_and_no_root(ledger: Ledger) -> None:
    count = ledger.rollup.inboxCount()
    with reverts("WrongRoot"):
        bad = (ledger.parent_tuple, ledger.peaks, 0, LIE, ZERO_HASH, count)
        ledger.rollup.post(*bad, sender=ledger.sequencer)
    data = ledger.publish(b"data")
    for shown in (data, ZERO_HASH):
        with reverts("WrongData", data):
            bad = (ledger.parent_tuple, ledger.peaks, 0, ZERO_HASH, shown, count)
            ledger.rollup.post(*bad, sender=ledger.sequencer)
    ledger.rollup.discard(sender=ledger.sequencer)
    header = ledger.post([]).header
    assert (header.receipts, header.root, header.data_hash) == (0, ZERO_HASH, ZERO_HASH)
    assert ledger.rollup.head() == (1, header.hash)


def test_a_batch_has_at_most_65_536_receipts(ledger: Ledger) -> None:
    data = ledger.publish(b"data")
    with reverts("TooManyReceipts", 65_536):
        ledger.rollup.post(*plain(ledger, data, 65_537), sender=ledger.sequencer)
    ledger.rollup.post(*plain(ledger, data, 65_536), sender=ledger.sequencer)


def test_the_history_grows_as_python_has_it(ledger: Ledger) -> None:
    """Nine batches: mountains of all heights up to 8 are joined, and every wrong peak refused."""
    for number in range(9):
        arguments = plain(ledger, ledger.publish(b"data"))
        peaks = arguments[1]
        wrong = [[*peaks, LIE], peaks[:-1]] if peaks else [[LIE]]
        wrong += [[*peaks[:n], LIE, *peaks[n + 1 :]] for n in range(len(peaks))]
        wrong += [peaks[::-1]] if len(peaks) > 1 else []
        for bad in wrong:
            with reverts("WrongHistory", ledger.parent.history):
                ledger.rollup.post(*bent(arguments, 1, bad), sender=ledger.sequencer)
        ledger.rollup.discard(sender=ledger.sequencer)
        ledger.post_works(RUN.work(ledger.account, nonce=number))
        assert ledger.rollup.head() == (number + 1, ledger.parent.hash)
    hashes = [genesis(ledger.domain).hash, *(posted.header.hash for posted in ledger.posted)]
    for index, leaf in enumerate(hashes[:-1]):
        proof = history.prove(hashes[:-1], index)
        assert history.includes(ledger.parent.history, 9, index, leaf, proof)


def test_nobody_disturbs_anothers_data(ledger: Ledger) -> None:
    mine = ledger.publish(b"mine")
    ledger.publish(b"noise", sender=ledger.challenger)
    assert ledger.rollup.dataHashOf(ledger.sequencer) == mine
    assert ledger.rollup.dataHashOf(ledger.challenger) == data_hashes([b"noise"])[-1]
    ledger.rollup.post(*plain(ledger, mine), sender=ledger.sequencer)
    assert ledger.rollup.dataHashOf(ledger.challenger) != ZERO_HASH


def test_a_poster_can_start_its_data_again(ledger: Ledger) -> None:
    ledger.publish(b"left over")
    ledger.publish(b"noise", sender=ledger.challenger)
    ledger.rollup.discard(sender=ledger.sequencer)
    assert ledger.rollup.dataHashOf(ledger.sequencer) == ZERO_HASH
    assert ledger.rollup.dataHashOf(ledger.challenger) == data_hashes([b"noise"])[-1]
    assert ledger.publish(b"data") == ledger.rollup.dataHashOf(ledger.sequencer)


def test_a_chunk_has_a_bound_and_is_told(ledger: Ledger) -> None:
    largest = bytes(120_000)
    ledger.publish(largest)
    (event,) = ledger.chain.events
    assert event.arguments == {
        "poster": ledger.sequencer,
        "dataHash": data_hashes([largest])[-1],
        "chunkHash": keccak(largest),
    }
    with reverts("ChunkTooLarge", 120_001):
        ledger.publish(bytes(120_001))


def test_data_is_always_the_input_of_a_transaction(ledger: Ledger) -> None:
    call = ledger.rollup.calldata("publish", b"from storage")
    with reverts("NotDirect"):
        ledger.forwarder.forward(ledger.rollup.address, call, sender=ledger.sequencer)


def test_the_sequencer_posts_under_a_live_bond_only(ledger: Ledger) -> None:
    with reverts("SequencerUnbonded"):
        ledger.rollup.chooseSlot(1, sender=ledger.sequencer)
    account, slot = ledger.rollup.sequencerSlot()
    assert (account, slot) == (ledger.vault.accountOf(ledger.sequencer), 0)
    ledger.vault.exit(0, sender=ledger.sequencer)
    ledger.chain.warp(1)
    data = ledger.publish(b"data")
    with reverts("SequencerUnbonded"):
        ledger.rollup.post(*plain(ledger, data), sender=ledger.sequencer)
    _, fresh = ledger.vault.deposit(1, sender=ledger.sequencer, value=ledger.rules.bond)
    ledger.rollup.chooseSlot(fresh, sender=ledger.sequencer)
    assert [event.name for event in ledger.chain.events] == ["SequencerSlotChosen"]
    ledger.rollup.post(*plain(ledger, data), sender=ledger.sequencer)
