"""What it costs to assert the ledger's states, to dispute them, and to be paid by them.

The alphabet stands for the ledger's machine: what a step of that costs is measured by itself. An
account is proven among 2^20.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from prover.commit import merkle
from prover.commit.keccak import Hash, keccak
from prover.commit.tags import Tag
from rollup.l1.rewards import account_proof
from rollup.protocol.ledger.header import Header, genesis
from rollup.protocol.ledger.types import Account, Amount, EpochNumber, Score
from rollup.protocol.types import Address, Nonce
from tests.contracts.arena import Run, raw_address
from tests.contracts.ledger import COUNTER
from tests.contracts.ledger import Run as Work
from tests.contracts.metered import MeteredEvm
from tests.contracts.whole import EPOCH, GENESIS, RULES, WINDOW, Asserted, Whole, deploy

DEPTH: Final = 20
PLACE: Final = 700_001
"""Of the account that is paid, among 2^DEPTH."""
PATH: Final = [keccak(f"sibling {level}".encode()) for level in range(DEPTH)]
_EARNED: Final = (5_123_456_789_123, 6_234_567_891_234, 7_345_678_912_345)


def spent() -> dict[str, int]:
    """Gas by name. Everything happens twice or more; where nothing is said, the last counts."""
    whole, found = deploy(MeteredEvm()), {}
    payer = whole.chain.account("payer")
    whole.stake(payer, 3)
    whole.token.mint(payer, 10**30, sender=payer)
    whole.token.approve(whole.rewards, 2**256 - 1, sender=payer)
    for _ in range(2):
        whole.rewards.deposit(1, 10**15, sender=payer)
        found["rewards/deposit"] = whole.chain.gas_used
        whole.rewards.fund(10**15, sender=payer)
        found["rewards/fund"] = whole.chain.gas_used
        whole.chain.warp(EPOCH)
        whole.rewards.closeEpoch(sender=payer)
        found["rewards/close-epoch"] = whole.chain.gas_used
        whole.jobs.open(COUNTER.id, 0, keccak(b"x"), keccak(b"y"), sender=whole.governor)
        found["jobs/open"] = whole.chain.gas_used
    whole.rewards.deposit(1, 10**18, sender=payer)
    found |= _payouts(whole, payer)
    return found | _disputes(whole, payer)


def _payouts(whole: Whole, payer: str) -> dict[str, int]:
    """Three states, each with more for somebody who had no tokens at first."""
    found: dict[str, int] = {}
    payee = whole.chain.account("payee")
    for number, payable in enumerate(_EARNED):
        account, header = _state(payee, number, payable)
        made = _assert(whole, payer, header.hash)
        found["states/assert"] = whole.chain.gas_used
        whole.chain.warp(WINDOW)
        whole.confirm(made)
        found["states/confirm"] = whole.chain.gas_used
        whole.rewards.adopt(header.pack(), sender=payer)
        found["rewards/adopt"] = whole.chain.gas_used
        whole.rewards.claim(PLACE, account_proof(account, PATH), sender=payer)
        name = "first" if number == 0 else "repeat"
        found[f"rewards/claim/{name}"] = whole.chain.gas_used
    return found


def _disputes(whole: Whole, payer: str) -> dict[str, int]:
    """A false state of a batch of more steps than a dissection has parts."""
    ledger, found = whole.ledger, {}
    whole.catch_up()
    works = [Work().work(ledger.account, nonce=nonce) for nonce in range(20)]
    posted = ledger.post([ledger.sign_bundle(works)])
    pre = Hash(whole.assertions.confirmedRoot())
    for slot, challenger in ((1, "first challenger"), (2, "second challenger")):
        false = whole.assert_state(posted, pre, payer, slot, root=GENESIS)
        game = whole.duel(false, challenger)
        game.against = Run(pre, false.length)
        game.open()
        found["states/challenge"] = whole.chain.gas_used
        whole.chain.warp(2 * whole.arena.rules.clock)
        game.timeout(sender=payer)
        found["states/rejected"] = whole.chain.gas_used
    return found


def _assert(whole: Whole, owner: str, root: Hash) -> Asserted:
    posted = whole.batch()
    return whole.assert_state(posted, Hash(whole.assertions.confirmedRoot()), owner, root=root)


def _state(payee: str, number: int, payable: int) -> tuple[Account, Header]:
    """An account in use, in a ledger that is."""
    account = Account(
        Address(raw_address(payee)), Nonce(137 + number), Amount(123_456_789_012_345), 15,
        Score(9_876_543_210), EpochNumber(41), 333, Amount(payable),
    )  # fmt: skip
    roots = (
        merkle.climb(account.leaf, PLACE, PATH, Tag.LEDGER_NODE),
        *(keccak(name) for name in (b"records", b"jobs", b"epochs")),
    )
    header = replace(
        genesis(20, RULES),
        roots=roots,
        counts=(1 << DEPTH, 5_000_000, 1_200, 41),
        funds=Amount(9_123_456_789_012_345),
        score=Score(77_123_456_789),
        confirmed=52_000,
        inbox=1_300_000,
    )
    return account, header
