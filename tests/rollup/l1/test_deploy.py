"""A deployment: verified on chain, kept in a file, refused with one line when something is off."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from rollup.errors import ConfigError, DocumentError
from rollup.l1.artifacts import all_errors, load, parse
from rollup.l1.chain import BlockNumber
from rollup.l1.client import L1Client
from rollup.l1.contracts import post_values
from rollup.l1.deploy import Contracts, connect, deploy, verify
from rollup.l1.deployment import CONTRACTS, Deployment, read
from rollup.l1.devnet import Devnet
from rollup.l1.errors import ArtifactError, DeploymentError, Reverted, UnknownContract, WrongChain
from rollup.protocol.header import genesis
from rollup.protocol.presets import MAINNET, MINIMAL
from rollup.protocol.types import Address, Seconds, address_text
from tests.rollup.l1.conftest import CHALLENGER, DEPLOYER, POOR, SEQUENCER

NOWHERE = Address(b"\x11" * 20)


def test_a_deployment_is_wired_as_the_preset_says(contracts: Contracts) -> None:
    deployment = contracts.deployment
    verify(contracts.client, deployment, MINIMAL)
    assert deployment.parameters is MINIMAL
    assert contracts.rollup.head() == (0, genesis(deployment.domain).hash)
    assert contracts.rollup.window() == MINIMAL.window
    assert contracts.game.rules().k == MINIMAL.k
    assert contracts.game.challenge_bond() == MINIMAL.challenge_bond
    assert contracts.vault.bond() == MINIMAL.bond
    assert contracts.rollup.sequencer_slot()[0] == contracts.vault.account_of(deployment.sequencer)


def test_another_preset_is_found_out(contracts: Contracts) -> None:
    with pytest.raises(DeploymentError, match=r"Rollup\.WINDOW is 600, the preset mainnet"):
        verify(contracts.client, contracts.deployment, MAINNET)
    for change, getter in (("inbox_cap", "INBOX_CAP"), ("forced_window_work", "FORCED_WORK")):
        other = replace(MINIMAL, **{change: getattr(MINIMAL, change) + 1})
        with pytest.raises(DeploymentError, match=rf"Rollup\.{getter} is "):
            verify(contracts.client, contracts.deployment, other)


def test_code_that_is_not_ours_is_found_out(contracts: Contracts) -> None:
    swapped = replace(contracts.deployment, programs=contracts.deployment.machine)
    with pytest.raises(UnknownContract, match="is not this version's Programs"):
        verify(contracts.client, swapped, MINIMAL)


def test_a_deployment_elsewhere_is_refused(contracts: Contracts, chain: Devnet) -> None:
    moved = replace(contracts.deployment, rollup=NOWHERE)
    with pytest.raises(UnknownContract, match="where Rollup should be"):
        connect(contracts.client, moved)
    foreign = L1Client(chain.url, 1)
    with pytest.raises(WrongChain):
        connect(foreign, contracts.deployment)
    with pytest.raises(WrongChain):
        deploy(foreign, chain.accounts[DEPLOYER], MINIMAL, sequencer=NOWHERE)


def test_two_deployments_on_one_chain_do_not_meet(
    contracts: Contracts, clean: Devnet, client: L1Client
) -> None:
    signer = clean.accounts[CHALLENGER]
    second = deploy(client, signer, MAINNET, sequencer=signer.address, guardian=NOWHERE)
    first = contracts.deployment
    assert {second.rollup, second.vault, second.game} & {first.rollup, first.vault} == set()
    assert second.domain.separator != first.domain.separator
    assert second.guardian == NOWHERE


def test_a_transaction_in_between_is_noticed(
    clean: Devnet, client: L1Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rollup.l1.deploy.created_address", lambda *_: NOWHERE)
    with pytest.raises(DeploymentError, match="came in between; deploy again"):
        deploy(client, clean.accounts[POOR], MINIMAL, sequencer=NOWHERE)


def test_rewards_may_be_paid_in_anybodys_token(
    contracts: Contracts, clean: Devnet, client: L1Client
) -> None:
    signer, theirs = clean.accounts[CHALLENGER], contracts.deployment.token
    second = deploy(
        client, signer, MINIMAL, sequencer=signer.address, governor=NOWHERE, token=theirs
    )
    assert (second.token, second.governor) == (theirs, NOWHERE)
    assert contracts.deployment.governor == clean.accounts[DEPLOYER].address
    connected = connect(client, second)
    assert connected.rewards.read("GOVERNOR") == address_text(NOWHERE)
    with pytest.raises(UnknownContract, match="where the token should be"):
        deploy(client, signer, MINIMAL, sequencer=signer.address, token=NOWHERE)


def test_the_ledger_starts_where_the_preset_says(contracts: Contracts) -> None:
    genesis_root = MINIMAL.genesis.hash
    assert contracts.assertions.genesis() == genesis_root
    assert contracts.assertions.confirmed() == (0, genesis_root)
    assert contracts.rewards.rules() == MINIMAL.ledger_rules == MINIMAL.genesis.rules
    assert contracts.rewards.epoch() == 0
    assert contracts.jobs.count() == 0
    assert MINIMAL.ledger_rules.max_work == MINIMAL.max_claim_work
    assert MAINNET.genesis.ring == MAINNET.ring


# ---- the file


SOMEWHERE = Deployment(
    31_337,
    "minimal",
    BlockNumber(7),
    *[Address(bytes([n]) * 20) for n in range(3 + len(CONTRACTS))],
)


def test_a_deployment_file_gives_the_deployment_back(tmp_path: Path) -> None:
    path = tmp_path / "deployment.json"
    SOMEWHERE.save(path)
    assert read(path) == SOMEWHERE
    assert [entry.name for entry in tmp_path.iterdir()] == ["deployment.json"]
    assert json.loads(path.read_text())["rollup"].startswith("0x")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (None, "cannot read the deployment file"),
        (b"", "is no deployment file"),
        (b'{"format": 1, "chain', "is no deployment file"),
        (b"\xff\xfe", "is no deployment file"),
        (b"[]", "of format 2"),
        ({"format": 1}, "of format 2"),
        ({"rollup": None}, "damaged: rollup"),
        ({"rollup": "0x1234"}, "damaged: rollup"),
        ({"rollup": "zz"}, "damaged: rollup"),
        ({"chain_id": "31337"}, "damaged: chain_id"),
        ({"block": True}, "damaged: block"),
        ({"block": -1}, "damaged: block"),
        ({"preset": 5}, "damaged: preset"),
    ],
    ids=str,
)
def test_a_file_that_is_not_whole_is_refused(
    tmp_path: Path, change: bytes | dict[str, Any] | None, words: str
) -> None:
    path = tmp_path / "deployment.json"
    if isinstance(change, bytes):
        path.write_bytes(change)
    elif change is not None:
        SOMEWHERE.save(path)
        path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises((ConfigError, DocumentError), match=words) as caught:
        read(path)
    assert "\n" not in str(caught.value)


def test_every_field_is_needed(tmp_path: Path) -> None:
    path = tmp_path / "deployment.json"
    SOMEWHERE.save(path)
    whole = json.loads(path.read_text())
    for name in whole:
        path.write_text(json.dumps({k: v for k, v in whole.items() if k != name}))
        with pytest.raises(DocumentError):
            read(path)


def test_a_file_cut_short_anywhere_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "deployment.json"
    SOMEWHERE.save(path)
    whole = path.read_bytes().rstrip()
    for length in range(0, len(whole), 7):
        path.write_bytes(whole[:length])
        with pytest.raises(DocumentError):
            read(path)


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot write"):
        SOMEWHERE.save(tmp_path / "missing" / "deployment.json")


def test_a_preset_that_this_version_lacks_is_named() -> None:
    with pytest.raises(ConfigError, match="'huge' is unknown; known are mainnet, minimal"):
        _ = replace(SOMEWHERE, preset="huge").parameters


# ---- artifacts


def test_artifacts_name_every_error_once() -> None:
    known = all_errors()
    assert {"WrongParent", "SlotNotLive", "StepHolds", "SlotSpent"} <= {
        entry.name for entry in known.values()
    }
    assert all(len(selector) == 4 for selector in known)


def test_a_missing_or_damaged_artifact_is_named() -> None:
    with pytest.raises(ArtifactError, match="no compiled contract Nothing"):
        load("Nothing")
    for text in ("", "[]", "{}", '{"name": "X", "abi": [], "bytecode": "0xzz", "runtime": "0x"}'):
        with pytest.raises(ArtifactError, match="not a compiled contract"):
            parse(text)
    with pytest.raises(ArtifactError, match="has no event Nothing"):
        load("Rollup").event("Nothing")


def test_a_refusal_carries_its_errors_name_and_values(contracts: Contracts, clean: Devnet) -> None:
    rollup, sequencer = contracts.rollup, clean.accounts[SEQUENCER]
    first = genesis(contracts.deployment.domain)
    other = replace(first, posted=Seconds(5))
    with pytest.raises(Reverted, match=r"Rollup\.post reverted: WrongParent\(expected=") as one:
        rollup.post(sequencer, other, [], 1, first.hash, first.hash, 0)
    assert (one.value.name, one.value.values) == ("WrongParent", {"expected": first.hash})
    values = post_values(first, [], 1, first.hash, first.hash, 0)
    with pytest.raises(Reverted, match="NotSequencer"):
        rollup.check("post", *values, sender=NOWHERE)
    with pytest.raises(Reverted, match=r"StakeVault\.exit reverted: UnknownSlot\(\)"):
        contracts.vault.exit(clean.accounts[CHALLENGER], 0)  # type: ignore[arg-type]
