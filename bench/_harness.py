"""What every bench script shares: how to time, and the one form of its report.

A report is {"machine", "versions", "results"}; a result is {"name", "value", "unit", "better",
"target", "peer", "spread"}. `name` is a path like `tree/4096/vs-merkletools`. `value` is the best
of the repeats (what the code can do; other load only takes away), `spread` is (worst - best) / best
over them. `target` is what was asked for and `peer` the same figure of whom we are compared with,
each null where there is none.
"""

import argparse
import gc
import json
import os
import platform
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Result:
    """One figure."""

    name: str
    value: float
    unit: str
    better: str
    target: float | None = None
    peer: float | None = None
    spread: float | None = None


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds of the repeats of one thing."""

    seconds: tuple[float, ...]

    @property
    def best(self) -> float:
        """Of the best repeat."""
        return min(self.seconds)

    @property
    def spread(self) -> float:
        """(worst - best) / best."""
        return (max(self.seconds) - self.best) / self.best

    def rate(self, count: int) -> float:
        """Things a second in the best repeat."""
        return count / self.best


def timed(work: Callable[[], object], repeats: int = 5) -> Timing:
    """Wall-clock seconds of each repeat, after one that is not counted."""
    work()
    seconds = []
    for _ in range(repeats):
        gc.collect()
        start = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - start)
    return Timing(tuple(seconds))


def rate(
    name: str,
    timing: Timing,
    count: int,
    unit: str,
    *,
    target: float | None = None,
    peer: float | None = None,
) -> Result:
    """A result that says how many of `count` things happen a second."""
    return Result(name, timing.rate(count), unit, "higher", target, peer, timing.spread)


def check(holds: bool, what: str) -> None:
    """Ends the script when what is about to be timed is not correct."""
    if not holds:
        sys.exit(f"not correct, nothing timed: {what}")


def machine() -> dict[str, Any]:
    """Where the figures come from, and how busy it was meanwhile."""
    model = platform.processor()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        names = [line for line in cpuinfo.read_text().splitlines() if line.startswith("model name")]
        model = names[0].partition(":")[2].strip() if names else model
    return {
        "cpu": model,
        "cores": len(os.sched_getaffinity(0))
        if hasattr(os, "sched_getaffinity")
        else os.cpu_count(),
        "system": f"{platform.system()} {platform.release()}",
        "load": [round(load, 2) for load in os.getloadavg()],
    }


def versions(packages: Sequence[str]) -> dict[str, str]:
    """Python's version and the packages', null where one is not installed."""
    found = {"python": platform.python_version()}
    for package in packages:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "none"
    return found


def report(results: Sequence[Result], packages: Sequence[str], path: Path | None) -> None:
    """Prints the results, and writes the report to `path`."""
    for result in results:
        target = f"  target {result.target:,.4g}" if result.target is not None else ""
        peer = f"  peer {result.peer:,.4g}" if result.peer is not None else ""
        print(f"{result.name:44} {result.value:>14,.4g} {result.unit}{target}{peer}")
    if path is not None:
        document = {
            "machine": machine(),
            "versions": versions(packages),
            "results": [asdict(result) for result in results],
        }
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(document, indent=2) + "\n")


def arguments(description: str) -> argparse.ArgumentParser:
    """A parser with the flags that every script has."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--json", type=Path, help="also write the report to this file")
    parser.add_argument("--quick", action="store_true", help="small sizes: does it run at all?")
    return parser
