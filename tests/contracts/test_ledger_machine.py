"""LedgerMachine.sol is the reference: the same states, one after another, the same refusals."""

import random
import re
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bisection.game import Side
from contracts import build
from prover.commit.keccak import ZERO_HASH, Hash
from rollup.protocol.actions import ACTION_TYPE, Action, ActionKind
from rollup.protocol.ledger import effects, types
from rollup.protocol.ledger.entries import sign_one
from rollup.protocol.ledger.header import HEADER_BYTES, Rules
from rollup.protocol.ledger.inbox import (
    INBOX_BYTES,
    InboxEntry,
    InboxKind,
    close_epoch,
)
from rollup.protocol.ledger.machine import LedgerTrace
from rollup.protocol.ledger.packing import SIGNATURE_BYTES
from rollup.protocol.receipts import STATEMENT_TYPE, Receipt
from rollup.protocol.types import U64_MAX, Nonce
from tests.bisection.table import CHALLENGER, WON, ModelTable, play
from tests.contracts.evm import reverts
from tests.contracts.ledger_steps import OnChain, agreed, as_vector, deploy, drawn, forced_steps
from tests.rollup.protocol.ledger import test_disputes as frauds
from tests.rollup.protocol.ledger.drawing import DOMAIN, KEYS
from tests.rollup.protocol.ledger.scene import ANN, BOB, Scene, busy, steps_of
from tests.rollup.protocol.ledger.vectors import Vector, load

pytestmark = pytest.mark.usefixtures("toolchain")

SOURCES = build.load_sources()


@pytest.fixture(scope="module")
def machine(toolchain: None) -> OnChain:
    return OnChain(deploy())


@pytest.mark.parametrize("vector", load(), ids=lambda vector: vector.name)
def test_the_vectors_hold(machine: OnChain, vector: Vector) -> None:
    assert agreed(machine, vector) == vector.post


@pytest.mark.parametrize("seed", range(4))
def test_random_ledgers_run_state_for_state(machine: OnChain, seed: int) -> None:
    seen = drawn(seed, 480, machine)
    assert seen["receipts"] >= 480
    assert seen["changed the state"] > 300
    assert {f"with more than a nonce: {what}" for what in ("compute", "settle")} <= set(seen)


@settings(max_examples=15)
@given(seed=st.integers(10**6, 10**9))
def test_random_ledgers_of_hypothesis_choice(machine: OnChain, seed: int) -> None:
    drawn(seed, 40, machine)


# ------------------------------------------------------------------------- hostile witnesses

STEPS = [as_vector(step) for step in busy()]


@pytest.mark.parametrize("number", range(len(STEPS)))
def test_no_changed_byte_proves_anything_else(machine: OnChain, number: int) -> None:
    step, rng = STEPS[number], random.Random(number)
    assert agreed(machine, step) == step.post
    for place in rng.sample(range(len(step.witness)), 300):
        spoilt = bytearray(step.witness)
        spoilt[place] ^= 1 << rng.randrange(8)
        assert agreed(machine, step._replace(witness=bytes(spoilt))) is None, place
    for size in rng.sample(range(len(step.witness)), 100):
        assert agreed(machine, step._replace(witness=step.witness[:size])) is None, size
    for more in (b"\0", bytes(32), rng.randbytes(31), step.witness):
        assert agreed(machine, step._replace(witness=step.witness + more)) is None


def test_parts_of_other_witnesses_open_nothing(machine: OnChain) -> None:
    """Another leaf, path, header or entry: cut and joined where two witnesses differ."""
    rng = random.Random(1)
    for _ in range(400):
        one, two = rng.sample(STEPS, 2)
        start = rng.randrange(min(len(one.witness), len(two.witness)))
        stop = rng.randrange(start, len(one.witness)) + 1
        mixed = one.witness[:start] + two.witness[start:stop] + one.witness[stop:]
        if mixed != one.witness:
            assert agreed(machine, one._replace(witness=mixed)) is None


