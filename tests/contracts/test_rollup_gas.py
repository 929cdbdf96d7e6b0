"""What the rollup's transactions cost under Prague's rules, on the contracts as shipped."""

import hashlib

import pytest

from prover.commit.keccak import Hash
from rollup.protocol.receipts import Work
from tests.contracts.ledger import WINDOW, Ledger, Run, deploy
from tests.contracts.metered import MeteredEvm

pytestmark = pytest.mark.usefixtures("toolchain")
BATCH = 4_096
LONG, SHORT = Run(steps=40), Run(steps=1)
LIE = Hash(hashlib.sha256(b"lie").digest())


@pytest.fixture(scope="module")
def ledger() -> Ledger:
    """A ledger in use: there was a batch before, and a game, which is over."""
    ledger = deploy(MeteredEvm())
    posted = ledger.post_works(SHORT.work(ledger.account, nonce=9_000, slot=2, params_after=LIE))
    ledger.challenge_step(posted.opening(0), SHORT.witness(0))
    return ledger


def fill(ledger: Ledger, **special: Work) -> list[Work]:
    """A full batch, whose first receipts are the given ones."""
    rest = [SHORT.work(ledger.account, nonce=n) for n in range(len(special), BATCH)]
    return [*special.values(), *rest]


def test_posting_a_batch_costs_19_gas_a_receipt(ledger: Ledger) -> None:
    ledger.post_works(*fill(ledger))
    print(f"post: {ledger.chain.gas_used}, {ledger.chain.gas_used / BATCH:.2f} a receipt")
    assert ledger.chain.gas_used <= 77_000
    assert ledger.chain.gas_used / BATCH <= 20
    assert ledger.chain.gas_used / 65_536 <= 1.5


@pytest.mark.parametrize(
    ("chunk", "a_byte"),
    [(hashlib.shake_256(b"chunk").digest(120_000), 40.1), (bytes(120_000), 10.2)],
    ids=["random", "zeros"],
)
def test_data_costs_its_floor(ledger: Ledger, chunk: bytes, a_byte: float) -> None:
    ledger.publish(chunk)
    print(f"publish: {ledger.chain.gas_used / len(chunk):.2f} gas a byte")
    assert ledger.chain.gas_used / len(chunk) <= a_byte
    ledger.rollup.discard(sender=ledger.sequencer)


def test_a_disputed_receipt_costs_a_transaction_and_confirming_little(ledger: Ledger) -> None:
    spent: dict[str, int] = {}
    posted = ledger.post_works(
        *fill(
            ledger,
            long=LONG.work(ledger.account, nonce=0, params_after=LIE),
            short=SHORT.work(ledger.account, nonce=1, slot=1, params_after=LIE),
        )
    )
    bundle = [LONG.work(ledger.account, nonce=n, params_after=LIE) for n in range(64)]
    bundled = ledger.post([ledger.sign_bundle(bundle)])

    def note(name: str) -> None:
        spent[name] = ledger.chain.gas_used

    ledger.challenge(posted.opening(0), LONG.values(16))
    note("challenge")
    other = ledger.chain.account("other")
    ledger.challenge(posted.opening(0), LONG.values(16), sender=other)
    note("challenge by a second challenger")
    ledger.challenge(bundled.opening(5), LONG.values(16))
    note("challenge in a bundle")
    ledger.challenge_step(posted.opening(1), SHORT.witness(0))
    note("challenge and prove one step")
    ledger.chain.warp(WINDOW + ledger.rules.clock + 1)
    for receipt, challenger in (
        (posted.batch.receipts[0], ledger.challenger),
        (bundled.batch.receipts[5], ledger.challenger),
    ):
        ledger.game.timeout(receipt.id, challenger, sender=challenger)
    ledger.game.close(posted.batch.receipts[0].id, other, sender=other)
    for slot in range(3):
        ledger.vault.report(ledger.account, slot, sender=other)
    note("report")
    for batch in ledger.posted:
        ledger.confirm(batch)
    note("confirm")
    print(spent)
    limits = {
        "challenge": 262_000,
        "challenge by a second challenger": 190_000,
        "challenge in a bundle": 265_000,
        "challenge and prove one step": 300_000,
        "report": 72_000,
        "confirm": 75_000,
    }
    assert {name: limits[name] for name in spent if spent[name] > limits[name]} == {}
