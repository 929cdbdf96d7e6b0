"""From an empty folder to a payout, as docs/ledger-guide.md lists it, each party a process."""

import json
import re
import time
from collections.abc import Callable
from contextlib import ExitStack
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
from tests.rollup.cli.conftest import Plumbline, plumbline
from tests.rollup.cli.running import ROOT, Command, eventually, free_port
from tests.rollup.world import DEPTHS, GROWTH, STEPS

__all__ = ["plumbline"]
DEV = "--unsafe-dev-account"
GOVERNOR, WORKER, VALIDATOR, ASSERTER = range(4)
CLAIMS = 3


def test_from_work_to_a_payout(
    plumbline: Plumbline, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    flags = {"PLUMBLINE_POLL": "200ms", "PLUMBLINE_BACKEND": "reference"}
    done: list[tuple[object, ...]] = []

    def do(*words: object) -> Any:
        silent(*words, "--json", "said.json")
        return json.loads(Path("said.json").read_text())

    def silent(*words: object) -> None:
        done.append(words)
        said = plumbline(*words)
        assert said.code == 0, said.err

    with ExitStack() as running:

        def start(*words: object) -> Command:
            done.append(words)
            return running.enter_context(Command(tmp_path, *words, extra=flags))

        start("devnet", "--port", 0, "--json", "devnet.json")
        eventually(Path("devnet.json").exists, "the chain starts")
        flags["PLUMBLINE_L1"] = json.loads(Path("devnet.json").read_text())["url"]
        flags["PLUMBLINE_GATEWAY"] = f"http://127.0.0.1:{free_port()}"
        for name, value in flags.items():
            monkeypatch.setenv(name, value)
        chain = Chain(flags["PLUMBLINE_L1"])
        silent("deploy", DEV, GOVERNOR)
        content = ContentStore(Path("content"))
        ones, factors = (np.full(4, value, np.float32).view(np.uint32) for value in (1, 1.5))
        params, inputs = (content.put_segment([w], DEPTHS.params) for w in (ones, factors))
        content.put_program(GROWTH)
        listed = Job(WorkKind.COMPUTE, GROWTH.id, params, (inputs,), 0, STEPS, CLAIMS, 1)
        jobs.write(Path("jobs.json"), [listed])

        # The operator.
        silent("program", "register", "0x" + GROWTH.id.hex(), DEV, GOVERNOR)
        roots = ("--params", "0x" + params.hex(), "--inputs", "0x" + inputs.hex())
        assert do("job", "open", "0x" + GROWTH.id.hex(), *roots, DEV, GOVERNOR)["job"] == 0
        silent("rewards", "mint", "--amount", 100, DEV, GOVERNOR)
        silent("rewards", "fund", "--amount", 100, DEV, GOVERNOR)
        port = flags["PLUMBLINE_GATEWAY"].rsplit(":", 1)[1]
        sequencer = start(
            "sequencer", "run", "--bond", "--unsafe-asserter", ASSERTER, "--port", port,
            DEV, GOVERNOR,
        )  # fmt: skip
        validator = start("validator", "run", "--settle", DEV, VALIDATOR, "--json", "v.json")

        # The contributor.
        silent("account", "open", "--slots", 1, DEV, WORKER)
        account = do("account", "show", DEV, WORKER)["account"]
        do("worker", "run", "--jobs", "jobs.json", "--no-defend", DEV, WORKER)

        def shown() -> Any:
            return do("rewards", "show", "--account", account)

        def until(true: Callable[[], bool], what: str) -> None:
            """Windows close one after the other, as fast as the parties follow."""

            def passed() -> bool:
                chain.advance(MINIMAL.window // 2)
                time.sleep(0.5)  # the parties share this machine's cores
                return true()

            eventually(passed, what)

        eventually(
            lambda: plumbline("ledger", "show", "--account", account).code == 0,
            "the ledger knows the account",
        )
        until(lambda: len(shown()["can_settle"]) == CLAIMS, "the claims are final")
        submitted = do("rewards", "settle", DEV, WORKER)["actions"]
        assert [one["action"] for one in submitted] == ["settle"] * CLAIMS
        until(lambda: shown()["score"] > 0, "they are credited")
        silent("rewards", "close-epoch", DEV, GOVERNOR)
        until(lambda: bool(shown()["can_distribute"]), "the epoch is over for the ledger")
        submitted = do("rewards", "settle", DEV, WORKER)["actions"]
        assert [one["action"] for one in submitted] == ["distribute"]
        until(lambda: shown()["claimable"] == 100 * 10**9, "its share is confirmed")
        assert do("rewards", "claim", DEV, WORKER)["paid"] == 100 * 10**9
        found = do("ledger", "replay")
        assert found["confirmed"]["agrees"] is True
        assert found["first_difference"] is None
        assertions = json.loads(Path("v.json").read_text())["assertions"]
        assert assertions["valid"] >= 1
        assert assertions["invalid"] == 0
        assert [each.end().code for each in (validator, sequencer)] == [0, 0]

    guide = (ROOT / "docs/ledger-guide.md").read_text("utf-8")
    named = {" ".join(words) for words in re.findall(r"plumbline ([a-z]+) ?([a-z-]*)", guide)}
    used = {" ".join(str(word) for word in words[:2]) for words in done}
    assert {one for one in used if not one.startswith(("devnet", "deploy"))} <= named