def test_a_witness_is_of_one_place_of_one_run_in_one_state(machine: OnChain) -> None:
    for number, step in enumerate(STEPS):
        other = STEPS[number - 1]
        for wrong in (
            step._replace(program=ZERO_HASH),
            step._replace(pre=other.pre),
            step._replace(position=other.position),
            step._replace(position=len(STEPS)),
            step._replace(position=U64_MAX),
        ):
            assert agreed(machine, wrong) is None


def test_refusals_say_what_is_wrong(machine: OnChain) -> None:
    step = STEPS[1]
    said = step.witness.index(b"\0" * 7 + b"\1", 400)  # in the receipt's fields

    def spoilt(place: int) -> bytes:
        return step.witness[:place] + b"\x77" + step.witness[place + 1 :]

    names = {
        "WrongRun": step._replace(program=step.pre),
        "WrongState": step._replace(pre=step.program),
        "WrongPosition": step._replace(position=len(STEPS)),
        "WrongForm": step._replace(witness=spoilt(377)),
        "WrongEntry": step._replace(witness=spoilt(said)),
        "WrongBundle": step._replace(witness=spoilt(377 + 218 + 65)),
        "WrongLeaf": step._replace(witness=spoilt(len(step.witness) - 1)),
        "WitnessTooShort": step._replace(witness=step.witness[:-1]),
        "WitnessTooLong": step._replace(witness=step.witness + b"\0"),
    }
    for name, wrong in names.items():
        with reverts(name):
            machine.contract.step(wrong.program, wrong.position, wrong.pre, wrong.witness)


def test_arbitrary_bytes_are_refused(machine: OnChain) -> None:
    rng = random.Random(2)
    for _ in range(200):
        content = rng.randbytes(rng.randrange(1_500))
        step = Vector("", Hash(rng.randbytes(32)), 0, Hash(rng.randbytes(32)), content, None)
        assert agreed(machine, step) is None


# -------------------------------------------------------------------------------------- frauds


@pytest.mark.parametrize("fraud", frauds.FRAUDS, ids=lambda fraud: fraud.name)
def test_the_chain_tells_every_fraud_from_the_truth(machine: OnChain, fraud: frauds.Fraud) -> None:
    truth, false = LedgerTrace(frauds.BATCH, frauds.PRE), frauds.FalseTrace(fraud)
    at = fraud.position
    (pre, post), told = truth.states([at, at + 1]), false.states([at, at + 1])
    assert told[0] == pre
    assert machine.step(frauds.BATCH.run.hash, at, pre, truth.witness(at)) == post != told[1]
    claim = frauds.claim_of(false)
    table = ModelTable(claim, CHALLENGER, frauds.RULES, machine=machine)
    result = play(table, Side.CHALLENGER, truth, frauds.Believer(false))
    assert result.status is WON[Side.CHALLENGER]


# ------------------------------------------------------------------ content beyond all reason


def test_rules_of_any_bytes_are_cut_to_their_bounds(machine: OnChain) -> None:
    rng = random.Random(5)
    for _ in range(25):
        scene = Scene()
        data = bytes(rng.choice([0, 0xFF, rng.randrange(256)]) for _ in range(64))
        closed = InboxEntry(
            InboxKind.EPOCH, 0, rng.randrange(2**64), x=Hash(data[:32]), y=Hash(data[32:])
        )
        for step in forced_steps(scene, [closed, close_epoch(1, U64_MAX, Rules())]):
            assert agreed(machine, step) == step.post


