"""Assertions: who may make one, and what it takes to confirm it."""

from dataclasses import replace

import pytest

from prover.commit.keccak import ZERO_HASH, Hash, keccak
from rollup.l1.assertions import assertion_tuple
from rollup.protocol.assertions import LEDGER_KIND
from rollup.protocol.header import genesis
from rollup.protocol.types import AccountIndex, BatchNumber, SlotIndex
from tests.contracts.evm import Evm, compiled, reverts
from tests.contracts.ledger import Posted
from tests.contracts.whole import GENESIS, WINDOW, Whole

pytestmark = pytest.mark.usefixtures("toolchain")

LIE = keccak(b"lie")


def on_l1(whole: Whole, posted: Posted, value: Hash) -> None:
    """Makes L1 hold this header hash for the batch, as if it had been removed or replaced."""
    chain, rollup = whole.chain, whole.ledger.rollup
    assert isinstance(chain, Evm)
    number = posted.header.number.to_bytes(32, "big")
    for base in range(20):
        place = int.from_bytes(keccak(number + base.to_bytes(32, "big")), "big")
        before = chain.revm.storage(rollup.address, place)
        chain.revm.insert_account_storage(rollup.address, place, int.from_bytes(value, "big"))
        if rollup.batchHash(posted.header.number) == value:
            return
        chain.revm.insert_account_storage(rollup.address, place, before)
    raise AssertionError("the rollup keeps its batches' hashes elsewhere")


# ---- asserting


def test_what_is_asserted_is_told_and_confirmed(whole: Whole, ann: str, batch: Posted) -> None:
    made = whole.assert_state(batch, GENESIS, ann, slot=1)
    (event,) = whole.chain.events
    assert event.name == "Asserted"
    assert event.arguments == {
        "id": made.fields.id,
        "batch": 1,
        "header": batch.header.hash,
        "pre": GENESIS,
        "root": made.fields.root,
        "account": made.fields.account,
        "slot": 1,
        "defender": ann,
        "time": whole.arena.game.protocolTime(),
    }
    now = whole.arena.game.protocolTime()
    assert whole.assertions.assertionOf(made.fields.id) == (now, made.fields.account, 1)
    assert (whole.assertions.confirmedBatch(), whole.assertions.confirmedRoot()) == (0, GENESIS)
    whole.chain.warp(WINDOW - 1)
    with reverts("WindowOpen", now + WINDOW):
        whole.confirm(made)
    whole.chain.warp(1)
    whole.confirm(made)
    (event,) = whole.chain.events
    assert event.arguments == {"id": made.fields.id, "batch": 1, "root": made.fields.root}
    confirmed = (whole.assertions.confirmedBatch(), whole.assertions.confirmedRoot())
    assert confirmed == (1, made.fields.root)


def test_the_id_is_that_of_python(whole: Whole, ann: str, batch: Posted) -> None:
    draft = whole.draft(batch, GENESIS, ann)
    changes = [
        {},
        {"batch": BatchNumber(2**64 - 1)},
        {"header": LIE},
        {"pre": LIE},
        {"root": LIE},
        {"account": AccountIndex(2**64 - 1)},
        {"slot": SlotIndex(2**64 - 1)},
        {"defender": b"\xff" * 20},
    ]
    ids = [replace(draft, **change) for change in changes]  # type: ignore[arg-type]
    assert [whole.assertions.idOf(assertion_tuple(one)) for one in ids] == [one.id for one in ids]
    assert len({one.id for one in ids}) == len(changes)


def test_only_of_a_batch_that_is_on_l1(whole: Whole, ann: str, batch: Posted) -> None:
    start = genesis(whole.ledger.domain).hash
    for number, header in ((2, ZERO_HASH), (2, batch.header.hash), (1, LIE), (0, start)):
        draft = whole.draft(batch, GENESIS, ann, batch=BatchNumber(number), header=header)
        with reverts("UnknownBatch", number):
            whole.assertions.assertState(assertion_tuple(draft), sender=ann)


def test_only_for_ones_own_account(whole: Whole, ann: str, bob: str, batch: Posted) -> None:
    draft = whole.draft(batch, GENESIS, ann)
    nobody = replace(draft, account=AccountIndex(0))
    unknown = replace(draft, account=AccountIndex(99))
    for bent in (draft, nobody, unknown):
        with reverts("NotOwner"):
            whole.assertions.assertState(assertion_tuple(bent), sender=bob)
    with reverts("NotOwner"):
        whole.assertions.assertState(
            assertion_tuple(nobody), sender=whole.chain.account("without an account")
        )


