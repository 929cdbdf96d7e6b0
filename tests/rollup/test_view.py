"""What is read from L1 is what L1 derives, whatever the form in which it was sent there."""

import random
from dataclasses import replace

import pytest

from bisection.machine import Claim
from rollup.errors import SignatureError, VoidClaim
from rollup.l1.errors import Reverted
from rollup.l1.openings import opening
from rollup.l1.view import ContractView
from rollup.protocol import codec
from rollup.protocol.batch import Batch, check_data
from rollup.protocol.claims import tensor_claim
from rollup.protocol.entries import Entry, sign_bundle, sign_receipt
from rollup.protocol.presets import MINIMAL
from rollup.protocol.receipts import Work, WorkKind
from rollup.protocol.types import BatchNumber, Hash, Seconds, SlotIndex
from tests.rollup.entries import work as any_work
from tests.rollup.headers import newest
from tests.rollup.world import GROWTH, SECOND, SEQUENCER, WORKER, World

DRAW = random.Random(20)


def drawn(world: World, nonce: int) -> Work:
    """A Work receipt with nothing but bounds kept in mind."""
    account = world.contracts.vault.account_of(world.signer(WORKER).address)
    steps = DRAW.choice([1, 2, 1_000, MINIMAL.max_claim_steps])
    return Work(
        DRAW.choice(list(WorkKind)),
        account,
        nonce,  # type: ignore[arg-type]
        SlotIndex(0),
        DRAW.choice([world.signer(WORKER).address, world.signer(SEQUENCER).address]),
        GROWTH.id,
        DRAW.choice([0, 7, 2**64 - 1 - steps]),
        steps,
        *(Hash(DRAW.randbytes(32)) for _ in range(4)),
    )


def as_l1_says(claim: Claim) -> tuple[object, ...]:
    address = "0x" + claim.defender.hex()
    return (
        claim.kind, claim.id, claim.program, claim.pre, claim.post, claim.length, address
    )  # fmt: skip


def test_a_claim_is_the_one_that_l1_derives(world: World) -> None:
    domain, key = world.contracts.deployment.domain, world.signer(WORKER).key
    drawn_works = [drawn(world, nonce) for nonce in range(24)]
    entries: list[Entry] = [sign_receipt(work, domain, key) for work in drawn_works[:12]]
    entries.append(sign_bundle(drawn_works[12:], domain, key))
    header, batch = world.post(entries), Batch.of(entries)
    info = world.contracts.programs.info(GROWTH.id)
    for index, work in enumerate(drawn_works):
        claim = tensor_claim(work, info, MINIMAL, header.posted)
        assert world.contracts.rollup.claim_of(opening(header, batch, index)) == as_l1_says(claim)


VOID = {
    "unknown-kind": "UnknownKind",
    "unknown-program": "UnknownProgram",
    "over-cap": "OverCap",
    "slot-not-live": "SlotNotLive",
    "wrong-signer": "WrongSigner",
}
"""Codes here, and what the contract calls them."""


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"kind": 3}, "unknown-kind"),
        ({"program": Hash(b"\1" * 32)}, "unknown-program"),
        ({"steps": 0}, "over-cap"),
        ({"steps": MINIMAL.max_claim_steps + 1}, "over-cap"),
        ({"first_step": 2**64 - 2, "steps": 2}, "over-cap"),
        ({"slot": SlotIndex(2)}, "slot-not-live"),
        ({"account": 1}, "wrong-signer"),  # the sequencer's
        ({"account": 77}, "wrong-signer"),
    ],
)
def test_what_is_void_here_is_void_on_l1(
    world: World, changed: dict[str, object], code: str, caplog: pytest.LogCaptureFixture
) -> None:
    work = replace(drawn(world, 0), steps=1, first_step=0)
    work = replace(work, **changed)  # type: ignore[arg-type]
    domain, key = world.contracts.deployment.domain, world.signer(WORKER).key
    entries = [sign_receipt(work, domain, key)]
    header = world.post(entries)
    follower = world.follower()
    assert follower.pending() == []
    (void,) = [r.fields for r in caplog.records if getattr(r, "event", "") == "claim.void"]  # type: ignore[attr-defined]
    assert void["code"] == code
    with pytest.raises(Reverted) as refusal:
        world.contracts.rollup.claim_of(opening(header, Batch.of(entries), 0))
    assert refusal.value.name == VOID[code]


