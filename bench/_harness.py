"""What every bench script shares: how to time, and the one form of its report.

A report is {"machine", "versions", "results"}; a result is {"name", "value", "unit", "better",
"target", "peer", "spread"}. `name` is a path like `tree/4096/vs-merkletools`. `value` is the median
of the repeats and `spread` their interquartile range over the median. `target` is what was asked
for and `peer` the same figure of whom we are compared with, each null where there is none.

A comparison is timed in turns (ours, peer, ours, peer, ...), so that other load on the machine
falls on both. It makes two results: the figure itself, with the peer's beside it, and their ratio,
named `.../vs-PEER`, with what was asked for. Where the peer cannot be had, the first has `peer`
null and there is no second.
"""

import argparse
import gc
import json
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median, quantiles

import numpy as np
from rich import box
from rich.console import Console
from rich.table import Table

from bench._machine import machine, versions
from bench._plot import number, plot

Work = Callable[[], object]

_SAMPLE_SECONDS = 0.01
"""Of work that is shorter, so many calls make one sample that it takes as long."""
_REST_SECONDS = 0.005
"""Before each sample: a peer's threads may spin for a while after they have finished."""
_MOST_SAMPLES = 400


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

    @property
    def met(self) -> bool | None:
        """Whether the target is; None where there is none."""
        if self.target is None:
            return None
        if self.better == "higher":
            return self.value >= self.target
        return self.value <= self.target


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds of the repeats of one thing."""

    seconds: tuple[float, ...]

    @property
    def median(self) -> float:
        """Of the repeats."""
        return median(self.seconds)

    @property
    def spread(self) -> float:
        """The interquartile range over the median."""
        return _spread(self.seconds)

    def rate(self, count: int) -> float:
        """Things a second in the median repeat."""
        return count / self.median


@dataclass(frozen=True, slots=True)
class Pair:
    """Ours and the peer's repeats, taken in turns; no peer where it cannot be had."""

    ours: Timing
    peer: Timing | None

    def speeds(
        self, name: str, amount: float, unit: str, against: str, target: float | None = None
    ) -> list[Result]:
        """Results for a speed: `amount` of `unit` is done in a second of the median repeat.

        `target` is what was asked for of our speed over the peer's.
        """
        value = amount / self.ours.median
        if self.peer is None:
            return [Result(name, value, unit, "higher", None, None, self.ours.spread)]
        peer = amount / self.peer.median
        turns = [b / a for a, b in zip(self.ours.seconds, self.peer.seconds, strict=True)]
        return [
            Result(name, value, unit, "higher", None, peer, self.ours.spread),
            Result(
                f"{name}/vs-{against}", value / peer, "times its speed", "higher",
                target, 1.0, _spread(turns),
            ),
        ]  # fmt: skip

    def times(
        self, name: str, against: str, target: float | None = None, *, count: int = 1
    ) -> list[Result]:
        """Results for a time, in milliseconds for each of `count` things; `target` is what was
        asked for of ours over the peer's.
        """
        value = self.ours.median * 1e3 / count
        if self.peer is None:
            return [Result(name, value, "ms", "lower", None, None, self.ours.spread)]
        peer = self.peer.median * 1e3 / count
        turns = [a / b for a, b in zip(self.ours.seconds, self.peer.seconds, strict=True)]
        return [
            Result(name, value, "ms", "lower", None, peer, self.ours.spread),
            Result(
                f"{name}/vs-{against}", value / peer, "times its time", "lower",
                target, 1.0, _spread(turns),
            ),
        ]  # fmt: skip


def _spread(values: Sequence[float]) -> float:
    if len(values) < 2:
        return 0.0
    low, middle, high = quantiles(values, n=4, method="inclusive")
    return (high - low) / middle


def timed(work: Work, repeats: int = 5) -> Timing:
    """Wall-clock seconds of each repeat, after one that is not counted."""
    work()
    seconds = []
    for _ in range(repeats):
        gc.collect()
        start = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - start)
    return Timing(tuple(seconds))


def in_turns(ours: Work, peer: Work | None, budget: float, least: int = 5) -> Pair:
    """Both, in turns, until `budget` seconds are gone and `least` repeats of each are taken.

    Work that is shorter than a sample is called so often that it fills one, after one call that is
    not counted.
    """
    works = [ours] if peer is None else [ours, peer]
    calls = [_calls(work) for work in works]
    seconds: list[list[float]] = [[] for _ in works]
    gc.collect()
    gc.disable()
    try:
        end = time.perf_counter() + budget
        while len(seconds[-1]) < least or (
            time.perf_counter() < end and len(seconds[-1]) < _MOST_SAMPLES
        ):
            for work, count, into in zip(works, calls, seconds, strict=True):
                into.append(_sample(work, count))
    finally:
        gc.enable()
    timings = [Timing(tuple(one)) for one in seconds]
    return Pair(timings[0], timings[1] if peer else None)


def _calls(work: Work) -> int:
    """How many calls make a sample, judged by the second and third one."""
    work()
    start = time.perf_counter()
    work()
    work()
    each = (time.perf_counter() - start) / 2
    return max(1, round(_SAMPLE_SECONDS / max(each, 1e-9)))


def _sample(work: Work, count: int) -> float:
    time.sleep(_REST_SECONDS)
    if count > 1:
        work()
    start = time.perf_counter()
    for _ in range(count):
        work()
    return (time.perf_counter() - start) / count


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


def fresh_random(seed: int | None) -> np.random.Generator:
    """Other draws in each run; says the seed, which `--seed` takes to repeat them."""
    drawn = np.random.SeedSequence(seed).entropy
    print(f"inputs are drawn from --seed {drawn}")
    return np.random.default_rng(seed if seed is not None else drawn)


def report(
    results: Sequence[Result],
    packages: Sequence[str],
    path: Path | None,
    picture: Path | None = None,
) -> None:
    """Prints the results, writes the report to `path` and draws `picture`."""
    # A pipe has no width of its own.
    console = Console() if sys.stdout.isatty() else Console(width=160)
    console.print(_table(results))
    missed = [result.name for result in results if result.met is False]
    asked = sum(result.met is not None for result in results)
    console.print(f"{asked - len(missed)} of {asked} targets met", highlight=False)
    if path is not None:
        document = {
            "machine": machine(),
            "versions": versions(packages),
            "results": [asdict(result) for result in results],
        }
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(document, indent=2, allow_nan=False) + "\n")
    if picture is not None:
        picture.parent.mkdir(parents=True, exist_ok=True)
        plot([(r.name, r.value, r.target, r.better) for r in results], picture)


def _table(results: Sequence[Result]) -> Table:
    table = Table(box=box.SIMPLE)
    table.add_column("figure")
    for name in ("value", "unit", "peer", "target", "", "spread"):
        table.add_column(name, justify="left" if name in {"unit", ""} else "right")
    for one in results:
        verdict = {None: "", True: "[green]met[/]", False: "[bold red]missed[/]"}[one.met]
        spread = "" if one.spread is None else f"{one.spread:.1%}"
        numbers = [_number(one.value), one.unit, _number(one.peer), _number(one.target)]
        table.add_row(one.name, *numbers, verdict, spread)
    return table


def _number(value: float | None) -> str:
    return "" if value is None else number(value)


def arguments(description: str) -> argparse.ArgumentParser:
    """A parser with the flags that every script has."""
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", type=Path, help="also write the report to this file")
    parser.add_argument("--plot", type=Path, help="also draw values against targets: a PNG file")
    parser.add_argument("--quick", action="store_true", help="small sizes: does it run at all?")
    return parser
