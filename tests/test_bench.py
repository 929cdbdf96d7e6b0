"""Every bench script runs, and its report has the documented form; nothing here looks at a time."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from bench._harness import Result, Timing, in_turns
from prover.backends import DeviceError, backend

ROOT = Path(__file__).resolve().parents[1]
SCRIPTS = sorted(
    path.stem
    for path in (ROOT / "bench").glob("[!_]*.py")
    if 'if __name__ == "__main__"' in path.read_text(encoding="utf-8")
)
DRY = {"gpu": ("--dry",)}
"""What measures elsewhere: here it shows that it could."""
NOTHING_MEASURED = 3
KEYS = ["name", "value", "unit", "better", "target", "peer", "spread"]


def test_there_are_scripts() -> None:
    assert {"gas", "kernels", "receipts", "train_step"} <= {*SCRIPTS}


# gas has no sizes to be made small, and tests/gas recomputes its figures.
@pytest.mark.parametrize("name", [name for name in SCRIPTS if name != "gas"])
def test_a_script_runs_and_reports(name: str, tmp_path: Path) -> None:
    report, picture = tmp_path / "report.json", tmp_path / "picture.png"
    done = subprocess.run(
        [
            sys.executable, f"bench/{name}.py", "--quick", *DRY.get(name, ()),
            "--json", str(report), "--plot", str(picture),
        ],
        capture_output=True, text=True, check=False, cwd=ROOT,
        env={**os.environ, "MPLCONFIGDIR": str(ROOT / ".cache" / "matplotlib")},
    )  # fmt: skip
    if name in DRY and done.returncode == NOTHING_MEASURED:
        pytest.skip(done.stdout.strip())
    assert done.returncode == 0, done.stdout + done.stderr
    assert "targets met" in done.stdout
    assert picture.read_bytes().startswith(b"\x89PNG")
    document = json.loads(report.read_text())
    assert list(document) == ["machine", "versions", "results"]
    assert {"cpu", "cores", "instructions", "load"} <= {*document["machine"]}
    assert "python" in document["versions"]
    results = document["results"]
    assert len({one["name"] for one in results}) == len(results) > 0
    for one in results:
        assert list(one) == KEYS
        assert one["better"] in {"higher", "lower"}
        assert isinstance(one["value"], int | float)
    if document["versions"].get("torch") == "none" and name not in DRY:
        assert "left out" in done.stdout
        assert not [one["name"] for one in results if one["name"].endswith("/vs-torch")]


def test_without_a_device_nothing_passes_for_measured(tmp_path: Path) -> None:
    try:
        backend("cupy")
    except DeviceError as missing:
        reason = str(missing)
    else:
        pytest.skip("there is a device")
    report = tmp_path / "report.json"
    done = subprocess.run(
        [sys.executable, "bench/gpu.py", "--json", str(report)],
        capture_output=True, text=True, check=False, cwd=ROOT,
    )  # fmt: skip
    assert done.returncode == NOTHING_MEASURED, done.stdout + done.stderr
    assert done.stdout.splitlines() == [f"not measured: {reason}"]
    assert not report.exists()


def test_what_meets_a_target() -> None:
    assert Result("a", 2, "x", "higher", 2).met
    assert Result("a", 1.9, "x", "higher", 2).met is False
    assert Result("a", 2, "x", "lower", 2).met
    assert Result("a", 2.1, "x", "lower", 2).met is False
    assert Result("a", 2, "x", "lower").met is None


def test_medians_and_spreads() -> None:
    timing = Timing((1.0, 2.0, 3.0, 4.0, 100.0))
    assert timing.median == 3
    assert timing.spread == pytest.approx((4 - 2) / 3)
    assert timing.rate(6) == 2
    assert Timing((1.0,)).spread == 0


def test_turns_alternate() -> None:
    calls: list[str] = []
    pair = in_turns(lambda: calls.append("a"), lambda: calls.append("b"), 0, least=3)
    assert pair.peer
    assert len(pair.ours.seconds) == len(pair.peer.seconds) == 3
    order = "".join(calls).lstrip("a").lstrip("b")  # after the warm-up of each
    assert order.startswith("a")
    assert [order.count("ab"), order.count("ba")] == [3, 2]


def test_a_comparison_is_a_figure_and_a_ratio_or_a_figure_alone() -> None:
    pair = in_turns(lambda: None, None, 0, least=2)
    (alone,) = pair.speeds("copy", 1, "words/s", "torch", 0.8)
    assert (alone.peer, alone.target) == (None, None)
    pair = in_turns(lambda: None, lambda: None, 0, least=2)
    figure, ratio = pair.times("copy", "torch", 1.25)
    assert figure.peer
    assert ratio.name == "copy/vs-torch"
    assert ratio.value == pytest.approx(figure.value / figure.peer)
    assert (ratio.target, ratio.better) == (1.25, "lower")
