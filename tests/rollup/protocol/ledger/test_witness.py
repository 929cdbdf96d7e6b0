"""A witness opens one truth or nothing: whatever is changed in it, it proves nothing else."""

import random
from dataclasses import replace

import pytest

from prover.commit.keccak import ZERO_HASH
from prover.commit.merkle import ceil_log2
from prover.errors import PositionError, WitnessError
from rollup.errors import BundleError, ReceiptError, SignatureError
from rollup.protocol.actions import Action, ActionKind
from rollup.protocol.eip712 import Signature, address_of
from rollup.protocol.entries import sign_bundle, sign_receipt
from rollup.protocol.ledger import packing, witness
from rollup.protocol.ledger.entries import Placed, placed, sign_many, sign_one, signer
from rollup.protocol.ledger.inbox import InboxEntry, InboxKind, force
from rollup.protocol.ledger.inbox_effects import Posted, inbox_step
from rollup.protocol.ledger.machine import LedgerTrace
from rollup.protocol.ledger.run import LedgerBatch, Run
from rollup.protocol.ledger.trees import NODE, Tree
from rollup.protocol.ledger.types import MAX_BUNDLE
from rollup.protocol.receipts import Receipt, Statement
from rollup.protocol.types import AccountIndex, Nonce
from tests.rollup.protocol.ledger.drawing import DOMAIN, KEYS, Drawer, name, signed
from tests.rollup.protocol.ledger.scene import ANN, BOB, Scene, busy, steps_of
from tests.rollup.protocol.ledger.vectors import judged, load

STEPS = busy()


@pytest.mark.parametrize("number", range(len(STEPS)))
def test_no_changed_byte_proves_anything_else(number: int) -> None:
    batch, position, pre, opened, post = STEPS[number]
    program = batch.run.hash
    assert witness.step(program, position, pre, opened) == post
    for place in random.Random(number).sample(range(len(opened)), 250):
        spoilt = bytearray(opened)
        spoilt[place] ^= 1 << place % 8
        with pytest.raises(WitnessError):
            witness.step(program, position, pre, bytes(spoilt))
    for cut in (opened[:-1], opened + b"\0", opened[:-32], opened + bytes(32), b""):
        with pytest.raises(WitnessError):
            witness.step(program, position, pre, cut)


def test_a_witness_is_of_one_place_of_one_run_in_one_state() -> None:
    for number, (batch, position, pre, opened, _) in enumerate(STEPS):
        other = STEPS[number - 1]
        for program, at, state in (
            (ZERO_HASH, position, pre),
            (batch.run.hash, position, other[2]),
            (batch.run.hash, other[1], pre),
            (batch.run.hash, batch.run.length, pre),
            (batch.run.hash, -1, pre),
        ):
            with pytest.raises(WitnessError):
                witness.step(program, at, state, opened)


def test_a_bundled_receipt_cannot_be_shown_as_a_lonely_one() -> None:
    """Under the same signature it would then be nobody's, and the step do nothing."""
    batch, position, pre, opened, _ = STEPS[1]
    entry = batch.entries[0]
    said = witness.pack_entry(entry)
    lonely = witness.pack_entry(Placed(entry.receipt, entry.signature))
    assert opened.count(said) == 1
    with pytest.raises(WitnessError):
        witness.step(batch.run.hash, position, pre, opened.replace(said, lonely))


