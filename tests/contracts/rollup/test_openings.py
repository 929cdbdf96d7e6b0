"""One receipt of a batch, opened on chain: its place, its signer, its fields."""

from dataclasses import replace
from typing import Any

import pytest

from rollup.protocol.eip712 import ORDER, Signature
from rollup.protocol.entries import SignedReceipt
from rollup.protocol.receipts import Statement
from rollup.protocol.types import AccountIndex, Address, Nonce
from tests.contracts.evm import Revert, reverts
from tests.contracts.ledger import Ledger, Run, deploy, hexed, signer
from tests.contracts.rollup.lies import LIE, RUN, bent, lie

pytestmark = pytest.mark.usefixtures("toolchain")


def test_the_claim_is_the_one_that_python_derives(ledger: Ledger) -> None:
    works = [
        Run(start, by, steps, first).work(ledger.account, nonce=nonce)
        for nonce, (start, by, steps, first) in enumerate(
            [(5, 3, 4, 0), (0, 0, 1, 0), (2**32 - 1, 2, 100, 0), (1, 1, 2, 2**64 - 3)]
        )
    ]
    posted = ledger.post_works(*works)
    for index, work in enumerate(works):
        assert ledger.rollup.claimOf(posted.opening(index)) == ledger.claim(work)
        assert ledger.rollup.receiptId(posted.opening(index)[4]) == work.id


def test_a_bundled_receipt_opens_through_its_bundle(ledger: Ledger) -> None:
    single = RUN.work(ledger.account)
    works = [Run(start=n).work(ledger.account, nonce=1 + n) for n in range(5)]
    posted = ledger.post([ledger.sign(single), ledger.sign_bundle(works)])
    for index, work in enumerate([single, *works]):
        assert ledger.rollup.claimOf(posted.opening(index)) == ledger.claim(work)
    # The batch says which bundle the signature is of, and where in it the receipt stands.
    opened = posted.opening(3)
    count, nonce, place, path = opened[5]
    for other, error in (
        ((0, 0, 0, []), "WrongPath"),
        ((count, nonce, place + 1, path), "WrongNonce"),
        ((count, nonce + 1, place - 1, path), "WrongPath"),
        ((count + 1, nonce, place, path), "WrongPath"),
        ((count, nonce, place, path[:-1]), "WrongPathLength"),
        ((place, nonce, place, path[:1]), "IndexOutOfRange"),
        ((count, nonce, place, [*path[:-1], LIE]), "WrongPath"),
    ):
        with reverts(error):
            ledger.rollup.claimOf(bent(opened, 5, other))


def test_a_statement_between_works_is_stepped_over(ledger: Ledger) -> None:
    statement = Statement(16, AccountIndex(ledger.account), Nonce(0), LIE, LIE)
    work = RUN.work(ledger.account, nonce=1)
    posted = ledger.post([ledger.sign_bundle([statement, work])])  # type: ignore[list-item]
    assert ledger.rollup.claimOf(posted.opening(1)) == ledger.claim(work)


def test_every_header_field_counts(ledger: Ledger) -> None:
    posted = lie(ledger)
    opened = posted.opening(0)
    for place in range(1, 11):
        header: tuple[Any, ...] = opened[0]
        value = LIE if isinstance(header[place], bytes) else header[place] + 1
        with reverts("UnknownBatch", 1):
            ledger.rollup.claimOf(bent(opened, 0, bent(header, place, value)))
    for number in (0, 2):
        with reverts("UnknownBatch", number):
            ledger.rollup.claimOf(bent(opened, 0, bent(opened[0], 0, number)))


def test_every_field_of_a_receipt_counts(ledger: Ledger) -> None:
    opened = lie(ledger).opening(0)
    fields: tuple[Any, ...] = opened[4]
    for place, value in enumerate(fields):
        other = value + 1 if isinstance(value, int) else b"\x77" * len(value)
        with reverts("WrongPath"):
            ledger.rollup.claimOf(bent(opened, 4, bent(fields, place, other)))


def test_a_receipt_is_at_its_place_and_nowhere_else(ledger: Ledger) -> None:
    works = [Run(start=n).work(ledger.account, nonce=n) for n in range(5)]
    posted = ledger.post_works(*works)
    opened = posted.opening(2)
    for place, value, error in (
        (2, 3, "WrongPath"),
        (2, 5, "IndexOutOfRange"),
        (2, 2 + 8, "IndexOutOfRange"),
        (3, opened[3][:-1], "WrongPathLength"),
        (3, [*opened[3], LIE], "WrongPathLength"),
        (3, [LIE, *opened[3][1:]], "WrongPath"),
    ):
        with reverts(error):
            ledger.rollup.claimOf(bent(opened, place, value))


def test_only_the_accounts_owner_can_have_signed(ledger: Ledger) -> None:
    mallory = signer(ledger.chain, "mallory")
    work = RUN.work(ledger.account, params_after=LIE)
    framed = ledger.post([ledger.sign(work, mallory.key)])
    with reverts("WrongSigner", hexed(mallory.address)):
        ledger.challenge(framed.opening(0), RUN.values(16))
    nobodys = replace(work, account=AccountIndex(99))
    posted = ledger.post([ledger.sign(nobodys)])
    with reverts("WrongSigner"):
        ledger.challenge(posted.opening(0), RUN.values(16))


def test_one_form_of_signature_alone(ledger: Ledger) -> None:
    work = RUN.work(ledger.account, params_after=LIE)
    signature = ledger.sign(work).signature
    high = (ORDER - int.from_bytes(signature[32:64])).to_bytes(32)
    for other in (
        signature[:64] + bytes([signature[64] - 27]),
        signature[:32] + high + bytes([55 - signature[64]]),
        bytes(64) + b"\x1b",
    ):
        posted = ledger.post([SignedReceipt(work, Signature(other))], b"of no matter here")
        with reverts("BadSignature"):
            ledger.rollup.claimOf(posted.opening(0))


def test_a_receipt_stands_in_a_batch_under_one_signature(ledger: Ledger) -> None:
    """A sequencer that published a broken one cannot show the good one later, nor can anybody."""
    work = RUN.work(ledger.account, params_after=LIE)
    good = ledger.sign(work).signature
    broken = Signature(bytes([good[0] ^ 1]) + good[1:])
    opened = ledger.post([SignedReceipt(work, broken)], b"of no matter here").opening(0)
    for shown in (good, good[:64], b"", bytes(65)):
        with reverts("WrongPath"):
            ledger.rollup.claimOf(bent(opened, 6, shown))
    with pytest.raises(Revert) as refused:
        ledger.rollup.claimOf(opened)
    assert refused.value.name in {"WrongSigner", "BadSignature"}


def test_a_signature_for_another_rollup_or_chain_says_nothing_here(ledger: Ledger) -> None:
    work = RUN.work(ledger.account, params_after=LIE)
    for domain in (
        replace(ledger.domain, chain_id=1),
        replace(ledger.domain, rollup=Address(b"\x01" * 20)),
    ):
        foreign = replace(ledger, domain=domain).sign(work)
        ledger.posted = []
        fresh = deploy()
        posted = fresh.post([foreign])
        with reverts("WrongSigner"):
            fresh.challenge(posted.opening(0), RUN.values(16))