def test_the_reasons_for_void_claims_are_known_by_code() -> None:
    with pytest.raises(VoidClaim) as caught:
        tensor_claim(any_work(0), None, MINIMAL, Seconds(1))
    assert caught.value.code == "unknown-program"
    assert VoidClaim.exit_code == SignatureError.exit_code == 3


def test_calldata_in_an_unusual_form_hides_no_batch(world: World) -> None:
    """A decoder may want words and padding; the contract does not, so neither may we."""
    entries = world.work(world.job(claims=2))
    data = codec.encode(entries)
    odd = data[: len(data) // 2 * 2 - 31], data[len(data) // 2 * 2 - 31 :]
    rollup, client = world.contracts.rollup, world.contracts.client
    selector = rollup.artifact.functions["publish"].key
    for chunk, forms in zip(odd, ((64, b"\x99" * 32), (33, b"\x88")), strict=True):
        at, between = forms
        raw = selector + at.to_bytes(32) + between + len(chunk).to_bytes(32) + chunk  # no padding
        client.transact(world.signer(SEQUENCER), rollup.address, raw)
    batch = Batch.of(entries)
    header = world.post_published(batch)
    view = ContractView(world.contracts)
    assert view.chunks(header) == list(odd)
    assert check_data(header, view.chunks(header)).root == batch.root
    assert len(world.follower().pending()) == 2


def test_batches_that_a_reorganisation_moved_are_found_again(world: World) -> None:
    first, second = world.work(world.job()), world.work(world.job(), nonce=1)
    view, chain = ContractView(world.contracts), world.chain
    before = chain.snapshot()
    world.post(first)
    assert view.header(BatchNumber(1)) is not None
    chain.mine(20)
    assert view.header(BatchNumber(2)) is None
    chain.revert(before)
    # The same number, in an earlier block than was read up to.
    replaced = world.post(second)
    chain.mine(30)
    assert view.header(BatchNumber(1)) == replaced
    assert check_data(replaced, view.chunks(replaced)).receipts[0].nonce == 1


def test_data_that_was_discarded_in_between_is_passed_over(world: World) -> None:
    rollup, sequencer = world.contracts.rollup, world.signer(SEQUENCER)
    one, two = world.work(world.job()), world.work(world.job(), nonce=1)
    first = world.post(one)
    rollup.publish(sequencer, b"a chunk of nothing")
    rollup.discard(sequencer)
    rollup.publish(world.signer(WORKER), codec.encode(one))  # anybody may publish
    second = world.post(two)
    view = ContractView(world.contracts)
    assert view.chunks(second) == [codec.encode(two)]
    assert view.chunks(first) == [codec.encode(one)]
    assert view.chunks(replace(second, receipts=7)) == []


def test_data_that_was_published_before_somebody_elses_batch_is_found(world: World) -> None:
    """Published, then silent for so long that a stranger posts, and only then posted."""
    rollup, sequencer = world.contracts.rollup, world.signer(SEQUENCER)
    one, two = world.work(world.job()), world.work(world.job(), nonce=1)
    world.post(one)
    rollup.publish(sequencer, codec.encode(two))
    world.contracts.vault.deposit(world.signer(SECOND), 1)  # the inbox has something to take
    world.chain.advance(MINIMAL.inbox_deadline)
    rollup.post_overdue(
        world.signer(SECOND), SlotIndex(0), *newest(world.contracts), rollup.inbox_count()
    )
    header = world.post_published(Batch.of(two))
    assert header.number == 3
    view = ContractView(world.contracts)
    assert view.chunks(header) == [codec.encode(two)]
    assert len(world.follower().pending()) == 2