def test_every_way_of_not_being_signed_is_provable() -> None:
    scene = Scene()
    good = sign_many([scene.action(ActionKind.TRANSFER, ANN, BOB, 0, 5)] * 1, DOMAIN, KEYS[0])[0]
    place = good.place
    assert place is not None
    owner = signer(good, DOMAIN.separator)
    assert owner == scene.account(ANN).address
    receipt, signature = good.receipt, good.signature
    assert isinstance(receipt, Action)
    bundle = place.bundle
    wrong = [
        Placed(replace(receipt, amount=6), signature, place),
        Placed(receipt, signature, replace(place, index=1)),
        Placed(receipt, signature, replace(place, bundle=replace(bundle, nonce=Nonce(1)))),
        Placed(receipt, signature, replace(place, bundle=replace(bundle, account=BOB))),
        Placed(receipt, signature, replace(place, bundle=replace(bundle, count=0))),
        Placed(receipt, signature, replace(place, bundle=replace(bundle, count=MAX_BUNDLE + 1))),
        Placed(receipt, signature),
        Placed(receipt, Signature(bytes(65))),
        Placed(receipt, Signature(signature[:64] + b"\x1d"), place),
        Placed(receipt, Signature(signature[:32] + b"\xff" * 32 + signature[64:]), place),
        sign_one(receipt, DOMAIN, KEYS[1]),
    ]
    for batch, position, pre, opened, post in steps_of(scene, [*wrong, good]):
        assert witness.step(batch.run.hash, position, pre, opened) == post
        refused = 1 <= position <= len(wrong)
        assert (pre == post) == refused


@pytest.mark.parametrize("count", [3, 20])
def test_entries_of_batches_have_a_place(count: int) -> None:
    scene = Scene()
    said: list[Receipt] = [
        Action(ActionKind.TRANSFER, ANN, Nonce(0), BOB, 0, 7),
        Statement(16, ANN, Nonce(1), name("a"), name("b")),
        *(replace(scene.work(ANN), nonce=Nonce(number)) for number in range(2, count)),
    ]
    singles = [sign_receipt(receipt, DOMAIN, KEYS[0]) for receipt in said]
    for receipt, single in zip(said, singles, strict=True):
        assert placed(single) == [Placed(receipt, single.signature)]
    bundle = sign_bundle(said, DOMAIN, KEYS[0])
    found = placed(bundle)
    assert found == sign_many(said, DOMAIN, KEYS[0])
    assert {signer(one, DOMAIN.separator) for one in found} == {address_of(KEYS[0])}
    assert len({one.leaf for one in [*found, *placed(singles[0])]}) == count + 1


def test_a_bundle_that_is_too_large_is_signed_by_nobody() -> None:
    said = [Action(32, ANN, Nonce(number)) for number in range(MAX_BUNDLE + 1)]
    found = placed(sign_bundle(said, DOMAIN, KEYS[0]))
    assert [one.receipt for one in found] == said
    assert [one for one in found if one.place is None or one.place.in_range] == []
    assert {signer(one, DOMAIN.separator) for one in found[:3]} == {None}


def test_what_cannot_be_an_entry_is_refused() -> None:
    scene = Scene()
    work = scene.work(ANN)
    for receipts in ([], [work] * 2, [work] * (MAX_BUNDLE + 1)):
        with pytest.raises(BundleError):
            sign_many(receipts, DOMAIN, KEYS[0])
    with pytest.raises(BundleError):
        sign_many([work, replace(work, account=BOB, nonce=Nonce(1))], DOMAIN, KEYS[0])
    with pytest.raises(SignatureError):
        Placed(work, Signature(bytes(64)))
    with pytest.raises(ReceiptError):
        Action(32, AccountIndex(2**64), Nonce(0))
    with pytest.raises(ReceiptError):
        Run(ZERO_HASH, 2**64, 0, 0, ZERO_HASH, 0, ZERO_HASH)


def test_forms_that_no_receipt_has_are_refused() -> None:
    batch, position, pre, opened, _ = STEPS[1]
    at = opened.index(packing.pack_receipt(batch.entries[0].receipt))
    spoilt = opened[:at] + b"\x03" + opened[at + 1 :]
    with pytest.raises(WitnessError, match="form 3"):
        witness.step(batch.run.hash, position, pre, spoilt)
    flag = at + len(packing.pack_receipt(batch.entries[0].receipt)) + 65
    with pytest.raises(WitnessError, match="bundled"):
        witness.step(batch.run.hash, position, pre, opened[:flag] + b"\2" + opened[flag + 1 :])


def test_receipts_take_their_forms() -> None:
    scene = Scene()
    receipts: list[Receipt] = [
        scene.work(ANN),
        Statement(16, ANN, Nonce(0), name("a"), name("b")),
        scene.action(ActionKind.USE, ANN),
    ]
    packed = [packing.pack_receipt(one) for one in receipts]
    assert [(one[:1], len(one)) for one in packed] == [(b"\0", 218), (b"\1", 82), (b"\2", 42)]


