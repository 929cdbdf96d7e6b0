"""Who signed a receipt, and receipts that L1 was given: what LedgerMachine.sol makes of them."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rollup.protocol.actions import Action, ActionKind
from rollup.protocol.eip712 import ORDER, Digest, Signature, sign
from rollup.protocol.ledger.entries import Place, Placed, sign_many, sign_one
from rollup.protocol.ledger.header import Forest
from rollup.protocol.ledger.inbox import (
    InboxEntry,
    InboxKind,
    force,
    register,
)
from rollup.protocol.ledger.packing import forced_hash
from rollup.protocol.ledger.types import MAX_BUNDLE
from rollup.protocol.receipts import Receipt
from rollup.protocol.types import AccountIndex, Address, Nonce
from tests.contracts.evm import reverts
from tests.contracts.ledger_steps import OnChain, agreed, as_vector, deploy, forced_steps
from tests.rollup.protocol.ledger.drawing import DOMAIN, KEYS
from tests.rollup.protocol.ledger.scene import ANN, BOB, CAT, Scene, steps_of

pytestmark = pytest.mark.usefixtures("toolchain")


@pytest.fixture(scope="module")
def machine(toolchain: None) -> OnChain:
    return OnChain(deploy())


def test_every_way_of_not_being_signed(machine: OnChain) -> None:
    scene = Scene()
    good = sign_many([scene.action(ActionKind.TRANSFER, ANN, BOB, 0, 5)] * 1, DOMAIN, KEYS[0])[0]
    receipt, signature, place = good.receipt, good.signature, good.place
    assert isinstance(receipt, Action)
    assert isinstance(place, Place)
    bundle = place.bundle
    r, s, v = signature[:32], signature[32:64], signature[64:]
    high = (ORDER - int.from_bytes(s)).to_bytes(32)
    flipped = bytes([27 + 28 - v[0]])
    alone = sign_one(receipt, DOMAIN, KEYS[0]).signature
    wrong = [
        Placed(replace(receipt, amount=6), signature, place),
        Placed(receipt, signature, replace(place, index=1)),
        Placed(receipt, signature, replace(place, bundle=replace(bundle, nonce=Nonce(1)))),
        Placed(receipt, signature, replace(place, bundle=replace(bundle, account=BOB))),
        Placed(receipt, signature, replace(place, bundle=replace(bundle, count=0))),
        Placed(receipt, signature, replace(place, bundle=replace(bundle, count=MAX_BUNDLE + 1))),
        Placed(receipt, signature),
        Placed(receipt, alone, place),
        *[
            Placed(receipt, Signature(data), place)
            for data in (
                bytes(65), r + high + flipped, r + s + flipped, bytes(32) + s + v,
                r + bytes(32) + v, ORDER.to_bytes(32) + s + v, r + ORDER.to_bytes(32) + v,
                b"\xff" * 65,
                *(r + s + bytes([one]) for one in (0, 1, 26, 29, 255)),
            )
        ],
        sign_one(receipt, DOMAIN, KEYS[1]),
    ]  # fmt: skip
    for number, step in enumerate(steps_of(scene, [*wrong, good])):
        vector = as_vector(step)
        assert agreed(machine, vector) == vector.post
        assert (vector.pre == vector.post) == (1 <= number <= len(wrong))


@settings(max_examples=60)
@given(data=st.binary(min_size=65, max_size=65), byte=st.integers(0, 64), bit=st.integers(0, 7))
def test_signatures_of_hypothesis_choice_are_somebodys_or_nobodys_alike(
    machine: OnChain, data: bytes, byte: int, bit: int
) -> None:
    scene = Scene()
    receipt = scene.action(ActionKind.TRANSFER, ANN, BOB, 0, 5)
    spoilt = bytearray(sign_one(receipt, DOMAIN, KEYS[0]).signature)
    spoilt[byte] ^= 1 << bit
    for one in (data, bytes(spoilt)):
        for step in steps_of(Scene(), [Placed(receipt, Signature(one))]):
            assert agreed(machine, as_vector(step)) == as_vector(step).post


def test_nobody_signs_for_the_zero_address(machine: OnChain) -> None:
    scene = Scene()
    index = scene.state.header.counts[Forest.ACCOUNTS]
    receipt = Action(ActionKind.DISTRIBUTE, AccountIndex(index), Nonce(0))
    said = [register(index, Address(bytes(20))), force(receipt, Signature(bytes(65)))]
    before, after = forced_steps(scene, said)
    assert agreed(machine, before) == before.post
    assert agreed(machine, after) == after.post
    assert scene.account(index).nonce == 0


# ---------------------------------------------------------------------------- forced receipts


def test_forced_receipts_do_what_receipts_do(machine: OnChain) -> None:
    scene = Scene(ring=2)
    nonce = scene.account(ANN).nonce
    work = replace(scene.work(ANN), nonce=Nonce(nonce + 1))
    said: list[Receipt] = [
        scene.action(ActionKind.TRANSFER, ANN, BOB, 0, 5),
        work,
        Action(ActionKind.WITHDRAW, ANN, Nonce(nonce + 2), 0, 0, 9),
    ]
    placed = [sign_one(one, DOMAIN, KEYS[0]) for one in said]
    plain = Scene(ring=2)
    steps_of(plain, placed)
    steps = forced_steps(scene, [force(one.receipt, one.signature) for one in placed])
    for step in steps:
        assert agreed(machine, step) == step.post != step.pre
    counted = replace(scene.state.header, inbox=0, confirmed=0)
    assert counted == replace(plain.state.header, inbox=0, confirmed=0)
    assert scene.state.header.inbox == plain.state.header.inbox + 2
    assert scene.account(CAT) == plain.account(CAT)


def test_a_forced_receipt_that_nobody_signed_is_only_counted(machine: OnChain) -> None:
    scene = Scene()
    receipt = scene.action(ActionKind.TRANSFER, ANN, BOB, 0, 5)
    before = scene.state.header
    wrong = [
        force(receipt, Signature(bytes(65))),
        force(receipt, sign_one(receipt, DOMAIN, KEYS[1]).signature),
        force(receipt, sign_many([receipt], DOMAIN, KEYS[0])[0].signature),
        force(replace(receipt, nonce=Nonce(7)), sign_one(receipt, DOMAIN, KEYS[0]).signature),
        force(receipt, sign(KEYS[0], Digest(receipt.id))),
    ]
    for step in forced_steps(scene, wrong):
        assert agreed(machine, step) == step.post
    assert scene.state.header == replace(before, inbox=before.inbox + len(wrong))


def test_bytes_that_are_no_receipt_do_nothing(machine: OnChain) -> None:
    scene = Scene()
    receipt = scene.action(ActionKind.TRANSFER, ANN, BOB, 0, 5)
    good = force(receipt, sign_one(receipt, DOMAIN, KEYS[0]).signature).forced
    assert good is not None
    data = [
        b"", b"\2", good[:-1], good + b"\0", b"\3" + good[1:], b"\1" + good[1:], b"\0" + good[1:],
        bytes(65), bytes(64), bytes(283), b"\xff" * 2_000, good[1:], bytes(2**16 - 1),
    ]  # fmt: skip
    before = scene.state.header
    said = [InboxEntry(InboxKind.FORCED, x=forced_hash(one), forced=one) for one in data]
    for step in forced_steps(scene, said):
        assert agreed(machine, step) == step.post
    # 283 zero bytes are a Work of account 0, which is nobody's.
    assert scene.state.header == replace(before, inbox=before.inbox + len(data))


def test_other_bytes_behind_a_forced_receipt_are_refused(machine: OnChain) -> None:
    scene = Scene()
    receipt = scene.action(ActionKind.TRANSFER, ANN, BOB, 0, 5)
    step = forced_steps(scene, [force(receipt, sign_one(receipt, DOMAIN, KEYS[0]).signature)])[0]
    start = 120 + 257 + 129
    for at in range(start, start + 2 + 42 + 65):
        spoilt = bytearray(step.witness)
        spoilt[at] ^= 1
        assert agreed(machine, step._replace(witness=bytes(spoilt))) is None, at
    other = step.witness[:start] + b"\0\1\2" + step.witness[start + 109 :]
    with reverts("WrongForced"):
        machine.contract.step(step.program, 0, step.pre, other)
