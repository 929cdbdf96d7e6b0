"""The demo end to end: the fault that was put in is the fault that is proven, wherever it is."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from prover.backends import backend
from prover.content import ContentStore
from prover.reference import place
from rollup import cli
from rollup.demo import model, scene
from rollup.demo.errors import DemoError
from rollup.demo.plan import Plan, Wish, draw_plan
from rollup.demo.scene import CLAIM_STEPS, CLAIMS, LIAR, WORKERS, Data, Share
from rollup.protocol.presets import MINIMAL
from tests.rollup.cli.running import environment
from tests.rollup.cli.test_stopping import parties_of

RECEIPTS = 96
NUMBA = backend("numba")
KEYS = {
    "receipts", "batches", "gas_per_receipt_header", "gas_per_receipt_data", "accuracy",
    "confirmed", "claims", "masked", "seconds", "stakes", "disputes",
}  # fmt: skip
DISPUTE_KEYS = {
    "injected", "found", "moves", "opening_gas", "gas_per_move", "proof_gas", "total_gas", "winner",
}  # fmt: skip


def test_the_whole_story(tmp_path: Path) -> None:
    """In a process of its own, as a person runs it, at a place that was wished for."""
    folder, out = tmp_path / "kept", tmp_path / "demo.json"
    wish = {"step": 100, "op": 3, "element": 17, "k": 5}
    flags = [word for name, value in wish.items() for word in (f"--fault-{name}", str(value))]
    done = subprocess.run(
        [sys.executable, "-m", "rollup", "demo", "--receipts", str(RECEIPTS), "--seed", "5",
         "--folder", str(folder), "--json", str(out), *flags],
        cwd=tmp_path, capture_output=True, check=False, text=True, env=environment(),
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    report = json.loads(out.read_text())
    assert report.keys() == KEYS
    assert report["receipts"] == RECEIPTS
    assert report["confirmed"] == RECEIPTS - 1
    assert report["claims"] == Share.of(RECEIPTS).claims
    assert len(report["accuracy"]) == WORKERS
    assert min(report["accuracy"]) > 0.9
    assert report["gas_per_receipt_header"] > 0
    assert report["gas_per_receipt_data"] > 0
    (dispute,) = report["disputes"]
    assert dispute.keys() == DISPUTE_KEYS
    assert dispute["winner"] == "challenger"
    assert dispute["injected"] == dispute["found"] == wish
    assert dispute["moves"] == len(dispute["gas_per_move"]) == 5
    parts = (dispute["opening_gas"], sum(dispute["gas_per_move"]), dispute["proof_gas"])
    assert sum(parts) == dispute["total_gas"]
    stakes = {name: (int(s["before"]), int(s["after"])) for name, s in report["stakes"].items()}
    assert stakes["liar"][0] - stakes["liar"][1] == MINIMAL.bond
    assert stakes["validator"][1] - stakes["validator"][0] > MINIMAL.bond // 2
    for name in ("worker 0", "worker 1", "worker 2"):
        assert stakes[name][0] == stakes[name][1]

    assert "training step 100, row 3" in done.stdout
    assert "fold 5 of" in done.stdout
    logs = {path.name: path.read_text() for path in folder.glob("*.log")}
    assert len(logs) == 3 + WORKERS  # chain, sequencer, validator
    for name, said in logs.items():
        assert "Traceback" not in said, f"{name}: {said[-2_000:]}"
    assert parties_of(folder) == []


# ---- where the fault is


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> tuple[ContentStore, Data]:
    """The demo's content, without a chain."""
    content = ContentStore(tmp_path_factory.mktemp("content"))
    return content, scene.fill(content, model.load(0))


def drawn(data: tuple[ContentStore, Data], seed: int = 0, **wish: Any) -> Plan:
    return draw_plan(*data, NUMBA, seed, Wish(**wish))


def hit(plan: Plan) -> tuple[int, int, int, int]:
    where = place(plan.program, plan.first_step, plan.fault.position)
    return where.step, where.row, where.element, where.fold_index


