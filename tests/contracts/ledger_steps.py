"""LedgerMachine.sol beside the reference and the fast path, on random ledgers.

    python3 dev.py run python -m tests.contracts.ledger_steps [--receipts N] [--seed N]

plays so many receipts, 100,000 if nothing is said, and prints what was compared.
"""

import argparse
import random
import time
from collections import Counter
from typing import Final

from prover.commit.keccak import Hash
from prover.errors import WitnessError
from rollup.protocol.actions import Action, ActionKind
from rollup.protocol.ledger import layout, witness
from rollup.protocol.ledger.entries import Placed, sign_many, signer
from rollup.protocol.ledger.inbox import InboxEntry
from rollup.protocol.ledger.run import LedgerBatch
from rollup.protocol.ledger.store import State
from rollup.protocol.receipts import WorkKind
from tests.contracts.evm import Contract, Evm, Revert, compiled
from tests.rollup.protocol.ledger.drawing import DOMAIN, KEYS, OWNERS, pair, signed
from tests.rollup.protocol.ledger.scene import Scene, Step
from tests.rollup.protocol.ledger.vectors import Vector

REFUSALS: Final = {
    "WitnessTooLong",
    "WitnessTooShort",
    "WrongBundle",
    "WrongEntry",
    "WrongForced",
    "WrongForm",
    "WrongLeaf",
    "WrongPosition",
    "WrongRun",
    "WrongState",
}
BATCHES: Final = 24
"""Of one history."""
ENTRIES, RECEIPTS = 4, 40
"""Inbox entries and receipts of one batch."""


def deploy() -> Contract:
    """The machine on revm."""
    return Evm().deploy(compiled("src/LedgerMachine.sol")["LedgerMachine"])


class OnChain:
    """The contract as the dispute game's model and its tests call a machine."""

    def __init__(self, machine: Contract) -> None:
        self.contract = machine

    def step(self, program: Hash, position: int, pre: Hash, witness_: bytes) -> Hash:
        """The state after the step.

        Raises:
            WitnessError: for a refusal that has a name. Any other revert is no refusal.
        """
        if not 0 <= position < 2**64:
            raise WitnessError("no position on chain")
        try:
            post: bytes = self.contract.step(program, position, pre, witness_)
        except Revert as revert:
            if revert.name not in REFUSALS:
                raise
            raise WitnessError(revert.name) from None
        return Hash(post)


def agreed(machine: OnChain, vector: Vector) -> Hash | None:
    """What both verifiers say: the post state, None for a refusal."""
    said: list[Hash | None] = []
    for step in (witness.step, machine.step):
        try:
            said.append(step(vector.program, vector.position, vector.pre, vector.witness))
        except WitnessError:
            said.append(None)
    assert said[0] == said[1], vector.name
    return said[1]


def as_vector(step: Step) -> Vector:
    """A scene's step."""
    batch, position, pre, opened, post = step
    return Vector("", batch.run.hash, position, pre, opened, post)


def forced_steps(scene: Scene, said: list[InboxEntry]) -> list[Vector]:
    """One batch of these entries and no receipts, whose end the scene then is in."""
    batch = LedgerBatch.of(DOMAIN.separator, scene.batch, 10 * scene.batch, said, [])
    found = []
    for position in range(len(said)):
        pre = scene.state.hash
        opened = witness.build(batch, scene.state, position)
        found.append(Vector("", batch.run.hash, position, pre, opened, scene.state.hash))
    return found


def drawn(seed: int, receipts: int, machine: OnChain) -> Counter[str]:
    """One history over about so many receipts, step by step: the states of reference and contract
    are one, and after each batch that of the fast path. Returns what was compared.
    """
    rng = random.Random(seed)
    fast, drawer = pair(rng.choice([0, 4, 7, 9]), seed)
    before = drawer.state.copy()
    seen: Counter[str] = Counter()
    number = 1
    while seen["receipts"] < receipts:
        number += 1
        said, made, who = drawer.batch(number, ENTRIES, min(RECEIPTS, receipts))
        placed: list[Placed] = []
        for receipt, owner in zip(made, who, strict=True):
            if owner in OWNERS and rng.random() < 0.5:
                placed += sign_many([receipt], DOMAIN, KEYS[OWNERS.index(owner)])
            else:
                placed.append(signed(receipt, owner))
        batch = LedgerBatch.of(DOMAIN.separator, number, drawer.posted, said, placed)
        seen += _played(batch, before, machine)
        rows = layout.receipts(made, [signer(one, DOMAIN.separator) for one in placed])
        fast.apply(number, drawer.posted, said, rows, DOMAIN.separator)
        assert fast.hash == before.hash == drawer.state.hash, (seed, number)
    return seen


def _played(batch: LedgerBatch, state: State, machine: OnChain) -> Counter[str]:
    """All steps of a batch from a state, which then is the one behind it."""
    seen: Counter[str] = Counter()
    for position in range(batch.run.length):
        pre, before = state.hash, state.header
        opened = witness.build(batch, state, position)
        post = machine.step(batch.run.hash, position, pre, opened)
        assert post == state.hash, (batch.run.batch, position)
        seen["entries" if position < batch.run.inbox else "receipts"] += 1
        seen["changed the state"] += pre != post
        after = state.header
        if position >= batch.run.inbox and (
            before.roots[1:] != after.roots[1:] or before.score != after.score
        ):
            seen[f"with more than a nonce: {_kind(batch, position)}"] += 1
        seen["bytes of witness"] += len(opened)
    return seen


def _kind(batch: LedgerBatch, position: int) -> str:
    receipt = batch.entries[position - batch.run.inbox].receipt
    if isinstance(receipt, Action):
        return ActionKind(receipt.kind).name.lower()
    return WorkKind(receipt.kind).name.lower()


def main() -> None:
    """Histories of `BATCHES` batches each, until there are enough receipts."""
    parser = argparse.ArgumentParser(description="Reference = fast path = Solidity.")
    parser.add_argument("--receipts", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    wanted = parser.parse_args()
    machine = OnChain(deploy())
    start, seen, seed = time.monotonic(), Counter[str](), wanted.seed
    while seen["receipts"] < wanted.receipts:
        seen += drawn(seed, BATCHES * RECEIPTS, machine)
        seen["histories"] += 1
        seed += 1
    for what, count in sorted(seen.items()):
        print(f"{count:>12,} {what}")
    print(f"{time.monotonic() - start:>12,.0f} s; reference = fast path = Solidity")


if __name__ == "__main__":
    main()
