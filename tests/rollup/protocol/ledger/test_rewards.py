"""The reward rule: worked examples, rounding, bounds, and the same on machine words."""

import re
from fractions import Fraction
from math import ceil
from pathlib import Path

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from rollup.protocol.ledger import kernel, rewards, types
from rollup.protocol.ledger.header import RULES_BYTES, Rules
from rollup.protocol.ledger.types import (
    BPS,
    MAX_WORK,
    Account,
    Amount,
    Bps,
    Epoch,
    Score,
    Units,
)
from rollup.protocol.types import U32_MAX, U64_MAX, Address

DOCS = (Path(__file__).parents[4] / "docs" / "ledger.md").read_text()
WORDS = st.integers(0, U64_MAX)
BPS_ANY = st.integers(0, BPS).map(Bps)


@st.composite
def rules(draw: st.DrawFn) -> Rules:
    """Rules inside their bounds."""
    return Rules(
        compute_bps=draw(BPS_ANY), uncovered_bps=draw(BPS_ANY), reputation_bps=draw(BPS_ANY),
        stake_bps=draw(BPS_ANY), burn_bps=draw(BPS_ANY), stake_full=draw(st.integers(1, 64)),
        baseline=draw(st.integers(0, U32_MAX)), cover=Units(draw(st.integers(0, MAX_WORK))),
        units_a_price=draw(st.integers(0, 2**16)), units_a_point=draw(st.integers(0, 2**12)),
    )  # fmt: skip


ACCOUNTS = st.builds(
    lambda live, reputation: Account(Address(bytes(20)), live=live, reputation=reputation),
    WORDS,
    st.integers(0, types.REPUTATION_FULL),
)


def documented() -> dict[str, int]:
    """The results of the table of worked examples."""
    section = DOCS[DOCS.index("**By hand**") : DOCS.index("## 7.")]
    rows = re.findall(r"^\| ([a-z ]+) \| .* \| ([0-9,]+) \|$", section, re.MULTILINE)
    return {name: int(value.replace(",", "")) for name, value in rows}


def test_the_examples_of_the_docs_are_right() -> None:
    of = Rules(
        compute_bps=Bps(6_000), usage_bps=Bps(3_000), performance_bps=Bps(1_000),
        uncovered_bps=Bps(2_500), reputation_bps=Bps(5_000), stake_bps=Bps(2_000),
        burn_bps=Bps(1_000), stake_full=4, baseline=900, cover=Units(1_000_000),
        units_a_price=50, units_a_point=40,
    )  # fmt: skip
    account = Account(Address(bytes(20)), live=0b111, reputation=333)
    work = Units(500_001 * 7)
    burnt = Amount(rewards.part_ceil(4_321, of.burn_bps))
    used = rewards.usage_units(Units(30_000), burnt, of)
    points = rewards.performance_units(961, 0, of)
    parts = [
        rewards.credit_floor(work, of.compute_bps, account, of),
        rewards.credit_floor(used, of.usage_bps, account, of),
        rewards.credit_floor(points, of.performance_bps, account, of),
    ]
    score = Score(sum(parts))
    assert documented() == {
        "reputation and stake": rewards.factor_floor(333, 3, of),
        "work": work,
        "risk": rewards.risked_floor(work, 3, of),
        "compute": parts[0],
        "burnt": burnt,
        "usage": parts[1],
        "performance": parts[2],
        "composite": score,
        "share": rewards.share_floor(score, Epoch(Amount(1_000_000), Score(9_000_000))),
    }


@given(WORDS, BPS_ANY)
def test_a_part_is_rounded_up(whole: int, bps: Bps) -> None:
    exact = Fraction(whole * bps, BPS)
    assert rewards.part_ceil(whole, bps) == ceil(exact) <= whole


@given(st.integers(0, MAX_WORK).map(Units), BPS_ANY, ACCOUNTS, rules())
def test_no_product_leaves_a_word(units: Units, weight: Bps, account: Account, of: Rules) -> None:
    slots = account.slots
    assert slots * of.cover <= 2**50
    risked = rewards.risked_floor(units, slots, of)
    factor = rewards.factor_floor(account.reputation, slots, of)
    assert risked <= units
    assert BPS <= factor <= 3 * BPS
    assert risked * factor < 2**62
    assert risked * factor // BPS * weight < 2**62
    assert rewards.credit_floor(units, weight, account, of) <= 3 * MAX_WORK


@given(st.integers(0, U32_MAX), st.integers(0, MAX_WORK).map(Units), WORDS, rules())
def test_units_of_every_component_are_bounded(
    metric: int, quantity: Units, burnt: int, of: Rules
) -> None:
    assert rewards.performance_units(metric, 0, of) < MAX_WORK
    assert rewards.usage_units(quantity, Amount(burnt), of) <= quantity
    assert min(burnt, MAX_WORK) * of.units_a_price <= 2**60


@given(WORDS, WORDS, WORDS)
def test_a_share_is_divided_exactly_on_words(pool: int, one: int, other: int) -> None:
    score, total = min(one, other), max(one, other)
    exact = rewards.share_floor(Score(score), Epoch(Amount(pool), Score(total)))
    assert int(kernel.share(np.uint64(pool), np.uint64(score), np.uint64(total))) == exact <= pool


@given(st.lists(st.integers(0, 2**60), min_size=1, max_size=16), WORDS)
def test_shares_are_at_most_the_pool(scores: list[int], pool: int) -> None:
    epoch = Epoch(Amount(pool), Score(sum(scores)))
    assert sum(rewards.share_floor(Score(score), epoch) for score in scores) <= pool


@given(
    st.builds(
        Rules,
        compute_bps=st.integers(0, 65_535), uncovered_bps=st.integers(0, 65_535),
        stake_full=st.integers(0, 65_535), benchmark=st.integers(0, U32_MAX),
        baseline=st.integers(0, U32_MAX), max_steps=st.integers(0, U32_MAX), cover=WORDS,
        units_a_price=WORDS, units_a_point=WORDS, max_work=WORDS,
    )
)  # fmt: skip
def test_rules_are_read_inside_their_bounds(wild: Rules) -> None:
    packed = wild.pack()
    assert len(packed) == RULES_BYTES == 64
    assert Rules.unpack(packed) == wild.clamped() == wild.clamped().clamped()
    assert Rules.unpack(wild.clamped().pack()) == wild.clamped()


def test_reputation_stays_in_its_range() -> None:
    assert [rewards.risen(value) for value in (0, 999, 1_000)] == [1, 1_000, 1_000]
    assert [rewards.fallen_floor(value) for value in (0, 3, 4, 1_000)] == [0, 0, 1, 250]
