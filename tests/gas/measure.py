"""What every transaction of the ledger costs, whole, on the contracts as they ship.

    python3 dev.py run python tests/gas/measure.py             a table
    python3 dev.py run python tests/gas/measure.py --update    and tests/gas/snapshot.json from it

The chain is py-evm with Prague's prices (EIP-7623's floor for calldata included). Keys, times and
data are fixed, so that every figure is the same on every machine.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
if __name__ == "__main__":
    sys.path[:0] = [str(ROOT), str(ROOT / "bisect")]

from prover.commit.keccak import Hash, keccak  # noqa: E402
from prover.row import Kind  # noqa: E402
from rollup.protocol.actions import Action  # noqa: E402
from rollup.protocol.entries import sign_receipt  # noqa: E402
from rollup.protocol.header import Header, data_hashes  # noqa: E402
from rollup.protocol.ledger.packing import forced_bytes  # noqa: E402
from tests.contracts.evm import Chain  # noqa: E402
from tests.contracts.metered import MeteredEvm  # noqa: E402
from tests.contracts.test_proof_gas import deploy, win  # noqa: E402
from tests.contracts.vast import ENTRIES as ENTRIES_AT_MOST  # noqa: E402
from tests.contracts.vast import RECEIPTS as RECEIPTS_AT_MOST  # noqa: E402
from tests.contracts.vast import steps  # noqa: E402
from tests.gas import states  # noqa: E402
from tests.gas.disputes import Dispute, Step, training  # noqa: E402
from tests.gas.stage import BUNDLES, CLAIM_STEPS, RECEIPTS, WINDOW, Stage, build  # noqa: E402
from tests.prover.forgery import Step as Proven  # noqa: E402

SNAPSHOT: Final = ROOT / "tests/gas/snapshot.json"
LONG: Final = 1 << 40
"""Micro-steps of the long dispute, to the nearest whole training step below."""
DISSECTIONS: Final = 10
ENTRIES: Final = 64
ACTION: Final = (32, 1, 7, 2, 0, 10**9)
PRICE: Final = 30 * 10**9
"""Wei a gas in the disputes' blocks."""


@dataclass(frozen=True, slots=True)
class Figure:
    """Gas of a transaction, or of several together.

    `bar` is what must not be exceeded; `peer` is the same figure of whom we are compared with: a
    binary bisection's move and one machine step's proof by Cartesi's PRT, the cheapest of Kroma's
    disputes. `count` says of how many things (`each`) the gas is.
    """

    gas: int
    what: str
    bar: int | None = None
    peer: int | None = None
    count: int = 1
    each: str = ""


def figures(chain: Chain | None = None) -> dict[str, Figure]:
    """Every figure by its name, measured now."""
    long = LONG // training().micro_steps
    stage = build(chain or MeteredEvm(), [long, *[CLAIM_STEPS] * (BUNDLES - 1)])
    found = _ledger(stage)
    settle(stage)
    found |= _long_dispute(stage)
    found |= _proofs(stage)
    found |= _endings(stage)
    stage.chain.warp(WINDOW)
    found |= _confirmations(stage)
    found |= _inbox(stage)
    found |= _posts(stage)
    found |= _ledger_proofs()
    found |= _states()
    return found


def _states() -> dict[str, Figure]:
    """Assertions and rewards, on a chain of their own."""
    gas = states.spent()
    said = {
        "states/assert": ("Assertions.assertState", None),
        "states/confirm": ("Assertions.confirm", None),
        "states/challenge": ("Assertions.challenge, 16 values", None),
        "states/rejected": ("DisputeGame.timeout on a false state, with payout", None),
        "rewards/deposit": ("Rewards.deposit", None),
        "rewards/fund": ("Rewards.fund", None),
        "rewards/close-epoch": ("Rewards.closeEpoch", None),
        "rewards/adopt": ("Rewards.adopt", None),
        "rewards/claim/first": ("Rewards.claim, to who has no tokens, among 2^20", None),
        "rewards/claim/repeat": ("Rewards.claim among 2^20", 60_000),
        "jobs/open": ("Jobs.open", None),
    }
    return {name: Figure(gas[name], what, bar) for name, (what, bar) in said.items()}


def settle(stage: Stage) -> None:
    """A first dispute, so that nothing is new any more: heaps, burnt wei, the worker's credit."""
    game = stage.dispute(BUNDLES - 1, Step.of(0), "first challenger")
    game.open()
    stage.chain.warp(2 * stage.arena.rules.clock)
    game.timeout(sender=game.challenger)


