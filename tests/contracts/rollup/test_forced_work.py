"""How much Work can be forced: no more than validators have time for beside what is admitted."""

import random
from typing import Any

import pytest

from rollup.protocol.actions import Action
from rollup.protocol.ledger.packing import forced_bytes
from rollup.protocol.receipts import Statement
from rollup.protocol.types import AccountIndex, Nonce, SlotIndex
from tests.contracts.evm import Revert, reverts
from tests.contracts.ledger import CAPS, COUNTER, WINDOW, Ledger, Run, deploy
from tests.contracts.rollup.lies import LIE, RUN

pytestmark = pytest.mark.usefixtures("toolchain")
UNITS = RUN.steps * COUNTER.work
ROOM = 3 * UNITS + 1


@pytest.fixture
def ledger() -> Ledger:
    """Three runs may be forced in a window; it is the start of one."""
    ledger = deploy(caps=(3 * UNITS, *CAPS[1:]), forced=ROOM)
    ledger.chain.warp(-now(ledger) % WINDOW)
    return ledger


def now(ledger: Ledger) -> int:
    return int(ledger.game.protocolTime())


def force(ledger: Ledger, count: int = 1, run: Run = RUN, **changed: Any) -> None:
    for nonce in range(count):
        ledger.force(run.work(ledger.account, nonce=nonce, **changed))


def other(ledger: Ledger) -> tuple[Statement, Action]:
    account = AccountIndex(ledger.account)
    return (
        Statement(16, account, Nonce(0), LIE, LIE),
        Action(32, account, Nonce(0), 2, 0, 7),
    )


def fits(ledger: Ledger, run: Run) -> bool:
    """Forces a lie about the run, where there is room for it."""
    try:
        force(ledger, run=run, params_after=LIE)
    except Revert as refused:
        if refused.name != "ForcedWorkSpent":
            raise
        return False
    return True


def test_a_window_holds_so_many_units_and_no_more(ledger: Ledger) -> None:
    start, single = now(ledger), Run(steps=1)
    force(ledger, 3)
    before = ledger.rollup.inboxCount()
    for run in (RUN, Run(steps=2)):
        with reverts("ForcedWorkSpent", start + WINDOW):
            force(ledger, run=run)
    assert ledger.rollup.inboxCount() == before
    force(ledger, run=single)  # the last unit
    ledger.chain.warp(WINDOW - 1)
    with reverts("ForcedWorkSpent", start + WINDOW):
        force(ledger, run=single)
    for receipt in other(ledger):  # nobody recomputes these
        ledger.force(receipt)
    assert ledger.rollup.inboxCount() == before + 3


def test_the_next_window_begins_empty(ledger: Ledger) -> None:
    """Two windows' worth at the border of two, and then nothing until the second is over."""
    start = now(ledger)
    ledger.chain.warp(WINDOW - 1)
    force(ledger, 3)
    ledger.chain.warp(1)
    force(ledger, 3)
    for passed in (0, WINDOW - 1):
        ledger.chain.warp(passed)
        with reverts("ForcedWorkSpent", start + 2 * WINDOW):
            force(ledger)
    ledger.chain.warp(5 * WINDOW)  # what is left of a window is not kept
    force(ledger, 3)
    with reverts("ForcedWorkSpent", start + 7 * WINDOW):
        force(ledger)


def test_windows_are_of_protocol_time(ledger: Ledger) -> None:
    guardian = ledger.chain.account("guardian")
    start = now(ledger)
    force(ledger, 3)
    ledger.chain.warp(WINDOW - 10)
    ledger.game.pause(sender=guardian)
    for seconds in (20, 0, 9):
        ledger.chain.warp(seconds)
        with reverts("ForcedWorkSpent", start + WINDOW):
            force(ledger)
        if ledger.game.paused():
            ledger.game.unpause(sender=guardian)
    ledger.chain.warp(1)
    force(ledger)


def test_what_counts_is_the_program_s_work(ledger: Ledger) -> None:
    """Wrong signers, slots and ends are not looked at: what is sent takes its units."""
    work = RUN.work(ledger.account, slot=SlotIndex(9), first_step=2**64 - 1 - RUN.steps)
    ledger.force(work, key=bytes(31) + b"\x07")
    ledger.rollup.force(forced_bytes(work, bytes(65)), sender=ledger.challenger)  # type: ignore[arg-type]
    force(ledger, params_after=LIE)
    with reverts("ForcedWorkSpent"):
        force(ledger)


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"kind": 0}, "UnknownKind"),
        ({"kind": 16}, "UnknownKind"),
        ({"program": LIE}, "UnknownProgram"),
        ({"steps": 0}, "OverCap"),
        ({"steps": 3 * RUN.steps + 1}, "OverCap"),
        ({"steps": 2**32 - 1}, "OverCap"),
        ({"first_step": 2**64 - RUN.steps}, "OverCap"),
    ],
    ids=str,
)
def test_a_void_work_is_refused_and_takes_nothing(
    ledger: Ledger, change: dict[str, Any], error: str
) -> None:
    before = ledger.rollup.inboxCount()
    with reverts(error):
        force(ledger, **change)
    assert ledger.rollup.inboxCount() == before
    force(ledger, 3)


def test_each_cap_refuses() -> None:
    for caps in (
        (UNITS - 1, 500, 4, 100),
        (1_000, COUNTER.words - 1, 4, 100),
        (1_000, 500, 4, RUN.steps - 1),
    ):
        with reverts("OverCap"):
            force(deploy(caps=caps))
    force(deploy(caps=(UNITS, COUNTER.words, 1, RUN.steps)))


def test_no_stretch_of_a_window_holds_more_than_two_windows_room(ledger: Ledger) -> None:
    """What `Preset.admitted_window_work` keeps free is enough, and is what can come."""
    dice, came = random.Random(5), list[tuple[int, int]]()
    for _ in range(120):
        run = Run(steps=dice.choice([1, 2, 4, 12]))
        if fits(ledger, run):
            came.append((now(ledger), run.steps * COUNTER.work))
        else:
            ledger.chain.warp(dice.choice([0, 1, WINDOW // 7, WINDOW // 2]))
    most = max(sum(units for time, units in came if end - WINDOW < time <= end) for end, _ in came)
    assert ROOM < most <= 2 * ROOM
