"""What a state commits to, and the rules of its epoch (docs/ledger.md, section 2)."""

import struct
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from prover.commit.keccak import ZERO_HASH, Hash, tagged
from prover.commit.tags import Tag
from rollup.protocol.ledger.types import (
    BPS,
    MAX_RING,
    MAX_SLOTS,
    MAX_UNITS_A_POINT,
    MAX_UNITS_A_PRICE,
    MAX_WORK,
    Amount,
    Bps,
    EpochNumber,
    JobIndex,
    Score,
    Units,
)
from rollup.protocol.types import U64_MAX

_RULES: Final = struct.Struct(">8H3I4x4Q")
_HEADER: Final = struct.Struct(">B32sQ32sQ32sQ32sQ4Q64s")
RULES_BYTES: Final = _RULES.size
HEADER_BYTES: Final = _HEADER.size
NONE: Final = Bps(0)
TENTH: Final = Bps(BPS // 10)
WHOLE: Final = Bps(BPS)
ALL_WORK: Final = Units(MAX_WORK)
FIRST_JOB: Final = JobIndex(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """An epoch's weights and caps, fixed on L1. `clamped` keeps each inside its bound."""

    compute_bps: Bps = WHOLE
    usage_bps: Bps = WHOLE
    performance_bps: Bps = WHOLE
    uncovered_bps: Bps = NONE
    """What work beyond the stake's cover counts."""
    reputation_bps: Bps = NONE
    """What full reputation adds."""
    stake_bps: Bps = NONE
    """What `stake_full` slots add."""
    burn_bps: Bps = TENTH
    """Of a usage fee."""
    stake_full: int = MAX_SLOTS
    """1 .. 64."""
    benchmark: JobIndex = FIRST_JOB
    """u32, the job whose evaluations count."""
    baseline: int = 0
    """u32, the metric from which points count."""
    max_steps: int = 2**24
    """u32, of a claim: L1's cap, as is `max_work`. Above one no challenge can be opened, so the
    claim earns nothing."""
    cover: Units = ALL_WORK
    """Units that one live slot covers in full."""
    units_a_price: int = 1
    """Units that one burnt billionth pays for; at most 2^16."""
    units_a_point: int = 1
    """Units that one point of the metric is worth; at most 2^12."""
    max_work: Units = ALL_WORK
    """Of a claim."""

    def clamped(self) -> "Rules":
        """The same rules with every field inside its bound."""
        bps = [
            Bps(min(value, BPS))
            for value in (
                self.compute_bps, self.usage_bps, self.performance_bps, self.uncovered_bps,
                self.reputation_bps, self.stake_bps, self.burn_bps,
            )
        ]  # fmt: skip
        return Rules(
            compute_bps=bps[0],
            usage_bps=bps[1],
            performance_bps=bps[2],
            uncovered_bps=bps[3],
            reputation_bps=bps[4],
            stake_bps=bps[5],
            burn_bps=bps[6],
            stake_full=min(max(self.stake_full, 1), MAX_SLOTS),
            benchmark=self.benchmark,
            baseline=self.baseline,
            max_steps=self.max_steps,
            cover=Units(min(self.cover, MAX_WORK)),
            units_a_price=min(self.units_a_price, MAX_UNITS_A_PRICE),
            units_a_point=min(self.units_a_point, MAX_UNITS_A_POINT),
            max_work=Units(min(self.max_work, MAX_WORK)),
        )

    def pack(self) -> bytes:
        """64 bytes."""
        return _RULES.pack(
            self.compute_bps, self.usage_bps, self.performance_bps, self.uncovered_bps,
            self.reputation_bps, self.stake_bps, self.burn_bps, self.stake_full, self.benchmark,
            self.baseline, self.max_steps, self.cover, self.units_a_price, self.units_a_point,
            self.max_work,
        )  # fmt: skip

    @classmethod
    def unpack(cls, data: bytes) -> "Rules":
        """The rules that 64 bytes say, clamped."""
        fields = _RULES.unpack(data)
        return cls(**dict(zip(cls.__slots__, fields, strict=True))).clamped()


class Forest(IntEnum):
    """The four trees of the state, by their place in its header."""

    ACCOUNTS = 0
    RECORDS = 1
    JOBS = 2
    EPOCHS = 3


@dataclass(frozen=True, slots=True)
class Header:
    """All that a state commits to; its hash is the state."""

    ring: int
    """0 .. 28: the record tree has 2^ring places, reused in a ring. Fixed at genesis."""
    roots: tuple[Hash, ...]
    """By `Forest`."""
    counts: tuple[int, ...]
    """By `Forest`: places of accounts (0 is nobody's), records ever made, jobs, closed epochs."""
    funds: Amount
    """Deposits and pools that ever came in: all balances and payables together are no more."""
    score: Score
    """Of the current epoch, whose number is the count of closed ones."""
    confirmed: int
    """Batches up to this one are confirmed on L1."""
    inbox: int
    """Inbox entries consumed."""
    rules: Rules

    def pack(self) -> bytes:
        """257 bytes."""
        counts = [count & U64_MAX for count in self.counts]
        pairs = [part for pair in zip(self.roots, counts, strict=True) for part in pair]
        return _HEADER.pack(
            self.ring, *pairs, self.funds, self.score, self.confirmed, self.inbox & U64_MAX,
            self.rules.pack(),
        )  # fmt: skip

    @classmethod
    def unpack(cls, data: bytes) -> "Header":
        """The inverse of `pack`, of bytes that open a state."""
        (ring, r0, c0, r1, c1, r2, c2, r3, c3, funds, score, confirmed, inbox, rules) = (
            _HEADER.unpack(data)
        )
        roots, counts = (r0, r1, r2, r3), (c0, c1, c2, c3)
        return cls(ring, roots, counts, funds, score, confirmed, inbox, Rules.unpack(rules))

    @property
    def hash(self) -> Hash:
        """The state: H(LEDGER_STATE | 257 bytes)."""
        return tagged(Tag.LEDGER_STATE, self.pack())

    @property
    def epoch(self) -> EpochNumber:
        """The current one."""
        return EpochNumber(self.counts[Forest.EPOCHS])

    def room(self, amount: int) -> bool:
        """Whether so much more may come in."""
        return self.funds + amount <= U64_MAX


GENESIS_RULES: Final = Rules()


def genesis(ring: int = MAX_RING, rules: Rules = GENESIS_RULES) -> Header:
    """The state before the first batch: no accounts but nobody's place, no records, no jobs."""
    empty = (ZERO_HASH, ZERO_HASH, ZERO_HASH, ZERO_HASH)
    return Header(ring, empty, (1, 0, 0, 0), Amount(0), Score(0), 0, 0, rules.clamped())