def _ledger(stage: Stage) -> dict[str, Figure]:
    spent, rows = stage.spent, len(training().rows)
    publish = sum(gas for name, gas in spent.items() if name.startswith("batch/publish"))
    size = spent["batch/bytes"]
    return {
        "ledger/register": Figure(
            spent["register"], "Programs.register of the demo's training", None, None, rows, "row"
        ),
        "ledger/deposit/new-account": Figure(
            spent["deposit/new account"], "StakeVault.deposit, account and first slot"
        ),
        "ledger/deposit/one-more-slot": Figure(
            spent["deposit/one more slot"], "StakeVault.deposit, one slot"
        ),
        "ledger/deposit/16-slots": Figure(
            spent["deposit/more slots"], "StakeVault.deposit", None, None, BUNDLES, "slot"
        ),
        "ledger/publish/chunk": Figure(
            spent["batch/publish 0"], "Rollup.publish of a full chunk", None, None,
            spent["batch/bytes 0"], "byte",
        ),
        "ledger/publish/batch": Figure(
            publish, f"Rollup.publish of a batch, {size} bytes", None, None, RECEIPTS, "receipt"
        ),
        "ledger/post": Figure(
            spent["batch/post"], "Rollup.post of the second batch", 20 * RECEIPTS, None,
            RECEIPTS, "receipt",
        ),
    }  # fmt: skip


def _long_dispute(stage: Stage) -> dict[str, Figure]:
    """2^40 micro-steps to one fused multiply-add: ten dissections and a proof."""
    game = stage.dispute(0, Step.of(0, 777), "challenger of the long claim")
    game.open(gas_price=PRICE)
    opening = stage.chain.gas_used
    moves: dict[bool, list[int]] = {True: [], False: []}
    while game.bounds()[1] > 1:
        side = game.defenders_turn
        game.move(gas_price=PRICE)
        moves[side].append(stage.chain.gas_used)
    proof = _prove(stage, game)
    count = 1 + sum(map(len, moves.values()))
    assert count == DISSECTIONS, count
    both = sum(moves[True] + moves[False])
    return {
        "game/open": Figure(
            opening, f"Rollup.challenge, a bundled receipt among {RECEIPTS:,}, first dissection"
        ),
        "game/move/defender": Figure(
            max(moves[True]), "DisputeGame.move, the dearest", 70_000, 90_000
        ),
        "game/move/challenger": Figure(
            max(moves[False]), "DisputeGame.move, the dearest", 70_000, 90_000
        ),
        "game/2^40/moves": Figure(both, "the moves after the opening", None, None, 9, "move"),
        "game/2^40/moves-and-proof": Figure(both + proof, "the nine moves and the proof", 800_000),
        "game/2^40/whole": Figure(
            opening + both + proof, "opening, nine moves, proof and payout", None, 1_180_000
        ),
    }


def _prove(stage: Stage, game: Dispute) -> int:
    assert not game.defenders_turn
    assert game.bounds() == (game.step.position, 1)
    game.prove({"witness": game.step.witness}, gas_price=PRICE)
    return stage.chain.gas_used


def _proofs(stage: Stage) -> dict[str, Figure]:
    """The last transaction of disputes about claims of 44 training steps."""
    program = training()
    places = {
        "dot-mid-fold": Step.of(0, 777, 5),
        "dot-and-write": Step.of(0, 777),
        "three-reads-and-write": Step.of(_three_reads(), 17),
        "end-of-training-step": Step.of(len(program.rows) - 1),
        "longest-witness": max(
            (Step.of(row) for row, count in enumerate(program.counts) if count),
            key=lambda step: len(step.witness),
        ),
    }
    found = {}
    for bundle, (name, step) in enumerate(places.items(), 1):
        game = stage.dispute(bundle, step, f"challenger of bundle {bundle}")
        game.open(gas_price=PRICE)
        game.play_to_proof()
        found[f"proof/{name}"] = Figure(
            _prove(stage, game),
            f"DisputeGame.prove and payout, {len(step.witness):,} bytes of witness",
            200_000,
            128_000,
        )
    return found


def _ledger_proofs() -> dict[str, Figure]:
    """The same of disputes about the ledger, with all its trees at their largest."""
    arena, played = deploy("LedgerMachine"), steps()
    batch = RECEIPTS_AT_MOST + ENTRIES_AT_MOST

    def proof(name: str) -> int:
        step = played[name]
        told = Proven(step.program, step.position, step.pre, step.witness)
        return win(arena, told, step.post, (batch, 16 * batch), name)

    proof("withdraw")  # what is new in the first dispute of a chain is left out, as above
    return {
        f"proof/ledger/{name.replace(' ', '-')}": Figure(
            proof(name),
            f"DisputeGame.prove and payout, {len(played[name].witness):,} bytes of witness",
            250_000,
        )
        for name in ("claim", "settle", "evaluate", "use", "forced evaluation")
    }


def _three_reads() -> int:
    """The dearest row that reads three registers."""
    reading = [
        number
        for number, row in enumerate(training().rows)
        if row and sum(operand.kind == Kind.REGISTER for operand in row.operands) == 3
    ]
    return max(reading, key=lambda number: len(Step.of(number).witness))