def test_only_with_a_slot_that_is_live(whole: Whole, ann: str, batch: Posted) -> None:
    whole.arena.vault.exit(1, sender=ann)
    whole.assert_state(batch, GENESIS, ann, slot=1)  # in the second of its exit it still counts
    whole.chain.warp(1)
    for slot in (1, 2, 2**64 - 1):
        with reverts("SlotNotLive"):
            whole.assert_state(batch, GENESIS, ann, slot=slot, root=LIE)
    false = whole.assert_state(batch, GENESIS, ann, root=LIE)
    game = whole.duel(false, "eve")
    game.open()
    game.play()
    with reverts("SlotNotLive"):
        whole.assert_state(batch, GENESIS, ann)


def test_once_with_each_slot(whole: Whole, ann: str, batch: Posted) -> None:
    whole.assert_state(batch, GENESIS, ann)
    with reverts("AlreadyAsserted"):
        whole.assert_state(batch, GENESIS, ann)
    whole.assert_state(batch, GENESIS, ann, slot=1)
    whole.assert_state(batch, GENESIS, ann, root=LIE)
    whole.assert_state(batch, GENESIS, ann, defender=b"\x01" * 20)


# ---- confirming


def test_states_are_confirmed_one_after_another(whole: Whole, ann: str, batch: Posted) -> None:
    first = whole.assert_state(batch, GENESIS, ann)
    second_batch = whole.batch()
    second = whole.assert_state(second_batch, first.fields.root, ann)
    aside = whole.assert_state(second_batch, GENESIS, ann)
    twice = whole.assert_state(batch, first.fields.root, ann)
    whole.chain.warp(WINDOW)
    with reverts("WrongNumber", 1):
        whole.confirm(second)
    whole.confirm(first)
    for again in (first, twice):
        with reverts("WrongNumber", 2):
            whole.confirm(again)
    with reverts("WrongState", first.fields.root):
        whole.confirm(aside)
    whole.confirm(second)
    assert whole.assertions.confirmedRoot() == second.fields.root


def test_nothing_is_confirmed_that_was_not_asserted(whole: Whole, ann: str, batch: Posted) -> None:
    whole.assert_state(batch, GENESIS, ann)
    whole.chain.warp(WINDOW)
    for change in ({"root": LIE}, {"slot": SlotIndex(1)}, {"defender": b"\x01" * 20}):
        draft = replace(whole.draft(batch, GENESIS, ann), **change)
        with reverts("UnknownAssertion"):
            whole.assertions.confirm(assertion_tuple(draft))


def test_of_a_batch_that_was_replaced_nothing_is_confirmed(
    whole: Whole, ann: str, batch: Posted
) -> None:
    made = whole.assert_state(batch, GENESIS, ann)
    whole.chain.warp(WINDOW)
    for other in (LIE, ZERO_HASH):
        on_l1(whole, batch, other)
        with reverts("UnknownBatch", 1):
            whole.confirm(made)
    on_l1(whole, batch, batch.header.hash)
    whole.confirm(made)


def test_a_twin_that_is_confirmed_first_orphans_nobody(
    whole: Whole, ann: str, bob: str, batch: Posted
) -> None:
    """Who asserts the same again and is quicker to confirm it delays nothing that builds on it."""
    first = whole.assert_state(batch, GENESIS, ann)
    second = whole.assert_state(whole.batch(), first.fields.root, ann)
    twin = whole.assert_state(batch, GENESIS, bob)
    whole.chain.warp(WINDOW)
    whole.confirm(twin)
    with reverts("WrongNumber", 2):
        whole.confirm(first)
    whole.confirm(second)
    assert whole.assertions.confirmedRoot() == second.fields.root


# ---- deploying


def test_a_deployment_without_sense_is_refused(whole: Whole) -> None:
    artifact = compiled("src/Assertions.sol")["Assertions"]
    rollup, unbonding = whole.ledger.rollup.address, whole.arena.rules.unbonding
    good = (rollup, unbonding, LEDGER_KIND, GENESIS)
    whole.chain.deploy(artifact, good)
    for place, bad in ((0, "0x" + "00" * 20), (1, 0), (1, unbonding + 1), (3, ZERO_HASH)):
        with reverts("BadParameter"):
            whole.chain.deploy(artifact, (*good[:place], bad, *good[place + 1 :]))


def test_what_was_fixed_can_be_read(whole: Whole) -> None:
    read = whole.assertions
    assert (read.WINDOW(), read.KIND(), read.GENESIS_ROOT()) == (WINDOW, LEDGER_KIND, GENESIS)
    arena = whole.arena
    places = (whole.ledger.rollup.address, arena.vault.address, arena.game.address)
    assert (read.ROLLUP(), read.VAULT(), read.GAME()) == places
    assert arena.game.kinds(LEDGER_KIND) == (read.address, arena.machine.address)
    assert read.assertionOf(LIE) == (0, 0, 0)
