"""What does every transaction of the ledger cost on L1?

    python bench/gas.py [--json FILE]

The figures of tests/gas/measure.py: whole transactions on py-evm under Prague's rules, the same on
every machine. A dispute's gas, payouts included, is on a chain in use: only what the dispute itself
makes new is paid as new.
"""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "bisect")]

from bench._harness import Result, arguments, report  # noqa: E402
from tests.gas.measure import figures  # noqa: E402

PACKAGES = ("py-evm", "eth-tester")


def main() -> None:
    """Measures and reports; tests/gas/test_gas.py holds the figures to their targets."""
    wanted = arguments(__doc__.partition("\n")[0] if __doc__ else "").parse_args()
    results = []
    for name, figure in figures().items():
        results.append(
            Result(f"gas/{name}", figure.gas, "gas", "lower", figure.bar, figure.peer, 0.0)
        )
        if figure.each:
            of = figure.count
            target = figure.bar / of if figure.bar else None
            results.append(
                Result(
                    f"gas/{name}/per-{figure.each}",
                    round(figure.gas / of, 2),
                    "gas",
                    "lower",
                    target,
                    None,
                    0.0,
                )
            )
    report(results, PACKAGES, wanted.json, wanted.plot)


if __name__ == "__main__":
    main()