def _endings(stage: Stage) -> dict[str, Figure]:
    """What else a game can end in, and taking what was won."""
    chain, vault = stage.chain, stage.arena.vault
    bundle = BUNDLES - 2
    one, two, liar = (stage.dispute(bundle, Step.of(0), name) for name in ("one", "two", "liar"))
    found = {}
    for game in (one, two, liar):
        game.open(gas_price=PRICE)
    found["game/open/second-challenger"] = Figure(chain.gas_used, "Rollup.challenge")
    liar.move(gas_price=PRICE)
    chain.warp(2 * stage.arena.rules.clock)
    liar.timeout(sender=one.challenger, gas_price=PRICE)
    found["game/timeout/challenger"] = Figure(chain.gas_used, "DisputeGame.timeout")
    one.timeout(sender=one.challenger, gas_price=PRICE)
    found["game/timeout/defender"] = Figure(chain.gas_used, "DisputeGame.timeout, with payout")
    two.close(sender=two.challenger, gas_price=PRICE)
    found["game/close"] = Figure(chain.gas_used, "DisputeGame.close, with the refund for gas")
    vault.collect(sender=one.challenger, gas_price=PRICE)
    found["vault/collect"] = Figure(chain.gas_used, "StakeVault.collect")
    vault.exit(BUNDLES, sender=stage.owner)
    found["vault/exit"] = Figure(chain.gas_used, "StakeVault.exit")
    chain.warp(stage.arena.rules.unbonding)
    vault.withdraw(BUNDLES, sender=stage.owner)
    found["vault/withdraw"] = Figure(chain.gas_used, "StakeVault.withdraw")
    return found


def _confirmations(stage: Stage) -> dict[str, Figure]:
    """Slashes are told to the ledger, then batches are made final."""
    vault = stage.arena.vault
    for slot in range(vault.slotsOf(stage.account)):
        if vault.isSlashed(stage.account, slot):
            vault.report(stage.account, slot, sender=stage.sequencer)
            stage.note("report")
    stage.confirm(1)
    stage.confirm(2)
    return {
        "vault/report": Figure(stage.spent["report"], "StakeVault.report, with its inbox entry"),
        "ledger/confirm": Figure(stage.chain.gas_used, "Rollup.confirm, with its inbox entry"),
    }


def _inbox(stage: Stage) -> dict[str, Figure]:
    """Receipts that somebody forces, after the first one of their kind on the chain."""
    found = {}
    for name, receipt in (
        ("work", stage.works(0, 1)[0]),
        ("action", Action(*ACTION)),  # type: ignore[arg-type]
    ):
        data = forced_bytes(
            receipt, sign_receipt(receipt, stage.domain, stage.worker.key).signature
        )
        for _ in range(2):
            stage.arena.host.force(data, sender=stage.owner)
        found[f"inbox/force/{name}"] = Figure(
            stage.chain.gas_used, f"Rollup.force, {len(data)} bytes"
        )
    return found


def _posts(stage: Stage) -> dict[str, Figure]:
    """Headers of batches far on: the costliest at each number of peaks, which joins them all."""
    found = {}
    for peaks, receipts, bar in (
        (10, RECEIPTS, 20 * RECEIPTS),
        (16, RECEIPTS, None),
        (16, 1 << 16, 3 << 15),
    ):
        parent, behind = stage.aged((1 << peaks) - 1)
        _post(stage, parent, behind, receipts)
        found[f"ledger/post/{receipts}-receipts-{peaks}-peaks"] = Figure(
            stage.chain.gas_used, f"Rollup.post of batch {1 << peaks:,}", bar, None,
            receipts, "receipt",
        )  # fmt: skip
    parent, behind = stage.aged(1 << 10)
    _post(stage, parent, behind, RECEIPTS)
    plain = stage.chain.gas_used
    parent, behind = stage.aged(1 << 10)
    action = Action(*ACTION)  # type: ignore[arg-type]
    signature = sign_receipt(action, stage.domain, stage.worker.key).signature
    for _ in range(ENTRIES):
        stage.arena.host.force(forced_bytes(action, signature), sender=stage.owner)
    _post(stage, parent, behind, RECEIPTS)
    found["ledger/post/entries"] = Figure(
        stage.chain.gas_used - plain, f"what {ENTRIES} inbox entries add to it", None, None,
        ENTRIES, "entry",
    )  # fmt: skip
    return found


def _post(stage: Stage, parent: Header, peaks: Sequence[Hash], receipts: int) -> None:
    stage.arena.host.publish(b"data", sender=stage.sequencer)
    stage.header(parent, peaks, receipts, keccak(b"batch root"), data_hashes([b"data"])[-1])


def table(found: dict[str, Figure]) -> str:
    """For people."""
    lines = []
    for name, figure in found.items():
        each = f"{figure.gas / figure.count:>10,.1f} a {figure.each}" if figure.each else ""
        bar = f" (bar {figure.bar:,})" if figure.bar else ""
        lines.append(f"{name:<32}{figure.gas:>11,}{each:<22} {figure.what}{bar}")
    return "\n".join(lines)


def main() -> None:
    """Prints the table; with --update also writes the snapshot."""
    found = figures()
    print(table(found))
    if "--update" in sys.argv[1:]:
        snapshot = {name: figure.gas for name, figure in found.items()}
        SNAPSHOT.write_text(json.dumps(snapshot, indent=2) + "\n", "utf-8")


if __name__ == "__main__":
    main()
