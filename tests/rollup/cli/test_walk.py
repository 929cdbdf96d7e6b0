"""An operator's first steps in an empty folder, as the README lists them."""

import json
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from prover.content import ContentStore
from rollup import jobs
from rollup.demo.watch import Chain
from rollup.jobs import Job
from rollup.protocol.presets import MINIMAL
from rollup.protocol.receipts import WorkKind
from tests.rollup.cli.conftest import Plumbline
from tests.rollup.cli.running import Command, Said, eventually, free_port
from tests.rollup.world import DEPTHS, GROWTH, STEPS

DEV = "--unsafe-dev-account"


def test_from_an_empty_folder_to_a_proof(
    plumbline: Plumbline, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    flags = {"PLUMBLINE_POLL": "100ms", "PLUMBLINE_BACKEND": "reference"}

    def done(*arguments: object) -> Said:
        said = plumbline(*arguments)
        assert (said.code, said.err) == (0, ""), said.err
        return said

    with ExitStack() as running:

        def start(*arguments: object) -> Command:
            return running.enter_context(Command(tmp_path, *arguments, extra=flags))

        start("devnet", "--port", 0, "--json", "devnet.json")
        eventually(Path("devnet.json").exists, "the chain starts")
        flags["PLUMBLINE_L1"] = json.loads(Path("devnet.json").read_text())["url"]
        flags["PLUMBLINE_GATEWAY"] = f"http://127.0.0.1:{free_port()}"
        for name in ("PLUMBLINE_L1", "PLUMBLINE_GATEWAY"):
            monkeypatch.setenv(name, flags[name])
        done("deploy", DEV, 0)

        # Somebody brings a program and data.
        content = ContentStore(Path("content"))
        ones, factors = (np.full(4, value, np.float32).view(np.uint32) for value in (1, 1.5))
        params, inputs = (content.put_segment([w], DEPTHS.params) for w in (ones, factors))
        content.put_program(GROWTH)
        job = Job(WorkKind.COMPUTE, GROWTH.id, params, (inputs,), 0, STEPS, 3, 1)
        jobs.write(Path("jobs.json"), [job])
        done("program", "register", "0x" + GROWTH.id.hex(), DEV, 0)
        again = done("program", "register", "0x" + GROWTH.id.hex(), DEV, 1, "--json", "p.json")
        assert json.loads(Path("p.json").read_text())["known_before"] is True
        assert "known before" in again.out

        port = flags["PLUMBLINE_GATEWAY"].rsplit(":", 1)[1]
        sequencer = start("sequencer", "run", "--bond", "--port", port, DEV, 0)
        done("account", "open", "--slots", 2, DEV, 1)
        validator = start("validator", "run", "--settle", DEV, 2, "--json", "validator.json")
        worker = start("worker", "run", "--jobs", "jobs.json", DEV, 1, "--json", "worker.json")
        eventually(Path("worker.json").exists, "the worker is done")
        claimed = json.loads(Path("worker.json").read_text())["receipts"]
        assert len(claimed) == 3

        hashes = ["--subject", "0x" + "11" * 32, "--statement", "0x" + "22" * 32]
        done("receipt", "submit", *hashes, DEV, 1, "--json", "label.json")
        (label,) = json.loads(Path("label.json").read_text())["receipts"]
        for receipt in (label, claimed[-1]):
            get = partial(plumbline, "proof", "get", receipt, "--out", "p.json")
            eventually(lambda get=get: get().code == 0, "the receipt is on L1")  # type: ignore[misc]
            header = json.loads(Path("p.json").read_text())["l1"]["headerHash"]
            shown = done("proof", "verify", "p.json", "--header-hash", header)
            assert receipt in shown.out
            assert "the header hash is the expected one" in shown.out
            assert shown.out.count("\n") == 1

        def judged() -> bool:
            claims = json.loads(Path("validator.json").read_text())["claims"]
            return bool(claims == {"valid": 3, "invalid": 0, "unknown": 0})

        eventually(judged, "the validator has recomputed everything")

        def standing() -> dict[str, Any]:
            done("status", "--gateway", flags["PLUMBLINE_GATEWAY"], "--json", "status.json")
            now: dict[str, Any] = json.loads(Path("status.json").read_text())
            assert now["gateway"] == "well"
            assert now["sequencer_bonded"] is True
            return now

        posted = standing()["batches"]
        assert posted >= 1
        Chain(flags["PLUMBLINE_L1"]).advance(MINIMAL.window)
        # Batches after these tell the ledger of their confirmation, and wait for their own.
        eventually(lambda: standing()["confirmed"] >= posted, "everything is confirmed")
        # Of what was proven once, an older header can be shown in a newer one's history.
        done("proof", "get", label, "--out", "p.json")
        shown = done("proof", "verify", "p.json", "--ask-l1")
        assert f"{label} was signed by itself" in shown.out
        assert "confirmed, and account" in shown.out
        assert [each.end().code for each in (worker, validator, sequencer)] == [0, 0, 0]
        shown = done("account", "show", DEV, 1)
        assert "live: 0, 1" in shown.out
