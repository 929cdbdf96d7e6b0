"""How large a witness can be: what the docs say of gas follows from the layout, and that from real
witnesses.
"""

import re
from pathlib import Path
from typing import NamedTuple

from prover.commit.merkle import ceil_log2
from rollup.protocol.actions import Action, ActionKind
from rollup.protocol.ledger import types, witness
from rollup.protocol.ledger.entries import sign_many
from rollup.protocol.ledger.header import HEADER_BYTES, Forest
from rollup.protocol.ledger.inbox import INBOX_BYTES, InboxEntry, InboxKind
from rollup.protocol.ledger.run import RUN_BYTES, LedgerBatch
from rollup.protocol.types import Nonce
from tests.rollup.protocol.ledger.drawing import DOMAIN, KEYS, name
from tests.rollup.protocol.ledger.scene import ANN, BENCH, BOB, TRAIN, Scene

DOCS = (Path(__file__).parents[4] / "docs" / "ledger.md").read_text()
GAS_BOUND = 250_000
GAME_ARGUMENTS = 12_000


class Depths(NamedTuple):
    """Of the trees that a witness climbs."""

    accounts: int
    records: int
    jobs: int
    epochs: int
    batch: int
    bundle: int


LARGEST = Depths(
    ceil_log2(types.MAX_ACCOUNTS), types.MAX_RING, ceil_log2(types.MAX_JOBS),
    ceil_log2(types.MAX_EPOCHS), 16, ceil_log2(types.MAX_BUNDLE),
)  # fmt: skip


def sizes(depths: Depths) -> dict[str, int]:
    """Bytes of the witness of a bundled receipt, by kind; a claim takes a used place."""
    accounts, records, jobs, epochs, batch, bundle = (32 * depth for depth in depths)
    bundled = 65 + 1 + 56 + 32 + bundle
    common = RUN_BYTES + HEADER_BYTES + bundled + batch + types.ACCOUNT_BYTES + accounts
    account, record = types.ACCOUNT_BYTES + accounts, types.RECORD_BYTES + records
    return {
        "claim": common + 218 + 32 + records,
        "transfer": common + 42 + account,
        "settle": common + 42 + record + types.JOB_BYTES + jobs,
        "evaluate": common + 42 + 2 * record + types.JOB_BYTES + jobs,
        "use": common + 42 + record + account,
        "distribute": common + 42 + types.EPOCH_BYTES + epochs,
    }


def test_every_step_fits_the_gas_bound_of_the_docs() -> None:
    rows = re.findall(r"^\| (\w+) \| ([0-9,]+) \| ([0-9,]+) \|$", DOCS, re.MULTILINE)
    largest = sizes(LARGEST)
    costs = {kind: 21_000 + 40 * size for kind, size in largest.items()}
    assert rows == [(kind, f"{largest[kind]:,}", f"{costs[kind]:,}") for kind in largest]
    assert max(costs.values()) + GAME_ARGUMENTS <= GAS_BOUND
    assert min(largest.values()) > RUN_BYTES + HEADER_BYTES + INBOX_BYTES + 16 * 32


def test_real_witnesses_are_of_these_sizes() -> None:
    scene = Scene(ring=2)
    trained = scene.settled(ANN, after=name("model"))
    other = scene.settled(BOB, BENCH, scene.metric(70), kind=2, params=name("model"))
    claimed = scene.claim(ANN, after=name("next"))
    scene.confirm()
    scene.close(10)
    nonce = scene.account(ANN).nonce
    wanted = [
        ("distribute", (ActionKind.DISTRIBUTE, 0, 0, 0)),
        ("evaluate", (ActionKind.EVALUATE, trained, other, 70)),
        ("use", (ActionKind.USE, other, 0, 5)),
        ("settle", (ActionKind.SETTLE, claimed, TRAIN, 0)),
        ("transfer", (ActionKind.TRANSFER, BOB, 0, 5)),
    ]
    said = [
        Action(kind, ANN, Nonce(nonce + at), *rest) for at, (_, (kind, *rest)) in enumerate(wanted)
    ]
    opening = InboxEntry(InboxKind.CONFIRM, 1)
    entries = sign_many(said, DOMAIN, KEYS[0])
    batch = LedgerBatch.of(DOMAIN.separator, scene.batch, 100, [opening], entries)
    counts = scene.state.header.counts
    depths = Depths(
        ceil_log2(counts[Forest.ACCOUNTS]), 2, ceil_log2(counts[Forest.JOBS]),
        ceil_log2(counts[Forest.EPOCHS]), ceil_log2(len(said)), ceil_log2(len(said)),
    )  # fmt: skip
    assert len(witness.build(batch, scene.state, 0)) == RUN_BYTES + HEADER_BYTES + INBOX_BYTES
    for at, (kind, _) in enumerate(wanted):
        before = scene.account(ANN)
        assert len(witness.build(batch, scene.state, 1 + at)) == sizes(depths)[kind], kind
        assert scene.account(ANN) != before
