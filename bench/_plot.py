"""The picture of a report: how much of its target each figure reaches."""

from collections.abc import Sequence
from pathlib import Path

Figure = tuple[str, float, float | None, str]
"""Name, value, target, and which is better: `higher` or `lower`."""


def number(value: float) -> str:
    """Four digits, or all of a large one."""
    return f"{value:,.0f}" if abs(value) >= 1e4 else f"{value:,.4g}"


def plot(figures: Sequence[Figure], path: Path) -> None:
    """Draw the figures that have a target; right of the line it is met."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    wanted = [
        (name, value / target if better == "higher" else target / value, value, target)
        for name, value, target, better in figures
        if target and value > 0
    ]
    drawing, axes = plt.subplots(figsize=(10, 1.2 + 0.3 * len(wanted)), layout="constrained")
    names = [name for name, *_ in wanted]
    shares = [share for _, share, _, _ in wanted]
    axes.barh(names, shares, color=["#2a7f5f" if share >= 1 else "#c0392b" for share in shares])
    for place, (_, share, value, target) in enumerate(wanted):
        axes.text(share, place, f" {number(value)} of {number(target)}", va="center", fontsize=8)
    axes.axvline(1, color="black", linewidth=1)
    axes.set_xlim(0, 1.25 * max([1.0, *shares]))
    axes.set_xlabel("share of the target; right of the line it is met")
    axes.tick_params(axis="y", labelsize=8)
    axes.invert_yaxis()
    drawing.savefig(path, dpi=120)
    plt.close(drawing)
