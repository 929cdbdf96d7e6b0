"""The ledger machine is total over content: states that no history reaches have a next one too.

Headers of any numbers, rings and rules; leaves of any fields; any receipt and inbox entry, most of
them near enough to sense that something happens.
"""

import random
from dataclasses import fields, replace
from typing import Any

import pytest

from prover.commit.keccak import ZERO_HASH, Hash, tagged
from prover.commit.tags import Tag
from rollup.protocol.actions import Action, ActionKind
from rollup.protocol.ledger import witness
from rollup.protocol.ledger.effects import word_root
from rollup.protocol.ledger.entries import sign_one
from rollup.protocol.ledger.header import HEADER_BYTES, RULES_BYTES, Forest, Header, Rules
from rollup.protocol.ledger.inbox import InboxEntry, InboxKind, force
from rollup.protocol.ledger.run import RUN_BYTES
from rollup.protocol.ledger.trees import LEAF_BYTES
from rollup.protocol.ledger.types import (
    Account,
    Amount,
    Job,
    JobIndex,
    Record,
    Score,
    Sequence,
    Units,
)
from rollup.protocol.receipts import Receipt, Work
from rollup.protocol.types import U64_MAX, AccountIndex, Address, Nonce, SlotIndex
from tests.contracts.ledger_steps import OnChain, deploy
from tests.contracts.vast import OneOfMany, Vast, bundled
from tests.rollup.protocol.ledger.drawing import DOMAIN, KEYS, OWNERS, name

pytestmark = pytest.mark.usefixtures("toolchain")

HEADER_END = RUN_BYTES + HEADER_BYTES
NONCE = Nonce(2**40)
KNOWN = (0, 1, 2, 3)
"""Indices of leaves that a state holds; the rest of its trees is noise."""


@pytest.fixture(scope="module")
def machine(toolchain: None) -> OnChain:
    return OnChain(deploy())


