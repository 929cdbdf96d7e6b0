"""Receipts at the command line: every action, signing offline, and fields from file to proof."""

import io
import json
import stat
from pathlib import Path
from typing import Any

import pytest

from rollup.client import GatewayClient
from rollup.protocol.actions import Action, ActionKind
from rollup.protocol.documents import entry_from_json, entry_to_json, receipt_to_json, text
from rollup.protocol.entries import (
    SignedBundle,
    SignedReceipt,
    sign_bundle,
    sign_receipt,
    signer,
)
from rollup.protocol.ledger.inbox import force as forced_entry
from rollup.protocol.receipts import Receipt, Statement, StatementKind
from rollup.protocol.types import Hash, Nonce, ReceiptId
from tests.rollup.cli.arguments import DEV, ONE, on_l1
from tests.rollup.cli.conftest import Plumbline
from tests.rollup.cli.running import eventually
from tests.rollup.world import VALIDATOR, WORKER, World

K = ActionKind
ACTIONS: list[tuple[list[object], ActionKind, tuple[int, int, int], str]] = [
    (["transfer", "--to", 2, "--amount", "1.5"], K.TRANSFER, (2, 0, 1_500_000_000), "1.5 tokens"),
    (["withdraw", "--amount", "0.000000001"], K.WITHDRAW, (0, 0, 1), "(1 billionths)"),
    (["settle", 7, "--job", 3], K.SETTLE, (7, 3, 0), "settle record 7 of job 3"),
    (
        ["evaluate", "--record", 7, "--evaluation", 9, "--metric", 961],
        K.EVALUATE,
        (7, 9, 961),
        "record 7 by record 9: 961",
    ),
    (["use", "--record", 8, "--amount", "12"], K.USE, (8, 0, 12 * 10**9), "record 8 for 12 tokens"),
    (["distribute"], K.DISTRIBUTE, (0, 0, 0), "distribute"),
]

COMMIT = ["fields", "commit", "said.json", "--out", "k.json"]


def submitted(path: Path) -> Any:
    report = json.loads(path.read_text())
    (entry,) = (entry_from_json(document) for document in report["entries"])
    assert report["receipts"] == [text(receipt.id) for receipt in entry.receipts]
    return entry


def test_every_action_is_signed_and_taken(
    world: World, plumbline: Plumbline, gateway: str, tmp_path: Path
) -> None:
    out, domain = tmp_path / "said.json", world.contracts.deployment.domain
    client = GatewayClient(gateway)
    worker = world.signer(WORKER).address
    account = world.contracts.vault.account_of(worker)
    flags = [*on_l1(world), "--gateway", gateway, DEV, WORKER, "--json", out]
    for nonce, (words, kind, numbers, shown) in enumerate(ACTIONS):
        said = plumbline("receipt", *words, *flags)
        assert (said.code, said.err) == (0, ""), said.err
        assert shown in said.out
        entry = submitted(out)
        assert isinstance(entry, SignedReceipt)
        assert entry.receipt == Action(kind, account, Nonce(nonce), *numbers)
        assert signer(entry, domain) == worker
        assert client.whereabouts(entry.receipt.id)["state"]
    said = plumbline("receipt", "settle", 11, 12, 13, "--job", 3, *flags)
    assert (said.code, said.err) == (0, "")
    bundle = submitted(out)
    assert isinstance(bundle, SignedBundle)
    assert [receipt.target for receipt in bundle.receipts] == [11, 12, 13]  # type: ignore[union-attr]
    assert signer(bundle, domain) == worker
    assert client.next_nonce(account) == len(ACTIONS) + 3


