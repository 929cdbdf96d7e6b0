"""Batches in order, under a live bond, with their data on chain."""

import pytest

from prover.commit.keccak import ZERO_HASH, keccak
from rollup.protocol.header import data_hashes, genesis_hash
from tests.contracts.evm import reverts
from tests.contracts.ledger import CAPS, Ledger
from tests.contracts.rollup.lies import LIE, RUN

pytestmark = pytest.mark.usefixtures("toolchain")


def test_the_chain_of_batches_starts_at_this_contract_on_this_chain(ledger: Ledger) -> None:
    assert ledger.rollup.head() == (0, genesis_hash(ledger.domain))
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
        "parent": genesis_hash(ledger.domain),
        "posted": ledger.game.protocolTime(),
        "receipts": 1,
        "batchRoot": posted.batch.root,
        "dataHash": header.data_hash,
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


def test_only_the_sequencer_posts(ledger: Ledger) -> None:
    data = ledger.publish(b"data")
    with reverts("NotSequencer"):
        ledger.rollup.post(1, ledger.parent, 1, LIE, data, sender=ledger.challenger)
    with reverts("NotSequencer"):
        ledger.rollup.chooseSlot(0, sender=ledger.worker_address)


def test_a_submission_cannot_be_overwritten_by_anybody(ledger: Ledger) -> None:
    first = ledger.post_works(RUN.work(ledger.account))
    data = ledger.publish(b"other data")
    for number in (0, 1, 3):
        with reverts("WrongNumber", 2):
            ledger.rollup.post(number, first.header.parent, 1, LIE, data, sender=ledger.sequencer)
    assert ledger.rollup.batchHash(1) == first.header.hash


def test_a_batch_made_for_another_branch_is_refused(ledger: Ledger) -> None:
    data = ledger.publish(b"data")
    with reverts("WrongParent", ledger.parent):
        ledger.rollup.post(1, LIE, 1, LIE, data, sender=ledger.sequencer)


def test_a_header_without_its_data_on_chain_is_refused(ledger: Ledger) -> None:
    with reverts("WrongData", ZERO_HASH):
        ledger.rollup.post(1, ledger.parent, 1, LIE, ZERO_HASH, sender=ledger.sequencer)
    data = ledger.publish(b"one", b"two")
    with reverts("WrongData", data):
        ledger.rollup.post(
            1, ledger.parent, 1, LIE, data_hashes([b"two", b"one"])[-1], sender=ledger.sequencer
        )
    ledger.rollup.post(1, ledger.parent, 1, LIE, data, sender=ledger.sequencer)
    # The data is used up: a second batch cannot lean on it.
    with reverts("WrongData", ZERO_HASH):
        ledger.rollup.post(2, ledger.rollup.head()[1], 1, LIE, data, sender=ledger.sequencer)


def test_an_empty_batch_is_refused(ledger: Ledger) -> None:
    data = ledger.publish(b"data")
    with reverts("EmptyBatch"):
        ledger.rollup.post(1, ledger.parent, 0, ZERO_HASH, data, sender=ledger.sequencer)


def test_nobody_disturbs_anothers_data(ledger: Ledger) -> None:
    mine = ledger.publish(b"mine")
    ledger.publish(b"noise", sender=ledger.challenger)
    assert ledger.rollup.dataHashOf(ledger.sequencer) == mine
    assert ledger.rollup.dataHashOf(ledger.challenger) == data_hashes([b"noise"])[-1]
    ledger.rollup.post(1, ledger.parent, 1, LIE, mine, sender=ledger.sequencer)
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
        ledger.rollup.post(1, ledger.parent, 1, LIE, data, sender=ledger.sequencer)
    _, fresh = ledger.vault.deposit(1, sender=ledger.sequencer, value=ledger.rules.bond)
    ledger.rollup.chooseSlot(fresh, sender=ledger.sequencer)
    assert [event.name for event in ledger.chain.events] == ["SequencerSlotChosen"]
    ledger.rollup.post(1, ledger.parent, 1, LIE, data, sender=ledger.sequencer)