def test_a_place_that_is_named_is_hit_exactly(data: tuple[ContentStore, Data]) -> None:
    plan = drawn(data, step=99, op="layer2.matmul", element=9, k=3)
    step, row, element, fold = hit(plan)
    assert (step, element, fold) == (99, 9, 3)
    assert "layer2.matmul" in plan.program.names[row]
    assert plan.claim == 99 // CLAIM_STEPS
    assert plan.first_step == plan.claim * CLAIM_STEPS
    (honest, faulty) = (trace.states([trace.length]) for trace in (plan.honest, plan.faulty))
    assert honest != faulty
    by_number = drawn(data, step=99, op=str(row), element=9, k=3)
    assert hit(by_number) == hit(plan)


@pytest.mark.parametrize("seed", range(4))
def test_what_is_not_named_is_drawn(data: tuple[ContentStore, Data], seed: int) -> None:
    plan = drawn(data, seed)
    assert hit(plan) == hit(drawn(data, seed))
    assert plan.claim == seed % CLAIMS
    assert plan.first_step <= hit(plan)[0] < plan.first_step + CLAIM_STEPS
    narrowed = drawn(data, seed, op="matmul", k=1)
    assert hit(narrowed)[3] == 1
    assert "matmul" in narrowed.program.names[hit(narrowed)[1]]


@pytest.mark.parametrize(
    ("wish", "words"),
    [
        ({"step": CLAIMS * CLAIM_STEPS}, "--fault-step is 0 to 351, not 352"),
        ({"op": "convolution"}, "no row is called so; there are"),
        ({"op": "9999"}, "no row is called so"),
        ({"op": "layer1.matmul[32x64 @ 64x64]", "element": 10**9}, "elements go to 2047"),
        ({"op": "layer1.matmul[32x64 @ 64x64]", "k": 64}, "fold indices to 63"),
    ],
)
def test_a_place_that_is_not_there_is_said(
    data: tuple[ContentStore, Data], wish: dict[str, Any], words: str
) -> None:
    with pytest.raises(DemoError, match=words):
        drawn(data, **wish)


def masked_place(data: tuple[ContentStore, Data]) -> dict[str, int]:
    """A place where no bit reaches the claim's end: a mask that says yes with any of its bits."""
    program = data[0].program(data[1].training)
    row = program.names.index("grad.layer1.lt[32x64]")
    for element in range(64):
        try:
            drawn(data, step=1, op=str(row), element=element, k=0)
        except DemoError:
            return {"step": 1, "op": row, "element": element, "k": 0}
    raise AssertionError("no unit of 64 is active")


def test_a_masked_place_says_so_before_anything_is_started(
    data: tuple[ContentStore, Data], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    wish = masked_place(data)
    flags = [word for name, value in wish.items() for word in (f"--fault-{name}", str(value))]
    folder = tmp_path / "kept"
    assert cli.run(["demo", "--folder", str(folder), "--receipts", "96", *flags]) == 1
    _, err = capfd.readouterr()
    assert err.startswith("plumbline: the fault is masked there")
    assert err.endswith("Name another place\n")
    assert err.count("\n") == 1
    assert list(folder.glob("*.log")) == []


def test_shares_add_up() -> None:
    for receipts in (64, 96, 1_000, 4_096):
        share = Share.of(receipts)
        assert share.training == WORKERS * CLAIMS
        assert share.claims + share.labels == receipts
        jobs = [
            scene.jobs_of(
                Data(b"1" * 32, b"2" * 32, (b"3" * 32,) * 4, b"4" * 32, (b"5" * 32,), (0,)),  # type: ignore[arg-type]
                share,
                worker,
            )
            for worker in range(WORKERS)
        ]
        assert sum(job.receipts for listed in jobs for job in listed) == share.claims
        assert len(jobs[LIAR]) == 1
    with pytest.raises(DemoError, match="too few"):
        Share.of(33)