def test_signed_offline_and_handed_in_through_standard_input(
    world: World,
    plumbline: Plumbline,
    gateway: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    account = world.contracts.vault.account_of(world.signer(WORKER).address)
    said = Statement(
        StatementKind.FEDERATED_UPDATE, account, Nonce(0), Hash(b"\1" * 32), Hash(b"\2" * 32)
    )
    receipts: list[Receipt] = [said, Action(K.TRANSFER, account, Nonce(1), 2, 0, 5)]
    by = ["--deployment", world.deployment, DEV, WORKER]
    ids: list[ReceiptId] = []
    for number, document in enumerate(
        (
            receipt_to_json(receipts[0]),
            {"receipts": [receipt_to_json(receipts[1])]},
        )
    ):
        monkeypatch.setattr("sys.stdin", io.StringIO(json.dumps(document)))
        if number == 0:
            signed = plumbline("receipt", "sign", "-", *by)
            written = signed.out
        else:
            signed = plumbline("receipt", "sign", "-", *by, "--out", tmp_path / "entry.json")
            written = (tmp_path / "entry.json").read_text()
        assert (signed.code, signed.err) == (0, ""), signed.err
        entry = entry_from_json(json.loads(written))
        assert isinstance(entry, SignedBundle) == bool(number)
        monkeypatch.setattr("sys.stdin", io.StringIO(written))
        taken = plumbline("receipt", "submit", "-", "--gateway", gateway)
        assert (taken.code, taken.err) == (0, ""), taken.err
        assert ("federated update", "transfer 0.000000005 tokens")[number] in taken.out
        ids += [receipt.id for receipt in entry.receipts]
    assert ids == [receipt.id for receipt in receipts]
    assert GatewayClient(gateway).next_nonce(account) == 2


def test_receipts_are_forced_on_l1_by_whoever_pays(
    world: World, plumbline: Plumbline, tmp_path: Path
) -> None:
    account = world.contracts.vault.account_of(world.signer(WORKER).address)
    domain, key = world.contracts.deployment.domain, world.signer(WORKER).key
    receipts = [Action(K.WITHDRAW, account, Nonce(number), 0, 0, 5) for number in range(2)]
    alone = [sign_receipt(receipt, domain, key) for receipt in receipts]
    file, out = tmp_path / "entries.json", tmp_path / "out.json"
    file.write_text(json.dumps({"entries": [entry_to_json(entry) for entry in alone]}))
    before = world.contracts.rollup.inbox_count()
    by_another = [*on_l1(world), DEV, VALIDATOR]
    said = plumbline("receipt", "force", file, *by_another, "--json", out)
    assert (said.code, said.err) == (0, ""), said.err
    told = json.loads(out.read_text())["forced"]
    assert [line["inbox"] for line in told] == [before, before + 1]
    assert [line["receipt"] for line in told] == [text(receipt.id) for receipt in receipts]
    for index, entry in zip((before, before + 1), alone, strict=True):
        assert (
            world.contracts.rollup.inbox_leaf(index)
            == forced_entry(entry.receipt, entry.signature).leaf
        )

    file.write_text(json.dumps(entry_to_json(sign_bundle(receipts, domain, key))))
    said = plumbline("receipt", "force", file, *by_another)
    assert said.code == 2
    assert "signed by themselves" in said.err
    assert world.contracts.rollup.inbox_count() == before + 2


def test_fields_from_a_file_to_a_proof(
    world: World, plumbline: Plumbline, gateway: str, tmp_path: Path
) -> None:
    said, kept, shown, proof, out = (
        tmp_path / name for name in ("said.json", "kept.json", "shown.json", "p.json", "out.json")
    )
    said.write_text(json.dumps({"label": "cat", "annotator": "someone", "note": "a\x1b[31mb"}))
    committed = plumbline("fields", "commit", said, "--out", kept, "--json", out)
    assert (committed.code, committed.err) == (0, "")
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    content = json.loads(out.read_text())["content"]
    assert content in committed.out
    assert "someone" not in committed.out

    flags = [*on_l1(world), DEV, WORKER, "--gateway", gateway, "--json", out]
    submit = ["receipt", "submit", "--subject", ONE, "--statement", content, *flags]
    assert plumbline(*submit).code == 0
    (receipt,) = json.loads(out.read_text())["receipts"]
    get = ["proof", "get", receipt, *on_l1(world), "--out", proof]
    eventually(lambda: plumbline(*get).code == 0, "the statement is on L1")

    disclosed = plumbline("fields", "disclose", kept, "label", "note", "--out", shown)
    assert (disclosed.code, disclosed.err) == (0, "")
    assert "someone" not in shown.read_text()
    assert "annotator" not in shown.read_text()
    for named in (["--proof", proof], ["--content", content]):
        verified = plumbline("fields", "verify", shown, *named, "--json", out)
        assert (verified.code, verified.err) == (0, ""), verified.err
        assert "cat" in verified.out
        assert "\x1b" not in verified.out
        assert json.loads(out.read_text()) == {"fields": {"label": "cat", "note": "a\x1b[31mb"}}
    assert receipt in plumbline("fields", "verify", shown, "--proof", proof).out

    shown.write_text(shown.read_text().replace("cat", "dog"))
    wrong = plumbline("fields", "verify", shown, "--content", content)
    assert wrong.code == 3
    assert "field 'label' with this value is none of content" in wrong.line


def test_one_secret_for_many_statements(plumbline: Plumbline, tmp_path: Path) -> None:
    said, secret = tmp_path / "said.json", tmp_path / "secret"
    said.write_text('{"label": "cat"}')
    secret.write_text("0x" + "5a" * 32 + "\n")
    contents = []
    for number, subject in enumerate((ONE, ONE, "0x" + "22" * 32)):
        kept = tmp_path / f"{number}.json"
        flags = ["--out", kept, "--secret-file", secret, "--subject", subject]
        assert plumbline("fields", "commit", said, *flags).code == 0
        contents.append(json.loads(kept.read_text())["content"])
        assert "5a" * 32 not in kept.read_text()
    assert contents[0] == contents[1] != contents[2]


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["receipt", "transfer", "--to", 2, "--amount", "lots", DEV, 1], 2, "is no amount"),
        (["receipt", "transfer", "--to", 2, "--amount", "-1", DEV, 1], 2, "is no amount"),
        (["receipt", "transfer", "--to", 0, "--amount", "1", DEV, 1], 2, "or equal to 1"),
        (["receipt", "withdraw", "--amount", "1e30", DEV, 1], 2, "is no amount"),
        (["receipt", "settle", "--job", 1, DEV, 1], 2, "Missing argument"),
        (
            ["receipt", "evaluate", "--record", 1, "--evaluation", 2, "--metric", 2**32],
            2,
            "or equal to 4",
        ),
        (["receipt", "distribute"], 2, "name one signer"),
        (["receipt", "sign", "none.json", DEV, 1], 2, "deployment"),
        (["fields", "commit", "said.json", "--out", "taken.json"], 2, "is there already"),
        (["fields", "commit", "none.json", "--out", "k.json"], 2, "cannot read"),
        (["fields", "commit", "bad.json", "--out", "k.json"], 3, "write numbers in quotes"),
        (
            [*COMMIT, "--secret-file", "x"],
            2,
            "wants --s",
        ),
        (
            [*COMMIT, "--secret-file", "none", "--subject", ONE],
            2,
            "cannot read none",
        ),
        (
            [*COMMIT, "--secret-file", "said.json", "--subject", ONE],
            2,
            "holds no secret",
        ),
        (["fields", "disclose", "said.json", "label"], 3, "lacks the field"),
        (["fields", "verify", "said.json"], 2, "either --content HEX or --proof FILE"),
        (["fields", "verify", "said.json", "--content", ONE, "--proof", "p"], 2, "either"),
        (["fields", "verify", "said.json", "--content", "0x12"], 2, "64 hex digits"),
        (["fields", "verify", "said.json", "--content", ONE], 3, "lacks the field"),
    ],
)
def test_what_cannot_be_is_said_in_one_line(
    plumbline: Plumbline,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[object],
    code: int,
    words: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("said.json").write_text('{"label": "cat"}')
    Path("taken.json").write_text("{}")
    Path("bad.json").write_text('{"sure": 0.9}')
    said = plumbline(*arguments)
    assert said.code == code, said.err
    assert words in said.line
    assert not Path("k.json").exists()
    assert Path("taken.json").read_text() == "{}"
