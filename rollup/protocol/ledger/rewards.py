"""The reward rule: integers, rounded as the names say (docs/ledger.md, section 6).

Everything is exact on unsigned 64-bit words. With the bounds of `types`,

    work <= 2^44, slots * cover <= 2^50, factor <= 30,000 < 2^15

so earned <= 3 * 2^44, every product is below 2^62, and no step of the chain's or of the fast path's
64-bit arithmetic can wrap.
"""

from rollup.protocol.ledger.header import Rules
from rollup.protocol.ledger.types import (
    BPS,
    MAX_WORK,
    REPUTATION_FULL,
    Account,
    Amount,
    Bps,
    Epoch,
    Score,
    Units,
)


def part_ceil(whole: int, bps: Bps) -> int:
    """`bps` ten-thousandths of `whole` (u64), rounded up."""
    thousands, rest = divmod(whole, BPS)
    return thousands * bps + -(-rest * bps // BPS)


def usage_units(quantity: Units, burnt: Amount, rules: Rules) -> Units:
    """Usage: the claim's work as far as burnt fees paid for it."""
    return Units(min(quantity, min(burnt, MAX_WORK) * rules.units_a_price))


def performance_units(metric: int, best: int, rules: Rules) -> Units:
    """Performance: points (u32) above the baseline and above the best so far; below 2^44."""
    return Units(max(metric - max(best, rules.baseline), 0) * rules.units_a_point)


def risked_floor(units: Units, slots: int, rules: Rules) -> Units:
    """Risk: what the account's live slots cover counts in full, the rest `uncovered_bps` of it."""
    covered = min(units, slots * rules.cover)
    return Units(covered + (units - covered) * rules.uncovered_bps // BPS)


def factor_floor(reputation: int, slots: int, rules: Rules) -> int:
    """Reputation and stake: ten-thousandths, from 10,000 to 30,000."""
    by_reputation = reputation * rules.reputation_bps // REPUTATION_FULL
    by_stake = min(slots, rules.stake_full) * rules.stake_bps // rules.stake_full
    return BPS + by_reputation + by_stake


def credit_floor(units: Units, weight: Bps, account: Account, rules: Rules) -> Score:
    """One component of the composite: risk, then factor, then the epoch's weight, each rounded down
    by itself. An account's score is the sum of its credits.
    """
    risked = risked_floor(units, account.slots, rules)
    earned = risked * factor_floor(account.reputation, account.slots, rules) // BPS
    return Score(earned * weight // BPS)


def share_floor(score: Score, epoch: Epoch) -> Amount:
    """Of a closed epoch's pool, for a score <= its sum; 0 of an epoch without score. All shares
    together are at most the pool. The product has 128 bits.
    """
    return Amount(epoch.pool * score // epoch.score) if epoch.score else Amount(0)


def risen(reputation: int) -> int:
    """Reputation after a settled training claim."""
    return min(reputation + 1, REPUTATION_FULL)


def fallen_floor(reputation: int) -> int:
    """Reputation after a slash."""
    return reputation // 4
