"""Gas is what it was, is within its bars, and is the same on another kind of chain."""

import json
import time

import pytest

from rollup.l1.devnet import anvil, find_anvil
from tests.contracts.evm import Chain
from tests.gas.anvil import AnvilEvm, TickingEvm
from tests.gas.disputes import Step
from tests.gas.measure import PRICE, SNAPSHOT, Figure, figures, settle
from tests.gas.stage import build

UPDATE = "python3 dev.py run python tests/gas/measure.py --update"


@pytest.fixture(scope="module")
def measured() -> dict[str, Figure]:
    return figures()


def test_every_figure_is_the_snapshots(measured: dict[str, Figure]) -> None:
    snapshot = json.loads(SNAPSHOT.read_text("utf-8"))
    now = {name: figure.gas for name, figure in measured.items()}
    changed = {
        name: (snapshot.get(name), now.get(name))
        for name in sorted({*snapshot, *now})
        if snapshot.get(name) != now.get(name)
    }
    assert not changed, f"(snapshot, now); when it is meant: {UPDATE}"


def test_no_figure_exceeds_its_bar(measured: dict[str, Figure]) -> None:
    barred = {name: figure for name, figure in measured.items() if figure.bar is not None}
    assert len(barred) >= 8
    over = {n: (f.gas, f.bar) for n, f in barred.items() if f.bar is not None and f.gas > f.bar}
    assert not over, "(gas, bar)"


def a_dispute(chain: Chain) -> dict[str, int]:
    """Gas of everything from the program's registration to a proof."""
    stage = build(chain)
    settle(stage)
    game = stage.dispute(1, Step.of(0, 777), "challenger")
    game.open(gas_price=PRICE)
    stage.note("open")
    for number in range(5):
        game.move(gas_price=PRICE)
        stage.note(f"move {number}")
    game.prove({"witness": game.step.witness}, gas_price=PRICE)
    stage.note("proof")
    stage.arena.vault.collect(sender=game.challenger)
    stage.note("collect")
    return stage.spent


def test_anvil_charges_the_same() -> None:
    if find_anvil() is None:
        pytest.skip("anvil is not installed: gas is py-evm's word alone")
    with anvil() as devnet:
        start = int(time.time()) + 1000
        theirs = a_dispute(AnvilEvm(devnet, start))
    ours = a_dispute(TickingEvm(devnet.chain_id, start))
    assert theirs == ours
    assert {"register", "batch/post", "open", "move 4", "proof", "collect"} <= set(ours)
