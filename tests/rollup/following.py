"""Followers of an L1 in memory, and what they say."""

from typing import Any

import pytest

from bisection.machine import ClaimId
from bisection.retries import Retries
from rollup.follower import Follower
from rollup.protocol.entries import SignedReceipt, sign_receipt
from rollup.protocol.presets import MINIMAL
from rollup.protocol.receipts import Work
from rollup.protocol.types import BatchNumber
from tests.rollup.entries import DOMAIN, KEY
from tests.rollup.fake_view import FakeView

OTHER_KEY = b"\x07" * 32


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def follower(view: FakeView, clock: Clock | None = None) -> Follower:
    """One that tries again at once, or by a clock."""
    retries: Retries[BatchNumber] = Retries(clock=clock) if clock else Retries(first=0)
    return Follower(view, DOMAIN, MINIMAL, retries)


def signed(receipt: Work) -> SignedReceipt:
    return sign_receipt(receipt, DOMAIN, KEY)


def name(receipt: Work) -> ClaimId:
    return ClaimId(receipt.id)


def names(*receipts: Work) -> list[ClaimId]:
    return [name(receipt) for receipt in receipts]


def events(caplog: pytest.LogCaptureFixture, event: str) -> list[dict[str, Any]]:
    found = [record for record in caplog.records if getattr(record, "event", "") == event]
    return [getattr(record, "fields", {}) for record in found]