class Any64:
    """Numbers and hashes, of which some are equal often."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)

    def number(self) -> int:
        edges = (0, 1, 2, 3, 63, 64, 10**4, 2**32, 2**44, 2**63, U64_MAX - 1, U64_MAX)
        return self.rng.choice([self.rng.choice(edges), self.rng.randrange(2**64)])

    def word(self) -> Hash:
        return self.rng.choice([ZERO_HASH, name(1), name(1), name(1), name(2), word_root(70)])

    def one(self) -> int:
        return self.rng.choice(KNOWN)

    def record(self) -> bytes:
        """One that could nearly be settled, evaluated or used."""
        number, rng = self.number, self.rng
        made = Record(
            Sequence(number()), rng.choice([1, 1, 2, 2, 0, U64_MAX]),
            rng.choice([0, 0, 1, 1, 5, U64_MAX]),
            AccountIndex(self.one()), rng.choice([0, 1, 63, 64, U64_MAX]),
            rng.choice([0, number()]),
            rng.choice([5, number()]), rng.choice([0, 0, number()]), rng.choice([1, 1, number()]),
            self.word(), self.word(), self.word(), self.word(), JobIndex(self.one()),
            Units(number()),
        )  # fmt: skip
        return made.pack()

    def leaf(self, forest: Forest) -> bytes:
        number, rng = self.number, self.rng
        if forest == Forest.RECORDS:
            return self.record()
        if forest == Forest.ACCOUNTS:
            rest = [
                number(), number(), rng.choice([0, number()]),
                self.one(), number(), number(),
            ]  # fmt: skip
            return Account(OWNERS[0], NONCE, *rest).pack()  # type: ignore[arg-type]
        if forest == Forest.JOBS:
            made = Job(
                rng.choice([1, 2**20, number()]), rng.choice([0, number()]),
                rng.choice([0, 0, number()]), self.word(), self.word(), self.word(), number(),
            )  # fmt: skip
            return made.pack()
        return rng.randbytes(LEAF_BYTES[forest])

    def rules(self) -> Rules:
        """Any that a header can hold."""
        widths = dict.fromkeys(("stake_full", "benchmark", "baseline", "max_steps"), 2**16)
        drawn: dict[str, Any] = {
            one.name: self.rng.choice([0, 1, 10**4, 2**16 - 1])
            if one.name.endswith("bps") or one.name in widths
            else self.number()
            for one in fields(Rules)
        }
        return replace(Rules(**drawn), benchmark=JobIndex(self.one()))

    def state(self) -> tuple[Vast, bytes]:
        """Four of each leaf and any header; no tree grows deeper by another leaf. And 64 bytes of
        rules that are read as the state's, being beyond their bounds.
        """
        rng, rules = self.rng, self.rules()
        counts = tuple(rng.choice([5, 5, 2**16 - 1, 2**24 - 1, 2**62 + 5, U64_MAX]) for _ in Forest)
        header = Header(
            rng.choice([2, 5, 28, 64, 255]), (ZERO_HASH,) * 4, counts, Amount(self.number()),
            Score(rng.choice([0, self.number()])), self.number(), self.number(),
            rules.clamped(),
        )  # fmt: skip
        leaves = {(forest, index): self.leaf(forest) for forest in Forest for index in KNOWN}
        made = Vast(header, leaves)
        for forest in Forest:
            made.free(forest)
        return made, rules.pack()

    def receipt(self) -> Receipt:
        rng, account = self.rng, AccountIndex(self.one())
        nonce = NONCE
        if rng.random() < 0.15:
            return Work(
                rng.choice([1, 2, 3]), account, nonce, SlotIndex(rng.choice([0, 1, 63, U64_MAX])),
                Address(bytes(20)), self.word(), self.number(), rng.choice([0, 1, 2**32 - 1]),
                self.word(), self.word(), self.word(), self.word(),
            )  # fmt: skip
        kind = rng.choice([*ActionKind, ActionKind.SETTLE, ActionKind.EVALUATE, ActionKind.USE, 9])
        amount = rng.choice([70, self.number()])
        return Action(kind, account, nonce, self.one(), self.one(), amount)

    def entry(self, state: Vast) -> InboxEntry:
        kind = self.rng.choice([*InboxKind, 0])
        if kind == InboxKind.FORCED:
            placed = sign_one(self.receipt(), DOMAIN, KEYS[0])
            return force(placed.receipt, placed.signature)
        counted = kind in (InboxKind.REGISTER, InboxKind.JOB, InboxKind.EPOCH)
        first = self.rng.choice([*state.header.counts] if counted else [*KNOWN, U64_MAX])
        words = self.word(), Hash(self.rng.randbytes(32)), self.word()
        return InboxEntry(kind, first, self.number(), self.number(), self.number(), *words)

    def batch(self, state: Vast) -> OneOfMany:
        if self.rng.random() < 0.3:
            return OneOfMany.with_entry(self.entry(state))
        receipt = self.receipt()
        if self.rng.random() < 0.5:
            return OneOfMany.with_receipt(sign_one(receipt, DOMAIN, KEYS[0]))
        return OneOfMany.with_receipt(bundled(receipt))


def test_every_state_has_one_next_state(machine: OnChain) -> None:
    moved = 0
    for seed in range(300):
        drawn = Any64(seed)
        state, rules = drawn.state()
        batch = drawn.batch(state)
        before = state.header
        opened = witness.build(batch, state, batch.position)  # type: ignore[arg-type]
        opened = opened[: HEADER_END - RULES_BYTES] + rules + opened[HEADER_END:]
        pre = tagged(Tag.LEDGER_STATE, opened[RUN_BYTES:HEADER_END])
        program, at = batch.run.hash, batch.position
        assert witness.step(program, at, pre, opened) == state.hash, seed
        assert machine.step(program, at, pre, opened) == state.hash, seed
        moved += before.roots[1:] != state.header.roots[1:] or before.score != state.header.score
    assert moved > 5