def test_a_state_of_any_numbers_has_one_next_state(machine: OnChain) -> None:
    """Headers that no history reaches: sums at their ends, any ring, rules beyond their bounds."""
    rng = random.Random(6)
    for _ in range(120):
        scene = Scene()
        edge = [0, 1, U64_MAX - 1, rng.randrange(2**64)]
        header = scene.state.header
        scene.state.header = replace(
            header,
            funds=types.Amount(rng.choice(edge)),
            score=types.Score(rng.choice([*edge, U64_MAX])),
            confirmed=rng.choice([*edge, U64_MAX]),
            rules=replace(
                header.rules,
                compute_bps=types.Bps(65_535),
                stake_full=rng.choice([0, 1, 65_535]),
                cover=types.Units(rng.choice(edge)),
                max_work=types.Units(rng.choice(edge)),
                max_steps=rng.choice([0, 1, 2**32 - 1]),
            ).clamped(),
        )
        account = replace(
            scene.account(ANN),
            balance=types.Amount(rng.randrange(2**63)),
            live=rng.choice([0, 1, U64_MAX]),
            score=types.Score(rng.choice([0, 0, 5])),
            reputation=rng.choice([0, 999, 1_000]),
        )
        scene.put(ANN, account)
        nonce = account.nonce
        said: list[Receipt] = [
            replace(scene.work(ANN), nonce=nonce),
            Action(ActionKind.SETTLE, ANN, Nonce(nonce + 1), 0, 0),
            Action(ActionKind.TRANSFER, ANN, Nonce(nonce + 2), BOB, 0, rng.choice(edge)),
            Action(ActionKind.WITHDRAW, ANN, Nonce(nonce + 3), 0, 0, rng.choice(edge)),
            Action(ActionKind.DISTRIBUTE, ANN, Nonce(nonce + 4)),
            Action(rng.randrange(256), ANN, Nonce(nonce + 5), *(rng.choice(edge) for _ in "abc")),
        ]
        placed = [sign_one(one, DOMAIN, KEYS[0]) for one in said]
        for step in steps_of(scene, placed):
            vector = as_vector(step)
            assert agreed(machine, vector) == vector.post


# ------------------------------------------------------------------------- one definition each


def test_constants_are_those_of_the_reference() -> None:
    parts = ("Rewards", "State", "Leaves", "Receipts", "Effects", "Inbox", "Layout")
    text = SOURCES["src/libraries/InboxKinds.sol"] + "".join(
        SOURCES[f"src/libraries/Ledger{name}.sol"] for name in parts
    )
    found = dict(re.findall(r"constant (\w+) = ([\d_]+|1 << \w+);", text))
    values: dict[str, int] = {}
    for name, value in found.items():
        base, _, shift = value.partition(" << ")
        places = int(shift or 0) if shift.isdigit() or not shift else values[shift]
        values[name] = int(base) << places
    kinds = {kind.name: int(kind) for kind in (*InboxKind, *ActionKind)}
    wanted = kinds | {
        "BPS": types.BPS,
        "MAX_WORK": types.MAX_WORK,
        "REPUTATION_FULL": types.REPUTATION_FULL,
        "MAX_SLOTS": types.MAX_SLOTS,
        "MAX_UNITS_A_PRICE": types.MAX_UNITS_A_PRICE,
        "MAX_UNITS_A_POINT": types.MAX_UNITS_A_POINT,
        "MAX_BUNDLE": types.MAX_BUNDLE,
        "MAX_ACCOUNTS": types.MAX_ACCOUNTS,
        "MAX_JOBS": types.MAX_JOBS,
        "MAX_EPOCHS": types.MAX_EPOCHS,
        "PENDING": types.Status.PENDING,
        "FINAL": types.Status.FINAL,
        "HEADER_BYTES": HEADER_BYTES,
        "ACCOUNT_BYTES": types.ACCOUNT_BYTES,
        "RECORD_BYTES": types.RECORD_BYTES,
        "JOB_BYTES": types.JOB_BYTES,
        "EPOCH_BYTES": types.EPOCH_BYTES,
        "ENTRY_BYTES": INBOX_BYTES,
        "SIGNATURE_BYTES": SIGNATURE_BYTES,
    }
    assert {name: values[name] for name in wanted} == wanted
    joined = re.sub(r'"\s*"', "", text)
    assert f'"{ACTION_TYPE}"' in joined
    assert f'"{STATEMENT_TYPE}"' in joined
    assert set(effects._ACTIONS) == set(ActionKind)
