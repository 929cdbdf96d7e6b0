"""Receipts that no claim comes of, and the caps that bound a claim."""

from dataclasses import replace
from typing import Any

import pytest

from prover.program import Program
from prover.row import Row
from rollup.protocol.types import SlotIndex
from tests.contracts.evm import reverts
from tests.contracts.ledger import CAPS, COUNTER, Ledger, deploy
from tests.contracts.rollup.lies import LIE, RUN, lie

pytestmark = pytest.mark.usefixtures("toolchain")


def test_void_claims_are_named_and_need_no_challenge(ledger: Ledger) -> None:
    bad = {"params_after": LIE}
    cases: list[tuple[dict[str, Any], str]] = [
        ({"kind": 0}, "UnknownKind"),
        ({"kind": 3}, "UnknownKind"),
        ({"kind": 16}, "UnknownKind"),
        ({"program": LIE}, "UnknownProgram"),
        ({"steps": 0}, "OverCap"),
        ({"steps": CAPS[3] + 1}, "OverCap"),
        ({"steps": 2**32 - 1}, "OverCap"),
        ({"first_step": 2**64 - 2}, "OverCap"),
        ({"slot": SlotIndex(3)}, "SlotNotLive"),
    ]
    works = [
        RUN.work(ledger.account, nonce=n, **(bad | change)) for n, (change, _) in enumerate(cases)
    ]
    posted = ledger.post_works(*works)
    for index, (_, error) in enumerate(cases):
        with reverts(error):
            ledger.challenge(posted.opening(index), RUN.values(16))


@pytest.mark.parametrize(
    "caps",
    [
        (4 * COUNTER.work - 1, 500, 4, 100),
        (1_000, COUNTER.words - 1, 4, 100),
        (1_000, 500, 4, 3),
    ],
    ids=["work", "words", "steps"],
)
def test_each_cap_binds(caps: tuple[int, int, int, int]) -> None:
    tight = deploy(caps=caps)
    with reverts("OverCap"):
        tight.challenge(lie(tight).opening(0), RUN.values(16))
    exact = deploy(caps=(4 * COUNTER.work, COUNTER.words, 1, 4))
    exact.challenge(lie(exact).opening(0), RUN.values(16))


def register(ledger: Ledger, *rows: Row) -> Program:
    program = Program.of(rows, COUNTER.depths)
    depths = int.from_bytes(bytes(program.depths))
    ledger.programs.register(b"".join(program.packed), depths, sender=ledger.challenger)
    ledger.chain.warp(1)
    return program


def test_a_program_that_is_registered_after_the_post_makes_no_claim_of_it(ledger: Ledger) -> None:
    """Nobody may make a claim count after everybody has found it void."""
    row = COUNTER.rows[0]
    assert row is not None
    program = Program.of((row, row), COUNTER.depths)
    posted = ledger.post_works(RUN.work(ledger.account, program=program.id, params_after=LIE))
    with reverts("UnknownProgram"):
        ledger.rollup.claimOf(posted.opening(0))
    register(ledger, row, row)
    assert ledger.programs.registeredAt(program.id) == posted.header.posted  # not before
    with reverts("LateProgram"):
        ledger.challenge(posted.opening(0), RUN.values(16))
    again = ledger.post_works(RUN.work(ledger.account, nonce=1, program=program.id))
    assert ledger.rollup.claimOf(again.opening(0))[5] == 2 * RUN.steps


def test_the_cap_on_rows_binds() -> None:
    for most, error in ((2, None), (1, "OverCap")):
        ledger = deploy(caps=(1_000, 500, most, 100))
        row = COUNTER.rows[0]
        assert row is not None
        program = register(ledger, row, row)
        posted = ledger.post_works(RUN.work(ledger.account, program=program.id))
        if error is None:
            assert ledger.rollup.claimOf(posted.opening(0))[5] == 2 * RUN.steps
        else:
            with reverts(error):
                ledger.rollup.claimOf(posted.opening(0))


def test_a_claim_has_fewer_than_2_to_the_62_steps() -> None:
    ledger = deploy(caps=(2**64 - 1, 2**64 - 1, 4, 2**32 - 1))
    row = COUNTER.rows[0]
    assert row is not None
    program = register(ledger, replace(row, dims=(2**27, 2**20, 1, 1)))
    assert program.micro_steps == 2**47
    works = [
        RUN.work(ledger.account, program=program.id, steps=steps) for steps in (2**15 - 1, 2**15)
    ]
    posted = ledger.post_works(*works)
    assert ledger.rollup.claimOf(posted.opening(0))[5] == 2**62 - 2**47
    with reverts("OverCap"):
        ledger.rollup.claimOf(posted.opening(1))