def test_packed_receipts_come_back() -> None:
    scene = Scene()
    for receipt in (scene.work(ANN), Statement(16, ANN, Nonce(0), name("a"), name("b"))):
        packed = packing.pack_receipt(receipt)
        assert packing.unpack_receipt(packed) == receipt
        for wrong in (b"", packed[:-1], packed + b"\0", b"\3" + packed[1:], b"\2" + packed[1:]):
            with pytest.raises(ReceiptError, match="a form"):
                packing.unpack_receipt(wrong)
    for wrong in (b"", bytes(64)):
        with pytest.raises(ReceiptError, match="signature"):
            packing.unpack_forced(wrong)


def test_a_forced_receipt_is_opened_and_counts_under_its_batch() -> None:
    scene = Scene()
    receipt = scene.action(ActionKind.TRANSFER, ANN, BOB, 0, 5)
    placed_ = sign_one(receipt, DOMAIN, KEYS[0])
    entry = force(placed_.receipt, placed_.signature)
    with pytest.raises(ReceiptError, match="post of a batch"):
        inbox_step(scene.state, entry)
    bare = InboxEntry.unpack(entry.pack())
    assert (bare, bare.leaf) == (replace(entry, forced=None), entry.leaf)
    with pytest.raises(ReceiptError, match="bytes"):
        inbox_step(scene.state, bare, Posted(DOMAIN.separator, 1, 10))
    for wrong in (b"", entry.pack(), bytes(2**16)):
        with pytest.raises(ReceiptError, match="hash of"):
            replace(entry, forced=wrong)
    with pytest.raises(ReceiptError):
        InboxEntry(9, x=packing.forced_hash(bytes(2**16)), forced=bytes(2**16))
    before = scene.account(BOB).balance
    inbox_step(scene.state, entry, Posted(DOMAIN.separator, 1, 10))
    assert scene.account(BOB).balance == before + 5
    inbox_step(scene.state, entry, Posted(DOMAIN.separator, 1, 10))  # its nonce is used
    assert scene.account(BOB).balance == before + 5


def test_a_trace_knows_its_run_alone() -> None:
    scene = Scene()
    drawer = Drawer(scene.state.copy(), random.Random(3))
    pre = drawer.state.copy()
    said, made, who = drawer.batch(2, 2, 5)
    batch = LedgerBatch.of(
        DOMAIN.separator, 2, drawer.posted, said,
        [signed(*one) for one in zip(made, who, strict=True)],
    )  # fmt: skip
    trace = LedgerTrace(batch, pre)
    assert trace.states([0, 7]) == [pre.hash, drawer.state.hash]
    for positions in ([-1], [8]):
        with pytest.raises(PositionError):
            trace.states(positions)
    for position in (-1, 7):
        with pytest.raises(PositionError):
            trace.witness(position)


def test_a_growing_tree_is_the_protocols_tree() -> None:
    from prover.commit import merkle

    leaves = [name("leaf", number) for number in range(20)]
    tree = Tree()
    assert tree.root == ZERO_HASH
    for count, leaf in enumerate(leaves, 1):
        tree.put(count - 1, leaf)
        assert tree.root == merkle.root(leaves[:count], NODE)
        for place in range(count):
            path = tree.path(place, ceil_log2(count))
            assert merkle.climb(leaves[place], place, path, NODE) == tree.root


def test_the_vectors_hold() -> None:
    for vector in load():
        assert judged(vector) == vector.post, vector.name


def test_the_vectors_show_every_kind_with_and_without_an_effect() -> None:
    names = {vector.name.replace(", bundled", "") for vector in load()}
    kinds = ["compute", "inference", *(kind.name.lower() for kind in ActionKind)]
    entries = [f"inbox {kind.name.lower()}" for kind in InboxKind]
    assert {f"{kind}: {what}" for kind in kinds for what in ("more", "alone", "nothing")} <= names
    assert {f"{kind}: {what}" for kind in entries for what in ("more", "alone")} <= names
    assert {"spoilt", "short", "long", "statement: alone", "other action: alone"} <= names
