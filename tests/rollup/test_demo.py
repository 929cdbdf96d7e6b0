"""The whole story once, with few receipts, as a person runs it."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

RECEIPTS = 96
ROOT = Path(__file__).resolve().parents[2]


def run(*arguments: str, folder: Path) -> "subprocess.CompletedProcess[str]":
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'bisect'}"}
    return subprocess.run(
        [sys.executable, "-m", "rollup", "demo", *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("demo")
    wish = ("--fault-step", "10", "--fault-op", "layer1.matmul", "--fault-element", "5")
    told = run(
        "--receipts", str(RECEIPTS), *wish, "--fault-k", "3", "--json", "demo.json", folder=folder
    )  # fmt: skip
    assert told.returncode == 0, told.stdout + told.stderr
    assert "Proven on chain" in told.stdout
    found: dict[str, Any] = json.loads((folder / "demo.json").read_text("utf-8"))
    return found


def test_the_injected_operation_is_the_one_proven(report: dict[str, Any]) -> None:
    (dispute,) = report["disputes"]
    assert dispute["injected"] == {"step": 10, "op": 0, "element": 5, "k": 3}
    assert dispute["found"] == dispute["injected"]
    assert dispute["winner"] == "challenger"
    assert dispute["moves"] == len(dispute["gas_per_move"]) == 5
    assert dispute["total_gas"] == (
        dispute["opening_gas"] + sum(dispute["gas_per_move"]) + dispute["proof_gas"]
    )


def test_every_other_receipt_is_confirmed(report: dict[str, Any]) -> None:
    assert report["receipts"] == RECEIPTS
    assert report["confirmed"] == RECEIPTS - 1
    assert report["batches"] >= 1
    assert report["gas_per_receipt_header"] > 0
    assert report["gas_per_receipt_data"] > 0


def test_the_workers_learn(report: dict[str, Any]) -> None:
    assert len(report["accuracy"]) == 4
    assert min(report["accuracy"]) > 0.9


def test_the_liar_pays_and_the_validator_is_paid(report: dict[str, Any]) -> None:
    change = {
        name: int(stake["after"]) - int(stake["before"]) for name, stake in report["stakes"].items()
    }
    assert change.pop("liar") == -(10**18)
    assert change.pop("validator") == 9 * 10**17  # its own bond and the liar's less a fifth
    assert set(change.values()) == {0}


def test_a_place_that_is_not_there_is_refused_in_one_line(tmp_path: Path) -> None:
    told = run("--receipts", "96", "--fault-op", "0", "--fault-element", "999999", folder=tmp_path)
    assert told.returncode != 0
    assert told.stderr.startswith("plumbline: no row meant by the flags has element 999999")
    assert told.stderr.count("\n") == 1
