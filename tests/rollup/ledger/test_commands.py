"""`plumbline ledger`, `rewards` and `job` over a ledger on a chain."""

import json
from pathlib import Path
from typing import Any

import pytest

from prover.commit.keccak import Hash
from rollup import cli
from rollup.protocol.presets import MINIMAL
from tests.bisection.table import lie
from tests.rollup.cli.running import Said
from tests.rollup.ledger.story import (
    ANN,
    AUDITOR,
    BOB,
    CLAIMS,
    KEEPER,
    NUMBER,
    PAID_IN,
    WITHDRAWN,
    Story,
)
from tests.rollup.world import GROWTH, SEQUENCER, WORKER

DEV = "--unsafe-dev-account"


class Shell:
    """Runs commands on a story's ledger, and reads what they write."""

    def __init__(self, story: Story, folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
        self._story, self._file, self._capfd = story, folder / "said.json", capfd
        self.said = Said(0, "", "")

    def __call__(self, *words: object, code: int = 0) -> Any:
        world = self._story.world
        where = ["--l1", world.chain.url, "--deployment", world.deployment]
        self._file.unlink(missing_ok=True)
        self._capfd.readouterr()
        ended = cli.run([str(word) for word in [*words, *where, "--json", self._file]])
        self.said = Said(ended, *self._capfd.readouterr())
        assert ended == code, self.said.err
        return json.loads(self._file.read_text()) if self._file.exists() else None


@pytest.fixture
def run(story: Story, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> Shell:
    return Shell(story, tmp_path, capfd)


def text(value: Hash) -> str:
    return "0x" + value.hex()


def test_a_replay_says_where_an_assertion_first_differs(story: Story, run: Shell) -> None:
    found = run("ledger", "replay")
    assert [batch["number"] for batch in found["batches"]] == [1, 2, 3]
    assert found["first_difference"] is None
    assert found["confirmed"]["agrees"] is True
    _, pre, truth = story.truth()
    assert found["batches"][2]["root"] == text(truth)
    false = story.say(BOB, lie(truth), pre.hash)
    story.keep()
    found = run("ledger", "replay", code=10)
    assert f"account {story.account(BOB)} asserts {text(false.root)}" in run.said.line
    assert text(truth) in run.said.line
    difference = found["first_difference"]
    assert (difference["batch"], difference["id"]) == (NUMBER, text(false.id))
    assert (difference["root"], difference["true_root"]) == (text(lie(truth)), text(truth))
    assert difference["account"] == story.account(BOB)
    findings = [one["finding"] for one in found["batches"][2]["assertions"]]
    assert findings == ["false", "true"]
    # A validator brings it down, and what is left agrees.
    run("validator", "run", "--once", "--content", story.world.folder / "content", DEV, AUDITOR,
        "--backend", "reference")  # fmt: skip
    story.world.chain.advance(MINIMAL.clock + 1)
    audited = run(
        "validator", "run", "--once", "--content", story.world.folder / "content", DEV, AUDITOR,
        "--backend", "reference",
    )  # fmt: skip
    assert story.slashed(BOB)
    assert audited["batches"] == NUMBER
    found = run("ledger", "replay")
    assert found["first_difference"]["stage"] == "rejected"
    assert found["standing_difference"] is None


def test_data_that_cannot_be_had_has_a_code_of_its_own(
    story: Story, run: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    from rollup.l1.contracts import RollupContract

    monkeypatch.setattr(RollupContract, "chunk_in", lambda *_: None)
    found = run("ledger", "replay", code=5)
    assert found["unknown"] == [1, 2, 3]
    assert "the data of batch 1 cannot be had" in run.said.line
    run("ledger", "show", "--account", 1, "--batch", 3, code=5)


def test_an_account_is_shown_with_what_its_owner_may_settle(story: Story, run: Shell) -> None:
    found = run("ledger", "show", "--account", story.account(ANN))
    assert found["after_batch"] == NUMBER
    assert [one["status"] for one in found["records"]] == ["final"] * 2 + ["pending"] * 3
    # The last two start where the job has long been, and their batch is not confirmed.
    assert [one["settles_with_job"] for one in found["records"]] == [None, None, 0, None, None]
    assert (found["payable"], found["live_slots"]) == (WITHDRAWN, [0, 1])
    assert found["score"] > 0
    address = story.world.signer(ANN).address
    before = run("ledger", "show", "--address", "0x" + address.hex(), "--batch", 2)
    assert (before["balance"], before["score"]) == (PAID_IN, 0)
    assert [one["settles_with_job"] for one in before["records"]] == [0] * CLAIMS
    run("ledger", "show", "--account", 99, code=4)
    run("ledger", "show", code=2)
    run("ledger", "show", "--account", 1, "--batch", 9, code=2)


def test_a_keeper_asserts_and_confirms(story: Story, run: Shell) -> None:
    story.world.chain.mine(MINIMAL.confirmations)
    assert run("ledger", "keep", "--once", DEV, KEEPER)["asserted"] == 1
    assert run("ledger", "keep", "--once", DEV, KEEPER)["asserted"] == 0
    story.world.chain.advance(MINIMAL.window)
    found = run("ledger", "keep", "--once", "--no-assert", DEV, AUDITOR)
    assert found == {"asserted": 0, "confirmed": 1, "replayed": NUMBER, "confirmed_batch": NUMBER}
    run("ledger", "keep", "--once", DEV, AUDITOR, code=2)


def test_rewards_are_claimed_by_a_proof_of_the_confirmed_state(story: Story, run: Shell) -> None:
    ann, contracts = story.account(ANN), story.world.contracts
    shown = run("rewards", "show", "--account", ann)
    assert (shown["payable"], shown["payable_confirmed"], shown["claimable"]) == (WITHDRAWN, 0, 0)
    assert shown["can_settle"] == [2]
    run("rewards", "claim", DEV, ANN, code=4)
    assert "paid all that the state after batch 2 gives it" in run.said.line
    story.keep()
    story.world.chain.advance(MINIMAL.window)
    story.keep()
    assert run("rewards", "show", "--account", ann)["claimable"] == WITHDRAWN
    owner = story.world.signer(ANN).address
    before = contracts.token.balance(owner)
    claimed = run("rewards", "claim", "--account", ann, DEV, AUDITOR)  # who pays the gas for her
    assert claimed["paid"] == WITHDRAWN
    assert contracts.token.balance(owner) - before == WITHDRAWN * 10**9
    assert run("rewards", "show", "--account", ann)["claimable"] == 0
    run("rewards", "claim", DEV, ANN, code=4)


def test_tokens_come_in_jobs_open_and_epochs_close(story: Story, run: Shell) -> None:
    world, contracts = story.world, story.world.contracts
    signer = world.signer(WORKER)
    run("rewards", "mint", "--amount", "1", DEV, WORKER)
    assert contracts.token.balance(signer.address) == 10**18
    total = contracts.rewards.total()
    run("rewards", "deposit", "--amount", "0.25", DEV, WORKER)
    run("rewards", "deposit", "--amount", "0.25", "--account", 1, DEV, WORKER)
    run("rewards", "fund", "--amount", "0.5", DEV, WORKER)
    assert contracts.rewards.total() - total == 10**9
    assert contracts.rewards.pool() == 5 * 10**8
    run("rewards", "close-epoch", DEV, WORKER)  # the windows took long enough
    assert contracts.rewards.epoch() == 1
    run("rewards", "close-epoch", DEV, WORKER, code=6)
    words = ("job", "open", text(GROWTH.id), "--params", text(world.put(1)))
    assert run(*words, DEV, SEQUENCER)["job"] == 1
    run(*words, DEV, WORKER, code=6)
    assert "NotGovernor" in run.said.line
