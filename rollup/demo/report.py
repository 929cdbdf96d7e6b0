"""What the demo shows at its end: tables for people, one document for machines."""

from typing import Any, Final

from rich.console import Console

from bisection.dissection import Dissection
from prover.float32 import to_float
from prover.machine import describe
from prover.reference import Place, place, row_at
from prover.trace import TensorTrace
from rollup.demo.plan import Plan
from rollup.demo.story import Ending
from rollup.report import table

ETHER: Final = 10**18


def document(ending: Ending) -> dict[str, Any]:
    """The report for machines: see README for its keys."""
    plan, dispute = ending.plan, ending.dispute
    receipts = sum(h.receipts for h in ending.follower.headers)
    final = sum(h.receipts for h in ending.follower.headers if h.number <= ending.confirmed)
    found = None if dispute.found is None else _where(plan, dispute.found)
    return {
        "receipts": receipts,
        "batches": len(ending.follower.headers),
        "gas_per_receipt_header": round(ending.posting.header / receipts, 1),
        "gas_per_receipt_data": round(ending.posting.data / receipts, 1),
        "accuracy": [round(share, 4) for share in ending.accuracy],
        "confirmed": final - 1 if dispute.winner == "challenger" else final,
        "claims": ending.share.claims,
        "masked": plan.masked,
        "seconds": round(ending.seconds, 1),
        "stakes": {
            name: {"before": str(before), "after": str(after)}
            for name, (before, after) in ending.stakes.items()
        },
        "disputes": [
            {
                "injected": _position(_where(plan, plan.fault.position)),
                "found": None if found is None else _position(found),
                "moves": len(dispute.move_gas),
                "opening_gas": dispute.opening_gas,
                "gas_per_move": dispute.move_gas,
                "proof_gas": dispute.proof_gas,
                "total_gas": dispute.total_gas,
                "winner": dispute.winner,
            }
        ],
    }


def show(ending: Ending, report: dict[str, Any], console: Console) -> None:
    """The tables."""
    plan, dispute = ending.plan, ending.dispute
    console.print()
    console.print(
        table(
            "The ledger",
            [
                ("receipts on L1", f"{report['receipts']:,}"),
                ("of them claims, all recomputed", f"{report['claims']:,}"),
                ("batches", str(report["batches"])),
                ("L1 gas a receipt, header", f"{report['gas_per_receipt_header']:,}"),
                ("L1 gas a receipt, data", f"{report['gas_per_receipt_data']:,}"),
                ("receipts confirmed", f"{report['confirmed']:,}"),
                ("test accuracy, a worker", ", ".join(f"{a:.1%}" for a in report["accuracy"])),
                ("faults drawn, masked", f"{plan.masked + 1}, {plan.masked}"),
                ("seconds", str(report["seconds"])),
            ],
        )
    )
    rows = [("challenge, first dissection", f"{dispute.opening_gas:,}")]
    rows += [(f"move {n}", f"{gas:,}") for n, gas in enumerate(dispute.move_gas, 1)]
    rows += [("proof of one step", f"{dispute.proof_gas:,}"), ("all", f"{dispute.total_gas:,}")]
    console.print(table("The dispute", rows, ("transaction", "gas")))
    console.print(_path(ending))
    console.print(
        table(
            "Stakes in ETH: bonds and credit",
            [
                (name, f"{before / ETHER:.4f}", f"{after / ETHER:.4f}")
                for name, (before, after) in ending.stakes.items()
            ],
            ("account", "before", "after"),
        )
    )
    console.print(_finding(plan, dispute.found), soft_wrap=True)


def _path(ending: Ending) -> Any:
    """The bisection, a line a dissection."""
    rows = []
    for number, played in enumerate(ending.dispute.rounds):
        cut = Dissection(played.start, played.length, (ending.disputed.claim.pre,) * 2)
        at = describe(ending.plan.program, ending.plan.first_step, cut.start)
        rows.append(
            (
                f"{number + 1} {played.mover}",
                f"{played.start:,}",
                f"{played.length:,}",
                f"{at.place.step}",
                at.name,
            )
        )
    return table(
        "The path of the bisection",
        rows,
        ("dissection", "from micro-step", "micro-steps", "training step", "row"),
    )


def _finding(plan: Plan, found: int | None) -> str:
    if found is None:
        return "The clock ended the game: the liar did not answer."
    program, first_step = plan.program, plan.first_step
    expected, claimed = _word(plan.honest, found), _word(plan.faulty, found)
    shape = "x".join(str(n) for n in row_at(program, place(program, 0, found).row).dims if n > 1)
    return (
        f"Proven on chain: {describe(program, first_step, found)} (shape {shape or '1'})\n"
        f"  expected {to_float(expected):.9g} (0x{expected:08x}),"
        f" claimed {to_float(claimed):.9g} (0x{claimed:08x})"
    )


def _word(trace: TensorTrace, position: int) -> int:
    """The scalar that a run has after a micro-step: its accumulator, or the word that it wrote."""
    program, first_step = trace.program, trace.first_step
    where = place(program, first_step, position)
    row = row_at(program, where.row)
    state = trace.state(position + 1)
    if where.fold_index < row.fold - 1:
        return state.acc
    return int(state.tensor(row.out)[row.out_address(where.element, where.step)])


def _where(plan: Plan, position: int) -> Place:
    return place(plan.program, plan.first_step, position)


def _position(where: Place) -> dict[str, int]:
    return {"step": where.step, "op": where.row, "element": where.element, "k": where.fold_index}
