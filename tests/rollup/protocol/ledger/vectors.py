"""The frozen step vectors: `python -m tests.rollup.protocol.ledger.vectors` draws anew.

A vector is (name, program, position, pre, witness, post); post is None where the witness opens
nothing and must be refused. A name says the kind, and whether more than a nonce or a count changed.
A change of any vector is a change of the protocol.
"""

import json
import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from prover.commit.keccak import Hash
from prover.errors import WitnessError
from rollup.protocol.actions import Action, ActionKind
from rollup.protocol.ledger import witness
from rollup.protocol.ledger.entries import Placed, sign_many
from rollup.protocol.ledger.header import Header
from rollup.protocol.ledger.inbox import InboxKind
from rollup.protocol.ledger.run import LedgerBatch
from rollup.protocol.ledger.store import State, account_at
from rollup.protocol.receipts import Statement, Work
from rollup.protocol.types import Nonce
from tests.rollup.protocol.ledger.drawing import DOMAIN, KEYS, OWNERS, Drawer, founded, signed
from tests.rollup.protocol.ledger.scene import busy

PATH = Path(__file__).resolve().parents[3] / "vectors" / "ledger_steps.json"
_EACH = 2
_SPOILT = 12
_HISTORIES = 40


class Vector(NamedTuple):
    """One step and what every implementation must say of it."""

    name: str
    program: Hash
    position: int
    pre: Hash
    witness: bytes
    post: Hash | None


def load() -> list[Vector]:
    """The frozen vectors."""
    return [
        Vector(
            entry["name"],
            Hash(bytes.fromhex(entry["program"])),
            int(entry["position"]),
            Hash(bytes.fromhex(entry["pre"])),
            bytes.fromhex(entry["witness"]),
            Hash(bytes.fromhex(entry["post"])) if entry["post"] else None,
        )
        for entry in json.loads(PATH.read_text(encoding="utf-8"))
    ]


def judged(vector: Vector) -> Hash | None:
    """What the verifier says of a vector's step: its post, None when it refuses the witness."""
    try:
        return witness.step(vector.program, vector.position, vector.pre, vector.witness)
    except WitnessError:
        return None


def _kind(batch: LedgerBatch, position: int) -> str:
    if position < batch.run.inbox:
        kind = batch.inbox[position].kind
        return f"inbox {InboxKind(kind).name.lower() if kind in list(InboxKind) else 'other'}"
    entry = batch.entries[position - batch.run.inbox]
    bundled = ", bundled" if entry.place else ""
    receipt = entry.receipt
    if isinstance(receipt, Action):
        known = receipt.kind in list(ActionKind)
        return (ActionKind(receipt.kind).name.lower() if known else "other action") + bundled
    if isinstance(receipt, Work):
        return {1: "compute", 2: "inference"}.get(receipt.kind, "other work") + bundled
    assert isinstance(receipt, Statement)
    return "statement" + bundled


def _effect(pre: Header, state: State, batch: LedgerBatch, position: int, before: State) -> str:
    """What changed: nothing, the nonce (or count of entries) alone, or more."""
    if position < batch.run.inbox:
        return "alone" if replace(pre, inbox=pre.inbox + 1) == state.header else "more"
    if pre == state.header:
        return "nothing"
    receipt = batch.entries[position - batch.run.inbox].receipt
    account = account_at(before, receipt.account)
    used = replace(account, nonce=Nonce(account.nonce + 1))
    before.write(0, receipt.account, used.pack())  # type: ignore[arg-type]
    return "alone" if before.hash == state.hash else "more"


def _steps() -> Iterator[Vector]:
    """Steps of random histories with small trees, every other batch's receipts in bundles."""
    for seed in range(_HISTORIES):
        state = State(ring=3)
        founded(state)
        drawer = Drawer(state.copy(), random.Random(seed))
        for number in range(2, 16):
            said, made, who = drawer.batch(number, 2, 8)
            placed: list[Placed] = []
            for receipt, signer in zip(made, who, strict=True):
                if number % 2 and signer in OWNERS:
                    placed += sign_many([receipt], DOMAIN, KEYS[OWNERS.index(signer)])
                else:
                    placed.append(signed(receipt, signer))
            batch = LedgerBatch.of(DOMAIN.separator, number, drawer.posted, said, placed)
            for position in range(batch.run.length):
                pre, before = state.header, state.copy()
                opened = witness.build(batch, state, position)
                name = _kind(batch, position)
                name += f": {_effect(pre, state, batch, position, before)}"
                yield Vector(name, batch.run.hash, position, pre.hash, opened, state.hash)
    for batch, position, pre_hash, opened, post in busy():
        name = _kind(batch, position)
        if name.split(",")[0] in ("evaluate", "use", "settle"):
            yield Vector(f"{name}: more", batch.run.hash, position, pre_hash, opened, post)


def draw() -> list[Vector]:
    """So many of each name, and some that are spoilt."""
    seen: Counter[str] = Counter()
    found = []
    for vector in _steps():
        seen[vector.name] += 1
        if seen[vector.name] <= _EACH:
            found.append(vector)
    rng = random.Random(1)
    for vector in rng.sample(found, _SPOILT):
        spoilt = bytearray(vector.witness)
        spoilt[rng.randrange(len(spoilt))] ^= 1 << rng.randrange(8)
        found.append(vector._replace(name="spoilt", witness=bytes(spoilt), post=None))
    first = found[0]
    for name, data in (("short", first.witness[:-1]), ("long", first.witness + b"\0")):
        found.append(first._replace(name=name, witness=data, post=None))
    return found


def main() -> None:
    """Writes the file."""
    lines = []
    for vector in draw():
        assert judged(vector) == vector.post, vector.name
        fields = {
            key: value.hex() if isinstance(value, bytes) else str(value or "")
            for key, value in vector._asdict().items()
        }
        fields["position"] = str(vector.position)
        lines.append(json.dumps(fields))
    PATH.write_text("[\n" + ",\n".join(lines) + "\n]\n", encoding="utf-8")


if __name__ == "__main__":
    main()
